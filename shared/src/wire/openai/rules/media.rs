//! Images, documents and audio as OpenRouter accepts them: by their bytes, and by their labels only if the bytes are
//! unknown.

use super::{is_gemini, is_grok};
use crate::wire::media::{Carrier, Detected, detect};

/// Refusal of images that other models behind OpenRouter do not read.
const OTHER_PICTURE: &str = "images of this kind: it accepts JPEG, PNG, GIF and WebP";
/// Refusal of images that Gemini models do not read.
const OTHER_PICTURE_GEMINI: &str = "images of this kind: it accepts JPEG, PNG, WebP and HEIC";
/// Refusal of images that xAI's models do not read.
const OTHER_PICTURE_GROK: &str = "images of this kind: it accepts JPEG, PNG and WebP";
/// Refusal of documents of other kinds.
const OTHER_FILE: &str = "files of this kind: it accepts PDF and text";
/// Refusal of videos of other kinds.
const OTHER_VIDEO: &str = "videos of this kind: it accepts MP4, MPEG, MOV and WebM";
/// Refusal of audio of other formats.
const OTHER_SOUND: &str = "audio of this format: it accepts WAV, MP3, AIFF, AAC, OGG, FLAC and M4A";

/// Audio formats (openrouter.ai, audio inputs).
const SOUNDS: [&str; 9] = ["aac", "aiff", "flac", "m4a", "mp3", "ogg", "pcm16", "pcm24", "wav"];

/// The part type for bytes, and its label: a media type or an audio format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire::openai) struct Carried<'t> {
    /// The part type.
    pub(in crate::wire::openai) carrier: Carrier,
    /// The label.
    pub(in crate::wire::openai) label: &'t str,
}

/// The part type for base64 with this label, if the client uses that part type.
pub(in crate::wire::openai) fn carried<'t>(data: &str, label: &'t str, given: Carrier) -> Carried<'t> {
    match detect(data) {
        Some(Detected::Picture(label)) => Carried { carrier: Carrier::Picture, label },
        Some(Detected::Pdf) => Carried { carrier: Carrier::File, label: "application/pdf" },
        Some(Detected::Sound(label)) => Carried { carrier: Carrier::Sound, label },
        Some(Detected::Video(label)) => Carried { carrier: Carrier::Video, label },
        Some(Detected::Archive) => Carried { carrier: Carrier::File, label: "application/zip" },
        None => Carried { carrier: given, label },
    }
}

/// Why a model rejects such a part; `None` if it accepts it. Images: openrouter.ai, image inputs; ai.google.dev, image
/// understanding; docs.x.ai, image understanding (`does not contain a valid JPG or PNG image`: cline/cline#5278;
/// since September 2026 its error names WebP too).
pub(in crate::wire::openai) fn refusal(upstream: &str, carried: Carried<'_>) -> Option<&'static str> {
    let Carried { carrier, label } = carried;
    let is_taken = match carrier {
        Carrier::Picture => match label {
            "image/png" | "image/jpeg" | "image/jpg" | "image/webp" => true,
            "image/heic" | "image/heif" => is_gemini(upstream),
            "image/gif" => !is_gemini(upstream) && !is_grok(upstream),
            _ => false,
        },
        Carrier::File => label == "application/pdf",
        Carrier::Sound => SOUNDS.contains(&label),
        Carrier::Video => label.starts_with("video/"),
    };
    let words = match carrier {
        Carrier::Picture if is_gemini(upstream) => OTHER_PICTURE_GEMINI,
        Carrier::Picture if is_grok(upstream) => OTHER_PICTURE_GROK,
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
        for (label, refused) in [("image/jpeg", None), ("image/webp", None), ("image/gif", Some(OTHER_PICTURE_GROK))] {
            assert_eq!(refusal("x-ai/grok-4.7", of(Carrier::Picture, label)), refused, "{label}");
        }
    }
}
