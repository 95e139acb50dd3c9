//! Decodes Messages events.
//!
//! This format names its events and has block boundaries. `message_delta` has the stop reason and the final usage,
//! `message_stop` is the end. `ping` and unknown events are ignored. Blocks of server-side tools are opaque, because clients
//! of other formats could not answer them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::usage::ProviderUsage;
use super::reply::finish_reason;
use crate::chat::{BlockStart, Citation, Delta, FinishReason, Origin, Signature, StreamEvent};
use crate::error::UpstreamError;
use crate::sse::Frame;
use crate::wire::EventDecoder;
use crate::wire::upstream_error;

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
struct ContentBlockStart<'a> {
    #[serde(borrow)]
    content_block: BlockShape<'a>,
}

#[derive(Deserialize)]
struct BlockShape<'a> {
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
    #[serde(default)]
    signature: String,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    /// The sources of a text of a whole reply. In a stream they are deltas.
    citations: Option<Vec<Source>>,
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
    citation: Option<Source>,
}

/// A cited source. Only sources with an address have a place in other formats.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    url: Option<String>,
    title: Option<String>,
    cited_text: Option<String>,
}

impl Source {
    fn citation(self) -> Option<Citation> {
        let (url, title) = (self.url?, self.title.unwrap_or_default());
        let text = self.cited_text.filter(|text| !text.is_empty());
        (!url.is_empty()).then_some(Citation { url, title, start: 0, end: 0, text })
    }
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
#[expect(clippy::struct_field_names, reason = "the wire's names")]
struct StopShape {
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<StopDetails>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StopDetails {
    explanation: Option<String>,
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
    /// Redacted reasoning and blocks of server-side tools. Their deltas are ignored.
    Closed,
    Call,
}

/// Decodes one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    finished: bool,
    open: Open,
    usage: ProviderUsage,
    /// Arguments in the block's start; deltas replace them.
    input: Option<String>,
    finish: Option<(String, FinishReason)>,
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, UpstreamError> {
    Ok(serde_json::from_str(data)?)
}

/// Whether it is the placeholder `input` of a call's start.
fn is_empty_object(input: &RawValue) -> bool {
    let text = input.get().trim();
    text == "null" || text.trim_start_matches('{').trim_end_matches('}').trim().is_empty()
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

    fn finish_word(&self) -> Option<&str> {
        self.finish.as_ref().map(|(word, _)| word.as_str())
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

    fn block_start(&mut self, start: ContentBlockStart<'_>, events: &mut Vec<StreamEvent>) {
        self.block_stop(events);
        let BlockShape { kind, text, thinking, data, id, name, signature, input, citations } = start.content_block;
        let (open, block, first) = match kind.as_str() {
            "text" => (Open::Text, BlockStart::Text, Some(Delta::Text(text))),
            "thinking" => (Open::Reasoning, BlockStart::Reasoning, Some(Delta::Reasoning(thinking))),
            "redacted_thinking" => (Open::Closed, BlockStart::RedactedReasoning { data: signed(data) }, None),
            "tool_use" => (Open::Call, BlockStart::ToolCall { id, name }, None),
            _ => (Open::Closed, BlockStart::Opaque, None),
        };
        self.open = open;
        self.input = input.filter(|input| open == Open::Call && !is_empty_object(input)).map(|input| input.get().to_owned());
        events.push(StreamEvent::BlockStart(block));
        if open == Open::Text {
            let sources = citations.unwrap_or_default().into_iter().filter_map(Source::citation);
            events.extend(sources.map(Delta::Citation).map(StreamEvent::Delta));
        }
        if let Some(Delta::Text(text) | Delta::Reasoning(text)) = &first
            && !text.is_empty()
        {
            events.extend(first.map(StreamEvent::Delta));
        }
        if open == Open::Reasoning && !signature.is_empty() {
            events.push(StreamEvent::Delta(Delta::Signature(signed(signature))));
        }
    }

    fn block_delta(&mut self, delta: ContentBlockDelta, events: &mut Vec<StreamEvent>) {
        let DeltaShape { text, thinking, signature, partial_json, citation } = delta.delta;
        let fitting = match self.open {
            Open::Text => text.map(Delta::Text).or_else(|| citation?.citation().map(Delta::Citation)),
            Open::Reasoning => {
                thinking.map(Delta::Reasoning).or_else(|| signature.map(|value| Delta::Signature(signed(value))))
            }
            Open::Call => partial_json.map(Delta::Arguments),
            Open::Nothing | Open::Closed => None,
        };
        // The first piece of a tool call's arguments is empty in this format.
        let is_empty = |delta: &Delta| match delta {
            Delta::Text(text) | Delta::Reasoning(text) | Delta::Arguments(text) => text.is_empty(),
            Delta::Signature(signature) => signature.value.is_empty(),
            Delta::Citation(_) => false,
        };
        let fitting = fitting.filter(|delta| !is_empty(delta));
        if fitting.is_some() {
            self.input = None;
        }
        events.extend(fitting.map(StreamEvent::Delta));
    }

    fn block_stop(&mut self, events: &mut Vec<StreamEvent>) {
        if self.open != Open::Nothing {
            self.open = Open::Nothing;
            events.extend(self.input.take().map(|input| StreamEvent::Delta(Delta::Arguments(input))));
            events.push(StreamEvent::BlockStop);
        }
    }

    fn message_delta(&mut self, delta: MessageDelta, events: &mut Vec<StreamEvent>) {
        if let Some(usage) = delta.usage {
            self.usage.update(usage);
            events.push(StreamEvent::Usage(self.usage.canonical()));
        }
        let StopShape { stop_reason, stop_sequence, stop_details } = delta.delta;
        if let Some(word) = stop_reason.filter(|word| !word.is_empty()) {
            let reason = finish_reason(&word, stop_sequence);
            let words = stop_details.and_then(|details| details.explanation).filter(|words| !words.is_empty());
            events.extend(words.filter(|_| reason == FinishReason::ContentFilter).map(StreamEvent::Refusal));
            self.finish = Some((word, reason));
        }
    }

    fn message_stop(&mut self, events: &mut Vec<StreamEvent>) {
        self.block_stop(events);
        self.finished = true;
        let reason = self.finish.as_ref().map_or(FinishReason::Stop, |(_, reason)| reason.clone());
        events.push(StreamEvent::Finish(reason));
    }
}
