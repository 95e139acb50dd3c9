//! Failed upstream calls: what happened, what the log may say, and what the client reads.
//!
//! A provider's message may repeat the client's text or name internals. The client gets it cleaned and cut. The log never
//! gets it, only kind and status.

use std::time::Duration;

use super::{ErrorKind, GatewayError};
use crate::reason::Reason;

/// Maximum length of a provider's message that is shown to a client, in characters (`docs/api.md`, Errors).
const MAX_PUBLIC_WORDS: usize = 300;

/// Why an upstream call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamErrorKind {
    /// No connection to the provider could be opened.
    Connect,
    /// The connection broke before the first byte of a response.
    Reset,
    /// The provider did not respond within the limit of its phase.
    Timeout,
    /// The reply does not follow its format.
    Malformed,
    /// The reply ended without a finish marker.
    Truncated,
    /// The reply is complete but contains no answer: it is empty, or has a malformed tool call. The message names the
    /// reason.
    NoAnswer,
    /// The reply, or one event of it, is larger than the limit.
    TooLarge,
    /// No credential could be obtained for this provider.
    Credential,
    /// The provider's moderation refused the request. A retry would be refused too. This shows no fault of the
    /// credential.
    Moderated,
    /// The provider does not serve the model.
    NotServed {
        /// The HTTP status of the provider's answer.
        status: u16,
        /// Whether the model is absent for everyone, or only for this request.
        absence: Absence,
    },
    /// The provider refused, with this HTTP status (its own, or the status of its in-stream error type).
    Refused(u16),
}

/// For whom a model is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// For everyone who uses this gateway.
    ForEveryone,
    /// For this request; another one may succeed.
    ForThisRequest,
}

/// A failed upstream call. The message may be the provider's and contain internals: it is cleaned before a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// What failed.
    pub kind: UpstreamErrorKind,
    /// The provider's message, or the gateway's message about the connection.
    pub message: String,
    /// When a retry makes sense, according to the provider.
    pub retry_after: Option<Duration>,
    /// The reason for the log, if it says more than the kind.
    pub reason: Option<Reason>,
}

impl UpstreamError {
    /// For whom a model is not served, if the provider says so. A message about everyone is believed only if it names the
    /// model.
    pub fn absence_of(&self, upstream: &str) -> Option<Absence> {
        match self.kind {
            UpstreamErrorKind::NotServed { absence: Absence::ForEveryone, .. } if self.message.contains(upstream) => {
                Some(Absence::ForEveryone)
            }
            UpstreamErrorKind::NotServed { .. } => Some(Absence::ForThisRequest),
            UpstreamErrorKind::Connect
            | UpstreamErrorKind::Reset
            | UpstreamErrorKind::Timeout
            | UpstreamErrorKind::Malformed
            | UpstreamErrorKind::Truncated
            | UpstreamErrorKind::NoAnswer
            | UpstreamErrorKind::TooLarge
            | UpstreamErrorKind::Credential
            | UpstreamErrorKind::Moderated
            | UpstreamErrorKind::Refused(_) => None,
        }
    }

    /// Whether the failure depends on the request, so that another request may succeed on the same route. This is so for a
    /// refusal by moderation, a reply without an answer, and a reply that is too large. Providers refuse a prompt that is
    /// too long with various statuses, so its message decides. Other refusals of a request show by their status that the
    /// provider works, so they need no entry here.
    pub fn depends_on_the_request(&self) -> bool {
        match self.kind {
            UpstreamErrorKind::Moderated | UpstreamErrorKind::NoAnswer | UpstreamErrorKind::TooLarge => true,
            // OpenRouter's message if the remaining credit covers smaller requests only.
            UpstreamErrorKind::Refused(402) => self.message.contains("can only afford"),
            UpstreamErrorKind::Refused(403 | 500..) => is_context_overflow(&self.message) || is_moderation(&self.message),
            UpstreamErrorKind::Connect
            | UpstreamErrorKind::Reset
            | UpstreamErrorKind::Timeout
            | UpstreamErrorKind::Malformed
            | UpstreamErrorKind::Truncated
            | UpstreamErrorKind::Credential
            | UpstreamErrorKind::NotServed { .. }
            | UpstreamErrorKind::Refused(_) => false,
        }
    }

    /// A failed call of this kind.
    pub fn new(kind: UpstreamErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, reason: None }
    }

    /// Adds a reason for the log.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// A reply that ended without its finish marker.
    pub fn truncated() -> Self {
        Self::new(UpstreamErrorKind::Truncated, "the provider's reply ended before it was complete")
    }

    /// The status for the ledger's record: the provider's own or, if it sent none, the closest equivalent.
    pub fn status(&self) -> u16 {
        match self.kind {
            UpstreamErrorKind::Refused(status) | UpstreamErrorKind::NotServed { status, .. } => status,
            UpstreamErrorKind::Moderated => 403,
            UpstreamErrorKind::Timeout => 504,
            UpstreamErrorKind::Connect
            | UpstreamErrorKind::Reset
            | UpstreamErrorKind::Malformed
            | UpstreamErrorKind::Truncated
            | UpstreamErrorKind::NoAnswer
            | UpstreamErrorKind::TooLarge
            | UpstreamErrorKind::Credential => 502,
        }
    }

    /// The error's message, cleaned for clients: without addresses, credentials and project names, at most 300 characters.
    pub fn public_words(&self) -> String {
        public_words(&self.message)
    }

    /// The reason for the log, without any text of a reply.
    pub fn cause(&self) -> Reason {
        self.reason.clone().unwrap_or_else(|| match self.kind {
            UpstreamErrorKind::Refused(status) => Reason::number("the provider answered", status),
            UpstreamErrorKind::NotServed { status, .. } => {
                Reason::number("the model is not served: the provider answered", status)
            }
            UpstreamErrorKind::Malformed => "the reply could not be read".into(),
            UpstreamErrorKind::NoAnswer => "the reply contains no answer".into(),
            UpstreamErrorKind::Moderated => "refused by moderation".into(),
            UpstreamErrorKind::Connect => "no connection".into(),
            UpstreamErrorKind::Reset => "the connection broke before an answer".into(),
            UpstreamErrorKind::Timeout => "nothing came in time".into(),
            UpstreamErrorKind::Truncated => "the reply ended before it was complete".into(),
            UpstreamErrorKind::TooLarge => "the reply is larger than the gateway can hold".into(),
            UpstreamErrorKind::Credential => "no credential".into(),
        })
    }
}

impl From<UpstreamError> for GatewayError {
    fn from(error: UpstreamError) -> Self {
        let failed = |message: &'static str| Self::new(ErrorKind::Upstream, message);
        let gateway = match error.kind {
            UpstreamErrorKind::Refused(status) => refused(status, &error),
            UpstreamErrorKind::NotServed { .. } => {
                let ours = "No provider of this gateway serves the model at the moment";
                ending_with(ErrorKind::NotFound, ours, &error.message)
                    .with_code("model_not_served")
                    .with_param("model")
                    .with_hint("GET /v1/models lists every model.")
            }
            UpstreamErrorKind::Timeout => Self::new(ErrorKind::Timeout, "The provider did not answer in time."),
            UpstreamErrorKind::Connect | UpstreamErrorKind::Reset => failed("The provider could not be reached."),
            UpstreamErrorKind::Malformed => failed("The provider sent a reply that could not be read."),
            UpstreamErrorKind::Truncated => failed("The provider's reply broke off before it was complete."),
            UpstreamErrorKind::NoAnswer => {
                ending_with(ErrorKind::Upstream, "The model gave no usable answer", &error.message)
            }
            UpstreamErrorKind::TooLarge => failed("The provider's reply is larger than the gateway can hold."),
            UpstreamErrorKind::Moderated => {
                let moderated = "The provider's moderation refused this request";
                ending_with(ErrorKind::InvalidRequest, moderated, &error.message).with_code("content_policy_violation")
            }
            UpstreamErrorKind::Credential => {
                let message = "The gateway has no valid credential for this provider at the moment.";
                Self::new(ErrorKind::Unavailable, message).with_retry_after(Duration::from_secs(5))
            }
        };
        let gateway = match error.retry_after {
            Some(wait) => gateway.with_retry_after(wait),
            None => gateway,
        };
        gateway.with_cause(error.cause())
    }
}

/// A provider's refusal for clients. Its 401, 402 and 403 are about the gateway's account, never about the caller's key. So
/// its message is not shown, and a retry cannot help: only the operator can change the account.
fn refused(status: u16, error: &UpstreamError) -> GatewayError {
    let provider_says = || public_words(&error.message);
    let failed = |kind, ours| ending_with(kind, ours, &error.message);
    match status {
        400 | 422 if is_context_overflow(&error.message) => {
            let message = overflow_message(&error.message);
            GatewayError::new(ErrorKind::InvalidRequest, message).with_code("context_length_exceeded").with_param("messages")
        }
        400 | 422 => GatewayError::new(ErrorKind::InvalidRequest, provider_says()),
        401 | 403 => GatewayError::new(ErrorKind::Upstream, "The provider refused the gateway's credential.")
            .with_code("upstream_auth")
            .without_retry(),
        402 => GatewayError::new(ErrorKind::Unavailable, "The gateway's account at the provider is out of credit.")
            .with_code("upstream_credits")
            .without_retry(),
        408 | 504 => failed(ErrorKind::Timeout, "The provider did not answer in time"),
        413 => GatewayError::new(ErrorKind::TooLarge, provider_says()),
        429 => {
            let wait = error.retry_after.unwrap_or(Duration::from_secs(5));
            failed(ErrorKind::RateLimited, "Too many requests, please try again later").with_retry_after(wait)
        }
        503 => failed(ErrorKind::Unavailable, "The provider is temporarily unavailable")
            .with_retry_after(Duration::from_secs(1)),
        529 => failed(ErrorKind::Overloaded, "Overloaded"),
        _ => failed(ErrorKind::Upstream, "The provider failed to answer this request"),
    }
}

/// Our message about a failure, followed by the provider's, if it says something else.
fn ending_with(kind: ErrorKind, ours: &'static str, provider: &str) -> GatewayError {
    let words = public_words(provider);
    if words.is_empty() || words.trim_end_matches('.').eq_ignore_ascii_case(ours) {
        return GatewayError::new(kind, format!("{ours}."));
    }
    GatewayError::new(kind, format!("{ours}: {words}"))
}

/// Phrases with which providers say that a prompt exceeds the context window.
fn is_context_overflow(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["prompt is too long", "maximum context length", "context_length_exceeded", "input token count", "context window"]
        .iter()
        .any(|phrase| message.contains(phrase))
}

/// Phrases with which providers say that moderation or a filter refused the content, if no field of the error does.
fn is_moderation(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "flagged",
        "content policy",
        "content_policy",
        "content management policy",
        "usage guidelines",
        "safety system",
        "content filter",
    ]
    .iter()
    .any(|phrase| message.contains(phrase))
}

/// Clients search for `prompt is too long`; the provider's own numbers follow it.
fn overflow_message(message: &str) -> String {
    let public = public_words(message);
    if public.contains("prompt is too long") { public } else { format!("prompt is too long: {public}") }
}

/// Cleans a provider's message for clients: at most 300 characters, without addresses, credentials and project names.
fn public_words(message: &str) -> String {
    let clean = |word: &str| -> String {
        // Only at the beginning of a piece: `task-master` is not a key.
        let mut pieces = word.split(|part: char| !part.is_ascii_alphanumeric() && !matches!(part, '-' | '_' | '.'));
        let secret = pieces.any(|piece| ["sk-", "ya29.", "AIza", "bk_"].iter().any(|prefix| piece.starts_with(prefix)));
        let internal = word.contains("://") || word.contains("projects/") || word.contains(".googleapis.com");
        if secret || internal { "[removed]".to_owned() } else { word.to_owned() }
    };
    let words: Vec<String> = message.split_whitespace().map(clean).collect();
    words.join(" ").chars().take(MAX_PUBLIC_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ClientFormat;

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
            assert_eq!(error.status(ClientFormat::ChatCompletions.error_words()).as_u16(), openai, "{provider}");
            assert_eq!(error.status(ClientFormat::Messages.error_words()).as_u16(), anthropic, "{provider}");
        }
    }

    #[test]
    fn a_failure_ends_with_the_providers_own_words() {
        for (status, message) in [
            (408, "The provider did not answer in time: disk full"),
            (429, "Too many requests, please try again later: disk full"),
            (500, "The provider failed to answer this request: disk full"),
            (503, "The provider is temporarily unavailable: disk full"),
            (529, "Overloaded: disk full"),
        ] {
            assert_eq!(refusal(status, "disk full").message(), message);
        }
    }

    #[test]
    fn what_a_provider_says_about_our_account_stays_here_and_asks_for_no_retry() {
        for status in [401, 402, 403] {
            let error = refusal(status, "account of Jane Doe");
            assert!(!error.message().contains("Jane"), "{status}: {}", error.message());
            assert!(!error.is_retryable(), "{status}");
        }
    }

    #[test]
    fn a_provider_without_words_of_its_own_adds_none() {
        assert_eq!(refusal(500, " ").message(), "The provider failed to answer this request.");
        assert_eq!(refusal(529, "overloaded").message(), "Overloaded.");
    }

    #[test]
    fn a_moderated_request_is_the_callers_own_and_says_why() {
        let error = GatewayError::from(UpstreamError::new(UpstreamErrorKind::Moderated, "flagged for \"violence\""));
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidRequest, Some("content_policy_violation")));
        assert_eq!(error.message(), "The provider's moderation refused this request: flagged for \"violence\"");
        assert!(!error.is_retryable());
    }

    #[test]
    fn the_log_gets_kind_and_status_and_no_word_of_a_reply() {
        for (kind, cause) in [
            (UpstreamErrorKind::Refused(529), "the provider answered 529"),
            (UpstreamErrorKind::Malformed, "the reply could not be read"),
            (UpstreamErrorKind::NoAnswer, "the reply contains no answer"),
            (UpstreamErrorKind::Moderated, "refused by moderation"),
        ] {
            let error = GatewayError::from(UpstreamError::new(kind, "words of the client"));
            assert_eq!(error.reason(), Reason::from(cause));
        }
        let known = UpstreamError::new(UpstreamErrorKind::Connect, "words").because("dns error".into());
        assert_eq!(GatewayError::from(known).reason(), Reason::from("dns error"));
    }

    #[test]
    fn a_providers_message_is_shown_without_internals() {
        let error = refusal(400, "bad key sk-or-1 at https://x.example/projects/p1 for projects/p1/locations/eu");
        assert_eq!(error.message(), "bad key [removed] at [removed] for [removed]");
        let error = refusal(400, "tool 'mcp__task-master' and disk-usage, not key=sk-or-1 or \"bk_1\"");
        assert_eq!(error.message(), "tool 'mcp__task-master' and disk-usage, not [removed] or [removed]");
        assert_eq!(refusal(400, &"x".repeat(600)).message().len(), 300);
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
