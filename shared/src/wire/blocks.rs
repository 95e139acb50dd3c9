//! Anthropic's content blocks. Messages clients send only these, and some Chat Completions clients mix them with their own
//! parts. They mean the same in both formats.

mod reading;

use crate::chat::request::{CacheMark, Part, Place, Source, ToolCall, ToolResult};
use crate::chat::turns::reminder;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::media::{self, Title, split_data_url};
use crate::wire::member_types::{self, MemberType, MemberTypes};
use crate::wire::request::{
    NeededTexts, arguments, cache_mark, check_content, optional_text, quoted, text_field, unsupported,
};
use crate::wire::seal;

pub(in crate::wire) use reading::{BLOCK, CONTENT};

/// Strings that each type of content block requires.
pub const NEEDED: NeededTexts = &[
    ("text", &[&["text"]]),
    ("image", &[&["source", "type"]]),
    ("document", &[&["source", "type"]]),
    ("redacted_thinking", &[&["data"]]),
    ("tool_use", &[&["id"], &["name"]]),
    ("tool_result", &[&["tool_use_id"]]),
];

/// Optional members of content blocks, and their types (API reference, content blocks).
const OPTIONAL: &[(&str, MemberTypes)] = &[
    ("document", &[("title", MemberType::Text), ("context", MemberType::Text), ("citations", MemberType::Object)]),
    (
        "search_result",
        &[
            ("title", MemberType::Text),
            ("source", MemberType::Text),
            ("content", MemberType::List),
            ("citations", MemberType::Object),
        ],
    ),
    ("thinking", &[("thinking", MemberType::Text), ("signature", MemberType::Text)]),
    ("tool_result", &[("is_error", MemberType::Flag), ("content", MemberType::Content)]),
];

/// Block types that are not part types of Chat Completions.
const TYPES: [&str; 13] = [
    "compaction",
    "document",
    "fallback",
    "image",
    "mcp_tool_use",
    "mid_conv_system",
    "redacted_thinking",
    "search_result",
    "server_tool_use",
    "thinking",
    "tool_reference",
    "tool_result",
    "tool_use",
];

/// Whether a type is a block type and not a part type of Chat Completions.
pub fn is_type(kind: &str) -> bool {
    TYPES.contains(&kind) || kind.ends_with("_tool_result")
}

/// Whether a block reports something that ran at its provider.
pub fn is_of_a_server(kind: &str) -> bool {
    matches!(kind, "server_tool_use" | "mcp_tool_use" | "compaction" | "fallback") || kind.ends_with("_tool_result")
}

/// Checks the content of a message and of the results in it.
pub fn check(content: Value<'_>) -> Result<(), GatewayError> {
    check_blocks(content)?;
    // Tool results contain blocks of their own.
    let results = content.elements().filter(|block| block.get("type").is_some_and(|kind| kind.is("tool_result")));
    let nested = results.filter_map(|result| result.get("content"));
    nested.filter(|nested| nested.kind() == Kind::List).try_for_each(check_blocks)
}

fn check_blocks(content: Value<'_>) -> Result<(), GatewayError> {
    check_content(content, NEEDED)?;
    content.elements().try_for_each(|block| {
        let kind = block.get("type").and_then(Value::as_text).unwrap_or_default();
        let types = OPTIONAL.iter().find(|(known, _)| kind == *known);
        types.map_or(Ok(()), |(_, types)| member_types::check(block, types))
    })
}

/// Reads the content of a message or block: text, or a list of blocks. Adds to `left_out` what the conversation cannot hold.
pub fn content(content: Value<'_>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    if let Some(text) = content.as_text() {
        return Ok(vec![text_part(text.into_owned(), None)]);
    }
    let mut parts = Vec::new();
    for block in content.list()? {
        parts.extend(self::block(block, left_out)?);
    }
    Ok(parts)
}

/// Reads a block. Blocks about another model's server-side tools mean nothing to a different model, so they are left out.
pub fn block(block: Value<'_>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    let cache = cache_mark(block.get("cache_control"));
    let kind = text_field(block, "type")?;
    let part = match kind.as_str() {
        "text" => text_part(text_field(block, "text")?, cache),
        "mid_conv_system" => {
            let said = instruction(block).ok_or_else(|| block.missing("content"))?;
            let others = block.get("content").into_iter().flat_map(Value::elements);
            left_out.extend(others.filter(|inner| inner.get("text").is_none()).map(Value::place));
            text_part(reminder(&said), cache)
        }
        "image" => Part::Image { source: source(block, None)?, cache, place: block.place() },
        "document" => return document(block, cache, left_out),
        "thinking" => {
            note_mark(cache, left_out);
            let [thinking, seal] = block.fields(["thinking", "signature"])?;
            let signature = optional_text(seal)?.filter(|seal| !seal.is_empty()).map(seal::open);
            Part::Reasoning { text: optional_text(thinking)?.unwrap_or_default(), signature, place: block.place() }
        }
        "redacted_thinking" => {
            note_mark(cache, left_out);
            let data = text_field(block, "data")?;
            if data.is_empty() {
                left_out.push(block.place());
                return Ok(Vec::new());
            }
            Part::RedactedReasoning { data: seal::open(data), place: block.place() }
        }
        "tool_use" => {
            note_mark(cache, left_out);
            Part::ToolCall(ToolCall {
                id: text_field(block, "id")?,
                name: text_field(block, "name")?,
                arguments: arguments(block.get("input")),
                signature: None,
                place: block.place(),
            })
        }
        "tool_result" => {
            let is_error = block.get("is_error").map_or(Ok(false), Value::flag)?;
            let call_id = text_field(block, "tool_use_id")?;
            let content = of_result(nested(block, left_out)?, left_out);
            Part::ToolResult(ToolResult { call_id, content, is_error, cache, place: block.place() })
        }
        // A summary of the turns before it.
        "compaction" if block.get("content").and_then(Value::as_text).is_some() => {
            text_part(text_field(block, "content")?, cache)
        }
        "search_result" => search_result(block, cache, left_out)?,
        "tool_reference" => text_part(found_tool(&text_field(block, "tool_name")?), cache),
        // A change of the tools: every declared tool is sent.
        "tool_addition" | "tool_removal" => {
            left_out.push(block.place());
            return Ok(Vec::new());
        }
        kind if is_of_a_server(kind) => {
            left_out.push(block.place());
            return Ok(Vec::new());
        }
        other => return Err(unsupported(block, &format!("a block of type {}", quoted(other)))),
    };
    Ok(vec![part])
}

/// Keeps what a tool result can contain: text and media. A nested result is replaced by its content. Reasoning and calls
/// have no meaning there.
pub fn of_result(parts: Vec<Part>, left_out: &mut Vec<Place>) -> Vec<Part> {
    let mut content = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Text { .. } | Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } => content.push(part),
            Part::ToolResult(inner) => {
                note_mark(inner.cache, left_out);
                content.extend(inner.content);
            }
            Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) => left_out.push(part.place()),
        }
    }
    content
}

/// The text of an instruction among the blocks of a message: its own `text`, or the texts of its `content` (Anthropic's
/// SDKs, `BetaMidConversationSystemBlockParam`).
pub fn instruction(block: Value<'_>) -> Option<String> {
    block.get("text").or_else(|| block.get("content")).and_then(texts)
}

/// A text, or the texts of a list of blocks.
pub fn texts(content: Value<'_>) -> Option<String> {
    if let Some(text) = content.as_text() {
        return Some(text.into_owned());
    }
    let texts: Vec<_> = content.elements().filter_map(|block| block.get("text")?.as_text()).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// A reference to a tool in words, where no model follows it.
pub fn found_tool(name: &str) -> String {
    format!("The tool {name} was found.")
}

/// Notes a cache mark at a position where no cache can end.
fn note_mark(cache: Option<CacheMark>, left_out: &mut Vec<Place>) {
    left_out.extend(cache.map(|mark| mark.place));
}

fn text_part(text: String, cache: Option<CacheMark>) -> Part {
    Part::Text { text, cache }
}

/// Reads the blocks inside a block.
fn nested(block: Value<'_>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    block.get("content").map_or_else(|| Ok(Vec::new()), |content| self::content(content, left_out))
}

/// Reads a document, with its context before it. A document made of blocks becomes its blocks, under its title.
fn document(block: Value<'_>, cache: Option<CacheMark>, left_out: &mut Vec<Place>) -> Result<Vec<Part>, GatewayError> {
    let [title, context, source] = block.fields(["title", "context", "source"])?;
    let (title, context) = (optional_text(title)?, optional_text(context)?);
    note_citations(block, left_out);
    let mut parts: Vec<Part> = Vec::new();
    let inner = source.filter(|source| source.get("type").is_some_and(|kind| kind.is("content")));
    if let Some(inner) = inner.and_then(|source| source.get("content")) {
        parts.extend(title.map(|title| text_part(title, None)));
        parts.extend(context.map(|context| text_part(context, None)));
        parts.extend(content(inner, left_out)?);
        if let Some(Part::Text { cache: mark, .. } | Part::Image { cache: mark, .. }) = parts.last_mut() {
            *mark = cache.or(*mark);
        }
    } else {
        parts.extend(context.map(|context| text_part(context, None)));
        let (source, place) = (self::source(block, Some(Title(title.as_deref())))?, block.place());
        // Images have no titles.
        if matches!(&source, Source::Inline { media_type, .. } if media_type.starts_with("image/")) {
            parts.extend(title.map(|title| text_part(title, None)));
            parts.push(Part::Image { source, cache, place });
        } else {
            parts.push(Part::Document { source, title, cache, place });
        }
    }
    Ok(parts)
}

/// A search result as text, with everything that an answer needs to quote it.
fn search_result(block: Value<'_>, cache: Option<CacheMark>, left_out: &mut Vec<Place>) -> Result<Part, GatewayError> {
    let [title, source] = block.fields(["title", "source"])?;
    note_citations(block, left_out);
    let mut found = Vec::new();
    for part in nested(block, left_out)? {
        let place = part.place();
        if let Part::Text { text, .. } = part { found.push(text) } else { left_out.push(place) }
    }
    let named = [optional_text(title)?, optional_text(source)?].into_iter().flatten();
    let lines: Vec<String> = named.chain(found).filter(|line| !line.is_empty()).collect();
    Ok(text_part(lines.join("\n"), cache))
}

/// Notes requested citations: no other vendor returns them in this form.
fn note_citations(block: Value<'_>, left_out: &mut Vec<Place>) {
    let wanted = block.get("citations").filter(|citations| asks_to_cite(*citations));
    left_out.extend(wanted.map(Value::place));
}

/// Whether the `citations` of a block request citations.
pub fn asks_to_cite(citations: Value<'_>) -> bool {
    citations.get("enabled").is_some_and(|enabled| matches!(enabled.flag(), Ok(true)))
}

/// The source of an image, or of a document with that title. A data URL is inline data wherever it occurs.
pub fn source(block: Value<'_>, title: Option<Title<'_>>) -> Result<Source, GatewayError> {
    let source = block.required("source")?;
    let [media_type, data, url] = source.fields(["media_type", "data", "url"])?;
    let declared = optional_text(media_type)?.unwrap_or_default();
    let inline = |declared: &str, data: &str| {
        title.map_or_else(|| media::inline(declared, data), |title| media::document(declared, data, title))
    };
    match (text_field(source, "type")?.as_str(), optional_text(data)?, optional_text(url)?) {
        ("base64", Some(data), _) => {
            let (told, data) = split_data_url(&data).unwrap_or(("", &data));
            Ok(inline(if told.is_empty() { &declared } else { told }, data))
        }
        ("text", Some(data), _) => Ok(Source::Text(data)),
        ("url", _, Some(url)) => Ok(match split_data_url(&url) {
            Some((declared, data)) => inline(declared, data),
            None => Source::Url(url),
        }),
        ("file", _, _) => Err(unsupported(block, "a file by id; send its data instead")),
        _ => Err(source.wrong("needs base64 data, text, blocks or a url")),
    }
}
