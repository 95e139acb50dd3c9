//! Responses clients: their requests, and the replies for them.

pub mod compaction;
pub mod error;
mod item;
pub mod reply;
pub mod request;
mod response;
pub mod stream;
mod tool;

use std::sync::Arc;

use bytes::BytesMut;

use crate::chat::{ChatRequest, ChatResponse};
use crate::document::{Document, Pattern, Value};
use crate::error::{ErrorWords, GatewayError};
use crate::ids::RequestId;
use crate::wire::error_object;
use crate::wire::lost::Lost;
use crate::wire::request::there;
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::{ClientRequest, EventEncoder, Format, Native, ReplyContext};

/// OpenAI Responses.
#[derive(Clone, Copy, Debug)]
pub struct Responses;

impl Format for Responses {
    fn name(&self) -> &'static str {
        "responses"
    }

    fn reply_id_prefix(&self) -> &'static str {
        "resp_"
    }

    fn call_id_prefix(&self) -> &'static str {
        "call_"
    }

    fn error_words(&self) -> &'static ErrorWords {
        &error_object::WORDS
    }

    fn error_body(&self, error: &GatewayError, request: RequestId) -> Vec<u8> {
        error_object::body(error, request, error::CONVERSATION)
    }

    fn ping(&self, out: &mut BytesMut) {
        stream::ping(out);
    }

    fn own_names(&self) -> &'static [Pattern] {
        request::OWN_NAMES
    }

    fn open(&self, document: Arc<Document>) -> Result<ClientRequest, GatewayError> {
        request::open(document)
    }

    fn count_object(&self) -> Option<&'static str> {
        Some("response.input_tokens")
    }

    fn decode(&self, body: Value<'_>, thoughts: Option<&ThoughtKeys>) -> Result<ChatRequest, GatewayError> {
        request::decode(body, thoughts)
    }

    fn contents<'d>(&self, body: Value<'d>) -> Vec<Value<'d>> {
        request::contents(body)
    }

    fn carried_fields(&self) -> &'static [&'static str] {
        request::CARRIED
    }

    fn is_client_tool(&self, declared: Value<'_>) -> bool {
        tool::is_client_tool(declared)
    }

    fn path_of(&self, lost: Lost, body: Value<'_>) -> &'static str {
        match lost {
            Lost::Temperature => "temperature",
            Lost::TopP => "top_p",
            Lost::MaxTokens => "max_output_tokens",
            Lost::Reasoning | Lost::Effort => there(body, &["reasoning.effort"]).unwrap_or("reasoning"),
            Lost::ParallelToolCalls => "parallel_tool_calls",
            Lost::ResponseFormat => "text.format",
            Lost::Verbosity => "text.verbosity",
            Lost::ToolChoice => "tool_choice",
            Lost::User => there(body, &["user"]).unwrap_or("safety_identifier"),
            // The format has no fields for these, so they are never lost.
            Lost::TopK => "top_k",
            Lost::Seed => "seed",
            Lost::FrequencyPenalty => "frequency_penalty",
            Lost::PresencePenalty => "presence_penalty",
            Lost::Stop => "stop",
        }
    }

    /// Clients keep only a call's id, name and arguments.
    fn carries_signatures(&self) -> bool {
        false
    }

    fn unsigned_call_ids(&self, body: Value<'_>) -> Vec<String> {
        request::call_ids(body)
    }

    fn encoder(&self, context: ReplyContext) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::new(context))
    }

    fn encode_whole(&self, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
        reply::whole(reply, context)
    }

    /// No provider uses this format.
    fn native(&self) -> Option<&'static dyn Native> {
        None
    }
}
