//! What OpenRouter, and the models behind it, refuse in a request's settings.

use serde_json::{Map, Value};

use super::super::json::{items, string};
use super::verdict::{Verdict, ensure};
use super::{openrouter_messages, openrouter_openai, openrouter_tools};

const FIELDS: &str = "audio cache_control debug frequency_penalty image_config include_reasoning logit_bias logprobs max_completion_tokens \
    max_tokens messages metadata min_p modalities model models moderation parallel_tool_calls plugins prediction \
    presence_penalty preset prompt_cache_key prompt_cache_options prompt_cache_retention provider reasoning reasoning_effort \
    repetition_penalty response_format route safety_identifier seed service_tier session_id stop store stream stream_options \
    structured_outputs temperature tool_choice tools top_a top_k top_logprobs top_p trace transforms usage user verbosity \
    web_search_options";
const MOST_BREAKPOINTS: usize = 4;
const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Checks a request to this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    for field in body.as_object().into_iter().flat_map(Map::keys) {
        let known = FIELDS.split_whitespace().any(|known| known == field);
        ensure(known, || format!("Unrecognized key: \"{field}\""))?;
    }
    limits(body)?;
    stops(model, body)?;
    reasoning(body)?;
    claude_thinking(model, body)?;
    claude_schemas(model, body)?;
    openrouter_openai::check(model, body)?;
    openrouter_tools::check(model, body)?;
    breakpoints(model, body)?;
    openrouter_messages::check(model, body)
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
    // OpenRouter's OpenAPI: 0 or more; -1 for "all" is a habit of others (nhaouari/obsidian-textgenerator-plugin#388).
    ensure(number("top_k").is_none_or(|value| value >= 0.0), || {
        "Invalid 'top_k': integer below minimum value. Expected a value >= 0.".to_owned()
    })?;
    ensure(items(body, "stop").count() <= 4, || {
        "Invalid 'stop': array too long. Expected an array with maximum length 4.".to_owned()
    })
}

/// Claude refuses stop sequences of white space, whoever passes them on (the prompt factory of BerriAI/litellm).
fn stops(model: &str, body: &Value) -> Verdict {
    let one = body.get("stop").filter(|stop| stop.is_string());
    let blank = items(body, "stop").chain(one).filter_map(Value::as_str).any(|stop| stop.trim().is_empty());
    ensure(!(blank && model.starts_with("anthropic/")), || {
        "stop_sequences: each stop sequence must contain non-whitespace".to_owned()
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
    let effort = fields.get("effort").filter(|effort| !effort.is_null());
    // openrouter.ai, reference of `ChatRequestReasoningEffort`.
    ensure(own.is_none() || effort.is_none() || own == effort, || {
        "'reasoning_effort' cannot be used simultaneously with 'reasoning.effort' if they differ.".to_owned()
    })?;
    // openrouter.ai, reasoning tokens: one of the two.
    ensure(effort.is_none() || fields.get("max_tokens").is_none_or(Value::is_null), || {
        "Only one of \"reasoning.effort\" and \"reasoning.max_tokens\" can be specified".to_owned()
    })?;
    ensure(effort.is_none_or(known), || format!("Invalid 'reasoning.effort': expected one of {}.", EFFORTS.join("|")))
}

/// What Claude refuses while it thinks by a budget, which OpenRouter makes of an effort for models that know no other way
/// (platform.claude.com, extended thinking; openrouter.ai, reasoning tokens).
fn claude_thinking(model: &str, body: &Value) -> Verdict {
    let effort = body.get("reasoning_effort").or_else(|| body.pointer("/reasoning/effort")).and_then(Value::as_str);
    let has_budget = body.pointer("/reasoning/max_tokens").is_some_and(|budget| !budget.is_null());
    let is_on = body.pointer("/reasoning/enabled") == Some(&Value::Bool(true));
    let thinks = has_budget || is_on || effort.is_some_and(|effort| effort != "none");
    if !thinks
        || !["anthropic/claude-haiku-4.5", "anthropic/claude-sonnet-4.5", "anthropic/claude-opus-4.5"].contains(&model)
    {
        return Ok(());
    }
    let temperature = body.get("temperature").and_then(Value::as_f64);
    ensure(temperature.is_none_or(|value| value >= 1.0), || {
        "`temperature` may only be set to 1 when thinking is enabled.".to_owned()
    })?;
    let choice = body.get("tool_choice");
    let is_forced = choice.is_some_and(|choice| choice == "required" || choice.get("function").is_some());
    ensure(!is_forced, || "Thinking may not be enabled when tool_choice forces tool use.".to_owned())?;
    let last = items(body, "messages").last().and_then(|last| string(last, "role"));
    ensure(last != Some("assistant"), || {
        "messages: final assistant content is not supported when thinking is enabled".to_owned()
    })
}

/// OpenRouter passes schemas on, and Claude's own refusals back (microsoft/vscode-copilot-release#10518).
fn claude_schemas(model: &str, body: &Value) -> Verdict {
    let functions = items(body, "tools").filter_map(|tool| tool.get("function")).filter(|_| model.starts_with("anthropic/"));
    for (place, function) in functions.enumerate() {
        let path = format!("tools.{place}.custom.input_schema");
        let schema = function.get("parameters").ok_or_else(|| format!("{path}: Field required"))?;
        ensure(string(schema, "type") == Some("object"), || format!("{path}.type: Input should be 'object'"))?;
        ensure(["oneOf", "allOf", "anyOf"].iter().all(|union| schema.get(*union).is_none()), || {
            format!("{path}: input_schema does not support oneOf, allOf, or anyOf at the top level")
        })?;
    }
    Ok(())
}

/// Claude takes four marks for its cache, and none of an hour behind one of five minutes, whoever passes them on (platform.claude.com,
/// prompt caching). Tools come first in its prompt, then what the system says.
fn breakpoints(model: &str, body: &Value) -> Verdict {
    if !model.starts_with("anthropic/") {
        return Ok(());
    }
    let is_system = |message: &&Value| matches!(string(message, "role"), Some("system" | "developer"));
    let (system, others): (Vec<&Value>, Vec<&Value>) = items(body, "messages").partition(is_system);
    let parts = system.into_iter().chain(others).flat_map(|message| items(message, "content"));
    let all = items(body, "tools").chain(parts).chain([body]);
    let marks: Vec<&Value> = all.filter_map(|holder| holder.get("cache_control").filter(|mark| mark.is_object())).collect();
    let number = marks.len();
    ensure(number <= MOST_BREAKPOINTS, || {
        format!("A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {number}.")
    })?;
    let lasting: Vec<bool> = marks.iter().map(|mark| string(mark, "ttl") == Some("1h")).collect();
    ensure(lasting.is_sorted_by(|earlier, later| earlier >= later), || {
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.".to_owned()
    })
}
