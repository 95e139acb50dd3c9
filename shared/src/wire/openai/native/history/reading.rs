//! Reads the pieces of a chat message.

use super::super::media::is_text_file;
use super::super::members;
use super::item::{Item, What};
use crate::chat::request::{Message, Role};
use crate::document::{Kind, Value};
use crate::wire::openai::rules;
use crate::wire::target::Target;

/// Reads a message.
pub(super) fn read<'d>(message: Value<'d>, number: usize, target: &Target<'_>) -> Message<Item<'d>> {
    let role = message.get("role").and_then(Value::as_text).unwrap_or_default();
    let item = |what| Item { what, from: Some(number), id: None };
    match role.as_ref() {
        "tool" => Message { role: Role::User, parts: vec![item(What::Result(message))] },
        "system" | "developer" => Message { role: Role::System, parts: contents(message, Some(number)) },
        "assistant" => {
            let mut parts = contents(message, Some(number));
            parts.extend(refusal(message, target).map(item));
            parts.extend(message.get("tool_calls").into_iter().flat_map(Value::elements).map(|call| item(What::Call(call))));
            if parts.iter().all(|item| matches!(item.what, What::Blank(_))) {
                parts.extend(taken_thoughts(message, target).map(|thoughts| item(What::Thought(thoughts))));
            }
            Message { role: Role::Assistant, parts }
        }
        _ => Message { role: Role::User, parts: contents(message, Some(number)) },
    }
}

/// The refusal of a message. Only OpenAI's models know the member; for others it is text.
fn refusal<'d>(message: Value<'d>, target: &Target<'_>) -> Option<What<'d>> {
    let refusal = message.get("refusal").filter(|refusal| says(*refusal))?;
    let text = || refusal.as_text().map(|text| What::Own(text.into_owned()));
    if rules::is_openai(target.upstream) { Some(What::Said(refusal)) } else { text() }
}

/// The reasoning of a message that the model accepts back.
fn taken_thoughts<'d>(message: Value<'d>, target: &Target<'_>) -> Option<Value<'d>> {
    let details = message.get("reasoning_details");
    let details = details.filter(|details| details.elements().any(|entry| members::goes_back(entry, target)));
    let unsigned = ["reasoning", "reasoning_content"].iter().find_map(|name| message.get(name));
    details.or(unsigned.filter(|text| target.capabilities.unsigned_reasoning && !is_blank(Some(*text))))
}

/// Reads the content of a message.
pub(super) fn contents(message: Value<'_>, from: Option<usize>) -> Vec<Item<'_>> {
    let item = |what| Item { what, from, id: None };
    let Some(content) = message.get("content") else { return Vec::new() };
    if content.kind() == Kind::Text {
        let what = if is_blank(Some(content)) { What::Blank(content) } else { What::Said(content) };
        return vec![item(what)];
    }
    content.elements().map(part).map(item).collect()
}

fn part(part: Value<'_>) -> What<'_> {
    match part.get("type").and_then(Value::as_text).unwrap_or_default().as_ref() {
        "image_url" | "input_image" | "video_url" | "input_video" | "input_audio" => What::Media(part),
        "file" | "input_file" if !is_text_file(part) => What::Media(part),
        "text" | "input_text" | "output_text" if is_blank(part.get("text")) => What::Blank(part),
        "refusal" if is_blank(part.get("refusal")) => What::Blank(part),
        _ => What::Said(part),
    }
}

/// Whether it is a text that is not blank.
fn says(text: Value<'_>) -> bool {
    text.kind() == Kind::Text && !is_blank(Some(text))
}

fn is_blank(text: Option<Value<'_>>) -> bool {
    text.and_then(Value::as_text).is_some_and(|text| text.trim().is_empty())
}

/// Whether the conversation ends with the assistant, as its model reads it: blank messages are not sent, and instructions go
/// before the conversation.
pub(in super::super) fn is_begun(body: Value<'_>) -> bool {
    let messages: Vec<Value<'_>> = body.get("messages").into_iter().flat_map(Value::elements).collect();
    messages.iter().rfind(|message| is_said(message)).is_some_and(|last| is_of(last, "assistant"))
}

/// Whether a message is part of the conversation: a tool result, or a message of the user or the assistant that says
/// something besides reasoning.
fn is_said(message: &Value<'_>) -> bool {
    let is_instruction = is_of(message, "system") || is_of(message, "developer");
    !is_instruction && (is_of(message, "tool") || answers(*message))
}

fn is_of(message: &Value<'_>, role: &str) -> bool {
    message.get("role").is_some_and(|said| said.is(role))
}

/// Whether a message says something besides reasoning: content, calls or a refusal.
fn answers(message: Value<'_>) -> bool {
    message.get("tool_calls").is_some_and(|calls| calls.elements().next().is_some())
        || message.get("refusal").is_some_and(says)
        || contents(message, None).iter().any(|item| !matches!(item.what, What::Blank(_)))
}

/// The assistant's last messages that are sent, before results or user content, last first.
fn last_answers<'d>(messages: &[Value<'d>], is_sent: impl Fn(Value<'d>) -> bool) -> impl Iterator<Item = Value<'d>> {
    let is_assistant = |message: &Value<'_>| is_of(message, "assistant");
    let at =
        messages.iter().rposition(|message| is_assistant(message) && is_sent(*message)).map_or(0, |at| at.saturating_add(1));
    messages.get(..at).unwrap_or_default().iter().rev().copied().take_while(move |message| is_assistant(message))
}

/// Whether the last assistant turn, if it calls tools, begins with reasoning that its vendor signed.
pub(in super::super) fn can_resume(body: Value<'_>, target: &Target<'_>) -> bool {
    let mut messages: Vec<Value<'_>> = body.get("messages").into_iter().flat_map(Value::elements).collect();
    // Reasoning after the last word is not sent.
    messages.truncate(messages.iter().rposition(is_said).map_or(0, |last| last.saturating_add(1)));
    let calls = |message: &Value<'_>| message.get("tool_calls").is_some_and(|calls| calls.elements().next().is_some());
    let is_signed = |entry: Value<'_>| members::is_signed(entry) && members::goes_back(entry, target);
    let details = |message: Value<'_>| message.get("reasoning_details").into_iter().flat_map(Value::elements).any(is_signed);
    let answers: Vec<Value<'_>> = last_answers(&messages, |message| answers(message) || details(message)).collect();
    !answers.iter().any(calls) || answers.last().is_some_and(|first| details(*first))
}

/// The last text of a prefilled answer: of the last assistant message with content, unless it calls tools.
pub(super) fn trailing_text<'d>(messages: &[Value<'d>]) -> Option<Value<'d>> {
    // Messages without content are not sent.
    let is_last = is_of(messages.iter().rev().find(|message| answers(**message))?, "assistant");
    let mut answers = last_answers(messages, answers).filter(|_| is_last);
    let says = |item: &Item<'_>| !matches!(item.what, What::Blank(_));
    let last = answers.find_map(|message| {
        let calls = message.get("tool_calls").is_some_and(|calls| calls.elements().next().is_some());
        if calls { Some(None) } else { contents(message, None).into_iter().rev().find(says).map(Some) }
    });
    match last??.what {
        What::Said(value) if value.kind() == Kind::Text => Some(value),
        What::Said(part) => part.get("text"),
        What::Blank(_) | What::Media(_) | What::Thought(_) | What::Call(_) | What::Result(_) | What::Own(_) | What::Lost => {
            None
        }
    }
}
