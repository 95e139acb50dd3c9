//! Chat Completions chunks to events.
//!
//! This wire has no block boundaries and may interleave tool calls (see `chat::blocks`). The end is a chunk with a finish reason,
//! then a usage chunk, then `[DONE]`. An error is a chunk with an `error` key in a stream of status 200 (OpenRouter).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::reasoning::{Detail, part_of};
use super::super::usage::ProviderUsage;
use super::reply::finish_reason;
use crate::chat::blocks::CallPiece;
use crate::chat::{Blocks, Delta, Part, StreamEvent, Usage};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::sse::Frame;
use crate::wire::shape::{First, Text};
use crate::wire::{EventDecoder, upstream_error};

/// The data of the frame that ends a stream.
pub const DONE: &str = "[DONE]";

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    choices: First<Choice<'a>>,
    #[serde(borrow)]
    usage: Option<ProviderUsage<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    /// A whole reply has a `message` where a chunk has a `delta`: one decoder reads both.
    #[serde(default, alias = "message")]
    delta: Option<DeltaShape>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeltaShape {
    content: Option<String>,
    refusal: Option<String>,
    reasoning: Option<String>,
    reasoning_content: Option<String>,
    reasoning_details: Option<Vec<Detail>>,
    tool_calls: Option<Vec<CallShape>>,
}

#[derive(Deserialize)]
struct CallShape {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionShape>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FunctionShape {
    name: Option<String>,
    arguments: Option<String>,
}

/// Decodes one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    finished: bool,
    blocks: Blocks,
    finish: Option<String>,
}

impl EventDecoder for Decoder {
    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        if self.finished {
            return Ok(());
        }
        if frame.data.trim() == DONE {
            return self.finish(events);
        }
        let chunk: Chunk<'_> = serde_json::from_str(frame.data)
            .map_err(|error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string()))?;
        let usage = chunk.usage.as_ref().map(ProviderUsage::canonical);
        if !self.started && chunk.error.is_none() {
            self.started = true;
            let text = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned()).unwrap_or_default();
            let (id, model) = (text(chunk.id), text(chunk.model));
            events.push(StreamEvent::Start { id, model, usage: Usage::default() });
        }
        if let Some(choice) = chunk.choices.0 {
            self.choice(choice, events);
        }
        if let Some(usage) = usage
            && self.started
        {
            events.push(StreamEvent::Usage(usage));
        }
        // The error comes last: the usage beside it is billed.
        chunk.error.map_or(Ok(()), |error| Err(upstream_error::decode_embedded(error)))
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        if self.finished {
            return Ok(());
        }
        let text = self.finish.take().ok_or_else(UpstreamError::truncated)?;
        let reason = finish_reason(&text, self.blocks.has_calls())?;
        self.finished = true;
        self.blocks.close(events);
        events.push(StreamEvent::Finish(reason));
        Ok(())
    }

    fn has_finish(&self) -> bool {
        self.finish.is_some()
    }
}

impl Decoder {
    /// What a detail adds to the text, which came already: a signature, or thoughts that only their provider can read.
    fn detail(&mut self, detail: Detail, events: &mut Vec<StreamEvent>) {
        match part_of(detail) {
            Some(Part::Reasoning { signature: Some(signature), .. }) if self.blocks.is_reasoning() => {
                events.push(StreamEvent::Delta(Delta::Signature(signature)));
            }
            Some(Part::RedactedReasoning { data }) => self.blocks.redacted(data, events),
            Some(_) | None => {}
        }
    }

    fn choice(&mut self, choice: Choice<'_>, events: &mut Vec<StreamEvent>) {
        if !self.started {
            return;
        }
        let delta = choice.delta.unwrap_or_default();
        let DeltaShape { content, refusal, reasoning, reasoning_content, reasoning_details, tool_calls } = delta;
        // Two names for the same text; some providers send both.
        if let Some(piece) = reasoning.or(reasoning_content) {
            self.blocks.reasoning(piece, events);
        }
        for detail in reasoning_details.unwrap_or_default() {
            self.detail(detail, events);
        }
        for piece in [content, refusal].into_iter().flatten() {
            self.blocks.text(piece, events);
        }
        for call in tool_calls.unwrap_or_default() {
            let FunctionShape { name, arguments } = call.function.unwrap_or_default();
            let arguments = arguments.unwrap_or_default();
            self.blocks.tool_call(CallPiece { index: call.index, id: call.id, name, arguments }, events);
        }
        if let Some(reason) = choice.finish_reason {
            self.finish = Some(reason.0.into_owned());
        }
    }
}
