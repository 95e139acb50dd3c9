//! Formats: one folder each, with the same file names in each. A format knows its own JSON and the canonical conversation,
//! never another format. This page is the one dispatch table.

pub mod anthropic;
pub mod fold;
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

use crate::chat::{ChatRequest, ChatResponse, StreamEvent};
use crate::error::{Dialect, GatewayError, UpstreamError, UpstreamErrorKind};
use crate::ids::{ModelId, ProviderId, RequestId};
use crate::sse::Frame;
use raw::RawObject;
pub use reply::{Checked, CostOf, Delivery, EventDecoder, EventEncoder, FrameFold, FrameForwarder, ReplyContext};
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

/// The decoder of a wire's streams.
pub fn decoder(wire: WireFormat) -> Box<dyn EventDecoder> {
    match wire {
        WireFormat::OpenAi => Box::new(openai::provider::stream::Decoder::default()),
        WireFormat::Anthropic => Box::new(anthropic::provider::stream::Decoder::default()),
        WireFormat::Gemini => Box::new(gemini::provider::stream::Decoder::default()),
    }
}

/// A whole reply of a wire as the frames of a stream: it is read by the stream's decoder. Calls `each` for every frame. A list is
/// read item by item: Google wraps errors into one, and streams so where nobody asks for events.
pub fn frames_of_whole(
    wire: WireFormat,
    body: &str,
    mut each: impl FnMut(&Frame<'_>) -> Result<(), UpstreamError>,
) -> Result<(), UpstreamError> {
    if body.trim_start().starts_with('[') {
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(body)?;
        return items.iter().try_for_each(|item| frames_of_object(wire, item.get(), &mut each));
    }
    frames_of_object(wire, body, &mut each)
}

fn frames_of_object(
    wire: WireFormat,
    body: &str,
    each: &mut impl FnMut(&Frame<'_>) -> Result<(), UpstreamError>,
) -> Result<(), UpstreamError> {
    match wire {
        WireFormat::OpenAi => each(&Frame { event: None, data: &openai::provider::reply::as_chunk(body)? }),
        WireFormat::Anthropic => anthropic::provider::reply::as_events(body)?
            .iter()
            .try_for_each(|frame| each(&Frame { event: Some(frame.event), data: &frame.data })),
        WireFormat::Gemini => each(&Frame { event: None, data: body }),
    }
}

/// A whole reply of a wire as events.
pub fn decode_whole(wire: WireFormat, body: &str) -> Result<Vec<StreamEvent>, UpstreamError> {
    let (mut decoder, mut events) = (decoder(wire), Vec::new());
    frames_of_whole(wire, body, |frame| decoder.decode(frame, &mut events))?;
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

/// The encoder to the client of that request.
pub fn encoder(context: ReplyContext) -> Box<dyn EventEncoder> {
    match context.format {
        ClientFormat::ChatCompletions => Box::new(openai::client::stream::Encoder::new(context)),
        ClientFormat::Messages => Box::new(anthropic::client::stream::Encoder::new(context)),
    }
}

/// A whole reply in its client's format.
pub fn encode_whole(reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
    match context.format {
        ClientFormat::ChatCompletions => openai::client::reply::whole(reply, context),
        ClientFormat::Messages => anthropic::client::reply::whole(reply, context),
    }
}

/// The forwarder to the client of that request.
pub fn forwarder(context: ReplyContext) -> Box<dyn FrameForwarder> {
    match context.format {
        ClientFormat::ChatCompletions => Box::new(openai::native::stream::Forwarder::new(context)),
        ClientFormat::Messages => Box::new(anthropic::native::stream::Forwarder::new(context)),
    }
}

/// The fold of a format's own streams.
pub fn fold(format: ClientFormat) -> Box<dyn FrameFold> {
    match format {
        ClientFormat::ChatCompletions => Box::new(openai::native::reply::Fold::default()),
        ClientFormat::Messages => Box::new(anthropic::native::reply::Fold::default()),
    }
}

/// A provider's own whole reply as the client of the same format gets it; `reply` says what is true of it.
pub fn correct_whole(body: &str, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
    match context.format {
        ClientFormat::ChatCompletions => openai::native::reply::corrected(body, reply, context),
        ClientFormat::Messages => anthropic::native::reply::corrected(body, reply, context),
    }
}

/// An error as the body of a response, in a dialect.
pub fn error_body(dialect: Dialect, error: &GatewayError, request: RequestId) -> Vec<u8> {
    match dialect {
        Dialect::OpenAi => openai::client::error::body(error, request),
        Dialect::Anthropic => anthropic::client::error::body(error, request),
    }
}

/// Appends the one event that ends a failed stream of which nothing was encoded. Nothing may follow it: no `[DONE]`, no
/// `message_stop`.
pub fn encode_error(format: ClientFormat, error: &GatewayError, request: RequestId, out: &mut BytesMut) {
    match format {
        ClientFormat::ChatCompletions => openai::client::error::event(error, request, out),
        ClientFormat::Messages => anthropic::client::error::event(error, request, out),
    }
}

/// Appends a sign of life to a stream.
pub fn encode_ping(format: ClientFormat, out: &mut BytesMut) {
    match format {
        ClientFormat::ChatCompletions => openai::client::stream::ping(out),
        ClientFormat::Messages => anthropic::client::stream::ping(out),
    }
}
