//! Inline media, for all formats: reads data URLs and base64, and detects a type from the first bytes.
//! [`crate::translate`]'s `media` decides what a model accepts, `wire::measure` counts the tokens, and the `media` modules
//! of the formats have the types of each provider.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::chat::request::Source;

/// The source of a URL: a `data:` URL is inline data, anything else stays a URL.
pub fn source_of_url(url: String) -> Source {
    match split_data_url(&url) {
        Some((declared, data)) => inline(declared, data),
        None => Source::Url(url),
    }
}

/// Office files by file name extension (docs.cloud.google.com, document understanding).
pub const OFFICE: [(&str, &str); 3] = [
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
];

/// The file name of a document, used to find its type.
#[derive(Clone, Copy, Debug)]
pub struct Title<'t>(pub Option<&'t str>);

impl Title<'_> {
    /// The media type of the extension.
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
            other => return OFFICE.iter().find(|(known, _)| *known == other).map(|(_, kind)| *kind),
        })
    }
}

/// The document in a client's `file_data`: a data URL, a URL, or base64 without a type.
pub fn source_of_file(data: String, title: Title<'_>) -> Source {
    match split_data_url(&data) {
        Some((declared, data)) => document(declared, data, title),
        None if data.contains("://") || is_data_url(&data) => Source::Url(data),
        None => document("", &data, title),
    }
}

/// An inline document. A text document becomes text, because most models accept no other file than a PDF.
pub fn document(declared: &str, data: &str, title: Title<'_>) -> Source {
    let is_declared = !matches!(declared, "" | "application/octet-stream");
    let declared = if is_declared { declared } else { title.media_type().unwrap_or(declared) };
    let source = inline(declared, data);
    match &source {
        Source::Inline { media_type, data } if is_text(media_type) => text_in(data).map_or(source, Source::Text),
        Source::Inline { .. } | Source::Url(_) | Source::Text(_) => source,
    }
}

/// Whether a media type is text.
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

/// Inline data with its detected type: senders mislabel images, and Claude rejects a type that contradicts the bytes.
pub fn inline(declared: &str, data: &str) -> Source {
    let data = base64(data).map_or_else(|| data.to_owned(), Cow::into_owned);
    let media_type = sniff(&data).unwrap_or(if declared.is_empty() { "application/octet-stream" } else { declared });
    Source::Inline { media_type: media_type.to_owned(), data }
}

/// Splits `data:<type>[;parameter]*;base64,<data>` into type and data.
pub fn split_data_url(url: &str) -> Option<(&str, &str)> {
    let (header, data) = without_scheme(url)?.split_once(',')?;
    let (header, encoding) = header.rsplit_once(';')?;
    let is_encoded = encoding.trim().eq_ignore_ascii_case("base64");
    is_encoded.then(|| (header.split(';').next().unwrap_or_default().trim(), data))
}

/// Whether a data URL has the form that every reader accepts.
pub fn is_plain_data_url(url: &str) -> bool {
    url.starts_with("data:") && url.contains(";base64,")
}

/// Whether a URL is a data URL of any form.
pub fn is_data_url(url: &str) -> bool {
    without_scheme(url).is_some()
}

fn without_scheme(url: &str) -> Option<&str> {
    const SCHEME: &str = "data:";
    let (scheme, rest) = url.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// Returns base64 that every provider accepts: standard alphabet, no white space, padded. Returns `None` if the text is not
/// base64 or is empty.
pub fn base64(data: &str) -> Option<Cow<'_, str>> {
    let letters = data.trim_end_matches(|end: char| end == '=' || end.is_ascii_whitespace());
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    if !letters.bytes().all(|byte| is_letter(byte) || byte.is_ascii_whitespace()) {
        return None;
    }
    let length = letters.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    if length == 0 || length % 4 == 1 {
        return None;
    }
    let padding = (4 - length % 4) % 4;
    let is_plain = length == letters.len() && data.len() == length + padding && !letters.contains(['-', '_']);
    if is_plain {
        return Some(Cow::Borrowed(data));
    }
    let letters = letters.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(standard).map(char::from);
    Some(letters.chain(std::iter::repeat_n('=', padding)).collect())
}

/// As lenient as the most lenient provider: padding is optional, and spare bits may be set.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes the first `letters` characters of base64 in either alphabet, ignoring white space. Returns `None` if they are not
/// base64.
pub fn first_bytes(data: &str, letters: usize) -> Option<Vec<u8>> {
    let start = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(standard).take(letters);
    let mut start: Vec<u8> = start.collect();
    if start.len() == letters {
        start.truncate(letters - letters % 4);
    }
    LENIENT.decode(start).ok()
}

/// Decodes all of the base64, with the same rules as [`first_bytes`].
pub fn all_bytes(data: &str) -> Option<Vec<u8>> {
    first_bytes(data, usize::MAX)
}

/// Maps a character of the URL-safe alphabet to the standard alphabet.
const fn standard(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

/// The type of inline bytes, detected from the first of them. Their label may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// An image of this media type.
    Picture(&'static str),
    /// A PDF.
    Pdf,
    /// Audio, with OpenRouter's name for its format (openrouter.ai, audio inputs).
    Sound(&'static str),
    /// Video of that media type.
    Video(&'static str),
    /// An office file or another archive: no provider reads it inline.
    Archive,
}

/// Detects the type of base64 data from its first 12 bytes, or from 6 if there are fewer; `None` if they are not known.
pub fn detect(data: &str) -> Option<Detected> {
    let start: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(standard).take(16).collect();
    let start = STANDARD.decode(start.get(..16).or_else(|| start.get(..8))?).ok()?;
    let begins = |signature: &[u8]| start.starts_with(signature);
    let brand = start.get(8..12).filter(|_| start.get(4..8) == Some(b"ftyp"));
    let riff = start.get(8..12).filter(|_| begins(b"RIFF"));
    Some(match (brand, riff) {
        (Some(b"heic" | b"heix" | b"heim" | b"heis"), _) => Detected::Picture("image/heic"),
        (Some(b"mif1" | b"msf1"), _) => Detected::Picture("image/heif"),
        (Some(b"avif" | b"avis"), _) => Detected::Picture("image/avif"),
        (Some(b"M4A " | b"M4B "), _) => Detected::Sound("m4a"),
        (Some(b"qt  "), _) => Detected::Video("video/quicktime"),
        (Some(_), _) => Detected::Video("video/mp4"),
        (_, Some(b"WEBP")) => Detected::Picture("image/webp"),
        (_, Some(b"WAVE")) => Detected::Sound("wav"),
        (_, Some(b"AVI ")) => Detected::Video("video/x-msvideo"),
        _ => SIGNATURES.iter().find(|(signature, _)| begins(signature)).map(|(_, detected)| *detected)?,
    })
}

/// Whether base64 data is a PDF: readers search for its mark in the first kilobyte (Acrobat's own tolerance).
pub fn is_pdf(data: &str) -> bool {
    /// Base64 length of one kilobyte.
    const HEAD: usize = 1_368;
    first_bytes(data, HEAD).is_some_and(|head| memchr::memmem::find(&head, b"%PDF-").is_some())
}

/// The first bytes of known files.
const SIGNATURES: [(&[u8], Detected); 18] = [
    (b"\x89PNG", Detected::Picture("image/png")),
    (b"\xff\xd8\xff", Detected::Picture("image/jpeg")),
    (b"GIF8", Detected::Picture("image/gif")),
    (b"II*\0", Detected::Picture("image/tiff")),
    (b"MM\0*", Detected::Picture("image/tiff")),
    (b"%PDF-", Detected::Pdf),
    (b"ID3", Detected::Sound("mp3")),
    (b"\xff\xfb", Detected::Sound("mp3")),
    (b"\xff\xf3", Detected::Sound("mp3")),
    (b"\xff\xf2", Detected::Sound("mp3")),
    (b"\xff\xf1", Detected::Sound("aac")),
    (b"\xff\xf9", Detected::Sound("aac")),
    (b"OggS", Detected::Sound("ogg")),
    (b"fLaC", Detected::Sound("flac")),
    (b"FORM", Detected::Sound("aiff")),
    (b"\x1aE\xdf\xa3", Detected::Video("video/webm")),
    (b"PK\x03\x04", Detected::Archive),
    (b"\xd0\xcf\x11\xe0", Detected::Archive),
];

/// The kind of part that contains inline bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// An image.
    Picture,
    /// A document that is not text.
    File,
    /// Audio.
    Sound,
    /// Video.
    Video,
}

/// Inline bytes of a part, as the client describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlinePart<'t> {
    /// The kind of part.
    pub carrier: Carrier,
    /// The media type, or the audio format.
    pub label: Cow<'t, str>,
    /// Base64.
    pub data: Cow<'t, str>,
}

/// The media type that the first bytes indicate, if it is one that every provider of pictures or documents reads.
pub fn sniff(data: &str) -> Option<&'static str> {
    match detect(data)? {
        Detected::Picture(kind @ ("image/png" | "image/jpeg" | "image/gif" | "image/webp")) => Some(kind),
        Detected::Pdf => Some("application/pdf"),
        Detected::Picture(_) | Detected::Sound(_) | Detected::Video(_) | Detected::Archive => None,
    }
}

/// Writes inline data as a data URL.
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
    fn base64_is_written_in_one_alphabet_or_is_none() {
        for (data, written) in [
            ("AAAA", Some("AAAA")),
            ("AA", Some("AA==")),
            ("AA==", Some("AA==")),
            ("A A\nA=", Some("AAA=")),
            ("-_8", Some("+/8=")),
            ("", None),
            ("A", None),
            ("AA==AA", None),
            ("no base64!", None),
        ] {
            assert_eq!(base64(data).as_deref(), written, "{data}");
        }
    }

    #[test]
    fn bytes_tell_what_they_are_by_how_they_begin() {
        for (bytes, expected) in [
            (&b"\x89PNG\r\n\x1a\n0000"[..], Some(Detected::Picture("image/png"))),
            (b"\0\0\0\x18ftypheic", Some(Detected::Picture("image/heic"))),
            (b"\0\0\0\x18ftypisom", Some(Detected::Video("video/mp4"))),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(Detected::Sound("wav"))),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Detected::Picture("image/webp"))),
            (b"ID3\x04\0\0\0\0\0\0\0\0", Some(Detected::Sound("mp3"))),
            (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0", Some(Detected::Archive)),
            (b"%PDF-1.4 and", Some(Detected::Pdf)),
            (b"some text of a file", None),
            (b"", None),
        ] {
            assert_eq!(detect(&STANDARD.encode(bytes)), expected, "{bytes:?}");
        }
    }

    #[test]
    fn the_scheme_and_the_encoding_of_a_data_url_have_no_case() {
        assert_eq!(split_data_url("DATA:image/png;charset=x;BASE64,AAAA"), Some(("image/png", "AAAA")));
        assert_eq!(split_data_url("data:text/plain,hi"), None);
    }

    #[test]
    fn the_type_of_a_file_is_decided_by_its_bytes_then_by_its_sender_then_by_its_name() {
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
