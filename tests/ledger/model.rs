//! A model of the table in plain Rust. It does the same as the conditional writes, without DynamoDB's expressions.

use std::collections::BTreeMap;

use gateway::ids::{KeyId, RequestId};
use gateway::money::PicoUsd;
use gateway::store::items::{
    ANY, AdmitWrite, Expired, Hold, KeyStatus, Place, PreviousSecret, Record, ReleaseWrite, StoredKey,
};
use gateway::store::{Conditional, Stored};

const SECONDS_PER_DAY: u64 = 86_400;

/// What the laws need to know of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The public model id.
    pub(crate) model: String,
    /// What the key is charged.
    pub(crate) charged: PicoUsd,
    /// Whether it belongs to an unfinished request.
    pub(crate) interrupted: bool,
}

impl Entry {
    /// That of a record.
    pub(crate) fn of(record: &Record) -> Self {
        Self { model: record.model.clone(), charged: record.charged, interrupted: false }
    }

    /// That of a hold whose process died.
    pub(crate) fn interrupted(model: &str) -> Self {
        Self { model: model.to_owned(), charged: PicoUsd::ZERO, interrupted: true }
    }
}

/// A rollup: number of requests and what they were charged.
pub(crate) type Sum = (u64, PicoUsd);
/// A rollup's key: the gateway key, the day since the epoch, and the model.
pub(crate) type Day = (KeyId, u64, String);

/// A known mistake that the table or a process makes on purpose. It proves that the laws find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A release does not check whether its hold still exists.
    UnconditionalRelease,
    /// A release from among the dead takes a mark for a hold.
    ReleaseOfAMark,
    /// An admission that moves dead holds refunds them.
    RefundWhenMoved,
    /// A record that already exists is added to its rollup again.
    SecondRollup,
    /// An uncertain admission leaves no mark when it is released.
    NoMark,
    /// A replay leaves no mark: a late admission of the request takes a second hold.
    UnmarkedReplay,
    /// The hold ends before the record is stored.
    ReleaseFirst,
    /// Reconciliation does not wait for the lease to end.
    ImpatientReconcile,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// Key items.
    pub(crate) keys: BTreeMap<KeyId, StoredKey>,
    /// Records.
    pub(crate) records: BTreeMap<(KeyId, RequestId), Entry>,
    /// Rollups, their shards added up.
    pub(crate) rollups: BTreeMap<Day, Sum>,
    /// Sums of the grants.
    pub(crate) grants: BTreeMap<KeyId, i128>,
    /// What it gets wrong.
    pub(crate) flaw: Option<Flaw>,
}

impl Table {
    /// The admission's one conditional write.
    pub(crate) fn admit(&mut self, write: &AdmitWrite) -> Conditional {
        let Some(key) = self.keys.get_mut(&write.key) else { return Conditional::Refused(None) };
        if !(is_admitted(key, write) && has_room(key, write) && has_rates(key, write)) {
            return Conditional::Refused(Some(Box::new(key.clone())));
        }
        key.balance -= signed(write.hold.amount);
        if write.reset {
            key.window = write.hold.window;
            key.requests_left = i128::try_from(key.rpm).unwrap();
            key.tokens_left = i128::try_from(key.tpm).unwrap();
        }
        key.requests_left -= 1;
        key.tokens_left -= i128::from(write.hold.tokens);
        for (request, hold) in write.dead() {
            key.holds.remove(request);
            key.expired.insert(*request, Expired::Dead(hold.clone()));
            if self.flaw == Some(Flaw::RefundWhenMoved) {
                key.balance += signed(hold.amount);
            }
        }
        key.holds.insert(write.request, write.hold.clone());
        Conditional::Written(Box::new(key.clone()))
    }

    /// The write that ends a hold.
    pub(crate) fn release(&mut self, write: &ReleaseWrite) -> Conditional {
        let Some(key) = self.keys.get_mut(&write.key) else { return Conditional::Refused(None) };
        let is_there = match write.place {
            Place::Holds => key.holds.get(&write.request) == Some(&write.hold),
            Place::Expired if self.flaw == Some(Flaw::ReleaseOfAMark) => key.expired.contains_key(&write.request),
            Place::Expired => key.expired.get(&write.request) == Some(&Expired::Dead(write.hold.clone())),
        };
        let is_there = is_there || self.flaw == Some(Flaw::UnconditionalRelease);
        if !is_there || write.tokens.is_some_and(|(window, _)| window != key.window) {
            return Conditional::Refused(Some(Box::new(key.clone())));
        }
        key.balance += write.refund;
        key.tokens_left += write.tokens.map_or(0, |(_, tokens)| i128::from(tokens));
        match write.place {
            Place::Holds => drop(key.holds.remove(&write.request)),
            Place::Expired => drop(key.expired.remove(&write.request)),
        }
        if let Some(until) = write.mark {
            key.expired.insert(write.request, Expired::Released(until));
        }
        Conditional::Written(Box::new(key.clone()))
    }

    /// Stores a record with its rollup, if there is none.
    pub(crate) fn put_record(&mut self, key: &KeyId, request: RequestId, entry: &Entry) -> Stored {
        let name = (key.clone(), request);
        let is_new = !self.records.contains_key(&name);
        if is_new || self.flaw == Some(Flaw::SecondRollup) {
            let sum = self.rollups.entry(day_of(key, request, entry)).or_default();
            *sum = (sum.0 + 1, sum.1 + entry.charged);
        }
        if is_new {
            self.records.insert(name, entry.clone());
        }
        if is_new { Stored::New } else { Stored::Already }
    }

    /// What the stored record charges.
    pub(crate) fn charge(&self, key: &KeyId, request: RequestId) -> Option<PicoUsd> {
        self.records.get(&(key.clone(), request)).map(|entry| entry.charged)
    }

    /// Forgets the mark of a released hold.
    pub(crate) fn forget_mark(&mut self, key: &KeyId, request: RequestId, until: u64) -> Conditional {
        let Some(key) = self.keys.get_mut(key) else { return Conditional::Refused(None) };
        if key.expired.get(&request) != Some(&Expired::Released(until)) {
            return Conditional::Refused(Some(Box::new(key.clone())));
        }
        key.expired.remove(&request);
        Conditional::Written(Box::new(key.clone()))
    }

    /// Adds money to a key.
    pub(crate) fn grant(&mut self, key: &KeyId, amount: i128) {
        *self.grants.entry(key.clone()).or_default() += amount;
        self.keys.get_mut(key).unwrap().balance += amount;
    }
}

/// The model that a hold is for, of those that the tests have.
pub(crate) fn model_of(hold: &Hold) -> &'static str {
    ["one", "two"].into_iter().find(|model| hold.model.is(model)).unwrap()
}

/// The rollup that a record is part of.
pub(crate) fn day_of(key: &KeyId, request: RequestId, entry: &Entry) -> Day {
    (key.clone(), request.started().as_secs() / SECONDS_PER_DAY, entry.model.clone())
}

/// An amount that can be subtracted.
pub(crate) fn signed(amount: PicoUsd) -> i128 {
    i128::try_from(amount.pico()).unwrap()
}

fn is_admitted(key: &StoredKey, write: &AdmitWrite) -> bool {
    let is_its_previous = |old: PreviousSecret| old.digest == write.digest && old.until > write.now;
    let is_its_own = key.digest == write.digest || key.previous.is_some_and(is_its_previous);
    let is_in_force = key.status == KeyStatus::Active && key.expires > u128::from(write.now);
    let may_use = |model: &str| key.models.iter().any(|allowed| allowed == model);
    let is_new = !key.holds.contains_key(&write.request) && !key.expired.contains_key(&write.request);
    let (amount, model) = (write.hold.amount, &write.model);
    is_its_own && is_in_force && (may_use(model) || may_use(ANY)) && key.balance >= signed(amount) && is_new
}

fn has_room(key: &StoredKey, write: &AdmitWrite) -> bool {
    let is_as_seen =
        |(request, hold): &(RequestId, Hold)| key.holds.get(request) == Some(hold) && !key.expired.contains_key(request);
    let slots = write.eviction.as_ref().map_or(key.max_concurrent, |eviction| eviction.slots);
    (key.holds.len() as u128) < slots && write.dead().iter().all(is_as_seen)
}

fn has_rates(key: &StoredKey, write: &AdmitWrite) -> bool {
    let tokens = write.hold.tokens;
    if write.reset {
        return key.window < write.hold.window && key.rpm >= 1 && key.tpm >= u128::from(tokens);
    }
    key.window >= write.hold.window && key.requests_left >= 1 && key.tokens_left >= i128::from(tokens)
}
