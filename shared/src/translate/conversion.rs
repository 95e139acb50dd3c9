//! How a client's format is mapped to a provider's.

use super::restore::Restore;
use crate::wire::native::Undo;
use crate::wire::{Native, WireFormat};

/// How a forwarded reply becomes the client's: the format, and what to restore.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// The format that client and provider share.
    pub native: &'static dyn Native,
    /// What to restore in the reply.
    pub undo: Undo,
}

impl From<&'static dyn Native> for Forwarded {
    fn from(native: &'static dyn Native) -> Self {
        Self { native, undo: Undo::default() }
    }
}

/// Forwarding or translation.
#[derive(Clone, Debug)]
pub enum Conversion {
    /// The formats are the same: bodies and frames pass through.
    Forward(Forwarded),
    /// Decoded to the conversation and encoded again.
    Translate {
        /// The provider's format.
        wire: WireFormat,
        /// What to restore in the reply.
        restore: Restore,
    },
}
