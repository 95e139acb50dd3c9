//! Holds the table against the ledger's invariants.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::cost;
use super::reconcile::dead_holds;
use crate::catalog::{Catalog, PriceLabel, Tariff};
use crate::ids::KeyId;
use crate::money::{PicoUsd, SignedPicoUsd};
use crate::store::items::{CreditGrant, Expired, Record, Rollup, StoredKey, iso_day};
use crate::store::{Store, StoreError};

/// Records live a hundred days: the last of them is not looked at, so that none has begun to go.
const DAYS: i64 = 99;
/// How long a dead hold may wait for its resolution, in seconds.
const PATIENCE: u64 = 3_600;

/// What a look at the whole ledger found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// Keys that were looked at.
    pub keys: u64,
    /// Records that were looked at.
    pub records: u64,
    /// Holds of requests that run, or may run.
    pub held: u64,
    /// What contradicts an invariant; empty when all is well.
    pub violations: Vec<Violation>,
}

/// A contradiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The invariant's name.
    pub law: &'static str,
    /// Whose ledger.
    pub key: String,
    /// What does not agree with what.
    pub what: String,
}

/// Checks every key of the directory; `progress` hears how many are done. Between requests nothing may be found; while they run,
/// a record and its rollup are one write, but a balance and its grants are read at different moments.
pub async fn verify(store: &Store, catalog: &Catalog, mut progress: impl FnMut(u64)) -> Result<Verified, StoreError> {
    let mut verified = Verified::default();
    let since = Timestamp::now().checked_sub(SignedDuration::from_hours(24 * DAYS)).unwrap_or_default();
    for listed in store.list_keys().await? {
        let Some(key) = store.key(&listed.id).await? else { continue };
        let records = store.records(&listed.id, since).await?;
        let rollups = store.rollups(&listed.id, "0000-00-00", "9999-99-99").await?;
        let grants = store.grants(&listed.id).await?;
        let granted = grants.iter().map(|grant| grant.amount.pico()).fold(0, i128::saturating_add);
        verified.keys = verified.keys.saturating_add(1);
        verified.records = verified.records.saturating_add(records.len() as u64);
        verified.held = verified.held.saturating_add(key.holds.len() as u64);
        let mut found = Found { key: &listed.id, violations: &mut verified.violations };
        found.prices(&records, catalog);
        found.sums(&records, &rollups, &iso_day(since));
        found.holds(&key);
        found.charges(&key, &records);
        if key.prepaid {
            found.cover(&key, &grants);
            found.balance(&key, &rollups, granted);
        }
        progress(verified.keys);
    }
    Ok(verified)
}

struct Found<'a> {
    key: &'a KeyId,
    violations: &'a mut Vec<Violation>,
}

/// Whether a record of that status charges for its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charges {
    /// A complete reply, and one that its client stopped reading.
    Always,
    /// A time limit: the request's own after content charges, a provider's does not.
    Sometimes,
    /// A failure of the provider, of the request or of ours.
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

/// The prices by which a record says that it is charged, where this catalogue has them.
fn tariff_of(record: &Record, catalog: &Catalog) -> Option<Tariff> {
    let label = PriceLabel::parse(&record.price_version).filter(|label| label.version == catalog.version())?;
    let served = if record.served_model.is_empty() { &record.model } else { &record.served_model };
    let model = catalog.resolve(served).ok()?;
    let mut tariffs = std::iter::once(&model.tariff).chain(&model.later_tariffs);
    tariffs.find(|tariff| tariff.from == label.from).map(|tariff| tariff.with_surcharge(label.surcharge_permille))
}

/// What records and rollups of a day and model must agree in: requests, input, output, charge.
type Sum = (u64, u64, u64, PicoUsd);

impl Found<'_> {
    fn add(&mut self, law: &'static str, what: String) {
        self.violations.push(Violation { law, key: self.key.to_string(), what });
    }

    /// L2: a charge is the price of its tokens, and nothing where the provider or we failed.
    fn prices(&mut self, records: &[Record], catalog: &Catalog) {
        for record in records {
            let charges = Charges::of(record.status);
            if charges == Charges::Never && record.charged != PicoUsd::ZERO {
                self.add("L2", format!("{} failed and charges {}", record.request, record.charged));
            }
            let is_free = charges != Charges::Always && record.charged == PicoUsd::ZERO;
            let priced = charges != Charges::Never && !is_free;
            let Some(tariff) = tariff_of(record, catalog).filter(|tariff| priced && !tariff.moves) else { continue };
            let due = cost(&record.usage, &tariff).with_markup(record.markup_permille);
            if due != record.charged {
                self.add("L2", format!("{} charges {} for tokens worth {due}", record.request, record.charged));
            }
        }
    }

    /// L3: records add up to rollups, for each day that still has all its records.
    fn sums(&mut self, records: &[Record], rollups: &[Rollup], first_day: &str) {
        let mut by_records: BTreeMap<(String, String), Sum> = BTreeMap::new();
        for record in records {
            let sum = by_records.entry((iso_day(record.started()), record.model.clone())).or_default();
            *sum = plus(*sum, (1, record.usage.total_input(), record.usage.output, record.charged));
        }
        let mut by_rollups: BTreeMap<(String, String), Sum> = BTreeMap::new();
        for rollup in rollups {
            let sum = by_rollups.entry((rollup.day.clone(), rollup.model.clone())).or_default();
            *sum = plus(*sum, (rollup.requests, rollup.usage.total_input(), rollup.usage.output, rollup.charged));
        }
        let whole = |(day, _): &&(String, String)| day.as_str() > first_day;
        let days: std::collections::BTreeSet<&(String, String)> =
            by_records.keys().chain(by_rollups.keys()).filter(whole).collect();
        for day in days {
            let (records, rollups) = (by_records.get(day), by_rollups.get(day));
            if records != rollups {
                self.add("L3", format!("{} {}: records {records:?}, rollups {rollups:?}", day.0, day.1));
            }
        }
    }

    /// L6: holds end, or are resolved soon after their process cannot be alive any more.
    fn holds(&mut self, key: &StoredKey) {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        for (request, hold) in dead_holds(key, now.saturating_sub(PATIENCE)) {
            if hold.expires.saturating_add(PATIENCE) <= now {
                self.add("L6", format!("{request} holds {} since {}", hold.amount, hold.expires));
            }
        }
    }

    /// L5: no request is charged more than was held for it. A record does not keep its hold: this is seen where the hold has not
    /// ended yet, and otherwise in the balance.
    fn charges(&mut self, key: &StoredKey, records: &[Record]) {
        for record in records {
            let dead = key.expired.get(&record.request).and_then(|entry| match entry {
                Expired::Dead(hold) => Some(hold),
                Expired::Released(_) => None,
            });
            let Some(hold) = key.holds.get(&record.request).or(dead) else { continue };
            if record.charged > hold.amount {
                let Record { request, charged, .. } = record;
                self.add("L5", format!("{request} charges {charged} USD, and {} USD were held for it", hold.amount));
            }
        }
    }

    /// L5: what is held and charged never exceeds what was granted, so that nothing is missing from a balance but what an operator
    /// took back after it was spent.
    fn cover(&mut self, key: &StoredKey, grants: &[CreditGrant]) {
        let amounts = grants.iter().map(|grant| grant.amount.pico());
        let taken_back = amounts.filter(|amount| *amount < 0).fold(0, i128::saturating_add);
        if key.balance < taken_back {
            let balance = SignedPicoUsd::new(key.balance);
            let what = match taken_back {
                0 => format!("the balance is {balance} USD: more was held or charged than was granted"),
                _ => format!(
                    "the balance is {balance} USD, and {} USD were taken back: more was held or charged than was granted",
                    PicoUsd::new(taken_back.unsigned_abs())
                ),
            };
            self.add("L5", what);
        }
    }

    /// L8: what was granted is what was charged, what is left and what is held.
    fn balance(&mut self, key: &StoredKey, rollups: &[Rollup], granted: i128) {
        let signed = |amount: PicoUsd| i128::try_from(amount.pico()).unwrap_or(i128::MAX);
        let charged: i128 = rollups.iter().map(|rollup| signed(rollup.charged)).fold(0, i128::saturating_add);
        let running = key.holds.values().map(|hold| signed(hold.amount));
        let dead = key.expired.values().map(|entry| match entry {
            Expired::Dead(hold) => signed(hold.amount),
            Expired::Released(_) => 0,
        });
        let held = running.chain(dead).fold(0, i128::saturating_add);
        if granted.saturating_sub(charged) != key.balance.saturating_add(held) {
            let what = format!("granted {granted}, charged {charged}, balance {}, held {held} pico-dollars", key.balance);
            self.add("L8", what);
        }
    }
}

fn plus(a: Sum, b: Sum) -> Sum {
    (a.0.saturating_add(b.0), a.1.saturating_add(b.1), a.2.saturating_add(b.2), a.3 + b.3)
}

#[cfg(test)]
mod tests;
