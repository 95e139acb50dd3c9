//! Resolves the holds of processes that died: charges the record if there is one, or writes an `interrupted` record that
//! charges nothing.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Reservation;
use super::held::HeldModels;
use super::settlement::store_record;
use crate::catalog::Catalog;
use crate::chat::Usage;
use crate::ids::{KeyId, RequestId};
use crate::money::PicoUsd;
use crate::protocol::Settled;
use crate::store::items::{Expired, Hold, Record, StoredKey, TokenSource};
use crate::store::{Store, StoreError};

/// Number of keys per read.
const BATCH: usize = 100;
/// Number of directory keys that one scheduled run checks in addition to the recently used ones: with a run every 15
/// minutes, each of a hundred thousand keys is checked within a day.
pub const WALK: usize = 1_200;

/// The result of a walk over keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reconciled {
    /// Number of checked keys.
    pub keys: u64,
    /// Number of resolved dead holds.
    pub resolved: u64,
    /// Number of removed marks. A mark keeps the place of an ended request, so that a late duplicate of its admission is
    /// refused.
    pub forgotten: u64,
    /// Number of dead holds and marks that could not be resolved, and of keys that could not be read.
    pub left: u64,
}

/// Walks the directory, resolves the holds that are dead at this time, and removes the marks that have expired. The
/// catalogue contains the models that holds may be for. Safe to run at any time and in parallel.
pub async fn reconcile(store: &Store, catalog: &Catalog, now: Timestamp) -> Result<Reconciled, StoreError> {
    let mut run = Run::new(store, catalog, now);
    let mut after = None;
    loop {
        let page = store.listed_after(after.as_ref(), WALK).await?;
        let Some(last) = page.last().cloned() else { return Ok(run.done) };
        run.look_at(&page, None).await?;
        after = Some(last);
    }
}

/// Resolves the holds of two groups of keys. First the keys that were used today or yesterday, because only their holds can
/// have died recently: they get two thirds of `time`. Then the next part of the directory, so that every dead hold is found
/// in the end. Ends after about `time`. The next run continues where this run stopped.
pub async fn reconcile_next(
    store: &Store,
    catalog: &Catalog,
    now: Timestamp,
    time: Duration,
) -> Result<Reconciled, StoreError> {
    let started = Instant::now();
    let mut run = Run::new(store, catalog, now);
    let mut cursor = store.cursor().await?;
    let mut active = store.active_keys(run.now).await.unwrap_or_else(|error| {
        // For example, a table without the index. The walk finds everything, but later.
        tracing::warn!(event = "ledger.unlisted", cause = %error, "the recently used keys could not be read");
        Vec::new()
    });
    let seen = active.partition_point(|key| cursor.active.as_ref().is_some_and(|last| key <= last));
    active.rotate_left(seen);
    cursor.active = run.look_at(&active, Some(started + time * 2 / 3)).await?;
    let page = store.listed_after(cursor.walk.as_ref(), WALK).await?;
    let at_the_end = page.len() < WALK;
    active.sort();
    let others: Vec<KeyId> = page.iter().filter(|key| active.binary_search(key).is_err()).cloned().collect();
    let stopped = run.look_at(&others, Some(started + time)).await?;
    cursor.walk = stopped.or_else(|| page.last().filter(|_| !at_the_end).cloned());
    store.move_cursor(&cursor).await?;
    Ok(run.done)
}

/// A walk in progress.
struct Run<'a> {
    models: HeldModels<'a>,
    /// Seconds since the epoch.
    now: u64,
    done: Reconciled,
}

impl<'a> Run<'a> {
    fn new(store: &'a Store, catalog: &'a Catalog, now: Timestamp) -> Self {
        let now = u64::try_from(now.as_second()).unwrap_or_default();
        Self { models: HeldModels::new(catalog, store), now, done: Reconciled::default() }
    }

    /// Checks at least one key, until that time. Returns the last checked key, if others are left.
    async fn look_at(&mut self, keys: &[KeyId], end: Option<Instant>) -> Result<Option<KeyId>, StoreError> {
        for batch in keys.chunks(BATCH) {
            for (id, key) in self.models.store.keys_of(batch).await? {
                self.done.keys = self.done.keys.saturating_add(1);
                match key {
                    Ok(key) => self.resolve(&id, &key).await,
                    Err(error) => {
                        // Other keys must not wait for it.
                        tracing::error!(event = "ledger.unreadable", key = %id, cause = %error, "a key cannot be read");
                        self.done.left = self.done.left.saturating_add(1);
                    }
                }
                if end.is_some_and(|end| Instant::now() >= end) && keys.last() != Some(&id) {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }

    /// Resolves the dead holds of a key, and removes its expired marks. What fails is left to the next run.
    async fn resolve(&mut self, id: &KeyId, key: &StoredKey) {
        for (request, hold) in dead_holds(key, self.now) {
            let count = match self.end_of(id, request, hold).await {
                Ok(Settled::Done) => &mut self.done.resolved,
                Ok(Settled::HoldLeft | Settled::RecordLost) => &mut self.done.left,
                Err(error) => {
                    tracing::warn!(key = %id, %request, cause = %error, "a dead hold could not be resolved");
                    &mut self.done.left
                }
            };
            *count = count.saturating_add(1);
        }
        for (request, entry) in &key.expired {
            if let Expired::Released(until) = entry
                && *until <= self.now
            {
                let forgotten = self.models.store.forget_mark(id, *request, *until).await;
                let count = if forgotten.is_ok() { &mut self.done.forgotten } else { &mut self.done.left };
                *count = count.saturating_add(1);
            }
        }
    }

    async fn end_of(&self, key: &KeyId, request: RequestId, hold: Hold) -> Result<Settled, StoreError> {
        let record = interrupted(key, request, self.models.id(&hold.model).await?);
        let reservation = Reservation { hold: Some(hold), uncertain: false };
        Ok(store_record(self.models.store, &record, &reservation).await)
    }
}

/// Holds whose process cannot be alive any more.
pub(super) fn dead_holds(key: &StoredKey, now: u64) -> Vec<(RequestId, Hold)> {
    let running = key.holds.iter().filter(|(_, hold)| hold.expires <= now).map(|(request, hold)| (*request, hold.clone()));
    let moved = key.expired.iter().filter_map(|(request, entry)| match entry {
        Expired::Dead(hold) => Some((*request, hold.clone())),
        Expired::Released(_) => None,
    });
    running.chain(moved).collect()
}

/// The record of a request of which only its hold is known.
pub(super) fn interrupted(key: &KeyId, request: RequestId, model: String) -> Record {
    Record {
        key: key.clone(),
        request,
        format: "".into(),
        model,
        served_model: String::new(),
        upstream_model: String::new(),
        provider: "".into(),
        attempts: 0,
        attempt_log: Vec::new(),
        tag: None,
        status: 500,
        finish: "interrupted".into(),
        upstream_id: String::new(),
        usage: Usage::default(),
        source: TokenSource::Estimated,
        price_version: String::new(),
        markup_permille: 0,
        provider_cost: PicoUsd::ZERO,
        charged: PicoUsd::ZERO,
        first_event_ms: None,
        duration_ms: 0,
    }
}
