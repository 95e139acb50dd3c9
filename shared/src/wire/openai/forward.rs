//! Chat Completions chunks to a client of the same format.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};

use super::stream::DONE;
use super::usage::ClientUsage;
use crate::chat::Usage;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::sse::Frame;
use crate::wire::raw::RawObject;
use crate::wire::{FrameForwarder, Identity};

/// Forwards one stream.
#[derive(Debug)]
pub struct Forwarder {
    identity: Identity,
    include_usage: bool,
    created: u64,
    finish_seen: bool,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<RawObject<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct UsageChunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [(); 0],
    usage: ClientUsage,
}

impl Forwarder {
    /// Forwards under that identity; `include_usage` says whether the client asked for a usage chunk.
    pub fn new(identity: Identity, include_usage: bool) -> Self {
        Self { identity, include_usage, created: 0, finish_seen: false }
    }

    /// Notes a finish reason, and tells whether the chunk brings nothing: only usage, or a finish that was already sent.
    fn is_spent(&mut self, fields: &RawObject<'_>) -> bool {
        let choices = fields.get("choices").unwrap_or("[]");
        let Ok(choices) = serde_json::from_str::<Vec<Choice<'_>>>(choices) else { return false };
        let finish = choices.iter().any(|choice| choice.finish_reason.is_some());
        let news = finish && !self.finish_seen;
        self.finish_seen |= finish;
        let has_usage = fields.get("usage").is_some_and(|usage| usage != "null");
        let trailing = has_usage || self.finish_seen;
        trailing && !news && choices.iter().all(|choice| choice.delta.as_ref().is_none_or(is_empty))
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
        if self.is_spent(&fields) {
            return Ok(());
        }
        fields.set("id", &self.identity.id).map_err(|error| malformed(&error))?;
        fields.set("model", self.identity.model.as_str()).map_err(|error| malformed(&error))?;
        fields.remove("usage");
        write_data(&fields, out).map_err(|error| malformed(&error))
    }

    fn finish(&mut self, usage: Option<&Usage>, out: &mut BytesMut) {
        if let (true, Some(usage)) = (self.include_usage, usage) {
            let chunk = UsageChunk {
                id: &self.identity.id,
                object: "chat.completion.chunk",
                created: self.created,
                model: self.identity.model.as_str(),
                choices: [],
                usage: ClientUsage::from(usage),
            };
            // Strings and numbers always serialise.
            let _ = write_data(&chunk, out);
        }
        crate::sse::write_frame(&Frame { event: None, data: DONE }, out);
    }
}

/// Writes a value straight into the buffer: serialised JSON holds no line ends, so one `data` line is enough.
pub(super) fn write_data<T: Serialize>(value: &T, out: &mut BytesMut) -> Result<(), serde_json::Error> {
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
