//! What OpenRouter, and the models behind it, refuse in a request's settings and tools.

use serde_json::{Map, Value};

use super::super::json::{items, string};
use super::verdict::{Verdict, ensure, is_name};
use super::{openrouter_messages, schema};

const FIELDS: &str = "audio cache_control debug frequency_penalty image_config include_reasoning logit_bias logprobs max_completion_tokens \
    max_tokens messages metadata min_p modalities model models moderation parallel_tool_calls plugins prediction \
    presence_penalty preset prompt_cache_key prompt_cache_options prompt_cache_retention provider reasoning reasoning_effort \
    repetition_penalty response_format route safety_identifier seed service_tier session_id stop store stream stream_options \
    structured_outputs temperature tool_choice tools top_a top_k top_logprobs top_p trace transforms usage user verbosity \
    web_search_options";
const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Checks a request to this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    for field in body.as_object().into_iter().flat_map(Map::keys) {
        let known = FIELDS.split_whitespace().any(|known| known == field);
        ensure(known, || format!("Unrecognized key: \"{field}\""))?;
    }
    limits(model, body)?;
    reasoning(body)?;
    tools(model, body)?;
    openrouter_messages::check(model, body)
}

fn limits(model: &str, body: &Value) -> Verdict {
    let has = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
    ensure(!(has("max_tokens") && has("max_completion_tokens")), || {
        "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.".to_owned()
    })?;
    if model.starts_with("openai/gpt-5") {
        let refused = ["temperature", "top_p"].into_iter().find(|name| has(name));
        refused.map_or(Ok(()), |name| Err(format!("Unsupported parameter: '{name}' is not supported with this model.")))?;
    }
    let number = |name: &str| body.get(name).and_then(Value::as_f64);
    ensure(number("temperature").is_none_or(|value| (0.0..=2.0).contains(&value)), || {
        "Invalid 'temperature': expected a value between 0 and 2.".to_owned()
    })?;
    ensure(items(body, "stop").count() <= 4, || {
        "Invalid 'stop': array too long. Expected an array with maximum length 4.".to_owned()
    })
}

fn reasoning(body: &Value) -> Verdict {
    let Some(reasoning) = body.get("reasoning").filter(|reasoning| !reasoning.is_null()) else { return Ok(()) };
    let fields = reasoning.as_object().ok_or_else(|| "Invalid type for 'reasoning': expected an object.".to_owned())?;
    for field in fields.keys() {
        let known = matches!(field.as_str(), "effort" | "max_tokens" | "exclude" | "enabled" | "summary");
        ensure(known, || format!("Unrecognized key: \"reasoning.{field}\""))?;
    }
    let effort = fields.get("effort").filter(|effort| !effort.is_null());
    ensure(effort.is_none() || fields.get("max_tokens").is_none_or(Value::is_null), || {
        "Only one of \"reasoning.effort\" and \"reasoning.max_tokens\" can be specified".to_owned()
    })?;
    let known = |effort: &Value| effort.as_str().is_some_and(|effort| EFFORTS.contains(&effort));
    ensure(effort.is_none_or(known), || format!("Invalid 'reasoning.effort': expected one of {}.", EFFORTS.join("|")))
}

fn tools(model: &str, body: &Value) -> Verdict {
    let declared = items(body, "tools").next().is_some();
    let openai = model.starts_with("openai/");
    for field in ["tool_choice", "parallel_tool_calls"] {
        ensure(declared || !openai || body.get(field).is_none_or(Value::is_null), || {
            format!("'{field}' is only allowed when 'tools' are specified.")
        })?;
    }
    for (place, tool) in items(body, "tools").enumerate() {
        let path = format!("tools[{place}]");
        let Some(function) = tool.get("function") else {
            // Other kinds are run by the provider or hold a grammar.
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
        if openai && function.get("strict") == Some(&Value::Bool(true)) {
            kept(function)?;
        }
    }
    chosen(body)
}

/// What a schema that the model must keep to has to be like.
fn kept(function: &Value) -> Verdict {
    let name = string(function, "name").unwrap_or_default();
    let wrong = |what: &str| format!("Invalid schema for function '{name}': {what}");
    schema::walk(function.get("parameters").unwrap_or(&Value::Null), &mut |keywords| {
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
