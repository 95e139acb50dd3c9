//! To clients that speak Chat Completions.

pub mod error;
pub mod reply;
pub mod stream;
