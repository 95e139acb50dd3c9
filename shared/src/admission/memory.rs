//! Remembers answers for a short time, by the digest of the whole key. A shorter index would let one key answer for another.
//!
//! A remembered refusal applies to the requests that would be refused for the same reason. An unknown key is refused for
//! every request. A key with a used-up request rate is refused until the minute ends. After a refusal for balance, requests
//! that need at least the same amount are refused for a moment only, because the balance grows with each settlement and
//! grant. Refusals of a model are not remembered. No refusal removes what is known about the key itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::refusal::{self, Rates};
use super::{KnownKey, network};
use crate::error::GatewayError;
use crate::ids::{KeyDigest, KeyId};
use crate::money::{PicoUsd, SignedPicoUsd};
use crate::protocol::{Denial, SeenWindow};
use crate::store::items::{OFF, StoredKey, allows};

/// How long a known key is trusted; a revocation takes effect within this time.
const POSITIVE: Duration = Duration::from_mins(1);
/// How long a known key that is not prepaid is served while the table does not answer.
const STALE: Duration = Duration::from_mins(10);
/// How long an unknown key stays unknown.
const UNAUTHORIZED: Duration = Duration::from_secs(10);
/// How long a balance that was too small is assumed to be unchanged.
const BALANCE: Duration = Duration::from_secs(2);
/// Maximum number of remembered keys. Few keys use one environment within minutes, so this is plenty.
const CAPACITY: usize = 1_000;

/// A recognised key, and what it may be used for.
#[derive(Clone, Debug)]
pub(super) struct Recognised {
    pub(super) key: KnownKey,
    networks: Arc<[String]>,
    models: Arc<[String]>,
    /// Whether its requests per minute are limited.
    pub(super) limits_requests: bool,
}

impl Recognised {
    /// The key with this id, from the table.
    pub(super) fn of(id: &KeyId, key: &StoredKey) -> Self {
        Self {
            key: KnownKey { id: id.clone(), is_prepaid: key.prepaid },
            networks: key.cidrs.as_slice().into(),
            models: key.models.as_slice().into(),
            limits_requests: key.rpm < OFF,
        }
    }

    /// The key, if it may be used from an address.
    pub(super) fn at(self, address: Option<IpAddr>) -> Result<KnownKey, GatewayError> {
        if network::allows(&self.networks, address) { Ok(self.key) } else { Err(refusal::address()) }
    }

    /// The same key, if it may use a model.
    pub(super) fn for_model(self, model: &str) -> Result<Self, GatewayError> {
        if allows(&self.models, model) { Ok(self) } else { Err(refusal::of(&Denial::Model(self.models.to_vec()))) }
    }
}

/// Recent answers about one key.
#[derive(Debug, Default)]
struct Entry {
    /// When it was last recognised, and as what.
    known: Option<(Instant, Recognised)>,
    /// Until when it is refused as unknown.
    unauthorized: Option<Instant>,
    /// Its rates when its requests were used up; valid until their minute ends.
    used_up: Option<Rates>,
    balance: Option<Uncovered>,
    seen: Option<Seen>,
}

/// A key's minute as last seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    start: u64,
    /// Requests in it from this environment.
    own: u64,
    /// Requests in it from other environments.
    others: u64,
}

/// How this process learned a key's minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// A request that counted in it.
    Counted,
    /// An answer that did not come from an admission: a read of the key, or a refusal.
    Other,
}

/// A balance that did not cover a request.
#[derive(Debug)]
struct Uncovered {
    until: Instant,
    /// The smallest amount that the request needed.
    needed: PicoUsd,
    left: SignedPicoUsd,
    rates: Option<Rates>,
}

impl Entry {
    /// Whether the entry is still useful.
    fn is_of_use(&self, now: Instant) -> bool {
        self.is_known_within(POSITIVE)
            || self.unauthorized.is_some_and(|until| now < until)
            || self.balance.as_ref().is_some_and(|balance| now < balance.until)
    }

    fn is_known_within(&self, time: Duration) -> bool {
        self.known.as_ref().is_some_and(|(at, _)| at.elapsed() < time)
    }
}

/// A remembered denial, and the remaining rates.
pub(super) type Refused = (Denial, Option<Rates>);

/// Recent answers.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<KeyDigest, Entry>>);

impl Memory {
    /// Whether the key was unknown a moment ago.
    pub(super) fn is_unauthorized(&self, digest: KeyDigest) -> bool {
        let until = self.lock().get(&digest).and_then(|entry| entry.unauthorized);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// The denial of every request of a key whose requests are used up, until their minute ends. `now` is in seconds since
    /// the epoch.
    pub(super) fn used_up(&self, digest: KeyDigest, now: u64) -> Option<Refused> {
        let rates = self.lock().get(&digest)?.used_up.clone()?;
        let wait = rates.reset.checked_sub(now).filter(|wait| *wait > 0)?;
        Some((Denial::Requests(wait), Some(rates)))
    }

    /// The denial of a request that needs at least the amount that the balance did not cover a moment ago.
    pub(super) fn uncovered(&self, digest: KeyDigest, needed: PicoUsd) -> Option<Refused> {
        let entries = self.lock();
        let refused = entries.get(&digest)?.balance.as_ref()?;
        let holds = Instant::now() < refused.until && needed >= refused.needed;
        holds.then(|| (Denial::Balance { needed, left: refused.left }, refused.rates.clone()))
    }

    /// Whether the key may use a model, as far as known. An unknown key may.
    pub(super) fn may_use(&self, digest: KeyDigest, model: &str) -> bool {
        let entries = self.lock();
        let known = entries.get(&digest).and_then(|entry| entry.known.as_ref());
        known.is_none_or(|(_, known)| allows(&known.models, model))
    }

    /// A key that was recognised within the last minute.
    pub(super) fn fresh(&self, digest: KeyDigest) -> Option<Recognised> {
        self.known(digest, POSITIVE)
    }

    /// A key that may be admitted although the table does not answer.
    pub(super) fn stale(&self, digest: KeyDigest) -> Option<Recognised> {
        self.known(digest, STALE).filter(|known| !known.key.is_prepaid)
    }

    /// Remembers that a key was recognised.
    pub(super) fn remember(&self, digest: KeyDigest, key: Recognised) {
        self.with(digest, |entry| entry.known = Some((Instant::now(), key)));
    }

    /// Remembers a key's minute. A minute older than a known one comes from a delayed read.
    pub(super) fn see(&self, digest: KeyDigest, key: &StoredKey, sight: Sight) {
        let limit = i128::try_from(key.rpm).unwrap_or(i128::MAX);
        let used = u64::try_from(limit.saturating_sub(key.requests_left)).unwrap_or(0);
        self.with(digest, |entry| {
            let before = entry.seen.filter(|seen| seen.start >= key.window);
            let own = before.filter(|seen| seen.start == key.window).map_or(0, |seen| seen.own);
            let own = own.saturating_add(u64::from(sight == Sight::Counted));
            let seen = Seen { start: key.window, own, others: used.saturating_sub(own) };
            entry.seen = before.filter(|before| before.start > seen.start).or(Some(seen));
        });
    }

    /// The key's minute as last seen, however long ago.
    pub(super) fn window(&self, digest: KeyDigest) -> Option<SeenWindow> {
        let seen = self.lock().get(&digest)?.seen?;
        Some(SeenWindow { start: seen.start, others: seen.others })
    }

    /// Remembers a denial for as long as it is valid.
    pub(super) fn refuse(&self, digest: KeyDigest, denial: &Denial, rates: Option<&Rates>) {
        let now = Instant::now();
        match *denial {
            // The key is no longer known.
            Denial::Unauthorized => {
                self.with(digest, |entry| {
                    *entry = Entry { unauthorized: Some(now + UNAUTHORIZED), ..Entry::default() };
                });
            }
            Denial::Requests(_) => self.with(digest, |entry| entry.used_up = rates.cloned()),
            Denial::Balance { needed, left } => {
                let balance = Uncovered { until: now + BALANCE, needed, left, rates: rates.cloned() };
                self.with(digest, |entry| entry.balance = Some(balance));
            }
            Denial::Model(_)
            | Denial::Tokens(_)
            | Denial::TokensNever(_)
            | Denial::Concurrency(_)
            | Denial::Busy
            | Denial::Contended => {}
        }
    }

    fn known(&self, digest: KeyDigest, within: Duration) -> Option<Recognised> {
        let entries = self.lock();
        let (at, key) = entries.get(&digest)?.known.as_ref()?;
        (at.elapsed() < within).then(|| key.clone())
    }

    /// Changes an entry, and makes room for it first. Unknown keys are removed before known ones, because anyone can invent
    /// a thousand of them.
    fn with(&self, digest: KeyDigest, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.lock();
        if entries.len() >= CAPACITY && !entries.contains_key(&digest) {
            let now = Instant::now();
            entries.retain(|_, entry| entry.is_of_use(now));
            if entries.len() >= CAPACITY {
                entries.retain(|_, entry| entry.known.is_some());
            }
            if entries.len() >= CAPACITY {
                entries.clear();
            }
        }
        change(entries.entry(digest).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyDigest, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
