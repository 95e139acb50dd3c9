//! Messages and their parts, as Chat Completions clients write them.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::chat::request::{
    CacheMark, JsonText, Message, Origin, Part, Place, Role, Signature, Source, ToolCall, ToolResult,
};
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::blocks;
use crate::wire::media::{self, Detected, Title, detect};
use crate::wire::openai::reasoning::{Detail, part_of, words};
use crate::wire::request::{
    FILE_BY_ID, NeededTexts, arguments, cache_mark, check_content, entries, optional_text, quoted, required_text, text_at,
    text_field, unsupported,
};

/// The refusal of a video by URL on a route that does not accept it.
const VIDEO_BY_ADDRESS: &str = "a video by URL; send it inline as a data URL";

/// Strings that each type of content part requires.
const NEEDED: NeededTexts = &[
    ("text", &[&["text"]]),
    ("input_text", &[&["text"]]),
    ("output_text", &[&["text"]]),
    ("refusal", &[&["refusal"]]),
    ("input_image", &[&["image_url"]]),
    ("input_audio", &[&["input_audio", "format"], &["input_audio", "data"]]),
];

/// Checks the content of a message: parts, and Anthropic's blocks, which some clients mix with them.
pub(super) fn check(content: Value<'_>) -> Result<(), GatewayError> {
    check_content(content, NEEDED)?;
    blocks::check(content)?;
    let is_picture = |part: &Value<'_>| part.get("type").is_some_and(|kind| kind.is("image_url") || kind.is("input_image"));
    content.elements().filter(is_picture).map(image_url).try_for_each(|url| url.map(drop))
}

/// The name and the data of a file. Responses clients write it flat, or with a URL.
pub fn file(part: Value<'_>) -> Result<[Option<Value<'_>>; 2], GatewayError> {
    if part.get("type").is_some_and(|kind| kind.is("file")) {
        return part.required("file")?.fields(["filename", "file_data"]);
    }
    let [name, data, address] = part.fields(["filename", "file_data", "file_url"])?;
    Ok([name, data.or(address)])
}

/// The data and the name of a file. A file with only an id can be read by its vendor only; a file without data is an error.
pub fn file_data(part: Value<'_>) -> Result<[Option<Value<'_>>; 2], GatewayError> {
    let [name, data] = file(part)?;
    if data.is_some() {
        return Ok([name, data]);
    }
    let place = part.get("file").unwrap_or(part);
    Err(if place.get("file_id").is_some() { unsupported(part, FILE_BY_ID) } else { place.missing("file_data") })
}

/// The URL of an image: in an object, or directly.
pub fn image_url(part: Value<'_>) -> Result<Value<'_>, GatewayError> {
    let place = part.required("image_url")?;
    if place.kind() == Kind::Text { Ok(place) } else { text_at(part, &["image_url", "url"]) }
}

/// The URL or data URL of a video: in an object, or directly.
pub fn video_url(part: Value<'_>) -> Result<Value<'_>, GatewayError> {
    let place = part.required("video_url")?;
    if place.kind() == Kind::Text { Ok(place) } else { text_at(part, &["video_url", "url"]) }
}

/// Reads a message. Adds to `left_out` what the conversation cannot hold.
pub(super) fn message(message: Value<'_>, left_out: &mut Vec<Place>) -> Result<Message, GatewayError> {
    let [role, call_id, name, cache] = message.fields(["role", "tool_call_id", "name", "cache_control"])?;
    let (cache, name) = (cache_mark(cache), optional_text(name)?);
    let mut parts = parts(message, left_out)?;
    // Some clients put the cache mark on the message instead of its last part.
    let is_result = role.is_some_and(|role| role.is("tool") || role.is("function"));
    let is_marked = cache.is_none_or(|mark| parts.last_mut().is_some_and(|last| set_cache(last, mark)));
    left_out.extend(cache.filter(|_| !is_marked && !is_result).map(|mark| mark.place));
    let role = role.and_then(Value::as_text).unwrap_or_default();
    let role = match role.as_ref() {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        "tool" | "function" => {
            let call_id = optional_text(call_id)?.or(name).unwrap_or_default();
            let content = blocks::of_result(parts, left_out);
            let result = ToolResult { call_id, content, is_error: false, cache, place: message.place() };
            return Ok(Message { role: Role::User, parts: vec![Part::ToolResult(result)] });
        }
        _ => Role::User,
    };
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        say_who_speaks(&mut parts, &name);
    }
    Ok(Message { role, parts })
}

/// Puts the speaker's name before the text. Other vendors' messages have no names, and without them all speakers look the
/// same.
fn say_who_speaks(parts: &mut Vec<Part>, name: &str) {
    let says = |part: &Part| matches!(part, Part::Text { text, .. } if !text.trim().is_empty());
    if let Some(Part::Text { text, .. }) = parts.iter_mut().find(|part| says(part)) {
        text.insert_str(0, &format!("{name}: "));
    } else if parts.iter().any(is_shown) {
        parts.insert(0, Part::Text { text: format!("{name}:"), cache: None });
    }
}

/// Names that the conversation drops: the name of an assistant message that only calls tools, and the name on a tool result,
/// unless it repeats the name of the call.
pub(super) fn silent_names(body: Value<'_>) -> Vec<Place> {
    let messages = || body.get("messages").into_iter().flat_map(Value::elements);
    let calls = messages().flat_map(|message| message.get("tool_calls").into_iter().flat_map(Value::elements));
    let called: HashSet<Cow<'_, str>> = calls.filter_map(super::tools::name).filter_map(Value::as_text).collect();
    let is_silent = |message: Value<'_>, name: Value<'_>| {
        let role = message.get("role").and_then(Value::as_text).unwrap_or_default();
        let says = |content: Value<'_>| {
            content.elements().next().is_some() || content.as_text().is_some_and(|text| !text.trim().is_empty())
        };
        match role.as_ref() {
            "tool" => message.get("tool_call_id").is_some() && !name.as_text().is_some_and(|name| called.contains(&name)),
            "assistant" => !["content", "refusal"].iter().filter_map(|place| message.get(place)).any(says),
            _ => false,
        }
    };
    let named = messages().filter_map(|message| Some((message, message.get("name").filter(|name| !name.is(""))?)));
    named.filter(|(message, name)| is_silent(*message, *name)).map(|(_, name)| name.place()).collect()
}

fn is_shown(part: &Part) -> bool {
    matches!(part, Part::Image { .. } | Part::Document { .. } | Part::Audio { .. })
}

/// The parts of a message: reasoning, content, a refusal, calls.
fn parts(message: Value<'_>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    let [content, refusal, calls, function_call] = message.fields(["content", "refusal", "tool_calls", "function_call"])?;
    let mut parts = thoughts(message)?;
    if let Some(content) = content {
        parts.extend(self::content(content, left_out)?);
    }
    parts.extend(optional_text(refusal)?.map(|text| Part::Text { text, cache: None }));
    for call in entries(calls)? {
        parts.extend(tool_call(call)?.map(Part::ToolCall));
    }
    if let Some(function) = function_call {
        let call = called(function)?;
        // Its result refers to the function by name only.
        parts.push(Part::ToolCall(ToolCall { id: call.name.clone(), ..call }));
    }
    Ok(parts)
}

/// The reasoning of a message. `reasoning_details` contains all of it. `reasoning`, and `reasoning_content` of other
/// vendors, repeat it without signatures.
fn thoughts(message: Value<'_>) -> Result<Vec<Part>, GatewayError> {
    let [details, reasoning, content] = message.fields(["reasoning_details", "reasoning", "reasoning_content"])?;
    let mut parts: Vec<Part> = Vec::new();
    let mut has_words = false;
    for entry in entries(details)? {
        let detail = detail(entry)?;
        has_words |= !words(&detail).is_empty();
        parts.extend(part_of(detail, entry.place()));
    }
    let plain = [reasoning, content].into_iter().flatten();
    let mut plain = plain.filter(|plain| plain.as_text().is_some_and(|text| !text.trim().is_empty()));
    if let Some(plain) = plain.next().filter(|_| !has_words) {
        parts.insert(0, Part::Reasoning { text: required_text(plain)?, signature: None, place: plain.place() });
    }
    Ok(parts)
}

fn content(content: Value<'_>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    if let Some(text) = content.as_text() {
        return Ok(vec![Part::Text { text: text.into_owned(), cache: None }]);
    }
    let mut parts = Vec::new();
    for part in content.list()? {
        parts.extend(self::part(part, left_out)?);
    }
    Ok(parts)
}

/// Reads a part.
pub fn part(part: Value<'_>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    let cache = cache_mark(part.get("cache_control"));
    let read = match text_field(part, "type")?.as_str() {
        "text" | "input_text" | "output_text" => Part::Text { text: text_field(part, "text")?, cache },
        "refusal" => Part::Text { text: text_field(part, "refusal")?, cache },
        "image_url" | "input_image" => {
            let source = media::source_of_url(required_text(image_url(part)?)?);
            Part::Image { source, cache, place: part.place() }
        }
        "file" | "input_file" => {
            let [name, data] = file_data(part)?;
            let data = optional_text(data)?.unwrap_or_default();
            let title = optional_text(name)?;
            let source = media::source_of_file(data, Title(title.as_deref()));
            match &source {
                // Images and audio have no titles.
                Source::Inline { data, .. } if !matches!(detect(data), None | Some(Detected::Pdf | Detected::Archive)) => {
                    left_out.extend(name.map(Value::place));
                    shown(source, cache, part.place(), left_out)
                }
                Source::Inline { .. } | Source::Url(_) | Source::Text(_) => {
                    Part::Document { source, title, cache, place: part.place() }
                }
            }
        }
        "video_url" | "input_video" => match media::source_of_url(required_text(video_url(part)?)?) {
            Source::Url(_) | Source::Text(_) => return Err(unsupported(part, VIDEO_BY_ADDRESS)),
            source @ Source::Inline { .. } => shown(source, cache, part.place(), left_out),
        },
        "input_audio" => {
            let audio = part.required("input_audio")?;
            let (format, data) = (text_field(audio, "format")?, text_field(audio, "data")?);
            left_out.extend(cache.map(|mark| mark.place));
            let told = media::split_data_url(&data).map_or(data.as_str(), |(_, data)| data);
            let data = media::base64(told).map_or_else(|| told.to_owned(), Cow::into_owned);
            Part::Audio { format, data, place: part.place() }
        }
        "reasoning" => return Ok(thought(part).into_iter().collect()),
        kind if blocks::is_type(kind) => return blocks::block(part, left_out),
        other => return Err(unknown_part(part, other)),
    };
    Ok(vec![read])
}

/// The error for a part of an unknown type.
pub fn unknown_part(part: Value<'_>, kind: &str) -> GatewayError {
    unsupported(part, &format!("a part of type {}", quoted(kind)))
}

/// Bytes that are not a document, in the part type that fits them. Audio cannot have a cache mark.
fn shown(source: Source, cache: Option<CacheMark>, place: Place, left_out: &mut Vec<Place>) -> Part {
    let detected = if let Source::Inline { data, .. } = &source { detect(data) } else { None };
    match (source, detected) {
        (Source::Inline { data, .. }, Some(Detected::Sound(format))) => {
            left_out.extend(cache.map(|mark| mark.place));
            Part::Audio { format: format.to_owned(), data, place }
        }
        (source, _) => Part::Image { source, cache, place },
    }
}

/// Reasoning among the content parts, as in the Responses API: a text, or several. It is unsigned.
fn thought(part: Value<'_>) -> Option<Part> {
    let listed = ["content", "summary"].into_iter().filter_map(|place| part.get(place)).flat_map(Value::elements);
    let texts = part.get("text").into_iter().chain(listed.filter_map(|entry| entry.get("text"))).filter_map(Value::as_text);
    let text = texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then(|| Part::Reasoning { text, signature: None, place: part.place() })
}

/// Sets a cache mark on a part. Returns false if the part cannot have one.
fn set_cache(part: &mut Part, mark: CacheMark) -> bool {
    let place = match part {
        Part::Text { cache, .. } | Part::Image { cache, .. } | Part::Document { cache, .. } => cache,
        Part::ToolResult(result) => &mut result.cache,
        Part::Audio { .. } | Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) => return false,
    };
    *place = Some(mark);
    true
}

/// Reads an entry of `tool_calls`; `None` if it names neither a function nor a custom tool.
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
    // Google's own OpenAI-compatible endpoint puts a call's signature here.
    let value = extra.and_then(|extra| extra.at(&["google", "thought_signature"])).and_then(Value::as_text);
    let signature = value.map(|value| Signature { origin: Origin::Gemini, value: value.into_owned() });
    Ok(Some(ToolCall { id, signature, place: call.place(), ..known }))
}

/// Reads the name and the arguments of a call.
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

pub(in crate::wire::openai) fn detail(entry: Value<'_>) -> Result<Detail, GatewayError> {
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
