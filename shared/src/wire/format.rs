//! The interface of a client format: everything that the rest of the gateway asks of it.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;

use super::lost::Lost;
use super::native::{Forwarding, Undo};
use super::reply::{EventEncoder, FrameFold, FrameForwarder, FrameUndoer, ReplyContext};
use super::target::Target;
use super::thoughts::ThoughtKeys;
use super::{ClientRequest, Mode, WireFormat};
use crate::chat::{ChatRequest, ChatResponse};
use crate::document::{Document, Pattern, Value};
use crate::error::{ErrorWords, GatewayError};
use crate::ids::RequestId;

/// Beta features that a client requests in headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Betas {
    /// Those that the vendor's models accept, by the vendor's names.
    pub accepted: Vec<&'static str>,
    /// Those that no route accepts, as reported to the client.
    pub dropped: Vec<String>,
}

/// A format that clients use.
pub trait Format: Sync {
    /// Its name in records and logs.
    fn name(&self) -> &'static str;

    /// Prefix of reply ids.
    fn reply_id_prefix(&self) -> &'static str;

    /// Prefix of tool call ids.
    fn call_id_prefix(&self) -> &'static str;

    /// The error types and statuses of this format.
    fn error_words(&self) -> &'static ErrorWords;

    /// Writes an error as the body of a response.
    fn error_body(&self, error: &GatewayError, request: RequestId) -> Vec<u8>;

    /// Appends a keep-alive to a stream.
    fn ping(&self, out: &mut BytesMut);

    /// Values whose field names are the client's own, such as schemas and arguments.
    fn own_names(&self) -> &'static [Pattern];

    /// Reads a request and checks its shape. Every error is a 400 that names the path.
    fn open(&self, document: Arc<Document>) -> Result<ClientRequest, GatewayError>;

    /// Reads a request whose input tokens are to be counted.
    fn open_count(&self, document: Arc<Document>) -> Result<ClientRequest, GatewayError> {
        Ok(ClientRequest { mode: Mode::Count, ..self.open(document)? })
    }

    /// The `object` of a token count, if the format has one.
    fn count_object(&self) -> Option<&'static str> {
        None
    }

    /// Decodes an opened request to the conversation. `thoughts` verifies reasoning that the client kept for the gateway;
    /// without it no such reasoning is accepted.
    fn decode(&self, body: Value<'_>, thoughts: Option<&ThoughtKeys>) -> Result<ChatRequest, GatewayError>;

    /// The values of a body that contain content parts.
    fn contents<'d>(&self, body: Value<'d>) -> Vec<Value<'d>> {
        let messages = body.get("messages").into_iter().flat_map(Value::elements);
        messages.filter_map(|message| message.get("content")).chain(body.get("system")).collect()
    }

    /// Top-level fields that the conversation holds or the gateway uses. Sorted.
    fn carried_fields(&self) -> &'static [&'static str];

    /// Whether a declared tool runs at the client.
    fn is_client_tool(&self, tool: Value<'_>) -> bool;

    /// The path, in the client's own request, of something that a route does not support. If several fields can express it,
    /// the one that is present.
    fn path_of(&self, lost: Lost, body: Value<'_>) -> &'static str;

    /// Whether clients send back the signatures of tool calls. If not, the vault keeps them.
    fn carries_signatures(&self) -> bool;

    /// The ids of a request's tool calls and results, in order, if clients do not send signatures back.
    fn unsigned_call_ids(&self, _body: Value<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Whether a request's client knows a call as OpenAI's older `function_call` only.
    fn knows_function_call(&self, _body: Value<'_>) -> bool {
        false
    }

    /// The header that asks for betas, where the format has one.
    fn beta_header(&self) -> Option<&'static str> {
        None
    }

    /// Sorts the values of that header.
    fn betas(&self, _values: &[&str]) -> Betas {
        Betas::default()
    }

    /// The encoder of a reply's stream.
    fn encoder(&self, context: ReplyContext) -> Box<dyn EventEncoder>;

    /// A whole reply.
    fn encode_whole(&self, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error>;

    /// What forwarding needs, where providers speak the format too.
    fn native(&self) -> Option<&'static dyn Native>;
}

/// A client format that providers use too, so that requests and replies can be forwarded.
pub trait Native: Sync + fmt::Debug {
    /// The provider format with the same bodies.
    fn wire(&self) -> WireFormat;

    /// Whether a request can be forwarded. A request that needs the conversation is translated, even to its own format.
    fn takes(&self, _body: Value<'_>, _target: &Target<'_>) -> bool {
        true
    }

    /// Returns the request with the edits that its model needs. `betas` are those that the vendor's models accept. Fails
    /// with a 400 that names the path if the provider format cannot hold something.
    fn forward<'d>(
        &self,
        request: &'d ClientRequest,
        target: &Target<'_>,
        betas: &[&str],
    ) -> Result<Forwarding<'d>, GatewayError>;

    /// Returns what restores in a reply what the request changed; `None` if nothing must be restored.
    fn undoer(&self, undo: &Undo) -> Option<Box<dyn FrameUndoer>>;

    /// The forwarder of a reply's stream.
    fn forwarder(&self, context: ReplyContext) -> Box<dyn FrameForwarder>;

    /// The fold that turns a reply's stream into the whole reply.
    fn fold(&self) -> Box<dyn FrameFold>;

    /// Corrects a provider's whole reply for the client. `reply` is the reply after the rules.
    fn correct_whole(&self, body: &str, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error>;
}
