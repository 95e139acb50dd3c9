//! Members that are known in Chat Completions, but that the model rejects or ignores: in messages, tools, response formats
//! and cache marks. `shapes` removes members that Chat Completions does not have.

use serde_json::value::RawValue;

use super::history::text_in;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::cache_marks::{self, Area, Fate, Mark, fates};
use crate::wire::native::Forwarding;
use crate::wire::openai::client::request::detail;
use crate::wire::openai::reasoning::{is_kind_of_detail, part_of};
use crate::wire::openai::rules;
use crate::wire::target::Target;

fn messages<'d>(forwarding: &Forwarding<'d>) -> impl Iterator<Item = Value<'d>> + use<'d> {
    forwarding.body.get("messages").into_iter().flat_map(Value::elements)
}

/// Members that an assistant message may have. Models do not read others, such as images and audio of a reply, but they are
/// billed.
const MEMBERS: [&str; 10] = [
    "annotations",
    "cache_control",
    "content",
    "name",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "refusal",
    "role",
    "tool_calls",
];

/// Removes empty members of assistant messages, and reasoning that the model does not accept back.
pub(super) fn tidy(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    for message in messages(forwarding) {
        say_no_content(forwarding, message);
        join_texts(forwarding, message, target);
        let name = message.get("name").filter(|_| rules::is_openai(target.upstream));
        if let Some((name, said)) = name.and_then(|name| Some((name, name.as_text()?)))
            && rules::speaker(&said) != said
        {
            forwarding.edits.replace(name, rules::speaker(&said).as_ref());
        }
    }
    for message in messages(forwarding).filter(|message| message.get("role").is_some_and(|role| role.is("assistant"))) {
        for (name, value) in message.members() {
            if !MEMBERS.contains(&name.as_ref()) && !value.is_empty() {
                forwarding.drop(value);
                continue;
            }
            let is_empty_list = name == "tool_calls" && value.kind() == Kind::List && value.elements().next().is_none();
            if is_empty_list || !MEMBERS.contains(&name.as_ref()) || (value.is_null() && name != "content") {
                forwarding.edits.remove(value);
            }
        }
        drop_foreign_thoughts(forwarding, message, target);
        drop_unsigned_thoughts(forwarding, message, target);
    }
}

/// Removes `strict` from tools that do not follow its rules. OpenAI's models and Claude would reject the whole request.
pub(super) fn loosen_tools(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let answer = forwarding.body.at(&["response_format", "json_schema", "schema"]);
    let answer = answer.and_then(|answer| RawValue::from_string(answer.json().0).ok());
    let mut others = rules::strict_tools(target.upstream, answer.as_deref());
    for tool in forwarding.body.get("tools").into_iter().flat_map(Value::elements) {
        let function = tool.get("function").unwrap_or(tool);
        let strict = function.get("strict").filter(|strict| matches!(strict.flag(), Ok(true)));
        let Some(strict) = strict.filter(|_| !forwarding.edits.removes(tool)) else { continue };
        let schema = function.get("parameters").or_else(|| function.get("input_schema"));
        let schema = schema.and_then(|schema| RawValue::from_string(schema.json().0).ok());
        if target.capabilities.refuses_schemas || !rules::takes_strict(target.upstream, schema.as_deref(), &mut others) {
            forwarding.drop(strict);
        }
    }
}

/// Adapts tool schemas to Claude, because `OpenRouter` passes them on. Tools in other forms are rewritten elsewhere.
pub(super) fn fit_schemas(forwarding: &mut Forwarding<'_>, target: &Target<'_>) -> Result<(), GatewayError> {
    let tools = forwarding.body.get("tools");
    for function in tools.into_iter().flat_map(Value::elements).filter_map(|tool| tool.get("function")) {
        let own = function.get("parameters");
        if own.is_none() && function.get("input_schema").is_some() {
            continue;
        }
        let client = own.and_then(|schema| RawValue::from_string(schema.json().0).ok());
        let sent = rules::tool_schema(target.upstream, client.as_deref());
        let sent = sent.map_err(|error| own.unwrap_or(function).wrong(&error.to_string()))?;
        let Some(sent) = sent else {
            // Without the field, the function has no parameters. `null` is not a schema.
            forwarding.edits.remove_field(function, "parameters");
            continue;
        };
        if client.is_none_or(|client| client.get() != sent.get()) {
            forwarding.edits.set_json(function, "parameters", sent.get());
        }
    }
    Ok(())
}

/// Providers reject an empty list of parts: an assistant message with calls has no content, and a tool result has an empty
/// text. Moonshot rejects an empty text among the parts of a result (`text content is empty`: MoonshotAI/kimi-cli#1663).
fn say_no_content(forwarding: &mut Forwarding<'_>, message: Value<'_>) {
    let Some(content) = message.get("content").filter(|content| content.kind() == Kind::List) else { return };
    let is_by = |name: &str| message.get("role").is_some_and(|role| role.is(name));
    let is_empty = |part: &Value<'_>| is_by("tool") && part.get("text").is_some_and(|text| text.is(""));
    let (empty, others): (Vec<_>, Vec<_>) = content.elements().partition(is_empty);
    match others.is_empty() {
        true if is_by("assistant") => forwarding.edits.replace(content, &()),
        true => forwarding.edits.replace(content, ""),
        false => empty.into_iter().for_each(|part| forwarding.edits.remove(part)),
    }
}

/// Joins the texts of a result or of the assistant for models that read no lists there (`ChatCompletionToolMessage.content:
/// Input should be a valid string`: OpenHands/software-agent-sdk#1312 for `MiniMax`, Gitlawb/openclaude#774 for `DeepSeek`).
fn join_texts(forwarding: &mut Forwarding<'_>, message: Value<'_>, target: &Target<'_>) {
    let separator = match message.get("role").and_then(Value::as_text).as_deref() {
        Some("tool") => rules::BETWEEN_RESULTS,
        Some("assistant") => rules::BETWEEN_TEXTS,
        _ => return,
    };
    let content = message.get("content").filter(|content| content.kind() == Kind::List);
    let Some(content) = content.filter(|content| !forwarding.edits.changes(*content)) else { return };
    let parts: Vec<Value<'_>> = content.elements().filter(|part| !forwarding.edits.removes(*part)).collect();
    if rules::reads_lists(target.upstream, parts.iter().any(|part| mark(*part).is_some())) {
        return;
    }
    let texts: Option<Vec<_>> = parts.into_iter().map(text_in).collect();
    if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
        forwarding.edits.replace(content, &texts.join(separator));
    }
}

/// Adapts the schema of a response format to its model, and removes `strict` if the schema does not follow its rules. For
/// OpenAI's models it is then false: behind OpenRouter, a format without it counts as strict (getzep/graphiti#1751).
pub(super) fn fit_format(forwarding: &mut Forwarding<'_>, target: &Target<'_>) -> Result<(), GatewayError> {
    let Some(format) = forwarding.body.at(&["response_format", "json_schema"]) else { return Ok(()) };
    let Some(own) = format.get("schema") else { return Ok(()) };
    let Ok(schema) = RawValue::from_string(own.json().0) else { return Ok(()) };
    let form = rules::answer_form(target.upstream, &schema).map_err(|error| own.wrong(&error.to_string()))?;
    if form.schema.get() != schema.get() {
        forwarding.edits.set_json(format, "schema", form.schema.get());
    }
    let strict = format.get("strict").filter(|strict| !form.takes_strict && matches!(strict.flag(), Ok(true)));
    if let Some(strict) = strict {
        forwarding.edits.remove(strict);
        forwarding.dropped.push("response_format".to_owned());
    }
    let is_said = format.get("strict").is_some_and(|said| !said.is_null() && !forwarding.edits.removes(said));
    if rules::is_openai(target.upstream) && !is_said {
        forwarding.edits.set(format, "strict", &false);
    }
    Ok(())
}

/// Whether an entry of `reasoning_details` has a signature, or data that only its vendor reads.
pub(super) fn is_signed(entry: Value<'_>) -> bool {
    ["signature", "data"].iter().filter_map(|name| entry.get(name)).any(|value| !value.is_empty())
}

/// Whether an entry of `reasoning_details` is sent back to a model. An empty one is not.
pub(super) fn goes_back(entry: Value<'_>, target: &Target<'_>) -> bool {
    let format = entry.get("format").and_then(Value::as_text);
    let is_signed = is_signed(entry);
    let says = is_signed || ["text", "summary"].iter().filter_map(|name| entry.get(name)).any(|value| !value.is_empty());
    says && !target.capabilities.refuses_past_reasoning
        && entry.get("type").and_then(Value::as_text).is_some_and(|kind| is_kind_of_detail(&kind))
        && rules::takes_details(target.upstream, format.as_deref(), is_signed)
        && (is_signed || !rules::is_claude(target.upstream))
}

/// Signed reasoning goes back only to the vendor that signed it.
fn drop_foreign_thoughts(forwarding: &mut Forwarding<'_>, message: Value<'_>, target: &Target<'_>) {
    let Some(details) = message.get("reasoning_details") else { return };
    let (kept, foreign): (Vec<_>, Vec<_>) = details.elements().partition(|entry| goes_back(*entry, target));
    if kept.is_empty() {
        forwarding.edits.remove(details);
    }
    for entry in foreign {
        let says = detail(entry).is_ok_and(|detail| part_of(detail, entry.place()).is_some());
        if says { forwarding.drop(entry) } else { forwarding.edits.remove(entry) }
    }
}

/// Reasoning text next to the details repeats them. Alone it is unsigned; it goes back, in OpenRouter's field, to models
/// that accept it.
fn drop_unsigned_thoughts(forwarding: &mut Forwarding<'_>, message: Value<'_>, target: &Target<'_>) {
    let [reasoning, other] = ["reasoning", "reasoning_content"].map(|name| message.get(name));
    let details = message.get("reasoning_details").filter(|details| !forwarding.edits.removes(*details));
    if target.capabilities.unsigned_reasoning {
        if let Some(other) = other {
            forwarding.edits.remove(other);
            if reasoning.is_none() {
                forwarding.edits.set_json(message, "reasoning", &other.json().0);
            }
        }
        return;
    }
    let has_details = message.get("reasoning_details").is_some_and(|details| details.elements().next().is_some());
    if let Some(other) = other {
        forwarding.edits.remove(other);
    }
    if let Some(reasoning) = reasoning.filter(|_| details.is_none()) {
        forwarding.edits.remove(reasoning);
    }
    let says = |value: &Value<'_>| value.as_text().is_some_and(|text| !text.trim().is_empty());
    if let Some(said) = reasoning.filter(says).or(other.filter(says)).filter(|_| !has_details) {
        forwarding.left_out.push(said.place());
    }
}

fn mark(value: Value<'_>) -> Option<Value<'_>> {
    value.get("cache_control")
}

/// Writes a blank result for Claude as an empty text without a mark: it rejects blank texts, and marks on empty ones
/// (`cache_control cannot be set for empty text blocks`).
fn empty_blank_result(forwarding: &mut Forwarding<'_>, message: Value<'_>) {
    let is_result = message.get("role").is_some_and(|role| role.is("tool"));
    let Some(content) = message.get("content").filter(|_| is_result) else { return };
    let is_blank = |text: Value<'_>| text.as_text().is_some_and(|text| text.trim().is_empty());
    let is_blank_part = |part: Value<'_>| part.get("text").is_some_and(is_blank);
    if !(is_blank(content) || content.kind() == Kind::List && content.elements().all(is_blank_part)) {
        return;
    }
    for mark in content.elements().filter_map(mark).chain(mark(message)) {
        forwarding.drop(mark);
    }
    if !content.is("") {
        forwarding.edits.replace(content, "");
    }
}

/// Claude accepts four cache marks: those on tools and instructions first, then the latest in the conversation.
pub(super) fn limit_cache_marks(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    if !rules::is_claude(target.upstream) && !rules::is_gemini(target.upstream) {
        return;
    }
    let tools = forwarding.body.get("tools").into_iter().flat_map(Value::elements);
    let on_tools = tools.filter_map(|tool| mark(tool).or_else(|| tool.get("function").and_then(mark)));
    let (mut fixed, mut moving): (Vec<Value<'_>>, Vec<Value<'_>>) = (on_tools.collect(), Vec::new());
    for message in messages(forwarding) {
        let is_system = message.get("role").is_some_and(|role| role.is("system") || role.is("developer"));
        if rules::is_claude(target.upstream) {
            empty_blank_result(forwarding, message);
        }
        let is_sent = |mark: &Value<'_>| !forwarding.edits.removes(*mark);
        let parts = message.get("content").into_iter().flat_map(Value::elements).filter_map(mark).filter(is_sent);
        let marks = parts.chain(mark(message).filter(is_sent));
        if is_system { fixed.extend(marks) } else { moving.extend(marks) }
    }
    // A mark on the whole request marks its end.
    let shorter = cache_marks::shorter_than_the_last(forwarding.body).filter(|_| rules::is_claude(target.upstream));
    match shorter {
        Some(shorter) => forwarding.drop(shorter),
        None => moving.extend(mark(forwarding.body)),
    }
    if rules::is_gemini(target.upstream) {
        return fixed.into_iter().chain(moving).for_each(|mark| forwarding.edits.remove(mark));
    }
    let is_short = |mark: &Value<'_>| !mark.get("ttl").is_some_and(|ttl| ttl.is("1h"));
    let told = |area: Area| move |mark: &Value<'_>| Mark { area, is_short: is_short(mark) };
    let marks: Vec<Mark> = fixed.iter().map(told(Area::Fixed)).chain(moving.iter().map(told(Area::Moving))).collect();
    for (mark, fate) in fixed.into_iter().chain(moving).zip(fates(&marks)) {
        match fate {
            Fate::Kept => {}
            Fate::Shortened => {
                forwarding.edits.remove_field(mark, "ttl");
                forwarding.left_out.push(mark.place());
            }
            Fate::Dropped => {
                forwarding.drop(mark);
                continue;
            }
        }
        // There is one type of mark only.
        if mark.get("type").is_none() {
            forwarding.edits.set(mark, "type", "ephemeral");
        }
    }
}
