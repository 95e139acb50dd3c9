//! OpenAI Responses, which clients speak to us and no provider does.

pub mod client;
