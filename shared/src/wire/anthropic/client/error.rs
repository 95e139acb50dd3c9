//! Errors for Messages clients.

use bytes::BytesMut;
use serde::Serialize;

use crate::error::{ErrorWords, GatewayError};
use crate::ids::RequestId;
use crate::sse::{self, Frame};

/// Anthropic's own types where one fits, and its own status for a model without capacity.
pub const WORDS: ErrorWords =
    ErrorWords { payment_required: "billing_error", upstream: "api_error", timeout: "timeout_error", overloaded: 529 };

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: ErrorObject<'a>,
    request_id: String,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// The body of an error response, and the data of a stream's `error` event.
pub fn body(error: &GatewayError, request: RequestId) -> Vec<u8> {
    let object = ErrorObject {
        kind: error.public_type(&WORDS),
        message: error.message(),
        code: error.code(),
        param: error.param(),
        hint: error.hint(),
    };
    // Serialising strings cannot fail.
    serde_json::to_vec(&Body { kind: "error", error: object, request_id: request.to_string() }).unwrap_or_default()
}

/// Appends the one event that ends a failed stream.
pub fn event(error: &GatewayError, request: RequestId, out: &mut BytesMut) {
    let body = body(error, request);
    sse::write_frame(&Frame { event: Some("error"), data: std::str::from_utf8(&body).unwrap_or_default() }, out);
}
