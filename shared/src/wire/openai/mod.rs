//! OpenAI Chat Completions, for clients and for OpenRouter.

mod annotations;
pub mod client;
pub mod native;
pub mod provider;
pub mod reasoning;
mod rules;
pub mod usage;

use crate::wire::media::InlinePart;

/// Why a model behind OpenRouter rejects inline bytes. The text says what is rejected.
pub fn media_refusal(upstream: &str, part: &InlinePart<'_>) -> Option<&'static str> {
    rules::media::refusal(upstream, rules::media::carried(&part.data, &part.label, part.carrier))
}
