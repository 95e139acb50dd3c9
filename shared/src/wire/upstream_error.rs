//! Reads a provider's error body. One lenient reader serves all formats, because the same endpoint may answer in Anthropic's
//! shape, in Google's, in a one-element array around it, in OpenRouter's, or with an HTML page from a front end.

mod gone;

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{UpstreamError, UpstreamErrorKind};

/// OpenRouter's message if the real one is in `metadata.raw`.
const OPENROUTER_GENERIC: &str = "Provider returned error";

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// The error body of a token endpoint (RFC 6749).
#[derive(Deserialize)]
struct TokenBody {
    error: String,
    error_description: String,
}

/// The error body of AWS's JSON services.
#[derive(Deserialize)]
struct AwsBody {
    #[serde(rename = "__type")]
    exception: String,
    #[serde(default, alias = "Message")]
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorShape<'a> {
    message: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// A status as OpenRouter and Google write it: a number, or a number as text.
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    details: Vec<Detail>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "retryDelay")]
    retry_delay: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    raw: Option<String>,
    /// The findings of moderation by OpenRouter or a provider behind it; only present if moderation refused.
    #[serde(default)]
    reasons: Option<Vec<String>>,
}

/// Decodes the error of a refused call from its HTTP status, `retry-after` header and body.
pub fn decode(status: u16, retry_after: Option<&str>, body: &str) -> UpstreamError {
    let text = in_array(body);
    let told = serde_json::from_str::<Body<'_>>(text).ok().and_then(|body| body.error);
    let mut error = told.map_or_else(|| untold(status), |error| read(error, Some(status)));
    error.message = credential_words(text).unwrap_or(error.message);
    // HTTP also allows a date here, but the configured providers do not send one.
    let header = retry_after.and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
    error.retry_after = header.or(error.retry_after);
    error
}

/// The error of a refusal without a readable message.
fn untold(status: u16) -> UpstreamError {
    let kind = gone::kind(status, "").unwrap_or(UpstreamErrorKind::Refused(status));
    UpstreamError::new(kind, format!("HTTP {status} without a readable error"))
}

/// Removes the one-element array that Google puts around a body.
fn in_array(body: &str) -> &str {
    let text = body.trim();
    text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text)
}

/// The message of a token endpoint or of AWS.
fn credential_words(text: &str) -> Option<String> {
    let token = serde_json::from_str(text).ok().map(|TokenBody { error, error_description }| (error, error_description));
    let aws = || serde_json::from_str(text).ok().map(|AwsBody { exception, message }| (exception, message));
    token.or_else(aws).map(|(name, words)| format!("{name}: {words}"))
}

/// Decodes a body with status 200 that is an error: a provider that fails before its stream may answer so.
pub fn decode_instead_of_reply(body: &str) -> Option<UpstreamError> {
    let error = serde_json::from_str::<Body<'_>>(in_array(body)).ok()?.error?;
    Some(read(error, None))
}

/// Decodes an error object inside a reply with status 200, or inside a stream.
pub fn decode_embedded(error: &RawValue) -> UpstreamError {
    read(error, None)
}

fn read(error: &RawValue, status: Option<u16>) -> UpstreamError {
    let shape = serde_json::from_str::<ErrorShape<'_>>(error.get())
        .unwrap_or_else(|_| ErrorShape { message: serde_json::from_str(error.get()).ok(), ..ErrorShape::default() });
    let code = shape.code.and_then(|code| code.get().trim_matches('"').parse().ok());
    let code = code.filter(|code| (400..600).contains(code));
    let status = status.or(code).or_else(|| shape.kind.as_deref().map(status_of_type)).unwrap_or(502);
    let (raw, reasons) = shape.metadata.map_or((None, None), |metadata| (metadata.raw, metadata.reasons));
    let message = match (shape.message, raw) {
        (Some(message), Some(raw)) if message == OPENROUTER_GENERIC => raw,
        (Some(message), _) => message,
        (None, raw) => raw.unwrap_or_default(),
    };
    let delay = shape.details.iter().find_map(|detail| detail.retry_delay.as_deref());
    let retry_after = delay.and_then(seconds);
    match reasons {
        Some(reasons) if status == 403 => {
            let message = if reasons.is_empty() { message } else { format!("{message} ({})", reasons.join(", ")) };
            UpstreamError { retry_after, ..UpstreamError::new(UpstreamErrorKind::Moderated, message) }
        }
        Some(_) | None => {
            let kind = gone::kind(status, &message).unwrap_or(UpstreamErrorKind::Refused(status));
            UpstreamError { retry_after, ..UpstreamError::new(kind, message) }
        }
    }
}

impl From<serde_json::Error> for UpstreamError {
    /// An unreadable reply. The text is for clients: no types and no positions.
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Data => "the provider's reply has a shape that cannot be read",
            serde_json::error::Category::Syntax | serde_json::error::Category::Eof | serde_json::error::Category::Io => {
                "the provider's reply is not valid JSON"
            }
        };
        Self::new(UpstreamErrorKind::Malformed, what)
    }
}

/// The HTTP status of Anthropic's in-stream error types, which have none.
fn status_of_type(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 502,
    }
}

/// Parses Google's `retryDelay` (`34.4s`), rounded up to whole seconds.
fn seconds(delay: &str) -> Option<Duration> {
    let (whole, fraction) = delay.strip_suffix('s').map(|number| number.split_once('.').unwrap_or((number, "")))?;
    let part = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Duration::from_secs(whole.parse::<u64>().ok()?.saturating_add(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shapes_give_their_message_and_status() {
        let anthropic = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#;
        let google = r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x","retryDelay":"34.4s"}]}}"#;
        let array = format!("[{google}]");
        let openrouter = r#"{"error":{"code":"429","message":"Provider returned error","metadata":{"raw":"slow down"}}}"#;
        for (status, body, message, wait) in [
            (529, anthropic, "Overloaded", None),
            (429, google, "Quota", Some(35)),
            (429, array.as_str(), "Quota", Some(35)),
            (429, openrouter, "slow down", None),
            (502, "<html>Bad gateway</html>", "HTTP 502 without a readable error", None),
            (400, r#"{"error":"plain text"}"#, "plain text", None),
            (400, r#"{"error":"invalid_grant","error_description":"Bad pool."}"#, "invalid_grant: Bad pool.", None),
            (400, r#"{"__type":"AccessDeniedException","Message":"not you"}"#, "AccessDeniedException: not you", None),
        ] {
            let error = decode(status, None, body);
            assert_eq!(error.kind, UpstreamErrorKind::Refused(status), "{body}");
            assert_eq!((error.message.as_str(), error.retry_after.map(|wait| wait.as_secs())), (message, wait), "{body}");
        }
    }

    #[test]
    fn a_refusal_by_moderation_is_told_from_that_of_a_credential() {
        let moderated = r#"{"error":{"code":403,"message":"Input was flagged","metadata":{"reasons":["violence"],"flagged_input":"x","provider_name":"P"}}}"#;
        let error = decode(403, None, moderated);
        assert_eq!((error.kind, error.message.as_str()), (UpstreamErrorKind::Moderated, "Input was flagged (violence)"));
        let credential = r#"{"error":{"code":403,"message":"Key disabled","metadata":{"provider_name":"P"}}}"#;
        assert_eq!(decode(403, None, credential).kind, UpstreamErrorKind::Refused(403));
    }

    #[test]
    fn only_a_body_with_an_error_in_it_is_one() {
        let status = |body: &str| decode_instead_of_reply(body).map(|error| error.status());
        assert_eq!(status(r#"{"error":{"code":429,"message":"slow"}}"#), Some(429));
        assert_eq!(status(r#"[{"error":{"code":503,"message":"down"}}]"#), Some(503));
        assert_eq!(status(r#"{"id":"1","error":null,"choices":[]}"#), None);
        assert_eq!(status("[]"), None);
    }

    #[test]
    fn a_header_wins_over_the_body() {
        assert_eq!(decode(429, Some("7"), "{}").retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn an_embedded_error_takes_its_status_from_code_or_type() {
        let status = |text: &str| {
            let raw = RawValue::from_string(text.to_owned()).unwrap();
            decode_embedded(&raw).status()
        };
        assert_eq!(status(r#"{"code":503,"message":"x"}"#), 503);
        assert_eq!(status(r#"{"type":"overloaded_error","message":"x"}"#), 529);
        assert_eq!(status(r#"{"code":"server_error","message":"x"}"#), 502);
        assert_eq!(status(r#"{"message":"x"}"#), 502);
    }
}
