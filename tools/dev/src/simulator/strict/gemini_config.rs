//! What Gemini on Vertex rejects in a request's `generationConfig`.

use serde_json::Value;

use super::gemini_fields::{get, list, snake};
use super::verdict::{Verdict, ensure};

const MAX_OUTPUT_TOKENS: i64 = 65_536;
const MAX_STOP_SEQUENCES: usize = 5;
/// Integers of 32 bits in Vertex's own messages (googleapis, `aiplatform/v1/content.proto`).
const INT32: [&str; 4] = ["seed", "maxOutputTokens", "candidateCount", "logprobs"];

/// Checks the settings for this model.
pub(super) fn check(model: &str, config: &Value) -> Verdict {
    integers(config)?;
    penalties(config)?;
    limits(config)?;
    thinking(model, get(config, "thinkingConfig").unwrap_or(&Value::Null))
}

/// The generation in the model's name.
pub(super) fn generation(model: &str) -> (u32, u32) {
    let number = model.split('-').nth(1).unwrap_or_default();
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

fn integers(config: &Value) -> Verdict {
    for name in INT32 {
        int32(get(config, name), &format!("generation_config.{}", snake(name)))?;
    }
    let budget = get(config, "thinkingConfig").and_then(|config| get(config, "thinkingBudget"));
    int32(budget, "generation_config.thinking_config.thinking_budget")
}

/// Protocol buffers accept a number without a fraction, or such a number as text.
fn int32(value: Option<&Value>, path: &str) -> Verdict {
    let fits = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.parse::<i32>().is_ok(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => i32::try_from(whole).is_ok(),
            (None, Some(other)) => other.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&other),
            (None, None) => false,
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    ensure(value.is_none_or(fits), || format!("Invalid value at '{path}' (TYPE_INT32), {}", value.unwrap_or(&Value::Null)))
}

/// Google's reference names 1.5 models only (docs.cloud.google.com, `GenerationConfig` of the Node client). Rejections by
/// 2.5 and later are reported in vercel/ai#8943 and BerriAI/litellm#26108.
fn penalties(config: &Value) -> Verdict {
    let given =
        ["frequencyPenalty", "presencePenalty"].iter().any(|name| get(config, name).is_some_and(|value| !value.is_null()));
    ensure(!given, || "Unable to submit request because Penalty is not enabled for this model".to_owned())
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
    // The number of candidates: the reference allows at least one, within 32 bits.
    range("topK", 1.0, f64::from(i32::MAX))?;
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
        let known = matches!(level.as_str(), "MINIMAL" | "LOW" | "MEDIUM" | "HIGH" | "XHIGH");
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

/// The levels of each model: docs.cloud.google.com, thinking and the pages of the models (autumn 2026).
fn takes_level(model: &str, level: &str) -> bool {
    let pro = model.contains("-pro");
    match level {
        "MINIMAL" => !pro && generation(model) < (3, 7),
        "MEDIUM" => !(pro && generation(model) == (3, 0)),
        "XHIGH" => ["hydrogen", "neon"].iter().any(|name| model.contains(name)),
        _ => true,
    }
}
