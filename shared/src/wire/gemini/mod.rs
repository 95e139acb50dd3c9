//! Gemini `generateContent`, as Vertex AI speaks it. Provider side only.

pub mod provider;
pub mod schema;
