//! What Claude on Vertex rejects in pictures and documents.

use serde_json::Value;

use super::super::json::{items, string};
use super::super::picture;
use super::claude_turns::said;
use super::verdict::{Verdict, ensure, extra, is_name};

const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Checks the source of a picture or a document. Vertex accepts no URLs and no files (platform.claude.com, vision and PDF
/// pages).
pub(super) fn source(path: &str, kind: &str, block: &Value) -> Verdict {
    if kind == "document" {
        named(path, block)?;
    }
    let source = block.get("source").unwrap_or(&Value::Null);
    let path = format!("{path}.{kind}.source");
    let media = string(source, "media_type").unwrap_or_default();
    let known: &[&str] =
        if string(source, "type") == Some("content") { &["type", "content"] } else { &["type", "media_type", "data"] };
    if string(source, "type") != Some("url") {
        extra(Some(source), &path, known)?;
    }
    match (string(source, "type"), kind) {
        (Some("base64"), "image") => {
            ensure(IMAGES.contains(&media), || {
                format!("{path}.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'")
            })?;
            image(&bytes(source, &path)?, media, &path)
        }
        (Some("base64"), _) => {
            ensure(media == "application/pdf", || format!("{path}.base64.media_type: Input should be 'application/pdf'"))?;
            ensure(picture::is_pdf(&bytes(source, &path)?), || {
                format!("{path}.base64.data: The PDF specified was not valid.")
            })
        }
        (Some("text"), "document") => {
            ensure(media == "text/plain", || format!("{path}.text.media_type: Input should be 'text/plain'"))
        }
        (Some("content"), "document") => {
            items(source, "content").filter_map(|block| string(block, "text")).try_for_each(said)
        }
        (Some("url"), _) => Err(format!("{path}: URL sources are not supported on this endpoint")),
        (_, _) => Err(format!("{path}: Input tag found using 'type' does not match any of the expected tags")),
    }
}

/// A title has 1 to 500 characters, a context has at least one (Anthropic's OpenAPI description, `RequestDocumentBlock`).
fn named(path: &str, block: &Value) -> Verdict {
    for name in ["title", "context"] {
        ensure(string(block, name) != Some(""), || {
            format!("{path}.document.{name}: String should have at least 1 character")
        })?;
    }
    let letters = string(block, "title").unwrap_or_default().chars().count();
    ensure(letters <= 500, || format!("{path}.document.title: String should have at most 500 characters"))
}

fn bytes(source: &Value, path: &str) -> Result<Vec<u8>, String> {
    let data = string(source, "data").filter(|data| is_name(data, "+/=", usize::MAX));
    data.and_then(picture::decoded).ok_or_else(|| format!("{path}.base64.data: Invalid base64 data"))
}

/// The type must match the bytes. Clients that label pictures wrongly get this error (anthropics/claude-code, issues on
/// "Could not process image" and on the media type).
fn image(bytes: &[u8], media: &str, path: &str) -> Verdict {
    let picture = picture::read(bytes).ok_or_else(|| "Could not process image".to_owned())?;
    ensure(picture.media_type == media, || {
        format!("{path}.base64.data: Image does not match the provided media type {media}")
    })
}
