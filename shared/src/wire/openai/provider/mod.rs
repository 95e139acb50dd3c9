//! Providers that speak Chat Completions: what they get, and what they answer.

pub(super) mod pieces;
pub mod reply;
pub mod request;
pub mod stream;
