//! Encodes events as Chat Completions chunks.

use bytes::{BufMut as _, BytesMut};
use serde::Serialize;

use super::super::annotations::Annotation;
use super::super::provider::stream::DONE;
use super::super::reasoning::{Detail, detail_of};
use super::super::usage::ClientUsage;
use super::error;
use crate::chat::request::{Origin, Signature};
use crate::chat::{BlockStart, Delta, FinishReason, StreamEvent, Usage};
use crate::error::GatewayError;
use crate::sse::{self, Frame};
use crate::wire::{EventEncoder, ReplyContext};

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [ChoiceOut<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ClientUsage>,
}

#[derive(Serialize)]
struct ChoiceOut<'a> {
    index: u8,
    delta: DeltaOut<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct DeltaOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<[Detail; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[Annotation; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallOut<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionOut<'a>>,
}

#[derive(Default, Serialize)]
struct CallOut<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<FunctionOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent<'a>>,
}

#[derive(Serialize)]
pub(in crate::wire::openai) struct FunctionOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::wire::openai) name: Option<&'a str>,
    pub(in crate::wire::openai) arguments: &'a str,
}

/// Google's own OpenAI-compatible endpoint puts a call's signature here.
#[derive(Serialize)]
pub(super) struct ExtraContent<'a> {
    pub(super) google: GoogleExtra<'a>,
}

#[derive(Serialize)]
pub(super) struct GoogleExtra<'a> {
    pub(super) thought_signature: &'a str,
}

/// OpenAI's finish reasons.
pub fn finish_word(finish: &FinishReason) -> &'static str {
    match finish {
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::Paused => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// The finish reason for a client that may only know `function_call`.
pub(super) fn finish_word_for(finish: &FinishReason, function_calls: bool) -> &'static str {
    match finish {
        FinishReason::ToolCalls if function_calls => "function_call",
        FinishReason::Stop
        | FinishReason::StopSequence(_)
        | FinishReason::Paused
        | FinishReason::Length
        | FinishReason::ToolCalls
        | FinishReason::ContentFilter => finish_word(finish),
    }
}

/// Encodes one stream.
pub struct Encoder {
    context: ReplyContext,
    created: u64,
    usage: Option<Usage>,
    calls: usize,
    in_call: bool,
    wrote_arguments: bool,
    /// The open reasoning block. Its signature comes last, and both are sent together.
    thought: String,
    details: u64,
}

impl Encoder {
    /// Encodes the reply to a request.
    pub fn new(context: ReplyContext) -> Self {
        Self {
            created: context.identity.created,
            context,
            usage: None,
            calls: 0,
            in_call: false,
            wrote_arguments: false,
            thought: String::new(),
            details: 0,
        }
    }

    /// Takes over the creation time of forwarded chunks; 0 means none.
    pub(in crate::wire::openai) fn set_created(&mut self, created: u64) {
        if created != 0 {
            self.created = created;
        }
    }

    /// Continues the calls of a stream whose first calls were forwarded: their number, and whether the last one is open
    /// without arguments.
    pub(in crate::wire::openai) fn resume_calls(&mut self, calls: usize, lacks_arguments: bool) {
        (self.calls, self.in_call, self.wrote_arguments) = (calls, calls > 0, !lacks_arguments);
    }

    fn chunk(&self, choices: &[ChoiceOut<'_>], usage: Option<ClientUsage>, out: &mut BytesMut) {
        let (id, model) = (self.context.identity.id.as_str(), self.context.identity.model.as_str());
        let chunk = Chunk { id, object: "chat.completion.chunk", created: self.created, model, choices, usage };
        // Serialising strings and numbers cannot fail.
        let _ = write_data(&chunk, out);
    }

    fn delta(&self, delta: DeltaOut<'_>, out: &mut BytesMut) {
        self.chunk(&[ChoiceOut { index: 0, delta, finish_reason: None }], None, out);
    }

    fn call(&self, call: CallOut<'_>, out: &mut BytesMut) {
        if self.context.identity.function_calls {
            // There is room for one call.
            if self.calls == 1 {
                self.delta(DeltaOut { function_call: call.function, ..DeltaOut::default() }, out);
            }
            return;
        }
        let call = CallOut { index: self.calls.saturating_sub(1), ..call };
        self.delta(DeltaOut { tool_calls: Some([call]), ..DeltaOut::default() }, out);
    }

    fn arguments(&self, arguments: &str, out: &mut BytesMut) {
        self.call(CallOut { function: Some(FunctionOut { name: None, arguments }), ..CallOut::default() }, out);
    }

    fn open(&mut self, block: &BlockStart, out: &mut BytesMut) {
        match block {
            BlockStart::Text | BlockStart::Opaque => {}
            BlockStart::Reasoning => self.thought.clear(),
            BlockStart::RedactedReasoning { data } => self.detail(None, data.clone(), out),
            BlockStart::ToolCall { id, name } => {
                self.calls = self.calls.saturating_add(1);
                (self.in_call, self.wrote_arguments) = (true, false);
                let function = Some(FunctionOut { name: Some(name), arguments: "" });
                self.call(CallOut { id: Some(id), kind: Some("function"), function, ..CallOut::default() }, out);
            }
        }
    }

    fn piece(&mut self, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(text) => self.delta(DeltaOut { content: Some(text), ..DeltaOut::default() }, out),
            Delta::Citation(citation) => {
                self.delta(DeltaOut { annotations: Some([Annotation::of(citation)]), ..DeltaOut::default() }, out);
            }
            Delta::Reasoning(text) => {
                self.thought.push_str(text);
                let delta = DeltaOut { reasoning_content: Some(text), reasoning: Some(text), ..DeltaOut::default() };
                self.delta(delta, out);
            }
            Delta::Arguments(text) => {
                self.wrote_arguments |= !text.is_empty();
                self.arguments(text, out);
            }
            Delta::Signature(signature) if self.in_call => {
                if signature.origin == Origin::Gemini {
                    let google = GoogleExtra { thought_signature: &signature.value };
                    // Clients read `function` of every piece without checking.
                    let function = Some(FunctionOut { name: None, arguments: "" });
                    self.call(CallOut { function, extra_content: Some(ExtraContent { google }), ..CallOut::default() }, out);
                }
            }
            Delta::Signature(signature) => {
                let thought = std::mem::take(&mut self.thought);
                self.detail(Some(thought), signature.clone(), out);
            }
        }
    }

    fn detail(&mut self, thought: Option<String>, signature: Signature, out: &mut BytesMut) {
        if let Some(detail) = detail_of(thought, signature, self.details) {
            self.details = self.details.saturating_add(1);
            self.delta(DeltaOut { reasoning_details: Some([detail]), ..DeltaOut::default() }, out);
        }
    }

    /// Appends the chunk with the finish reason.
    pub(in crate::wire::openai) fn finish_chunk(&self, finish: &FinishReason, out: &mut BytesMut) {
        let choice = ChoiceOut {
            index: 0,
            delta: DeltaOut::default(),
            finish_reason: Some(finish_word_for(finish, self.context.identity.function_calls)),
        };
        self.chunk(&[choice], None, out);
    }

    /// Appends what follows the finish reason: the usage, if the client asked for it, and the end of the stream.
    pub(in crate::wire::openai) fn end(&self, usage: Option<&Usage>, out: &mut BytesMut) {
        if let (true, Some(usage)) = (self.context.include_usage, usage) {
            self.chunk(&[], Some(ClientUsage::new(usage, self.context.cost_of(usage))), out);
        }
        sse::write_frame(&Frame { event: None, data: DONE }, out);
    }

    /// Appends empty arguments for a call by its number.
    pub(in crate::wire::openai) fn empty_arguments(&self, index: usize, out: &mut BytesMut) {
        let function = Some(FunctionOut { name: None, arguments: "{}" });
        let call = CallOut { index, function, ..CallOut::default() };
        self.delta(DeltaOut { tool_calls: Some([call]), ..DeltaOut::default() }, out);
    }
}

/// Appends a keep-alive: a comment, which OpenAI's SDKs skip.
pub fn ping(out: &mut BytesMut) {
    out.extend_from_slice(b": ping\n\n");
}

impl EventEncoder for Encoder {
    fn ping(&self, out: &mut BytesMut) {
        ping(out);
    }

    fn error(&mut self, error: &GatewayError, out: &mut BytesMut) {
        error::event(error, self.context.request, out);
    }

    fn encode(&mut self, event: &StreamEvent, out: &mut BytesMut) {
        match event {
            StreamEvent::Start { usage, .. } => {
                self.usage = Some(*usage).filter(|usage| !usage.is_empty());
                // Some SDKs need the role in the first chunk, even if the answer is empty.
                self.delta(DeltaOut { role: Some("assistant"), content: Some(""), ..DeltaOut::default() }, out);
            }
            StreamEvent::BlockStart(block) => self.open(block, out),
            StreamEvent::Delta(delta) => self.piece(delta, out),
            StreamEvent::BlockStop => {
                if self.in_call && !self.wrote_arguments {
                    self.arguments("{}", out);
                }
                self.in_call = false;
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Refusal(words) => self.delta(DeltaOut { refusal: Some(words), ..DeltaOut::default() }, out),
            StreamEvent::Finish(finish) => {
                self.finish_chunk(finish, out);
                self.end(self.usage.as_ref(), out);
            }
        }
    }
}

/// Writes a value directly to the buffer. Serialised JSON contains no line breaks, so one `data` line is enough.
pub(in crate::wire::openai) fn write_data<T: Serialize>(value: &T, out: &mut BytesMut) -> Result<(), serde_json::Error> {
    let start = out.len();
    out.extend_from_slice(b"data: ");
    let written = serde_json::to_writer((&mut *out).writer(), value);
    // Raw values are the provider's text: line breaks between its tokens would end the data line.
    let multiline = memchr::memchr2(b'\n', b'\r', out.get(start..).unwrap_or_default()).is_some();
    if multiline {
        for byte in out.iter_mut().skip(start).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\n\n");
    written
}
