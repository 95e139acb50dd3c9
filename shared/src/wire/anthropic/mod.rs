//! Anthropic Messages, as clients speak it to us and as Vertex AI speaks it.

pub mod betas;
mod blocks;
pub mod decode;
pub mod encode;
pub mod encoder;
pub mod error;
pub mod forward;
pub mod native;
pub mod request;
pub mod response;
pub mod schema;
mod signature;
pub mod stream;
mod thinking;
mod typed_tools;
pub mod usage;
