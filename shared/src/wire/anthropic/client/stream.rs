//! Encodes events as Messages events.

use bytes::{BufMut as _, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::signature::seal;
use super::super::usage::ClientUsage;
use super::error;
use crate::chat::request::Signature;
use crate::chat::{BlockStart, Citation, Delta, FinishReason, StreamEvent, Usage};
use crate::error::GatewayError;
use crate::wire::{EventEncoder, ReplyContext};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart { message: Message<'a> },
    ContentBlockStart { index: usize, content_block: Block<'a> },
    ContentBlockDelta { index: usize, delta: DeltaOut<'a> },
    ContentBlockStop { index: usize },
    MessageDelta { delta: Stop<'a>, usage: ClientUsage },
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
pub(super) struct Message<'a> {
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: Vec<Block<'a>>,
    #[serde(flatten)]
    pub(super) stop: Stop<'a>,
    pub(super) usage: ClientUsage,
}

#[derive(Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the wire's names")]
pub(in crate::wire::anthropic) struct Stop<'a> {
    pub(in crate::wire::anthropic) stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_details: Option<StopDetails<'a>>,
}

/// Anthropic's own field for the explanation of a refusal.
#[derive(Serialize)]
struct StopDetails<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    category: Option<&'static str>,
    explanation: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Location<'a>>,
    },
    Thinking {
        thinking: &'a str,
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Box<RawValue>,
    },
}

/// A cited source, as Anthropic's web search reports it. The index is empty, because only Anthropic can create it.
#[derive(Serialize)]
pub(super) struct Location<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    cited_text: &'a str,
    encrypted_index: &'static str,
    title: Option<&'a str>,
    url: &'a str,
}

impl<'a> Location<'a> {
    pub(super) fn of(citation: &'a Citation) -> Self {
        Self {
            kind: "web_search_result_location",
            cited_text: citation.text.as_deref().unwrap_or_default(),
            encrypted_index: "",
            title: Some(citation.title.as_str()).filter(|title| !title.is_empty()),
            url: &citation.url,
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the wire's names")]
enum DeltaOut<'a> {
    TextDelta { text: &'a str },
    ThinkingDelta { thinking: &'a str },
    SignatureDelta { signature: String },
    InputJsonDelta { partial_json: &'a str },
    CitationsDelta { citation: Location<'a> },
}

pub(in crate::wire::anthropic) fn stop<'a>(finish: &'a FinishReason, refusal: Option<&'a str>) -> Stop<'a> {
    let (reason, stop_sequence) = match finish {
        FinishReason::Stop => ("end_turn", None),
        FinishReason::StopSequence(sequence) => ("stop_sequence", sequence.as_deref()),
        FinishReason::Length => ("max_tokens", None),
        FinishReason::ToolCalls => ("tool_use", None),
        FinishReason::ContentFilter => ("refusal", None),
        FinishReason::Paused => ("pause_turn", None),
    };
    let is_refusal = *finish == FinishReason::ContentFilter;
    let details = |explanation| StopDetails { kind: "refusal", category: None, explanation };
    Stop { stop_reason: Some(reason), stop_sequence, stop_details: refusal.filter(|_| is_refusal).map(details) }
}

/// Encodes one stream.
pub struct Encoder {
    context: ReplyContext,
    usage: Option<Usage>,
    index: usize,
    /// The id and name of a call whose block is not open yet: another provider's signature goes into a thinking block before
    /// it.
    held_call: Option<(String, String)>,
    open: bool,
    in_call: bool,
    refusal: Option<String>,
}

impl Encoder {
    /// Encodes the reply to a request.
    pub fn new(context: ReplyContext) -> Self {
        Self { context, usage: None, index: 0, held_call: None, open: false, in_call: false, refusal: None }
    }

    /// Writes the start. A provider that counts its input only at the end gets the estimate here; the last event corrects
    /// it.
    fn start(&mut self, usage: Usage, out: &mut BytesMut) {
        self.usage = Some(usage).filter(|usage| !usage.is_empty());
        let estimate = Usage { input: self.context.estimate.input, ..Usage::default() };
        let message = Message {
            id: &self.context.identity.id,
            kind: "message",
            role: "assistant",
            model: self.context.identity.model.as_str(),
            content: Vec::new(),
            stop: Stop::default(),
            usage: ClientUsage::new(self.usage.as_ref().unwrap_or(&estimate), None),
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
        if let Some((id, name)) = self.held_call.take() {
            self.open(Block::ToolUse { id: &id, name: &name, input: empty_object() }, out);
            self.in_call = true;
        }
    }

    fn begin(&mut self, block: &BlockStart, out: &mut BytesMut) {
        match block {
            BlockStart::Text => self.open(Block::Text { text: "", citations: Vec::new() }, out),
            BlockStart::Reasoning => self.open(Block::Thinking { thinking: "", signature: String::new() }, out),
            BlockStart::RedactedReasoning { data } => self.open(Block::RedactedThinking { data: seal(data) }, out),
            BlockStart::ToolCall { id, name } => self.held_call = Some((id.clone(), name.clone())),
            BlockStart::Opaque => {}
        }
    }

    fn piece(&mut self, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(text) => self.delta(DeltaOut::TextDelta { text }, out),
            Delta::Citation(citation) => {
                self.delta(DeltaOut::CitationsDelta { citation: Location::of(citation) }, out);
            }
            Delta::Reasoning(thinking) => self.delta(DeltaOut::ThinkingDelta { thinking }, out),
            Delta::Arguments(partial_json) => {
                self.open_held_call(out);
                self.delta(DeltaOut::InputJsonDelta { partial_json }, out);
            }
            Delta::Signature(signature) if self.held_call.is_some() => self.signed_thought(signature, out),
            // A call's block cannot hold a signature.
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

/// Appends a keep-alive: Anthropic's own `ping` event.
pub fn ping(out: &mut BytesMut) {
    out.extend_from_slice(b"event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

impl EventEncoder for Encoder {
    fn ping(&self, out: &mut BytesMut) {
        ping(out);
    }

    /// Leaves half a tool call open: closed, it would look like a call to run.
    fn error(&mut self, error: &GatewayError, out: &mut BytesMut) {
        if !self.in_call {
            self.close(out);
        }
        error::event(error, self.context.request, out);
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
            StreamEvent::Refusal(words) => self.refusal.get_or_insert_default().push_str(words),
            StreamEvent::Finish(finish) => {
                let usage = self.usage.unwrap_or_default();
                let usage = ClientUsage::new(&usage, Some(self.context.cost_of(&usage)));
                write(&Event::MessageDelta { delta: stop(finish, self.refusal.as_deref()), usage }, out);
                write(&Event::MessageStop, out);
            }
        }
    }
}

/// Writes an event directly to the buffer. Serialised JSON contains no line breaks.
fn write(event: &Event<'_>, out: &mut BytesMut) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.name().as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // Serialising strings and numbers cannot fail.
    let _ = serde_json::to_writer((&mut *out).writer(), event);
    out.extend_from_slice(b"\n\n");
}

pub(in crate::wire::anthropic) fn empty_object() -> Box<RawValue> {
    // A constant that is valid JSON.
    serde_json::from_str("{}").unwrap_or_default()
}
