//! Providers that speak Messages: what they get, and what they answer.

pub mod reply;
pub mod request;
pub mod stream;
