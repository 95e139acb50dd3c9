//! Chat Completions chunks to a client of the same format.

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::super::provider::stream::DONE;
use super::super::usage::ClientUsage;
use super::calls::EmptyCalls;
use crate::chat::Usage;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::sse::Frame;
use crate::wire::raw::RawObject;
use crate::wire::shape::{First, Text};
use crate::wire::{FrameForwarder, Identity};

/// Forwards one stream.
#[derive(Debug)]
pub struct Forwarder {
    identity: Identity,
    /// Id and model as JSON, written into every chunk.
    id: Option<Box<RawValue>>,
    model: Option<Box<RawValue>>,
    include_usage: bool,
    created: u64,
    finish_seen: bool,
    calls: EmptyCalls,
}

/// As much of a choice as every chunk is asked for.
#[derive(Deserialize)]
struct Finish<'a> {
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<RawObject<'a>>,
}

/// A chunk of our own: the usage, or the arguments of a call that came without any.
#[derive(Serialize)]
struct OwnChunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [OwnChoice],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ClientUsage>,
}

#[derive(Serialize)]
struct OwnChoice {
    index: u8,
    delta: OwnDelta,
    finish_reason: Option<()>,
}

#[derive(Serialize)]
struct OwnDelta {
    tool_calls: [OwnCall; 1],
}

#[derive(Serialize)]
struct OwnCall {
    index: u64,
    function: OwnArguments,
}

#[derive(Serialize)]
struct OwnArguments {
    arguments: &'static str,
}

impl Forwarder {
    /// Forwards under that identity; `include_usage` says whether the client asked for a usage chunk.
    pub fn new(identity: Identity, include_usage: bool) -> Self {
        // Strings always serialise.
        let (id, model) = (to_raw_value(&identity.id).ok(), to_raw_value(identity.model.as_str()).ok());
        Self { identity, id, model, include_usage, created: 0, finish_seen: false, calls: EmptyCalls::default() }
    }

    fn write_own(&self, choices: &[OwnChoice], usage: Option<ClientUsage>, out: &mut BytesMut) {
        let (id, model) = (self.identity.id.as_str(), self.identity.model.as_str());
        let chunk = OwnChunk { id, object: "chat.completion.chunk", created: self.created, model, choices, usage };
        // Strings and numbers always serialise.
        let _ = write_data(&chunk, out);
    }

    /// Gives every call that stayed without arguments an empty object, before the finish is told.
    fn fill_calls(&mut self, out: &mut BytesMut) {
        for index in self.calls.take() {
            let call = OwnCall { index, function: OwnArguments { arguments: "{}" } };
            let choice = OwnChoice { index: 0, delta: OwnDelta { tool_calls: [call] }, finish_reason: None };
            self.write_own(&[choice], None, out);
        }
    }

    /// Notes calls and finish, and tells whether the chunk brings nothing: only usage, or a finish that was already sent.
    fn is_spent(&mut self, fields: &RawObject<'_>, out: &mut BytesMut) -> bool {
        let choices = fields.get("choices").unwrap_or("[]");
        self.calls.note(choices);
        let Ok(First(first)) = serde_json::from_str::<First<Finish<'_>>>(choices) else { return false };
        let finish = first.is_some_and(|choice| choice.finish_reason.is_some());
        let news = finish && !self.finish_seen;
        self.finish_seen |= finish;
        if news {
            self.fill_calls(out);
        }
        let has_usage = fields.get("usage").is_some_and(|usage| usage != "null");
        if news || !(has_usage || self.finish_seen) {
            return false;
        }
        let First(choice) = serde_json::from_str::<First<Choice<'_>>>(choices).unwrap_or_default();
        choice.and_then(|choice| choice.delta).is_none_or(|delta| is_empty(&delta))
    }
}

/// A delta that carries no content: only a role, nulls, empty texts and empty lists.
fn is_empty(delta: &RawObject<'_>) -> bool {
    delta.names().all(|name| name == "role" || matches!(delta.get(name), Some("null" | "\"\"" | "[]") | None))
}

fn malformed(error: &serde_json::Error) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string())
}

impl FrameForwarder for Forwarder {
    fn forward(&mut self, frame: &Frame<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        if frame.data.trim() == DONE {
            return Ok(());
        }
        let mut fields = RawObject::parse(frame.data).map_err(|error| malformed(&error))?;
        if self.created == 0 {
            self.created = fields.get("created").and_then(|created| created.parse().ok()).unwrap_or(0);
        }
        if self.is_spent(&fields, out) {
            return Ok(());
        }
        if let (Some(id), Some(model)) = (&self.id, &self.model) {
            fields.set_raw("id", id);
            fields.set_raw("model", model);
        }
        fields.remove("usage");
        write_data(&fields, out).map_err(|error| malformed(&error))
    }

    fn finish(&mut self, usage: Option<&Usage>, out: &mut BytesMut) {
        if let (true, Some(usage)) = (self.include_usage, usage) {
            self.write_own(&[], Some(ClientUsage::from(usage)), out);
        }
        crate::sse::write_frame(&Frame { event: None, data: DONE }, out);
    }
}

/// Writes a value straight into the buffer: serialised JSON holds no line ends, so one `data` line is enough.
pub(in crate::wire::openai) fn write_data<T: Serialize>(value: &T, out: &mut BytesMut) -> Result<(), serde_json::Error> {
    let start = out.len();
    out.extend_from_slice(b"data: ");
    let written = serde_json::to_writer(out.writer(), value);
    // Raw values are the provider's text: line ends between its tokens would end the data line.
    let multiline = memchr::memchr2(b'\n', b'\r', out.get(start..).unwrap_or_default()).is_some();
    if multiline {
        for byte in out.iter_mut().skip(start).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\n\n");
    written
}
