//! Between a client's format and a wire, free of I/O: requests out, whole replies and streams back.

mod conversion;
pub mod inbound;
pub mod outbound;
mod place;
pub mod relay;
mod restore;

pub use conversion::Conversion;
pub use outbound::Outbound;
pub use relay::{Meter, Progress, Relay, Stream};
pub use restore::Restore;
