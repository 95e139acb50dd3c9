//! Chat Completions clients: their requests, and the replies for them.

pub mod error;
pub mod reply;
pub mod request;
pub mod stream;

use std::sync::Arc;

use bytes::BytesMut;

use crate::chat::{ChatRequest, ChatResponse};
use crate::document::{Document, Pattern, Value};
use crate::error::{ErrorWords, GatewayError};
use crate::ids::RequestId;
use crate::wire::error_object;
use crate::wire::lost::Lost;
use crate::wire::openai::native::ChatCompletionsWire;
use crate::wire::request::there;
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::{ClientRequest, EventEncoder, Format, Native, ReplyContext};

/// OpenAI Chat Completions.
#[derive(Clone, Copy, Debug)]
pub struct ChatCompletions;

/// Fields with which clients ask for reasoning. The first one that is set counts.
const REASONING: &[&str] =
    &["reasoning_effort", "reasoning.effort", "reasoning.max_tokens", "reasoning.enabled", "reasoning", "thinking"];

impl Format for ChatCompletions {
    fn name(&self) -> &'static str {
        "chat_completions"
    }

    fn reply_id_prefix(&self) -> &'static str {
        "chatcmpl-"
    }

    fn call_id_prefix(&self) -> &'static str {
        "call_"
    }

    fn error_words(&self) -> &'static ErrorWords {
        &error_object::WORDS
    }

    fn error_body(&self, error: &GatewayError, request: RequestId) -> Vec<u8> {
        error_object::body(error, request, error_object::CONVERSATION)
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

    fn decode(&self, body: Value<'_>, _thoughts: Option<&ThoughtKeys>) -> Result<ChatRequest, GatewayError> {
        request::decode(body)
    }

    fn carried_fields(&self) -> &'static [&'static str] {
        request::CARRIED
    }

    fn is_client_tool(&self, tool: Value<'_>) -> bool {
        request::is_client_tool(tool)
    }

    fn path_of(&self, lost: Lost, body: Value<'_>) -> &'static str {
        match lost {
            Lost::Temperature => "temperature",
            Lost::TopP => "top_p",
            Lost::TopK => "top_k",
            Lost::Seed => "seed",
            Lost::FrequencyPenalty => "frequency_penalty",
            Lost::PresencePenalty => "presence_penalty",
            Lost::Stop => "stop",
            Lost::MaxTokens => there(body, &["max_completion_tokens"]).unwrap_or("max_tokens"),
            Lost::Reasoning | Lost::Effort => there(body, REASONING).unwrap_or("reasoning_effort"),
            Lost::ParallelToolCalls => "parallel_tool_calls",
            Lost::ResponseFormat => "response_format",
            Lost::ToolChoice => "tool_choice",
            Lost::Verbosity => "verbosity",
            Lost::User => there(body, &["user"]).unwrap_or("safety_identifier"),
        }
    }

    /// Clients keep only a call's id, name and arguments.
    fn carries_signatures(&self) -> bool {
        false
    }

    fn unsigned_call_ids(&self, body: Value<'_>) -> Vec<String> {
        request::call_ids(body)
    }

    fn knows_function_call(&self, body: Value<'_>) -> bool {
        request::knows_function_call(body)
    }

    fn encoder(&self, context: ReplyContext) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::new(context))
    }

    fn encode_whole(&self, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
        reply::whole(reply, context)
    }

    fn native(&self) -> Option<&'static dyn Native> {
        Some(&ChatCompletionsWire)
    }
}
