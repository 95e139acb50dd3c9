//! Between a client and a provider that both speak Messages.

pub mod request;
pub mod stream;
