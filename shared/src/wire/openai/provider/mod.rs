//! From providers that speak Chat Completions.

pub(super) mod pieces;
pub mod reply;
pub mod stream;
