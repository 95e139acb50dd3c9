//! Images, documents, audio and video that Gemini accepts, by their labels (ai.google.dev and docs.cloud.google.com, pages
//! of image, document, audio and video understanding).

use crate::wire::media::{Carrier, Detected, InlinePart, OFFICE, detect};
use crate::wire::target::Target;

/// Refusal of images of other kinds.
const OTHER_PICTURE: &str = "images of this kind: it accepts JPEG, PNG, WebP and HEIC";
/// Refusal of documents of other kinds.
const OTHER_FILE: &str = "files of this kind: it accepts PDF and text";
/// Refusal of documents of other kinds by models that read Office files.
const OTHER_THAN_OFFICE: &str =
    "files of this kind: it accepts PDF, text and Office files; name the format in its media type or file name";

/// Why the model rejects inline bytes; `None` if it accepts them.
pub(super) fn refusal(part: &InlinePart<'_>, target: &Target<'_>) -> Option<&'static str> {
    let reads_office = target.capabilities.office_files;
    let other_file = if reads_office { OTHER_THAN_OFFICE } else { OTHER_FILE };
    let is_office = OFFICE.iter().any(|(_, kind)| *kind == part.label);
    match (detect(&part.data), part.carrier) {
        (Some(Detected::Picture("image/gif" | "image/tiff" | "image/avif")), _) => Some(OTHER_PICTURE),
        (Some(Detected::Archive), _) => (!(is_office && reads_office)).then_some(other_file),
        (None, Carrier::File) => {
            let is_known = ["text/", "image/", "audio/", "video/"].iter().any(|start| part.label.starts_with(start));
            (!is_known && part.label != "application/pdf").then_some(other_file)
        }
        (None, Carrier::Picture) => {
            matches!(&*part.label, "image/gif" | "image/tiff" | "image/bmp" | "image/svg+xml").then_some(OTHER_PICTURE)
        }
        (Some(Detected::Picture(_) | Detected::Pdf | Detected::Sound(_) | Detected::Video(_)), _)
        | (None, Carrier::Sound | Carrier::Video) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::capability::Capabilities;

    const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

    fn verdict(carrier: Carrier, label: &str, bytes: &[u8], office_files: bool) -> Option<&'static str> {
        let capabilities = Capabilities { office_files, ..Capabilities::default() };
        let target = Target {
            capabilities: &capabilities,
            max_output_tokens: 9,
            default_output: 9,
            must_say_limit: false,
            context_window: 9,
            upstream: "gemini",
        };
        let data = STANDARD.encode([bytes, &[0; 20]].concat());
        refusal(&InlinePart { carrier, label: Cow::Borrowed(label), data: Cow::Owned(data) }, &target)
    }

    #[test]
    fn a_kind_that_gemini_does_not_read_is_refused() {
        for (carrier, label, bytes, expected) in [
            (Carrier::Picture, "image/png", &b"\x89PNG"[..], None),
            (Carrier::Picture, "image/gif", b"GIF89a", Some(OTHER_PICTURE)),
            (Carrier::Picture, "image/svg+xml", b"<svg>", Some(OTHER_PICTURE)),
            (Carrier::File, "application/pdf", b"%PDF-1.4", None),
            (Carrier::File, "application/octet-stream", b"?", Some(OTHER_FILE)),
            (Carrier::File, WORD, b"PK\x03\x04", Some(OTHER_FILE)),
            (Carrier::Sound, "wav", b"RIFF", None),
            (Carrier::Video, "video/mp4", b"?", None),
        ] {
            assert_eq!(verdict(carrier, label, bytes, false), expected, "{label}");
        }
    }

    #[test]
    fn a_model_of_office_files_takes_those_that_say_what_they_are() {
        assert_eq!(verdict(Carrier::File, WORD, b"PK\x03\x04", true), None);
        assert_eq!(verdict(Carrier::File, "application/zip", b"PK\x03\x04", true), Some(OTHER_THAN_OFFICE));
    }
}
