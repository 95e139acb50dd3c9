//! A client's request as the upstream body. A pure function of the request and of what the route can carry.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalog::Model;
use crate::error::{ErrorKind, GatewayError};
use crate::wire::raw::RawObject;
use crate::wire::{ClientFormat, ClientRequest, anthropic, openai};

/// The upstream body before the provider's last edits.
#[derive(Debug)]
pub struct Outbound<'a> {
    /// The fields that go out.
    pub fields: RawObject<'a>,
    /// What the route cannot carry, by path: shown to the client in `x-gateway-dropped`.
    pub dropped: Vec<String>,
}

/// What a wire lets through of its own format.
struct Pass {
    forwarded: &'static [&'static str],
    consumed: &'static [&'static str],
    is_client_tool: fn(&RawValue) -> bool,
}

/// Passes a request through to a wire of the same format: allowed fields stay byte for byte, others are dropped and named.
pub fn forward<'a>(
    format: ClientFormat,
    request: ClientRequest<'a>,
    model: &Model,
    betas: &[&str],
) -> Result<Outbound<'a>, GatewayError> {
    let ClientRequest { mut fields, max_tokens, .. } = request;
    let pass = match format {
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
    };
    let mut dropped = allow_listed(&mut fields, &pass);
    keep_client_tools(&mut fields, pass.is_client_tool, &mut dropped)?;
    clamp_output(&mut fields, max_tokens, model, &mut dropped)?;
    match format {
        ClientFormat::ChatCompletions => one_token_limit(&mut fields, max_tokens, &mut dropped),
        ClientFormat::Messages => apply_betas(&mut fields, betas, &mut dropped)?,
    }
    Ok(Outbound { fields, dropped })
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

/// The answer to a client whose format and model meet only by a translation that is not built.
pub fn unsupported(format: ClientFormat, model: &Model) -> GatewayError {
    let other = match format {
        ClientFormat::ChatCompletions => "/v1/messages",
        ClientFormat::Messages => "/v1/chat/completions",
    };
    let message = format!("{} cannot be reached through this endpoint yet.", model.id);
    GatewayError::new(ErrorKind::Unsupported, message)
        .with_code("unsupported")
        .with_param("model")
        .with_hint(format!("Use POST {other} for this model."))
}
