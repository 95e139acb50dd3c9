//! Inline media: data URLs, and what the first bytes say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::chat::request::Source;

/// The source that a URL stands for: a `data:` URL is inline, anything else stays a URL.
pub fn source_of_url(url: String) -> Source {
    match split_data_url(&url) {
        Some((declared, data)) => inline(declared, data),
        None => Source::Url(url),
    }
}

/// The name of a document, as far as it tells its type.
#[derive(Clone, Copy, Debug)]
pub struct Title<'t>(pub Option<&'t str>);

impl Title<'_> {
    /// The media type that its ending stands for.
    pub fn media_type(self) -> Option<&'static str> {
        let ending = self.0?.rsplit_once('.')?.1.to_ascii_lowercase();
        Some(match ending.as_str() {
            "pdf" => "application/pdf",
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            "webp" => "image/webp",
            "json" | "jsonl" | "ipynb" => "application/json",
            "xml" => "application/xml",
            "yaml" | "yml" => "application/yaml",
            "csv" => "text/csv",
            "md" | "markdown" => "text/markdown",
            "htm" | "html" => "text/html",
            "txt" | "log" | "rst" | "toml" | "ini" | "sql" | "sh" | "py" | "js" | "ts" | "rs" | "go" | "java" | "c"
            | "h" | "cpp" | "css" => "text/plain",
            _ => return None,
        })
    }
}

/// The document that a client's `file_data` stands for: a data URL, an address, or base64 without a word about its type.
pub fn source_of_file(data: String, title: Title<'_>) -> Source {
    match split_data_url(&data) {
        Some((declared, data)) => document(declared, data, title),
        None if data.contains("://") || data.starts_with("data:") => Source::Url(data),
        None => document("", &data, title),
    }
}

/// An inline document. One whose type is text is what it says, because most models take no other file than a PDF.
pub fn document(declared: &str, data: &str, title: Title<'_>) -> Source {
    let is_told = !matches!(declared, "" | "application/octet-stream");
    let declared = if is_told { declared } else { title.media_type().unwrap_or(declared) };
    let source = inline(declared, data);
    match &source {
        Source::Inline { media_type, data } if is_text(media_type) => text_in(data).map_or(source, Source::Text),
        Source::Inline { .. } | Source::Url(_) | Source::Text(_) => source,
    }
}

/// Whether a media type is that of a text.
fn is_text(media_type: &str) -> bool {
    const TEXTS: [&str; 8] = [
        "application/javascript",
        "application/json",
        "application/sql",
        "application/toml",
        "application/x-ndjson",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
    ];
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/") || kind.ends_with("+json") || kind.ends_with("+xml") || TEXTS.contains(&kind.as_str())
}

fn text_in(data: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(data).ok()?).ok()
}

/// A text document as one text, under its title.
pub fn titled(title: Option<&str>, text: &str) -> String {
    title.filter(|title| !title.is_empty()).map_or_else(|| text.to_owned(), |title| format!("{title}\n\n{text}"))
}

/// Inline data under the type that it has: senders mislabel pictures, and Claude refuses a type that contradicts the bytes.
pub fn inline(declared: &str, data: &str) -> Source {
    let data: String = if data.bytes().any(|byte| byte.is_ascii_whitespace()) {
        data.chars().filter(|c| !c.is_ascii_whitespace()).collect()
    } else {
        data.to_owned()
    };
    let media_type = sniff(&data).unwrap_or(if declared.is_empty() { "application/octet-stream" } else { declared });
    Source::Inline { media_type: media_type.to_owned(), data }
}

/// `data:<type>[;parameter]*;base64,<data>` as type and data.
pub(super) fn split_data_url(url: &str) -> Option<(&str, &str)> {
    let (header, data) = url.strip_prefix("data:")?.split_once(',')?;
    let header = header.strip_suffix(";base64")?;
    Some((header.split(';').next().unwrap_or_default(), data))
}

/// The media type that the first bytes name.
pub fn sniff(data: &str) -> Option<&'static str> {
    // Sixteen characters are twelve bytes: enough for every signature here.
    let start = STANDARD.decode(data.get(..16)?).ok()?;
    let is_webp = start.starts_with(b"RIFF") && start.ends_with(b"WEBP");
    let signatures: [(&[u8], &str); 4] =
        [(b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"%PDF-", "application/pdf")];
    let known = signatures.iter().find(|(signature, _)| start.starts_with(signature)).map(|(_, kind)| *kind);
    known.or(is_webp.then_some("image/webp"))
}

/// The data URL of inline data.
pub fn data_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_taken_apart_and_mislabelled_pictures_corrected() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\n0000");
        let source = |url: String| source_of_url(url);
        let expected = Source::Inline { media_type: "image/png".into(), data: png.clone() };
        assert_eq!(source(format!("data:image/jpeg;charset=x;base64,{png}")), expected);
        assert_eq!(source(format!("data:;base64,{}\n{}", &png[..8], &png[8..])), expected);
        assert_eq!(source("https://a.example/b.png".into()), Source::Url("https://a.example/b.png".into()));
        assert_eq!(source("data:text/plain,hi".into()), Source::Url("data:text/plain,hi".into()));
    }

    #[test]
    fn the_type_of_a_file_is_told_by_its_bytes_then_by_its_sender_then_by_its_name() {
        let of = |data: &str, title: Option<&str>| source_of_file(data.to_owned(), Title(title));
        let pdf = STANDARD.encode(b"%PDF-1.4 nothing else");
        let inline = |kind: &str, data: &str| Source::Inline { media_type: kind.to_owned(), data: data.to_owned() };
        let text = STANDARD.encode("a,b\n1,2");
        for (data, title, expected) in [
            (pdf.clone(), Some("a.txt"), inline("application/pdf", &pdf)),
            (format!("data:text/csv;base64,{text}"), None, Source::Text("a,b\n1,2".to_owned())),
            (format!("data:application/octet-stream;base64,{text}"), Some("A.CSV"), Source::Text("a,b\n1,2".to_owned())),
            (text.clone(), Some("notes"), inline("application/octet-stream", &text)),
            (STANDARD.encode(b"\xff\xfe"), Some("a.txt"), inline("text/plain", &STANDARD.encode(b"\xff\xfe"))),
            ("https://a.example/b".to_owned(), Some("b.pdf"), Source::Url("https://a.example/b".to_owned())),
        ] {
            assert_eq!(of(&data, title), expected, "{data} {title:?}");
        }
    }
}
