//! Whole Messages replies, and stop reasons.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::chat::FinishReason;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::raw::RawObject;
use crate::wire::upstream_error::decode_embedded;

/// Anthropic's own stop reasons, which its clients accept.
const OWN: [&str; 8] = [
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
    "compaction",
];

/// The meaning of a stop reason. An unknown one counts as a normal end.
pub fn finish_reason(word: &str, stop_sequence: Option<String>) -> FinishReason {
    match word.to_ascii_lowercase().as_str() {
        "stop_sequence" => FinishReason::StopSequence(stop_sequence),
        "max_tokens" | "model_context_window_exceeded" | "length" => FinishReason::Length,
        "tool_use" | "tool_calls" => FinishReason::ToolCalls,
        "refusal" | "content_filter" => FinishReason::ContentFilter,
        "pause_turn" | "compaction" => FinishReason::Paused,
        _ => FinishReason::Stop,
    }
}

/// Whether Anthropic's clients know the stop reason, and it matches the end of the reply.
pub fn is_true_word(word: &str, finish: &FinishReason) -> bool {
    let sequence = if let FinishReason::StopSequence(sequence) = finish { sequence.clone() } else { None };
    OWN.contains(&word) && finish_reason(word, sequence) == *finish
}

/// One event of a stream: its name and its data.
pub struct NamedFrame {
    /// The event's name.
    pub event: &'static str,
    /// Its JSON.
    pub data: String,
}

#[derive(Serialize)]
struct EventOut<'a, T: Serialize> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(flatten)]
    fields: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct NoFields {}

#[derive(Serialize)]
struct MessageOut<'a> {
    message: RawObject<'a>,
}

#[derive(Serialize)]
struct BlockOut<'a> {
    content_block: RawObject<'a>,
}

#[derive(Serialize)]
struct DeltaOut<'a> {
    delta: RawObject<'a>,
}

/// Fields of a whole reply that a stream sends at its end, in `message_delta.delta`.
const AT_END: [&str; 4] = ["stop_reason", "stop_sequence", "stop_details", "container"];

/// Converts a whole reply to the events of a stream. Text, reasoning and arguments become deltas, where clients look for
/// them. Other members of a block stay in its start.
pub fn as_events(body: &str) -> Result<Vec<NamedFrame>, UpstreamError> {
    let reply = RawObject::parse(body)?;
    if let Some(error) = reply.get("error").filter(|error| *error != "null") {
        let error: &RawValue = serde_json::from_str(error)?;
        return Err(decode_embedded(error));
    }
    if reply.get("content").is_none() {
        return Err(UpstreamError::new(UpstreamErrorKind::NoAnswer, "the provider sent a reply without content"));
    }
    Ok(events_of(&reply)?)
}

fn events_of(reply: &RawObject<'_>) -> Result<Vec<NamedFrame>, serde_json::Error> {
    let content: Option<Vec<RawObject<'_>>> = serde_json::from_str(reply.get("content").unwrap_or("null"))?;
    let usage: Option<&RawValue> = serde_json::from_str(reply.get("usage").unwrap_or("null"))?;
    let (mut message, mut delta) = (reply.clone(), RawObject::default());
    for name in AT_END {
        let value: Option<&RawValue> = reply.get(name).map(serde_json::from_str).transpose()?;
        message.remove(name);
        if let Some(value) = value {
            delta.set(name, value)?;
        }
    }
    if delta.get("stop_reason").is_none_or(|reason| matches!(reason, "null" | "\"\"")) {
        // A whole reply is complete.
        delta.set("stop_reason", "end_turn")?;
    }
    message.set("content", &[(); 0])?;
    let mut frames = vec![frame("message_start", None, MessageOut { message }, None)?];
    for (index, block) in content.unwrap_or_default().into_iter().enumerate() {
        block_events(index, block, &mut frames)?;
    }
    frames.push(frame("message_delta", None, DeltaOut { delta }, usage)?);
    frames.push(frame("message_stop", None, NoFields {}, None)?);
    Ok(frames)
}

fn frame<T: Serialize>(
    event: &'static str,
    index: Option<usize>,
    fields: T,
    usage: Option<&RawValue>,
) -> Result<NamedFrame, serde_json::Error> {
    let data = serde_json::to_string(&EventOut { kind: event, index, fields, usage })?;
    Ok(NamedFrame { event, data })
}

/// What becomes a delta: the block's type, its field, the delta's type and the delta's field.
const DELTAS: [[&str; 4]; 4] = [
    ["text", "text", "text_delta", "text"],
    ["thinking", "thinking", "thinking_delta", "thinking"],
    ["thinking", "signature", "signature_delta", "signature"],
    ["tool_use", "input", "input_json_delta", "partial_json"],
];

fn block_events(index: usize, mut block: RawObject<'_>, frames: &mut Vec<NamedFrame>) -> Result<(), serde_json::Error> {
    let whole = block.clone();
    let mut deltas = Vec::new();
    for [kind, field, delta_kind, delta_field] in DELTAS {
        let is_kind = whole.get("type").and_then(|text| serde_json::from_str::<&str>(text).ok()) == Some(kind);
        let Some(value) = whole.get(field).filter(|_| is_kind) else { continue };
        let mut delta = RawObject::default();
        delta.set("type", delta_kind)?;
        if field == "input" {
            delta.set(delta_field, value)?;
            block.set(field, &NoFields {})?;
        } else {
            delta.set(delta_field, serde_json::from_str::<&RawValue>(value)?)?;
            block.set(field, "")?;
        }
        deltas.push(frame("content_block_delta", Some(index), DeltaOut { delta }, None)?);
    }
    frames.push(frame("content_block_start", Some(index), BlockOut { content_block: block }, None)?);
    frames.append(&mut deltas);
    frames.push(frame("content_block_stop", Some(index), NoFields {}, None)?);
    Ok(())
}
