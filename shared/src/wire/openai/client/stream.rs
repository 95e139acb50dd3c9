//! Events to Chat Completions chunks, and a whole reply to one object.

use bytes::BytesMut;
use serde::Serialize;

use super::super::native::stream::write_data;
use super::super::provider::stream::DONE;
use super::super::reasoning::{Detail, detail_of};
use super::super::usage::ClientUsage;
use crate::chat::request::{Origin, Part, Signature, ToolCall};
use crate::chat::{BlockStart, ChatResponse, Delta, FinishReason, StreamEvent, Usage};
use crate::sse::{self, Frame};
use crate::wire::{EventEncoder, Identity};

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
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<[Detail; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallOut<'a>; 1]>,
}

#[derive(Default, Serialize)]
struct CallOut<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<FunctionOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent<'a>>,
}

#[derive(Serialize)]
struct FunctionOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

/// Where Google's own OpenAI-compatible endpoint puts a call's signature.
#[derive(Serialize)]
struct ExtraContent<'a> {
    google: GoogleExtra<'a>,
}

#[derive(Serialize)]
struct GoogleExtra<'a> {
    thought_signature: &'a str,
}

/// The words of OpenAI's finish reasons.
pub fn finish_word(finish: &FinishReason) -> &'static str {
    match finish {
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::Paused => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// Encodes one stream.
pub struct Encoder {
    identity: Identity,
    include_usage: bool,
    usage: Option<Usage>,
    calls: usize,
    in_call: bool,
    wrote_arguments: bool,
    /// The open thought: its signature comes last and is sent together with it.
    thought: String,
    details: u64,
}

impl Encoder {
    /// Encodes under that identity.
    pub fn new(identity: Identity, include_usage: bool) -> Self {
        Self {
            identity,
            include_usage,
            usage: None,
            calls: 0,
            in_call: false,
            wrote_arguments: false,
            thought: String::new(),
            details: 0,
        }
    }

    fn chunk(&self, choices: &[ChoiceOut<'_>], usage: Option<ClientUsage>, out: &mut BytesMut) {
        let (id, model) = (self.identity.id.as_str(), self.identity.model.as_str());
        let chunk = Chunk { id, object: "chat.completion.chunk", created: self.identity.created, model, choices, usage };
        // Strings and numbers always serialise.
        let _ = write_data(&chunk, out);
    }

    fn delta(&self, delta: DeltaOut<'_>, out: &mut BytesMut) {
        self.chunk(&[ChoiceOut { index: 0, delta, finish_reason: None }], None, out);
    }

    fn call(&self, call: CallOut<'_>, out: &mut BytesMut) {
        let call = CallOut { index: self.calls.saturating_sub(1), ..call };
        self.delta(DeltaOut { tool_calls: Some([call]), ..DeltaOut::default() }, out);
    }

    fn arguments(&self, arguments: &str, out: &mut BytesMut) {
        self.call(CallOut { function: Some(FunctionOut { name: None, arguments }), ..CallOut::default() }, out);
    }

    fn open(&mut self, block: &BlockStart, out: &mut BytesMut) {
        match block {
            BlockStart::Text => {}
            BlockStart::Reasoning => self.thought.clear(),
            BlockStart::RedactedReasoning { data } => self.detail(None, data.clone(), out),
            BlockStart::ToolCall { name, .. } => {
                let id = Some(self.identity.call_id(self.calls));
                self.calls = self.calls.saturating_add(1);
                (self.in_call, self.wrote_arguments) = (true, false);
                let function = Some(FunctionOut { name: Some(name), arguments: "" });
                self.call(CallOut { id, kind: Some("function"), function, ..CallOut::default() }, out);
            }
        }
    }

    fn piece(&mut self, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(text) => self.delta(DeltaOut { content: Some(text), ..DeltaOut::default() }, out),
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
                    // Clients read `function` of every piece unasked.
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

    fn finish(&self, finish: &FinishReason, out: &mut BytesMut) {
        let choice = ChoiceOut { index: 0, delta: DeltaOut::default(), finish_reason: Some(finish_word(finish)) };
        self.chunk(&[choice], None, out);
        if let (true, Some(usage)) = (self.include_usage, &self.usage) {
            self.chunk(&[], Some(ClientUsage::from(usage)), out);
        }
        sse::write_frame(&Frame { event: None, data: DONE }, out);
    }
}

impl EventEncoder for Encoder {
    /// Chunks have no blocks.
    fn abandon(&mut self, _out: &mut BytesMut) {}

    fn encode(&mut self, event: &StreamEvent, out: &mut BytesMut) {
        match event {
            StreamEvent::Start { usage, .. } => {
                self.usage = Some(*usage).filter(|usage| !usage.is_empty());
                // Some SDKs need the role in the first chunk even when the answer is empty.
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
            StreamEvent::Finish(finish) => self.finish(finish, out),
        }
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [WholeChoice<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ClientUsage>,
}

#[derive(Serialize)]
struct WholeChoice<'a> {
    index: u8,
    message: WholeMessage<'a>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct WholeMessage<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WholeCall<'a>>,
    refusal: Option<&'static str>,
}

#[derive(Serialize)]
struct WholeCall<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent<'a>>,
}

/// A whole reply. `content` is null only when there are calls and no text.
pub fn whole(reply: &ChatResponse, identity: &Identity) -> Result<Vec<u8>, serde_json::Error> {
    let (mut text, mut thoughts, mut details, mut calls) = (String::new(), String::new(), Vec::new(), Vec::new());
    for part in &reply.parts {
        let index = details.len() as u64;
        match part {
            Part::Text { text: piece, .. } => text.push_str(piece),
            Part::Reasoning { text: thought, signature } => {
                thoughts.push_str(thought);
                details.extend(signature.clone().and_then(|signature| detail_of(Some(thought.clone()), signature, index)));
            }
            Part::RedactedReasoning { data } => details.extend(detail_of(None, data.clone(), index)),
            Part::ToolCall(call) => calls.push(whole_call(call, identity.call_id(calls.len()))),
            Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } | Part::ToolResult(_) => {}
        }
    }
    let content = if text.is_empty() && !calls.is_empty() { None } else { Some(text) };
    let thoughts = (!thoughts.is_empty()).then_some(thoughts.as_str());
    let message = WholeMessage {
        role: "assistant",
        content,
        reasoning_content: thoughts,
        reasoning: thoughts,
        reasoning_details: details,
        tool_calls: calls,
        refusal: None,
    };
    serde_json::to_vec(&Whole {
        id: &identity.id,
        object: "chat.completion",
        created: identity.created,
        model: identity.model.as_str(),
        choices: [WholeChoice { index: 0, message, finish_reason: finish_word(&reply.finish) }],
        usage: reply.usage.as_ref().map(ClientUsage::from),
    })
}

fn whole_call(call: &ToolCall, id: String) -> WholeCall<'_> {
    let arguments = if call.arguments.0.is_empty() { "{}" } else { &call.arguments.0 };
    let signature = call.signature.as_ref().filter(|signature| signature.origin == Origin::Gemini);
    let extra_content =
        signature.map(|signature| ExtraContent { google: GoogleExtra { thought_signature: &signature.value } });
    WholeCall { id, kind: "function", function: FunctionOut { name: Some(&call.name), arguments }, extra_content }
}
