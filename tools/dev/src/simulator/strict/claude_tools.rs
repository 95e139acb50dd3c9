//! What Claude on Vertex rejects in tools, in the tool choice, and in response schemas.

use serde_json::{Map, Value};

use super::super::json::{items, string};
use super::claude_grammar::{compiled, promised};
use super::claude_model::Model;
use super::schema;
use super::tool_schemas;
use super::verdict::{Verdict, ensure, extra, is_name};

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
/// Checks tools, tool choice and response format.
pub(super) fn check(model: Model<'_>, body: &Value) -> Verdict {
    format(model, body)?;
    tools(model, body)?;
    let strict = items(body, "tools").filter(|tool| is_strict(tool)).filter_map(|tool| tool.get("input_schema"));
    compiled(strict, body.pointer("/output_config/format/schema"))?;
    choice(body)
}

/// docs.cloud.google.com, structured outputs of Claude: since 4.6.
fn format(model: Model<'_>, body: &Value) -> Verdict {
    let Some(format) = body.pointer("/output_config/format").filter(|format| !format.is_null()) else { return Ok(()) };
    ensure(model.has_structured_output(), || "output_config.format: Extra inputs are not permitted".to_owned())?;
    ensure(string(format, "type") == Some("json_schema"), || {
        "output_config.format.type: Input should be 'json_schema'".to_owned()
    })?;
    let schema = format.get("schema").ok_or_else(|| "output_config.format.schema: Field required".to_owned())?;
    // platform.claude.com, structured outputs: incompatible with citations.
    ensure(!cites(body), || "Citations are not supported when output_config.format is set.".to_owned())?;
    promised(schema, "output_config.format.schema")
}

/// Whether any block of the messages requests citations.
fn cites(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(cites),
        Value::Object(members) => {
            value.pointer("/citations/enabled") == Some(&Value::Bool(true)) || members.values().any(cites)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a tool is strict.
pub(super) fn is_strict(tool: &Value) -> bool {
    tool.get("strict") == Some(&Value::Bool(true))
}

fn tools(model: Model<'_>, body: &Value) -> Verdict {
    // platform.claude.com, tool search: at least one tool must not be deferred.
    let waits = |tool: &Value| tool.get("defer_loading") == Some(&Value::Bool(true));
    let all_wait = items(body, "tools").next().is_some() && items(body, "tools").all(waits);
    ensure(!all_wait, || "tools: At least one tool must have defer_loading=false.".to_owned())?;
    // Wei-Shaw/sub2api#4990, router-for-me/CLIProxyAPI#4561.
    let marked =
        items(body, "tools").find(|tool| waits(tool) && tool.get("cache_control").is_some_and(|mark| !mark.is_null()));
    ensure(marked.is_none(), || {
        let name = marked.and_then(|tool| string(tool, "name")).unwrap_or_default();
        format!("Tool '{name}' cannot have both defer_loading=true and cache_control set.")
    })?;
    let mut names: Vec<&str> = Vec::new();
    for (place, tool) in items(body, "tools").enumerate() {
        let name = string(tool, "name").unwrap_or_default();
        // rikkahub/rikkahub#1311, router-for-me/CLIProxyAPI#4244.
        ensure(!names.contains(&name), || "tools: Tool names must be unique.".to_owned())?;
        names.push(name);
        match string(tool, "type") {
            None | Some("custom") => custom(model, tool, &format!("tools.{place}.custom"))?,
            Some(kind) => {
                ensure(PROVIDER_TOOLS.iter().any(|known| kind.starts_with(known)), || {
                    format!("tools.{place}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
                })?;
                ensure(model.takes_tool(kind), || format!("'{}' does not support tool types: {kind}.", model.name))?;
            }
        }
    }
    Ok(())
}

/// The names of properties: anthropics/claude-code#79418. `strict` before 4.6: vercel/ai#13353, genkit-ai/genkit#4985.
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
    tool_schemas::claude(schema, &format!("{path}.input_schema"))?;
    schema::walk(schema, &mut |keywords| {
        let mut keys = keywords.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        ensure(keys.all(|key| is_name(key, "_.-", 64)), || {
            format!("{path}.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'")
        })
    })?;
    // platform.claude.com, programmatic tool calling: the caller is a server tool, which Vertex does not have.
    let by_code = items(tool, "allowed_callers").filter_map(Value::as_str).find(|caller| *caller != "direct");
    ensure(by_code.is_none(), || format!("{path}.allowed_callers: {} is not among the tools", by_code.unwrap_or_default()))?;
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
