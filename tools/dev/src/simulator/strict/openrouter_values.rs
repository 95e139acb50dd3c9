//! What OpenRouter, and OpenAI behind it, reject in settings by type and range (OpenRouter's API description and reference
//! of parameters; OpenAI's API reference of Chat Completions).

use serde_json::{Map, Value};

use super::verdict::{Verdict, ensure};

/// Numbers and their ranges.
const RANGES: [(&str, f64, f64); 3] = [("min_p", 0.0, 1.0), ("top_a", 0.0, 1.0), ("repetition_penalty", 0.0, 2.0)];
/// Vendors with narrower ranges: of `temperature` (theopenco/llmgateway#3268, xming521/WeClone#211,
/// mnfst/modelparams.dev#232, SillyTavern/SillyTavern#4856), and the least `top_p` (mnfst/modelparams.dev#231; docs.z.ai,
/// chat completion).
const VENDORS: [(&str, f64, f64, f64); 4] = [
    ("z-ai/", 0.0, 1.0, 0.01),
    ("minimax/", f64::MIN_POSITIVE, 1.0, 0.0),
    ("qwen/", 0.0, 1.999_999, f64::MIN_POSITIVE),
    ("mistralai/", 0.0, 1.5, f64::MIN_POSITIVE),
];
/// Texts and their maximum length (ujisati/claude-code-provider-proxy#11 for the first, earendil-works/pi#4719 for the
/// last).
const TEXTS: [(&str, usize); 3] = [("user", 128), ("safety_identifier", 64), ("prompt_cache_key", 64)];

/// Checks the settings of a request to this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    for (name, least, most) in RANGES {
        let fits = |value: &Value| value.as_f64().is_some_and(|number| (least..=most).contains(&number));
        ensure(given(name).is_none_or(fits), || format!("Invalid '{name}': expected a number from {least} to {most}."))?;
    }
    for (vendor, least, most, least_top_p) in VENDORS.into_iter().filter(|(vendor, ..)| model.starts_with(vendor)) {
        for (name, least, most) in [("temperature", least, most), ("top_p", least_top_p, 1.0)] {
            let fits = |value: &Value| value.as_f64().is_some_and(|number| (least..=most).contains(&number));
            let wrong = || format!("{vendor}: the {name} parameter is illegal: expected a number from {least} to {most}.");
            ensure(given(name).is_none_or(fits), wrong)?;
        }
    }
    let is_zero = |name: &str| given(name).and_then(Value::as_f64).is_some_and(|number| number <= 0.0);
    let is_greedy = model.starts_with("mistralai/") && is_zero("temperature");
    let is_whole = given("top_p").is_none_or(|share| share.as_f64().is_some_and(|share| share >= 1.0));
    ensure(!is_greedy || is_whole, || "top_p must be 1 when using greedy sampling.".to_owned())?;
    let is_qwen = model.starts_with("qwen/");
    ensure(!(is_qwen && is_zero("repetition_penalty")), || "Repetition_penalty must be greater than 0.0".to_owned())?;
    for (name, longest) in TEXTS {
        // OpenAI's own limit.
        let longest = if model.starts_with("openai/") { longest.min(64) } else { longest };
        let fits = |value: &Value| value.as_str().is_some_and(|text| text.chars().count() <= longest);
        ensure(given(name).is_none_or(fits), || {
            format!("Invalid '{name}': string too long. Expected a string with maximum length {longest}.")
        })?;
    }
    let is_seed =
        |value: &Value| value.as_i64().is_some_and(|seed| !model.starts_with("google/") || i32::try_from(seed).is_ok());
    ensure(given("seed").is_none_or(is_seed), || "Invalid value at 'generation_config.seed' (TYPE_INT32)".to_owned())?;
    let is_in_range = |seed: &Value| seed.as_i64().is_some_and(|seed| (0..=i64::from(i32::MAX)).contains(&seed));
    ensure(!is_qwen || given("seed").is_none_or(is_in_range), || "Range of seed should be [0, 2147483647]".to_owned())?;
    // Mistral's API reference, `random_seed`.
    let is_negative = model.starts_with("mistralai/") && given("seed").and_then(Value::as_i64).is_some_and(|seed| seed < 0);
    ensure(!is_negative, || "random_seed: Input should be greater than or equal to 0".to_owned())?;
    let words = ["low", "medium", "high", "xhigh", "max"];
    let known = if model.starts_with("openai/") { &words[..3] } else { &words[..] };
    ensure(given("verbosity").is_none_or(|word| known.iter().any(|known| word == known)), || {
        format!("Invalid value for 'verbosity'. Supported values are: {}.", known.join(", "))
    })?;
    given("logit_bias").map_or(Ok(()), bias)?;
    given("metadata").map_or(Ok(()), metadata)?;
    candidates(body)
}

fn bias(biases: &Value) -> Verdict {
    let wrong = || "Invalid 'logit_bias': expected an object of tokens with numbers from -100 to 100.".to_owned();
    let biases = biases.as_object().ok_or_else(wrong)?;
    let fits = |(token, bias): (&String, &Value)| {
        token.parse::<u64>().is_ok() && bias.as_f64().is_some_and(|bias| (-100.0..=100.0).contains(&bias))
    };
    ensure(biases.iter().all(fits), wrong)
}

fn metadata(pairs: &Value) -> Verdict {
    let wrong = || "Invalid 'metadata': expected at most 16 pairs of texts.".to_owned();
    let pairs: &Map<String, Value> = pairs.as_object().ok_or_else(wrong)?;
    let fits = |(name, value): (&String, &Value)| {
        name.chars().count() <= 64 && value.as_str().is_some_and(|text| text.chars().count() <= 512)
    };
    ensure(pairs.len() <= 16 && pairs.iter().all(fits), wrong)
}

fn candidates(body: &Value) -> Verdict {
    let Some(number) = body.get("top_logprobs").filter(|number| !number.is_null()) else { return Ok(()) };
    ensure(number.as_u64().is_some_and(|number| number <= 20), || {
        "Invalid 'top_logprobs': expected a value between 0 and 20.".to_owned()
    })?;
    ensure(body.get("logprobs") == Some(&Value::Bool(true)), || {
        "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.".to_owned()
    })
}
