//! A whole Chat Completions reply, and the words that say how one ended.

use crate::chat::FinishReason;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::raw::RawObject;

/// The finish reasons of OpenAI's own format: what its clients accept.
const OWN: [&str; 5] = ["stop", "length", "tool_calls", "content_filter", "function_call"];

/// What a finish reason stands for, in OpenAI's words or in those of the providers behind a router. One that we do not know
/// counts as `stop`.
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

/// Whether OpenAI's clients know that word, and it says what the reply's end is.
pub fn is_true_word(word: &str, finish: &FinishReason) -> bool {
    let meant = finish_reason(word);
    // This format has one word for many ends: a model that refuses stops, too.
    let stops = matches!(
        finish,
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::Paused | FinishReason::ContentFilter
    );
    OWN.contains(&word) && (meant == *finish || (meant == FinishReason::Stop && stops))
}

/// The failure that a word tells of, if it does: the provider's own, or a call that the model got wrong. `after_calls` says whether
/// a complete call came: one that broke after it takes nothing away from it.
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

/// Whether a reply holds calls by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCalls {
    /// It holds one or more.
    Yes,
    /// It holds none.
    No,
}

/// A whole reply as the one chunk of a stream. What is whole has ended: a reply that does not say how has stopped.
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

/// A message as a delta: the calls get the numbers that a stream has, by which equal or missing ids are told apart.
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
