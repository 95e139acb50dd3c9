//! Checks of the ledger's laws: some after every write, the others when no more writes can follow. `ledger/verify.rs` lists the
//! laws. Here they mean:
//!
//! - L1: a request that reached a provider, or has a final line, has exactly one record after a replay.
//! - L2: a record charges what the final line of its request says. Without a final line, it charges nothing.
//! - L3: the sum of the records is the sum of the rollups.
//! - L4: a late write takes no second hold for an ended request.
//! - L5: no admission takes a balance below zero.
//! - L6: no hold is left at the end.
//! - L7: a record never changes.
//! - L8: grants - charges = balance + holds, for every prepaid key, after every write. A record counts from the moment its hold
//!   ends.

use std::collections::{BTreeMap, BTreeSet};

use gateway::ids::{KeyId, RequestId};
use gateway::money::PicoUsd;
use gateway::protocol::Settled;
use gateway::store::items::{Expired, Hold, Place, StoredKey};
use gateway::store::{Conditional, Stored};

use crate::model::{Day, Entry, Sum, Table, day_of, signed};
use crate::process::{Course, Trace};
use crate::world::{Answer, Call, World};

/// A broken law, and a description of the breach.
pub(crate) type Broken = String;

/// The largest error of a clock, in milliseconds.
pub(crate) const SKEW: u64 = 500;

/// The state that the checks of a write need.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Records as they were first seen.
    records: BTreeMap<(KeyId, RequestId), Entry>,
    /// A key's latest window and the admissions in it.
    windows: BTreeMap<KeyId, (u64, u128)>,
    /// Requests whose own processes settle or have settled.
    settling: BTreeSet<RequestId>,
    /// Those of them whose hold has ended.
    ended: BTreeSet<RequestId>,
    /// The kinds of events that happened. A simulation in which some never happen proves too little, and fails.
    pub(crate) corners: BTreeSet<&'static str>,
}

impl Watch {
    /// A request's own process settles it.
    pub(crate) fn settling(&mut self, request: RequestId) {
        self.settling.insert(request);
    }

    /// Checks the table after a write.
    pub(crate) fn see(
        &mut self,
        table: &Table,
        (call, answer): (&Call, &Answer),
        is_late: bool,
        now: u64,
    ) -> Result<(), Broken> {
        self.corners.extend(corner(call, answer, is_late));
        match (call, answer) {
            (Call::Admit(write), Answer::Conditional(Conditional::Written(key))) => {
                if is_late && self.ended.contains(&write.request) {
                    return Err(format!("L4: a late admission took a second hold for {}", write.request));
                }
                self.admitted(&write.key, key)?;
                balanced(table, &write.key)
            }
            (Call::Put(id, request, entry), Answer::Stored(stored)) => {
                let hold = table.keys.get(id).and_then(|key| key.holds.get(request));
                let is_early = hold.is_some_and(|hold| hold.expires * 1_000 > now + SKEW);
                if entry.interrupted && *stored == Stored::New && is_early {
                    return Err(format!("L1: {request} was given up before its lease ended"));
                }
                self.recorded(table, id, *request)?;
                balanced(table, id)
            }
            (Call::Release(write), Answer::Conditional(Conditional::Written(_))) => {
                if self.settling.contains(&write.request) {
                    self.ended.insert(write.request);
                }
                balanced(table, &write.key)
            }
            _ => Ok(()),
        }
    }

    fn admitted(&mut self, id: &KeyId, key: &StoredKey) -> Result<(), Broken> {
        if key.balance < 0 {
            return Err(format!("L5: an admission took the balance of {id} to {}", key.balance));
        }
        if key.requests_left < 0 || key.tokens_left < 0 || key.holds.len() as u128 > key.max_concurrent {
            return Err(format!("limits: an admission went over one: {key:?}"));
        }
        let (window, admissions) = self.windows.entry(id.clone()).or_default();
        if key.window < *window {
            return Err(format!("limits: the window of {id} went back from {window} to {}", key.window));
        }
        *admissions = if key.window > *window { 1 } else { *admissions + 1 };
        *window = key.window;
        if *admissions > key.rpm {
            return Err(format!("limits: {admissions} requests of {id} in the minute {window}"));
        }
        Ok(())
    }

    fn recorded(&mut self, table: &Table, id: &KeyId, request: RequestId) -> Result<(), Broken> {
        let name = (id.clone(), request);
        let Some(record) = table.records.get(&name) else { return Err(format!("L1: no record of {request} after its put")) };
        let first = self.records.entry(name).or_insert_with(|| record.clone());
        if first == record { Ok(()) } else { Err(format!("L7: {first:?} became {record:?}")) }
    }
}

/// The rare cases that a write belongs to.
fn corner(call: &Call, answer: &Answer, is_late: bool) -> Option<&'static str> {
    match (call, answer) {
        (Call::Admit(write), Answer::Conditional(Conditional::Written(key))) => match (write, is_late) {
            (_, true) => Some("a late admission took a hold"),
            (write, false) if write.eviction.is_some() => Some("dead holds moved"),
            (write, false) if write.reset => Some("a window began"),
            (write, false) if write.hold.window < key.window => Some("a clock was behind the window"),
            (_, false) => Some("admitted"),
        },
        (Call::Admit(write), Answer::Conditional(Conditional::Refused(Some(old)))) => {
            match (old.holds.get(&write.request), old.expired.get(&write.request)) {
                (Some(_), _) if is_late => Some("a late admission found its hold"),
                (Some(_), _) => Some("a repeated admission found its hold"),
                (None, Some(Expired::Released(_))) if is_late => Some("a late admission found a mark"),
                (None, _) => None,
            }
        }
        (Call::Put(_, _, entry), Answer::Stored(Stored::Already)) if entry.interrupted => {
            Some("a resolved hold had a record")
        }
        (Call::Put(..), Answer::Stored(Stored::Already)) => Some("a record was there"),
        (Call::Put(_, _, entry), Answer::Stored(Stored::New)) if entry.interrupted => Some("a request was given up"),
        (Call::Release(write), Answer::Conditional(Conditional::Written(key))) => match (write.place, write.mark) {
            (Place::Expired, Some(_)) => Some("a moved hold became a mark"),
            (Place::Expired, None) => Some("a moved hold ended"),
            (Place::Holds, _) if key.balance < 0 => Some("a cost above the hold"),
            (Place::Holds, _) => None,
        },
        (Call::Release(_), Answer::Conditional(Conditional::Refused(_))) => Some("a release found nothing"),
        (Call::Forget(..), Answer::Conditional(Conditional::Written(_))) => Some("a mark was forgotten"),
        _ => None,
    }
}

/// L8, at any moment, and that no window has more tokens than its limit.
fn balanced(table: &Table, id: &KeyId) -> Result<(), Broken> {
    let key = &table.keys[id];
    if key.tokens_left > i128::try_from(key.tpm).unwrap() {
        return Err(format!("tokens: {id} has {} left of {}", key.tokens_left, key.tpm));
    }
    if !key.prepaid {
        return Ok(());
    }
    let moved = key.expired.values().filter_map(|entry| match entry {
        Expired::Dead(hold) => Some(hold),
        Expired::Released(_) => None,
    });
    let held: i128 = key.holds.values().chain(moved).map(|hold: &Hold| signed(hold.amount)).sum();
    let is_held =
        |request: &RequestId| key.holds.contains_key(request) || matches!(key.expired.get(request), Some(Expired::Dead(_)));
    let records = table.records.iter().filter(|((whose, request), _)| whose == id && !is_held(request));
    let charged: i128 = records.map(|(_, entry)| signed(entry.charged)).sum();
    let granted = table.grants[id];
    if granted - charged == key.balance + held {
        return Ok(());
    }
    Err(format!("L8: of {granted} granted to {id}, {charged} was charged, but {} is left and {held} held", key.balance))
}

/// Checks the final state: all leases have ended, dead holds are resolved, and the log is replayed.
pub(crate) fn at_rest(world: &World) -> Result<(), Broken> {
    for trace in &world.traces {
        one_record(&world.table, trace)?;
    }
    let mut sums: BTreeMap<Day, Sum> = BTreeMap::new();
    for ((key, request), entry) in &world.table.records {
        let sum = sums.entry(day_of(key, *request, entry)).or_default();
        *sum = (sum.0 + 1, sum.1 + entry.charged);
    }
    if sums != world.table.rollups {
        return Err(format!("L3: the records are {sums:?}, the rollups {:?}", world.table.rollups));
    }
    for (id, key) in &world.table.keys {
        if !key.holds.is_empty() || !key.expired.is_empty() {
            return Err(format!("L6: {id} still has {:?} and {:?}", key.holds, key.expired));
        }
        balanced(&world.table, id)?;
    }
    Ok(())
}

fn one_record(table: &Table, trace: &Trace) -> Result<(), Broken> {
    let request = trace.demand.request;
    let record = table.records.get(&(trace.key().clone(), request));
    let Some(record) = record else {
        let is_missing = trace.is_reached || trace.final_line.is_some();
        return if is_missing { Err(format!("L1: no record of {request}")) } else { Ok(()) };
    };
    let charged = trace.final_line.map_or(PicoUsd::ZERO, |(charged, _)| charged);
    if record.interrupted {
        let hold = trace.intent.as_ref().and_then(|((hold, _), _)| hold.as_ref());
        return match (&trace.settled, hold) {
            (Some((Settled::Done, at)), Some(hold)) if at + 1 < hold.expires && trace.course != Course::Withdrawn => {
                Err(format!("L1: {request} settled in time, and its record says that it did not finish"))
            }
            _ => Ok(()),
        };
    }
    if trace.final_line.is_none() || record.charged != charged {
        return Err(format!("L2: {request} is charged {}, not {charged}", record.charged));
    }
    Ok(())
}
