//! Errors in OpenAI's shape, for Chat Completions and Responses.

use serde::Serialize;

use crate::error::{ErrorWords, GatewayError};
use crate::ids::RequestId;

/// The error types (`docs/api.md`, Errors).
pub const WORDS: ErrorWords = ErrorWords {
    payment_required: "insufficient_credits",
    upstream: "upstream_error",
    timeout: "upstream_error",
    overloaded: 503,
};

/// The field that provider errors name for the conversation, because providers do not know the client's format.
pub const CONVERSATION: &str = "messages";

#[derive(Serialize)]
struct Body<'a> {
    error: ErrorObject<'a>,
}

/// The error object alone.
#[derive(Debug, Serialize)]
pub struct ErrorObject<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    request_id: String,
}

/// The body of an error response, and the data of a stream's error event. OpenAI's SDKs raise an error for the `error` key
/// in both.
pub fn body(error: &GatewayError, request: RequestId, conversation: &str) -> Vec<u8> {
    // Serialising strings cannot fail.
    serde_json::to_vec(&Body { error: ErrorObject::new(error, request, conversation) }).unwrap_or_default()
}

impl<'a> ErrorObject<'a> {
    /// The error object of a request whose conversation is in the field `conversation`.
    pub fn new(error: &'a GatewayError, request: RequestId, conversation: &'a str) -> Self {
        Self {
            message: error.message(),
            kind: error.public_type(&WORDS),
            code: error.code(),
            param: error.param().map(|param| if param == CONVERSATION { conversation } else { param }),
            hint: error.hint(),
            request_id: request.to_string(),
        }
    }

    /// The field at fault.
    pub fn param(&self) -> Option<&'a str> {
        self.param
    }
}
