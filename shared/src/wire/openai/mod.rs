//! OpenAI Chat Completions, as clients speak it to us and as OpenRouter speaks it.

pub mod client;
pub mod native;
pub mod provider;
pub mod reasoning;
mod rules;
pub mod usage;

use crate::wire::media::InlinePart;

/// Why a model behind OpenRouter does not take inline bytes; the words say what is not taken.
pub fn media_refusal(upstream: &str, part: &InlinePart<'_>) -> Option<&'static str> {
    rules::media::refusal(upstream, rules::media::carried(&part.data, &part.label, part.carrier))
}
