//! Clients that speak Messages: what they send, and what they get.

pub mod error;
pub mod reply;
pub mod request;
pub mod stream;
