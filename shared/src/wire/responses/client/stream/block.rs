//! Collects a block of a reply until it is a complete item.

use bytes::BytesMut;

use super::super::item::{Annotation, Content, Item, Summary};
use super::super::tool::Named;
use super::event::{Event, Events, PartOut};
use crate::chat::request::Signature;
use crate::chat::{Delta, Part};

/// A block in progress.
pub(super) struct Block {
    pub(super) id: String,
    /// Number of its item in the reply.
    pub(super) number: usize,
    /// Everything that has come so far.
    pub(super) part: Part,
    /// The sources that its text cites.
    pub(super) annotations: Vec<Annotation>,
    /// The tool of a call.
    pub(super) tool: Option<Named>,
    /// Whether its item was added. An empty block has none.
    pub(super) is_added: bool,
}

impl Block {
    /// An event about its item.
    pub(super) fn event(&self) -> Event<'_> {
        Event { output_index: Some(self.number), item_id: Some(&self.id), ..Event::default() }
    }

    /// An event about the only part of a message.
    pub(super) fn in_content(&self) -> Event<'_> {
        Event { content_index: Some(0), ..self.event() }
    }

    /// An event about the only part of a reasoning summary.
    pub(super) fn in_summary(&self) -> Event<'_> {
        Event { summary_index: Some(0), ..self.event() }
    }

    /// Whether it is reasoning without any text so far.
    pub(super) fn has_no_words(&self) -> bool {
        matches!(&self.part, Part::Reasoning { text, .. } if text.is_empty())
    }

    /// Adds the next piece.
    pub(super) fn take(&mut self, delta: &Delta) {
        match (&mut self.part, delta) {
            (Part::Text { text, .. }, Delta::Text(piece)) | (Part::Reasoning { text, .. }, Delta::Reasoning(piece)) => {
                text.push_str(piece);
            }
            (Part::ToolCall(call), Delta::Arguments(piece)) => call.arguments.0.push_str(piece),
            (Part::Reasoning { signature, .. }, Delta::Signature(signed)) => *signature = Some(Signature::clone(signed)),
            // The vault keeps the signatures of calls. The grammar allows nothing else.
            _ => {}
        }
    }

    /// Writes the end of its item's parts.
    pub(super) fn finish(&self, item: &Item, events: &mut Events, out: &mut BytesMut) {
        match (&self.part, item) {
            (Part::Text { text, .. }, _) => {
                let logprobs = Some([]);
                let done = Event { kind: "response.output_text.done", text: Some(text), logprobs, ..self.in_content() };
                events.send(done, out);
                let part = Some(PartOut::Content(Content::cited(text, self.annotations.clone())));
                events.send(Event { kind: "response.content_part.done", part, ..self.in_content() }, out);
            }
            (Part::Reasoning { text, .. }, Item::Reasoning { summary, .. }) if !summary.is_empty() => {
                let kind = "response.reasoning_summary_text.done";
                events.send(Event { kind, text: Some(text), ..self.in_summary() }, out);
                let part = Some(PartOut::Summary(Summary::SummaryText { text: text.clone() }));
                events.send(Event { kind: "response.reasoning_summary_part.done", part, ..self.in_summary() }, out);
            }
            (Part::ToolCall(call), Item::FunctionCall { name, arguments, .. }) => {
                if call.arguments.0.is_empty() {
                    let kind = "response.function_call_arguments.delta";
                    events.send(Event { kind, delta: Some(arguments), ..self.event() }, out);
                }
                let kind = "response.function_call_arguments.done";
                events.send(Event { kind, name: Some(name), arguments: Some(arguments), ..self.event() }, out);
            }
            (_, Item::CustomToolCall { input, .. }) => {
                let kind = "response.custom_tool_call_input.delta";
                events.send(Event { kind, delta: Some(input), ..self.event() }, out);
                let kind = "response.custom_tool_call_input.done";
                events.send(Event { kind, input: Some(input), ..self.event() }, out);
            }
            _ => {}
        }
    }
}
