//! Forwards Chat Completions chunks to a client of the same format.
//!
//! The chunk with the finish reason waits for the end of the stream. Before that, the gateway does not know what the reply
//! contains, and whether a later chunk adds something.

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::super::client::stream::{Encoder, finish_word, write_data};
use super::super::provider::pieces::{Details, Thoughts, Words};
use super::super::provider::reply::{exact_word, is_true_word};
use super::super::provider::stream::DONE;
use super::calls::ForwardedCalls;
use crate::chat::{BlockStart, Delta, FinishReason, StreamEvent, Usage};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::sse::Frame;
use crate::wire::raw::RawObject;
use crate::wire::shape::{First, Text};
use crate::wire::{Checked, EventEncoder as _, FrameForwarder, ReplyContext};

/// Forwards one stream.
pub struct Forwarder {
    names: Names,
    state: State,
}

/// Id and model as JSON, written into every chunk.
struct Names {
    id: Option<Box<RawValue>>,
    model: Option<Box<RawValue>>,
}

/// The state of the stream.
struct State {
    /// Writes what no chunk of the provider contains.
    encoder: Encoder,
    created: u64,
    calls: Calls,
    has_begun: bool,
    /// Whether the chunk itself contains the refusal.
    says_refusal: bool,
    thoughts: Thoughts,
    /// The chunk that waits for the end, as JSON.
    held: Option<Held>,
    /// Chunks without a choice that came after it.
    after: BytesMut,
    usage: Option<Usage>,
}

/// The state of the calls.
#[derive(Default)]
struct Calls {
    forwarded: ForwardedCalls,
    /// Whether calls are encoded from the events, because the provider's pieces cannot be forwarded.
    are_encoded: bool,
    /// Number of calls that have begun.
    begun: usize,
    /// Whether the open call has no arguments yet.
    lacks_arguments: bool,
}

/// The chunk with the finish reason.
struct Held {
    chunk: String,
    has_content: bool,
}

/// The fields that are read from the choice of every chunk.
#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    native_finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    delta: Option<DeltaShape<'a>>,
}

#[derive(Deserialize)]
struct DeltaShape<'a> {
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_details: Details<'a>,
}

/// Corrections for a chunk.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a place of the chunk, and any of them may change")]
struct Patch {
    content: Option<String>,
    reasoning: Option<String>,
    without_calls: bool,
    without_finish: bool,
    /// The finish reason to send, in OpenAI's words.
    finish: Option<&'static str>,
    without_content: bool,
    without_role: bool,
}

impl Patch {
    /// Whether the chunk's content changes. The role is not content.
    fn changes_content(&self) -> bool {
        let Self { content, reasoning, without_calls, without_finish, finish, without_content, without_role: _ } = self;
        let added = content.is_some() || reasoning.is_some() || finish.is_some();
        added || *without_calls || *without_finish || *without_content
    }

    /// The chunk's choices with the corrections.
    fn applied(&self, choices: &str) -> Result<Box<RawValue>, serde_json::Error> {
        let mut choices: Vec<RawObject<'_>> = serde_json::from_str(choices)?;
        if let Some(choice) = choices.first_mut() {
            let text = choice.get("delta").unwrap_or("null").to_owned();
            let mut delta = serde_json::from_str::<Option<RawObject<'_>>>(&text)?.unwrap_or_default();
            if self.without_content {
                delta = RawObject::default();
            }
            if self.without_role {
                delta.remove("role");
            }
            if self.without_calls {
                delta.remove("tool_calls");
            }
            if let Some(content) = &self.content {
                delta.set("content", content)?;
            }
            if let Some(reasoning) = &self.reasoning {
                delta.set("reasoning", reasoning)?;
                delta.set("reasoning_content", reasoning)?;
            }
            choice.set("delta", &delta)?;
            if self.without_finish || self.finish.is_some() {
                choice.set("finish_reason", &self.finish)?;
            }
        }
        to_raw_value(&choices)
    }
}

/// Whether a delta has no content: only a role, nulls, empty strings and empty lists.
fn is_empty(delta: &RawObject<'_>) -> bool {
    delta.names().all(|name| name == "role" || matches!(delta.get(name), Some("null" | "\"\"" | "[]") | None))
}

/// Whether a chunk's choice has content.
fn has_content(choices: &str) -> bool {
    #[derive(Deserialize)]
    struct Choice<'a> {
        #[serde(borrow)]
        delta: Option<RawObject<'a>>,
    }
    let First(choice) = serde_json::from_str::<First<Choice<'_>>>(choices).unwrap_or_default();
    choice.and_then(|choice| choice.delta).is_some_and(|delta| !is_empty(&delta))
}

impl Forwarder {
    /// Forwards the reply to a request.
    pub fn new(context: ReplyContext) -> Self {
        // Serialising strings cannot fail.
        let (id, model) = (to_raw_value(&context.identity.id).ok(), to_raw_value(context.identity.model.as_str()).ok());
        let state = State {
            encoder: Encoder::new(context),
            created: 0,
            calls: Calls::default(),
            has_begun: false,
            says_refusal: false,
            thoughts: Thoughts::default(),
            held: None,
            after: BytesMut::new(),
            usage: None,
        };
        Self { names: Names { id, model }, state }
    }
}

impl Names {
    fn put<'a>(&'a self, fields: &mut RawObject<'a>) {
        if let (Some(id), Some(model)) = (&self.id, &self.model) {
            fields.set_raw("id", id);
            fields.set_raw("model", model);
        }
        fields.remove("usage");
    }
}

impl State {
    fn chunk(&mut self, names: &Names, data: &str, out: &mut BytesMut) -> Result<(), UpstreamError> {
        let mut fields = RawObject::parse(data)?;
        if self.created == 0 {
            self.created = fields.get("created").and_then(|created| created.parse().ok()).unwrap_or(0);
            self.encoder.set_created(self.created);
        }
        let choices = fields.get("choices").unwrap_or("null");
        let First(choice) = serde_json::from_str::<First<Choice<'_>>>(choices)?;
        let Some(choice) = choice else {
            // A list without a choice may contain something else. A missing list, or only a usage, contains nothing.
            if choices != "null" && !has_usage(&fields) {
                names.put(&mut fields);
                write_data(&fields, if self.held.is_some() { &mut self.after } else { out })?;
            }
            return Ok(());
        };
        let finish = choice.finish_reason.as_ref().map(|word| word.0.trim());
        let is_end = finish.is_some_and(|word| !word.is_empty());
        let may_be_spent = has_usage(&fields) || self.held.is_some() || finish.is_some();
        let patch = self.patch(&choice, finish)?;
        let patched = if patch.changes_content() || patch.without_role { Some(patch.applied(choices)?) } else { None };
        let choices = patched.as_deref().map_or(choices, RawValue::get);
        // The first chunk has the role, whatever else it contains.
        let is_first = choice.delta.is_some() && !std::mem::replace(&mut self.has_begun, true);
        let brings_content = is_first || !(may_be_spent || patch.changes_content()) || has_content(choices);
        if let Some(patched) = &patched {
            fields.set_raw("choices", patched);
        }
        let is_first_end = is_end && self.held.is_none();
        if !(brings_content || is_first_end) {
            return Ok(());
        }
        self.release_content(out)?;
        names.put(&mut fields);
        if !is_end {
            write_data(&fields, out)?;
            return Ok(());
        }
        self.held =
            Some(Held { chunk: String::from_utf8_lossy(&fields.to_json()?).into_owned(), has_content: brings_content });
        Ok(())
    }

    fn patch(&mut self, choice: &Choice<'_>, finish: Option<&str>) -> Result<Patch, UpstreamError> {
        let Some(delta) = &choice.delta else { return Ok(Patch { without_content: true, ..Patch::default() }) };
        self.says_refusal = is_said(delta.refusal);
        let (content, reasoning) = self.odd_words(delta)?;
        let calls = delta.tool_calls.map_or("null", RawValue::get);
        let has_calls = !matches!(calls, "null" | "[]");
        let forwarded = self.calls.forwarded.count();
        if has_calls && !self.calls.are_encoded && !self.calls.forwarded.are_regular(calls) {
            if self.calls.begun != forwarded {
                let message = "the provider sent tool calls that cannot be told apart";
                return Err(UpstreamError::new(UpstreamErrorKind::NoAnswer, message));
            }
            self.calls.are_encoded = true;
            self.encoder.resume_calls(self.calls.begun, self.calls.lacks_arguments);
        }
        Ok(Patch {
            content,
            reasoning,
            without_calls: has_calls && self.calls.are_encoded,
            without_finish: finish == Some(""),
            // OpenRouter repeats the role in each chunk. OpenAI's SDK for Python concatenates the strings of a delta and
            // would double it.
            without_role: self.has_begun && delta.role.is_some(),
            ..Patch::default()
        })
    }

    /// Content in another form than a string, and reasoning in a field that clients do not read.
    fn odd_words(&mut self, delta: &DeltaShape<'_>) -> Result<(Option<String>, Option<String>), serde_json::Error> {
        let is_text = |value: &&RawValue| value.get().starts_with('"') || value.get() == "null";
        let read =
            |value: Option<&RawValue>| value.map_or_else(|| Ok(Words::default()), |value| serde_json::from_str(value.get()));
        let odd = delta.content.filter(|content| !is_text(content));
        let Words { text, reasoning } = read(odd)?;
        let mut thought = self.thoughts.plain(read(delta.reasoning)?, read(delta.reasoning_content)?);
        for detail in delta.reasoning_details.read() {
            thought.push_str(self.thoughts.of(&detail));
        }
        thought.push_str(&reasoning);
        let is_missing = !thought.is_empty() && !is_said(delta.reasoning) && !is_said(delta.reasoning_content);
        Ok((odd.map(|_| text), is_missing.then_some(thought)))
    }

    /// Content that waits with the finish reason is sent before anything else.
    fn release_content(&mut self, out: &mut BytesMut) -> Result<(), serde_json::Error> {
        let Some(Held { chunk, has_content: true }) = self.held.take_if(|held| held.has_content) else { return Ok(()) };
        let content = patched(&chunk, &Patch { without_finish: true, ..Patch::default() })?;
        write_data(&content, out)?;
        let rest = patched(&chunk, &Patch { without_content: true, ..Patch::default() })?;
        let chunk = String::from_utf8_lossy(&rest.to_json()?).into_owned();
        self.held = Some(Held { chunk, has_content: false });
        Ok(())
    }

    /// Sends what the events contain and no chunk of the provider said.
    fn add(&mut self, event: &StreamEvent, out: &mut BytesMut) -> Result<(), serde_json::Error> {
        match event {
            StreamEvent::BlockStart(BlockStart::ToolCall { .. }) => {
                self.calls.begun = self.calls.begun.saturating_add(1);
                self.calls.lacks_arguments = true;
                self.encode_call(event, out)
            }
            StreamEvent::Delta(Delta::Arguments(_)) => {
                self.calls.lacks_arguments = false;
                self.encode_call(event, out)
            }
            StreamEvent::BlockStop if self.calls.are_encoded => self.encode_call(event, out),
            StreamEvent::BlockStop if self.calls.lacks_arguments => {
                self.calls.lacks_arguments = false;
                self.release_content(out)?;
                self.encoder.empty_arguments(self.calls.begun.saturating_sub(1), out);
                Ok(())
            }
            StreamEvent::Refusal(_) if self.says_refusal => Ok(()),
            StreamEvent::Refusal(_) => {
                self.release_content(out)?;
                self.encoder.encode(event, out);
                Ok(())
            }
            StreamEvent::Usage(usage) => {
                self.usage = Some(*usage);
                Ok(())
            }
            StreamEvent::Finish(finish) => self.close(finish, out),
            StreamEvent::Start { .. } | StreamEvent::BlockStart(_) | StreamEvent::Delta(_) | StreamEvent::BlockStop => {
                Ok(())
            }
        }
    }

    fn encode_call(&mut self, event: &StreamEvent, out: &mut BytesMut) -> Result<(), serde_json::Error> {
        if self.calls.are_encoded {
            self.release_content(out)?;
            self.encoder.encode(event, out);
        }
        Ok(())
    }

    fn close(&mut self, finish: &FinishReason, out: &mut BytesMut) -> Result<(), serde_json::Error> {
        match self.held.take() {
            None => self.encoder.finish_chunk(finish, out),
            Some(Held { chunk, .. }) => {
                let fields = RawObject::parse(&chunk)?;
                let First(choice) = serde_json::from_str::<First<Choice<'_>>>(fields.get("choices").unwrap_or("[]"))?;
                let is_true = choice.is_some_and(|Choice { finish_reason, native_finish_reason, .. }| {
                    let native = native_finish_reason.as_ref().map(|native| native.0.as_ref());
                    finish_reason.is_some_and(|word| is_true_word(exact_word(&word.0, native), finish))
                });
                if is_true {
                    write_data(&fields, out)?;
                } else {
                    write_data(&patched(&chunk, &Patch { finish: Some(finish_word(finish)), ..Patch::default() })?, out)?;
                }
            }
        }
        out.extend_from_slice(&self.after.split());
        self.encoder.end(self.usage.as_ref(), out);
        Ok(())
    }
}

/// Applies corrections to a chunk.
fn patched<'a>(chunk: &'a str, patch: &Patch) -> Result<RawObject<'a>, serde_json::Error> {
    let mut fields = RawObject::parse(chunk)?;
    let choices = patch.applied(fields.get("choices").unwrap_or("[]"))?;
    fields.set("choices", &choices)?;
    Ok(fields)
}

fn has_usage(fields: &RawObject<'_>) -> bool {
    fields.get("usage").is_some_and(|usage| usage != "null")
}

/// Whether a value is a string that is not empty.
fn is_said(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| value.get().starts_with('"') && value.get() != "\"\"")
}

impl FrameForwarder for Forwarder {
    fn forward(&mut self, frame: Option<&Frame<'_>>, checked: Checked<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        // This format has no block ends, so for a broken call only the finish reason is held, which waits anyway.
        let Checked { events, held: _ } = checked;
        let Self { names, state } = self;
        state.says_refusal = false;
        if let Some(frame) = frame.filter(|frame| frame.data.trim() != DONE) {
            state.chunk(names, frame.data, out)?;
        }
        events.iter().try_for_each(|event| state.add(event, out))?;
        Ok(())
    }
}
