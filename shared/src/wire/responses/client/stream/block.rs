//! A block of a reply on its way to an item.

use bytes::BytesMut;

use super::super::item::{Content, Item, Summary};
use super::super::tool::Named;
use super::event::{Event, Events, PartOut};
use crate::chat::request::Signature;
use crate::chat::{Delta, Part};

/// A block that is being told.
pub(super) struct Block {
    pub(super) id: String,
    /// Where its item stands in the reply.
    pub(super) number: usize,
    /// All of it that has come.
    pub(super) part: Part,
    /// What its tool is, for a call.
    pub(super) tool: Option<Named>,
    /// Whether its item was added: a block that says nothing has none.
    pub(super) is_added: bool,
}

impl Block {
    /// An event of its item.
    pub(super) fn event(&self) -> Event<'_> {
        Event { output_index: Some(self.number), item_id: Some(&self.id), ..Event::default() }
    }

    /// An event of the one part of a message.
    pub(super) fn in_content(&self) -> Event<'_> {
        Event { content_index: Some(0), ..self.event() }
    }

    /// An event of the one part of what a thought is shown as.
    pub(super) fn in_summary(&self) -> Event<'_> {
        Event { summary_index: Some(0), ..self.event() }
    }

    /// Whether it is a thought of which no word has come.
    pub(super) fn has_no_words(&self) -> bool {
        matches!(&self.part, Part::Reasoning { text, .. } if text.is_empty())
    }

    /// Takes the next piece of it.
    pub(super) fn take(&mut self, delta: &Delta) {
        match (&mut self.part, delta) {
            (Part::Text { text, .. }, Delta::Text(piece)) | (Part::Reasoning { text, .. }, Delta::Reasoning(piece)) => {
                text.push_str(piece);
            }
            (Part::ToolCall(call), Delta::Arguments(piece)) => call.arguments.0.push_str(piece),
            (Part::Reasoning { signature, .. }, Delta::Signature(signed)) => *signature = Some(Signature::clone(signed)),
            // The vault keeps the signatures of calls; the grammar allows nothing else.
            _ => {}
        }
    }

    /// Tells that the parts of its item are done.
    pub(super) fn finish(&self, item: &Item, events: &mut Events, out: &mut BytesMut) {
        match (&self.part, item) {
            (Part::Text { text, .. }, _) => {
                let logprobs = Some([]);
                let done = Event { kind: "response.output_text.done", text: Some(text), logprobs, ..self.in_content() };
                events.send(done, out);
                let part = Some(PartOut::Content(Content::text(text)));
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
