//! Whole Chat Completions replies, and finish reasons.

use crate::chat::FinishReason;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::raw::RawObject;

/// OpenAI's own finish reasons, which its clients accept.
const OWN: [&str; 5] = ["stop", "length", "tool_calls", "content_filter", "function_call"];

/// The meaning of a finish reason of OpenAI, or of a provider behind a router. An unknown one counts as `stop`.
pub fn finish_reason(word: &str) -> FinishReason {
    match word.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" | "max_output_tokens" | "model_length" | "model_context_window_exceeded" => {
            FinishReason::Length
        }
        "content_filter" | "content-filter" | "safety" | "refusal" | "recitation" | "blocklist" | "prohibited_content"
        | "spii" => FinishReason::ContentFilter,
        "tool_calls" | "tool_call" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

/// The finish reason, or the vendor's own if OpenRouter calls it only `stop`: it did so for refusals of Claude.
pub fn exact_word<'w>(word: &'w str, native: Option<&'w str>) -> &'w str {
    let says_more = |native: &&str| matches!(finish_reason(native), FinishReason::ContentFilter | FinishReason::Length);
    native.filter(says_more).filter(|_| word == "stop").unwrap_or(word)
}

/// Whether OpenAI's clients know the finish reason, and it matches the end of the reply.
pub fn is_true_word(word: &str, finish: &FinishReason) -> bool {
    let meant = finish_reason(word);
    // This format has one word for several ends. For example, a refusal also ends with `stop`.
    let stops = matches!(
        finish,
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::Paused | FinishReason::ContentFilter
    );
    OWN.contains(&word) && (meant == *finish || (meant == FinishReason::Stop && stops))
}

/// The failure that a finish reason reports, if any: the provider's, or a malformed call. `after_calls` says whether a
/// complete call came before; a later broken call does not invalidate it.
pub fn failure(word: &str, after_calls: AfterCalls) -> Option<UpstreamError> {
    let lower = word.to_ascii_lowercase();
    let broken_call = ["malformed_function_call", "unexpected_tool_call", "too_many_tool_calls"].contains(&lower.as_str());
    let broken = lower.contains("error") || ["failed", "failure", "aborted", "cancelled"].contains(&lower.as_str());
    let kind = match (broken, broken_call, after_calls) {
        (true, _, _) => UpstreamErrorKind::Refused(502),
        (false, true, AfterCalls::No) => UpstreamErrorKind::NoAnswer,
        (false, true, AfterCalls::Yes) | (false, false, _) => return None,
    };
    Some(UpstreamError::new(kind, format!("the model ended with {word}")))
}

/// Whether the reply contains calls so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCalls {
    /// At least one.
    Yes,
    /// None.
    No,
}

/// Converts a whole reply to a single chunk. A whole reply is complete, so a missing finish reason means `stop`.
pub fn as_chunk(body: &str) -> Result<String, UpstreamError> {
    let mut chunk = RawObject::parse(body)?;
    let choices = chunk.get("choices").unwrap_or("null").to_owned();
    let choices: Option<Vec<RawObject<'_>>> = serde_json::from_str(&choices)?;
    let mut choices = choices.unwrap_or_default();
    choices.truncate(1);
    for choice in &mut choices {
        let message = choice.get("message").unwrap_or("null").to_owned();
        choice.remove("message");
        choice.set("delta", &numbered(&message)?)?;
        if matches!(choice.get("finish_reason"), None | Some("null" | "\"\"")) {
            choice.set("finish_reason", "stop")?;
        }
    }
    chunk.set("object", "chat.completion.chunk")?;
    chunk.set("choices", &choices)?;
    Ok(String::from_utf8_lossy(&chunk.to_json()?).into_owned())
}

/// Converts a message to a delta. Calls get numbers, as in a stream, because their ids may be equal or missing.
fn numbered(message: &str) -> Result<Option<RawObject<'_>>, serde_json::Error> {
    let Some(mut delta) = serde_json::from_str::<Option<RawObject<'_>>>(message)? else { return Ok(None) };
    let calls = delta.get("tool_calls").map(serde_json::from_str::<Option<Vec<RawObject<'_>>>>).transpose()?.flatten();
    if let Some(mut calls) = calls {
        for (position, call) in calls.iter_mut().enumerate() {
            call.set("index", &position)?;
        }
        let calls = serde_json::value::to_raw_value(&calls)?;
        delta.set("tool_calls", &calls)?;
    }
    Ok(Some(delta))
}
