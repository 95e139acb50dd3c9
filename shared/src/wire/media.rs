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
}
