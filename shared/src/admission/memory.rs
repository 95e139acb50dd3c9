//! A short memory for answers, by the digest of the whole key: a shorter index would let one key answer for another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::refusal::{self, Rates, with_rates};
use super::{Permit, network};
use crate::error::GatewayError;
use crate::ids::KeyDigest;

/// How long a known key is trusted without asking again; a revocation takes effect within this time.
const POSITIVE: Duration = Duration::from_mins(1);
/// How long a known key that is not prepaid is served while the table is out of reach.
const STALE: Duration = Duration::from_mins(10);
/// Most keys remembered; an environment serves one request at a time, so this is plenty.
const CAPACITY: usize = 1_000;

/// A key that was recognised, and the networks that it may be used from.
#[derive(Clone, Debug)]
pub(super) struct Recognised {
    pub(super) permit: Permit,
    pub(super) networks: Arc<[String]>,
}

impl Recognised {
    /// Its permit at an address, if the key may be used there.
    pub(super) fn at(self, address: Option<IpAddr>) -> Result<Permit, GatewayError> {
        if network::allows(&self.networks, address) { Ok(self.permit) } else { Err(refusal::address()) }
    }
}

#[derive(Clone, Debug)]
enum Remembered {
    Known { at: Instant, key: Box<Recognised>, prepaid: bool },
    Refused { until: Instant, error: GatewayError, rates: Option<Rates> },
}

/// What was answered lately.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<KeyDigest, Remembered>>);

impl Memory {
    /// The refusal that still holds for a key, as an error.
    pub(super) fn refusal(&self, digest: KeyDigest) -> Result<(), GatewayError> {
        let (left, error, rates) = match self.lock().get(&digest) {
            Some(Remembered::Refused { until, error, rates }) => {
                (until.saturating_duration_since(Instant::now()), error.clone(), rates.clone())
            }
            Some(Remembered::Known { .. }) | None => return Ok(()),
        };
        if left.is_zero() {
            return Ok(());
        }
        // What is left of the wait, and not the wait of whoever was refused first.
        let wait = Duration::from_secs(left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0)));
        let error = if error.retry_after().is_some() { error.with_retry_after(wait) } else { error };
        Err(with_rates(error, rates.as_ref()))
    }

    /// A key that was recognised within the last minute.
    pub(super) fn fresh(&self, digest: KeyDigest) -> Option<Recognised> {
        self.known(digest, POSITIVE).map(|(key, _)| key)
    }

    /// A key that may pass although nobody can be asked.
    pub(super) fn stale(&self, digest: KeyDigest) -> Option<Recognised> {
        self.known(digest, STALE).filter(|(_, prepaid)| !prepaid).map(|(key, _)| key)
    }

    pub(super) fn remember(&self, digest: KeyDigest, key: Recognised, prepaid: bool) {
        self.insert(digest, Remembered::Known { at: Instant::now(), key: Box::new(key), prepaid });
    }

    pub(super) fn refuse(&self, digest: KeyDigest, error: GatewayError, rates: Option<Rates>, wait: Duration) {
        self.insert(digest, Remembered::Refused { until: Instant::now() + wait, error, rates });
    }

    fn known(&self, digest: KeyDigest, within: Duration) -> Option<(Recognised, bool)> {
        match self.lock().get(&digest)? {
            Remembered::Known { at, key, prepaid } if at.elapsed() < within => Some((Recognised::clone(key), *prepaid)),
            Remembered::Known { .. } | Remembered::Refused { .. } => None,
        }
    }

    fn insert(&self, digest: KeyDigest, entry: Remembered) {
        let mut entries = self.lock();
        if entries.len() >= CAPACITY {
            entries.retain(|_, entry| match entry {
                Remembered::Known { at, .. } => at.elapsed() < POSITIVE,
                Remembered::Refused { until, .. } => Instant::now() < *until,
            });
        }
        if entries.len() >= CAPACITY {
            entries.clear();
        }
        entries.insert(digest, entry);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyDigest, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
