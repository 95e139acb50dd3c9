//! Events to Messages events, and a whole reply to one message.

use bytes::{BufMut as _, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::signature::seal;
use crate::chat::request::{Origin, Part, Signature, ToolCall};
use crate::chat::{BlockStart, ChatResponse, Delta, FinishReason, StreamEvent, Usage};
use crate::wire::shape::arguments_object;
use crate::wire::{EventEncoder, Identity};

/// Usage as Anthropic's clients read it; Claude Code needs all four counts.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the wire's names")]
struct UsageOut {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

impl From<&Usage> for UsageOut {
    fn from(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.input,
            cache_creation_input_tokens: usage.cache_write(),
            cache_read_input_tokens: usage.cache_read,
            output_tokens: usage.output,
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart { message: Message<'a> },
    ContentBlockStart { index: usize, content_block: Block<'a> },
    ContentBlockDelta { index: usize, delta: DeltaOut<'a> },
    ContentBlockStop { index: usize },
    MessageDelta { delta: Stop<'a>, usage: UsageOut },
    MessageStop,
}

impl Event<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    #[serde(flatten)]
    stop: Stop<'a>,
    usage: UsageOut,
}

#[derive(Default, Serialize)]
struct Stop<'a> {
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'a str },
    Thinking { thinking: &'a str, signature: String },
    RedactedThinking { data: String },
    ToolUse { id: String, name: &'a str, input: Box<RawValue> },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the wire's names")]
enum DeltaOut<'a> {
    TextDelta { text: &'a str },
    ThinkingDelta { thinking: &'a str },
    SignatureDelta { signature: String },
    InputJsonDelta { partial_json: &'a str },
}

fn stop(finish: &FinishReason) -> Stop<'_> {
    let (reason, stop_sequence) = match finish {
        FinishReason::Stop => ("end_turn", None),
        FinishReason::StopSequence(sequence) => ("stop_sequence", sequence.as_deref()),
        FinishReason::Length => ("max_tokens", None),
        FinishReason::ToolCalls => ("tool_use", None),
        FinishReason::ContentFilter => ("refusal", None),
        FinishReason::Paused => ("pause_turn", None),
    };
    Stop { stop_reason: Some(reason), stop_sequence }
}

/// Encodes one stream.
pub struct Encoder {
    identity: Identity,
    /// Input tokens to start with where the provider counts only at the end; the last event corrects it.
    estimated_input: u64,
    usage: Option<Usage>,
    index: usize,
    calls: usize,
    /// A call whose block is not open yet: another provider's signature goes into a thinking block before it.
    held_call: Option<String>,
    open: bool,
    in_call: bool,
}

impl Encoder {
    /// Encodes under that identity.
    pub fn new(identity: Identity, estimated_input: u64) -> Self {
        Self { identity, estimated_input, usage: None, index: 0, calls: 0, held_call: None, open: false, in_call: false }
    }

    fn start(&mut self, usage: Usage, out: &mut BytesMut) {
        self.usage = Some(usage).filter(|usage| !usage.is_empty());
        let estimate = Usage { input: self.estimated_input, ..Usage::default() };
        let message = Message {
            id: &self.identity.id,
            kind: "message",
            role: "assistant",
            model: self.identity.model.as_str(),
            content: Vec::new(),
            stop: Stop::default(),
            usage: UsageOut::from(self.usage.as_ref().unwrap_or(&estimate)),
        };
        write(&Event::MessageStart { message }, out);
    }

    fn open(&mut self, content_block: Block<'_>, out: &mut BytesMut) {
        write(&Event::ContentBlockStart { index: self.index, content_block }, out);
        self.open = true;
    }

    fn delta(&self, delta: DeltaOut<'_>, out: &mut BytesMut) {
        write(&Event::ContentBlockDelta { index: self.index, delta }, out);
    }

    fn close(&mut self, out: &mut BytesMut) {
        if self.open {
            write(&Event::ContentBlockStop { index: self.index }, out);
            self.index = self.index.saturating_add(1);
            (self.open, self.in_call) = (false, false);
        }
    }

    fn open_held_call(&mut self, out: &mut BytesMut) {
        if let Some(name) = self.held_call.take() {
            let id = self.identity.call_id(self.calls);
            self.calls = self.calls.saturating_add(1);
            let input = empty_object();
            self.open(Block::ToolUse { id, name: &name, input }, out);
            self.in_call = true;
        }
    }

    fn begin(&mut self, block: &BlockStart, out: &mut BytesMut) {
        match block {
            BlockStart::Text => self.open(Block::Text { text: "" }, out),
            BlockStart::Reasoning => self.open(Block::Thinking { thinking: "", signature: String::new() }, out),
            BlockStart::RedactedReasoning { data } => self.open(Block::RedactedThinking { data: seal(data) }, out),
            BlockStart::ToolCall { name, .. } => self.held_call = Some(name.clone()),
        }
    }

    fn piece(&mut self, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(text) => self.delta(DeltaOut::TextDelta { text }, out),
            Delta::Reasoning(thinking) => self.delta(DeltaOut::ThinkingDelta { thinking }, out),
            Delta::Arguments(partial_json) => {
                self.open_held_call(out);
                self.delta(DeltaOut::InputJsonDelta { partial_json }, out);
            }
            Delta::Signature(signature) if self.held_call.is_some() => self.signed_thought(signature, out),
            // A call's block takes no signature.
            Delta::Signature(_) if !self.open => {}
            Delta::Signature(signature) => self.delta(DeltaOut::SignatureDelta { signature: seal(signature) }, out),
        }
    }

    fn signed_thought(&mut self, signature: &Signature, out: &mut BytesMut) {
        self.open(Block::Thinking { thinking: "", signature: String::new() }, out);
        self.delta(DeltaOut::SignatureDelta { signature: seal(signature) }, out);
        self.close(out);
    }
}

impl EventEncoder for Encoder {
    /// Half a tool call is left open: closed, it would look like one to be run.
    fn abandon(&mut self, out: &mut BytesMut) {
        if !self.in_call {
            self.close(out);
        }
    }

    fn encode(&mut self, event: &StreamEvent, out: &mut BytesMut) {
        match event {
            StreamEvent::Start { usage, .. } => self.start(*usage, out),
            StreamEvent::BlockStart(block) => self.begin(block, out),
            StreamEvent::Delta(delta) => self.piece(delta, out),
            StreamEvent::BlockStop => {
                self.open_held_call(out);
                self.close(out);
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Finish(finish) => {
                let usage = self.usage.unwrap_or(Usage { input: self.estimated_input, ..Usage::default() });
                write(&Event::MessageDelta { delta: stop(finish), usage: UsageOut::from(&usage) }, out);
                write(&Event::MessageStop, out);
            }
        }
    }
}

/// Writes an event straight into the buffer: serialised JSON holds no line ends.
fn write(event: &Event<'_>, out: &mut BytesMut) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.name().as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // Strings and numbers always serialise.
    let _ = serde_json::to_writer((&mut *out).writer(), event);
    out.extend_from_slice(b"\n\n");
}

fn empty_object() -> Box<RawValue> {
    // A constant that is valid JSON.
    serde_json::from_str("{}").unwrap_or_default()
}

/// A whole reply.
pub fn whole(reply: &ChatResponse, identity: &Identity) -> Result<Vec<u8>, serde_json::Error> {
    let mut content = Vec::with_capacity(reply.parts.len());
    let mut calls = 0_usize;
    for part in &reply.parts {
        match part {
            Part::Text { text, .. } => content.push(Block::Text { text }),
            Part::Reasoning { text, signature } => {
                let signature = signature.as_ref().map(seal).unwrap_or_default();
                content.push(Block::Thinking { thinking: text, signature });
            }
            Part::RedactedReasoning { data } => content.push(Block::RedactedThinking { data: seal(data) }),
            Part::ToolCall(call) => {
                let foreign = call.signature.as_ref().filter(|signature| signature.origin != Origin::Anthropic);
                content.extend(foreign.map(|signature| Block::Thinking { thinking: "", signature: seal(signature) }));
                content.push(tool_use(call, identity.call_id(calls))?);
                calls = calls.saturating_add(1);
            }
            Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } | Part::ToolResult(_) => {}
        }
    }
    let usage = reply.usage.unwrap_or_default();
    serde_json::to_vec(&Message {
        id: &identity.id,
        kind: "message",
        role: "assistant",
        model: identity.model.as_str(),
        content,
        stop: stop(&reply.finish),
        usage: UsageOut::from(&usage),
    })
}

/// `input` must be an object: arguments that broke off at the token limit are kept as text.
fn tool_use(call: &ToolCall, id: String) -> Result<Block<'_>, serde_json::Error> {
    let input = RawValue::from_string(arguments_object(call.arguments.0.clone()).0)?;
    Ok(Block::ToolUse { id, name: &call.name, input })
}
