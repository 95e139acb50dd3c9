//! A whole Messages reply.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::ProviderUsage;
use crate::chat::FinishReason;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::raw::RawObject;
use crate::wire::{Identity, WholeReply, upstream_error};

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
pub fn forward(body: &str, identity: &Identity) -> Result<WholeReply, UpstreamError> {
    let malformed = |error: serde_json::Error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string());
    let reply: Reply<'_> = serde_json::from_str(body).map_err(malformed)?;
    if let Some(error) = reply.error {
        return Err(upstream_error::decode_embedded(error));
    }
    let content =
        reply.content.ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Malformed, "a reply without content"))?;
    let stop_sequence = reply.stop_sequence.map(Cow::into_owned);
    let mut fields = RawObject::parse(body).map_err(malformed)?;
    fields.set("id", &identity.id).map_err(malformed)?;
    fields.set("model", identity.model.as_str()).map_err(malformed)?;
    Ok(WholeReply {
        body: fields.to_json().map_err(malformed)?.into(),
        usage: reply.usage.as_ref().map(ProviderUsage::canonical),
        finish: finish_reason(reply.stop_reason.as_deref().unwrap_or("end_turn"), stop_sequence),
        upstream_id: reply.id.unwrap_or_default().into_owned(),
        output_bytes: content.get().len() as u64,
    })
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
