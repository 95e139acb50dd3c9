//! The canonical conversation: what every client format and every wire is translated to and from.
//! Knows no JSON, no HTTP and no vendor.

mod answer;
pub mod blocks;
pub mod collect;
pub mod event;
pub mod request;
pub mod response;
pub mod turns;
pub mod usage;

pub use blocks::Blocks;
pub use collect::collect;
pub use event::{BlockStart, Delta, Grammar, StreamEvent};
pub use request::{ChatRequest, Message, Origin, Part, Role, Signature};
pub use response::{ChatResponse, FinishReason};
pub use turns::Turns;
pub use usage::Usage;
