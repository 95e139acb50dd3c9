//! What Claude rejects behind OpenRouter, which passes its errors on.

use serde_json::Value;

use super::super::json::{items, string};
use super::claude_grammar::{compiled, promised};
use super::claude_history::whole;
use super::claude_pictures;
use super::claude_tools::is_strict;
use super::openrouter_claude_turns;
use super::tool_schemas;
use super::verdict::{Verdict, ensure, extra};

const MOST_BREAKPOINTS: usize = 4;
/// The smallest reasoning budget, which OpenRouter derives from any effort (openrouter.ai, reasoning tokens).
const LEAST_BUDGET: u64 = 1_024;
/// Models that reason only with a budget, and models that still accept one.
const BY_BUDGET: [&str; 3] = ["anthropic/claude-haiku-4.5", "anthropic/claude-sonnet-4.5", "anthropic/claude-opus-4.5"];
const BY_EITHER: [&str; 2] = ["anthropic/claude-opus-4.6", "anthropic/claude-sonnet-4.6"];

/// Checks a request to this model, if it is Claude.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    if !model.starts_with("anthropic/") {
        return Ok(());
    }
    stops(body)?;
    thinking(model, body)?;
    schemas(body)?;
    breakpoints(body)?;
    turns(model, body)?;
    openrouter_claude_turns::check(model, body)?;
    claude_pictures::check(model, body)
}

/// Claude rejects stop sequences of white space on every platform (the prompt factory of BerriAI/litellm).
fn stops(body: &Value) -> Verdict {
    let one = body.get("stop").filter(|stop| stop.is_string());
    let blank = items(body, "stop").chain(one).filter_map(Value::as_str).any(|stop| stop.trim().is_empty());
    ensure(!blank, || "stop_sequences: each stop sequence must contain non-whitespace".to_owned())
}

/// Whether a request makes this model reason with a budget.
fn thinks_by_budget(model: &str, body: &Value) -> bool {
    let has_budget = body.pointer("/reasoning/max_tokens").is_some_and(|budget| !budget.is_null());
    let effort = body.get("reasoning_effort").or_else(|| body.pointer("/reasoning/effort")).and_then(Value::as_str);
    let is_on = body.pointer("/reasoning/enabled") == Some(&Value::Bool(true));
    let is_asked = has_budget || is_on || effort.is_some_and(|effort| effort != "none");
    BY_BUDGET.contains(&model) && is_asked || BY_EITHER.contains(&model) && has_budget
}

/// What Claude rejects while it reasons with a budget. OpenRouter derives a budget from an effort for models that reason
/// only with a budget (platform.claude.com, extended thinking; openrouter.ai, reasoning tokens).
fn thinking(model: &str, body: &Value) -> Verdict {
    if !thinks_by_budget(model, body) {
        return Ok(());
    }
    let limit = ["max_tokens", "max_completion_tokens"].iter().find_map(|name| body.get(*name)?.as_u64());
    let budget = body.pointer("/reasoning/max_tokens").and_then(Value::as_u64).unwrap_or(LEAST_BUDGET);
    ensure(limit.is_none_or(|limit| limit > budget.max(LEAST_BUDGET)), || {
        "`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned()
    })?;
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
    })?;
    resumed(body)
}

/// A tool turn continues from the reasoning that it started with (platform.claude.com, extended thinking with tool use).
fn resumed(body: &Value) -> Verdict {
    let messages: Vec<&Value> = items(body, "messages").collect();
    let is_answer = |message: &&Value| string(message, "role") == Some("assistant");
    let Some(at) = messages.iter().rposition(is_answer) else { return Ok(()) };
    let turn: Vec<&&Value> = messages.iter().take(at + 1).rev().take_while(|message| is_answer(message)).collect();
    let calls = turn.iter().any(|message| items(message, "tool_calls").next().is_some());
    let is_signed = |entry: &Value| string(entry, "signature").or(string(entry, "data")).is_some();
    let thinks = turn.last().is_some_and(|first| items(first, "reasoning_details").next().is_some_and(is_signed));
    ensure(!calls || thinks, || {
        format!(
            "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is \
             enabled, a final `assistant` message must start with a thinking block"
        )
    })
}

/// The user opens a conversation, and a prefilled answer does not end in white space (platform.claude.com, Messages and
/// prefill). Newer models accept no prefill.
fn turns(model: &str, body: &Value) -> Verdict {
    let others =
        || items(body, "messages").filter(|message| !matches!(string(message, "role"), Some("system" | "developer")));
    let first = others().next();
    ensure(first.is_some(), || "messages: at least one message is required".to_owned())?;
    ensure(first.is_some_and(|first| string(first, "role") == Some("user")), || {
        "messages: first message must use the \"user\" role".to_owned()
    })?;
    let Some(last) = others().last().filter(|last| string(last, "role") == Some("assistant")) else { return Ok(()) };
    ensure(BY_BUDGET.contains(&model), || {
        "This model does not support assistant message prefill. The conversation must end with a user message.".to_owned()
    })?;
    let text = string(last, "content").or_else(|| items(last, "content").last().and_then(|part| string(part, "text")));
    ensure(text.is_none_or(|text| text.trim_end().len() == text.len()), || {
        "messages: final assistant content cannot end with trailing whitespace".to_owned()
    })
}

/// OpenRouter passes schemas on, and Claude's errors back (microsoft/vscode-copilot-release#10518).
fn schemas(body: &Value) -> Verdict {
    let functions = items(body, "tools").filter_map(|tool| tool.get("function"));
    for (place, function) in functions.enumerate() {
        let path = format!("tools.{place}.custom.input_schema");
        let schema = function.get("parameters").ok_or_else(|| format!("{path}: Field required"))?;
        ensure(string(schema, "type") == Some("object"), || format!("{path}.type: Input should be 'object'"))?;
        ensure(["oneOf", "allOf", "anyOf"].iter().all(|union| schema.get(*union).is_none()), || {
            format!("{path}: input_schema does not support oneOf, allOf, or anyOf at the top level")
        })?;
        tool_schemas::claude(schema, &path)?;
        if function.get("strict") == Some(&Value::Bool(true)) {
            promised(schema, &path)?;
        }
    }
    let functions = items(body, "tools").filter_map(|tool| tool.get("function"));
    // OpenRouter turns a response schema into `output_config.format`, strict or not (platform.claude.com, structured
    // outputs).
    let answer = body.pointer("/response_format/json_schema/schema");
    compiled(functions.filter(|tool| is_strict(tool)).filter_map(|function| function.get("parameters")), answer)?;
    answer.map_or(Ok(()), |schema| promised(schema, "output_config.format.schema"))
}

/// Claude accepts four cache marks, and none of an hour after one of five minutes, on every platform (platform.claude.com,
/// prompt caching). Tools come first in its prompt, then the system prompt.
fn breakpoints(body: &Value) -> Verdict {
    let is_system = |message: &&Value| matches!(string(message, "role"), Some("system" | "developer"));
    let (system, others): (Vec<&Value>, Vec<&Value>) = items(body, "messages").partition(is_system);
    let parts = system.into_iter().chain(others).flat_map(|message| items(message, "content"));
    let all = items(body, "tools").chain(parts).chain([body]);
    let marks: Vec<&Value> = all.filter_map(|holder| holder.get("cache_control").filter(|mark| mark.is_object())).collect();
    // caozhiyuan/copilot-api#145.
    for mark in &marks {
        extra(Some(mark), "cache_control.ephemeral", &["type", "ttl"])?;
    }
    let number = marks.len();
    ensure(number <= MOST_BREAKPOINTS, || {
        format!("A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {number}.")
    })?;
    let lasting: Vec<bool> = marks.iter().map(|mark| string(mark, "ttl") == Some("1h")).collect();
    ensure(lasting.is_sorted_by(|earlier, later| earlier >= later), || {
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.".to_owned()
    })?;
    whole(body)
}
