//! Errors for clients, by what the caller can do about them. Only this module maps a failure to an HTTP status and a public
//! type.
//!
//! `wire` renders them in the client's format, with the types and statuses from here.

mod path;
mod upstream;

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;

use crate::reason::Reason;

pub use upstream::{Absence, UpstreamError, UpstreamErrorKind};

/// Error types and statuses that differ between client formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorWords {
    /// The type for an empty balance.
    pub payment_required: &'static str,
    /// The type for a provider's failure, and for an unavailable gateway.
    pub upstream: &'static str,
    /// The type for a timeout.
    pub timeout: &'static str,
    /// The status of a provider without capacity.
    pub overloaded: u16,
}

/// Why a request fails, by what the caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No valid key: use another one.
    Unauthorized,
    /// The key's balance is used up.
    PaymentRequired,
    /// The key may not do this.
    Forbidden,
    /// A rate or concurrency limit is reached. The client waits and repeats the request.
    RateLimited,
    /// The request itself is wrong: change the named field.
    InvalidRequest,
    /// Unknown path or model.
    NotFound,
    /// The vendor has ended the model: use another one.
    Gone,
    /// The path supports other methods.
    MethodNotAllowed,
    /// The path needs another protocol.
    UpgradeRequired,
    /// The body is too large.
    TooLarge,
    /// The body's encoding is unknown.
    UnsupportedMediaType,
    /// The request is right, but no route of this model supports it.
    Unsupported,
    /// The provider failed, or refused the gateway's credential.
    Upstream,
    /// The provider has no capacity now.
    Overloaded,
    /// A part of the gateway, or every provider, is unavailable.
    Unavailable,
    /// The provider did not answer in time.
    Timeout,
    /// A bug in the gateway.
    Internal,
}

/// A failure as the client sees it, with its cause for the log. The message, the parameter and the hint may contain the
/// client's text, so they never reach the log; a [`Reason`] cannot hold such text. For this reason there is no `Display`.
#[derive(Clone, Debug)]
pub struct GatewayError {
    // Boxed: errors are rare, but every `Result` has their size.
    details: Box<Details>,
}

#[derive(Clone, Debug)]
struct Details {
    kind: ErrorKind,
    message: Cow<'static, str>,
    code: Option<&'static str>,
    param: Option<String>,
    hint: Option<String>,
    retry_after: Option<Duration>,
    cause: Option<Reason>,
    /// Whether a retry is pointless, whatever the kind says.
    final_try: bool,
    headers: Vec<(&'static str, String)>,
}

impl GatewayError {
    /// A failure of this kind with a message for the client.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        let (code, param, hint, retry_after, cause) = (None, None, None, None, None);
        let details =
            Details { kind, message, code, param, hint, retry_after, cause, final_try: false, headers: Vec::new() };
        Self { details: Box::new(details) }
    }

    /// The answer to every unusable key. It must not distinguish unknown, revoked and expired keys. A hint may say that a
    /// key is missing or malformed.
    pub fn unauthorized() -> Self {
        Self::new(ErrorKind::Unauthorized, "Unauthorized")
    }

    /// An invalid field, named by its JSON path.
    pub fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message).with_param(param)
    }

    /// A field that no route of the model supports, or the gateway itself does not, named by its JSON path.
    pub fn unsupported(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unsupported, message).with_code("unsupported").with_param(param)
    }

    /// A bug in the gateway. The cause goes to the log only.
    pub fn internal(cause: impl Into<Reason>) -> Self {
        Self::new(ErrorKind::Internal, "Internal server error").with_cause(cause)
    }

    /// A client's JSON value that a step could not read or write although it passed all checks. The last resort: a client's
    /// error is never reported as a bug of the gateway.
    pub fn unreadable(error: &serde_json::Error) -> Self {
        let message = "The body contains a JSON value that the gateway cannot process.";
        Self::new(ErrorKind::InvalidRequest, message).with_code("invalid_json").with_cause(Reason::json(error))
    }

    /// The table or another part of the gateway is unavailable.
    pub fn unavailable(cause: impl Into<Reason>) -> Self {
        let message = "The gateway is temporarily unavailable, please try again.";
        Self::new(ErrorKind::Unavailable, message).with_retry_after(Duration::from_secs(1)).with_cause(cause)
    }

    /// Adds an error code.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.details.code = Some(code);
        self
    }

    /// Adds the JSON path of the field at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.details.param = Some(param.into());
        self
    }

    /// Adds a hint: what the client can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.details.hint = Some(hint.into());
        self
    }

    /// Adds the time after which a retry makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.details.retry_after = Some(wait);
        self
    }

    /// Keeps the cause for the log; clients never see it.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Reason>) -> Self {
        self.details.cause = Some(cause.into());
        self
    }

    /// Marks the same request as pointless to repeat.
    #[must_use]
    pub fn without_retry(mut self) -> Self {
        self.details.final_try = true;
        self
    }

    /// Adds a response header. Its name must be lower case.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.headers.push((name, value.into()));
        self
    }

    /// Why the request failed.
    pub fn kind(&self) -> ErrorKind {
        self.details.kind
    }

    /// The message for the client.
    pub fn message(&self) -> &str {
        &self.details.message
    }

    /// The error code.
    pub fn code(&self) -> Option<&'static str> {
        self.details.code
    }

    /// The JSON path of the field at fault.
    pub fn param(&self) -> Option<&str> {
        self.details.param.as_deref()
    }

    /// What the client can do.
    pub fn hint(&self) -> Option<&str> {
        self.details.hint.as_deref()
    }

    /// When a retry makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        self.details.retry_after
    }

    /// Response headers besides those that every failure has.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.details.headers
    }

    /// The reason for the log: the cause, or the message if it contains only the gateway's own words.
    pub fn reason(&self) -> Reason {
        match (&self.details.cause, &self.details.message) {
            (Some(cause), _) => cause.clone(),
            (None, Cow::Borrowed(words)) => Reason::from(*words),
            (None, Cow::Owned(_)) => Reason::from("no further reason"),
        }
    }

    /// The field at fault for the log: its path without names that the client chose.
    pub fn logged_param(&self) -> Option<String> {
        self.param().map(path::logged)
    }

    /// Whether sending the same request again can help. OpenAI's and Anthropic's SDKs obey it as `x-should-retry`.
    pub fn is_retryable(&self) -> bool {
        match self.details.kind {
            ErrorKind::RateLimited
            | ErrorKind::Upstream
            | ErrorKind::Overloaded
            | ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Internal => !self.details.final_try,
            ErrorKind::Unauthorized
            | ErrorKind::PaymentRequired
            | ErrorKind::Forbidden
            | ErrorKind::InvalidRequest
            | ErrorKind::NotFound
            | ErrorKind::Gone
            | ErrorKind::MethodNotAllowed
            | ErrorKind::UpgradeRequired
            | ErrorKind::TooLarge
            | ErrorKind::UnsupportedMediaType
            | ErrorKind::Unsupported => false,
        }
    }

    /// The HTTP status.
    pub fn status(&self, words: &ErrorWords) -> StatusCode {
        match self.details.kind {
            ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
            ErrorKind::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::InvalidRequest | ErrorKind::Unsupported => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Gone => StatusCode::GONE,
            ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ErrorKind::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorKind::Upstream => StatusCode::BAD_GATEWAY,
            ErrorKind::Overloaded => StatusCode::from_u16(words.overloaded).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The public type. 401, 429 and 500 have the same type for all clients (`docs/api.md`, Errors).
    pub fn public_type(&self, words: &ErrorWords) -> &'static str {
        match self.details.kind {
            ErrorKind::Unauthorized => "auth_error",
            ErrorKind::PaymentRequired => words.payment_required,
            ErrorKind::Forbidden => "permission_error",
            ErrorKind::RateLimited => "rate_limit_error",
            ErrorKind::InvalidRequest
            | ErrorKind::MethodNotAllowed
            | ErrorKind::UpgradeRequired
            | ErrorKind::UnsupportedMediaType
            | ErrorKind::Unsupported => "invalid_request_error",
            ErrorKind::NotFound | ErrorKind::Gone => "not_found_error",
            ErrorKind::TooLarge => "request_too_large",
            ErrorKind::Upstream | ErrorKind::Unavailable => words.upstream,
            ErrorKind::Overloaded => "overloaded_error",
            ErrorKind::Timeout => words.timeout,
            ErrorKind::Internal => "server_error",
        }
    }
}
