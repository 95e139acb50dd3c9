//! Tokens of pictures, documents and sound.

use super::super::picture;
use super::family::{Family, Pictures, SECOND};
use super::{sound, tokenizer};

/// Minimum number of bytes of a second of video. The simulator does not read videos.
const VIDEO_BYTES: usize = 20_000;

/// Tokens of this base64 with this media type. Without a type, the bytes decide.
pub(super) fn inline(family: Family, media_type: &str, data: &str) -> u64 {
    let Some(bytes) = picture::decoded(data) else { return tokenizer::tokens(data) };
    let kind = media_type.split('/').next().unwrap_or_default();
    if picture::is_pdf(&bytes) {
        return pages(family, &bytes);
    }
    if let Some(seen) = picture::read(&bytes) {
        return size(family, seen.width, seen.height);
    }
    match kind {
        // A header that cannot be read completely, or a type that only some providers know.
        "image" if is_picture(&bytes) => largest(family),
        "audio" => SECOND * sound::seconds(&bytes),
        "video" => (family.frame + SECOND) * u64::try_from(bytes.len().div_ceil(VIDEO_BYTES)).unwrap_or(u64::MAX),
        "text" => tokenizer::tokens(&String::from_utf8_lossy(&bytes)),
        // Anything that is not of its declared type counts as text.
        _ => tokenizer::tokens(data),
    }
}

/// Tokens of the content at a URL, which the simulator does not fetch.
pub(super) fn linked(family: Family, is_picture: bool) -> u64 {
    if is_picture { largest(family) } else { page(family) }
}

fn is_picture(bytes: &[u8]) -> bool {
    let heads: [&[u8]; 4] = [b"\x89PNG", &[0xff, 0xd8, 0xff], b"GIF8", b"RIFF"];
    heads.iter().any(|head| bytes.starts_with(head)) || bytes.get(4..8) == Some(b"ftyp")
}

/// Tokens of a picture of this size.
pub(super) fn size(family: Family, width: u32, height: u32) -> u64 {
    match family.pictures {
        Pictures::Each(tokens) => tokens,
        Pictures::Tiles if width <= 384 && height <= 384 => 258,
        Pictures::Tiles => 258 * u64::from(width.div_ceil(768)) * u64::from(height.div_ceil(768)),
        Pictures::Patches { side, edge, least, most, factor } => {
            let long = width.max(height).max(1);
            let scaled = |length: u32| {
                let length = u64::from(length) * u64::from(long.min(edge));
                length.div_ceil(u64::from(long)).div_ceil(u64::from(side))
            };
            (scaled(width) * scaled(height)).clamp(least, most).saturating_mul(factor).div_ceil(100)
        }
    }
}

/// Tokens of the largest picture.
fn largest(family: Family) -> u64 {
    match family.pictures {
        Pictures::Each(tokens) => tokens,
        // The largest picture of a request has 8000 points on each side.
        Pictures::Tiles => size(family, 8_000, 8_000),
        Pictures::Patches { most, factor, .. } => most.saturating_mul(factor).div_ceil(100),
    }
}

/// Pages of a PDF are its objects of that type. If they are compressed, there is at least one.
fn pages(family: Family, bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let after = |rest: &str| rest.trim_start().strip_prefix("/Page").is_some_and(|rest| !rest.starts_with('s'));
    let pages = text.split("/Type").skip(1).filter(|rest| after(rest)).count();
    page(family) * u64::try_from(pages.max(1)).unwrap_or(u64::MAX)
}

/// A page of A4 or letter with 2048 points on its long side is the largest that readers draw.
fn page(family: Family) -> u64 {
    family.page_text + if family.page_picture { size(family, 1_583, 2_048) } else { 0 }
}
