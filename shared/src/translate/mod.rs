//! Between a client's format and a wire, free of I/O: requests out, whole replies and streams back.

pub mod outbound;
pub mod relay;

pub use outbound::Outbound;
pub use relay::{Meter, Progress, Relay};
