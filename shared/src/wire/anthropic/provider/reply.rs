//! A whole Messages reply.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::usage::ProviderUsage;
use crate::chat::{BlockStart, Delta, FinishReason, Origin, Signature, StreamEvent};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::raw::RawObject;
use crate::wire::{Identity, upstream_error};

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stop_sequence: Option<Cow<'a, str>>,
    usage: Option<ProviderUsage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Passes a reply through: id and model become ours, everything else stays byte for byte.
pub fn forward(body: &str, identity: &Identity) -> Result<Vec<u8>, UpstreamError> {
    let malformed = |error: serde_json::Error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string());
    let reply: Reply<'_> = serde_json::from_str(body).map_err(malformed)?;
    if let Some(error) = reply.error {
        return Err(upstream_error::decode_embedded(error));
    }
    if reply.content.is_none() {
        return Err(UpstreamError::new(UpstreamErrorKind::Malformed, "a reply without content"));
    }
    let mut fields = RawObject::parse(body).map_err(malformed)?;
    fields.set("id", &identity.id).map_err(malformed)?;
    fields.set("model", identity.model.as_str()).map_err(malformed)?;
    fields.to_json().map_err(malformed)
}

/// Anthropic's stop reasons. One that we do not know counts as a normal end.
pub fn finish_reason(text: &str, stop_sequence: Option<String>) -> FinishReason {
    match text {
        "stop_sequence" => FinishReason::StopSequence(stop_sequence),
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        "pause_turn" => FinishReason::Paused,
        _ => FinishReason::Stop,
    }
}

#[derive(Deserialize)]
struct BlockIn<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// A whole reply as the events of a stream.
pub fn events(body: &str) -> Result<Vec<StreamEvent>, UpstreamError> {
    let malformed = |error: serde_json::Error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string());
    let reply: Reply<'_> = serde_json::from_str(body).map_err(malformed)?;
    if let Some(error) = reply.error {
        return Err(upstream_error::decode_embedded(error));
    }
    let content =
        reply.content.ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Malformed, "a reply without content"))?;
    let blocks: Vec<BlockIn<'_>> = serde_json::from_str(content.get()).map_err(malformed)?;
    let usage = reply.usage.as_ref().map(ProviderUsage::canonical).unwrap_or_default();
    let (id, stop_sequence) = (reply.id.unwrap_or_default().into_owned(), reply.stop_sequence.map(Cow::into_owned));
    let mut events = vec![StreamEvent::Start { id, model: String::new(), usage }];
    for block in blocks {
        events.extend(block_events(block).into_iter().flatten());
    }
    events.push(StreamEvent::Usage(usage));
    events.push(StreamEvent::Finish(finish_reason(reply.stop_reason.as_deref().unwrap_or("end_turn"), stop_sequence)));
    Ok(events)
}

/// Blocks of server-side tools mean nothing to a client of another format.
fn block_events(block: BlockIn<'_>) -> Option<Vec<StreamEvent>> {
    let signed = |value: String| Signature { origin: Origin::Anthropic, value };
    let (start, deltas) = match block.kind.as_ref() {
        "text" => (BlockStart::Text, vec![Delta::Text(block.text.unwrap_or_default())]),
        "thinking" => {
            let signature = block.signature.filter(|value| !value.is_empty()).map(|value| Delta::Signature(signed(value)));
            let thought = Delta::Reasoning(block.thinking.unwrap_or_default());
            (BlockStart::Reasoning, std::iter::once(thought).chain(signature).collect())
        }
        "redacted_thinking" => (BlockStart::RedactedReasoning { data: signed(block.data.unwrap_or_default()) }, Vec::new()),
        "tool_use" => {
            let start = BlockStart::ToolCall { id: block.id.unwrap_or_default(), name: block.name.unwrap_or_default() };
            (start, vec![Delta::Arguments(block.input.map_or("{}", RawValue::get).to_owned())])
        }
        _ => return None,
    };
    let deltas = deltas.into_iter().map(StreamEvent::Delta);
    Some(std::iter::once(StreamEvent::BlockStart(start)).chain(deltas).chain([StreamEvent::BlockStop]).collect())
}
