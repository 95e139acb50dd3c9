//! Gemini `generateContent` for Vertex AI. Provider side only.

mod media;
pub mod provider;
pub mod schema;

use crate::wire::media::InlinePart;
use crate::wire::target::Target;

/// Why a model rejects inline bytes. The text says what is rejected.
pub fn media_refusal(part: &InlinePart<'_>, target: &Target<'_>) -> Option<&'static str> {
    media::refusal(part, target)
}
