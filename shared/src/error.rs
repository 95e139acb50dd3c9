//! What can go wrong, by what the caller can do about it. The only place that maps a failure to an HTTP status and a public type.
//!
//! Rendering into a client's own format is `wire`'s job; the words and numbers come from here.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;

/// Longest provider message that is shown to a client, in characters.
const MAX_PUBLIC_MESSAGE: usize = 500;

/// Whose error vocabulary a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `{"error": {...}}` with the types of the API contract.
    OpenAi,
    /// `{"type": "error", "error": {...}}` with Anthropic's own types where one fits.
    Anthropic,
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
    /// Too fast: wait.
    RateLimited,
    /// The request itself is wrong: change the named field.
    InvalidRequest,
    /// No such path or model.
    NotFound,
    /// The model has been ended by its vendor: use another one.
    Gone,
    /// The path exists for other methods.
    MethodNotAllowed,
    /// Another request stands in the way.
    Conflict,
    /// The body is larger than we take.
    TooLarge,
    /// The body's encoding is unknown to us.
    UnsupportedMediaType,
    /// The request is right, but no route of this model can carry it.
    Unsupported,
    /// The provider failed, or refused us.
    Upstream,
    /// The provider has no capacity at the moment.
    Overloaded,
    /// A part of the gateway, or every provider, is out of reach.
    Unavailable,
    /// The provider did not answer in time.
    Timeout,
    /// Our own fault.
    Internal,
}

/// A failure as the client will see it, with its cause kept for the log.
#[derive(Clone, Debug)]
pub struct GatewayError {
    // Boxed: errors are rare, and every `Result` on the way carries their size.
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
    cause: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl GatewayError {
    /// A failure of that kind with a message for the client.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        let (code, param, hint, retry_after, cause) = (None, None, None, None, None);
        let details = Details { kind, message, code, param, hint, retry_after, cause, headers: Vec::new() };
        Self { details: Box::new(details) }
    }

    /// The one answer to every unusable key: it must not tell unknown, revoked, expired and mistyped keys apart.
    pub fn unauthorized() -> Self {
        Self::new(ErrorKind::Unauthorized, "Unauthorized")
    }

    /// A wrong field, named by its JSON path.
    pub fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message).with_param(param)
    }

    /// Our own fault; the cause goes to the log only.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, "Internal server error").with_cause(cause)
    }

    /// The key store or another part of the gateway is out of reach.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        let message = "The gateway is temporarily unavailable, please try again.";
        Self::new(ErrorKind::Unavailable, message).with_retry_after(Duration::from_secs(1)).with_cause(cause)
    }

    /// Adds a machine-readable reason.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.details.code = Some(code);
        self
    }

    /// Names the field at fault by its JSON path.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.details.param = Some(param.into());
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.details.hint = Some(hint.into());
        self
    }

    /// Says when a retry makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.details.retry_after = Some(wait);
        self
    }

    /// Keeps the cause for the log; clients never see it.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.details.cause = Some(cause.into());
        self
    }

    /// Adds a header to the answer; its name in lower case.
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

    /// The machine-readable reason.
    pub fn code(&self) -> Option<&'static str> {
        self.details.code
    }

    /// The JSON path of the field at fault.
    pub fn param(&self) -> Option<&str> {
        self.details.param.as_deref()
    }

    /// The way out.
    pub fn hint(&self) -> Option<&str> {
        self.details.hint.as_deref()
    }

    /// When a retry makes sense.
    pub fn retry_after(&self) -> Option<Duration> {
        self.details.retry_after
    }

    /// Headers of the answer besides those that every failure has.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.details.headers
    }

    /// What really happened, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.details.cause.as_deref()
    }

    /// Whether sending the same request again can help. OpenAI's and Anthropic's SDKs obey it as `x-should-retry`.
    pub fn is_retryable(&self) -> bool {
        match self.details.kind {
            ErrorKind::RateLimited
            | ErrorKind::Conflict
            | ErrorKind::Upstream
            | ErrorKind::Overloaded
            | ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Internal => true,
            ErrorKind::Unauthorized
            | ErrorKind::PaymentRequired
            | ErrorKind::Forbidden
            | ErrorKind::InvalidRequest
            | ErrorKind::NotFound
            | ErrorKind::Gone
            | ErrorKind::MethodNotAllowed
            | ErrorKind::TooLarge
            | ErrorKind::UnsupportedMediaType
            | ErrorKind::Unsupported => false,
        }
    }

    /// The HTTP status. 529 is Anthropic's own; other clients read 503.
    pub fn status(&self, dialect: Dialect) -> StatusCode {
        match self.details.kind {
            ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
            ErrorKind::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::InvalidRequest | ErrorKind::Unsupported => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Gone => StatusCode::GONE,
            ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorKind::Upstream => StatusCode::BAD_GATEWAY,
            ErrorKind::Overloaded => match dialect {
                Dialect::OpenAi => StatusCode::SERVICE_UNAVAILABLE,
                Dialect::Anthropic => StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            },
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The public type. 401, 429 and 500 read the same in both dialects (API contract, section Errors).
    pub fn public_type(&self, dialect: Dialect) -> &'static str {
        let by_dialect = |openai, anthropic| match dialect {
            Dialect::OpenAi => openai,
            Dialect::Anthropic => anthropic,
        };
        match self.details.kind {
            ErrorKind::Unauthorized => "auth_error",
            ErrorKind::PaymentRequired => by_dialect("insufficient_credits", "billing_error"),
            ErrorKind::Forbidden => "permission_error",
            ErrorKind::RateLimited => "rate_limit_error",
            ErrorKind::InvalidRequest
            | ErrorKind::MethodNotAllowed
            | ErrorKind::Conflict
            | ErrorKind::UnsupportedMediaType
            | ErrorKind::Unsupported => "invalid_request_error",
            ErrorKind::NotFound | ErrorKind::Gone => "not_found_error",
            ErrorKind::TooLarge => "request_too_large",
            ErrorKind::Upstream | ErrorKind::Unavailable => by_dialect("upstream_error", "api_error"),
            ErrorKind::Overloaded => "overloaded_error",
            ErrorKind::Timeout => by_dialect("upstream_error", "timeout_error"),
            ErrorKind::Internal => "server_error",
        }
    }
}

/// Why an upstream call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamErrorKind {
    /// No connection.
    Connect,
    /// The connection broke before the first byte of an answer.
    Reset,
    /// Nothing came in time.
    Timeout,
    /// The reply was not what the wire promises.
    Malformed,
    /// The stream ended without saying that it was complete.
    Truncated,
    /// The reply, or one event of it, is larger than we hold.
    TooLarge,
    /// No credential could be had for this provider.
    Credential,
    /// The provider said no, with this HTTP status (its own, or the one its in-stream error type stands for).
    Refused(u16),
}

/// A failed upstream call. The message is the provider's own and may hold internals: it is cleaned before a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// Why.
    pub kind: UpstreamErrorKind,
    /// The provider's words, or ours about the connection.
    pub message: String,
    /// When the provider says a retry makes sense.
    pub retry_after: Option<Duration>,
}

impl UpstreamError {
    /// A failed call of that kind.
    pub fn new(kind: UpstreamErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// A stream that ended without its finish marker.
    pub fn truncated() -> Self {
        Self::new(UpstreamErrorKind::Truncated, "the provider's stream ended before it was complete")
    }

    /// The status for the ledger's record: the provider's own, or the nearest one.
    pub fn status(&self) -> u16 {
        match self.kind {
            UpstreamErrorKind::Refused(status) => status,
            UpstreamErrorKind::Timeout => 504,
            UpstreamErrorKind::Connect
            | UpstreamErrorKind::Reset
            | UpstreamErrorKind::Malformed
            | UpstreamErrorKind::Truncated
            | UpstreamErrorKind::TooLarge
            | UpstreamErrorKind::Credential => 502,
        }
    }
}

impl From<UpstreamError> for GatewayError {
    fn from(error: UpstreamError) -> Self {
        let failed = |message: &'static str| Self::new(ErrorKind::Upstream, message);
        let gateway = match error.kind {
            UpstreamErrorKind::Refused(status) => refused(status, &error),
            UpstreamErrorKind::Timeout => Self::new(ErrorKind::Timeout, "The provider did not answer in time."),
            UpstreamErrorKind::Connect | UpstreamErrorKind::Reset => failed("The provider could not be reached."),
            UpstreamErrorKind::Malformed => failed("The provider sent a reply that could not be read."),
            UpstreamErrorKind::Truncated => failed("The provider's reply broke off before it was complete."),
            UpstreamErrorKind::TooLarge => failed("The provider's reply is larger than the gateway can hold."),
            UpstreamErrorKind::Credential => {
                let message = "The gateway has no valid credential for this provider at the moment.";
                Self::new(ErrorKind::Unavailable, message).with_retry_after(Duration::from_secs(5))
            }
        };
        let gateway = match error.retry_after {
            Some(wait) => gateway.with_retry_after(wait),
            None => gateway,
        };
        gateway.with_cause(error.message)
    }
}

/// A provider's refusal in public words. Its 401 and 403 concern our credential, never the caller's key.
fn refused(status: u16, error: &UpstreamError) -> GatewayError {
    let provider_says = || public_message(&error.message);
    match status {
        400 | 422 if is_context_overflow(&error.message) => {
            let message = overflow_message(&error.message);
            GatewayError::new(ErrorKind::InvalidRequest, message).with_code("context_length_exceeded").with_param("messages")
        }
        400 | 422 => GatewayError::new(ErrorKind::InvalidRequest, provider_says()),
        401 | 403 => GatewayError::new(ErrorKind::Upstream, "The provider refused the gateway's credential.")
            .with_code("upstream_auth"),
        402 => GatewayError::new(ErrorKind::Unavailable, "The gateway's account at the provider is out of credit.")
            .with_code("upstream_credits"),
        404 => GatewayError::new(ErrorKind::NotFound, provider_says()),
        408 | 504 => GatewayError::new(ErrorKind::Timeout, "The provider did not answer in time."),
        413 => GatewayError::new(ErrorKind::TooLarge, provider_says()),
        429 => {
            let wait = error.retry_after.unwrap_or(Duration::from_secs(5));
            GatewayError::new(ErrorKind::RateLimited, "Too many requests, please try again later.").with_retry_after(wait)
        }
        503 => GatewayError::new(ErrorKind::Unavailable, "The provider is temporarily unavailable.")
            .with_retry_after(Duration::from_secs(1)),
        529 => GatewayError::new(ErrorKind::Overloaded, "Overloaded"),
        _ => GatewayError::new(ErrorKind::Upstream, "The provider failed to answer this request."),
    }
}

/// The words by which providers say that a prompt exceeds the model's window.
fn is_context_overflow(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["prompt is too long", "maximum context length", "context_length_exceeded", "input token count", "context window"]
        .iter()
        .any(|phrase| message.contains(phrase))
}

/// Clients match on `prompt is too long`; the provider's own numbers are kept behind it.
fn overflow_message(message: &str) -> String {
    let public = public_message(message);
    if public.contains("prompt is too long") { public } else { format!("prompt is too long: {public}") }
}

/// A provider's message fit for a client: at most 500 characters, without addresses, credentials and project names.
fn public_message(message: &str) -> String {
    let clean = |word: &str| -> String {
        // Only where one begins: `task-master` is no key.
        let mut pieces = word.split(|part: char| !part.is_ascii_alphanumeric() && !matches!(part, '-' | '_' | '.'));
        let secret = pieces.any(|piece| ["sk-", "ya29.", "AIza", "bk_"].iter().any(|prefix| piece.starts_with(prefix)));
        let internal = word.contains("://") || word.contains("projects/") || word.contains(".googleapis.com");
        if secret || internal { "[removed]".to_owned() } else { word.to_owned() }
    };
    let words: Vec<String> = message.split_whitespace().map(clean).collect();
    words.join(" ").chars().take(MAX_PUBLIC_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, message: &str) -> GatewayError {
        UpstreamError::new(UpstreamErrorKind::Refused(status), message).into()
    }

    #[test]
    fn a_providers_status_becomes_the_callers_status() {
        for (provider, openai, anthropic) in [
            (400, 400, 400),
            (401, 502, 502),
            (402, 503, 503),
            (403, 502, 502),
            (404, 404, 404),
            (408, 504, 504),
            (413, 413, 413),
            (422, 400, 400),
            (429, 429, 429),
            (500, 502, 502),
            (502, 502, 502),
            (503, 503, 503),
            (504, 504, 504),
            (529, 503, 529),
        ] {
            let error = refusal(provider, "no");
            assert_eq!(error.status(Dialect::OpenAi).as_u16(), openai, "{provider}");
            assert_eq!(error.status(Dialect::Anthropic).as_u16(), anthropic, "{provider}");
        }
    }

    #[test]
    fn a_providers_message_is_shown_without_internals() {
        let error = refusal(400, "bad key sk-or-1 at https://x.example/projects/p1 for projects/p1/locations/eu");
        assert_eq!(error.message(), "bad key [removed] at [removed] for [removed]");
        let error = refusal(400, "tool 'mcp__task-master' and disk-usage, not key=sk-or-1 or \"bk_1\"");
        assert_eq!(error.message(), "tool 'mcp__task-master' and disk-usage, not [removed] or [removed]");
        assert_eq!(refusal(400, &"x".repeat(600)).message().len(), 500);
    }

    #[test]
    fn a_prompt_that_is_too_long_reads_as_clients_expect() {
        let anthropic = refusal(400, "prompt is too long: 210000 tokens > 200000 maximum");
        assert_eq!(anthropic.message(), "prompt is too long: 210000 tokens > 200000 maximum");
        assert_eq!(anthropic.code(), Some("context_length_exceeded"));
        let other = refusal(400, "This endpoint's maximum context length is 400000 tokens.");
        assert!(other.message().starts_with("prompt is too long: "), "{}", other.message());
    }
}
