//! The canonical conversation. Every client format and every provider format is translated to and from it. It knows no JSON,
//! no HTTP and no vendor.

mod answer;
pub mod blocks;
pub mod collect;
pub mod event;
pub mod request;
pub mod response;
pub mod turns;
pub mod unique;
pub mod usage;

pub use blocks::Blocks;
pub use collect::collect;
pub use event::{BlockStart, Citation, Delta, Grammar, StreamEvent};
pub use request::{ChatRequest, Message, Origin, Part, Role, Signature};
pub use response::{ChatResponse, FinishReason};
pub use turns::Turns;
pub use usage::Usage;
