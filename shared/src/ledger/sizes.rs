//! What a request's body is made of, by size: text, and parts that are no text to a model. One walk over the document.

use crate::chat::request::CacheLifetime;
use crate::document::{Document, Kind, Value};
use crate::wire::media;
use crate::wire::request::cache_mark;

/// Sizes of a body's parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes that are not inside a part.
    pub(super) text_bytes: u64,
    /// Pictures in the body.
    pub(super) pictures: u64,
    /// Parts behind a URL, whatever they are.
    pub(super) links: u64,
    /// Other files in the body: PDFs, audio.
    pub(super) documents: u64,
    /// Bytes of these files, as they are encoded.
    pub(super) document_bytes: u64,
    /// The dearest cache mark.
    pub(super) cache: Option<CacheLifetime>,
    /// Whether tools are declared.
    pub(super) has_tools: bool,
}

/// Tokens of a large picture.
pub(super) const PICTURE: u64 = 1_600;

/// Members whose values are a tool's: whatever they hold is text to the model.
const OPAQUE: [&str; 8] = ["input", "arguments", "args", "input_schema", "parameters", "schema", "json_schema", "metadata"];

impl Sizes {
    /// Measures a body.
    pub fn of(document: &Document) -> Self {
        let has_tools = document.root().get("tools").is_some();
        let mut sizes = Self { text_bytes: document.bytes(), has_tools, ..Self::default() };
        sizes.add(document.root());
        sizes
    }

    /// Input tokens of a request that no provider counts, made not to fall under the real number: two tokens for five bytes of JSON
    /// (dense code comes near that), the size of a large picture for each one, a page for fifty kilobytes of a file, and what
    /// providers add of their own, more with tools than without.
    pub fn estimated_input(self) -> u64 {
        const FILE_BYTES_PER_TOKEN: u64 = 32;
        const FRAME: u64 = 16;
        const TOOLS_FRAME: u64 = 600;
        let Self { text_bytes, pictures, links, documents, document_bytes, cache: _, has_tools } = self;
        let files = documents.saturating_mul(PICTURE).max(document_bytes.div_ceil(FILE_BYTES_PER_TOKEN));
        let frame = if has_tools { TOOLS_FRAME } else { FRAME };
        let parts = pictures.saturating_add(links).saturating_mul(PICTURE).saturating_add(files);
        text_bytes.saturating_mul(2).div_ceil(5).saturating_add(parts).saturating_add(frame)
    }

    /// Adds what is in a value. Documents nest 64 levels at most.
    fn add(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::Object => self.add_object(value),
            Kind::List => value.elements().for_each(|entry| self.add(entry)),
            Kind::Null | Kind::Flag | Kind::Number | Kind::Text => {}
        }
    }

    fn add_object(&mut self, object: Value<'_>) {
        // Either may come first.
        let (mut data, mut media_type) = (None, None);
        for (name, value) in object.members() {
            match (value.kind(), name.as_ref()) {
                // A part's URL, or its data as a URL.
                (Kind::Text, "url" | "image_url" | "file_url" | "file_data") => self.add_url(value),
                // A part's data as base64, beside its media type.
                (Kind::Text, "data") => data = Some(value),
                (Kind::Text, "media_type" | "mime_type") => media_type = value.as_text(),
                // The end of what a cache may keep.
                (Kind::Object, "cache_control") => {
                    self.cache = self.cache.max(cache_mark(Some(value)).map(|mark| mark.lifetime));
                }
                (Kind::Object | Kind::List, name) if !OPAQUE.contains(&name) => self.add(value),
                (Kind::Null | Kind::Flag | Kind::Number | Kind::Text | Kind::List | Kind::Object, _) => {}
            }
        }
        let is_text = object.get("type").is_some_and(|kind| kind.is("text"));
        if let Some(data) = data.filter(|_| !is_text).and_then(Value::as_text).filter(|data| is_base64(data)) {
            self.add_part(&media_type.unwrap_or_default(), &data);
        }
    }

    fn add_url(&mut self, value: Value<'_>) {
        let url = value.as_text().unwrap_or_default();
        if let Some((head, data)) = url.strip_prefix("data:").and_then(|url| url.split_once(',')) {
            if is_base64(data) {
                self.add_part(head, data);
            }
        } else if url.starts_with("http://") || url.starts_with("https://") {
            self.links = self.links.saturating_add(1);
        }
    }

    /// Takes the bytes of a part out of the text, unless a model reads them as text. What the bytes are counts, and not their label.
    fn add_part(&mut self, label: &str, data: &str) {
        let known = media::sniff(data);
        let is_application = label.starts_with("application/") && !label.starts_with("application/pdf");
        if known.is_none() && (label.starts_with("text/") || is_application) {
            return;
        }
        let length = data.len() as u64;
        self.text_bytes = self.text_bytes.saturating_sub(length);
        if known.is_some_and(|kind| kind.starts_with("image/")) {
            self.pictures = self.pictures.saturating_add(1);
        } else {
            self.documents = self.documents.saturating_add(1);
            self.document_bytes = self.document_bytes.saturating_add(length);
        }
    }
}

fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(body: &str) -> Sizes {
        Sizes::of(&Document::parse(body.to_owned(), &[]).unwrap())
    }

    /// The sizes of a body without those of text.
    fn parts(body: &str) -> [u64; 3] {
        let Sizes { text_bytes, pictures, links, documents, document_bytes, cache: _, has_tools: _ } = measured(body);
        assert!(text_bytes + document_bytes <= body.len() as u64);
        [pictures, links, documents]
    }

    #[test]
    fn parts_are_found_in_every_format_whichever_member_comes_first() {
        let blob = "A".repeat(5_000);
        // The first bytes of a picture and of a document.
        let (png, pdf) = (format!("iVBORw0KGgoAAAAN{blob}"), format!("JVBERi0xLjcKAAAA{blob}"));
        for (body, expected) in [
            (format!(r#"{{"source":{{"type":"base64","media_type":"image/png","data":"{png}"}}}}"#), [1, 0, 0]),
            (format!(r#"{{"source":{{"data":"{png}","media_type":"image/png"}}}}"#), [1, 0, 0]),
            (format!(r#"{{"source":{{"data":"{pdf}","media_type":"image/png"}}}}"#), [0, 0, 1]),
            (format!(r#"{{"source":{{"data":"{blob}","media_type":"image/heic"}}}}"#), [0, 0, 1]),
            (format!(r#"{{"source":{{"media_type":"application/pdf","data":"{blob}"}}}}"#), [0, 0, 1]),
            (format!(r#"{{"input_audio":{{"data":"{blob}","format":"wav"}}}}"#), [0, 0, 1]),
            (format!(r#"{{"image_url":{{"url":"data:image/png;base64,{png}"}}}}"#), [1, 0, 0]),
            (format!(r#"{{"file":{{"file_data":"data:application/pdf;base64,{blob}"}}}}"#), [0, 0, 1]),
            (r#"{"image_url":{"url":"https://pictures.example/cat.png"}}"#.to_owned(), [0, 1, 0]),
            (r#"{"source":{"type":"url" , "url" : "https://pictures.example/cat.png"}}"#.to_owned(), [0, 1, 0]),
        ] {
            assert_eq!(parts(&body), expected, "{}", &body[..50]);
        }
    }

    #[test]
    fn everything_else_is_text_however_it_looks() {
        let word = "a".repeat(5_000);
        let chinese = "\u{5b57}".repeat(5_000);
        for body in [
            format!(r#"{{"content":"{word}"}}"#),
            format!(r#"{{"content":"{chinese}"}}"#),
            format!(r#"{{"content":"http://{word}"}}"#),
            format!(r#"{{"content":"data:image/png;base64,{word}"}}"#),
            format!(r#"{{"source":{{"type":"text","media_type":"text/plain","data":"{word}"}}}}"#),
            format!(r#"{{"source":{{"data":"{word}","media_type":"text/plain"}}}}"#),
            format!(r#"{{"source":{{"type":"text","media_type":"image/png","data":"{word}"}}}}"#),
            format!(r#"{{"file":{{"file_data":"data:application/json;base64,{word}"}}}}"#),
            format!(r#"{{"type":"tool_use","input":{{"nested":[{{"data":"{word}","media_type":"image/png"}}]}}}}"#),
            format!(r#"{{"inpu\u0074":{{"data":"{word}"}}}}"#),
            format!(
                r#"{{"function":{{"parameters":{{"$schema":"http://json-schema.org/draft-07/schema#","url":"https://{word}"}}}}}}"#
            ),
            format!(r#"{{"text":"an \" and a \\","more":"{word}"}}"#),
        ] {
            assert_eq!(measured(&body), Sizes { text_bytes: body.len() as u64, ..Sizes::default() }, "{}", &body[..40]);
        }
    }

    #[test]
    fn a_part_after_a_tools_arguments_is_a_part_again() {
        let body = r#"{"a":{"input":{"url":"https://a.example"}},"b":{"url":"https://b.example"}}"#;
        assert_eq!(parts(body), [0, 1, 0]);
    }
}
