//! To clients that speak Chat Completions.

pub mod error;
pub mod stream;
