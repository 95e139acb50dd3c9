//! Gemini `generateContent`, as Vertex AI speaks it. Provider side only.

pub mod content;
pub mod provider;
pub mod request;
pub mod schema;
