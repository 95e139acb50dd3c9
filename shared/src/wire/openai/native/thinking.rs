//! Adapts the reasoning settings of a forwarded request.

use super::{history, members};
use crate::capability::Thinking;
use crate::chat::request::{Amount, Effort, Reasoning};
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::OutputLimit;
use crate::wire::native::Forwarding;
use crate::wire::openai::client::request::{second_amounts, tool_choice};
use crate::wire::openai::provider::request::{reasoning as encode_reasoning, within};
use crate::wire::openai::rules::{self, SeparateBudget};
use crate::wire::request::thinking_left_out;
use crate::wire::target::Target;

/// Removes reasoning settings if Claude must make a call, must continue a prefilled answer, or must continue calls without
/// signed reasoning. Claude does not combine these with a reasoning budget. Switches reasoning off for a forced call of a
/// model that does not combine the two, and for calls without the reasoning that a model wants back.
pub(super) fn combined_with_calls(
    forwarding: &mut Forwarding<'_>,
    reasoning: Reasoning,
    target: &Target<'_>,
) -> Result<Reasoning, GatewayError> {
    let choice = forwarding.body.get("tool_choice").filter(|choice| !forwarding.edits.removes(*choice));
    let choice = choice.map(tool_choice).transpose()?.unwrap_or_default();
    let is_bare = rules::wants_thoughts_of_calls(target, reasoning) && has_bare_call(forwarding.body, target);
    if is_bare || rules::calls_without_thinking(target, &choice) {
        return Ok(switched_off(forwarding, reasoning, target));
    }
    let body = forwarding.body;
    if rules::rejects_silence(target) && !history::can_resume(body, target) {
        say_effort_only(forwarding, reasoning, target);
        return Ok(Reasoning { amount: rules::unasked(reasoning.amount, target.capabilities), visible: false });
    }
    let excludes_budget = || choice.is_forced() || history::is_begun(body) || !history::can_resume(body, target);
    if rules::has_claudes_budget(target, reasoning.amount) && excludes_budget() {
        drop_thinking(forwarding);
        return Ok(Reasoning { amount: Amount::Default, visible: false });
    }
    Ok(reasoning)
}

/// Whether an earlier call has no reasoning that goes back to the model.
fn has_bare_call(body: Value<'_>, target: &Target<'_>) -> bool {
    let says = |value: Value<'_>| value.as_text().is_some_and(|text| !text.trim().is_empty());
    let calls = |message: &Value<'_>| message.get("tool_calls").is_some_and(|calls| calls.elements().next().is_some());
    let has_thought = |message: Value<'_>| {
        let mut details = message.get("reasoning_details").into_iter().flat_map(Value::elements);
        ["reasoning", "reasoning_content"].iter().filter_map(|name| message.get(name)).any(says)
            || details.any(|entry| members::goes_back(entry, target))
    };
    let mut calling = body.get("messages").into_iter().flat_map(Value::elements).filter(calls);
    calling.any(|message| !has_thought(message))
}

/// Replaces all reasoning settings by the model's way to answer without reasoning.
fn switched_off(forwarding: &mut Forwarding<'_>, reasoning: Reasoning, target: &Target<'_>) -> Reasoning {
    let off = Reasoning { amount: Amount::Off, visible: false };
    if reasoning.amount != Amount::Off {
        drop_thinking(forwarding);
        if let Some(off) = encode_reasoning(off, target, &mut Vec::new()) {
            forwarding.edits.set(forwarding.body, "reasoning", &off);
        }
    }
    off
}

/// Removes all reasoning settings for a model that reasons without being asked, and says its effort in the verbosity.
fn say_effort_only(forwarding: &mut Forwarding<'_>, reasoning: Reasoning, target: &Target<'_>) {
    let body = forwarding.body;
    let inner = body.get("reasoning").into_iter().flat_map(Value::members).map(|(_, value)| value);
    inner.for_each(|value| forwarding.edits.remove(value));
    for name in ["reasoning", "reasoning_effort", "thinking"] {
        let Some(field) = body.get(name) else { continue };
        forwarding.edits.remove(field);
        forwarding.left_out.extend((reasoning.amount == Amount::Off).then(|| field.place()));
    }
    if let Amount::EffortAlone(effort) = rules::unasked(reasoning.amount, target.capabilities)
        && let Some(verbosity) = rules::verbosity(effort, target)
    {
        forwarding.left_out.extend(body.get("verbosity").map(Value::place));
        forwarding.edits.set(body, "verbosity", verbosity.as_str());
    }
}

/// Removes the reasoning of earlier turns that Claude rejects while it answers without reasoning.
pub(super) fn drop_thoughts(
    forwarding: &mut Forwarding<'_>,
    reasoning: Reasoning,
    limit: Option<OutputLimit>,
    target: &Target<'_>,
) {
    if !rules::is_silent(reasoning.amount, said_limit(limit, target), target) {
        return;
    }
    let messages: Vec<Value<'_>> = forwarding.body.get("messages").into_iter().flat_map(Value::elements).collect();
    let last = messages.iter().rposition(|message| !forwarding.edits.removes(*message));
    for (at, message) in messages.iter().enumerate() {
        let calls = message.get("tool_calls").is_some_and(|calls| calls.elements().next().is_some());
        if !calls && Some(at) != last {
            continue;
        }
        let is_sent = |thought: &Value<'_>| !forwarding.edits.removes(*thought);
        let words = ["reasoning", "reasoning_content"].into_iter().filter_map(|name| message.get(name)).filter(is_sent);
        let details = message.get("reasoning_details").filter(is_sent);
        let entries = details.into_iter().flat_map(Value::elements).filter(is_sent);
        let thoughts: Vec<Value<'_>> = words.chain(entries).collect();
        for thought in thoughts {
            forwarding.drop(thought);
        }
        if let Some(details) = details {
            forwarding.edits.remove(details);
        }
    }
}

/// Removes all fields that request reasoning or its display, and names those that request it.
fn drop_thinking(forwarding: &mut Forwarding<'_>) {
    let body = forwarding.body;
    for name in ["effort", "max_tokens", "enabled"] {
        let asks = body.at(&["reasoning", name]).filter(|value| !forwarding.edits.removes(*value));
        if let Some(asks) = asks {
            forwarding.drop(asks);
        }
    }
    forwarding.edits.remove_field(body, "reasoning");
    forwarding.drop_field("reasoning_effort");
    forwarding.drop_field("thinking");
}

/// Replaces efforts that the model does not support by the next lower one, and Anthropic's field by OpenRouter's.
pub(super) fn say_how_much_to_think(
    forwarding: &mut Forwarding<'_>,
    reasoning: Reasoning,
    limit: Option<OutputLimit>,
    target: &Target<'_>,
) {
    let body = forwarding.body;
    let is_kept = |word: &Value<'_>| !forwarding.edits.removes(*word);
    let [inner, outer] = [body.at(&["reasoning", "effort"]).filter(is_kept), body.get("reasoning_effort")];
    if let Some(reasoning) = body.get("reasoning") {
        // A mode controls and prices the call.
        forwarding.keep_only(reasoning, &["effort", "enabled", "exclude", "max_tokens", "summary"]);
    }
    if target.capabilities.thinking == Thinking::Switch {
        only_switch(forwarding, reasoning);
    }
    // A separate budget takes the place of any other amount.
    let has_budget = rules::separate_budget(reasoning.amount, said_limit(limit, target), target).is_some();
    for word in [inner, outer].into_iter().flatten() {
        let effort = word.as_text().and_then(|word| Effort::parse(&word));
        let known = match effort {
            Some(effort) => Some(rules::known_effort(effort, target.capabilities)),
            None if word.is("none") => rules::least_effort(target.capabilities),
            None => None,
        };
        if let Some(known) = known.filter(|known| Some(*known) != effort) {
            if !has_budget {
                forwarding.edits.replace(word, known.as_str());
            }
            forwarding.left_out.push(word.place());
        }
    }
    let off = body.at(&["reasoning", "enabled"]).filter(|enabled| matches!(enabled.flag(), Ok(false)));
    let least = rules::least_effort(target.capabilities).filter(|_| inner.is_none() && outer.is_none());
    if let (Some(off), Some(least), Some(asked)) = (off, least, body.get("reasoning")) {
        forwarding.drop(off);
        if !has_budget {
            forwarding.edits.set(asked, "effort", least.as_str());
        }
    }
    forwarding.left_out.extend(thinking_left_out(body));
    if body.get("thinking").is_some() && body.get("reasoning").is_none() && outer.is_none() {
        let mut lost = Vec::new();
        let written = encode_reasoning(reasoning, target, &mut lost);
        if let Some(mut written) = within(written, reasoning.amount, said_limit(limit, target), target, &mut lost) {
            // The client does not want to see the reasoning.
            written.exclude = (reasoning.amount != Amount::Off && !reasoning.visible).then_some(true);
            forwarding.edits.set(body, "reasoning", &written);
        }
        forwarding.dropped.extend((!lost.is_empty()).then(|| "thinking".to_owned()));
    }
}

/// Keeps only whether the model reasons, because it has no setting for how much.
fn only_switch(forwarding: &mut Forwarding<'_>, asked: Reasoning) {
    let body = forwarding.body;
    let reasoning = body.get("reasoning").filter(|reasoning| reasoning.kind() == Kind::Object);
    let inner = reasoning.into_iter().flat_map(|reasoning| ["effort", "max_tokens"].map(|name| reasoning.get(name)));
    let words: Vec<Value<'_>> = inner.chain([body.get("reasoning_effort")]).flatten().collect();
    for word in &words {
        forwarding.edits.remove(*word);
        forwarding.left_out.extend((!word.is("none")).then(|| word.place()));
    }
    let enabled = (asked.amount != Amount::Off).to_string();
    match reasoning {
        _ if words.is_empty() => {}
        Some(reasoning) => forwarding.edits.set_json(reasoning, "enabled", &enabled),
        None => forwarding.edits.set_json(body, "reasoning", &format!(r#"{{"enabled":{enabled}}}"#)),
    }
}

/// Removes the reasoning settings that lose against another one.
pub(super) fn one_reasoning_amount(forwarding: &mut Forwarding<'_>) {
    for amount in second_amounts(forwarding.body) {
        forwarding.drop(amount);
    }
}

/// The output limit that is sent.
fn said_limit(limit: Option<OutputLimit>, target: &Target<'_>) -> Option<u64> {
    let said = limit.map(|limit| limit.tokens).or_else(|| target.must_say_limit.then_some(target.default_output));
    said.map(|tokens| target.clamp(tokens))
}

/// Sets the reasoning budget in place of any other amount.
fn set_budget(forwarding: &mut Forwarding<'_>, budget: SeparateBudget) {
    let body = forwarding.body;
    let reasoning = body.get("reasoning").filter(|reasoning| reasoning.kind() == Kind::Object);
    let amount = |name: &str| reasoning.and_then(|reasoning| reasoning.get(name));
    let own = amount("max_tokens");
    for word in [body.get("reasoning_effort"), amount("effort"), amount("enabled"), own].into_iter().flatten() {
        let is_amount = !forwarding.edits.removes(word) && word.kind() != Kind::Flag;
        forwarding.edits.remove(word);
        forwarding.left_out.extend((is_amount && budget.is_lowered).then(|| word.place()));
    }
    match reasoning {
        Some(reasoning) => forwarding.edits.set(reasoning, "max_tokens", &budget.tokens),
        // The client's `thinking` is written already.
        None if body.get("thinking").is_some() && body.get("reasoning_effort").is_none() => {}
        None => forwarding.edits.set_json(body, "reasoning", &format!(r#"{{"max_tokens":{}}}"#, budget.tokens)),
    }
}

/// Reasoning counts against the output limit: a budget that does not fit is lowered or removed. For an effort, Claude's
/// smallest budget must fit too, because OpenRouter converts the effort to a budget.
pub(super) fn fit_budget(
    forwarding: &mut Forwarding<'_>,
    reasoning: Reasoning,
    limit: Option<OutputLimit>,
    target: &Target<'_>,
) {
    let limit = said_limit(limit, target);
    if let Some(budget) = rules::separate_budget(reasoning.amount, limit, target) {
        return set_budget(forwarding, budget);
    }
    let budget = forwarding.body.at(&["reasoning", "max_tokens"]).filter(|budget| !forwarding.edits.removes(*budget));
    if rules::is_tight(limit, target) {
        let efforts = [forwarding.body.at(&["reasoning", "effort"]), forwarding.body.get("reasoning_effort")];
        let on = forwarding.body.at(&["reasoning", "enabled"]).filter(|enabled| matches!(enabled.flag(), Ok(true)));
        for word in efforts.into_iter().flatten().filter(|word| !word.is("none")).chain(on) {
            forwarding.drop(word);
        }
    }
    let is_bounded = rules::counts_thoughts(target.capabilities) || target.capabilities.budget.is_some();
    let Some(budget) = budget.filter(|_| is_bounded) else { return };
    let wanted = budget.as_whole_number().unwrap_or(0);
    match rules::fitted_budget(wanted, limit, target) {
        Some(fitted) if fitted == wanted => {}
        Some(fitted) => {
            forwarding.edits.replace(budget, &fitted);
            forwarding.left_out.push(budget.place());
        }
        None => forwarding.drop(budget),
    }
}
