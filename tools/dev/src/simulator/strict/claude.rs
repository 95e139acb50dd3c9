//! What Claude on Vertex refuses in a request's settings and tools.

use serde_json::{Map, Value};

use super::super::json::{items, string};
use super::claude_model::Model;
use super::verdict::{Verdict, ensure, extra, is_name};
use super::{claude_history, schema};

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
const BETAS: [&str; 9] = [
    "interleaved-thinking-2025-05-14",
    "context-1m-2025-08-07",
    "web-search-2025-03-05",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "compact-2026-01-12",
    CONTEXT_MANAGEMENT,
    "tool-search-tool-2025-10-19",
    "mid-conversation-tool-changes-2026-07-01",
];
const TOOL_FIELDS: [&str; 10] = [
    "name",
    "description",
    "input_schema",
    "type",
    "cache_control",
    "strict",
    "eager_input_streaming",
    "defer_loading",
    "input_examples",
    "allowed_callers",
];
const PROVIDER_TOOLS: [&str; 6] = ["bash_", "computer_", "memory_", "text_editor_", "tool_search_tool_", "web_search_"];
/// What structured output cannot promise to keep.
const UNSUPPORTED: [&str; 8] =
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems"];

/// Checks a request to this model; `header` is its `anthropic-beta`.
pub(super) fn check(model: &str, header: &str, body: &Value) -> Verdict {
    let model = Model::named(model);
    let thinking = body.pointer("/thinking/type").and_then(Value::as_str);
    let thinks = matches!(thinking, Some("enabled" | "adaptive"));
    fields(header, body)?;
    limits(model, body)?;
    sampling(model, thinks, body)?;
    thoughts(model, body)?;
    effort(model, body)?;
    format(model, body)?;
    tools(model, body)?;
    choice(body)?;
    claude_history::check(model, thinking, body)
}

fn fields(header: &str, body: &Value) -> Verdict {
    let listed = items(body, "anthropic_beta").filter_map(Value::as_str);
    let betas: Vec<&str> = header.split(',').map(str::trim).filter(|beta| !beta.is_empty()).chain(listed).collect();
    if let Some(unknown) = betas.iter().find(|beta| !BETAS.contains(beta)) {
        return Err(format!(
            "Unexpected value(s) `{unknown}` for the `anthropic-beta` header. Please consult our documentation at \
             docs.claude.com or try again without the header."
        ));
    }
    for field in body.as_object().into_iter().flat_map(Map::keys) {
        let known =
            FIELDS.contains(&field.as_str()) && (field != "context_management" || betas.contains(&CONTEXT_MANAGEMENT));
        ensure(known, || format!("{field}: Extra inputs are not permitted"))?;
    }
    extra(body.get("metadata"), "metadata", &["user_id"])?;
    extra(body.get("output_config"), "output_config", &["effort", "format"])?;
    extra(body.get("thinking"), "thinking", &["type", "budget_tokens", "display"])
}

fn limits(model: Model<'_>, body: &Value) -> Verdict {
    let (asked, most) = (body.get("max_tokens").and_then(Value::as_u64).unwrap_or(0), model.max_tokens());
    ensure(asked >= 1, || "max_tokens: Input should be greater than or equal to 1".to_owned())?;
    ensure(asked <= most, || {
        let name = model.name;
        format!("max_tokens: {asked} > {most}, which is the maximum allowed number of output tokens for {name}")
    })?;
    let blank = items(body, "stop_sequences").any(|stop| stop.as_str().is_none_or(|stop| stop.trim().is_empty()));
    ensure(!blank, || "stop_sequences: each stop sequence must contain non-whitespace".to_owned())
}

fn sampling(model: Model<'_>, thinks: bool, body: &Value) -> Verdict {
    let number = |name: &str| body.get(name).and_then(Value::as_f64);
    if let Some(name) = ["temperature", "top_p", "top_k"].iter().find(|name| body.get(**name).is_some()) {
        ensure(model.takes_sampling(), || format!("`{name}` is deprecated for this model."))?;
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

fn thoughts(model: Model<'_>, body: &Value) -> Verdict {
    let Some(thinking) = body.get("thinking") else { return Ok(()) };
    let budget = thinking.get("budget_tokens");
    match string(thinking, "type") {
        Some("disabled") => Ok(()),
        Some("adaptive") => {
            ensure(model.thinks_adaptively(), || "adaptive thinking is not supported on this model".to_owned())?;
            ensure(budget.is_none(), || "thinking.adaptive.budget_tokens: Extra inputs are not permitted".to_owned())
        }
        Some("enabled") => {
            ensure(model.thinks_by_budget(), || {
                "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \
                 \"output_config.effort\" to control thinking behavior."
                    .to_owned()
            })?;
            let budget = budget.and_then(Value::as_u64);
            let budget = budget.ok_or_else(|| "thinking.enabled.budget_tokens: Field required".to_owned())?;
            ensure(budget >= 1_024, || {
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024".to_owned()
            })?;
            ensure(budget < body.get("max_tokens").and_then(Value::as_u64).unwrap_or(0), || {
                "`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned()
            })?;
            let forced = matches!(body.pointer("/tool_choice/type").and_then(Value::as_str), Some("any" | "tool"));
            ensure(!forced, || "Thinking may not be enabled when tool_choice forces tool use.".to_owned())
        }
        Some(_) | None => {
            Err("thinking: Input tag found using 'type' does not match any of the expected tags: 'adaptive', \
             'disabled', 'enabled'"
                .to_owned())
        }
    }
}

fn effort(model: Model<'_>, body: &Value) -> Verdict {
    let Some(effort) = body.pointer("/output_config/effort") else { return Ok(()) };
    let (level, levels) = (effort.as_str().unwrap_or_default(), model.efforts());
    ensure(!levels.is_empty(), || "output_config.effort: Extra inputs are not permitted".to_owned())?;
    ensure(levels.contains(&level), || {
        format!("This model does not support effort level '{level}'. Supported levels: {}.", levels.join(", "))
    })?;
    let off = body.pointer("/thinking/type").is_some_and(|kind| kind == "disabled");
    let high = matches!(level, "xhigh" | "max");
    ensure(!(off && high && model.ties_effort_to_thinking()), || {
        format!("Effort level '{level}' is not supported when thinking is disabled.")
    })
}

fn format(model: Model<'_>, body: &Value) -> Verdict {
    let Some(format) = body.pointer("/output_config/format") else { return Ok(()) };
    ensure(model.has_structured_output(), || "output_config.format: Extra inputs are not permitted".to_owned())?;
    ensure(string(format, "type") == Some("json_schema"), || {
        "output_config.format.type: Input should be 'json_schema'".to_owned()
    })?;
    let schema = format.get("schema").ok_or_else(|| "output_config.format.schema: Field required".to_owned())?;
    promised(schema, "output_config.format.schema")
}

/// Checks a schema that the reply must keep to.
fn promised(schema: &Value, path: &str) -> Verdict {
    schema::walk(schema, &mut |keywords| {
        let closed = !schema::is_object(keywords) || keywords.get("additionalProperties") == Some(&Value::Bool(false));
        ensure(closed, || format!("{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"))?;
        let few = keywords.get("minItems").and_then(Value::as_u64).is_none_or(|number| number <= 1);
        ensure(few, || format!("{path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported"))?;
        let kind = keywords.get("type").and_then(Value::as_str).unwrap_or("object");
        match UNSUPPORTED.iter().find(|name| keywords.contains_key(**name)) {
            Some(name) => Err(format!("{path}: For '{kind}' type, property '{name}' is not supported")),
            None => Ok(()),
        }
    })
}

fn tools(model: Model<'_>, body: &Value) -> Verdict {
    let mut names: Vec<&str> = Vec::new();
    for (place, tool) in items(body, "tools").enumerate() {
        let name = string(tool, "name").unwrap_or_default();
        ensure(!names.contains(&name), || "tools: Tool names must be unique.".to_owned())?;
        names.push(name);
        match string(tool, "type") {
            None | Some("custom") => custom(model, tool, &format!("tools.{place}.custom"))?,
            Some(kind) => ensure(PROVIDER_TOOLS.iter().any(|known| kind.starts_with(known)), || {
                format!("tools.{place}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
            })?,
        }
    }
    Ok(())
}

fn custom(model: Model<'_>, tool: &Value, path: &str) -> Verdict {
    extra(Some(tool), path, &TOOL_FIELDS)?;
    ensure(is_name(string(tool, "name").unwrap_or_default(), "_-", 128), || {
        format!("{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    })?;
    let schema = tool.get("input_schema").ok_or_else(|| format!("{path}.input_schema: Field required"))?;
    let kind = schema.get("type").ok_or_else(|| format!("{path}.input_schema.type: Field required"))?;
    ensure(kind == "object", || format!("{path}.input_schema.type: Input should be 'object'"))?;
    ensure(["oneOf", "allOf", "anyOf"].iter().all(|union| schema.get(*union).is_none()), || {
        format!("{path}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level")
    })?;
    schema::walk(schema, &mut |keywords| {
        let mut keys = keywords.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        ensure(keys.all(|key| is_name(key, "_.-", 64)), || {
            format!("{path}.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'")
        })
    })?;
    if tool.get("strict") != Some(&Value::Bool(true)) {
        return Ok(());
    }
    ensure(model.has_structured_output(), || format!("{path}.strict: Extra inputs are not permitted"))?;
    promised(schema, &format!("{path}.input_schema"))
}

fn choice(body: &Value) -> Verdict {
    let Some(choice) = body.get("tool_choice") else { return Ok(()) };
    ensure(items(body, "tools").next().is_some(), || {
        "tool_choice: tool_choice may only be specified while providing tools".to_owned()
    })?;
    match string(choice, "type") {
        Some(kind @ ("auto" | "any")) => {
            extra(Some(choice), &format!("tool_choice.{kind}"), &["type", "disable_parallel_tool_use"])
        }
        Some("none") => extra(Some(choice), "tool_choice.none", &["type"]),
        Some("tool") => {
            let name = string(choice, "name").unwrap_or_default();
            ensure(items(body, "tools").any(|tool| string(tool, "name") == Some(name)), || {
                format!("tool_choice: Tool '{name}' not found in provided tools")
            })
        }
        Some(_) | None => Err("tool_choice: Input tag found using 'type' does not match any of the expected tags: 'auto', \
             'any', 'tool', 'none'"
            .to_owned()),
    }
}
