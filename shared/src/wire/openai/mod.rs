//! OpenAI Chat Completions, as clients speak it to us and as OpenRouter speaks it.

mod calls;
pub mod decode;
pub mod encode;
pub mod encoder;
pub mod error;
pub mod forward;
mod messages;
pub mod reasoning;
pub mod request;
pub mod response;
pub mod stream;
mod tools;
pub mod usage;
