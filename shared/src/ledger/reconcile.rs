//! Resolves holds whose process died: each becomes its record's charge, or an `interrupted` record that charges nothing.

use jiff::Timestamp;

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

/// What a walk over all keys did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reconciled {
    /// Keys that were looked at.
    pub keys: u64,
    /// Dead holds that were resolved.
    pub resolved: u64,
    /// Marks of late duplicates that were forgotten.
    pub forgotten: u64,
    /// Dead holds that could not be resolved now.
    pub left: u64,
}

/// Walks over the directory and resolves what is dead at that time; the catalogue has the models that holds may be for. Safe to run
/// at any time, by many at once.
pub async fn reconcile(store: &Store, catalog: &Catalog, now: Timestamp) -> Result<Reconciled, StoreError> {
    let models = HeldModels::new(catalog, store);
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    let mut done = Reconciled::default();
    for listed in store.list_keys().await? {
        if let Some(key) = store.key(&listed.id).await? {
            done.keys = done.keys.saturating_add(1);
            reconcile_key(&models, &listed.id, &key, now, &mut done).await?;
        }
    }
    Ok(done)
}

async fn reconcile_key(
    models: &HeldModels<'_>,
    id: &KeyId,
    key: &StoredKey,
    now: u64,
    done: &mut Reconciled,
) -> Result<(), StoreError> {
    for (request, hold) in dead_holds(key, now) {
        let record = interrupted(id, request, models.id(&hold.model).await?);
        let reservation = Reservation { hold: Some(hold), uncertain: false };
        match store_record(models.store, &record, &reservation).await {
            Settled::Done => done.resolved = done.resolved.saturating_add(1),
            Settled::HoldLeft | Settled::RecordLost => done.left = done.left.saturating_add(1),
        }
    }
    for (request, entry) in &key.expired {
        if let Expired::Released(until) = entry
            && *until <= now
        {
            models.store.forget_mark(id, *request, *until).await?;
            done.forgotten = done.forgotten.saturating_add(1);
        }
    }
    Ok(())
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

/// The record of a request that nobody finished, when nothing but its hold is known.
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
