//! What reading and writing a reply needs to know of its request, and the traits of the formats' reply sides.

use std::sync::Arc;

use super::{ClientFormat, Identity};
use crate::chat::Usage;
use crate::ids::RequestId;
use crate::money::PicoUsd;

/// How the client gets its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As server-sent events, while it is generated.
    Streamed,
    /// As one JSON body, once it is complete.
    Whole,
}

/// The price of a usage as the client is charged for it.
pub type CostOf = Arc<dyn Fn(&Usage) -> PicoUsd + Send + Sync>;

/// What a relay needs to know of its request.
#[derive(Clone)]
pub struct ReplyContext {
    /// The client's format.
    pub format: ClientFormat,
    /// Which request.
    pub request: RequestId,
    /// What the reply calls itself.
    pub identity: Identity,
    /// How the client gets the reply.
    pub delivery: Delivery,
    /// Whether a chat stream ends with a usage chunk.
    pub include_usage: bool,
    /// Input tokens to show, and to charge, where the provider counts none.
    pub estimated_input: u64,
    /// What a usage costs.
    pub cost: CostOf,
}
