//! Providers that use `generateContent`: requests to them, and their replies.

pub mod request;
pub mod stream;
