//! Errors as OpenAI's clients read them, in Chat Completions and in the Responses API.

use serde::Serialize;

use crate::error::{ErrorWords, GatewayError};
use crate::ids::RequestId;

/// The types of the API contract.
pub const WORDS: ErrorWords = ErrorWords {
    payment_required: "insufficient_credits",
    upstream: "upstream_error",
    timeout: "upstream_error",
    overloaded: 503,
};

/// Where errors of providers say that a conversation is at fault: they do not know the client's format.
pub const CONVERSATION: &str = "messages";

#[derive(Serialize)]
struct Body<'a> {
    error: ErrorObject<'a>,
}

/// An error by itself.
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

/// The body of an error response, and the data of a stream's error event: OpenAI's SDKs raise on the `error` key in both.
pub fn body(error: &GatewayError, request: RequestId, conversation: &str) -> Vec<u8> {
    // Strings always serialise.
    serde_json::to_vec(&Body { error: ErrorObject::new(error, request, conversation) }).unwrap_or_default()
}

impl<'a> ErrorObject<'a> {
    /// An error of that request, which has its conversation in a field of that name.
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
