//! Whole replies back.

use super::conversion::Conversion;
use super::restore::Restore;
use crate::chat::collect;
use crate::chat::request::{Origin, Part};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::{self, ClientFormat, Identity, WholeReply};

/// A provider's whole reply as the client shall get it.
pub fn whole(
    format: ClientFormat,
    conversion: Conversion,
    body: &str,
    identity: &Identity,
) -> Result<WholeReply, UpstreamError> {
    match conversion {
        Conversion::Forward => wire::forward_whole(format, body, identity),
        Conversion::Translate { wire, restore } => translated(format, (wire, restore), body, identity),
    }
}

fn translated(
    format: ClientFormat,
    (wire, mut restore): (wire::WireFormat, Restore),
    body: &str,
    identity: &Identity,
) -> Result<WholeReply, UpstreamError> {
    let events = wire::decode_whole(wire, body)?;
    let reply = collect(events.into_iter().filter_map(|event| restore.apply(event)));
    let mut reply = reply.ok_or_else(UpstreamError::truncated)?;
    // A thought without words and without a signature says nothing.
    reply.parts.retain(|part| !matches!(part, Part::Reasoning { text, signature: None } if text.is_empty()));
    let body = wire::encode_whole(format, &reply, identity);
    let body = body.map_err(|error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string()))?;
    let length = |part: &Part| match part {
        Part::Text { text, .. } | Part::Reasoning { text, .. } => text.len(),
        Part::ToolCall(call) => call.arguments.0.len(),
        Part::Image { .. }
        | Part::Document { .. }
        | Part::Audio { .. }
        | Part::RedactedReasoning { .. }
        | Part::ToolResult(_) => 0,
    };
    let signatures = if format == ClientFormat::ChatCompletions { signatures(&reply.parts, identity) } else { Vec::new() };
    Ok(WholeReply {
        signatures,
        body: body.into(),
        usage: reply.usage,
        output_bytes: reply.parts.iter().map(length).sum::<usize>() as u64,
        finish: reply.finish,
        upstream_id: reply.id,
    })
}

/// Gemini's signatures by the ids that the client got.
fn signatures(parts: &[Part], identity: &Identity) -> Vec<(String, String)> {
    let calls = parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None });
    let signed = calls.enumerate().filter_map(|(position, call)| {
        let signature = call.signature.as_ref().filter(|signature| signature.origin == Origin::Gemini)?;
        Some((identity.call_id(position), signature.value.clone()))
    });
    signed.collect()
}
