//! OpenAI Chat Completions, as clients speak it to us and as OpenRouter speaks it.

pub mod error;
pub mod forward;
pub mod request;
pub mod response;
pub mod stream;
pub mod usage;
