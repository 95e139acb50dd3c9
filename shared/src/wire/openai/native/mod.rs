//! Between a client and a provider that both speak Chat Completions.

mod calls;
pub mod reply;
pub mod request;
pub mod stream;
