//! The face of a client format: everything that the rest of the gateway asks of one.

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

/// Features of a vendor that a client asks for beside its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Betas {
    /// Those that the vendor's models take, under the names that they have there.
    pub accepted: Vec<&'static str>,
    /// Those that no route takes, as the client is told of them.
    pub dropped: Vec<String>,
}

/// A format that clients speak to us.
pub trait Format: Sync {
    /// The name in records and logs.
    fn name(&self) -> &'static str;

    /// What a reply's id begins with.
    fn reply_id_prefix(&self) -> &'static str;

    /// What the id of a tool call begins with.
    fn call_id_prefix(&self) -> &'static str;

    /// The words by which its clients know failures.
    fn error_words(&self) -> &'static ErrorWords;

    /// An error as the body of a response.
    fn error_body(&self, error: &GatewayError, request: RequestId) -> Vec<u8>;

    /// Appends a sign of life to a stream.
    fn ping(&self, out: &mut BytesMut);

    /// Values whose names are the client's own: schemas, arguments.
    fn own_names(&self) -> &'static [Pattern];

    /// Reads a request and checks its shape; every fault is a 400 that names the path.
    fn open(&self, document: Arc<Document>) -> Result<ClientRequest, GatewayError>;

    /// Reads a request whose input tokens shall be counted.
    fn open_count(&self, document: Arc<Document>) -> Result<ClientRequest, GatewayError> {
        Ok(ClientRequest { mode: Mode::Count, ..self.open(document)? })
    }

    /// The `object` of an answer that counts tokens, where the format has one.
    fn count_object(&self) -> Option<&'static str> {
        None
    }

    /// The conversation of an opened request. `thoughts` reads those that its client keeps for the gateway; without it none can be
    /// believed.
    fn decode(&self, body: Value<'_>, thoughts: Option<&ThoughtKeys>) -> Result<ChatRequest, GatewayError>;

    /// The values of a body that hold content parts.
    fn contents<'d>(&self, body: Value<'d>) -> Vec<Value<'d>> {
        let messages = body.get("messages").into_iter().flat_map(Value::elements);
        messages.filter_map(|message| message.get("content")).chain(body.get("system")).collect()
    }

    /// Top-level fields that the conversation carries, or that the gateway acts on. Sorted.
    fn carried_fields(&self) -> &'static [&'static str];

    /// Whether a declared tool runs at the client.
    fn is_client_tool(&self, tool: Value<'_>) -> bool;

    /// The path, in the client's own request, of what a wire could not carry: of several fields for it, of one that is there.
    fn path_of(&self, lost: Lost, body: Value<'_>) -> &'static str;

    /// Whether its clients send back the signatures of tool calls. The vault keeps them for those that do not.
    fn carries_signatures(&self) -> bool;

    /// The ids of a request's tool calls and results, in order, where clients do not send signatures back.
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

/// A client format that providers speak too: requests and replies can be passed through.
pub trait Native: Sync + fmt::Debug {
    /// The wire whose bodies are the same.
    fn wire(&self) -> WireFormat;

    /// Whether a request can be forwarded: what only the conversation can say is translated even to its own wire.
    fn takes(&self, _body: Value<'_>, _target: &Target<'_>) -> bool {
        true
    }

    /// A request with the edits that its model needs. `betas` are those that the vendor's models take. Fails with a 400 that names
    /// the path where the wire has no place for something.
    fn forward<'d>(
        &self,
        request: &'d ClientRequest,
        target: &Target<'_>,
        betas: &[&str],
    ) -> Result<Forwarding<'d>, GatewayError>;

    /// What undoes in a reply what its request changed; `None` where nothing has to be undone.
    fn undoer(&self, undo: &Undo) -> Option<Box<dyn FrameUndoer>>;

    /// The forwarder of a reply's stream.
    fn forwarder(&self, context: ReplyContext) -> Box<dyn FrameForwarder>;

    /// The fold of a reply's stream to the whole reply.
    fn fold(&self) -> Box<dyn FrameFold>;

    /// A provider's own whole reply as the client gets it; `reply` says what is true of it.
    fn correct_whole(&self, body: &str, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error>;
}
