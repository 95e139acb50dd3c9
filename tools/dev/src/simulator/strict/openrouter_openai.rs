//! What OpenAI's models refuse behind OpenRouter: efforts and sampling by model. The rules are those of pydantic-ai's profiles (2.68.0,
//! many tried live), the table of `litellm` (1.110.2) and the AI SDK (November 2026); where they differ only what all refuse is refused.

use serde_json::Value;

use super::verdict::{Verdict, ensure};

const SMALLEST_LIMIT: u64 = 16;
const SAMPLING: [&str; 6] = ["temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs"];

/// When a model takes sampling settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sampling {
    Never,
    /// Only with the effort `none`.
    Off,
    /// With the effort `none` or without one, which is the same to it.
    OffOrAbsent,
}

/// Checks a request to this model, if it is one of OpenAI's.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    let Some(name) = model.strip_prefix("openai/") else { return Ok(()) };
    limit(body)?;
    let name = name.split(':').next().unwrap_or(name);
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

/// The effort that the request asks for, however it says so.
fn effort(body: &Value) -> Option<&str> {
    let reasoning = body.get("reasoning").unwrap_or(&Value::Null);
    let word = reasoning.get("effort").or_else(|| body.get("reasoning_effort")).and_then(Value::as_str);
    // A budget becomes an effort, which one is OpenRouter's affair: every model has a medium one.
    let asks =
        reasoning.get("enabled") == Some(&Value::Bool(true)) || reasoning.get("max_tokens").is_some_and(Value::is_u64);
    let stops = reasoning.get("enabled") == Some(&Value::Bool(false));
    word.or(stops.then_some("none")).or(asks.then_some("medium"))
}

/// The efforts of a model and when it takes sampling settings.
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
