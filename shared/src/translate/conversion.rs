//! How a client's format meets a provider's wire.

use super::restore::Restore;
use crate::wire::native::Undo;
use crate::wire::{Native, WireFormat};

/// How a reply of the client's own format comes back.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// The format.
    pub native: &'static dyn Native,
    /// What to undo on the way back.
    pub undo: Undo,
}

impl From<&'static dyn Native> for Forwarded {
    fn from(native: &'static dyn Native) -> Self {
        Self { native, undo: Undo::default() }
    }
}

/// Passed through, or translated.
#[derive(Clone, Debug)]
pub enum Conversion {
    /// The formats are the same: bodies and frames go through.
    Forward(Forwarded),
    /// Decoded to the conversation and encoded again.
    Translate {
        /// The provider's wire.
        wire: WireFormat,
        /// What to undo on the way back.
        restore: Restore,
    },
}
