//! Decodes Chat Completions chunks to events.
//!
//! This format has no block boundaries and may interleave tool calls (see `chat::blocks`). The end is a chunk with a finish
//! reason, then a usage chunk, then `[DONE]`. An error is an `error` key in a chunk or its choice, in a stream with status
//! 200 (OpenRouter).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::annotations::Annotations;
use super::super::reasoning::{self, Detail};
use super::super::usage::ProviderUsage;
use super::pieces::{Arguments, Details, Loose, Thoughts, Words};
use super::reply::{AfterCalls, exact_word, failure, finish_reason};
use crate::chat::blocks::CallPiece;
use crate::chat::{Blocks, FinishReason, Part, StreamEvent, Usage};
use crate::error::UpstreamError;
use crate::sse::Frame;
use crate::wire::EventDecoder;
use crate::wire::finish::Finish;
use crate::wire::shape::{First, Text};
use crate::wire::upstream_error;

/// The data of the last frame.
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
    #[serde(borrow)]
    delta: Option<DeltaShape<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    native_finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeltaShape<'a> {
    content: Words,
    refusal: Words,
    reasoning: Words,
    reasoning_content: Words,
    #[serde(borrow)]
    reasoning_details: Details<'a>,
    #[serde(borrow)]
    annotations: Annotations<'a>,
    #[serde(borrow)]
    tool_calls: Option<Vec<CallShape<'a>>>,
}

#[derive(Deserialize)]
struct CallShape<'a> {
    #[serde(borrow, default)]
    index: Loose<'a>,
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow)]
    function: Option<FunctionShape<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FunctionShape<'a> {
    #[serde(borrow)]
    name: Loose<'a>,
    #[serde(borrow)]
    arguments: Arguments<'a>,
}

/// Decodes one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    blocks: Blocks,
    finish: Finish,
    thoughts: Thoughts,
}

impl EventDecoder for Decoder {
    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        if self.finish.is_reported() {
            return Ok(());
        }
        if frame.data.trim() == DONE {
            return self.finish(events);
        }
        let chunk: Chunk<'_> = serde_json::from_str(frame.data)?;
        let usage = chunk.usage.as_ref().map(ProviderUsage::canonical);
        if !self.started && chunk.error.is_none() {
            self.started = true;
            let text = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned()).unwrap_or_default();
            let (id, model) = (text(chunk.id), text(chunk.model));
            events.push(StreamEvent::Start { id, model, usage: Usage::default() });
        }
        let choice = chunk.choices.0.map_or(Ok(()), |choice| self.choice(choice, events));
        if let Some(usage) = usage
            && self.started
        {
            events.push(StreamEvent::Usage(usage));
        }
        // The error is handled last: the usage next to it is billed, and it says more than the finish reason next to it.
        chunk.error.map_or(choice, |error| Err(upstream_error::decode_embedded(error)))
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        self.finish.report(&mut self.blocks, events)
    }

    fn finish_word(&self) -> Option<&str> {
        self.finish.provider_word()
    }
}

impl Decoder {
    fn choice(&mut self, choice: Choice<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        let Choice { delta, finish_reason, native_finish_reason, error } = choice;
        if self.started {
            self.delta(delta.unwrap_or_default(), events);
        }
        if let Some(error) = error {
            return Err(upstream_error::decode_embedded(error));
        }
        for word in [&finish_reason, &native_finish_reason].into_iter().flatten() {
            let after_calls = if self.blocks.has_calls() { AfterCalls::Yes } else { AfterCalls::No };
            if let Some(failure) = failure(&word.0, after_calls) {
                return Err(failure);
            }
        }
        let native = native_finish_reason.as_ref().map(|native| native.0.as_ref());
        self.note(finish_reason.as_ref().map(|word| exact_word(&word.0, native)));
        Ok(())
    }

    /// Empty finish reasons are ignored. If there are several, the first that is not `stop` counts.
    fn note(&mut self, word: Option<&str>) {
        let Some(word) = word.filter(|word| !word.trim().is_empty()) else { return };
        if self.finish.reason().is_none_or(|reason| *reason == FinishReason::Stop) {
            self.finish.set(word.to_owned(), finish_reason(word));
        }
    }

    fn delta(&mut self, delta: DeltaShape<'_>, events: &mut Vec<StreamEvent>) {
        let DeltaShape { content, refusal, reasoning, reasoning_content, reasoning_details, annotations, tool_calls } =
            delta;
        self.blocks.reasoning(self.thoughts.plain(reasoning, reasoning_content), events);
        for detail in reasoning_details.read() {
            self.detail(detail, events);
        }
        let Words { text, reasoning } = content;
        self.blocks.reasoning(reasoning, events);
        self.blocks.text(text, events);
        annotations.read().for_each(|citation| self.blocks.cite(citation, events));
        events.extend(Some(refusal.all()).filter(|words| !words.is_empty()).map(StreamEvent::Refusal));
        for call in tool_calls.unwrap_or_default() {
            let FunctionShape { name, arguments } = call.function.unwrap_or_default();
            let index = call.index.text().and_then(|index| index.parse().ok());
            let (id, name, arguments) = (call.id.text(), name.text(), arguments.text());
            self.blocks.tool_call(CallPiece { index, id, name, arguments }, events);
        }
    }

    /// Adds a detail: its text, unless that came as plain text, a signature, or reasoning that only its provider can read.
    fn detail(&mut self, detail: Detail, events: &mut Vec<StreamEvent>) {
        self.blocks.reasoning(self.thoughts.of(&detail).to_owned(), events);
        match reasoning::part_of(detail, crate::chat::request::Place::default()) {
            Some(Part::Reasoning { signature: Some(signature), .. }) => self.blocks.sign_thought(signature, events),
            Some(Part::RedactedReasoning { data, .. }) => self.blocks.redacted(data, events),
            Some(_) | None => {}
        }
    }
}
