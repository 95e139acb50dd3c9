//! What OpenRouter, and the models behind it, reject in pictures, files and sound. They check the bytes.

use serde_json::Value;

use super::super::picture;
use super::verdict::{Verdict, ensure, is_name};

/// Picture types (openrouter.ai, image inputs). Gemini accepts further ones (ai.google.dev, image understanding), which are
/// not checked here.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const PICTURES_OF_GEMINI: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];
/// docs.x.ai, image understanding; cline/cline#5278. Since September 2026 its error names WebP too.
const PICTURES_OF_GROK: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];
/// Sound formats (openrouter.ai, audio inputs).
const SOUNDS: [&str; 9] = ["wav", "mp3", "aiff", "aac", "ogg", "flac", "m4a", "pcm16", "pcm24"];

/// Checks a part of that type for this model.
pub(super) fn check(model: &str, kind: &str, part: &Value) -> Verdict {
    let text = |place: &str| part.pointer(place).and_then(Value::as_str).unwrap_or_default();
    match kind {
        "image_url" => image(model, text("/image_url/url")),
        "file" => file(text("/file/file_data")),
        "video_url" => video(text("/video_url/url")),
        "input_audio" => sound(text("/input_audio/format"), text("/input_audio/data")),
        _ => Ok(()),
    }
}

/// Label and bytes of a data URL; `None` for another URL.
fn inline(address: &str) -> Result<Option<(&str, Vec<u8>)>, String> {
    let Some(rest) = address.strip_prefix("data:") else { return Ok(None) };
    let (label, data) = rest.split_once(";base64,").ok_or_else(|| "Invalid data URL: expected base64.".to_owned())?;
    Ok(Some((label.split(';').next().unwrap_or(label), bytes(data)?)))
}

fn bytes(data: &str) -> Result<Vec<u8>, String> {
    let data = Some(data).filter(|data| is_name(data, "+/=", usize::MAX));
    data.and_then(picture::decoded).ok_or_else(|| "Invalid base64 data".to_owned())
}

/// Inline bytes must be a picture of a supported type. Each vendor has its own error message.
fn image(model: &str, address: &str) -> Verdict {
    let Some((label, bytes)) = inline(address)? else { return Ok(()) };
    let vendor = model.split('/').next();
    let kinds = match vendor {
        Some("google") => &PICTURES_OF_GEMINI[..],
        Some("x-ai") => &PICTURES_OF_GROK,
        Some(_) | None => &PICTURES,
    };
    ensure(kinds.contains(&label), || format!("Unsupported MIME type: {label}"))?;
    if matches!(label, "image/heic" | "image/heif") {
        return Ok(());
    }
    let read = picture::read(&bytes);
    ensure(read.is_some(), || match vendor {
        Some("anthropic") => "Could not process image".to_owned(),
        Some("google") => "Unable to process input image.".to_owned(),
        Some(_) | None => {
            "You uploaded an unsupported image. Please make sure your image has of one the following formats: \
             ['png', 'jpeg', 'gif', 'webp']."
                .to_owned()
        }
    })?;
    let is_other = read.as_ref().is_some_and(|picture| !PICTURES_OF_GROK.contains(&picture.media_type));
    ensure(!is_other || vendor != Some("x-ai"), || {
        "Invalid request content: Downloaded response does not contain a valid JPG, PNG, WebP, or ICO image.".to_owned()
    })?;
    // QwenLM/qwen-code#2505, infiniflow/ragflow#12868.
    let is_small = read.as_ref().is_some_and(|picture| picture.width.min(picture.height) <= 10);
    ensure(!is_small || vendor != Some("qwen"), || {
        "The image length and width do not meet the model restrictions. [height or width must be larger than 10]".to_owned()
    })?;
    // Its own words, for 10 x 10 and 1 x 1 pixels.
    let is_tiny = read.as_ref().is_some_and(|picture| {
        picture.width.min(picture.height) < 8 || u64::from(picture.width) * u64::from(picture.height) < 512
    });
    ensure(!is_tiny || vendor != Some("x-ai"), || "Image is below the minimum of 512 pixels.".to_owned())?;
    // anthropics/claude-code, issues on the media type. Gemini also relies on the label.
    let is_told = read.is_some_and(|picture| picture.media_type == label);
    ensure(is_told || !matches!(vendor, Some("anthropic" | "google")), || {
        format!("Image does not match the provided media type {label}")
    })
}

/// Files are PDFs (openrouter.ai, PDF inputs).
fn file(address: &str) -> Verdict {
    let Some((label, bytes)) = inline(address)? else {
        return ensure(address.starts_with("http"), || "Invalid file URL".to_owned());
    };
    ensure(label == "application/pdf" && picture::is_pdf(&bytes), || format!("Unsupported file type: {label}"))
}

/// Inline video is base64 with a label of its type (openrouter.ai, video inputs). Bytes that are not a video are rejected.
fn video(address: &str) -> Verdict {
    let Some((label, bytes)) = inline(address)? else {
        return ensure(address.starts_with("http"), || "Invalid video URL".to_owned());
    };
    let is_other = picture::read(&bytes).is_some() || picture::is_pdf(&bytes);
    ensure(label.starts_with("video/") && !is_other, || format!("Unsupported video type: {label}"))
}

fn sound(format: &str, data: &str) -> Verdict {
    ensure(SOUNDS.contains(&format), || format!("Invalid value: '{format}'. Supported values are: {}.", SOUNDS.join(", ")))?;
    let bytes = bytes(data)?;
    let is_other = picture::read(&bytes).is_some() || picture::is_pdf(&bytes);
    ensure(!is_other, || "The audio data is not valid.".to_owned())
}
