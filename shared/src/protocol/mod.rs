//! The protocols of admission and settlement as state machines: an event in, the next write out. No I/O and no clock, so that the
//! same code runs against the table and through a hundred thousand simulated faults.
#![deny(clippy::float_arithmetic)]

mod admit;
mod settle;

pub use admit::{AdmitEffect, AdmitEvent, AdmitStep, Admitting, Demand, Denial, Grant, HoldPrice};
pub use settle::{Charge, KeyedRequest, Reservation, SettleEffect, SettleEvent, SettleStep, Settled, Settling};

use crate::store::StoreError;

/// Seconds of a window of the rate limits.
pub const WINDOW: u64 = 60;

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
