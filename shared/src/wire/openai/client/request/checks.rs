//! Checks the types, words and shapes of a request's settings and declarations. An error is a 400 that names its path.

use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::request;

/// Checks settings that every provider accepts only as numbers, booleans or words.
pub(super) fn check_settings(body: Value<'_>) -> Result<(), GatewayError> {
    const NUMBERS: [&str; 7] =
        ["temperature", "top_p", "frequency_penalty", "presence_penalty", "min_p", "top_a", "repetition_penalty"];
    for value in NUMBERS.iter().filter_map(|name| body.get(name)) {
        value.number()?;
    }
    for value in ["logprobs", "parallel_tool_calls", "structured_outputs"].iter().filter_map(|name| body.get(name)) {
        value.flag()?;
    }
    for value in ["user", "safety_identifier", "prompt_cache_key"].iter().filter_map(|name| body.get(name)) {
        value.text()?;
    }
    super::seed(body.get("seed"))?;
    body.get("top_logprobs").map_or(Ok(()), |number| number.whole_number().map(drop))?;
    if let Some(biases) = body.get("logit_bias") {
        object(biases)?;
        biases.members().try_for_each(|(_, bias)| bias.number().map(drop))?;
    }
    request::check_word(body.get("verbosity"), &["low", "medium", "high", "xhigh", "max"])?;
    request::check_word(body.at(&["reasoning", "summary"]), &["auto", "concise", "detailed"])?;
    body.get("response_format").map_or(Ok(()), check_format)?;
    request::check_mark(body)?;
    request::top_k(body.get("top_k")).map(drop)
}

/// Checks the response format: a type that OpenRouter knows (its API reference), and a valid schema.
fn check_format(format: Value<'_>) -> Result<(), GatewayError> {
    let [kind, described] = format.fields(["type", "json_schema"])?;
    request::check_word(kind, &["text", "json_object", "json_schema", "grammar", "python"])?;
    let [schema, strict] = described.unwrap_or(format).fields(["schema", "strict"])?;
    strict.map_or(Ok(()), |strict| strict.flag().map(drop))?;
    schema.map_or(Ok(()), object)
}

fn object(value: Value<'_>) -> Result<(), GatewayError> {
    if value.kind() == Kind::Object { Ok(()) } else { Err(value.expected("an object")) }
}

/// Checks a declared function. JSON Schema allows `true` and `false` as schemas.
pub(super) fn check_function(function: Value<'_>) -> Result<(), GatewayError> {
    let [description, parameters, strict] = function.fields(["description", "parameters", "strict"])?;
    description.map_or(Ok(()), |description| description.text().map(drop))?;
    strict.map_or(Ok(()), |strict| strict.flag().map(drop))?;
    parameters.filter(|schema| schema.kind() != Kind::Flag).map_or(Ok(()), object)
}
