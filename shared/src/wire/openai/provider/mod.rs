//! From providers that speak Chat Completions.

pub mod reply;
pub mod stream;
