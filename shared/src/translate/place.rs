//! Where in a client's body the part is that a wire refused. Encoders see the conversation and not the body, so the body is
//! searched, and only then.

use crate::document::Value;

/// The JSON path of the first part that is audio, or whose bytes are behind a URL.
pub(super) fn of_uncarried_part(body: Value<'_>) -> Option<String> {
    let mut messages = body.get("messages")?.elements();
    messages.find_map(|message| within(message.get("content")?)).map(Value::path)
}

fn within(content: Value<'_>) -> Option<Value<'_>> {
    content.elements().find_map(|part| if is_uncarried(part) { Some(part) } else { within(part.get("content")?) })
}

/// The fields that tell where a part's bytes are, in either client format.
fn is_uncarried(part: Value<'_>) -> bool {
    let is_remote = |names: &[&str]| {
        part.at(names).and_then(Value::as_text).is_some_and(|url| url.starts_with("http://") || url.starts_with("https://"))
    };
    match part.get("type").and_then(Value::as_text).as_deref() {
        Some("input_audio") => true,
        Some("image_url" | "input_image") => is_remote(&["image_url", "url"]) || is_remote(&["image_url"]),
        Some("input_file") => is_remote(&["file_url"]) || is_remote(&["file_data"]),
        Some("file") => is_remote(&["file", "file_data"]),
        Some("image" | "document") => is_remote(&["source", "url"]),
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn the_first_part_that_is_audio_or_behind_a_url_is_named() {
        let inline = r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}"#;
        let remote = r#"{"type":"image_url","image_url":{"url":"https://x/y.png"}}"#;
        let source = r#"{"type":"image","source":{"type":"url","url":"https://x/y.png"}}"#;
        for (parts, path) in [
            (format!("[{inline},{remote}]"), Some("messages[1].content[1]")),
            (r#"[{"type":"input_audio","input_audio":{}}]"#.to_owned(), Some("messages[1].content[0]")),
            (format!(r#"[{{"type":"tool_result","content":[{source}]}}]"#), Some("messages[1].content[0].content[0]")),
            (format!("[{inline}]"), None),
            (r#""plain""#.to_owned(), None),
        ] {
            let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}},{{"role":"user","content":{parts}}}]}}"#);
            let document = Document::parse(body, &[]).unwrap();
            assert_eq!(of_uncarried_part(document.root()).as_deref(), path, "{parts}");
        }
    }
}
