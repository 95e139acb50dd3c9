//! A Chat Completions request on its way to OpenRouter, which speaks the same format.

use std::borrow::Cow;

use super::{dialects, history, members};
use crate::capability::{SamplingField, SamplingSupport, Thinking};
use crate::chat::request::{Amount, Effort, Reasoning};
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::native::{Allowed, Forwarding, sampling_fields};
use crate::wire::openai::client::request::{
    is_client_tool, is_flat_custom, knows_function_call, reasoning, second_amounts, tool_choice, tool_name,
};
use crate::wire::openai::provider::request::{reasoning as encode_reasoning, within};
use crate::wire::openai::rules;
use crate::wire::request::has_odd_property;
use crate::wire::target::{Target, ranges};
use crate::wire::{ClientRequest, OutputLimit, blocks};

/// What passes to OpenRouter. Never what steers or prices the upstream call: route, models, provider, plugins, service tier, web
/// search.
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
    // One choice is all that is asked for. OpenRouter has a field of its own for the last.
    consumed: &["model", "n", "stream", "stream_options", "thinking"],
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

/// Whether a request has what OpenAI's models alone know: tools whose input is a text, and a choice among some of the tools. The
/// conversation has the one as functions, and leaves the other tools out for the other.
fn is_of_openais_own(body: Value<'_>) -> bool {
    let list = |list: &str| body.get(list).into_iter().flat_map(Value::elements);
    let calls = list("messages").filter_map(|message| message.get("tool_calls")).flat_map(Value::elements);
    list("tools").any(|tool| tool.get("custom").is_some() || is_flat_custom(tool))
        || calls.into_iter().any(|call| call.get("custom").is_some())
        || body.get("tool_choice").is_some_and(|choice| {
            choice.get("allowed_tools").is_some() || choice.get("type").is_some_and(|kind| kind.is("allowed_tools"))
        })
}

/// Whether a request can only go by way of the conversation: blocks of Anthropic's among its parts, and names of tools that no
/// provider takes, or of properties that Claude does not, which come back in the reply under the client's own; and what needs an
/// instruction or a message more.
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
    let is_odd = |name: Value<'_>| name.as_text().is_some_and(|name| !rules::is_plain_name(&name));
    let ends_begun = || messages().last().and_then(|last| last.get("role")).is_some_and(|role| role.is("assistant"));
    let asks_for_json = || {
        let kind = body.at(&["response_format", "type"]);
        kind.is_some_and(|kind| !kind.is("text")) && tools().next().is_some()
    };
    if rules::refuses_prefill(target) && ends_begun() || !target.capabilities.json_with_tools && asks_for_json() {
        return true;
    }
    is_of_older_form(body)
        || !rules::is_openai(target.upstream) && is_of_openais_own(body)
        || declared.chain(called).any(is_odd)
        || parts.into_iter().any(is_block)
        || has_odd_properties()
}

/// The edits that a model of OpenRouter's needs.
pub fn forward<'d>(request: &'d ClientRequest, target: &Target<'_>) -> Result<Forwarding<'d>, GatewayError> {
    let mut forwarding = Forwarding::new(request.document.root(), &ALLOWED)?;
    drop_empty_tools(&mut forwarding)?;
    drop_parallel_calls_of_no_tools(&mut forwarding);
    members::loosen_tools(&mut forwarding, target);
    members::fit_schemas(&mut forwarding, target)?;
    dialects::rewrite(&mut forwarding, target)?;
    history::repair(&mut forwarding, target);
    members::tidy(&mut forwarding, target);
    members::limit_cache_marks(&mut forwarding, target);
    members::loosen_format(&mut forwarding, target);
    limit_stops(&mut forwarding, target);
    forwarding.clamp_output(request.max_tokens, target);
    one_output_limit(request, &mut forwarding);
    // OpenAI's reasoning models refuse what many clients send unasked.
    let reasoning = reasoning(forwarding.body)?;
    let reasoning = beside_calls(&mut forwarding, reasoning, target)?;
    drop_refused_sampling(&mut forwarding, target.sampling_support(reasoning.amount));
    keep_ranges(&mut forwarding, target);
    one_reasoning_amount(&mut forwarding);
    say_how_much_to_think(&mut forwarding, reasoning, request.max_tokens, target);
    fit_budget(&mut forwarding, request.max_tokens, target);
    // Only OpenAI's own models know the developer role: to the others it is a system message.
    if !rules::is_openai(target.upstream) {
        rename_developer(&mut forwarding);
    }
    Ok(forwarding)
}

/// What is said about thinking: nothing where Claude must make a call or go on from a begun answer, which it does not while it thinks by
/// a budget.
fn beside_calls(
    forwarding: &mut Forwarding<'_>,
    reasoning: Reasoning,
    target: &Target<'_>,
) -> Result<Reasoning, GatewayError> {
    let choice = forwarding.body.get("tool_choice").filter(|choice| !forwarding.edits.removes(*choice));
    let choice = choice.map(tool_choice).transpose()?.unwrap_or_default();
    let last = forwarding.body.get("messages").into_iter().flat_map(Value::elements).last();
    let is_begun = last.and_then(|last| last.get("role")).is_some_and(|role| role.is("assistant"));
    if !rules::answers_without_thinking(target, rules::Beside { choice: &choice, is_begun }, reasoning.amount) {
        return Ok(reasoning);
    }
    for name in ["reasoning", "reasoning_effort", "thinking"] {
        forwarding.drop_field(name);
    }
    Ok(Reasoning { amount: Amount::Default, visible: false })
}

/// Leaves out the sampling that the model refuses.
fn drop_refused_sampling(forwarding: &mut Forwarding<'_>, support: SamplingSupport) {
    let body = forwarding.body;
    let is_kept = |field: &SamplingField| body.get(field.name()).is_some_and(|value| !forwarding.edits.removes(value));
    let asked: Vec<SamplingField> = sampling_fields(body).into_iter().filter(is_kept).collect();
    for field in support.refused(&asked) {
        forwarding.drop_field(field.name());
    }
    let others = ["frequency_penalty", "presence_penalty", "logprobs", "top_logprobs"];
    let asks = |field: &&str| body.get(field).is_some_and(|value| !matches!(value.flag(), Ok(false)));
    for field in others.into_iter().filter(asks).filter(|_| !rules::takes_penalties(support)) {
        forwarding.drop_field(field);
    }
}

/// An empty list of tools is refused, and so is what only says how to use them. Nothing is lost, unless a tool had to be called.
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
        forwarding.dropped.extend(tool_choice(choice)?.is_forced().then(|| choice.path()));
    }
    Ok(())
}

/// Puts efforts that the model does not know into the next that it does, and Anthropic's field into OpenRouter's.
fn say_how_much_to_think(
    forwarding: &mut Forwarding<'_>,
    reasoning: Reasoning,
    limit: Option<OutputLimit>,
    target: &Target<'_>,
) {
    let body = forwarding.body;
    let is_kept = |word: &Value<'_>| !forwarding.edits.removes(*word);
    let [inner, outer] = [body.at(&["reasoning", "effort"]).filter(is_kept), body.get("reasoning_effort")];
    if let Some(reasoning) = body.get("reasoning") {
        // A mode steers and prices the call.
        forwarding.keep_only(reasoning, &["effort", "enabled", "exclude", "max_tokens", "summary"]);
    }
    if target.capabilities.thinking == Thinking::Switch {
        only_switch(forwarding, reasoning);
    }
    for word in [inner, outer].into_iter().flatten() {
        let effort = word.as_text().and_then(|word| Effort::parse(&word));
        let known = match effort {
            Some(effort) => Some(rules::known_effort(effort, target.capabilities)),
            None if word.is("none") => rules::least_effort(target.capabilities),
            None => None,
        };
        if let Some(known) = known.filter(|known| Some(*known) != effort) {
            forwarding.edits.replace(word, known.as_str());
            forwarding.dropped.push(word.path());
        }
    }
    let off = body.at(&["reasoning", "enabled"]).filter(|enabled| matches!(enabled.flag(), Ok(false)));
    let least = rules::least_effort(target.capabilities).filter(|_| inner.is_none() && outer.is_none());
    if let (Some(off), Some(least), Some(asked)) = (off, least, body.get("reasoning")) {
        forwarding.drop(off);
        forwarding.edits.set(asked, "effort", least.as_str());
    }
    if body.get("thinking").is_some() && body.get("reasoning").is_none() && outer.is_none() {
        let mut lost = Vec::new();
        let written = encode_reasoning(reasoning, target, &mut lost);
        if let Some(mut written) = within(written, said_limit(limit, target), target, &mut lost) {
            // What its client does not want to see.
            written.exclude = (reasoning.amount != Amount::Off && !reasoning.visible).then_some(true);
            forwarding.edits.set(body, "reasoning", &written);
        }
        forwarding.dropped.extend((!lost.is_empty()).then(|| "thinking".to_owned()));
    }
}

/// Leaves of what a request says about thinking only whether: the model has no word for how much.
fn only_switch(forwarding: &mut Forwarding<'_>, asked: Reasoning) {
    let body = forwarding.body;
    let reasoning = body.get("reasoning").filter(|reasoning| reasoning.kind() == Kind::Object);
    let inner = reasoning.into_iter().flat_map(|reasoning| ["effort", "max_tokens"].map(|name| reasoning.get(name)));
    let words: Vec<Value<'_>> = inner.chain([body.get("reasoning_effort")]).flatten().collect();
    for word in &words {
        forwarding.edits.remove(*word);
        forwarding.dropped.extend((!word.is("none")).then(|| word.path()));
    }
    let enabled = (asked.amount != Amount::Off).to_string();
    match reasoning {
        _ if words.is_empty() => {}
        Some(reasoning) => forwarding.edits.set_json(reasoning, "enabled", &enabled),
        None => forwarding.edits.set_json(body, "reasoning", &format!(r#"{{"enabled":{enabled}}}"#)),
    }
}

/// OpenAI refuses the field where no tools are declared.
fn drop_parallel_calls_of_no_tools(forwarding: &mut Forwarding<'_>) {
    let tools = forwarding.body.get("tools");
    let is_set = forwarding.body.get("parallel_tool_calls").is_some_and(|flag| !forwarding.edits.removes(flag));
    if is_set && tools.is_none_or(|tools| forwarding.edits.removes(tools)) {
        forwarding.drop_field("parallel_tool_calls");
    }
}

/// Both names of the limit at once are refused by some models; the newer one counts.
fn one_output_limit(request: &ClientRequest, forwarding: &mut Forwarding<'_>) {
    if request.max_tokens.is_some_and(|limit| limit.field == "max_completion_tokens") {
        forwarding.drop_field("max_tokens");
    }
}

/// Leaves out the amounts of thinking that do not count.
fn one_reasoning_amount(forwarding: &mut Forwarding<'_>) {
    for amount in second_amounts(forwarding.body) {
        forwarding.drop(amount);
    }
}

/// Leaves the stop sequences that the model takes.
fn limit_stops(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let Some(stop) = forwarding.body.get("stop") else { return };
    let listed = stop.elements().filter_map(Value::as_text);
    let asked: Vec<String> = listed.chain(stop.as_text()).map(Cow::into_owned).collect();
    let number = asked.len();
    let kept = rules::stops(asked, target.upstream);
    if kept.len() == number {
        return;
    }
    if kept.is_empty() {
        forwarding.edits.remove(stop);
    } else {
        forwarding.edits.replace(stop, &kept);
    }
    forwarding.dropped.push("stop".to_owned());
}

/// Brings numbers of the sampling into their ranges.
fn keep_ranges(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    for (field, range) in [
        ("temperature", target.temperatures()),
        ("top_p", ranges::TOP_P),
        ("frequency_penalty", ranges::PENALTY),
        ("presence_penalty", ranges::PENALTY),
    ] {
        let value = forwarding.body.get(field).filter(|value| !forwarding.edits.removes(*value));
        let nearest = value.and_then(|value| ranges::nearest(value.number().ok()?, &range));
        if let (Some(value), Some(nearest)) = (value, nearest) {
            forwarding.edits.replace(value, &nearest);
            forwarding.dropped.push(field.to_owned());
        }
    }
    let top_k = forwarding.body.get("top_k").filter(|value| !forwarding.edits.removes(*value));
    if let Some(top_k) = top_k.filter(|value| value.as_whole_number().is_some_and(|asked| asked > ranges::MOST_CANDIDATES)) {
        forwarding.edits.replace(top_k, &ranges::MOST_CANDIDATES);
        forwarding.dropped.push("top_k".to_owned());
    }
}

/// The output limit that is sent.
fn said_limit(limit: Option<OutputLimit>, target: &Target<'_>) -> Option<u64> {
    let said = limit.map(|limit| limit.tokens).or_else(|| target.must_say_limit.then_some(target.default_output));
    said.map(|tokens| target.clamp(tokens))
}

/// Thoughts count against the output limit: a budget that does not fit is lowered, or left out. Claude's least budget must fit for
/// an effort, too, which OpenRouter turns into one.
fn fit_budget(forwarding: &mut Forwarding<'_>, limit: Option<OutputLimit>, target: &Target<'_>) {
    let budget = forwarding.body.at(&["reasoning", "max_tokens"]).filter(|budget| !forwarding.edits.removes(*budget));
    let Some(limit) = said_limit(limit, target) else { return };
    if rules::is_claude(target.upstream) && rules::fitted_budget(u64::MAX, limit, target.upstream).is_none() {
        let efforts = [forwarding.body.at(&["reasoning", "effort"]), forwarding.body.get("reasoning_effort")];
        for word in efforts.into_iter().flatten().filter(|word| !word.is("none")) {
            forwarding.drop(word);
        }
    }
    let Some(budget) = budget.filter(|_| rules::counts_thoughts(target.capabilities)) else { return };
    let wanted = budget.as_whole_number().unwrap_or(0);
    match rules::fitted_budget(wanted, limit, target.upstream) {
        Some(fitted) if fitted == wanted => {}
        Some(fitted) => {
            forwarding.edits.replace(budget, &fitted);
            forwarding.dropped.push(budget.path());
        }
        None => forwarding.drop(budget),
    }
}

/// Both roles mean the same: nothing is lost.
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
