//! What OpenAI's models reject behind OpenRouter: efforts and sampling by model. The rules are those of pydantic-ai's
//! profiles (2.68.0, many tried live), the table of `litellm` (1.110.2) and the AI SDK (November 2026). If they differ, only
//! what all reject is rejected.

use serde_json::Value;

use super::verdict::{Verdict, ensure};

const SMALLEST_LIMIT: u64 = 16;
const SAMPLING: [&str; 7] =
    ["temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "logit_bias"];
/// Prefixes of models that reject stop sequences (huggingface/smolagents#1662, #1868 and #1893; BerriAI/litellm#15244),
/// except the later ones.
const WITHOUT_STOP: [&str; 4] = ["gpt-5", "o1", "o3", "o4"];
const WITH_STOP: [&str; 2] = ["gpt-5.5", "gpt-5.6"];

/// When a model accepts sampling settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sampling {
    Never,
    /// Only with the effort `none`.
    Off,
    /// With the effort `none`, or without an effort, which means the same for this model.
    OffOrAbsent,
}

/// Checks a request to this model, if it is one of OpenAI's.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    let Some(name) = model.strip_prefix("openai/") else { return Ok(()) };
    limit(body)?;
    let name = name.split(':').next().unwrap_or(name);
    let begins = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    let takes_stop = !begins(&WITHOUT_STOP) || begins(&WITH_STOP);
    ensure(takes_stop || body.get("stop").is_none_or(Value::is_null), || {
        "Unsupported parameter: 'stop' is not supported with this model.".to_owned()
    })?;
    // openai/codex#19188.
    let word = body.get("verbosity").and_then(Value::as_str);
    ensure(name != "gpt-5.2-codex" || word.is_none_or(|word| word == "medium"), || {
        format!(
            "Unsupported value: '{}' is not supported with the '{name}' model. Supported values are: 'medium'.",
            word.unwrap_or_default()
        )
    })?;
    let Some((efforts, sampling)) = facts(name) else { return Ok(()) };
    let effort = effort(body);
    ensure(effort.is_none_or(|effort| efforts.is_empty() || efforts.contains(&effort)), || {
        format!(
            "Unsupported value: 'reasoning.effort' does not support '{}' with this model. Supported values are: '{}'.",
            effort.unwrap_or_default(),
            efforts.join("', '")
        )
    })?;
    let takes = match sampling {
        Sampling::Never => false,
        Sampling::Off => effort == Some("none"),
        Sampling::OffOrAbsent => effort.is_none_or(|effort| effort == "none"),
    };
    let given = |name: &&&str| body.get(**name).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)));
    match SAMPLING.iter().find(given) {
        Some(name) if !takes => Err(format!("Unsupported parameter: '{name}' is not supported with this model.")),
        Some(_) | None => Ok(()),
    }
}

/// musistudio/claude-code-router#994, QuantumNous/new-api#2438.
fn limit(body: &Value) -> Verdict {
    let given = ["max_tokens", "max_completion_tokens"].iter().find_map(|name| body.get(*name)?.as_u64());
    ensure(given.is_none_or(|limit| limit >= SMALLEST_LIMIT), || {
        format!(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {SMALLEST_LIMIT}, but got {} instead.",
            given.unwrap_or_default()
        )
    })
}

/// The effort of the request, in any of its forms.
fn effort(body: &Value) -> Option<&str> {
    let reasoning = body.get("reasoning").unwrap_or(&Value::Null);
    let word = reasoning.get("effort").or_else(|| body.get("reasoning_effort")).and_then(Value::as_str);
    // OpenRouter converts a budget to an effort. Every model has a medium one.
    let asks =
        reasoning.get("enabled") == Some(&Value::Bool(true)) || reasoning.get("max_tokens").is_some_and(Value::is_u64);
    let stops = reasoning.get("enabled") == Some(&Value::Bool(false));
    word.or(stops.then_some("none")).or(asks.then_some("medium"))
}

/// The efforts of a model and when it accepts sampling settings.
fn facts(name: &str) -> Option<(&'static [&'static str], Sampling)> {
    Some(match name {
        "gpt-5" | "gpt-5-mini" | "gpt-5-nano" => (&["minimal", "low", "medium", "high"], Sampling::Never),
        "gpt-5.2" | "gpt-5.4" | "gpt-5.4-mini" | "gpt-5.4-nano" | "gpt-5.3-codex" => {
            (&["none", "low", "medium", "high", "xhigh"], Sampling::OffOrAbsent)
        }
        "gpt-5.2-codex" => (&["low", "medium", "high", "xhigh"], Sampling::Never),
        "gpt-5.5" => (&["none", "low", "medium", "high", "xhigh"], Sampling::Off),
        "gpt-5.6-sol" | "gpt-5.6-terra" | "gpt-5.6-luna" | "gpt-6-sol" | "gpt-6-luna" | "gpt-6.1-terra" => {
            (&["none", "low", "medium", "high", "xhigh", "max"], Sampling::Off)
        }
        "gpt-6-astra" | "gpt-6.1-sol" | "gpt-6.2-sol" => (&["low", "medium", "high", "xhigh", "max"], Sampling::Never),
        "o1" | "o3" | "o3-mini" | "o4-mini" => (&[], Sampling::Never),
        _ => return None,
    })
}
