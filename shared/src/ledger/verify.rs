//! Checks the table against the ledger's laws:
//!
//! - L1: a request that reached a provider has exactly one record, or log lines from which a replay writes it.
//! - L2: a record charges the price of its tokens, and nothing if the provider or the gateway failed.
//! - L3: for each key, day and model, the sum of the records is the sum of the rollups.
//! - L4: nothing is held, added or refunded twice for a request.
//! - L5: a prepaid key never has more held and charged than was granted to it.
//! - L6: every hold ends.
//! - L7: a record never changes.
//! - L8: grants - charges = balance + holds, for every prepaid key.
//! - L9: no request of a prepaid key is charged more than was held for it.
//!
//! L1, L4 and L7 cannot be seen in a table; the tests check them. `docs/money.md` says what to do if a law is
//! broken.
//!
//! A key, its records and its rollups are read one after the other while requests continue. So a difference is read again
//! before it is reported ([`again`]).

mod again;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::again::{Seen, look_at_money, look_at_sums};
use super::cost;
use super::reconcile::dead_holds;
use crate::catalog::{Catalog, PriceLabel, Tariff};
use crate::ids::{KeyId, RequestId};
use crate::money::{PicoUsd, SignedPicoUsd};
use crate::store::items::{CreditGrant, Expired, Hold, Record, Rollup, StoredKey, iso_day};
use crate::store::{Store, StoreError};

/// Records live for a hundred days. The last day is not checked, so that none of its records has expired.
const DAYS: i64 = 99;
/// How long a dead hold may wait for its resolution, in seconds.
const PATIENCE: u64 = 3_600;

/// The result of a check of the whole ledger.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// Number of checked keys.
    pub keys: u64,
    /// Number of checked records.
    pub records: u64,
    /// Number of holds of requests that may be running.
    pub held: u64,
    /// Differences that break a law; empty if the ledger is consistent.
    pub violations: Vec<Violation>,
    /// Differences that were present at each reading, but the key changed during each reading. Check again when there are
    /// fewer requests.
    pub unsure: Vec<Violation>,
}

/// A broken law.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The law's name, such as `L3`.
    pub law: &'static str,
    /// The key.
    pub key: String,
    /// What differs, such as the two sums.
    pub what: String,
    /// Why this is certain, although requests may have run during the check.
    pub how: &'static str,
}

const CONSTANT: &str = "records and holds never change";
const OVERDUE: &str = "in seconds since the epoch, more than an hour ago";

/// Checks every key of the directory, and reports the number done to `progress`. Requests may run meanwhile.
pub async fn verify(store: &Store, catalog: &Catalog, mut progress: impl FnMut(u64)) -> Result<Verified, StoreError> {
    let mut verified = Verified::default();
    let since = Timestamp::now().checked_sub(SignedDuration::from_hours(24 * DAYS)).unwrap_or_default();
    for listed in store.list_keys().await? {
        let Some(key) = store.current_key(&listed.id).await? else { continue };
        let records = store.records(&listed.id, since).await?;
        let rollups = store.current_rollups(&listed.id).await?;
        verified.keys = verified.keys.saturating_add(1);
        verified.records = verified.records.saturating_add(records.len() as u64);
        verified.held = verified.held.saturating_add(key.holds.len() as u64);
        let mut found = Found { key: &listed.id, violations: &mut verified.violations, unsure: &mut verified.unsure };
        found.prices(&records, catalog);
        found.holds(&key);
        found.charges(&key, &records);
        for sum in differing_sums(&records, &rollups, &iso_day(since)) {
            found.seen("L3", look_at_sums(store, &listed.id, &sum).await?);
        }
        if key.prepaid {
            found.money(store, &key, &rollups, &records).await?;
        }
        progress(verified.keys);
    }
    Ok(verified)
}

struct Found<'a> {
    key: &'a KeyId,
    violations: &'a mut Vec<Violation>,
    unsure: &'a mut Vec<Violation>,
}

/// Whether a record with this status charges for its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charges {
    /// A complete reply, or one that its client stopped reading.
    Always,
    /// A time limit. The record charges if the gateway's own limit ended the request after its first content. It does not
    /// charge after the provider's limit.
    Sometimes,
    /// A failure of the provider, the request or the gateway.
    Never,
}

impl Charges {
    const fn of(status: u16) -> Self {
        match status {
            200 | 499 => Self::Always,
            504 => Self::Sometimes,
            _ => Self::Never,
        }
    }
}

/// The prices that a record names, if this catalogue has them.
fn tariff_of(record: &Record, catalog: &Catalog) -> Option<Tariff> {
    let label = PriceLabel::parse(&record.price_version).filter(|label| label.version == catalog.version())?;
    let served = if record.served_model.is_empty() { &record.model } else { &record.served_model };
    let model = catalog.resolve(served).ok()?;
    let mut tariffs = std::iter::once(&model.tariff).chain(&model.later_tariffs);
    tariffs.find(|tariff| tariff.from == label.from).map(|tariff| tariff.with_surcharge(label.surcharge_permille))
}

impl Found<'_> {
    fn add(&mut self, law: &'static str, what: String, how: &'static str) {
        self.violations.push(Violation { law, key: self.key.to_string(), what, how });
    }

    /// Records the result of reading again.
    fn seen(&mut self, law: &'static str, seen: Option<Seen>) {
        let Some(Seen { what, how, is_sure }) = seen else { return };
        let list = if is_sure { &mut *self.violations } else { &mut *self.unsure };
        list.push(Violation { law, key: self.key.to_string(), what, how });
    }

    /// L5 and L8, read again if they seem to be broken.
    async fn money(
        &mut self,
        store: &Store,
        key: &StoredKey,
        rollups: &[Rollup],
        records: &[Record],
    ) -> Result<(), StoreError> {
        let grants = store.grants(self.key).await?;
        let unended = records.iter().filter(|record| hold_of(key, record.request).is_some());
        let unended = unended.map(|record| record.charged).sum();
        if cover(key, &grants).is_some() {
            let seen = look_at_money(store, self.key, |books| cover(&books.key, &books.grants));
            self.seen("L5", seen.await?);
        }
        if balance(key, &grants, charged(rollups), unended).is_some() {
            let seen = look_at_money(store, self.key, |books| {
                balance(&books.key, &books.grants, charged(&books.rollups), books.unended)
            });
            self.seen("L8", seen.await?);
        }
        Ok(())
    }

    /// L2: a charge is the price of its tokens, and zero if the provider or the gateway failed.
    fn prices(&mut self, records: &[Record], catalog: &Catalog) {
        for record in records {
            let charges = Charges::of(record.status);
            if charges == Charges::Never && record.charged != PicoUsd::ZERO {
                self.add("L2", format!("{} failed and charges {} USD", record.request, record.charged), CONSTANT);
            }
            let is_free = charges != Charges::Always && record.charged == PicoUsd::ZERO;
            let priced = charges != Charges::Never && !is_free;
            let Some(tariff) = tariff_of(record, catalog).filter(|tariff| priced && !tariff.moves) else { continue };
            let due = cost(&record.usage, &tariff).with_markup(record.markup_permille);
            if due != record.charged {
                let what = format!("{} charges {} USD, but its tokens cost {due} USD", record.request, record.charged);
                self.add("L2", what, CONSTANT);
            }
        }
    }

    /// L6: every hold ends. A dead hold is resolved within an hour after it expired.
    fn holds(&mut self, key: &StoredKey) {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        for (request, hold) in dead_holds(key, now.saturating_sub(PATIENCE)) {
            if hold.expires.saturating_add(PATIENCE) <= now {
                let what = format!("{request} still holds {} USD; its hold expired at {}", hold.amount, hold.expires);
                self.add("L6", what, OVERDUE);
            }
        }
    }

    /// L9: no request of a prepaid key is charged more than was held for it. A record does not contain the amount of its hold, so this can be
    /// checked only while the hold exists. Afterwards only L5 can show it.
    fn charges(&mut self, key: &StoredKey, records: &[Record]) {
        for record in records.iter().filter(|_| key.prepaid) {
            let Some(hold) = hold_of(key, record.request) else { continue };
            if record.charged > hold.amount {
                let Record { request, charged, .. } = record;
                let what = format!("{request} charges {charged} USD, and {} USD were held for it", hold.amount);
                self.add("L9", what, CONSTANT);
            }
        }
    }
}

/// The hold of a request, active or dead.
fn hold_of(key: &StoredKey, request: RequestId) -> Option<&Hold> {
    let dead = key.expired.get(&request).and_then(|entry| match entry {
        Expired::Dead(hold) => Some(hold),
        Expired::Released(_) => None,
    });
    key.holds.get(&request).or(dead)
}

/// The sums in which records and rollups of a day and model must agree: requests, input, output, charge.
type Sum = (u64, u64, u64, PicoUsd);
/// A day, as `yyyy-mm-dd`, and a model.
type Place = (String, String);

fn sums_of_records(records: &[Record]) -> BTreeMap<Place, Sum> {
    let mut sums: BTreeMap<Place, Sum> = BTreeMap::new();
    for record in records {
        let sum = sums.entry((iso_day(record.started()), record.model.clone())).or_default();
        *sum = plus(*sum, (1, record.usage.total_input(), record.usage.output, record.charged));
    }
    sums
}

fn sums_of_rollups(rollups: &[Rollup]) -> BTreeMap<Place, Sum> {
    let mut sums: BTreeMap<Place, Sum> = BTreeMap::new();
    for rollup in rollups {
        let sum = sums.entry((rollup.day.clone(), rollup.model.clone())).or_default();
        *sum = plus(*sum, (rollup.requests, rollup.usage.total_input(), rollup.usage.output, rollup.charged));
    }
    sums
}

/// L3: days and models whose records do not add up to the rollups, for days that still have all their records.
fn differing_sums(records: &[Record], rollups: &[Rollup], first_day: &str) -> BTreeSet<Place> {
    let (records, rollups) = (sums_of_records(records), sums_of_rollups(rollups));
    let places = records.keys().chain(rollups.keys());
    let differs = |place: &&Place| place.0.as_str() > first_day && records.get(*place) != rollups.get(*place);
    places.filter(differs).cloned().collect()
}

/// L3 for a day and a model.
fn differing_sum(records: &[Record], rollups: &[Rollup], place: &Place) -> Option<String> {
    let (records, rollups) = (sums_of_records(records), sums_of_rollups(rollups));
    let (records, rollups) = (records.get(place), rollups.get(place));
    (records != rollups).then(|| format!("{} {}: records {records:?}, rollups {rollups:?}", place.0, place.1))
}

/// L5: what is held and charged never exceeds what was granted, so the balance is not negative. Exception: an operator may
/// subtract an amount that was already spent.
fn cover(key: &StoredKey, grants: &[CreditGrant]) -> Option<String> {
    let amounts = grants.iter().map(|grant| grant.amount.pico());
    let taken_back = amounts.filter(|amount| *amount < 0).fold(0, i128::saturating_add);
    if key.balance >= taken_back {
        return None;
    }
    let balance = SignedPicoUsd::new(key.balance);
    Some(match taken_back {
        0 => format!("the balance is {balance} USD: more was held or charged than was granted"),
        _ => format!(
            "the balance is {balance} USD, and {} USD were taken back: more was held or charged than was granted",
            PicoUsd::new(taken_back.unsigned_abs())
        ),
    })
}

/// Whether rollups of a key may have expired, so that some of its charges are no longer known.
fn may_lack_charges(key: &StoredKey, now: Timestamp) -> bool {
    let oldest = now.checked_sub(SignedDuration::from_hours(24 * Rollup::DAYS)).unwrap_or_default();
    key.created.parse().ok().is_none_or(|created: Timestamp| created < oldest)
}

/// The charges of all rollups.
fn charged(rollups: &[Rollup]) -> PicoUsd {
    rollups.iter().map(|rollup| rollup.charged).sum()
}

/// L8: grants - charges = balance + holds. A record counts from the moment its hold ends: `unended` is the sum of charges
/// whose holds still exist. If charges of the key may have expired, the right side can be smaller, but never larger.
fn balance(key: &StoredKey, grants: &[CreditGrant], charged: PicoUsd, unended: PicoUsd) -> Option<String> {
    let signed = |amount: PicoUsd| i128::try_from(amount.pico()).unwrap_or(i128::MAX);
    let granted = grants.iter().map(|grant| grant.amount.pico()).fold(0, i128::saturating_add);
    let (charged, held) = (signed(charged).saturating_sub(signed(unended)), signed(key.held()));
    let (expected, found) = (granted.saturating_sub(charged), key.balance.saturating_add(held));
    let agrees = found == expected || (found < expected && may_lack_charges(key, Timestamp::now()));
    (!agrees).then(|| format!("granted {granted}, charged {charged}, balance {}, held {held} pico-dollars", key.balance))
}

fn plus(a: Sum, b: Sum) -> Sum {
    (a.0.saturating_add(b.0), a.1.saturating_add(b.1), a.2.saturating_add(b.2), a.3 + b.3)
}

#[cfg(test)]
mod tests;
