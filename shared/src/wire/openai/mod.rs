//! OpenAI Chat Completions, as clients speak it to us and as OpenRouter speaks it.

pub mod client;
pub mod decode;
pub mod encode;
mod messages;
pub mod native;
pub mod provider;
pub mod reasoning;
pub mod request;
mod tools;
pub mod usage;
