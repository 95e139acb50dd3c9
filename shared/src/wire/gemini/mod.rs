//! Gemini `generateContent`, as Vertex AI speaks it. Provider side only.

mod media;
pub mod provider;
pub mod schema;

use crate::wire::media::InlinePart;
use crate::wire::target::Target;

/// Why a model does not take inline bytes; the words say what is not taken.
pub fn media_refusal(part: &InlinePart<'_>, target: &Target<'_>) -> Option<&'static str> {
    media::refusal(part, target)
}
