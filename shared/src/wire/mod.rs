//! Formats, one folder each. A folder has up to three subfolders: `client` for its clients, `provider` for providers that
//! use it, and `native` to forward between the two; `rules` has what `provider` and `native` share. A format knows its own
//! JSON and the canonical conversation, never another format. Only this file maps formats to their code.

pub mod anthropic;
pub mod blocks;
mod body;
mod cache_marks;
pub mod claude_schema;
mod effort;
pub mod error_object;
mod finish;
pub mod fold;
mod format;
pub mod gemini;
pub mod lost;
mod measure;
pub mod media;
pub mod member_types;
pub mod names;
pub mod native;
pub mod openai;
pub mod picture;
pub mod raw;
mod reply;
pub mod request;
pub mod responses;
pub(crate) mod schema_draft;
mod schema_growth;
pub(crate) mod schema_ref;
pub mod seal;
pub mod shape;
pub mod tag;
pub mod target;
pub mod thoughts;
mod unread;
pub mod upstream_error;

use std::ops::Deref;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use crate::capability::MediaTokens;
use crate::chat::{ChatRequest, StreamEvent};
use crate::document::{Document, Value};
use crate::error::{GatewayError, UpstreamError};
use crate::ids::{ModelId, RequestId, Tag};
use crate::sse::Frame;
pub use format::{Betas, Format, Native};
pub use measure::Measured;
use media::InlinePart;
pub use reply::{
    Asked, Checked, CostOf, Delivery, Estimate, EventDecoder, EventEncoder, FrameFold, FrameForwarder, FrameUndoer,
    ReplyContext,
};
use target::{Encoded, Refusal, Target};
use thoughts::ThoughtKeys;

/// A format that clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientFormat {
    /// OpenAI Chat Completions.
    ChatCompletions,
    /// Anthropic Messages.
    Messages,
    /// OpenAI Responses.
    Responses,
}

impl ClientFormat {
    /// The implementation of the format.
    const fn face(self) -> &'static dyn Format {
        match self {
            Self::ChatCompletions => &openai::client::ChatCompletions,
            Self::Messages => &anthropic::client::Messages,
            Self::Responses => &responses::client::Responses,
        }
    }
}

impl Deref for ClientFormat {
    type Target = dyn Format;

    fn deref(&self) -> &Self::Target {
        self.face()
    }
}

/// A format that providers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireFormat {
    /// OpenAI Chat Completions, in OpenRouter's variant.
    OpenAi,
    /// Anthropic Messages, in Vertex AI's variant.
    Anthropic,
    /// Gemini `generateContent`, in Vertex AI's variant.
    Gemini,
}

/// How the client wants its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As server-sent events.
    Streaming,
    /// As one JSON body.
    Whole,
    /// Only the number of input tokens.
    Count,
}

/// The id and the model name of a reply. The gateway makes the id. The model is the one that the client asked for, under its
/// id in the catalogue.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The reply's id in the client format's form.
    pub id: String,
    /// The catalogue's model id.
    pub model: ModelId,
    /// When the reply was created: the start of the request, in seconds since the epoch.
    pub created: u64,
    /// Whether the client uses the older `function_call`, of which a reply has at most one.
    pub function_calls: bool,
    /// Source of the tool call ids.
    request: RequestId,
    format: ClientFormat,
}

impl Identity {
    /// The identity of the reply to a request.
    pub fn new(request: RequestId, model: ModelId, format: ClientFormat) -> Self {
        let id = format!("{}{}", format.reply_id_prefix(), request.hex());
        Self { id, model, created: request.started().as_secs(), function_calls: false, request, format }
    }

    /// The id of the reply's n-th tool call on a translated route: at most 40 letters, digits and `_`. Other gateways hide
    /// signatures in ids, which other providers then reject.
    pub fn call_id(&self, position: usize) -> String {
        format!("{}{}{position}", self.format.call_id_prefix(), self.request.hex())
    }
}

/// The client's output limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// The field that contains it.
    pub field: &'static str,
    /// Maximum output tokens.
    pub tokens: u64,
}

/// A client's request whose shape was checked.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// Format of the body.
    pub format: ClientFormat,
    /// Format of the reply: the endpoint's format.
    pub answered_in: ClientFormat,
    /// The body.
    pub document: Arc<Document>,
    /// The model name as the client wrote it.
    pub model: String,
    /// How the client wants its reply.
    pub mode: Mode,
    /// The client's output limit.
    pub max_tokens: Option<OutputLimit>,
    /// Whether a stream ends with a usage chunk (`stream_options.include_usage`; Anthropic streams always have usage).
    pub include_usage: bool,
    /// Whether the reply is a summary that replaces the conversation (`POST /v1/responses/compact`).
    pub is_compaction: bool,
}

impl ClientRequest {
    /// A request whose reply has the same format as its body. If the reply is a stream, its last event has the usage.
    pub const fn new(
        format: ClientFormat,
        document: Arc<Document>,
        model: String,
        mode: Mode,
        max_tokens: Option<OutputLimit>,
    ) -> Self {
        let (include_usage, is_compaction) = (true, false);
        Self { format, answered_in: format, document, model, mode, max_tokens, include_usage, is_compaction }
    }

    /// The body.
    pub fn body(&self) -> Value<'_> {
        self.document.root()
    }

    /// The client's own label for the request (`metadata.tag`), if there is one. An invalid one is a 400.
    pub fn tag(&self) -> Result<Option<Tag>, GatewayError> {
        tag::of(self.body())
    }
}

/// Reads a client's body and checks its shape. Every error is a 400 that names the path. `format` is the endpoint's format.
/// The reply uses it, even if the body is in another format.
///
/// ```
/// use gateway::wire::{self, ClientFormat};
///
/// let body = r#"{"model":"gpt-5.2","messages":[{"role":"user","content":"Hello!"}],"max_tokens":64}"#;
/// let request = wire::open_request(ClientFormat::ChatCompletions, body.to_owned())
///     .map_err(|error| error.message().to_owned())?;
/// assert_eq!((request.model.as_str(), request.max_tokens.map(|limit| limit.tokens)), ("gpt-5.2", Some(64)));
///
/// let conversation = wire::decode_request(&request, None).map_err(|error| error.message().to_owned())?;
/// assert_eq!(conversation.messages.len(), 1);
///
/// let wrong = wire::open_request(ClientFormat::Messages, body.replace("user", "robot")).err();
/// assert_eq!(wrong.and_then(|error| error.param().map(str::to_owned)).as_deref(), Some("messages[0].role"));
/// # Ok::<(), String>(())
/// ```
pub fn open_request(format: ClientFormat, body: String) -> Result<ClientRequest, GatewayError> {
    let document = parse(format, body)?;
    if format != ClientFormat::ChatCompletions || !is_of_responses(document.root()) {
        return format.open(document);
    }
    let request = ClientFormat::Responses.open(parse(ClientFormat::Responses, document.root().json().0)?)?;
    let include_usage = openai::client::request::includes_usage(request.body())?;
    Ok(ClientRequest { answered_in: format, include_usage, ..request })
}

/// Whether a Chat Completions body uses the fields of Responses, as Cursor sends it: it has `input` and no `messages`.
fn is_of_responses(body: Value<'_>) -> bool {
    body.get("messages").is_none() && body.get("input").is_some()
}

/// Reads a Responses conversation that is to be replaced by a summary, and adds the task for the model.
pub fn open_compaction(body: String) -> Result<ClientRequest, GatewayError> {
    let format = ClientFormat::Responses;
    let task = responses::client::compaction::request(&*parse(format, body)?)?;
    Ok(ClientRequest { is_compaction: true, ..format.open(parse(format, task)?)? })
}

/// Reads a body whose input tokens are to be counted.
pub fn open_count(format: ClientFormat, body: String) -> Result<ClientRequest, GatewayError> {
    format.open_count(parse(format, body)?)
}

fn parse(format: ClientFormat, body: String) -> Result<Arc<Document>, GatewayError> {
    Document::parse(body, format.own_names()).map(Arc::new)
}

/// Measures a client's own body, to estimate its tokens. Client formats have parts in the same positions as the provider
/// format with the same bodies. Returns `None` for a format that no provider uses.
pub fn measure_request(request: &ClientRequest, media: &MediaTokens) -> Option<Measured> {
    let wire = request.format.native()?.wire();
    Some(Measured::of_document(wire, &request.document, media))
}

/// The ids of tool calls that the gateway created and whose signatures the client could not send back.
pub fn unsigned_call_ids(request: &ClientRequest) -> Vec<String> {
    let ids = request.format.unsigned_call_ids(request.body());
    ids.into_iter().filter(|id| is_own_call_id(request.format, id)).collect()
}

/// Whether an id has the form of [`Identity::call_id`].
fn is_own_call_id(format: ClientFormat, id: &str) -> bool {
    const REQUEST_DIGITS: usize = 32;
    const MOST_DIGITS: usize = REQUEST_DIGITS + 3;
    let digits = id.strip_prefix(format.call_id_prefix()).unwrap_or_default();
    let fits = digits.len() > REQUEST_DIGITS && digits.len() <= MOST_DIGITS;
    fits && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Reads a provider's token count: `input_tokens` from Claude, `totalTokens` from Gemini.
pub fn decode_count(body: &str) -> Result<u64, UpstreamError> {
    #[derive(serde::Deserialize)]
    struct Count {
        #[serde(alias = "totalTokens")]
        input_tokens: u64,
    }
    let count: Result<Count, _> = serde_json::from_str(body);
    count.map(|count| count.input_tokens).map_err(UpstreamError::from)
}

impl WireFormat {
    /// Whether a body must have an output limit.
    pub const fn demands_output_limit(self) -> bool {
        match self {
            Self::Anthropic => true,
            Self::OpenAi | Self::Gemini => false,
        }
    }

    /// The header, if any, that repeats a field of this body.
    pub fn header(self, body: Value<'_>) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Anthropic => anthropic::betas::header(body),
            Self::OpenAi | Self::Gemini => None,
        }
    }

    /// Why a model rejects inline bytes in a part of this kind and label, if the format knows it before encoding. The text
    /// says what is rejected.
    pub fn media_refusal(self, target: &Target<'_>, part: &InlinePart<'_>) -> Option<&'static str> {
        match self {
            Self::OpenAi => openai::media_refusal(target.upstream, part),
            Self::Gemini => gemini::media_refusal(part, target),
            Self::Anthropic => None,
        }
    }

    /// Whether the provider extracts the text of documents for models that cannot read them (OpenRouter's plugin
    /// `file-parser`).
    pub const fn parses_files(self) -> bool {
        match self {
            Self::OpenAi => true,
            Self::Anthropic | Self::Gemini => false,
        }
    }
}

/// The stream decoder of a provider format.
pub fn decoder(wire: WireFormat) -> Box<dyn EventDecoder> {
    match wire {
        WireFormat::OpenAi => Box::new(openai::provider::stream::Decoder::default()),
        WireFormat::Anthropic => Box::new(anthropic::provider::stream::Decoder::default()),
        WireFormat::Gemini => Box::new(gemini::provider::stream::Decoder::default()),
    }
}

/// Splits a whole reply into the frames of a stream, so that the stream's decoder reads it. Calls `each` for every frame. A
/// list is read item by item: Google wraps errors in one, and streams as one if no events are requested.
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

/// Decodes a whole reply to events.
///
/// ```
/// use gateway::chat::{self, FinishReason};
/// use gateway::wire::{self, WireFormat};
///
/// let body = r#"{"candidates":[{"content":{"parts":[{"text":"Hello!"}]},"finishReason":"STOP"}],
///     "usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}"#;
/// let events = wire::decode_whole(WireFormat::Gemini, body).map_err(|error| error.message)?;
/// let reply = chat::collect(events).ok_or("not finished")?;
/// assert_eq!((reply.finish, reply.usage.map(|usage| usage.output)), (FinishReason::Stop, Some(2)));
/// # Ok::<(), String>(())
/// ```
pub fn decode_whole(wire: WireFormat, body: &str) -> Result<Vec<StreamEvent>, UpstreamError> {
    let (mut decoder, mut events) = (decoder(wire), Vec::new());
    frames_of_whole(wire, body, |frame| decoder.decode(frame, &mut events))?;
    decoder.finish(&mut events)?;
    Ok(events)
}

/// Decodes a client's request to the conversation.
pub fn decode_request(request: &ClientRequest, thoughts: Option<&ThoughtKeys>) -> Result<ChatRequest, GatewayError> {
    request.format.decode(request.body(), thoughts)
}

/// Encodes the conversation for a provider format.
pub fn encode_request(wire: WireFormat, request: ChatRequest, target: &Target<'_>) -> Result<Encoded, Refusal> {
    Ok(match wire {
        WireFormat::OpenAi => openai::provider::request::encode(request, target)?,
        WireFormat::Anthropic => anthropic::provider::request::encode(request, target)?,
        WireFormat::Gemini => gemini::provider::request::encode(request, target)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_ids_of_our_own_making_are_told_from_others() {
        let format = ClientFormat::ChatCompletions;
        let own = Identity::new(RequestId::generate(), ModelId::new("m"), format).call_id(12);
        assert!(is_own_call_id(format, &own));
        for other in ["call_abc", &format!("call_{}", "f".repeat(50)), &format!("{own}x"), "toolu_1", ""] {
            assert!(!is_own_call_id(format, other), "{other}");
        }
    }
}
