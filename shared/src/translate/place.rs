//! Where in a client's body the part is that a wire refused. Encoders see the conversation and not the body, so the body is
//! searched, and only then.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// The fields that tell where a part's bytes are, in either client format.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(borrow)]
    image_url: Option<&'a RawValue>,
    #[serde(borrow)]
    file: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// The JSON path of the first part that is audio, or whose bytes are behind a URL.
pub(super) fn of_uncarried_part(body: &str) -> Option<String> {
    let body: Body<'_> = serde_json::from_str(body).ok()?;
    body.messages
        .iter()
        .enumerate()
        .find_map(|(position, message)| within(message.content?, &format!("messages[{position}]")))
}

fn within(content: &RawValue, path: &str) -> Option<String> {
    let parts: Vec<Part<'_>> = serde_json::from_str(content.get()).ok()?;
    parts.iter().enumerate().find_map(|(position, part)| {
        let path = format!("{path}.content[{position}]");
        if is_uncarried(part) { Some(path) } else { within(part.content?, &path) }
    })
}

fn is_uncarried(part: &Part<'_>) -> bool {
    let is_remote = |value: Option<&RawValue>| value.is_some_and(|value| value.get().contains("\"http"));
    match part.kind.as_str() {
        "input_audio" => true,
        "image_url" => is_remote(part.image_url),
        "file" => is_remote(part.file),
        "image" | "document" => is_remote(part.source),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(of_uncarried_part(&body).as_deref(), path, "{body}");
        }
    }
}
