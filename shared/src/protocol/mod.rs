//! The protocols of admission and settlement as state machines: an event in, the next write out. No I/O and no clock, so that the
//! same code runs against the table and through a hundred thousand simulated faults.
#![deny(clippy::float_arithmetic)]

mod admit;
mod settle;
mod take;

pub use admit::{AdmitEffect, AdmitEvent, AdmitStep, Admitting, Demand, Denial, Grant, HoldPrice};
pub use settle::{Charge, KeyedRequest, Reservation, SettleEffect, SettleEvent, SettleStep, Settled, Settling};
pub use take::Taking;

use crate::store::StoreError;
pub use crate::store::items::WINDOW;
use crate::store::items::{OFF, StoredKey};

/// Times that a refusal is answered by another write, before the key is called too busy.
const ROUNDS: u32 = 3;
/// Times that a write without an answer is sent.
const TRIES: u32 = 3;

/// Why a write gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too many calls: it was not done.
    Throttled,
    /// Nobody knows whether it was done.
    Unknown,
}

impl From<&StoreError> for Fault {
    /// A throttled write was not done. Of any other failure nobody knows.
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Throttled(_) => Self::Throttled,
            StoreError::Unavailable(_) | StoreError::Malformed(_) | StoreError::Condition(_) => Self::Unknown,
        }
    }
}

/// The window that a request counts in.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// When it begins, in seconds since the epoch.
    start: u64,
    /// Whether the key is still in an earlier one.
    reset: bool,
    /// Seconds until it ends.
    wait: u64,
}

impl Window {
    /// That of a request at a time in seconds since the epoch. A clock that is behind uses the stored window and never sets it
    /// back.
    fn of(key: &StoredKey, now: u64) -> Self {
        let window = now - now % WINDOW;
        let start = window.max(key.window);
        Self { start, reset: key.window < window, wait: start.saturating_add(WINDOW).saturating_sub(now).max(1) }
    }

    /// Requests that are left in it.
    fn requests(&self, key: &StoredKey) -> i128 {
        if self.reset { signed(key.rpm) } else { key.requests_left }
    }

    /// Tokens that are left in it.
    fn tokens(&self, key: &StoredKey) -> i128 {
        if self.reset { signed(key.tpm) } else { key.tokens_left }
    }
}

fn signed(limit: u128) -> i128 {
    i128::try_from(limit.min(OFF)).unwrap_or(i128::MAX)
}
