//! Error events for Responses clients.

use serde::Serialize;

use super::response::Failure;
use crate::error::{ErrorKind, GatewayError};
use crate::ids::RequestId;
use crate::wire::error_object::{ErrorObject, WORDS};

/// The request field that contains the conversation.
pub(super) const CONVERSATION: &str = "input";

/// The `error` event. OpenAI's types have it flat, its traffic nests it, and the SDKs raise an error for the nested form.
/// This event has both.
#[derive(Serialize)]
pub(super) struct ErrorEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    code: &'a str,
    message: &'a str,
    param: Option<&'a str>,
    error: ErrorObject<'a>,
}

impl<'a> ErrorEvent<'a> {
    /// The event with this sequence number.
    pub(super) fn new(error: &'a GatewayError, request: RequestId, sequence_number: u64) -> Self {
        let object = ErrorObject::new(error, request, CONVERSATION);
        let (code, message, param) = (code(error), error.message(), object.param());
        Self { kind: "error", sequence_number, code, message, param, error: object }
    }
}

/// The error of a failed response.
pub(super) fn failure(error: &GatewayError) -> Failure<'_> {
    Failure { code: code(error), message: error.message() }
}

/// The code, which clients use for decisions: the gateway's code if there is one, OpenAI's for this kind of failure (its
/// reference of `ResponseError`), or the type.
fn code(error: &GatewayError) -> &'static str {
    let of_the_kind = match error.kind() {
        ErrorKind::RateLimited => "rate_limit_exceeded",
        ErrorKind::PaymentRequired => "insufficient_quota",
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => "invalid_prompt",
        ErrorKind::Internal | ErrorKind::Upstream | ErrorKind::Unavailable | ErrorKind::Overloaded | ErrorKind::Timeout => {
            "server_error"
        }
        ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Gone
        | ErrorKind::MethodNotAllowed
        | ErrorKind::UpgradeRequired
        | ErrorKind::TooLarge
        | ErrorKind::UnsupportedMediaType => error.public_type(&WORDS),
    };
    error.code().unwrap_or(of_the_kind)
}
