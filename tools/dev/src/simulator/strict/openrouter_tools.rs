//! What OpenRouter, and the models behind it, reject in tools and in the tool choice.

use serde_json::{Map, Value};

use super::super::json::{items, string};
use super::gemini_loops;
use super::kimi_schemas;
use super::schema;
use super::tool_schemas;
use super::verdict::{Verdict, ensure, is_name};

/// Checks the tools for this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    let declared = items(body, "tools").next().is_some();
    let openai = model.starts_with("openai/");
    // QwenLM/qwen-code#2054.
    ensure(declared || !body.get("tools").is_some_and(Value::is_array), || "[] is too short - 'tools'".to_owned())?;
    // Anthropic and vLLM, which serves most open models, reject a tool choice without tools, as OpenAI does. The flag is
    // OpenAI's own.
    let needing: &[&str] = if openai { &["tool_choice", "parallel_tool_calls"] } else { &["tool_choice"] };
    for field in needing {
        let idle = body.get(*field).is_none_or(|value| value.is_null() || (!openai && value == "none"));
        ensure(declared || idle, || format!("'{field}' is only allowed when 'tools' are specified."))?;
    }
    number(model, body)?;
    unique(model, body)?;
    for (place, tool) in items(body, "tools").enumerate() {
        let path = format!("tools[{place}]");
        let Some(function) = tool.get("function") else {
            // A flat tool belongs to another API (BerriAI/litellm#34029). Other types are run by the provider or contain a
            // grammar.
            let known = string(tool, "type").is_some_and(|kind| kind != "function");
            ensure(known, || format!("Missing required parameter: '{path}.function'."))?;
            continue;
        };
        ensure(string(tool, "type") == Some("function"), || format!("Missing required parameter: '{path}.type'."))?;
        ensure(is_name(string(function, "name").unwrap_or_default(), "_-", 64), || {
            format!(
                "Invalid '{path}.function.name': string does not match pattern. Expected a string that matches the pattern \
                 '^[a-zA-Z0-9_-]{{1,64}}$'."
            )
        })?;
        // tailcallhq/forgecode#1580.
        let is_reserved = model.starts_with("qwen/") && string(function, "name") == Some("search");
        ensure(!is_reserved, || "Tool names are not allowed to be [search]".to_owned())?;
        if model.starts_with("anthropic/") {
            keys(function, &path)?;
        }
        parameters(model, function, &path)?;
        if openai && function.get("strict") == Some(&Value::Bool(true)) {
            let name = string(function, "name").unwrap_or_default();
            kept(function.get("parameters"), &format!("function '{name}'"))?;
        }
    }
    let schema = body.pointer("/response_format/json_schema/schema");
    match (model.split_once('/'), schema) {
        (Some(("openai", _)), _) => answer(body)?,
        (Some(("google", _)), Some(schema)) => gemini_loops::check(schema, "response_schema")?,
        (Some(("moonshotai", _)), _) => kimi_schemas::answer(body)?,
        _ => {}
    }
    if openai || model.starts_with("deepseek/") || model.starts_with("qwen/") {
        said_as_json(body)?;
    }
    chosen(body)
}

/// The schema of a function (dirac-run/dirac#58, QwenLM/qwen-code#11834, lidge-jun/opencodex#122, farion1231/cc-switch#5490;
/// Mistral's API reference; spring-projects/spring-ai#1373 for Google).
fn parameters(model: &str, function: &Value, path: &str) -> Verdict {
    let needs_object = ["x-ai/", "minimax/", "mistralai/", "deepseek/"].iter().any(|vendor| model.starts_with(vendor));
    ensure(!needs_object || function.pointer("/parameters/type").is_some_and(|kind| kind == "object"), || {
        format!("{path}.function: `parameters` must be type object")
    })?;
    let Some(schema) = function.get("parameters") else { return Ok(()) };
    match model.split_once('/') {
        Some(("google", _)) => {
            let other = schema.get("type").is_some_and(|kind| kind != "object") || schema.get("anyOf").is_some();
            ensure(!other, || format!("{path}: functionDeclaration `parameters` schema should be of type OBJECT."))?;
            gemini_loops::check(schema, &format!("{path}.parameters"))
        }
        Some(("openai", _)) => tool_schemas::openai(schema, string(function, "name").unwrap_or_default()),
        Some(("deepseek", _)) => schema::walk(schema, &mut tool_schemas::patterns),
        Some(("moonshotai", _)) => kimi_schemas::tool(schema),
        _ => Ok(()),
    }
}

/// Claude's rule for parameter names, at any depth (anthropics/claude-code#79418).
fn keys(function: &Value, path: &str) -> Verdict {
    schema::walk(function.get("parameters").unwrap_or(&Value::Null), &mut |keywords| {
        let mut keys = keywords.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        ensure(keys.all(|key| is_name(key, "_.-", 64)), || {
            format!("{path}: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'")
        })
    })
}

/// OpenAI, Moonshot and xAI limit the number of tools (musistudio/claude-code-router#686, MoonshotAI/Kimi-K2#90,
/// anomalyco/opencode#28911).
fn number(model: &str, body: &Value) -> Verdict {
    let declared = items(body, "tools").count();
    let most = match model.split_once('/') {
        Some(("openai" | "moonshotai", _)) => 128,
        Some(("x-ai", _)) => 200,
        _ => usize::MAX,
    };
    ensure(declared <= most, || {
        format!("Invalid 'tools': array too long. Expected an array with maximum length {most}, but got {declared} instead.")
    })
}

/// Claude and Gemini reject a name that is declared twice (rikkahub/rikkahub#1311, smarter-sh/smarter#537).
fn unique(model: &str, body: &Value) -> Verdict {
    let mut names: Vec<&str> = Vec::new();
    for name in items(body, "tools").filter_map(|tool| tool.pointer("/function/name")?.as_str()) {
        let again = names.contains(&name);
        ensure(!(again && model.starts_with("anthropic/")), || "tools: Tool names must be unique.".to_owned())?;
        ensure(!(again && model.starts_with("google/")), || format!("Duplicate function declaration found: {name}"))?;
        names.push(name);
    }
    Ok(())
}

/// The response format: its schema has a name, and follows the strict rules if it is strict (developers.openai.com, API
/// reference of `response_format`, and its guide to structured outputs).
fn answer(body: &Value) -> Verdict {
    let Some(format) = body.get("response_format").filter(|format| !format.is_null()) else { return Ok(()) };
    if string(format, "type") != Some("json_schema") {
        return Ok(());
    }
    let described = format.get("json_schema").filter(|described| described.is_object());
    let described = described.ok_or_else(|| "Missing required parameter: 'response_format.json_schema'.".to_owned())?;
    let name = string(described, "name");
    let name = name.ok_or_else(|| "Missing required parameter: 'response_format.json_schema.name'.".to_owned())?;
    ensure(is_name(name, "_-", 64), || {
        "Invalid 'response_format.json_schema.name': string does not match pattern. Expected a string that matches the pattern \
         '^[a-zA-Z0-9_-]+$'."
            .to_owned()
    })?;
    let whose = format!("response_format '{name}'");
    // community.openai.com/t/896048.
    let root = described.get("schema").unwrap_or(&Value::Null);
    let is_object = root.get("type").is_some_and(|kind| kind == "object") || root.get("$ref").is_some();
    let is_union = ["allOf", "anyOf", "oneOf"].iter().any(|union| root.get(union).is_some());
    ensure(is_object && !is_union, || format!("Invalid schema for {whose}: schema must be type object."))?;
    let wrong = |fault: String| format!("Invalid schema for {whose}: {fault}");
    schema::walk(root, &mut |keywords| {
        let fault = tool_schemas::outside_the_draft(keywords);
        ensure(fault.is_none(), || wrong(format!("'{}' is not valid.", fault.unwrap_or_default())))?;
        tool_schemas::patterns(keywords).map_err(wrong)
    })?;
    if described.get("strict") == Some(&Value::Bool(true)) {
        kept(described.get("schema"), &whose)?;
    }
    Ok(())
}

/// A request for a JSON object says so in its messages (reVrost/go-openrouter#21, vercel/ai#7913, agno-agi/agno#5317).
fn said_as_json(body: &Value) -> Verdict {
    let asks = body.pointer("/response_format/type").is_some_and(|kind| kind == "json_object");
    let says = body.get("messages").is_some_and(|messages| messages.to_string().to_lowercase().contains("json"));
    ensure(!asks || says, || {
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.".to_owned()
    })
}

/// The formats of strings that strict schemas have (developers.openai.com, structured outputs).
const FORMATS: [&str; 9] = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// How deep objects and lists are inside each other.
fn levels(schema: &Value) -> usize {
    let Value::Object(keywords) = schema else { return 0 };
    let named = |keyword: &str| keywords.get(keyword).and_then(Value::as_object).into_iter().flat_map(Map::values);
    let inside = named("properties").chain(keywords.get("items")).map(|schema| levels(schema) + 1);
    let listed = keywords.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    inside.chain(named("$defs").chain(listed).map(levels)).max().unwrap_or(0)
}

/// The strict rules for a response schema.
fn kept(schema: Option<&Value>, whose: &str) -> Verdict {
    let wrong = |what: &str| format!("Invalid schema for {whose}: {what}");
    let levels = schema.map_or(0, levels);
    ensure(levels <= 10, || wrong(&format!("{levels} levels of nesting exceeds limit of 10.")))?;
    schema::walk(schema.unwrap_or(&Value::Null), &mut |keywords| {
        // developers.openai.com, structured outputs; 567-labs/instructor#1074, ai-dynamo/dynamo#15153,
        // mastra-ai/mastra#23321, pydantic/pydantic-ai#7400.
        let foreign = [
            "oneOf",
            "allOf",
            "contains",
            "maxProperties",
            "minProperties",
            "not",
            "if",
            "patternProperties",
            "propertyNames",
            "uniqueItems",
            "prefixItems",
        ];
        if let Some(keyword) = foreign.into_iter().find(|keyword| keywords.contains_key(*keyword)) {
            return Err(wrong(&format!("'{keyword}' is not permitted.")));
        }
        if keywords.contains_key("$ref") {
            let other = keywords.keys().find(|key| !matches!(key.as_str(), "$ref" | "$defs" | "definitions" | "$schema"));
            // langchain-ai/langchainjs#11382.
            return other.map_or(Ok(()), |key| Err(wrong(&format!("$ref cannot have keywords {{'{key}'}}"))));
        }
        let typed = keywords.contains_key("type") || keywords.contains_key("anyOf");
        ensure(typed, || wrong("schema must have a 'type' key."))?;
        // can1357/oh-my-pi#206, CherryHQ/cherry-studio#17633.
        let odd = keywords.get("format").and_then(Value::as_str).filter(|format| !FORMATS.contains(format));
        ensure(odd.is_none(), || wrong(&format!("'{}' is not a valid format.", odd.unwrap_or_default())))?;
        let known = keywords.get("properties").and_then(Value::as_object);
        let mut names = keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let extra = names.find(|name| known.is_none_or(|known| !known.contains_key(*name)));
        ensure(extra.is_none(), || wrong(&format!("Extra required key '{}' supplied.", extra.unwrap_or_default())))?;
        let object = schema::is_object(keywords);
        ensure(!object || keywords.get("additionalProperties") == Some(&Value::Bool(false)), || {
            wrong("'additionalProperties' is required to be supplied and to be false.")
        })?;
        let required = |key: &String| {
            let mut names = keywords.get("required").and_then(Value::as_array).into_iter().flatten();
            names.any(|name| name == key.as_str())
        };
        let mut properties = keywords.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        ensure(properties.all(required), || {
            wrong("'required' is required to be supplied and to be an array including every key in properties.")
        })
    })
}

fn chosen(body: &Value) -> Verdict {
    let Some(wanted) = body.pointer("/tool_choice/function/name") else { return Ok(()) };
    let known = items(body, "tools").any(|tool| tool.pointer("/function/name") == Some(wanted));
    ensure(known, || format!("Tool choice {wanted} not found in 'tools' parameter."))
}
