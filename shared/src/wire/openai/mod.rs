//! OpenAI Chat Completions, as clients speak it to us and as OpenRouter speaks it.

pub mod client;
pub mod native;
pub mod provider;
pub mod reasoning;
mod rules;
pub mod usage;
