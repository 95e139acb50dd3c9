//! Pictures, documents and sound as OpenRouter takes them: by what their bytes are, and by their labels only where those do not tell.

use super::is_gemini;
use crate::wire::media::{Carrier, Told, told};

/// What pictures of other kinds are refused with.
const OTHER_PICTURE: &str = "pictures of this kind: it takes JPEG, PNG, GIF and WebP";
/// What pictures of other kinds are refused with where the model is Gemini.
const OTHER_PICTURE_GEMINI: &str = "pictures of this kind: it takes JPEG, PNG, WebP and HEIC";
/// What documents of other kinds are refused with.
const OTHER_FILE: &str = "files of this kind: it takes PDF and text";
/// What videos of other kinds are refused with.
const OTHER_VIDEO: &str = "videos of this kind: it takes MP4, MPEG, MOV and WebM";
/// What sound of other formats is refused with.
const OTHER_SOUND: &str = "sound of this format: it takes WAV, MP3, AIFF, AAC, OGG, FLAC and M4A";

/// Formats of sound (openrouter.ai, audio inputs).
const SOUNDS: [&str; 9] = ["aac", "aiff", "flac", "m4a", "mp3", "ogg", "pcm16", "pcm24", "wav"];

/// What carries bytes, and under which label: a media type, or a format of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire::openai) struct Carried<'t> {
    /// The part.
    pub(in crate::wire::openai) carrier: Carrier,
    /// The label.
    pub(in crate::wire::openai) label: &'t str,
}

/// The part for base64 of that label, where its client puts it into that one.
pub(in crate::wire::openai) fn carried<'t>(data: &str, label: &'t str, given: Carrier) -> Carried<'t> {
    match told(data) {
        Some(Told::Picture(label)) => Carried { carrier: Carrier::Picture, label },
        Some(Told::Pdf) => Carried { carrier: Carrier::File, label: "application/pdf" },
        Some(Told::Sound(label)) => Carried { carrier: Carrier::Sound, label },
        Some(Told::Video(label)) => Carried { carrier: Carrier::Video, label },
        Some(Told::Archive) => Carried { carrier: Carrier::File, label: "application/zip" },
        None => Carried { carrier: given, label },
    }
}

/// Why a model does not take such a part; `None` for what it takes. Pictures: openrouter.ai, image inputs; ai.google.dev, image
/// understanding.
pub(in crate::wire::openai) fn refusal(upstream: &str, carried: Carried<'_>) -> Option<&'static str> {
    let Carried { carrier, label } = carried;
    let is_taken = match carrier {
        Carrier::Picture => match label {
            "image/png" | "image/jpeg" | "image/jpg" | "image/webp" => true,
            "image/heic" | "image/heif" => is_gemini(upstream),
            "image/gif" => !is_gemini(upstream),
            _ => false,
        },
        Carrier::File => label == "application/pdf",
        Carrier::Sound => SOUNDS.contains(&label),
        Carrier::Video => label.starts_with("video/"),
    };
    let words = match carrier {
        Carrier::Picture if is_gemini(upstream) => OTHER_PICTURE_GEMINI,
        Carrier::Picture => OTHER_PICTURE,
        Carrier::File => OTHER_FILE,
        Carrier::Video => OTHER_VIDEO,
        Carrier::Sound => OTHER_SOUND,
    };
    (!is_taken).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_takes_the_kinds_that_its_vendor_names() {
        let of = |carrier, label| Carried { carrier, label };
        for (carried, gemini, others) in [
            (of(Carrier::Picture, "image/png"), None, None),
            (of(Carrier::Picture, "image/gif"), Some(OTHER_PICTURE_GEMINI), None),
            (of(Carrier::Picture, "image/heic"), None, Some(OTHER_PICTURE)),
            (of(Carrier::Picture, "image/svg+xml"), Some(OTHER_PICTURE_GEMINI), Some(OTHER_PICTURE)),
            (of(Carrier::File, "application/pdf"), None, None),
            (of(Carrier::File, "application/msword"), Some(OTHER_FILE), Some(OTHER_FILE)),
            (of(Carrier::Video, "video/mp4"), None, None),
            (of(Carrier::Video, "text/plain"), Some(OTHER_VIDEO), Some(OTHER_VIDEO)),
            (of(Carrier::Sound, "mp3"), None, None),
            (of(Carrier::Sound, "midi"), Some(OTHER_SOUND), Some(OTHER_SOUND)),
        ] {
            assert_eq!(refusal("google/gemini-2.5-pro", carried), gemini, "{carried:?}");
            assert_eq!(refusal("openai/gpt-5.2", carried), others, "{carried:?}");
        }
    }
}
