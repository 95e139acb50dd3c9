//! Forwards a Chat Completions request to OpenRouter, which uses the same format, with edits where OpenRouter or the model
//! would reject it.

use serde_json::value::RawValue;

use super::{dialects, history, members, settings, shapes, thinking, values};
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::native::{Allowed, Forwarding};
use crate::wire::openai::client::request::{
    is_client_tool, is_flat_custom, knows_function_call, reasoning, tool_choice, tool_name, unknown_format,
};
use crate::wire::openai::rules;
use crate::wire::request::has_odd_property;
use crate::wire::target::Target;
use crate::wire::{ClientRequest, blocks};

/// Fields that pass to OpenRouter. Fields that control or price the upstream call never pass: route, models, provider,
/// plugins, service tier, web search.
const ALLOWED: Allowed = Allowed {
    forwarded: &[
        "cache_control",
        "frequency_penalty",
        "include_reasoning",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "min_p",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "safety_identifier",
        "seed",
        "stop",
        "structured_outputs",
        "temperature",
        "tool_choice",
        "tools",
        "top_a",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    ],
    // Only one choice is requested. OpenRouter has its own field instead of `thinking`.
    consumed: &["model", "n", "stream", "stream_options", "thinking"],
    is_client_tool,
    tool_name,
    tool_choice,
};

/// Limits, counts and seeds: whole numbers.
const WHOLE_NUMBERS: [&[&str]; 6] =
    [&["max_completion_tokens"], &["max_tokens"], &["reasoning", "max_tokens"], &["seed"], &["top_k"], &["top_logprobs"]];

/// Whether a request declares functions in OpenAI's older form, which OpenRouter no longer accepts. The conversation holds
/// them as tools.
pub fn is_of_older_form(body: Value<'_>) -> bool {
    let is_older = |message: Value<'_>| {
        message.get("function_call").is_some() || message.get("role").is_some_and(|role| role.is("function"))
    };
    knows_function_call(body) || body.get("messages").into_iter().flat_map(Value::elements).any(is_older)
}

/// Whether a request uses features that only OpenAI's models have: tools with text input, which the conversation holds as
/// functions, and a choice between some of the tools, for which it drops the other tools.
fn is_of_openais_own(body: Value<'_>) -> bool {
    let list = |list: &str| body.get(list).into_iter().flat_map(Value::elements);
    let calls = list("messages").filter_map(|message| message.get("tool_calls")).flat_map(Value::elements);
    list("tools").any(|tool| tool.get("custom").is_some() || is_flat_custom(tool))
        || calls.into_iter().any(|call| call.get("custom").is_some())
        || body.get("tool_choice").is_some_and(|choice| {
            choice.get("allowed_tools").is_some() || choice.get("type").is_some_and(|kind| kind.is("allowed_tools"))
        })
}

/// Whether a request must be translated: it has Anthropic blocks among its parts, tool names that no provider accepts, or
/// property names that Claude rejects (the client still sees its own names); or it needs an additional instruction or
/// message.
pub fn needs_translation(body: Value<'_>, target: &Target<'_>) -> bool {
    let messages = || body.get("messages").into_iter().flat_map(Value::elements);
    let parts = messages().filter_map(|message| message.get("content")).flat_map(Value::elements);
    let is_block = |part: Value<'_>| {
        part.get("type").and_then(Value::as_text).is_some_and(|kind| kind == "reasoning" || blocks::is_type(&kind))
    };
    let tools = || body.get("tools").into_iter().flat_map(Value::elements);
    let declared = tools().filter_map(tool_name);
    let has_odd_properties = || rules::is_claude(target.upstream) && tools().any(has_odd_property);
    let called = messages().filter_map(|message| message.get("tool_calls")).flat_map(Value::elements);
    let called = called.filter_map(tool_name);
    let is_odd = |name: Value<'_>| name.as_text().is_some_and(|name| !rules::takes_tool_name(target.upstream, &name));
    let asks_for_json = || {
        let kind = body.at(&["response_format", "type"]);
        kind.is_some_and(|kind| !kind.is("text")) && tools().next().is_some()
    };
    is_of_older_form(body)
        || moves_names(body, target)
        || asks_in_words(body, target)
        || asks_for_object(body) && rules::must_say_json(target.upstream, || says_json(body))
        || rules::refuses_prefill(target) && history::is_begun(body)
        || !target.capabilities.json_with_tools && asks_for_json()
        || !rules::is_openai(target.upstream) && is_of_openais_own(body)
        || declared.chain(called).any(is_odd)
        || parts.into_iter().any(is_block)
        || has_odd_properties()
}

/// Whether instructions with a speaker's name may move into another message, where only their text can have it.
fn moves_names(body: Value<'_>, target: &Target<'_>) -> bool {
    let is_named = |message: Value<'_>| {
        let role = message.get("role").and_then(Value::as_text).unwrap_or_default();
        matches!(role.as_ref(), "system" | "developer") && message.get("name").is_some()
    };
    rules::instructs_first(target.upstream) && body.get("messages").into_iter().flat_map(Value::elements).any(is_named)
}

/// Whether any JSON object is requested: also by a schema that is missing.
fn asks_for_object(body: Value<'_>) -> bool {
    body.get("response_format").is_some_and(|format| {
        let is_of = |kind: &str| format.get("type").is_some_and(|said| said.is(kind));
        let has_schema = || format.get("schema").or_else(|| format.at(&["json_schema", "schema"])).is_some();
        is_of("json_object") || is_of("json_schema") && !has_schema()
    })
}

/// Whether a text of the messages has the word JSON.
fn says_json(body: Value<'_>) -> bool {
    let contents = body.get("messages").into_iter().flat_map(Value::elements).filter_map(|message| message.get("content"));
    let is_said = |text: Value<'_>| text.as_text().is_some_and(|text| rules::has_word_json(&text));
    contents
        .into_iter()
        .any(|content| is_said(content) || content.elements().filter_map(|part| part.get("text")).any(is_said))
}

/// Whether the response format can only be requested in words.
fn asks_in_words(body: Value<'_>, target: &Target<'_>) -> bool {
    let format = body.get("response_format");
    let schema = format.and_then(|format| format.at(&["json_schema", "schema"]).or_else(|| format.get("schema")));
    let schema = schema.and_then(|schema| RawValue::from_string(schema.json().0).ok());
    schema.is_some_and(|schema| rules::is_said_in_words(target, &schema))
}

/// The edits that a model of OpenRouter needs.
pub fn forward<'d>(request: &'d ClientRequest, target: &Target<'_>) -> Result<Forwarding<'d>, GatewayError> {
    let mut forwarding = Forwarding::new(request.document.root(), &ALLOWED)?;
    if let Some(format) = unknown_format(forwarding.body) {
        forwarding.drop(format);
    }
    drop_empty_tools(&mut forwarding)?;
    check_number_of_tools(&forwarding, target)?;
    drop_parallel_calls_of_no_tools(&mut forwarding);
    members::loosen_tools(&mut forwarding, target);
    dialects::rewrite(&mut forwarding, target)?;
    members::fit_schemas(&mut forwarding, target)?;
    shapes::keep(&mut forwarding, target);
    history::repair(&mut forwarding, target);
    members::tidy(&mut forwarding, target);
    members::limit_cache_marks(&mut forwarding, target);
    members::fit_format(&mut forwarding, target)?;
    settings::limit_stops(&mut forwarding, target);
    forwarding.clamp_output(request.max_tokens, target);
    settings::one_output_limit(request, &mut forwarding);
    // OpenAI's reasoning models reject settings that many clients always send.
    let reasoning = reasoning(forwarding.body)?;
    let reasoning = thinking::combined_with_calls(&mut forwarding, reasoning, target)?;
    settings::drop_refused_sampling(&mut forwarding, target.sampling_support(reasoning.amount), target);
    settings::keep_ranges(&mut forwarding, target);
    values::fit(&mut forwarding, reasoning.amount, target);
    thinking::one_reasoning_amount(&mut forwarding);
    thinking::say_how_much_to_think(&mut forwarding, reasoning, request.max_tokens, target);
    thinking::fit_budget(&mut forwarding, reasoning, request.max_tokens, target);
    thinking::drop_thoughts(&mut forwarding, reasoning, request.max_tokens, target);
    // Only OpenAI's models know the developer role. Others get a system message.
    if !rules::is_openai(target.upstream) {
        rename_developer(&mut forwarding);
    }
    forwarding.write_whole_numbers(&WHOLE_NUMBERS);
    Ok(forwarding)
}

/// Providers reject an empty list of tools, and settings for it. Nothing is lost, unless a tool must be called.
fn drop_empty_tools(forwarding: &mut Forwarding<'_>) -> Result<(), GatewayError> {
    let is_empty = |tools: Value<'_>| tools.elements().next().is_none();
    let tools = forwarding.body.get("tools");
    if tools.is_some_and(is_empty) {
        for field in ["tools", "parallel_tool_calls"] {
            forwarding.edits.remove_field(forwarding.body, field);
        }
    }
    if tools.is_none_or(is_empty)
        && let Some(choice) = forwarding.body.get("tool_choice")
    {
        forwarding.edits.remove(choice);
        forwarding.left_out.extend(tool_choice(choice)?.is_forced().then(|| choice.place()));
    }
    Ok(())
}

fn check_number_of_tools(forwarding: &Forwarding<'_>, target: &Target<'_>) -> Result<(), GatewayError> {
    let tools = forwarding.body.get("tools").into_iter().flat_map(Value::elements);
    target.check_number_of_tools(tools.filter(|tool| !forwarding.edits.removes(*tool)).count())
}

/// OpenAI rejects the field if no tools are declared.
fn drop_parallel_calls_of_no_tools(forwarding: &mut Forwarding<'_>) {
    let tools = forwarding.body.get("tools");
    let is_set = forwarding.body.get("parallel_tool_calls").is_some_and(|flag| !forwarding.edits.removes(flag));
    if is_set && tools.is_none_or(|tools| forwarding.edits.removes(tools)) {
        forwarding.drop_field("parallel_tool_calls");
    }
}

/// Both roles mean the same, so nothing is lost.
fn rename_developer(forwarding: &mut Forwarding<'_>) {
    let messages = forwarding.body.get("messages").into_iter().flat_map(Value::elements);
    for role in messages.filter_map(|message| message.get("role")).filter(|role| role.is("developer")) {
        forwarding.edits.replace(role, "system");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_forwarded_fields_is_sorted() {
        assert!(ALLOWED.forwarded.is_sorted());
    }
}
