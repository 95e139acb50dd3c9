//! What Claude on Vertex rejects in a request's settings.

use serde_json::{Map, Value};

use super::super::json::items;
use super::claude_model::Model;
use super::verdict::{Verdict, ensure, extra};
use super::{claude_absent, claude_history, claude_pictures, claude_server_tools, claude_thinking, claude_tools};

const FIELDS: [&str; 17] = [
    "anthropic_version",
    "anthropic_beta",
    "max_tokens",
    "messages",
    "metadata",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "output_config",
    "context_management",
    "cache_control",
];
const CONTEXT_MANAGEMENT: &str = "context-management-2025-06-27";
const BINDING: &str = "thinking-binding-controls-2026-08-01";
const BETAS: [&str; 10] = [
    "interleaved-thinking-2025-05-14",
    "context-1m-2025-08-07",
    "web-search-2025-03-05",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "compact-2026-01-12",
    CONTEXT_MANAGEMENT,
    "tool-search-tool-2025-10-19",
    "mid-conversation-tool-changes-2026-07-01",
    BINDING,
];
/// Further parameters that `litellm`'s table for Vertex (1.109.1) passes on. It names them without their dates.
const TOLERATED: [&str; 4] = ["dangerous-tool-use-", "per-turn-control-", "thinking-display-updates-", "inline-tools-"];

/// Checks a request to this model. `header` is its `anthropic-beta`.
pub(super) fn check(model: &str, header: &str, body: &Value) -> Verdict {
    let model = Model::named(model);
    let thinking = body.pointer("/thinking/type").and_then(Value::as_str);
    let thinks = matches!(thinking, Some("enabled" | "adaptive"));
    fields(header, body)?;
    claude_absent::check(body)?;
    limits(model, body)?;
    sampling(model, thinks, body)?;
    claude_thinking::check(model, body)?;
    claude_tools::check(model, body)?;
    // Newer models reason by default.
    let thinking = thinking.or(model.thinks_by_default().then_some("adaptive"));
    claude_history::check(model, thinking, body)?;
    claude_pictures::check(model.name, body)
}

fn fields(header: &str, body: &Value) -> Verdict {
    let listed = items(body, "anthropic_beta").filter_map(Value::as_str);
    let betas: Vec<&str> = header.split(',').map(str::trim).filter(|beta| !beta.is_empty()).chain(listed).collect();
    let known = |beta: &str| BETAS.contains(&beta) || TOLERATED.iter().any(|start| beta.starts_with(start));
    if let Some(unknown) = betas.iter().find(|beta| !known(beta)) {
        return Err(format!(
            "Unexpected value(s) `{unknown}` for the `anthropic-beta` header. Please consult our documentation at \
             docs.claude.com or try again without the header."
        ));
    }
    // `context_management` without its beta: anthropics/claude-code#21612. MCP servers need a beta that Vertex does not
    // accept (platform.claude.com, MCP connector; praxis-proxy/ai#638).
    for field in body.as_object().into_iter().flat_map(Map::keys) {
        let known =
            FIELDS.contains(&field.as_str()) && (field != "context_management" || betas.contains(&CONTEXT_MANAGEMENT));
        ensure(known, || format!("{field}: Extra inputs are not permitted"))?;
    }
    // platform.claude.com, preserved thinking; Wei-Shaw/sub2api#6677.
    ensure(betas.contains(&BINDING) || body.pointer("/thinking/block_binding").is_none(), || {
        "thinking.adaptive.block_binding: Extra inputs are not permitted".to_owned()
    })?;
    claude_server_tools::compaction(&betas, body)?;
    claude_server_tools::inline_tools(&betas, body)?;
    extra(body.get("metadata"), "metadata", &["user_id"])?;
    // API reference, `metadata.user_id`; BerriAI/litellm#10102.
    let user = body.pointer("/metadata/user_id").and_then(Value::as_str).unwrap_or_default();
    ensure(user.chars().count() <= 256, || "metadata.user_id: String should have at most 256 characters".to_owned())?;
    ensure(!user.contains('@'), || "metadata.user_id: user_id appears to contain an email address".to_owned())?;
    // No cloud platform accepts task budgets (platform.claude.com, task-budgets). There they are an unknown input.
    extra(body.get("output_config"), "output_config", &["effort", "format"])
}

fn limits(model: Model<'_>, body: &Value) -> Verdict {
    let (asked, most) = (body.get("max_tokens").and_then(Value::as_u64).unwrap_or(0), model.max_tokens());
    ensure(asked >= 1, || "max_tokens: Input should be greater than or equal to 1".to_owned())?;
    ensure(asked <= most, || {
        let name = model.name;
        format!("max_tokens: {asked} > {most}, which is the maximum allowed number of output tokens for {name}")
    })?;
    // The prompt factory of BerriAI/litellm.
    let blank = items(body, "stop_sequences").any(|stop| stop.as_str().is_none_or(|stop| stop.trim().is_empty()));
    ensure(!blank, || "stop_sequences: each stop sequence must contain non-whitespace".to_owned())
}

fn sampling(model: Model<'_>, thinks: bool, body: &Value) -> Verdict {
    let number = |name: &str| body.get(name).and_then(Value::as_f64);
    for name in ["temperature", "top_p", "top_k"].iter().filter(|name| body.get(**name).is_some()) {
        // On the first models that reject other values, the default value is still accepted.
        let default = *name != "top_k" && model.takes_default_sampling() && number(name) == Some(1.0);
        ensure(default || model.takes_sampling(), || format!("`{name}` is deprecated for this model."))?;
    }
    let (temperature, top_p) = (number("temperature"), number("top_p"));
    ensure(temperature.is_none_or(|value| (0.0..=1.0).contains(&value)), || "temperature: range: 0..1".to_owned())?;
    ensure(top_p.is_none_or(|value| (0.0..=1.0).contains(&value)), || "top_p: range: 0..1".to_owned())?;
    let both = temperature.is_some() && top_p.is_some();
    ensure(!both || model.takes_temperature_with_top_p(), || {
        "`temperature` and `top_p` cannot both be specified for this model. Please use only one.".to_owned()
    })?;
    if !thinks {
        return Ok(());
    }
    ensure(temperature.is_none_or(|value| value >= 1.0), || {
        "`temperature` may only be set to 1 when thinking is enabled.".to_owned()
    })?;
    ensure(body.get("top_k").is_none(), || "`top_k` must be unset when thinking is enabled.".to_owned())?;
    ensure(top_p.is_none_or(|value| value >= 0.95), || {
        "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.".to_owned()
    })
}
