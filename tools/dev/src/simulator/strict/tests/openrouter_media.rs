//! The rules for pictures, files and sound behind OpenRouter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::openrouter::{CLAUDE, GEMINI, GPT, says, talk, verdict};
use super::*;

const GROK: &str = "x-ai/grok-4.7";
const PDF: &str = "JVBERi0xLjQK";
const GIF: &str = "R0lGODlhAQABAAAAACw=";

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn shown(part: Value) -> Value {
    talk(&[says(&json!([part]))])
}

fn picture(kind: &str, data: &str) -> Value {
    shown(json!({ "type": "image_url", "image_url": { "url": format!("data:{kind};base64,{data}") } }))
}

/// The head of a GIF of this size in base64.
fn gif(width: u8, height: u8) -> String {
    STANDARD.encode([b"GIF89a", &[width, 0, height, 0, 0, 0, 0, b','][..]].concat())
}

fn file(data: &str) -> Value {
    shown(json!({ "type": "file", "file": { "filename": "a", "file_data": data } }))
}

fn sound(format: &str, data: &str) -> Value {
    shown(json!({ "type": "input_audio", "input_audio": { "format": format, "data": data } }))
}

fn video(address: &str) -> Value {
    shown(json!({ "type": "video_url", "video_url": { "url": address } }))
}

/// The beginning of a PNG of this size.
fn png(width: u8, height: u8) -> String {
    let size = [0, 0, 0, width, 0, 0, 0, height];
    STANDARD.encode([&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &size, b"\x08\x02\0\0\0"].concat())
}

#[test]
fn parts_are_what_their_bytes_are() {
    let pdf = |data: &str| format!("data:application/pdf;base64,{data}");
    for (model, change) in [
        (GPT, picture("image/jpeg", PNG)),
        (CLAUDE, picture("image/gif", GIF)),
        (GEMINI, picture("image/png", PNG)),
        (GROK, picture("image/jpeg", &png(32, 16))),
        (GPT, file(&pdf(PDF))),
        (GPT, file("https://a.example/b.pdf")),
        (GEMINI, sound("wav", "AAAA")),
        (GEMINI, video("https://a.example/b.mp4")),
        (GEMINI, video("data:video/mp4;base64,AAAAGGZ0eXBpc29t")),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{model}: {change}");
    }
    for (model, change, words) in [
        (GPT, picture("image/png", PDF), "You uploaded an unsupported image."),
        (GPT, picture("image/svg+xml", PNG), "Unsupported MIME type: image/svg+xml"),
        (GEMINI, picture("image/gif", GIF), "Unsupported MIME type: image/gif"),
        (GROK, picture("image/png", &png(31, 16)), "below the minimum of 512 pixels"),
        (GROK, picture("image/png", &png(200, 7)), "below the minimum of 512 pixels"),
        (GROK, picture("image/gif", GIF), "Unsupported MIME type: image/gif"),
        (GROK, picture("image/png", GIF), "does not contain a valid JPG, PNG, WebP"),
        (CLAUDE, picture("image/jpeg", PNG), "Image does not match the provided media type image/jpeg"),
        (GPT, picture("image/png", "no base64!"), "Invalid base64 data"),
        (GPT, file(&pdf(PNG)), "Unsupported file type"),
        (GPT, file("data:application/msword;base64,AAAA"), "Unsupported file type: application/msword"),
        (GEMINI, video("data:video/mp4;base64,no base64!"), "Invalid base64 data"),
        (GEMINI, video("data:text/plain;base64,AAAA"), "Unsupported video type: text/plain"),
        (GEMINI, video(&format!("data:video/mp4;base64,{PNG}")), "Unsupported video type"),
        (GEMINI, video("gs://bucket/b.mp4"), "Invalid video URL"),
        (GEMINI, sound("midi", "AAAA"), "Invalid value: 'midi'"),
        (GEMINI, sound("wav", PNG), "The audio data is not valid."),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn a_picture_for_qwen_has_more_than_ten_pixels_on_both_sides() {
    const QWEN: &str = "qwen/qwen3.8-max-0902";
    let of = |width: u8, height: u8| picture("image/gif", &gif(width, height));
    assert_eq!(verdict(QWEN, &of(11, 11)), Ok(()));
    for (width, height) in [(1, 1), (10, 100), (100, 10)] {
        let change = of(width, height);
        refused(verdict(QWEN, &change), "height or width must be larger than 10", &change);
    }
    assert_eq!(verdict(GPT, &of(1, 1)), Ok(()));
}
