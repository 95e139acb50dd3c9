//! Request bodies: decompressed once, within limits.

use std::io::Read;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::error::{ErrorKind, GatewayError};

/// Largest body after decompression. Lambda's own limit for the event is 6 MB, so only compressed bodies get near it.
pub const MAX_BODY_BYTES: usize = 25 * 1024 * 1024;

/// The body as text: `gzip`, `deflate`, `br` and `zstd` are undone. 413 beyond 25 MB, 415 for another encoding, 400 for a
/// body that does not decompress or is not UTF-8.
pub fn read(headers: &HeaderMap, body: Bytes) -> Result<String, GatewayError> {
    let encodings = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let encodings: Vec<String> = encodings.flat_map(|list| list.split(',')).map(|name| name.trim().to_lowercase()).collect();
    let mut bytes = Vec::from(body);
    // The last encoding was applied last.
    for encoding in encodings.iter().rev() {
        bytes = match encoding.as_str() {
            "" | "identity" => bytes,
            "gzip" | "x-gzip" => inflate(flate2::read::MultiGzDecoder::new(bytes.as_slice()), encoding)?,
            "deflate" => deflate(&bytes)?,
            "br" => inflate(brotli_decompressor::Decompressor::new(bytes.as_slice(), 4096), encoding)?,
            "zstd" => inflate(zstd(&bytes)?, encoding)?,
            other => return Err(unknown_encoding(other)),
        };
    }
    if bytes.len() > MAX_BODY_BYTES {
        return Err(too_large());
    }
    String::from_utf8(bytes)
        .map_err(|_| GatewayError::new(ErrorKind::InvalidRequest, "The body is not UTF-8 text.").with_code("invalid_json"))
}

/// `deflate` means zlib by the standard, and raw deflate by many senders.
fn deflate(bytes: &[u8]) -> Result<Vec<u8>, GatewayError> {
    match inflate(flate2::read::ZlibDecoder::new(bytes), "deflate") {
        Err(error) if error.kind() == ErrorKind::InvalidRequest => {
            inflate(flate2::read::DeflateDecoder::new(bytes), "deflate")
        }
        result => result,
    }
}

fn zstd(bytes: &[u8]) -> Result<impl Read, GatewayError> {
    ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|error| corrupt("zstd", &error.to_string()))
}

fn inflate(reader: impl Read, encoding: &str) -> Result<Vec<u8>, GatewayError> {
    let mut out = Vec::new();
    let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_end(&mut out).map_err(|error| corrupt(encoding, &error.to_string()))?;
    if out.len() > MAX_BODY_BYTES { Err(too_large()) } else { Ok(out) }
}

fn too_large() -> GatewayError {
    let message = format!("The body exceeds {} MB.", MAX_BODY_BYTES / (1024 * 1024));
    GatewayError::new(ErrorKind::TooLarge, message)
}

fn corrupt(encoding: &str, cause: &str) -> GatewayError {
    let message = format!("The body does not decompress as {encoding}, which its content-encoding says it is.");
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
        assert_eq!(read_as("gzip, gzip", gzip(&gzip(b"{}"))).unwrap(), "{}");
    }

    #[test]
    fn a_bomb_an_unknown_encoding_and_a_corrupt_body_are_refused() {
        let bomb = gzip(&vec![b' '; MAX_BODY_BYTES + 1]);
        assert_eq!(read_as("gzip", bomb).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(read_as("lzma", b"{}".to_vec()).unwrap_err().kind(), ErrorKind::UnsupportedMediaType);
        for encoding in ["gzip", "deflate", "br", "zstd"] {
            assert_eq!(read_as(encoding, b"{}".to_vec()).unwrap_err().kind(), ErrorKind::InvalidRequest, "{encoding}");
        }
        assert_eq!(read_as("identity", vec![0xff]).unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
}
