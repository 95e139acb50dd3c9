//! Anthropic Messages, as clients speak it to us and as Vertex AI speaks it.

pub mod betas;
mod blocks;
pub mod client;
pub mod decode;
pub mod encode;
pub mod native;
pub mod provider;
pub mod request;
pub mod schema;
mod signature;
mod thinking;
mod typed_tools;
pub mod usage;
