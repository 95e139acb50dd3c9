//! The events of a Responses stream, numbered in order.

use bytes::{BufMut as _, BytesMut};
use serde::Serialize;

use super::super::item::{Annotation, Content, Item, Summary};
use super::super::response::Response;

/// An event with its members.
#[derive(Default, Serialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<PartOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<[(); 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation: Option<Annotation>,
}

/// A part of an item.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum PartOut {
    Content(Content),
    Summary(Summary),
}

/// Writes and numbers events.
#[derive(Default)]
pub(super) struct Events {
    sequence: u64,
}

impl Events {
    /// The number of the next event.
    pub(super) fn next(&mut self) -> u64 {
        let number = self.sequence;
        self.sequence = number.saturating_add(1);
        number
    }

    /// Appends an event.
    pub(super) fn send(&mut self, event: Event<'_>, out: &mut BytesMut) {
        let event = Event { sequence_number: self.next(), ..event };
        write(event.kind, &event, out);
    }
}

/// Writes an event directly to the buffer. Serialised JSON has no line breaks, and raw JSON inside has none either
/// (`on_one_line`), so one `data` line is enough.
pub(super) fn write<T: Serialize>(kind: &str, event: &T, out: &mut BytesMut) {
    for text in ["event: ", kind, "\ndata: "] {
        out.extend_from_slice(text.as_bytes());
    }
    // Serialising strings, numbers and JSON cannot fail.
    let _ = serde_json::to_writer((&mut *out).writer(), event);
    out.extend_from_slice(b"\n\n");
}
