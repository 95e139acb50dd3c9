//! From providers that speak `generateContent`.

pub mod stream;
