//! A whole Chat Completions reply.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::native::calls::with_arguments;
use super::super::usage::{ClientUsage, ProviderUsage};
use crate::chat::FinishReason;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::raw::RawObject;
use crate::wire::{Identity, upstream_error};

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    usage: Option<ProviderUsage<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    tool_calls: Option<Vec<&'a RawValue>>,
}

/// Passes a reply through: id and model become ours, usage takes the client's form, a call without arguments
/// gets an empty object, everything else stays byte for byte.
/// OpenRouter may answer 200 with an `error`, whole or inside the choice: that is a failed call.
pub fn forward(body: &str, identity: &Identity) -> Result<Vec<u8>, UpstreamError> {
    let body = &*with_arguments(body);
    let malformed = |error: serde_json::Error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string());
    let reply: Reply<'_> = serde_json::from_str(body).map_err(malformed)?;
    if let Some(error) = reply.error {
        return Err(upstream_error::decode_embedded(error));
    }
    let choice = reply.choices.as_ref().and_then(|choices| choices.first());
    let choice = choice.ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Malformed, "a reply without choices"))?;
    if let Some(error) = choice.error {
        return Err(upstream_error::decode_embedded(error));
    }
    let calls = choice.message.and_then(|message| serde_json::from_str::<Message<'_>>(message.get()).ok()?.tool_calls);
    let has_calls = calls.is_some_and(|calls| !calls.is_empty());
    finish_reason(choice.finish_reason.as_deref().unwrap_or("stop"), has_calls)?;
    let usage = reply.usage.as_ref().map(ProviderUsage::canonical);
    let mut fields = RawObject::parse(body).map_err(malformed)?;
    fields.set("id", &identity.id).map_err(malformed)?;
    fields.set("model", identity.model.as_str()).map_err(malformed)?;
    if let Some(usage) = &usage {
        fields.set("usage", &ClientUsage::from(usage)).map_err(malformed)?;
    }
    fields.to_json().map_err(malformed)
}

/// OpenAI's finish reasons, with the ones OpenRouter adds. A call in the output means `tool_calls` whatever `stop` says; a
/// reason we do not know counts as `stop`.
pub fn finish_reason(text: &str, has_calls: bool) -> Result<FinishReason, UpstreamError> {
    match text {
        "length" => Ok(FinishReason::Length),
        "content_filter" => Ok(FinishReason::ContentFilter),
        "tool_calls" | "function_call" => Ok(FinishReason::ToolCalls),
        "error" => Err(UpstreamError::new(UpstreamErrorKind::Refused(502), "the provider finished with an error")),
        _ if has_calls => Ok(FinishReason::ToolCalls),
        _ => Ok(FinishReason::Stop),
    }
}
