//! What models of smaller vendors reject while they reason.

use serde_json::Value;

use super::super::json::{items, string};
use super::verdict::{Verdict, ensure};

/// Checks a request to this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    thoughts_of_calls(model, body)?;
    forced_calls(model, body)?;
    budgets(model, body)?;
    xais_settings(model, body)
}

/// The setting at a place, if there is one.
fn asked<'b>(body: &'b Value, pointer: &str) -> Option<&'b Value> {
    body.pointer(pointer).filter(|value| !value.is_null())
}

/// Whether reasoning is switched off.
fn is_off(body: &Value) -> bool {
    asked(body, "/reasoning/enabled") == Some(&Value::Bool(false))
        || ["/reasoning/effort", "/reasoning_effort"]
            .iter()
            .any(|place| asked(body, place).is_some_and(|word| word == "none"))
}

/// Kimi and DeepSeek reason by default, and only if the reasoning before their earlier calls is present
/// (earendil-works/pi#987 and #3636, QuantumNous/new-api#3121; api-docs.deepseek.com, thinking mode).
fn thoughts_of_calls(model: &str, body: &Value) -> Verdict {
    let is_deepseek = model.starts_with("deepseek/");
    if is_off(body) || !is_deepseek && !model.starts_with("moonshotai/") {
        return Ok(());
    }
    let bare = |message: &Value| {
        let calls = items(message, "tool_calls").next().is_some();
        let thought = string(message, "reasoning").is_some() || items(message, "reasoning_details").next().is_some();
        calls && !thought
    };
    match items(body, "messages").position(bare) {
        Some(_) if is_deepseek => {
            Err("The `reasoning_content` in the thinking mode must be passed back to the API.".to_owned())
        }
        Some(place) => Err(format!(
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index {place}"
        )),
        None => Ok(()),
    }
}

/// Qwen 3.8 has a maximum budget (CherryHQ/cherry-studio#7263; anomalyco/models.dev#3349).
fn budgets(model: &str, body: &Value) -> Verdict {
    const MOST: u64 = 262_144;
    let budget = body.pointer("/reasoning/max_tokens").and_then(Value::as_u64).filter(|_| model.starts_with("qwen/qwen3.8"));
    ensure(budget.is_none_or(|budget| (1..=MOST).contains(&budget)), || {
        format!("The thinking_budget parameter must be a positive integer and not greater than {MOST}")
    })?;
    let limit = ["max_tokens", "max_completion_tokens"].iter().find_map(|name| body.get(*name)?.as_u64());
    let fits = budget.zip(limit).is_none_or(|(budget, limit)| limit > budget);
    ensure(fits, || "max_completion_tokens must be greater than thinking_budget".to_owned())
}

/// xAI's reasoning models (vercel/ai#12826, huggingface/smolagents#1766, miaoxworld/NativeTavern#83).
fn xais_settings(model: &str, body: &Value) -> Verdict {
    let set = ["stop", "frequency_penalty", "presence_penalty"]
        .into_iter()
        .find(|name| asked(body, &format!("/{name}")).is_some());
    match set.filter(|_| model.starts_with("x-ai/")) {
        Some(name) => Err(format!("Argument not supported on this model: {name}")),
        None => Ok(()),
    }
}

/// Kimi and DeepSeek reason by default, and reject a forced call unless reasoning is switched off
/// (`UKGovernmentBEIS/inspect_ai#5152`, can1357/oh-my-pi#827 and #1077, deepseek-ai/DeepSeek-V3#1376). Qwen 3.8 always
/// reasons (cloudwego/eino#994). GLM never accepts a forced call, whether it reasons or not (vectorize-io/hindsight#4246).
fn forced_calls(model: &str, body: &Value) -> Verdict {
    let is_forced = asked(body, "/tool_choice").is_some_and(|choice| choice != "auto" && choice != "none");
    let refused = match model.split_once('/') {
        Some(("moonshotai", _)) => "tool_choice 'specified' is incompatible with thinking enabled",
        Some(("deepseek", _)) => "Thinking mode does not support this tool_choice",
        Some(("qwen", name)) if name.starts_with("qwen3.8") => {
            "The tool_choice parameter does not support being set to required or object in thinking mode"
        }
        Some(("z-ai", _)) => return ensure(!is_forced, || "Tool choice must be auto".to_owned()),
        _ => return Ok(()),
    };
    ensure(!is_forced || is_off(body), || refused.to_owned())
}
