//! Errors as OpenAI clients read them.

use bytes::BytesMut;
use serde::Serialize;

use crate::error::{ErrorWords, GatewayError};
use crate::ids::RequestId;
use crate::sse::{self, Frame};

/// The types of the API contract.
pub const WORDS: ErrorWords = ErrorWords {
    payment_required: "insufficient_credits",
    upstream: "upstream_error",
    timeout: "upstream_error",
    overloaded: 503,
};

#[derive(Serialize)]
struct Body<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
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
pub fn body(error: &GatewayError, request: RequestId) -> Vec<u8> {
    let object = ErrorObject {
        message: error.message(),
        kind: error.public_type(&WORDS),
        code: error.code(),
        param: error.param(),
        hint: error.hint(),
        request_id: request.to_string(),
    };
    // Strings always serialise.
    serde_json::to_vec(&Body { error: object }).unwrap_or_default()
}

/// Appends the one event that ends a failed stream.
pub fn event(error: &GatewayError, request: RequestId, out: &mut BytesMut) {
    let body = body(error, request);
    sse::write_frame(&Frame { event: None, data: std::str::from_utf8(&body).unwrap_or_default() }, out);
}
