//! Content blocks, as Messages clients write them.

use crate::chat::request::{Part, Source, ToolCall, ToolResult};
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::anthropic::signature;
use crate::wire::media;
use crate::wire::request::{NeededTexts, arguments, cache_mark, optional_text, quoted, text_field, unsupported};

/// What content blocks cannot be without.
pub(super) const NEEDED: NeededTexts = &[
    ("text", &[&["text"]]),
    ("image", &[&["source", "type"]]),
    ("document", &[&["source", "type"]]),
    ("redacted_thinking", &[&["data"]]),
    ("tool_use", &[&["id"], &["name"]]),
    ("tool_result", &[&["tool_use_id"]]),
];

/// The content of a message or of a block: text, or blocks.
pub(super) fn content(content: Value<'_>) -> Result<Vec<Part>, GatewayError> {
    if let Some(text) = content.as_text() {
        return Ok(vec![Part::Text { text: text.into_owned(), cache: None }]);
    }
    let mut parts = Vec::new();
    for block in content.list()? {
        parts.extend(self::block(block)?);
    }
    Ok(parts)
}

/// Server-side blocks of another model's history mean nothing to a different one: they become nothing.
fn block(block: Value<'_>) -> Result<Option<Part>, GatewayError> {
    let cache = cache_mark(block.get("cache_control"));
    let kind = text_field(block, "type")?;
    let part = match kind.as_str() {
        "text" | "mid_conv_system" => Part::Text { text: text_field(block, "text")?, cache },
        "image" => Part::Image { source: source(block)?, cache, place: block.place() },
        "document" => {
            Part::Document { source: source(block)?, title: optional_text(block.get("title"))?, cache, place: block.place() }
        }
        "thinking" => {
            let [thinking, seal] = block.fields(["thinking", "signature"])?;
            let signature = optional_text(seal)?.filter(|seal| !seal.is_empty()).map(signature::open);
            Part::Reasoning { text: optional_text(thinking)?.unwrap_or_default(), signature, place: block.place() }
        }
        "redacted_thinking" => {
            Part::RedactedReasoning { data: signature::open(text_field(block, "data")?), place: block.place() }
        }
        "tool_use" => Part::ToolCall(ToolCall {
            id: text_field(block, "id")?,
            name: text_field(block, "name")?,
            arguments: arguments(block.get("input")),
            signature: None,
            place: block.place(),
        }),
        "tool_result" => {
            let is_error = block.get("is_error").map_or(Ok(false), Value::flag)?;
            let call_id = text_field(block, "tool_use_id")?;
            Part::ToolResult(ToolResult { call_id, content: nested(block)?, is_error, cache, place: block.place() })
        }
        "search_result" => Part::Text { text: texts(&nested(block)?), cache },
        "server_tool_use" | "mcp_tool_use" | "compaction" | "tool_reference" => return Ok(None),
        kind if kind.ends_with("_tool_result") => return Ok(None),
        other => return Err(unsupported(block, &format!("a block of type {}", quoted(other)))),
    };
    Ok(Some(part))
}

/// The blocks inside a block.
fn nested(block: Value<'_>) -> Result<Vec<Part>, GatewayError> {
    block.get("content").map_or_else(|| Ok(Vec::new()), content)
}

fn texts(parts: &[Part]) -> String {
    let text = |part: &Part| if let Part::Text { text, .. } = part { Some(text.clone()) } else { None };
    parts.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

fn source(block: Value<'_>) -> Result<Source, GatewayError> {
    let source = block.required("source")?;
    let [media_type, data, url] = source.fields(["media_type", "data", "url"])?;
    match (text_field(source, "type")?.as_str(), optional_text(data)?, optional_text(url)?) {
        ("base64", Some(data), _) => Ok(media::inline(&optional_text(media_type)?.unwrap_or_default(), &data)),
        ("text", Some(data), _) => Ok(Source::Text(data)),
        ("url", _, Some(url)) => Ok(Source::Url(url)),
        ("file", _, _) => Err(unsupported(block, "a file by id; send its data instead")),
        _ => Err(source.wrong("needs base64 data, text or a url")),
    }
}
