//! Formats: one folder each, with the same file names in each. A format knows its own JSON and the canonical conversation,
//! never another format. This page is the one dispatch table.

pub mod anthropic;
pub mod gemini;
pub mod lost;
pub mod media;
pub mod names;
pub mod native;
pub mod openai;
pub mod raw;
mod reply;
pub mod request;
pub(crate) mod schema_ref;
pub mod shape;
pub mod target;
pub mod upstream_error;

use std::sync::Arc;

use bytes::BytesMut;

use crate::chat::{ChatRequest, ChatResponse, StreamEvent, Usage};
use crate::document::{Document, Edits, Value};
use crate::error::{Dialect, GatewayError, UpstreamError, UpstreamErrorKind};
use crate::ids::{ModelId, ProviderId, RequestId};
use crate::sse::Frame;
use native::Forwarding;
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

/// A client's own limit for the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// The field that holds it.
    pub field: &'static str,
    /// Most output tokens.
    pub tokens: u64,
}

/// A client's request, checked for shape.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// The client's format.
    pub format: ClientFormat,
    /// The body.
    pub document: Arc<Document>,
    /// The model as the client names it.
    pub model: String,
    /// How the reply is wanted.
    pub mode: Mode,
    /// The client's own limit for the output.
    pub max_tokens: Option<OutputLimit>,
    /// Whether a stream ends with a usage chunk (`stream_options.include_usage`; Anthropic streams always carry usage).
    pub include_usage: bool,
}

impl ClientRequest {
    /// The body.
    pub fn body(&self) -> Value<'_> {
        self.document.root()
    }

    /// The same request with that limit for the output.
    pub fn with_output_limit(&self, tokens: u64) -> Result<Self, GatewayError> {
        let field = self.max_tokens.map_or("max_tokens", |limit| limit.field);
        let mut edits = Edits::default();
        edits.set(self.body(), field, &tokens);
        let text = String::from_utf8(self.document.edited(&edits));
        let document = parse(self.format, text.map_err(|error| GatewayError::internal(error.to_string()))?)?;
        Ok(Self { document, max_tokens: Some(OutputLimit { field, tokens }), ..self.clone() })
    }
}

/// Reads a client's body and checks its shape; every fault is a 400 that names the path.
pub fn open_request(format: ClientFormat, body: String) -> Result<ClientRequest, GatewayError> {
    let document = parse(format, body)?;
    match format {
        ClientFormat::ChatCompletions => openai::client::request::open(document),
        ClientFormat::Messages => anthropic::client::request::open(document),
    }
}

/// Reads a body for `count_tokens`: a Messages request without an output limit.
pub fn open_count(body: String) -> Result<ClientRequest, GatewayError> {
    anthropic::client::request::open_count(parse(ClientFormat::Messages, body)?)
}

fn parse(format: ClientFormat, body: String) -> Result<Arc<Document>, GatewayError> {
    let own_names = match format {
        ClientFormat::ChatCompletions => openai::client::request::OWN_NAMES,
        ClientFormat::Messages => anthropic::client::request::OWN_NAMES,
    };
    Document::parse(body, own_names).map(Arc::new)
}

/// The ids of a request's tool calls whose signatures its client could not carry, so that the vault may have them.
pub fn unsigned_call_ids(request: &ClientRequest) -> Vec<String> {
    match request.format {
        ClientFormat::ChatCompletions => openai::client::request::call_ids(request.body()),
        ClientFormat::Messages => Vec::new(),
    }
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
pub fn decode_request(request: &ClientRequest) -> Result<ChatRequest, GatewayError> {
    match request.format {
        ClientFormat::ChatCompletions => openai::client::request::decode(request.body()),
        ClientFormat::Messages => anthropic::client::request::decode(request.body()),
    }
}

/// Top-level fields of a client format that the conversation carries or the gateway acts on.
pub const fn carried_fields(format: ClientFormat) -> &'static [&'static str] {
    match format {
        ClientFormat::ChatCompletions => openai::client::request::CARRIED,
        ClientFormat::Messages => anthropic::client::request::CARRIED,
    }
}

/// Whether a declared tool of a client format runs at the client.
pub fn is_client_tool(format: ClientFormat, tool: Value<'_>) -> bool {
    match format {
        ClientFormat::ChatCompletions => openai::client::request::is_client_tool(tool),
        ClientFormat::Messages => anthropic::client::request::is_client_tool(tool),
    }
}

/// A request for a provider of the client's own format, with the edits it needs; `None` when the model would refuse it all the
/// same, so that it must be translated. `betas` are those of Anthropic's that Vertex takes.
pub fn forward_request<'d>(
    request: &'d ClientRequest,
    target: &Target<'_>,
    betas: &[&str],
) -> Result<Option<Forwarding<'d>>, GatewayError> {
    match request.format {
        ClientFormat::ChatCompletions => openai::native::request::forward(request, target).map(Some),
        ClientFormat::Messages if !anthropic::native::request::fits(request.body(), target) => Ok(None),
        ClientFormat::Messages => anthropic::native::request::forward(request, target, betas).map(Some),
    }
}

/// The conversation in a wire's words.
pub fn encode_request(wire: WireFormat, request: ChatRequest, target: &Target<'_>) -> Result<Encoded, GatewayError> {
    match wire {
        WireFormat::OpenAi => openai::provider::request::encode(request, target),
        WireFormat::Anthropic => anthropic::provider::request::encode(request, target),
        WireFormat::Gemini => gemini::provider::request::encode(request, target),
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
