//! Messages events to canonical events.
//!
//! This wire names its events and has block boundaries. `message_delta` brings the stop reason and the final usage,
//! `message_stop` the end. `ping` and whatever is unknown carries nothing. Blocks of server-side tools are skipped: the client
//! of another format could not answer them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::usage::ProviderUsage;
use super::reply::finish_reason;
use crate::chat::{BlockStart, Delta, FinishReason, Origin, Signature, StreamEvent};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::sse::Frame;
use crate::wire::{EventDecoder, upstream_error};

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct MessageStart {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    id: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    usage: Option<ProviderUsage>,
}

#[derive(Deserialize)]
struct ContentBlockStart {
    content_block: BlockShape,
}

#[derive(Deserialize)]
struct BlockShape {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    thinking: String,
    #[serde(default)]
    data: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct ContentBlockDelta {
    delta: DeltaShape,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeltaShape {
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
}

#[derive(Deserialize)]
struct MessageDelta {
    #[serde(default)]
    delta: StopShape,
    #[serde(default)]
    usage: Option<ProviderUsage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StopShape {
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

#[derive(Deserialize)]
struct ErrorEvent<'a> {
    #[serde(borrow)]
    error: &'a RawValue,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text,
    Reasoning,
    Redacted,
    Call,
}

/// Decodes one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    finished: bool,
    open: Open,
    usage: ProviderUsage,
    finish: Option<FinishReason>,
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, UpstreamError> {
    serde_json::from_str(data).map_err(|error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string()))
}

fn signed(value: String) -> Signature {
    Signature { origin: Origin::Anthropic, value }
}

impl EventDecoder for Decoder {
    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        let tag;
        let kind = if let Some(event) = frame.event {
            event
        } else {
            tag = read::<Tag<'_>>(frame.data)?.kind;
            tag.as_ref()
        };
        if kind == "error" {
            return Err(upstream_error::decode_embedded(read::<ErrorEvent<'_>>(frame.data)?.error));
        }
        if self.finished || (!self.started && kind != "message_start") {
            return Ok(());
        }
        match kind {
            "message_start" => self.message_start(read(frame.data)?, events),
            "content_block_start" => self.block_start(read(frame.data)?, events),
            "content_block_delta" => self.block_delta(read(frame.data)?, events),
            "content_block_stop" => self.block_stop(events),
            "message_delta" => self.message_delta(read(frame.data)?, events),
            "message_stop" => self.message_stop(events),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        if self.finished { Ok(()) } else { Err(UpstreamError::truncated()) }
    }

    fn has_finish(&self) -> bool {
        self.finish.is_some()
    }
}

impl Decoder {
    fn message_start(&mut self, start: MessageStart, events: &mut Vec<StreamEvent>) {
        // Some relays send it twice.
        if self.started {
            return;
        }
        self.started = true;
        let Message { id, model, usage } = start.message;
        self.usage = usage.unwrap_or_default();
        events.push(StreamEvent::Start { id, model, usage: self.usage.canonical() });
    }

    fn block_start(&mut self, start: ContentBlockStart, events: &mut Vec<StreamEvent>) {
        self.block_stop(events);
        let BlockShape { kind, text, thinking, data, id, name } = start.content_block;
        let (open, block, first) = match kind.as_str() {
            "text" => (Open::Text, BlockStart::Text, Some(Delta::Text(text))),
            "thinking" => (Open::Reasoning, BlockStart::Reasoning, Some(Delta::Reasoning(thinking))),
            "redacted_thinking" => (Open::Redacted, BlockStart::RedactedReasoning { data: signed(data) }, None),
            "tool_use" => (Open::Call, BlockStart::ToolCall { id, name }, None),
            _ => return,
        };
        self.open = open;
        events.push(StreamEvent::BlockStart(block));
        if let Some(Delta::Text(text) | Delta::Reasoning(text)) = &first
            && !text.is_empty()
        {
            events.extend(first.map(StreamEvent::Delta));
        }
    }

    fn block_delta(&mut self, delta: ContentBlockDelta, events: &mut Vec<StreamEvent>) {
        let DeltaShape { text, thinking, signature, partial_json } = delta.delta;
        let fitting = match self.open {
            Open::Text => text.map(Delta::Text),
            Open::Reasoning => {
                thinking.map(Delta::Reasoning).or_else(|| signature.map(|value| Delta::Signature(signed(value))))
            }
            Open::Call => partial_json.map(Delta::Arguments),
            Open::Nothing | Open::Redacted => None,
        };
        // The first piece of a tool call's arguments is empty on this wire.
        let is_empty = |delta: &Delta| match delta {
            Delta::Text(text) | Delta::Reasoning(text) | Delta::Arguments(text) => text.is_empty(),
            Delta::Signature(signature) => signature.value.is_empty(),
        };
        events.extend(fitting.filter(|delta| !is_empty(delta)).map(StreamEvent::Delta));
    }

    fn block_stop(&mut self, events: &mut Vec<StreamEvent>) {
        if self.open != Open::Nothing {
            self.open = Open::Nothing;
            events.push(StreamEvent::BlockStop);
        }
    }

    fn message_delta(&mut self, delta: MessageDelta, events: &mut Vec<StreamEvent>) {
        if let Some(usage) = delta.usage {
            self.usage.update(usage);
            events.push(StreamEvent::Usage(self.usage.canonical()));
        }
        let StopShape { stop_reason, stop_sequence } = delta.delta;
        if let Some(reason) = stop_reason {
            self.finish = Some(finish_reason(&reason, stop_sequence));
        }
    }

    fn message_stop(&mut self, events: &mut Vec<StreamEvent>) {
        self.block_stop(events);
        self.finished = true;
        events.push(StreamEvent::Finish(self.finish.take().unwrap_or(FinishReason::Stop)));
    }
}
