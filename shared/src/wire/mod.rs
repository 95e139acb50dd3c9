//! Formats: one folder each, with the same file names in each. A format knows its own JSON and the canonical conversation,
//! never another format. This page is the one dispatch table.

pub mod anthropic;
pub mod gemini;
pub mod lost;
pub mod media;
pub mod names;
pub mod openai;
pub mod raw;
mod reply;
pub(crate) mod schema_ref;
pub mod shape;
pub mod target;
pub mod upstream_error;

use bytes::BytesMut;

use crate::chat::{ChatRequest, ChatResponse, StreamEvent, Usage};
use crate::error::{Dialect, GatewayError, UpstreamError, UpstreamErrorKind};
use crate::ids::{ModelId, ProviderId, RequestId};
use crate::sse::Frame;
use raw::RawObject;
pub use reply::{CostOf, Delivery, ReplyContext};
use target::{Encoded, Target};

/// A format that clients speak to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientFormat {
    /// OpenAI Chat Completions.
    ChatCompletions,
    /// Anthropic Messages.
    Messages,
}

impl ClientFormat {
    /// The name in records and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Messages => "messages",
        }
    }

    /// The error vocabulary of its clients.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::ChatCompletions => Dialect::OpenAi,
            Self::Messages => Dialect::Anthropic,
        }
    }

    /// The wire whose bodies are the same, so that requests and replies can be passed through.
    pub const fn native_wire(self) -> WireFormat {
        match self {
            Self::ChatCompletions => WireFormat::OpenAi,
            Self::Messages => WireFormat::Anthropic,
        }
    }
}

/// A format that providers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireFormat {
    /// OpenAI Chat Completions, as OpenRouter speaks it.
    OpenAi,
    /// Anthropic Messages, as Vertex AI speaks it.
    Anthropic,
    /// Gemini `generateContent`, as Vertex AI speaks it.
    Gemini,
}

impl WireFormat {
    /// The format that a provider speaks.
    pub const fn of(provider: ProviderId) -> Self {
        match provider {
            ProviderId::VertexGemini => Self::Gemini,
            ProviderId::VertexClaude => Self::Anthropic,
            ProviderId::OpenRouter => Self::OpenAi,
        }
    }
}

/// How a reply is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As server-sent events.
    Streaming,
    /// In one piece.
    Whole,
    /// Only the number of its input tokens.
    Count,
}

/// What a reply calls itself towards the client: our own id, and the model id that the client asked for by any of its names.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The reply's id, in the client format's own form.
    pub id: String,
    /// The catalogue's model id.
    pub model: ModelId,
    /// When the reply was made, in seconds since the epoch: the request's start.
    pub created: u64,
    /// Where the ids of tool calls come from.
    request: RequestId,
    format: ClientFormat,
}

impl Identity {
    /// The identity of the reply to that request.
    pub fn new(request: RequestId, model: ModelId, format: ClientFormat) -> Self {
        let prefix = match format {
            ClientFormat::ChatCompletions => "chatcmpl-",
            ClientFormat::Messages => "msg_",
        };
        Self { id: format!("{prefix}{}", request.hex()), model, created: request.started().as_secs(), request, format }
    }

    /// The id of the reply's n-th tool call on a translated route: at most 40 letters, digits and `_`. Other gateways hide
    /// signatures in ids, which other providers then refuse.
    pub fn call_id(&self, position: usize) -> String {
        let prefix = match self.format {
            ClientFormat::ChatCompletions => "call_",
            ClientFormat::Messages => "toolu_",
        };
        format!("{prefix}{}{position}", self.request.hex())
    }
}

/// A client's request, checked for shape. What is not needed on the way stays raw text.
#[derive(Debug)]
pub struct ClientRequest<'a> {
    /// The whole body.
    pub text: &'a str,
    /// The body's top-level fields, in order, each as the client wrote it.
    pub fields: RawObject<'a>,
    /// The model as the client names it.
    pub model: String,
    /// How the reply is wanted.
    pub mode: Mode,
    /// The client's own limit for the output, by field name.
    pub max_tokens: Option<(&'static str, u64)>,
    /// Whether a stream ends with a usage chunk (`stream_options.include_usage`; Anthropic streams always carry usage).
    pub include_usage: bool,
}

impl ClientRequest<'_> {
    /// The body with that limit for the output, and the field that holds it.
    pub fn with_output_limit(&self, limit: u64) -> Result<(&'static str, String), GatewayError> {
        let internal = |error: serde_json::Error| GatewayError::internal(error.to_string());
        let field = self.max_tokens.map_or("max_tokens", |(field, _)| field);
        let mut fields = self.fields.clone();
        fields.set(field, &limit).map_err(internal)?;
        let body = fields.to_json().map_err(internal)?;
        String::from_utf8(body).map(|body| (field, body)).map_err(|error| GatewayError::internal(error.to_string()))
    }
}

/// Reads a client's body and checks its shape; every fault is a 400 that names the path.
pub fn open_request(format: ClientFormat, body: &str) -> Result<ClientRequest<'_>, GatewayError> {
    shape::check_depth(body)?;
    match format {
        ClientFormat::ChatCompletions => openai::request::open(body),
        ClientFormat::Messages => anthropic::request::open(body),
    }
}

/// Reads a body for `count_tokens`: a Messages request without an output limit.
pub fn open_count(body: &str) -> Result<ClientRequest<'_>, GatewayError> {
    shape::check_depth(body)?;
    anthropic::request::open_count(body)
}

/// The number in a provider's answer to a count: `input_tokens` from Claude, `totalTokens` from Gemini.
pub fn decode_count(body: &str) -> Result<u64, UpstreamError> {
    #[derive(serde::Deserialize)]
    struct Count {
        #[serde(alias = "totalTokens")]
        input_tokens: u64,
    }
    let count: Result<Count, _> = serde_json::from_str(body);
    count
        .map(|count| count.input_tokens)
        .map_err(|error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string()))
}

/// Passes a whole reply through to a client of the same format.
pub fn forward_whole(format: ClientFormat, body: &str, identity: &Identity) -> Result<Vec<u8>, UpstreamError> {
    match format {
        ClientFormat::ChatCompletions => openai::provider::reply::forward(body, identity),
        ClientFormat::Messages => anthropic::provider::reply::forward(body, identity),
    }
}

/// Provider frames to events. Pure: no clock, no network, no async.
pub trait EventDecoder: Send {
    /// Takes one frame; appends what it means.
    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError>;

    /// The stream has ended. `Truncated` when no finish marker came.
    fn finish(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError>;

    /// True once the provider has said how the reply ends.
    fn has_finish(&self) -> bool;
}

/// Provider frames to a client of the same format. A frame changes only in: the reply's id and model (ours), usage as the
/// client's format wants it, a doubled finish left out.
pub trait FrameForwarder: Send {
    /// Appends the frame as the client shall see it, if it shall.
    fn forward(&mut self, frame: &Frame<'_>, out: &mut BytesMut) -> Result<(), UpstreamError>;

    /// Appends what closes a complete stream, once its last frame is through.
    fn finish(&mut self, usage: Option<&Usage>, out: &mut BytesMut);
}

/// Events to client bytes, appended to a buffer that the caller reuses.
pub trait EventEncoder: Send {
    /// Appends what the client gets of an event.
    fn encode(&mut self, event: &StreamEvent, out: &mut BytesMut);

    /// The stream has failed: appends what closes the block that is open, before the error event.
    fn abandon(&mut self, out: &mut BytesMut);
}

/// The decoder of a wire's streams.
pub fn decoder(wire: WireFormat) -> Box<dyn EventDecoder> {
    match wire {
        WireFormat::OpenAi => Box::new(openai::provider::stream::Decoder::default()),
        WireFormat::Anthropic => Box::new(anthropic::provider::stream::Decoder::default()),
        WireFormat::Gemini => Box::new(gemini::provider::stream::Decoder::default()),
    }
}

/// A whole reply of a wire as events.
pub fn decode_whole(wire: WireFormat, body: &str) -> Result<Vec<StreamEvent>, UpstreamError> {
    if wire == WireFormat::Anthropic {
        return anthropic::provider::reply::events(body);
    }
    let (mut decoder, mut events) = (decoder(wire), Vec::new());
    decoder.decode(&Frame { event: None, data: body }, &mut events)?;
    decoder.finish(&mut events)?;
    Ok(events)
}

/// A client's request as the conversation.
pub fn decode_request(format: ClientFormat, body: &str) -> Result<ChatRequest, GatewayError> {
    match format {
        ClientFormat::ChatCompletions => openai::decode::decode(body),
        ClientFormat::Messages => anthropic::decode::decode(body),
    }
}

/// Top-level fields of a client format that the conversation carries or the gateway acts on.
pub const fn carried_fields(format: ClientFormat) -> &'static [&'static str] {
    match format {
        ClientFormat::ChatCompletions => openai::decode::CARRIED,
        ClientFormat::Messages => anthropic::decode::CARRIED,
    }
}

/// The conversation in a wire's words.
pub fn encode_request(wire: WireFormat, request: ChatRequest, target: &Target<'_>) -> Result<Encoded, GatewayError> {
    match wire {
        WireFormat::OpenAi => openai::encode::encode(request, target),
        WireFormat::Anthropic => anthropic::encode::encode(request, target),
        WireFormat::Gemini => gemini::request::encode(request, target),
    }
}

/// The encoder to a client of that format. `estimated_input` stands in where the provider counts its input only at the end.
pub fn encoder(
    format: ClientFormat,
    identity: Identity,
    include_usage: bool,
    estimated_input: u64,
) -> Box<dyn EventEncoder> {
    match format {
        ClientFormat::ChatCompletions => Box::new(openai::client::stream::Encoder::new(identity, include_usage)),
        ClientFormat::Messages => Box::new(anthropic::client::stream::Encoder::new(identity, estimated_input)),
    }
}

/// A whole reply in a client's format.
pub fn encode_whole(format: ClientFormat, reply: &ChatResponse, identity: &Identity) -> Result<Vec<u8>, serde_json::Error> {
    match format {
        ClientFormat::ChatCompletions => openai::client::stream::whole(reply, identity),
        ClientFormat::Messages => anthropic::client::stream::whole(reply, identity),
    }
}

/// The forwarder to a client of that format.
pub fn forwarder(format: ClientFormat, identity: Identity, include_usage: bool) -> Box<dyn FrameForwarder> {
    match format {
        ClientFormat::ChatCompletions => Box::new(openai::native::stream::Forwarder::new(identity, include_usage)),
        ClientFormat::Messages => Box::new(anthropic::native::stream::Forwarder::new(identity)),
    }
}

/// An error as the body of a response, in a dialect.
pub fn error_body(dialect: Dialect, error: &GatewayError, request: RequestId) -> Vec<u8> {
    match dialect {
        Dialect::OpenAi => openai::client::error::body(error, request),
        Dialect::Anthropic => anthropic::client::error::body(error, request),
    }
}

/// Appends the one event that ends a failed stream. Nothing may follow it: no `[DONE]`, no `message_stop`.
pub fn encode_error(format: ClientFormat, error: &GatewayError, request: RequestId, out: &mut BytesMut) {
    let body = error_body(format.dialect(), error, request);
    let data = std::str::from_utf8(&body).unwrap_or_default();
    let event = match format {
        ClientFormat::ChatCompletions => None,
        ClientFormat::Messages => Some("error"),
    };
    crate::sse::write_frame(&Frame { event, data }, out);
}

/// Appends a sign of life: Anthropic's own `ping` event, or a comment, which OpenAI's SDKs skip.
pub fn encode_ping(format: ClientFormat, out: &mut BytesMut) {
    let ping: &[u8] = match format {
        ClientFormat::ChatCompletions => b": ping\n\n",
        ClientFormat::Messages => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
    };
    out.extend_from_slice(ping);
}
