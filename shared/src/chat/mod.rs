//! The canonical conversation: what every client format and every wire is translated to and from.
//! Knows no JSON, no HTTP and no vendor.

pub mod blocks;
pub mod event;
pub mod response;
pub mod usage;

pub use blocks::Blocks;
pub use event::{BlockStart, Delta, Grammar, StreamEvent};
pub use response::FinishReason;
pub use usage::Usage;
