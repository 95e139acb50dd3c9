//! Encodes turns as OpenAI's messages.

use serde::Serialize;

use crate::chat::Turns;
use crate::chat::request::{CacheLifetime, CacheMark, Message, Part, Place, Role, Signature, Source, ToolCall, ToolResult};
use crate::chat::turns::{Piece as _, PieceKind};
use crate::wire::body;
use crate::wire::media::{Carrier, data_url, titled};
use crate::wire::names::ToolNames;
use crate::wire::openai::reasoning::{Detail, detail_of, format_of};
use crate::wire::openai::rules;
use crate::wire::openai::rules::media::{Carried, carried};
use crate::wire::target::Target;

/// A message.
#[derive(Serialize)]
pub(super) struct MessageOut {
    role: &'static str,
    content: Option<ContentOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "body::some_text")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ContentOut {
    Text(#[serde(serialize_with = "body::text")] String),
    Parts(Vec<PartOut>),
}

#[derive(Serialize)]
struct PartOut {
    #[serde(flatten)]
    kind: KindOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheOut>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum KindOut {
    Text {
        #[serde(serialize_with = "body::text")]
        text: String,
    },
    ImageUrl {
        image_url: UrlOut,
    },
    File {
        file: FileOut,
    },
    InputAudio {
        input_audio: AudioOut,
    },
    VideoUrl {
        video_url: UrlOut,
    },
}

#[derive(Serialize)]
struct UrlOut {
    #[serde(serialize_with = "body::text")]
    url: String,
}

#[derive(Serialize)]
struct FileOut {
    filename: String,
    #[serde(serialize_with = "body::text")]
    file_data: String,
}

#[derive(Serialize)]
struct AudioOut {
    #[serde(serialize_with = "body::text")]
    data: String,
    format: String,
}

/// A cache mark.
#[derive(Serialize)]
pub(super) struct CacheOut {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl CacheOut {
    /// The mark in Anthropic's form; five minutes is the default.
    pub(super) fn of(mark: CacheMark) -> Self {
        let ttl = if mark.lifetime == CacheLifetime::OneHour { Some("1h") } else { None };
        Self { kind: "ephemeral", ttl }
    }
}

#[derive(Serialize)]
struct CallOut {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: CallFunctionOut,
}

#[derive(Serialize)]
struct CallFunctionOut {
    name: String,
    #[serde(serialize_with = "body::text")]
    arguments: String,
}

/// The messages of a conversation.
pub(super) fn messages(turns: Turns, names: &ToolNames, target: &Target<'_>, left_out: &mut Vec<Place>) -> Vec<MessageOut> {
    let mut out = Vec::with_capacity(turns.turns.len().saturating_add(1));
    if !turns.system.is_empty() {
        out.push(message("system", content(turns.system.into_iter().map(part).collect())));
    }
    for Message { role, parts } in turns.turns {
        match role {
            Role::Assistant => out.extend(assistant(parts, names, target, left_out)),
            Role::User | Role::System => user(parts, target, &mut out),
        }
    }
    out
}

fn message(role: &'static str, content: Option<ContentOut>) -> MessageOut {
    MessageOut { role, content, reasoning_details: Vec::new(), reasoning: None, tool_calls: Vec::new(), tool_call_id: None }
}

/// Text alone is written as a string, because some providers cannot read lists. Cache marks need a list.
fn content(parts: Vec<Option<PartOut>>) -> Option<ContentOut> {
    let parts: Vec<PartOut> = parts.into_iter().flatten().collect();
    let plain = parts.iter().all(|part| part.cache_control.is_none() && matches!(part.kind, KindOut::Text { .. }));
    match parts.is_empty() {
        true => None,
        false if plain => {
            let text = |part: PartOut| if let KindOut::Text { text } = part.kind { Some(text) } else { None };
            Some(ContentOut::Text(parts.into_iter().filter_map(text).collect::<Vec<_>>().join(rules::BETWEEN_TEXTS)))
        }
        false => Some(ContentOut::Parts(parts)),
    }
}

fn part(part: Part) -> Option<PartOut> {
    let (kind, cache) = match part {
        Part::Text { text, cache } => (KindOut::Text { text }, cache),
        Part::Image { source, cache, place: _ } => (shown(source, Carrier::Picture, None), cache),
        Part::Document { source, title, cache, place: _ } => (shown(source, Carrier::File, title), cache),
        Part::Audio { format, data, place: _ } => (inline(data, &format, Carrier::Sound, None), None),
        Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) | Part::ToolResult(_) => return None,
    };
    Some(PartOut { kind, cache_control: cache.map(CacheOut::of) })
}

/// An image or a document. A text document is text.
fn shown(source: Source, given: Carrier, title: Option<String>) -> KindOut {
    match source {
        Source::Inline { media_type, data } => inline(data, &media_type, given, title),
        Source::Text(text) => KindOut::Text { text: titled(title.as_deref(), &text) },
        Source::Url(url) if given == Carrier::Picture => KindOut::ImageUrl { image_url: UrlOut { url } },
        Source::Url(url) => KindOut::File { file: FileOut { filename: named(title), file_data: url } },
    }
}

/// Inline bytes, in the part type that fits them.
fn inline(data: String, label: &str, given: Carrier, title: Option<String>) -> KindOut {
    let Carried { carrier, label } = carried(&data, label, given);
    match carrier {
        Carrier::Picture => KindOut::ImageUrl { image_url: UrlOut { url: data_url(label, &data) } },
        Carrier::File => KindOut::File { file: FileOut { filename: named(title), file_data: data_url(label, &data) } },
        Carrier::Sound => KindOut::InputAudio { input_audio: AudioOut { format: label.to_owned(), data } },
        Carrier::Video => KindOut::VideoUrl { video_url: UrlOut { url: data_url(label, &data) } },
    }
}

fn named(title: Option<String>) -> String {
    title.unwrap_or_else(|| "document.pdf".to_owned())
}

/// Whether a signature goes back to the model: only its vendor reads it.
fn goes_back(signature: &Signature, target: &Target<'_>) -> bool {
    rules::takes_details(target.upstream, format_of(signature).as_deref(), true)
}

fn is_signed(part: &Part, target: &Target<'_>) -> bool {
    part.reasoning_signature().is_some_and(|signature| goes_back(signature, target))
}

/// Whether the last assistant turn, if it calls tools, has reasoning that its vendor signed.
pub(super) fn can_resume(turns: &Turns, target: &Target<'_>) -> bool {
    let is_signed = |part: &Part| is_signed(part, target);
    let is_sent = |part: &Part| part.kind() != PieceKind::Thought || is_signed(part);
    let mut answers = turns.turns.iter().rev().filter(|turn| turn.role == Role::Assistant);
    let Some(last) = answers.find(|turn| turn.parts.iter().any(is_sent)) else { return true };
    let calls = last.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    !calls || last.parts.iter().any(is_signed)
}

/// Removes the reasoning of assistant turns that call tools or end the conversation. Returns the places of what it removes.
pub(super) fn drop_thoughts(turns: &mut Turns) -> Vec<Place> {
    let last = turns.turns.len().saturating_sub(1);
    let mut dropped = Vec::new();
    for (at, turn) in turns.turns.iter_mut().enumerate().filter(|(_, turn)| turn.role == Role::Assistant) {
        if at < last && !turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_))) {
            continue;
        }
        dropped.extend(turn.parts.iter().filter(|part| part.kind() == PieceKind::Thought).map(Part::place));
        turn.parts.retain(|part| part.kind() != PieceKind::Thought);
    }
    dropped
}

/// Whether every assistant turn that calls tools has reasoning that can be sent back to the model.
pub(super) fn has_thoughts_of_calls(turns: &Turns, target: &Target<'_>) -> bool {
    let is_unsigned = |part: &Part| matches!(part, Part::Reasoning { text, signature: None, .. } if !text.trim().is_empty());
    let is_sent = |part: &Part| is_unsigned(part) || is_signed(part, target);
    let calls = |turn: &&Message| turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    turns.turns.iter().filter(calls).all(|turn| turn.parts.iter().any(is_sent))
}

/// Signed reasoning goes back only to the vendor that signed it, unsigned reasoning to the models that use it. Empty
/// messages are not sent.
fn assistant(parts: Vec<Part>, names: &ToolNames, target: &Target<'_>, left_out: &mut Vec<Place>) -> Option<MessageOut> {
    let (mut texts, mut details, mut calls, mut thoughts) = (Vec::new(), Vec::new(), Vec::new(), String::new());
    for part in parts {
        let index = details.len() as u64;
        match part {
            Part::Reasoning { text, signature: Some(signature), .. } if goes_back(&signature, target) => {
                details.extend(detail_of(Some(text), signature, index));
            }
            Part::RedactedReasoning { data, place: _ } if goes_back(&data, target) => {
                details.extend(detail_of(None, data, index));
            }
            Part::Reasoning { text, signature: None, .. } if target.capabilities.unsigned_reasoning => {
                thoughts.push_str(&text);
            }
            Part::Reasoning { place, .. } | Part::RedactedReasoning { place, .. } => left_out.push(place),
            Part::ToolResult(_) => {}
            Part::ToolCall(ToolCall { id, name, arguments, signature: _, place: _ }) => {
                let arguments = match names.properties(&name) {
                    Some(properties) => properties.outward(&arguments.0),
                    None => arguments.0,
                };
                let function = CallFunctionOut { name: names.outward(&name), arguments };
                calls.push(CallOut { id, kind: "function", function });
            }
            Part::Text { .. } | Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } => {
                texts.push(self::part(part));
            }
        }
    }
    let content = content(texts);
    let reasoning = (!thoughts.is_empty()).then_some(thoughts);
    let is_said = content.is_some() || !calls.is_empty() || !details.is_empty() || reasoning.is_some();
    let content = content.or_else(|| calls.is_empty().then(|| ContentOut::Text(String::new())));
    let written = MessageOut { reasoning_details: details, reasoning, tool_calls: calls, ..message("assistant", content) };
    is_said.then_some(written)
}

/// Encodes a user turn: one tool message per result, then one user message with the rest. Tool messages accept text only, so
/// images of results follow in that user message, never between two results. Mistral's assistant speaks before it.
fn user(parts: Vec<Part>, target: &Target<'_>, out: &mut Vec<MessageOut>) {
    let mut rest = Vec::new();
    let has_results = parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
    for part in parts {
        match part {
            Part::ToolResult(result) => {
                let (message, attached) = tool_message(result, target);
                out.push(message);
                rest.extend(attached.into_iter().map(self::part));
            }
            Part::Text { .. }
            | Part::Image { .. }
            | Part::Document { .. }
            | Part::Audio { .. }
            | Part::Reasoning { .. }
            | Part::RedactedReasoning { .. }
            | Part::ToolCall(_) => rest.push(self::part(part)),
        }
    }
    if let Some(content) = content(rest) {
        if has_results && rules::mistral::serves(target.upstream) {
            out.push(message("assistant", Some(ContentOut::Text(rules::mistral::RESULTS_READ.to_owned()))));
        }
        out.push(message("user", Some(content)));
    }
}

fn tool_message(result: ToolResult, target: &Target<'_>) -> (MessageOut, Vec<Part>) {
    let ToolResult { call_id, content, is_error, cache, place: _ } = result;
    let (mut texts, mut attached) = (Vec::new(), Vec::new());
    for part in content {
        match part {
            Part::Text { text, cache: _ } => texts.push(text),
            Part::Document { source: Source::Text(text), title, cache: _, place: _ } => {
                texts.push(titled(title.as_deref(), &text));
            }
            Part::Image { .. }
            | Part::Document { .. }
            | Part::Audio { .. }
            | Part::Reasoning { .. }
            | Part::RedactedReasoning { .. }
            | Part::ToolCall(_)
            | Part::ToolResult(_) => attached.push(part),
        }
    }
    let mut text = texts.join(rules::BETWEEN_RESULTS);
    if is_error && !text.starts_with("Error") {
        text.insert_str(0, "Error: ");
    }
    if !attached.is_empty() {
        let note = rules::attached(attached.iter().all(|part| matches!(part, Part::Image { .. })));
        text = [text.as_str(), note]
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(rules::BETWEEN_RESULTS);
    }
    // Claude rejects blank texts, and a mark on an empty one.
    if rules::is_claude(target.upstream) && text.trim().is_empty() {
        text.clear();
    }
    // The marks within the content are one with the result's (`limit_cache_marks`).
    let content = match cache.filter(|_| rules::is_claude(target.upstream) && !text.is_empty()) {
        Some(mark) => {
            ContentOut::Parts(vec![PartOut { kind: KindOut::Text { text }, cache_control: Some(CacheOut::of(mark)) }])
        }
        None => ContentOut::Text(text),
    };
    (MessageOut { tool_call_id: Some(call_id), ..message("tool", Some(content)) }, attached)
}
