//! Providers that speak `generateContent`: what they get, and what they answer.

pub mod request;
pub mod stream;
