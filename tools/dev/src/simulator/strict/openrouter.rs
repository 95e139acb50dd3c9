//! What OpenRouter, and the models behind it, reject in a request's settings.

use serde_json::{Map, Value};

use super::super::json::items;
use super::verdict::{Verdict, ensure};
use super::{
    openrouter_claude, openrouter_messages, openrouter_mistral, openrouter_openai, openrouter_reasoning, openrouter_shapes,
    openrouter_tools, openrouter_values,
};

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
    limits(body)?;
    reasoning(body)?;
    openrouter_values::check(model, body)?;
    openrouter_shapes::check(model, body)?;
    openrouter_openai::check(model, body)?;
    openrouter_tools::check(model, body)?;
    openrouter_messages::check(model, body)?;
    openrouter_reasoning::check(model, body)?;
    openrouter_mistral::check(model, body)?;
    openrouter_claude::check(model, body)
}

fn limits(body: &Value) -> Verdict {
    let has = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
    ensure(!(has("max_tokens") && has("max_completion_tokens")), || {
        "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.".to_owned()
    })?;
    let number = |name: &str| body.get(name).and_then(Value::as_f64);
    ensure(number("temperature").is_none_or(|value| (0.0..=2.0).contains(&value)), || {
        "Invalid 'temperature': expected a value between 0 and 2.".to_owned()
    })?;
    ensure(number("top_p").is_none_or(|value| (0.0..=1.0).contains(&value)), || {
        "Invalid 'top_p': expected a value between 0 and 1.".to_owned()
    })?;
    // OpenRouter's and OpenAI's API references.
    for name in ["frequency_penalty", "presence_penalty"] {
        ensure(number(name).is_none_or(|value| (-2.0..=2.0).contains(&value)), || {
            format!("Invalid '{name}': expected a value between -2 and 2.")
        })?;
    }
    // OpenRouter's OpenAPI: 0 or more. -1 for "all" belongs to other APIs (nhaouari/obsidian-textgenerator-plugin#388).
    ensure(number("top_k").is_none_or(|value| value >= 0.0), || {
        "Invalid 'top_k': integer below minimum value. Expected a value >= 0.".to_owned()
    })?;
    ensure(items(body, "stop").count() <= 4, || {
        "Invalid 'stop': array too long. Expected an array with maximum length 4.".to_owned()
    })
}

fn reasoning(body: &Value) -> Verdict {
    let known = |effort: &Value| effort.as_str().is_some_and(|effort| EFFORTS.contains(&effort));
    let own = body.get("reasoning_effort").filter(|effort| !effort.is_null());
    ensure(own.is_none_or(known), || format!("Invalid 'reasoning_effort': expected one of {}.", EFFORTS.join("|")))?;
    let Some(reasoning) = body.get("reasoning").filter(|reasoning| !reasoning.is_null()) else { return Ok(()) };
    let fields = reasoning.as_object().ok_or_else(|| "Invalid type for 'reasoning': expected an object.".to_owned())?;
    for field in fields.keys() {
        let known = matches!(field.as_str(), "effort" | "max_tokens" | "exclude" | "enabled" | "summary");
        ensure(known, || format!("Unrecognized key: \"reasoning.{field}\""))?;
    }
    let summary = fields.get("summary").and_then(Value::as_str);
    // openrouter.ai, reference of `ReasoningSummaryVerbosity`.
    ensure(summary.is_none_or(|word| ["auto", "concise", "detailed"].contains(&word)), || {
        "Invalid 'reasoning.summary': expected one of auto|concise|detailed.".to_owned()
    })?;
    let effort = fields.get("effort").filter(|effort| !effort.is_null());
    // openrouter.ai, reference of `ChatRequestReasoningEffort`.
    ensure(own.is_none() || effort.is_none() || own == effort, || {
        "'reasoning_effort' cannot be used simultaneously with 'reasoning.effort' if they differ.".to_owned()
    })?;
    // openrouter.ai, reasoning tokens: only one of the two.
    ensure(effort.is_none() || fields.get("max_tokens").is_none_or(Value::is_null), || {
        "Only one of \"reasoning.effort\" and \"reasoning.max_tokens\" can be specified".to_owned()
    })?;
    ensure(effort.is_none_or(known), || format!("Invalid 'reasoning.effort': expected one of {}.", EFFORTS.join("|")))
}
