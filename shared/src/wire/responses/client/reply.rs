//! Encodes a whole reply as one response object.

use super::compaction;
use super::item::{Annotation, Content, Item, Status};
use super::response::{Echo, Response, State, incomplete, shows_thoughts, status};
use super::tool::Names;
use crate::chat::{ChatResponse, Part};
use crate::document::Document;
use crate::wire::ReplyContext;

/// Creates the items of a reply, whole or streamed.
pub(super) struct Items<'a> {
    pub(super) context: &'a ReplyContext,
    pub(super) names: &'a Names,
    pub(super) shows_thoughts: bool,
}

impl Items<'_> {
    /// A complete part as an item with this number, and the sources that its text cites; `None` if it is empty.
    pub(super) fn item(&self, part: &Part, annotations: Vec<Annotation>, number: usize, status: Status) -> Option<Item> {
        match part {
            Part::Text { text, .. } if text.is_empty() => None,
            Part::Text { text, .. } => {
                let content = Some(Content::cited(text, annotations));
                Some(Item::message(&id(self.context, "msg_", number), status, content))
            }
            Part::Reasoning { text, .. } => self.thought(part, text, number),
            Part::RedactedReasoning { .. } => self.thought(part, "", number),
            Part::ToolCall(call) => {
                let tool = self.names.get(&call.name);
                let arguments = if call.arguments.0.is_empty() { "{}" } else { &call.arguments.0 };
                let id = id(self.context, tool.id_prefix(), number);
                Some(Item::call(&id, &call.id, &tool, arguments, status))
            }
            Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } | Part::ToolResult(_) => None,
        }
    }

    fn thought(&self, part: &Part, text: &str, number: usize) -> Option<Item> {
        let kept = self.context.asked.thoughts.as_ref().and_then(|thoughts| thoughts.write(part));
        let shown = Some(text).filter(|text| self.shows_thoughts && !text.is_empty());
        let says_something = shown.is_some() || kept.is_some();
        says_something.then(|| Item::thought(&id(self.context, "rs_", number), shown, kept))
    }

    /// A refusal as an item.
    pub(super) fn refusal(&self, words: &str, number: usize) -> Item {
        let part = Content::Refusal { refusal: words.to_owned() };
        Item::message(&id(self.context, "msg_", number), Status::Completed, Some(part))
    }
}

/// The id of a reply's item with this number.
pub(super) fn id(context: &ReplyContext, prefix: &str, number: usize) -> String {
    format!("{prefix}{}{number}", context.request.hex())
}

/// Encodes a whole reply. The token limit or a filter cuts only the last item; earlier ones are complete.
pub fn whole(reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
    if context.asked.is_compaction {
        return compaction::whole(reply, context);
    }
    let body = context.asked.body.as_deref().map(Document::root);
    let (names, echo) = (body.map(Names::of).unwrap_or_default(), Echo::of(body));
    let items = Items { context, names: &names, shows_thoughts: shows_thoughts(body) };
    let mut output: Vec<Item> = Vec::new();
    let mut last = None;
    let cited = |number: usize| -> Vec<Annotation> {
        let own = reply.citations.iter().filter(|(of, _)| *of == number);
        own.map(|(_, citation)| Annotation::of(citation)).collect()
    };
    for (number, part) in reply.parts.iter().enumerate() {
        if let Some(item) = items.item(part, cited(number), output.len(), Status::Completed) {
            output.push(item);
            last = Some((number, part));
        }
    }
    if let Some((number, part)) = last.filter(|_| status(&reply.finish) == Status::Incomplete) {
        output.pop();
        output.extend(items.item(part, cited(number), output.len(), Status::Incomplete));
    }
    let refusal = reply.refusal.as_deref().map(|words| items.refusal(words, output.len()));
    output.extend(refusal);
    let state = State {
        status: status(&reply.finish),
        output: &output,
        usage: reply.usage.as_ref(),
        incomplete: incomplete(&reply.finish),
        error: None,
    };
    serde_json::to_vec(&Response::new(context, &echo, state))
}
