//! Bounds the time that a document takes. The reader looks ahead from many places, so a document could make it read the same
//! bytes again and again.

use std::cell::Cell;

/// Steps per byte of a document. A real one takes about two.
const PER_BYTE: u64 = 8;
/// Steps for the smallest document.
const LEAST: u64 = 64 * 1024;

/// The steps that are left. A step reads one byte ahead.
#[derive(Debug)]
pub(super) struct Steps(Cell<u64>);

impl Steps {
    /// Steps for a document of this size.
    pub(super) fn for_bytes(bytes: usize) -> Self {
        Self(Cell::new(LEAST.saturating_add((bytes as u64).saturating_mul(PER_BYTE))))
    }

    /// Adds the steps for decompressed bytes.
    pub(super) fn grant(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_add((bytes as u64).saturating_mul(PER_BYTE)));
    }

    /// Returns `None` if none are left.
    pub(super) fn check(&self) -> Option<()> {
        (self.0.get() > 0).then_some(())
    }

    /// Takes steps. Returns `None` if none are left.
    pub(super) fn take(&self, steps: usize) -> Option<()> {
        self.counted(steps);
        self.check()
    }

    /// Takes as many steps as this length, and returns the length.
    pub(super) fn counted(&self, length: usize) -> usize {
        self.0.set(self.0.get().saturating_sub(length as u64));
        length
    }
}
