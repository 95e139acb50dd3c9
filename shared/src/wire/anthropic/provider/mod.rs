//! From providers that speak Messages.

pub mod reply;
pub mod stream;
