//! Decompresses request bodies, within limits.

use std::io::Read;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::error::{ErrorKind, GatewayError};

/// Largest body after decompression. Lambda's limit for the event is 6 MB, so only compressed bodies come close.
pub const MAX_BODY_BYTES: usize = 25 * 1024 * 1024;

/// Largest body after decompression that is read before the table confirms the key.
pub const SMALL_BODY_BYTES: usize = 64 * 1024;

/// The body as text, after undoing `gzip`, `deflate`, `br` or `zstd`. Fails with 413 above 25 MB, 415 for another encoding
/// or more than one, and 400 for a body that cannot be decompressed or is not UTF-8.
pub fn read(headers: &HeaderMap, body: Bytes) -> Result<String, GatewayError> {
    read_within(headers, body, MAX_BODY_BYTES)?.ok_or_else(too_large)
}

/// The body as text, if it has at most [`SMALL_BODY_BYTES`] after decompression. Returns `None` for a larger one, without
/// decompressing more than that, and for `br` and `zstd`, whose decoders fill a window of megabytes before the first byte.
/// Fails like [`read`].
pub fn read_small(headers: &HeaderMap, body: Bytes) -> Result<Option<String>, GatewayError> {
    match encoding(headers)?.as_deref() {
        Some("br" | "zstd") => Ok(None),
        Some(_) | None => read_within(headers, body, SMALL_BODY_BYTES),
    }
}

fn read_within(headers: &HeaderMap, body: Bytes, limit: usize) -> Result<Option<String>, GatewayError> {
    let bytes = match encoding(headers)?.as_deref() {
        None => (body.len() <= limit).then(|| Vec::from(body)),
        Some(name @ ("gzip" | "x-gzip")) => inflate(flate2::read::MultiGzDecoder::new(&*body), name, limit)?,
        Some("deflate") => deflate(&body, limit)?,
        Some("br") => inflate(brotli(&body)?, "br", limit)?,
        Some("zstd") => zstd(&body, limit)?,
        Some(other) => return Err(unknown_encoding(other)),
    };
    let not_text = |_| GatewayError::new(ErrorKind::InvalidRequest, "The body is not UTF-8 text.").with_code("invalid_json");
    bytes.map(|bytes| String::from_utf8(bytes).map_err(not_text)).transpose()
}

/// The encoding of a body. Only one is accepted, because several would multiply the cost of a small body.
fn encoding(headers: &HeaderMap) -> Result<Option<String>, GatewayError> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|list| list.split(',')).map(|name| name.trim().to_lowercase());
    let mut names = names.filter(|name| !matches!(name.as_str(), "" | "identity"));
    let first = names.next();
    if names.next().is_some() {
        let message = "Only one content-encoding is accepted: gzip, deflate, br or zstd.";
        return Err(GatewayError::new(ErrorKind::UnsupportedMediaType, message).with_param("content-encoding"));
    }
    Ok(first)
}

/// `deflate` is zlib by the standard, but many senders use raw deflate.
fn deflate(bytes: &[u8], limit: usize) -> Result<Option<Vec<u8>>, GatewayError> {
    let zlib = inflate(flate2::read::ZlibDecoder::new(bytes), "deflate", limit);
    zlib.or_else(|_| inflate(flate2::read::DeflateDecoder::new(bytes), "deflate", limit))
}

/// A stream that begins with the large-window mark is not valid by RFC 7932 (section 9.1), but the decoder would take a
/// gigabyte for it.
fn brotli(bytes: &[u8]) -> Result<impl Read, GatewayError> {
    const LARGE_WINDOW: u8 = 0b001_0001;
    if bytes.first().is_some_and(|first| first & 0b111_1111 == LARGE_WINDOW) {
        return Err(corrupt("br", "a large window"));
    }
    Ok(brotli_decompressor::Decompressor::new(bytes, 4096))
}

/// Decompresses all frames. Servers need not accept windows above 8 MB (RFC 9659).
fn zstd(mut bytes: &[u8], limit: usize) -> Result<Option<Vec<u8>>, GatewayError> {
    const MOST: u64 = 8 * 1024 * 1024;
    let mut out = Vec::new();
    bytes = without_skippable_frames(bytes);
    loop {
        if zstd_window(bytes).is_some_and(|window| window > MOST) {
            return Err(corrupt("zstd", "a window above 8 MB"));
        }
        let mut frame =
            ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|_| corrupt("zstd", "an unreadable frame"))?;
        let Some(more) = inflate(&mut frame, "zstd", limit.saturating_sub(out.len()))? else { return Ok(None) };
        out.extend(more);
        bytes = without_skippable_frames(frame.into_inner());
        if bytes.is_empty() {
            return Ok(Some(out));
        }
    }
}

/// Skips frames without content (RFC 8878, section 3.1.2).
fn without_skippable_frames(mut bytes: &[u8]) -> &[u8] {
    const MAGIC: u32 = 0x184d_2a50;
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let [a, b, c, d, length @ ..] = *head;
        if u32::from_le_bytes([a, b, c, d]) & !0xf != MAGIC {
            break;
        }
        bytes = usize::try_from(u32::from_le_bytes(length)).ok().and_then(|length| rest.get(length..)).unwrap_or_default();
    }
    bytes
}

/// The window of a frame, from its header (RFC 8878, section 3.1.1.1); `None` if the content is a single segment.
fn zstd_window(bytes: &[u8]) -> Option<u64> {
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let [_, _, _, _, descriptor, window, ..] = *bytes else { return None };
    let (exponent, mantissa) = (u32::from(window >> 3), u64::from(window & 0b111));
    let base = 1_u64.checked_shl(exponent.saturating_add(10)).unwrap_or(u64::MAX);
    (descriptor & SINGLE_SEGMENT == 0).then(|| base.saturating_add((base / 8).saturating_mul(mantissa)))
}

/// The decompressed bytes; `None` above the limit.
fn inflate(reader: impl Read, encoding: &str, limit: usize) -> Result<Option<Vec<u8>>, GatewayError> {
    let mut out = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut out).map_err(|_| corrupt(encoding, "the data does not decompress"))?;
    Ok((out.len() <= limit).then_some(out))
}

fn too_large() -> GatewayError {
    let message = format!("The body exceeds {} MB.", MAX_BODY_BYTES / (1024 * 1024));
    GatewayError::new(ErrorKind::TooLarge, message)
}

fn corrupt(encoding: &str, cause: &'static str) -> GatewayError {
    let message = format!("The body cannot be decompressed as {encoding}, the encoding in its content-encoding header.");
    GatewayError::new(ErrorKind::InvalidRequest, message).with_param("content-encoding").with_cause(cause)
}

fn unknown_encoding(encoding: &str) -> GatewayError {
    let encoding: String = encoding.chars().take(40).collect();
    let message = format!("The content-encoding {encoding} is not supported; use gzip, deflate, br, zstd or none.");
    GatewayError::new(ErrorKind::UnsupportedMediaType, message).with_param("content-encoding")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;
    use crate::reason::Reason;

    fn read_as(encoding: &str, body: Vec<u8>) -> Result<String, GatewayError> {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, encoding.parse().unwrap())]);
        read(&headers, body.into())
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_and_both_kinds_of_deflate_are_undone() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"{}").unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(b"{}").unwrap();
        assert_eq!(read_as("gzip", gzip(b"{}")).unwrap(), "{}");
        assert_eq!(read_as("deflate", zlib.finish().unwrap()).unwrap(), "{}");
        assert_eq!(read_as("deflate", raw.finish().unwrap()).unwrap(), "{}");
        assert_eq!(read_as("identity", b"{}".to_vec()).unwrap(), "{}");
        assert_eq!(read_as("identity, gzip", gzip(b"{}")).unwrap(), "{}");
    }

    #[test]
    fn all_frames_of_a_body_are_read() {
        let zstd = |text: &str| {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            ruzstd::encoding::compress_to_vec(text.as_bytes(), level)
        };
        assert_eq!(read_as("zstd", [zstd("{"), zstd("}")].concat()).unwrap(), "{}");
        let skipped = b"\x51\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        assert_eq!(
            read_as("zstd", [skipped.clone(), zstd("{"), skipped.clone(), zstd("}"), skipped].concat()).unwrap(),
            "{}"
        );
        assert_eq!(read_as("gzip", [gzip(b"{"), gzip(b"}")].concat()).unwrap(), "{}");
        let most = [zstd("{"), zstd(&" ".repeat(MAX_BODY_BYTES))].concat();
        assert_eq!(read_as("zstd", most).unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn a_bomb_an_unknown_encoding_and_a_corrupt_body_are_refused() {
        let bomb = gzip(&vec![b' '; MAX_BODY_BYTES + 1]);
        assert_eq!(read_as("gzip", bomb).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(read_as("lzma", b"{}".to_vec()).unwrap_err().kind(), ErrorKind::UnsupportedMediaType);
        assert_eq!(read_as("gzip, gzip", gzip(&gzip(b"{}"))).unwrap_err().kind(), ErrorKind::UnsupportedMediaType);
        for encoding in ["gzip", "deflate", "br", "zstd"] {
            assert_eq!(read_as(encoding, b"{}".to_vec()).unwrap_err().kind(), ErrorKind::InvalidRequest, "{encoding}");
        }
        assert_eq!(read_as("identity", vec![0xff]).unwrap_err().kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_window_of_more_than_eight_megabytes_is_refused() {
        // Headers: brotli's marker of a large window, and zstd's windows of 16 MB and 8 MB.
        let zstd = |window: u8| vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, window, 0x01, 0x00, 0x00];
        for (encoding, body, cause) in
            [("br", vec![0x11, 0x1e, 0x03], "a large window"), ("zstd", zstd(14 << 3), "a window above 8 MB")]
        {
            assert_eq!(read_as(encoding, body).unwrap_err().reason(), Reason::from(cause));
        }
        assert_eq!(read_as("zstd", zstd(13 << 3)).unwrap(), "");
    }

    #[test]
    fn what_needs_a_large_window_is_not_decompressed_for_anybody() {
        for encoding in ["br", "zstd"] {
            let headers = HeaderMap::from_iter([(CONTENT_ENCODING, encoding.parse().unwrap())]);
            assert_eq!(read_small(&headers, Bytes::from_static(b"x")).unwrap(), None);
        }
    }

    #[test]
    fn what_a_small_body_may_hold_is_measured_after_decompression() {
        let gzipped = HeaderMap::from_iter([(CONTENT_ENCODING, "gzip".parse().unwrap())]);
        let of = |length: usize| read_small(&gzipped, gzip(&vec![b' '; length]).into()).unwrap().map(|text| text.len());
        assert_eq!(of(SMALL_BODY_BYTES), Some(SMALL_BODY_BYTES));
        assert_eq!(of(SMALL_BODY_BYTES + 1), None);
        let plain = |length: usize| read_small(&HeaderMap::new(), vec![b' '; length].into()).unwrap().map(|text| text.len());
        assert_eq!((plain(SMALL_BODY_BYTES), plain(SMALL_BODY_BYTES + 1)), (Some(SMALL_BODY_BYTES), None));
    }
}
