//! Providers that use Chat Completions: requests to them, and their replies.

pub(super) mod pieces;
pub mod reply;
pub mod request;
pub mod stream;
