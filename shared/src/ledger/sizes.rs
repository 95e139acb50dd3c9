//! What a request's body is made of, by size: text, and parts that are no text to a model. One pass over valid JSON, without a tree.

use memchr::memchr2;

/// Sizes of a body's parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Bytes that are not inside a part.
    pub text_bytes: u64,
    /// Pictures in the body.
    pub pictures: u64,
    /// Parts behind a URL, whatever they are.
    pub links: u64,
    /// Other files in the body: PDFs, audio.
    pub documents: u64,
    /// Bytes of these files, as they are encoded.
    pub document_bytes: u64,
}

/// Members whose values are a tool's: whatever they hold is text to the model.
const OPAQUE: [&str; 8] = ["input", "arguments", "args", "input_schema", "parameters", "schema", "json_schema", "metadata"];
/// Members that hold a part's URL, or its data as a URL.
const URLS: [&str; 4] = ["url", "image_url", "file_url", "file_data"];
/// The member that holds a part's data as base64, beside its media type.
const DATA: &str = "data";
const MEDIA_TYPES: [&str; 2] = ["media_type", "mime_type"];

/// Where the walk is.
#[derive(Default)]
struct Walk<'a> {
    sizes: Sizes,
    depth: u32,
    /// The depth from which on everything is a tool's.
    opaque_from: Option<u32>,
    key: &'a str,
    /// Length of the data and media type of the object that is open: either may come first.
    data: Option<usize>,
    media_type: &'a str,
}

/// Measures a body, which must be valid JSON.
pub(super) fn sizes(body: &str) -> Sizes {
    let mut walk = Walk { sizes: Sizes { text_bytes: body.len() as u64, ..Sizes::default() }, ..Walk::default() };
    let mut rest = body;
    while let Some(byte) = rest.bytes().next() {
        rest = rest.get(1..).unwrap_or_default();
        match byte {
            b'"' => {
                let (text, after) = string(rest);
                rest = after;
                walk.string(text, rest.trim_ascii_start().starts_with(':'));
            }
            b'{' | b'[' => walk.open(),
            b'}' | b']' => walk.close(),
            // A character of several bytes stands in strings only.
            _ => {}
        }
    }
    walk.sizes
}

/// A string up to its closing quote, as it is written, and what comes after it.
fn string(rest: &str) -> (&str, &str) {
    let mut end = 0_usize;
    while let Some(found) = rest.as_bytes().get(end..).and_then(|bytes| memchr2(b'"', b'\\', bytes)) {
        end = end.saturating_add(found);
        if rest.as_bytes().get(end) == Some(&b'"') {
            break;
        }
        end = end.saturating_add(2);
    }
    (rest.get(..end).unwrap_or(rest), rest.get(end.saturating_add(1)..).unwrap_or_default())
}

impl<'a> Walk<'a> {
    fn open(&mut self) {
        self.depth = self.depth.saturating_add(1);
        // Nobody writes these names with escapes, but for hiding what is inside.
        if self.opaque_from.is_none() && (OPAQUE.contains(&self.key) || self.key.contains('\\')) {
            self.opaque_from = Some(self.depth);
        }
        (self.key, self.data, self.media_type) = ("", None, "");
    }

    fn close(&mut self) {
        if let Some(length) = self.data.take() {
            self.part(self.media_type, length);
        }
        if self.opaque_from == Some(self.depth) {
            self.opaque_from = None;
        }
        self.depth = self.depth.saturating_sub(1);
        (self.key, self.media_type) = ("", "");
    }

    fn string(&mut self, text: &'a str, is_key: bool) {
        if is_key {
            self.key = text;
        } else if self.opaque_from.is_none() {
            self.value(text);
        }
    }

    fn value(&mut self, text: &'a str) {
        if URLS.contains(&self.key) {
            if let Some((head, data)) = text.strip_prefix("data:").and_then(|url| url.split_once(',')) {
                if is_base64(data) {
                    self.part(head, data.len());
                }
            } else if text.starts_with("http://") || text.starts_with("https://") {
                self.sizes.links = self.sizes.links.saturating_add(1);
            }
        } else if self.key == DATA && is_base64(text) {
            self.data = Some(text.len());
        } else if MEDIA_TYPES.contains(&self.key) {
            self.media_type = text;
        }
    }

    /// Takes so many bytes out of the text, unless a model reads them as text.
    fn part(&mut self, media_type: &str, length: usize) {
        if media_type.starts_with("text/") {
            return;
        }
        let (sizes, length) = (&mut self.sizes, length as u64);
        sizes.text_bytes = sizes.text_bytes.saturating_sub(length);
        if media_type.starts_with("image/") {
            sizes.pictures = sizes.pictures.saturating_add(1);
        } else {
            sizes.documents = sizes.documents.saturating_add(1);
            sizes.document_bytes = sizes.document_bytes.saturating_add(length);
        }
    }
}

/// Some writers escape every slash.
fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of a body without those of text.
    fn parts(body: &str) -> [u64; 3] {
        let Sizes { text_bytes, pictures, links, documents, document_bytes } = sizes(body);
        assert!(text_bytes + document_bytes <= body.len() as u64);
        [pictures, links, documents]
    }

    #[test]
    fn parts_are_found_in_every_format_whichever_member_comes_first() {
        let blob = "A".repeat(5_000);
        for (body, expected) in [
            (format!(r#"{{"source":{{"type":"base64","media_type":"image/png","data":"{blob}"}}}}"#), [1, 0, 0]),
            (format!(r#"{{"source":{{"data":"{blob}","media_type":"image/png"}}}}"#), [1, 0, 0]),
            (format!(r#"{{"source":{{"media_type":"application/pdf","data":"{blob}"}}}}"#), [0, 0, 1]),
            (format!(r#"{{"input_audio":{{"data":"{blob}","format":"wav"}}}}"#), [0, 0, 1]),
            (format!(r#"{{"image_url":{{"url":"data:image/png;base64,{blob}"}}}}"#), [1, 0, 0]),
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
            format!(r#"{{"type":"tool_use","input":{{"nested":[{{"data":"{word}","media_type":"image/png"}}]}}}}"#),
            format!(r#"{{"inpu\u0074":{{"data":"{word}"}}}}"#),
            format!(
                r#"{{"function":{{"parameters":{{"$schema":"http://json-schema.org/draft-07/schema#","url":"https://{word}"}}}}}}"#
            ),
            format!(r#"{{"text":"an \" and a \\","more":"{word}"}}"#),
        ] {
            assert_eq!(sizes(&body), Sizes { text_bytes: body.len() as u64, ..Sizes::default() }, "{}", &body[..40]);
        }
    }

    #[test]
    fn a_part_after_a_tools_arguments_is_a_part_again() {
        let body = r#"{"a":{"input":{"url":"https://a.example"}},"b":{"url":"https://b.example"}}"#;
        assert_eq!(parts(body), [0, 1, 0]);
    }
}
