//! Anthropic Messages, as clients speak it to us and as Vertex AI speaks it.

pub mod betas;
pub mod error;
pub mod forward;
pub mod request;
pub mod response;
pub mod stream;
pub mod usage;
