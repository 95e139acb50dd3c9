//! OpenAI Responses: a client format that no provider uses.

pub mod client;
