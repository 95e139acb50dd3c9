//! A Chat Completions request on its way to OpenRouter, which speaks the same format.

use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::ClientRequest;
use crate::wire::native::{Allowed, Forwarding};
use crate::wire::openai::client::request::{is_client_tool, knows_function_call, tool_choice, tool_name};
use crate::wire::target::Target;

/// What passes to OpenRouter. Never what steers or prices the upstream call: route, models, provider, plugins, service tier, web
/// search.
const ALLOWED: Allowed = Allowed {
    forwarded: &[
        "cache_control",
        "frequency_penalty",
        "function_call",
        "functions",
        "include_reasoning",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "min_p",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
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
    consumed: &["model", "stream", "stream_options"],
    is_client_tool,
    tool_name,
    tool_choice,
};

/// Whether a request speaks of functions in OpenAI's older form, which OpenRouter no longer knows: the conversation has them as tools.
pub fn is_of_older_form(body: Value<'_>) -> bool {
    let is_older = |message: Value<'_>| {
        message.get("function_call").is_some() || message.get("role").is_some_and(|role| role.is("function"))
    };
    knows_function_call(body) || body.get("messages").into_iter().flat_map(Value::elements).any(is_older)
}

/// The edits that a model of OpenRouter's needs.
pub fn forward<'d>(request: &'d ClientRequest, target: &Target<'_>) -> Result<Forwarding<'d>, GatewayError> {
    let mut forwarding = Forwarding::new(request.document.root(), &ALLOWED)?;
    drop_parallel_calls_of_no_tools(&mut forwarding);
    type_functions(&mut forwarding);
    let functions = forwarding.body.get("functions").into_iter().flat_map(Value::elements);
    forwarding.keep_once(functions, tool_name)?;
    forwarding.clamp_output(request.max_tokens, target);
    one_output_limit(request, &mut forwarding);
    // OpenAI's reasoning models refuse what many clients send unasked.
    forwarding.drop_refused_sampling(target);
    one_reasoning_amount(&mut forwarding);
    // Only OpenAI's own models know the developer role: to the others it is a system message.
    if !target.upstream.starts_with("openai/") {
        rename_developer(&mut forwarding);
    }
    Ok(forwarding)
}

/// OpenAI refuses the field where no tools are declared.
fn drop_parallel_calls_of_no_tools(forwarding: &mut Forwarding<'_>) {
    let tools = forwarding.body.get("tools");
    if tools.is_none_or(|tools| forwarding.edits.removes(tools)) && forwarding.body.get("functions").is_none() {
        forwarding.drop_field("parallel_tool_calls");
    }
}

/// Gives functions the type that some clients leave out, and that providers require.
fn type_functions(forwarding: &mut Forwarding<'_>) {
    for tool in forwarding.body.get("tools").into_iter().flat_map(Value::elements) {
        if tool.get("type").is_none() && is_client_tool(tool) && !forwarding.edits.removes(tool) {
            forwarding.edits.set(tool, "type", "function");
        }
    }
}

/// Both names of the limit at once are refused by some models; the newer one counts.
fn one_output_limit(request: &ClientRequest, forwarding: &mut Forwarding<'_>) {
    if request.max_tokens.is_some_and(|limit| limit.field == "max_completion_tokens") {
        forwarding.drop_field("max_tokens");
    }
}

/// OpenRouter refuses an effort beside a budget of thoughts: the effort counts, as where a request is translated.
fn one_reasoning_amount(forwarding: &mut Forwarding<'_>) {
    let Some(reasoning) = forwarding.body.get("reasoning") else { return };
    if let (Some(_), Some(budget)) = (reasoning.get("effort"), reasoning.get("max_tokens")) {
        forwarding.drop(budget);
    }
}

fn rename_developer(forwarding: &mut Forwarding<'_>) {
    let messages = forwarding.body.get("messages").into_iter().flat_map(Value::elements);
    for (at, message) in messages.enumerate() {
        if let Some(role) = message.get("role").filter(|role| role.is("developer")) {
            forwarding.edits.replace(role, "system");
            forwarding.dropped.push(format!("messages[{at}].role"));
        }
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
