//! Between a client and a provider that both speak Messages.

pub mod reply;
pub mod request;
pub mod stream;
