//! Messages and their parts, as Chat Completions clients write them.

use std::borrow::Cow;

use crate::chat::request::{CacheMark, JsonText, Message, Origin, Part, Role, Signature, ToolCall, ToolResult};
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::media;
use crate::wire::openai::reasoning::{Detail, part_of};
use crate::wire::request::{
    NeededTexts, arguments, cache_mark, entries, optional_text, quoted, required_text, text_at, text_field, unsupported,
};

/// What content parts cannot be without.
pub(super) const NEEDED: NeededTexts = &[
    ("text", &[&["text"]]),
    ("input_text", &[&["text"]]),
    ("output_text", &[&["text"]]),
    ("refusal", &[&["refusal"]]),
    ("image_url", &[&["image_url", "url"]]),
    ("input_audio", &[&["input_audio", "format"], &["input_audio", "data"]]),
];

/// Reads a message.
pub(super) fn message(message: Value<'_>) -> Result<Message, GatewayError> {
    let [role, call_id, name, cache] = message.fields(["role", "tool_call_id", "name", "cache_control"])?;
    let (cache, name) = (cache_mark(cache), optional_text(name)?);
    let mut parts = parts(message, name.as_deref())?;
    if let (Some(mark), Some(last)) = (cache, parts.last_mut()) {
        // Some clients mark the message instead of its last part.
        set_cache(last, mark);
    }
    let role = role.and_then(Value::as_text).unwrap_or_default();
    let role = match role.as_ref() {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        "tool" | "function" => {
            let call_id = optional_text(call_id)?.or(name).unwrap_or_default();
            let result = ToolResult { call_id, content: parts, is_error: false, cache, place: message.place() };
            return Ok(Message { role: Role::User, parts: vec![Part::ToolResult(result)] });
        }
        _ => Role::User,
    };
    Ok(Message { role, parts })
}

/// What a message says: thoughts, content, a refusal, calls.
fn parts(message: Value<'_>, name: Option<&str>) -> Result<Vec<Part>, GatewayError> {
    let [details, content, refusal, calls, function_call] =
        message.fields(["reasoning_details", "content", "refusal", "tool_calls", "function_call"])?;
    let mut parts: Vec<Part> = Vec::new();
    for entry in entries(details)? {
        parts.extend(part_of(detail(entry)?, entry.place()));
    }
    if let Some(content) = content {
        parts.extend(self::content(content)?);
    }
    parts.extend(optional_text(refusal)?.map(|text| Part::Text { text, cache: None }));
    for call in entries(calls)? {
        parts.extend(tool_call(call)?.map(Part::ToolCall));
    }
    if let Some(function) = function_call {
        let call = called(function)?;
        let id = name.unwrap_or(&call.name).to_owned();
        parts.push(Part::ToolCall(ToolCall { id, ..call }));
    }
    Ok(parts)
}

fn content(content: Value<'_>) -> Result<Vec<Part>, GatewayError> {
    match content.as_text() {
        Some(text) => Ok(vec![Part::Text { text: text.into_owned(), cache: None }]),
        None => content.list()?.map(part).collect(),
    }
}

fn part(part: Value<'_>) -> Result<Part, GatewayError> {
    let cache = cache_mark(part.get("cache_control"));
    match text_field(part, "type")?.as_str() {
        "text" | "input_text" | "output_text" => Ok(Part::Text { text: text_field(part, "text")?, cache }),
        "refusal" => Ok(Part::Text { text: text_field(part, "refusal")?, cache }),
        "image_url" => {
            let url = required_text(text_at(part, &["image_url", "url"])?)?;
            Ok(Part::Image { source: media::source_of_url(url), cache, place: part.place() })
        }
        "file" => {
            let [name, data] = part.required("file")?.fields(["filename", "file_data"])?;
            let data = optional_text(data)?.ok_or_else(|| unsupported(part, "a file by id; send file_data instead"))?;
            let (source, title) = (media::source_of_url(data), optional_text(name)?);
            Ok(Part::Document { source, title, cache, place: part.place() })
        }
        "input_audio" => {
            let audio = part.required("input_audio")?;
            let (format, data) = (text_field(audio, "format")?, text_field(audio, "data")?);
            Ok(Part::Audio { format, data, place: part.place() })
        }
        other => Err(unsupported(part, &format!("a part of type {}", quoted(other)))),
    }
}

fn set_cache(part: &mut Part, mark: CacheMark) {
    match part {
        Part::Text { cache, .. } | Part::Image { cache, .. } | Part::Document { cache, .. } => *cache = Some(mark),
        Part::ToolResult(result) => result.cache = Some(mark),
        Part::Audio { .. } | Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) => {}
    }
}

/// A call of `tool_calls`; `None` for one that names neither a function nor a custom tool.
fn tool_call(call: Value<'_>) -> Result<Option<ToolCall>, GatewayError> {
    let [id, function, custom, extra] = call.fields(["id", "function", "custom", "extra_content"])?;
    let known = match (function, custom) {
        (Some(function), _) => called(function)?,
        (None, Some(custom)) => {
            let input = serde_json::to_string(&text_field(custom, "input")?).unwrap_or_default();
            ToolCall { arguments: JsonText(format!("{{\"input\":{input}}}")), ..called(custom)? }
        }
        (None, None) => return Ok(None),
    };
    let id = optional_text(id)?.unwrap_or_else(|| known.name.clone());
    // Where Google's own OpenAI-compatible endpoint puts a call's signature.
    let value = extra.and_then(|extra| extra.at(&["google", "thought_signature"])).and_then(Value::as_text);
    let signature = value.map(|value| Signature { origin: Origin::Gemini, value: value.into_owned() });
    Ok(Some(ToolCall { id, signature, place: call.place(), ..known }))
}

/// Name and arguments of a call.
fn called(function: Value<'_>) -> Result<ToolCall, GatewayError> {
    let arguments = arguments(function.get("arguments"));
    Ok(ToolCall {
        id: String::new(),
        name: text_field(function, "name")?,
        arguments,
        signature: None,
        place: function.place(),
    })
}

fn detail(entry: Value<'_>) -> Result<Detail, GatewayError> {
    let [kind, text, summary, signature, data, id, format, index] =
        entry.fields(["type", "text", "summary", "signature", "data", "id", "format", "index"])?;
    Ok(Detail {
        kind: optional_text(kind)?.unwrap_or_default(),
        text: optional_text(text)?,
        summary: optional_text(summary)?,
        signature: optional_text(signature)?,
        data: optional_text(data)?,
        id: optional_text(id)?,
        format: optional_text(format)?,
        index: index.and_then(Value::as_whole_number).unwrap_or(0),
    })
}

/// The ids of all tool calls and results of a request, in order.
pub fn call_ids(body: Value<'_>) -> Vec<String> {
    let messages = body.get("messages").into_iter().flat_map(Value::elements);
    let ids = messages.flat_map(|message| {
        let calls = message.get("tool_calls").into_iter().flat_map(Value::elements);
        calls.filter_map(|call| call.get("id")).chain(message.get("tool_call_id"))
    });
    ids.filter_map(Value::as_text).map(Cow::into_owned).collect()
}
