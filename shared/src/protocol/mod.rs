//! The protocols of admission and settlement as state machines that take an event and return the next write. They have no
//! I/O and no clock, so that the same code runs against the table and through a hundred thousand simulated faults
//! (`tests/ledger`).
#![deny(clippy::float_arithmetic)]

mod admit;
mod settle;
mod take;

pub use admit::{AdmitEffect, AdmitEvent, AdmitStep, Admitting, Demand, Denial, Grant, HoldPrice, NotAdmitted};
pub use settle::{Charge, KeyedRequest, Reservation, SettleEffect, SettleEvent, SettleStep, Settled, Settling};
pub use take::Taking;

use crate::store::StoreError;
pub use crate::store::items::WINDOW;
use crate::store::items::{OFF, StoredKey};

/// How often a refused write is repeated before the key counts as too busy.
const ROUNDS: u32 = 3;
/// How often a write without an answer is sent.
const TRIES: u32 = 3;

/// Why a write gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too many calls: the write was not done.
    Throttled,
    /// It is unknown whether the write was done.
    Unknown,
}

impl From<&StoreError> for Fault {
    /// A throttled write was not done. For other failures it is unknown.
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Throttled(_) => Self::Throttled,
            StoreError::Unavailable(_) | StoreError::Malformed(_) | StoreError::Condition(_) => Self::Unknown,
        }
    }
}

/// A key's minute as this process last saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenWindow {
    /// Its start, in seconds since the epoch.
    pub start: u64,
    /// Requests of other processes that were counted in it.
    pub others: u64,
}

impl SeenWindow {
    /// Returns the start of the minute in which the first write of a request counts, and whether that write begins it. The
    /// time `now` is in seconds since the epoch. If the last seen minute has passed, the write begins the current one,
    /// unless other processes send so many requests that one of them has probably begun it. This is a guess: a wrong write
    /// is refused, and is repeated with the values that the refusal shows.
    fn first_write(seen: Option<Self>, now: u64) -> (u64, bool) {
        let minute = now - now % WINDOW;
        match seen {
            Some(Self { start, others }) if start < minute => {
                (minute, others.saturating_mul(now.saturating_sub(minute)) < WINDOW)
            }
            // A clock that is behind uses the stored minute.
            Some(Self { start, .. }) => (start, false),
            None => (minute, false),
        }
    }
}

/// The minute in which a request counts.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Its start, in seconds since the epoch.
    start: u64,
    /// Whether the key is still in an earlier minute.
    reset: bool,
    /// Seconds until its end.
    wait: u64,
}

impl Window {
    /// The minute of a request at a time in seconds since the epoch. A clock that is behind uses the stored minute and never
    /// sets it back.
    fn of(key: &StoredKey, now: u64) -> Self {
        let window = now - now % WINDOW;
        let start = window.max(key.window);
        Self { start, reset: key.window < window, wait: start.saturating_add(WINDOW).saturating_sub(now).max(1) }
    }

    /// Requests left in it.
    fn requests(&self, key: &StoredKey) -> i128 {
        if self.reset { signed(key.rpm) } else { key.requests_left }
    }

    /// Tokens left in it.
    fn tokens(&self, key: &StoredKey) -> i128 {
        if self.reset { signed(key.tpm) } else { key.tokens_left }
    }
}

fn signed(limit: u128) -> i128 {
    i128::try_from(limit.min(OFF)).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_write_begins_a_minute_that_no_other_environment_is_likely_to_have_begun() {
        let seen = |start, others| Some(SeenWindow { start, others });
        for (seen, now, expected) in [
            (None, 630, (600, false)),
            (seen(0, 0), 630, (600, true)),
            (seen(540, 0), 659, (600, true)),
            (seen(600, 0), 659, (600, false)),
            // With sixty requests of other processes per minute, the first comes within a second.
            (seen(540, 60), 600, (600, true)),
            (seen(540, 60), 601, (600, false)),
            (seen(540, 1), 659, (600, true)),
            // This clock is behind.
            (seen(660, 0), 659, (660, false)),
        ] {
            assert_eq!(SeenWindow::first_write(seen, now), expected, "{seen:?} at {now}");
        }
    }
}
