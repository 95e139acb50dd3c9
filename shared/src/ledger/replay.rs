//! Writes missing records from the functions' log lines. Replaying a line twice changes nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::held::HeldModels;
use super::reconcile::interrupted;
use super::settlement::store_record;
use super::{KeyedRequest, LEASE_AFTER_END, Reservation};
use crate::catalog::Catalog;
use crate::chat::Usage;
use crate::ids::{KeyId, RequestId, Tag};
use crate::money::PicoUsd;
use crate::protocol::Settled;
use crate::store::items::{Attempt, Expired, HeldModel, Hold, Record, StoredKey, TokenSource};
use crate::store::{Store, StoreError};

/// Seconds after its start at which no request can be running: Lambda's longest time limit of a function, and the time that a
/// hold outlives its process.
const LONGEST_LEASE: u64 = 900 + LEASE_AFTER_END.as_secs();

/// A ledger line of the log. Other lines lack some of these fields.
#[derive(Clone, Debug, Deserialize)]
struct Line {
    event: String,
    key: String,
    request: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    model: String,
    /// Missing if it is the requested model.
    #[serde(default)]
    served_model: String,
    #[serde(default)]
    upstream_model: String,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    attempt_log: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    finish: String,
    #[serde(default)]
    upstream_id: String,
    /// `input` in lines of earlier versions.
    #[serde(default, alias = "input")]
    uncached_input: u64,
    #[serde(default)]
    cache_read: u64,
    #[serde(default)]
    cache_write_5m: u64,
    #[serde(default)]
    cache_write_1h: u64,
    #[serde(default)]
    audio: u64,
    #[serde(default)]
    audio_cache_read: u64,
    #[serde(default)]
    output_tokens: u64,
    /// In checkpoints of earlier versions.
    #[serde(default)]
    output: u64,
    #[serde(default)]
    reasoning: u64,
    #[serde(default)]
    source: String,
    #[serde(default)]
    price_version: String,
    #[serde(default)]
    markup_permille: u32,
    #[serde(default)]
    provider_cost_pico: String,
    #[serde(default)]
    charged_pico: String,
    first_event_ms: Option<u64>,
    #[serde(default)]
    duration_ms: u64,
    hold: Option<String>,
}

impl Line {
    /// The model that served.
    fn served(&self) -> String {
        if self.served_model.is_empty() { self.model.clone() } else { self.served_model.clone() }
    }
}

/// Everything that the log says about a request.
#[derive(Clone, Debug, Default)]
struct Trace {
    intent: Option<Line>,
    checkpoint: Option<Line>,
    last: Option<Line>,
}

/// The result of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// Number of requests that are settled, now or before.
    pub settled: u64,
    /// Number of requests without a last line that may still be running.
    pub running: u64,
    /// Number of requests that could not be settled.
    pub failed: u64,
}

/// Log lines, grouped by request.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    traces: BTreeMap<KeyedRequest, Trace>,
}

impl Replay {
    /// Reads a line of a log, with or without text before its JSON. Returns false if it is not a ledger line.
    pub fn read(&mut self, line: &str) -> bool {
        let Some(json) = line.find('{').and_then(|at| line.get(at..)) else { return false };
        let Ok(line) = serde_json::from_str::<Line>(json) else { return false };
        let (Some(key), Some(request)) = (KeyId::parse(&line.key), RequestId::parse(&line.request)) else { return false };
        let trace = self.traces.entry(KeyedRequest { key, id: request }).or_default();
        match line.event.as_str() {
            "ledger.intent" => trace.intent = Some(line),
            "ledger.checkpoint" => trace.checkpoint = Some(line),
            "ledger.final" => trace.last = Some(line),
            _ => return false,
        }
        true
    }

    /// Number of requests in the lines.
    pub fn requests(&self) -> usize {
        self.traces.len()
    }

    /// Settles each request of the lines, and reports the number done after each. `now` decides which holds are dead; the
    /// catalogue contains the models that they may be for.
    pub async fn run(
        self,
        store: &Store,
        catalog: &Catalog,
        now: Timestamp,
        mut progress: impl FnMut(usize),
    ) -> Result<Replayed, StoreError> {
        let models = HeldModels::new(catalog, store);
        let mut replayed = Replayed::default();
        for (done, (request, trace)) in self.traces.into_iter().enumerate() {
            let count = match replay(&models, &request, &trace, now).await? {
                None => &mut replayed.running,
                Some(Settled::Done) => &mut replayed.settled,
                Some(Settled::HoldLeft | Settled::RecordLost) => &mut replayed.failed,
            };
            *count = count.saturating_add(1);
            progress(done.saturating_add(1));
        }
        Ok(replayed)
    }
}

/// Settles a request; `None` if it may still be running.
async fn replay(
    models: &HeldModels<'_>,
    keyed: &KeyedRequest,
    trace: &Trace,
    now: Timestamp,
) -> Result<Option<Settled>, StoreError> {
    let (store, key, request) = (models.store, &keyed.key, keyed.id);
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    let stored = store.key(key).await?.and_then(|key| hold_of(&key, request));
    let record = match (&trace.last, &trace.checkpoint, &trace.intent) {
        (Some(last), _, _) => last_record(key, request, last),
        (None, checkpoint, intent) => {
            let said = intent.as_ref().and_then(|intent| intent.hold.as_deref());
            let hold = stored.clone().or_else(|| said.and_then(Hold::from_text));
            let hold = hold.unwrap_or_else(|| unheld(request, intent.as_ref()));
            if hold.expires > now {
                return Ok(None);
            }
            let model = match intent {
                Some(intent) => intent.model.clone(),
                None => models.id(&hold.model).await?,
            };
            interrupted_record(keyed, model, intent.as_ref(), checkpoint.as_ref())
        }
    };
    // A write that the log does not mention may still be in progress: the mark prevents a late admission.
    Ok(Some(store_record(store, &record, &Reservation { hold: stored, uncertain: true }).await))
}

/// Replaces the hold of a request that was admitted from memory. It is dead once its process cannot be alive any more.
fn unheld(request: RequestId, intent: Option<&Line>) -> Hold {
    Hold {
        expires: request.started().as_secs().saturating_add(LONGEST_LEASE),
        window: 0,
        amount: PicoUsd::ZERO,
        tokens: 0,
        model: HeldModel::of(intent.map_or("", |intent| &intent.model)),
    }
}

fn hold_of(key: &StoredKey, request: RequestId) -> Option<Hold> {
    let moved = key.expired.get(&request).and_then(|entry| match entry {
        Expired::Dead(hold) => Some(hold.clone()),
        Expired::Released(_) => None,
    });
    key.holds.get(&request).cloned().or(moved)
}

/// The record, as the function itself would have stored it.
fn last_record(key: &KeyId, request: RequestId, line: &Line) -> Record {
    let line = line.clone();
    Record {
        key: key.clone(),
        request,
        usage: usage(&line),
        provider_cost: pico(&line.provider_cost_pico),
        charged: pico(&line.charged_pico),
        source: TokenSource::parse(&line.source).unwrap_or(TokenSource::Estimated),
        served_model: line.served(),
        format: line.format.into(),
        model: line.model,
        upstream_model: line.upstream_model,
        provider: line.provider.into(),
        attempts: line.attempts,
        attempt_log: Attempt::list_from_text(&line.attempt_log),
        tag: Tag::parse(&line.tag),
        status: line.status,
        finish: line.finish.into(),
        upstream_id: line.upstream_id,
        price_version: line.price_version,
        markup_permille: line.markup_permille,
        first_event_ms: line.first_event_ms,
        duration_ms: line.duration_ms,
    }
}

/// The record of a request whose process died: its cost at the last checkpoint, without a charge.
fn interrupted_record(keyed: &KeyedRequest, model: String, intent: Option<&Line>, checkpoint: Option<&Line>) -> Record {
    let base = interrupted(&keyed.key, keyed.id, model);
    let base = match intent {
        Some(intent) => Record {
            format: intent.format.clone().into(),
            served_model: intent.served(),
            upstream_model: intent.upstream_model.clone(),
            provider: intent.provider.clone().into(),
            price_version: intent.price_version.clone(),
            markup_permille: intent.markup_permille,
            tag: Tag::parse(&intent.tag),
            ..base
        },
        None => base,
    };
    let Some(line) = checkpoint else { return base };
    let counted =
        Record { usage: usage(line), provider_cost: pico(&line.provider_cost_pico), attempts: line.attempts, ..base };
    if line.provider.is_empty() {
        // The candidate is that of the intent.
        return counted;
    }
    Record {
        served_model: line.served_model.clone(),
        upstream_model: line.upstream_model.clone(),
        provider: line.provider.clone().into(),
        price_version: line.price_version.clone(),
        ..counted
    }
}

fn usage(line: &Line) -> Usage {
    Usage {
        input: line.uncached_input,
        cache_read: line.cache_read,
        cache_write_5m: line.cache_write_5m,
        cache_write_1h: line.cache_write_1h,
        audio: line.audio,
        audio_cache_read: line.audio_cache_read,
        output: line.output_tokens.max(line.output),
        reasoning: line.reasoning,
        provider_cost: None,
    }
}

fn pico(digits: &str) -> PicoUsd {
    PicoUsd::new(digits.parse().unwrap_or(0))
}
