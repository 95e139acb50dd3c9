//! Translation between a client's format and a provider's, without I/O: requests out, whole replies and streams back.

mod characters;
mod conversion;
mod media;
mod meter;
pub mod outbound;
pub mod relay;
mod repeats;
mod restore;
mod rules;
mod whole;

pub use crate::wire::{CostOf, Delivery, ReplyContext};
pub use conversion::{Conversion, Forwarded};
pub use meter::{Meter, Metered, UsageSource};
pub use outbound::Outbound;
pub use relay::{Progress, Relay};
pub use restore::Restore;
pub use rules::{CallIds, ReplyRules};
