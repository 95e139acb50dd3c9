//! How a client's format meets a provider's wire.

use super::restore::Restore;
use crate::wire::{Native, WireFormat};

/// Passed through, or translated.
#[derive(Clone, Debug)]
pub enum Conversion {
    /// The formats are the same: bodies and frames go through.
    Forward(&'static dyn Native),
    /// Decoded to the conversation and encoded again.
    Translate {
        /// The provider's wire.
        wire: WireFormat,
        /// What to undo on the way back.
        restore: Restore,
    },
}
