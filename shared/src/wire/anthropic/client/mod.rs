//! Messages clients: their requests, and the replies for them.

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
use crate::wire::anthropic::betas;
use crate::wire::anthropic::native::MessagesWire;
use crate::wire::lost::Lost;
use crate::wire::request::there;
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::{Betas, ClientRequest, EventEncoder, Format, Native, ReplyContext};

/// Anthropic Messages.
#[derive(Clone, Copy, Debug)]
pub struct Messages;

impl Format for Messages {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn reply_id_prefix(&self) -> &'static str {
        "msg_"
    }

    fn call_id_prefix(&self) -> &'static str {
        "toolu_"
    }

    fn error_words(&self) -> &'static ErrorWords {
        &error::WORDS
    }

    fn error_body(&self, error: &GatewayError, request: RequestId) -> Vec<u8> {
        error::body(error, request)
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

    /// A count needs no output limit.
    fn open_count(&self, document: Arc<Document>) -> Result<ClientRequest, GatewayError> {
        request::open_count(document)
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
            Lost::Stop => "stop_sequences",
            Lost::MaxTokens => "max_tokens",
            Lost::Effort => "output_config.effort",
            Lost::Reasoning => there(body, &["thinking", "output_config.effort"]).unwrap_or("thinking"),
            Lost::ParallelToolCalls => "tool_choice.disable_parallel_tool_use",
            Lost::ResponseFormat => {
                there(body, &["output_config.format", "output_format"]).unwrap_or("output_config.format")
            }
            Lost::ToolChoice => "tool_choice",
            // Messages has no such field.
            Lost::Verbosity => "verbosity",
            Lost::User => "metadata.user_id",
        }
    }

    /// Signatures travel in thinking blocks, which clients return unchanged.
    fn carries_signatures(&self) -> bool {
        true
    }

    fn beta_header(&self) -> Option<&'static str> {
        Some(betas::HEADER)
    }

    fn betas(&self, values: &[&str]) -> Betas {
        let (accepted, unknown) = betas::for_vertex(values.iter().copied());
        Betas { accepted, dropped: unknown.iter().map(|beta| betas::named(beta)).collect() }
    }

    fn encoder(&self, context: ReplyContext) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::new(context))
    }

    fn encode_whole(&self, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
        reply::whole(reply, context)
    }

    fn native(&self) -> Option<&'static dyn Native> {
        Some(&MessagesWire)
    }
}
