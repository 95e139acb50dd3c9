//! What Gemini on Vertex rejects in a request's settings and tools.

use serde_json::Value;

use super::super::json::string;
use super::gemini_fields::{self, get, list};
use super::verdict::{Verdict, ensure, is_name};
use super::{gemini_config, gemini_contents, gemini_schema};

const CATEGORIES: [&str; 6] =
    ["HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY", "JAILBREAK"];
const THRESHOLDS: [&str; 5] = ["OFF", "BLOCK_NONE", "BLOCK_ONLY_HIGH", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_LOW_AND_ABOVE"];

/// Checks a request to this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    let newer = gemini_config::generation(model) >= (3, 0);
    gemini_fields::check(body)?;
    let config = get(body, "generationConfig").unwrap_or(&Value::Null);
    gemini_config::check(model, config)?;
    tools(body)?;
    mixes(newer, config, body)?;
    calling(body)?;
    safety(body)?;
    gemini_contents::check(model, newer, body)
}

fn tools(body: &Value) -> Verdict {
    let mut names: Vec<&str> = Vec::new();
    for (place, tool) in list(body, "tools").enumerate() {
        for (index, function) in list(tool, "functionDeclarations").enumerate() {
            let path = format!("tools[{place}].function_declarations[{index}]");
            let name = string(function, "name").unwrap_or_default();
            let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
            ensure(starts && is_name(name, "_.:-", 64), || {
                format!(
                    "{path}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, \
                     A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64."
                )
            })?;
            // smarter-sh/smarter#537.
            ensure(!names.contains(&name), || format!("Duplicate function declaration found: {name}"))?;
            names.push(name);
            schemas(function, &path)?;
        }
    }
    Ok(())
}

fn schemas(function: &Value, path: &str) -> Verdict {
    let (openapi, json_schema) = (function.get("parameters"), get(function, "parametersJsonSchema"));
    ensure(openapi.is_none() || json_schema.is_none(), || {
        format!("Invalid value at '{path}' (oneof), only one of parameters and parameters_json_schema can be set.")
    })?;
    if let Some(schema) = openapi {
        gemini_schema::openapi(schema, &format!("{path}.parameters"))?;
    }
    if let Some(schema) = json_schema {
        gemini_schema::json_schema(schema, &format!("{path}.parameters_json_schema"))?;
    }
    // spring-projects/spring-ai#1373, diegosouzapw/OmniRoute#3360 for `parameters`; Google's reference of
    // `FunctionDeclaration` for both.
    let is_object = |schema: &Value| string(schema, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("object"));
    ensure(openapi.or(json_schema).is_none_or(is_object), || {
        format!("{path}: functionDeclaration `parameters` schema should be of type OBJECT.")
    })
}

/// Combinations that older models reject.
fn mixes(newer: bool, config: &Value, body: &Value) -> Verdict {
    let functions = list(body, "tools").any(|tool| list(tool, "functionDeclarations").next().is_some());
    if newer || !functions {
        return Ok(());
    }
    ensure(get(config, "responseMimeType").is_none_or(|kind| kind != "application/json"), || {
        "Function calling with a response mime type: 'application/json' is unsupported".to_owned()
    })?;
    let searches = list(body, "tools").any(|tool| get(tool, "googleSearch").is_some());
    ensure(!searches, || "Multiple tools are supported only when they are all search tools.".to_owned())
}

fn calling(body: &Value) -> Verdict {
    let config = get(body, "toolConfig").and_then(|config| get(config, "functionCallingConfig")).unwrap_or(&Value::Null);
    let functions = list(body, "tools").any(|tool| list(tool, "functionDeclarations").next().is_some());
    // musistudio/claude-code-router#1207, AstrBotDevs/AstrBot#7407: search tools alone do not support this.
    ensure(functions || config.is_null(), || "Function calling config is set without function_declarations.".to_owned())?;
    let mode = string(config, "mode").unwrap_or("AUTO");
    ensure(matches!(mode, "AUTO" | "ANY" | "NONE" | "VALIDATED" | "MODE_UNSPECIFIED"), || {
        format!("Invalid value at 'tool_config.function_calling_config.mode', \"{mode}\"")
    })?;
    let allowed: Vec<&str> = list(config, "allowedFunctionNames").filter_map(Value::as_str).collect();
    ensure(allowed.is_empty() || matches!(mode, "ANY" | "VALIDATED"), || {
        "Allowed function names should only be set when the function calling mode is ANY.".to_owned()
    })?;
    let declared = |wanted: &str| {
        let mut functions = list(body, "tools").flat_map(|tool| list(tool, "functionDeclarations"));
        functions.any(|function| string(function, "name") == Some(wanted))
    };
    match allowed.iter().find(|name| !declared(name)) {
        Some(unknown) => Err(format!("allowed_function_names contains the name `{unknown}` that is not declared.")),
        None => Ok(()),
    }
}

fn safety(body: &Value) -> Verdict {
    for (place, setting) in list(body, "safetySettings").enumerate() {
        let path = format!("safety_settings[{place}]");
        let category = string(setting, "category").unwrap_or_default();
        let known = category.strip_prefix("HARM_CATEGORY_").is_some_and(|name| CATEGORIES.contains(&name));
        ensure(known, || format!("Invalid value at '{path}.category', \"{category}\""))?;
        let threshold = string(setting, "threshold").unwrap_or_default();
        ensure(THRESHOLDS.contains(&threshold), || format!("Invalid value at '{path}.threshold', \"{threshold}\""))?;
    }
    Ok(())
}
