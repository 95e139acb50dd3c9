//! Between a client and a provider that both speak Chat Completions.

pub(super) mod calls;
pub mod request;
pub mod stream;
