//! Providers that use Messages: requests to them, and their replies.

pub mod reply;
pub mod request;
pub mod stream;
