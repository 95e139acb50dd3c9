//! A client's request as the upstream body. A pure function of the request and of what the route can carry.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::conversion::Conversion;
use super::place;
use super::restore::Restore;
use crate::capability::SamplingSupport;
use crate::catalog::{Model, Route};
use crate::chat::{ChatRequest, Origin, Part, Signature};
use crate::error::{ErrorKind, GatewayError};
use crate::wire::raw::RawObject;
use crate::wire::target::{Encoded, Target};
use crate::wire::{self, ClientFormat, ClientRequest, WireFormat, anthropic, openai};

/// The upstream body before the provider's last edits.
#[derive(Debug)]
pub struct Outbound {
    /// The body, a JSON object.
    pub body: Vec<u8>,
    /// How the reply comes back.
    pub conversion: Conversion,
    /// What the route cannot carry, by path: shown to the client in `x-gateway-dropped`.
    pub dropped: Vec<String>,
}

/// What comes with a request besides its body.
#[derive(Clone, Copy, Debug)]
pub struct RequestExtras<'a> {
    /// Anthropic's betas that Vertex takes.
    pub betas: &'a [&'a str],
    /// Gemini's signatures by tool-call id, from the vault.
    pub signatures: &'a HashMap<String, String>,
}

/// What a wire lets through of its own format.
struct Pass {
    forwarded: &'static [&'static str],
    consumed: &'static [&'static str],
    is_client_tool: fn(&RawValue) -> bool,
}

/// The body for a route: passed through where the wire is the client's own, translated otherwise. A pure function.
pub fn outbound(
    format: ClientFormat,
    request: &ClientRequest<'_>,
    (model, route): (&Model, &Route),
    extras: RequestExtras<'_>,
) -> Result<Outbound, GatewayError> {
    let wire = WireFormat::of(route.provider);
    let as_it_stands = match format {
        ClientFormat::ChatCompletions => true,
        ClientFormat::Messages => {
            anthropic::native::fits(request.text, &request.fields, (&model.capabilities, model.max_output_tokens))
        }
    };
    if wire == format.native_wire() && as_it_stands {
        forward(format, request, model, extras.betas)
    } else {
        translate(format, request, (model, route), extras)
    }
}

/// Decodes a request to the conversation and encodes it for another wire. Top-level fields that the conversation has no place
/// for, and what the wire cannot carry, are named.
fn translate(
    format: ClientFormat,
    request: &ClientRequest<'_>,
    (model, route): (&Model, &Route),
    extras: RequestExtras<'_>,
) -> Result<Outbound, GatewayError> {
    let wire = WireFormat::of(route.provider);
    let carried = wire::carried_fields(format);
    let unknown = |name: &&str| carried.binary_search(name).is_err() && request.fields.get(name) != Some("null");
    let mut dropped: Vec<String> = request.fields.names().filter(unknown).map(str::to_owned).collect();
    let mut conversation = wire::decode_request(format, request.text)?;
    drop_server_tools(format, request, &mut conversation, &mut dropped)?;
    restore_signatures(&mut conversation, extras.signatures);
    let visible_reasoning = conversation.reasoning.visible;
    let target = Target {
        capabilities: &model.capabilities,
        max_output_tokens: model.max_output_tokens,
        upstream: route.upstream.as_str(),
    };
    let Encoded { body, lost, names, answer_tool } =
        wire::encode_request(wire, conversation, &target).map_err(|error| placed(error, request.text))?;
    dropped.extend(lost.into_iter().map(|lost| lost.path(format).to_owned()));
    let restore = Restore::new(names, answer_tool, visible_reasoning);
    let repaired = wire == WireFormat::Anthropic && format == ClientFormat::Messages;
    let body = if repaired { with_betas(body, extras.betas)? } else { body };
    Ok(Outbound { body, conversion: Conversion::Translate { wire, restore }, dropped })
}

/// Names the part that the wire refused by its path in the client's body.
fn placed(error: GatewayError, body: &str) -> GatewayError {
    if error.kind() != ErrorKind::Unsupported {
        return error;
    }
    match place::of_uncarried_part(body) {
        Some(path) => error.with_param(path),
        None => error,
    }
}

/// A request that was only repaired keeps its betas: they also turn on what has no field, such as thinking between calls.
fn with_betas(body: Vec<u8>, betas: &[&str]) -> Result<Vec<u8>, GatewayError> {
    if betas.is_empty() {
        return Ok(body);
    }
    let mut fields = RawObject::from_slice(&body).map_err(|error| internal(&error))?;
    fields.set("anthropic_beta", betas).map_err(|error| internal(&error))?;
    fields.to_json().map_err(|error| internal(&error))
}

/// Gives calls their signatures back, unless the client kept them itself.
fn restore_signatures(conversation: &mut ChatRequest, signatures: &HashMap<String, String>) {
    for part in conversation.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolCall(call) = part
            && call.signature.is_none()
        {
            let known = signatures.get(&call.id);
            call.signature = known.map(|value| Signature { origin: Origin::Gemini, value: value.clone() });
        }
    }
}

/// Server tools of the client's own vendor do not exist anywhere else.
fn drop_server_tools(
    format: ClientFormat,
    request: &ClientRequest<'_>,
    conversation: &mut ChatRequest,
    dropped: &mut Vec<String>,
) -> Result<(), GatewayError> {
    let Some(tools) = request.fields.get("tools").filter(|tools| *tools != "null") else { return Ok(()) };
    let is_client_tool = pass_of(format).is_client_tool;
    let mut gone = Vec::new();
    for (position, tool) in parse_list(tools)?.into_iter().enumerate() {
        if !is_client_tool(tool) {
            dropped.push(format!("tools[{position}]"));
            gone.push(position);
        }
    }
    // OpenAI's decoder leaves server tools out by itself: they have no function.
    if format == ClientFormat::Messages {
        let mut position = 0_usize..;
        conversation.tools.retain(|_| position.next().is_none_or(|position| !gone.contains(&position)));
    }
    Ok(())
}

/// Passes a request through to a wire of the same format: allowed fields stay byte for byte, others are dropped and named.
pub fn forward(
    format: ClientFormat,
    request: &ClientRequest<'_>,
    model: &Model,
    betas: &[&str],
) -> Result<Outbound, GatewayError> {
    // Only the list of fields is copied: their texts are the request's own.
    let (mut fields, max_tokens) = (request.fields.clone(), request.max_tokens);
    let pass = pass_of(format);
    let mut dropped = allow_listed(&mut fields, &pass);
    keep_client_tools(&mut fields, pass.is_client_tool, &mut dropped)?;
    clamp_output(&mut fields, max_tokens, model, &mut dropped)?;
    match format {
        ClientFormat::ChatCompletions => {
            one_token_limit(&mut fields, max_tokens, &mut dropped);
            drop_refused_sampling(&mut fields, model, &mut dropped);
            one_reasoning_amount(&mut fields, &mut dropped)?;
            rename_developer(&mut fields, model, &mut dropped)?;
        }
        ClientFormat::Messages => {
            drop_billing(&mut fields, &mut dropped)?;
            apply_betas(&mut fields, betas, &mut dropped)?;
        }
    }
    let body = fields.to_json().map_err(|error| internal(&error))?;
    Ok(Outbound { body, conversion: Conversion::Forward, dropped })
}

fn pass_of(format: ClientFormat) -> Pass {
    match format {
        ClientFormat::ChatCompletions => Pass {
            forwarded: openai::request::FORWARDED,
            consumed: openai::request::CONSUMED,
            is_client_tool: openai::request::is_client_tool,
        },
        ClientFormat::Messages => Pass {
            forwarded: anthropic::request::FORWARDED,
            consumed: anthropic::request::CONSUMED,
            is_client_tool: anthropic::request::is_client_tool,
        },
    }
}

/// Removes every top-level field that the wire does not take; returns those that carried something.
fn allow_listed(fields: &mut RawObject<'_>, pass: &Pass) -> Vec<String> {
    let refused = |name: &&str| pass.forwarded.binary_search(name).is_err();
    let names: Vec<String> = fields.names().filter(refused).map(str::to_owned).collect();
    names
        .into_iter()
        .filter(|name| {
            let carried = fields.get(name).is_some_and(|value| value != "null");
            fields.remove(name);
            carried && !pass.consumed.contains(&name.as_str())
        })
        .collect()
}

/// Leaves only tools that run at the client, and removes the list when nothing is left of it.
fn keep_client_tools(
    fields: &mut RawObject<'_>,
    is_client_tool: fn(&RawValue) -> bool,
    dropped: &mut Vec<String>,
) -> Result<(), GatewayError> {
    let Some(tools) = fields.get("tools").filter(|tools| *tools != "null").map(str::to_owned) else { return Ok(()) };
    let tools = parse_list(&tools)?;
    let (kept, server): (Vec<_>, Vec<_>) = tools.iter().enumerate().partition(|(_, tool)| is_client_tool(tool));
    if server.is_empty() {
        return Ok(());
    }
    dropped.extend(server.iter().map(|(position, _)| format!("tools[{position}]")));
    if kept.is_empty() {
        fields.remove("tools");
        // Without tools a choice between them is refused upstream.
        if fields.remove("tool_choice") {
            dropped.push("tool_choice".to_owned());
        }
        return Ok(());
    }
    let kept: Vec<&RawValue> = kept.into_iter().map(|(_, tool)| *tool).collect();
    fields.set("tools", &kept).map_err(|error| internal(&error))
}

fn parse_list(text: &str) -> Result<Vec<&RawValue>, GatewayError> {
    Vec::<&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| internal(&error))
}

/// Lowers an output limit above the model's own: providers refuse it, and clients often send one number for all models.
fn clamp_output(
    fields: &mut RawObject<'_>,
    max_tokens: Option<(&'static str, u64)>,
    model: &Model,
    dropped: &mut Vec<String>,
) -> Result<(), GatewayError> {
    match max_tokens {
        Some((field, limit)) if limit > model.max_output_tokens => {
            dropped.push(field.to_owned());
            fields.set(field, &model.max_output_tokens).map_err(|error| internal(&error))
        }
        Some(_) | None => Ok(()),
    }
}

/// Both names of the limit at once are refused by some models; the newer one counts.
fn one_token_limit(fields: &mut RawObject<'_>, max_tokens: Option<(&'static str, u64)>, dropped: &mut Vec<String>) {
    if max_tokens.is_some_and(|(field, _)| field == "max_completion_tokens") && fields.remove("max_tokens") {
        dropped.push("max_tokens".to_owned());
    }
}

/// OpenRouter refuses an effort beside a budget of thoughts: the effort counts, as where a request is translated.
fn one_reasoning_amount(fields: &mut RawObject<'_>, dropped: &mut Vec<String>) -> Result<(), GatewayError> {
    let Some(reasoning) = fields.get("reasoning").filter(|value| value.starts_with('{')).map(str::to_owned) else {
        return Ok(());
    };
    let mut reasoning = RawObject::parse(&reasoning).map_err(|error| internal(&error))?;
    let says = |name: &str| reasoning.get(name).is_some_and(|value| value != "null");
    if !(says("effort") && says("max_tokens")) {
        return Ok(());
    }
    reasoning.remove("max_tokens");
    dropped.push("reasoning.max_tokens".to_owned());
    fields.set("reasoning", &reasoning).map_err(|error| internal(&error))
}

/// OpenAI's reasoning models refuse sampling fields, which many clients send unasked.
fn drop_refused_sampling(fields: &mut RawObject<'_>, model: &Model, dropped: &mut Vec<String>) {
    if model.capabilities.sampling == SamplingSupport::Nothing {
        dropped.extend(["temperature", "top_p", "top_k"].into_iter().filter(|name| fields.remove(name)).map(str::to_owned));
    }
}

/// Only OpenAI's own models know the developer role: to the others it is a system message.
fn rename_developer(fields: &mut RawObject<'_>, model: &Model, dropped: &mut Vec<String>) -> Result<(), GatewayError> {
    const DEVELOPER: &str = "\"developer\"";
    let foreign = |messages: &&str| model.owned_by != "openai" && messages.contains(DEVELOPER);
    let Some(messages) = fields.get("messages").filter(foreign).map(str::to_owned) else { return Ok(()) };
    let mut messages: Vec<RawObject<'_>> = serde_json::from_str(&messages).map_err(|error| internal(&error))?;
    let mut renamed = false;
    for (position, message) in messages.iter_mut().enumerate().filter(|(_, message)| message.get("role") == Some(DEVELOPER))
    {
        message.set("role", "system").map_err(|error| internal(&error))?;
        dropped.push(format!("messages[{position}].role"));
        renamed = true;
    }
    if renamed { fields.set("messages", &messages).map_err(|error| internal(&error)) } else { Ok(()) }
}

/// Removes Claude Code's billing block: it differs from request to request and stands before everything that could be cached.
fn drop_billing(fields: &mut RawObject<'_>, dropped: &mut Vec<String>) -> Result<(), GatewayError> {
    let has_block = |system: &&str| system.starts_with('[') && system.contains(anthropic::request::BILLING_HEADER);
    let Some(system) = fields.get("system").filter(has_block).map(str::to_owned) else { return Ok(()) };
    let blocks = parse_list(&system)?;
    let mut kept = Vec::with_capacity(blocks.len());
    for (position, block) in blocks.into_iter().enumerate() {
        if anthropic::request::is_billing_block(block) {
            dropped.push(format!("system[{position}]"));
        } else {
            kept.push(block);
        }
    }
    if kept.is_empty() {
        fields.remove("system");
        return Ok(());
    }
    fields.set("system", &kept).map_err(|error| internal(&error))
}

/// Puts the accepted betas into the body, where Vertex takes them, and drops what needs a beta that is not there.
fn apply_betas(fields: &mut RawObject<'_>, betas: &[&str], dropped: &mut Vec<String>) -> Result<(), GatewayError> {
    let managed = betas.contains(&anthropic::betas::CONTEXT_MANAGEMENT);
    if !managed && fields.remove("context_management") {
        dropped.push("context_management".to_owned());
    }
    if betas.is_empty() { Ok(()) } else { fields.set("anthropic_beta", betas).map_err(|error| internal(&error)) }
}

fn internal(error: &serde_json::Error) -> GatewayError {
    GatewayError::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    /// What a model's own wire is sent, and what is named as dropped.
    fn forwarded(format: ClientFormat, model: &str, body: &str) -> (String, Vec<String>) {
        let model = Catalog::embedded().unwrap().resolve(model).unwrap();
        let request = wire::open_request(format, body).unwrap();
        let outbound = forward(format, &request, &model, &[]).unwrap();
        (String::from_utf8(outbound.body).unwrap(), outbound.dropped)
    }

    #[test]
    fn the_developer_role_is_kept_for_openais_models_only() {
        let body = r#"{"model":"m","messages":[{"role":"developer","content":"a","x":1.0},{"role":"user","content":"\"developer\""}]}"#;
        let sent = |role: &str| {
            format!(
                r#"{{"messages":[{{"role":"{role}","content":"a","x":1.0}},{{"role":"user","content":"\"developer\""}}]}}"#
            )
        };
        let of = |model: &str| forwarded(ClientFormat::ChatCompletions, model, body);
        assert_eq!(of("gpt-5.2"), (sent("developer"), vec![]));
        assert_eq!(of("kimi-k2.5"), (sent("system"), vec!["messages[0].role".to_owned()]));
    }

    #[test]
    fn an_effort_and_a_budget_of_thoughts_are_not_sent_together() {
        let of = |reasoning: &str| {
            let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],"reasoning":{reasoning}}}"#);
            forwarded(ClientFormat::ChatCompletions, "gpt-5.2", &body)
        };
        let sent = |reasoning: &str| format!(r#"{{"messages":[{{"role":"user","content":"a"}}],"reasoning":{reasoning}}}"#);
        let both = of(r#"{"effort":"low","max_tokens":2000}"#);
        assert_eq!(both, (sent(r#"{"effort":"low"}"#), vec!["reasoning.max_tokens".to_owned()]));
        for one in [r#"{"max_tokens":2000}"#, r#"{"effort":null,"max_tokens":2000}"#, "null"] {
            assert_eq!(of(one), (sent(one), vec![]));
        }
    }

    #[test]
    fn the_billing_block_goes_and_the_other_blocks_keep_their_spelling() {
        let of = |system: &str| {
            let body =
                format!(r#"{{"max_tokens":1,"messages":[{{"role":"user","content":"a"}}],"model":"m","system":{system}}}"#);
            forwarded(ClientFormat::Messages, "claude-opus-4.6", &body)
        };
        let sent = |system: &str| format!(r#"{{"max_tokens":1,"messages":[{{"role":"user","content":"a"}}]{system}}}"#);
        let billing = r#"{"type":"text","text":"x-anthropic-billing-header: cc_version=1"}"#;
        let gone = vec!["system[0]".to_owned()];
        assert_eq!(
            of(&format!(r#"[{billing},{{"type":"text", "text":"b"}}]"#)),
            (sent(r#","system":[{"type":"text", "text":"b"}]"#), gone.clone())
        );
        assert_eq!(of(&format!("[{billing}]")), (sent(""), gone));
        let quoted = r#""about x-anthropic-billing-header: lines""#;
        assert_eq!(of(quoted), (sent(&format!(r#","system":{quoted}"#)), vec![]));
    }
}
