//! Pictures and documents that a request contains as base64: their type and size.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A picture whose header can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Its media type, from its bytes.
    pub(super) media_type: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The bytes of this base64, in either alphabet.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    PLAIN.decode(text).or_else(|_| FOR_URLS.decode(text)).ok()
}

/// Reads a picture's header. `None` if the bytes are not of the four types that all providers accept.
pub(super) fn read(bytes: &[u8]) -> Option<Picture> {
    let (media_type, size) = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        ("image/png", png(bytes))
    } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        ("image/jpeg", jpeg(bytes))
    } else if bytes.starts_with(b"GIF8") {
        ("image/gif", Some((little(bytes, 6, 2)?, little(bytes, 8, 2)?)))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        ("image/webp", webp(bytes))
    } else {
        return None;
    };
    let (width, height) = size.filter(|(width, height)| *width > 0 && *height > 0)?;
    Some(Picture { media_type, width, height })
}

/// Whether these are the bytes of a PDF. Readers look for its signature in the first kilobyte.
pub(super) fn is_pdf(bytes: &[u8]) -> bool {
    bytes.get(..1_024).unwrap_or(bytes).windows(5).any(|window| window == b"%PDF-")
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    Some((big(bytes, 16, 4)?, big(bytes, 20, 4)?))
}

/// The size is in the first segment that starts a frame.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut place = 2;
    loop {
        let marker = *bytes.get(place + 1)?;
        let starts_frame = (0xc0..=0xcf).contains(&marker) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        match (*bytes.get(place)?, marker) {
            (0xff, 0xff) => place += 1,
            (0xff, _) if starts_frame => return Some((big(bytes, place + 7, 2)?, big(bytes, place + 5, 2)?)),
            (0xff, _) => place += 2 + usize::try_from(big(bytes, place + 2, 2)?).ok()?,
            (_, _) => return None,
        }
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => Some((little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let bits = little(bytes, 21, 4)?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

fn big(bytes: &[u8], place: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(place..place.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

fn little(bytes: &[u8], place: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(place..place.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(bytes: &[u8]) -> Option<(&'static str, u32, u32)> {
        read(bytes).map(|picture| (picture.media_type, picture.width, picture.height))
    }

    #[test]
    fn sizes_are_read_from_the_heads_of_pictures() {
        let png = decoded("iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkp").unwrap();
        assert_eq!(size(&png), Some(("image/png", 4, 4)));
        assert_eq!(size(b"GIF89a\x40\x01\xf0\x00"), Some(("image/gif", 320, 240)));
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc4\x00\x02\xff\xc2\x00\x11\x08\x00\xf0\x01\x40";
        assert_eq!(size(jpeg), Some(("image/jpeg", 320, 240)));
        let lossy = b"RIFF....WEBPVP8 ....\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00";
        assert_eq!(size(lossy), Some(("image/webp", 320, 240)));
        let lossless = b"RIFF....WEBPVP8L....\x2f\x3f\xc1\x3b\x00";
        assert_eq!(size(lossless), Some(("image/webp", 320, 240)));
        let extended = b"RIFF....WEBPVP8X....\x00\x00\x00\x00\x3f\x01\x00\xef\x00\x00";
        assert_eq!(size(extended), Some(("image/webp", 320, 240)));
    }

    #[test]
    fn other_bytes_are_no_picture() {
        for bytes in [
            &b""[..],
            b"hello",
            b"\x89PNG",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a\0\0\0\0",
            b"\xff\xd8\xff\xe0\x00",
            b"RIFF....WEBPxxxx",
        ] {
            assert_eq!(read(bytes), None);
        }
    }

    #[test]
    fn base64_is_read_in_both_alphabets_with_and_without_padding() {
        assert_eq!(decoded("-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(decoded("+/8="), Some(vec![0xfb, 0xff]));
        assert_eq!(decoded("data:,"), None);
        assert!(is_pdf(b"junk%PDF-1.4") && !is_pdf(b"PDF"));
    }
}
