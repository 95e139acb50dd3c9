//! To clients that speak Messages.

pub mod error;
pub mod reply;
pub mod stream;
