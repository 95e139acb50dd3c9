//! What Gemini on Vertex refuses in a request's settings and tools.

use serde_json::Value;

use super::super::json::string;
use super::gemini_fields::{self, get, list};
use super::verdict::{Verdict, ensure, is_name};
use super::{gemini_contents, gemini_schema};

const MAX_OUTPUT_TOKENS: i64 = 65_536;
const MAX_STOP_SEQUENCES: usize = 5;
const CATEGORIES: [&str; 6] =
    ["HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY", "JAILBREAK"];
const THRESHOLDS: [&str; 5] = ["OFF", "BLOCK_NONE", "BLOCK_ONLY_HIGH", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_LOW_AND_ABOVE"];

/// Checks a request to this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    let newer = generation(model) >= (3, 0);
    gemini_fields::check(body)?;
    let config = get(body, "generationConfig").unwrap_or(&Value::Null);
    limits(config)?;
    thinking(model, get(config, "thinkingConfig").unwrap_or(&Value::Null))?;
    tools(body)?;
    mixes(newer, config, body)?;
    calling(body)?;
    safety(body)?;
    gemini_contents::check(model, newer, body)
}

/// The generation that the model's name says.
fn generation(model: &str) -> (u32, u32) {
    let number = model.split('-').nth(1).unwrap_or_default();
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

fn limits(config: &Value) -> Verdict {
    let range = |name: &str, low: f64, high: f64| {
        let given = get(config, name).and_then(Value::as_f64);
        ensure(given.is_none_or(|value| (low..=high).contains(&value)), || {
            let value = given.unwrap_or_default();
            format!(
                "Unable to submit request because it has a {name} value of {value} but the supported range is from {low:.1} \
                 (inclusive) to {high:.1} (inclusive). Update the value and try again."
            )
        })
    };
    range("temperature", 0.0, 2.0)?;
    range("topP", 0.0, 1.0)?;
    range("candidateCount", 1.0, 8.0)?;
    let most = get(config, "maxOutputTokens").and_then(Value::as_i64);
    ensure(most.is_none_or(|value| (1..=MAX_OUTPUT_TOKENS).contains(&value)), || {
        format!(
            "Unable to submit request because it has a maxOutputTokens value of {} but the supported range is from 1 (inclusive) \
             to {} (exclusive). Update the value and try again.",
            most.unwrap_or_default(),
            MAX_OUTPUT_TOKENS + 1
        )
    })?;
    let stops = list(config, "stopSequences").count();
    ensure(stops <= MAX_STOP_SEQUENCES, || {
        format!(
            "Unable to submit request because it has {stops} stopSequences but the supported range is from 0 (inclusive) to {} \
             (exclusive).",
            MAX_STOP_SEQUENCES + 1
        )
    })
}

fn thinking(model: &str, config: &Value) -> Verdict {
    let level = get(config, "thinkingLevel").and_then(Value::as_str).map(str::to_ascii_uppercase);
    let budget = get(config, "thinkingBudget").and_then(Value::as_i64);
    ensure(level.is_none() || budget.is_none(), || {
        "You can only set one of thinking budget and thinking level.".to_owned()
    })?;
    if let Some(level) = level {
        let known = matches!(level.as_str(), "MINIMAL" | "LOW" | "MEDIUM" | "HIGH");
        ensure(known, || format!("Invalid value at 'generation_config.thinking_config.thinking_level', \"{level}\""))?;
        ensure(generation(model) >= (3, 0), || "Thinking level is not supported for this model.".to_owned())?;
        ensure(takes_level(model, &level), || {
            format!("Thinking level {level} is not supported for this model. Please retry with other thinking level.")
        })?;
    }
    let Some(budget) = budget else { return Ok(()) };
    let (least, most) = match model {
        pro if pro.starts_with("gemini-2.5-pro") => (128, 32_768),
        lite if lite.starts_with("gemini-2.5-flash-lite") => (512, 24_576),
        flash if flash.starts_with("gemini-2.5-flash") => (0, 24_576),
        _ => (0, 32_768),
    };
    let lite_off = budget == 0 && model.starts_with("gemini-2.5-flash-lite");
    ensure(budget == -1 || lite_off || (least..=most).contains(&budget), || {
        format!("The thinking budget {budget} is invalid. Please choose a value between {least} and {most}.")
    })
}

fn takes_level(model: &str, level: &str) -> bool {
    let pro = model.contains("-pro");
    match level {
        "MINIMAL" => !pro && generation(model) < (3, 7),
        "MEDIUM" => !(pro && generation(model) == (3, 0)),
        _ => true,
    }
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
    json_schema.map_or(Ok(()), |schema| gemini_schema::json_schema(schema, &format!("{path}.parameters_json_schema")))
}

/// What older models do not take together.
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
