//! The log lines of a request: its intent, its checkpoints, and its end. If a process dies, `bk ledger replay` makes the
//! record from its lines ([`Replay`](super::Replay)).
//!
//! Every request writes these lines, so they omit zero values and what an earlier line contains. `docs/logging.md` lists the
//! fields.

use serde::Serialize;

use super::{Checkpoint, RequestFacts, cost};
use crate::catalog::{Candidate, Route};
use crate::chat::Usage;
use crate::ids::{ModelId, Tag};
use crate::store::items::{Attempt, Hold, OK, Record};
use crate::telemetry::{self, RequestMetrics};

/// Logs a request before it is sent, so that a process that dies leaves a trace. Only this line has Lambda's id of the
/// invocation.
pub fn log_intent(facts: &RequestFacts, candidate: &Candidate) {
    let hold = facts.reservation.hold.as_ref();
    let (model, served) = (facts.model.id.to_string(), candidate.model.id.to_string());
    tracing::info!(
        event = "ledger.intent",
        key = %facts.key,
        request = %facts.request,
        format = facts.format,
        served_model = (served != model).then_some(served),
        model,
        upstream_model = candidate.route.upstream.as_str(),
        provider = %candidate.route.provider,
        price_version = %candidate.tariff.label(&facts.catalog_version),
        markup_permille = (candidate.markup_permille != 0).then_some(candidate.markup_permille),
        hold = hold.map(Hold::to_text),
        tag = facts.tag.as_ref().map(tracing::field::display),
        uncertain = facts.reservation.uncertain.then_some(true),
    );
}

/// The candidate in the first line of a request.
#[derive(Clone, Debug)]
pub struct Announced {
    model: ModelId,
    route: Route,
}

impl Announced {
    /// The names of the candidate that the first log line of a request announces.
    pub fn of(candidate: &Candidate) -> Self {
        Self { model: candidate.model.id.clone(), route: candidate.route.clone() }
    }

    fn is(&self, candidate: &Candidate) -> bool {
        self.model == candidate.model.id && self.route == candidate.route
    }
}

/// The candidate, if it changed.
#[derive(Serialize)]
struct Answering {
    served_model: String,
    upstream_model: String,
    provider: &'static str,
    price_version: String,
}

#[derive(Serialize)]
struct CheckpointLine<'a> {
    event: &'static str,
    key: &'a str,
    request: String,
    attempts: u32,
    #[serde(flatten)]
    answering: Option<Answering>,
    #[serde(flatten)]
    tokens: Tokens,
    output_tokens: u64,
    provider_cost_pico: String,
}

/// Counts of tokens besides the total input and the output. Zero counts are left out.
#[derive(Serialize)]
struct Tokens {
    uncached_input: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    cache_read: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    cache_write_5m: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    cache_write_1h: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    audio: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    audio_cache_read: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    reasoning: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_nothing(count: &u64) -> bool {
    *count == 0
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        let Usage { input, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read, reasoning, .. } = usage;
        Self { uncached_input: input, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read, reasoning }
    }
}

/// Logs a checkpoint of a reply: what it has cost so far. Names the candidate only if it differs from that of the intent.
pub fn log_checkpoint(facts: &RequestFacts, checkpoint: &Checkpoint<'_>) {
    let Candidate { model, route, tariff, markup_permille: _ } = checkpoint.candidate;
    let answering = || Answering {
        served_model: model.id.to_string(),
        upstream_model: route.upstream.as_str().to_owned(),
        provider: route.provider.as_str(),
        price_version: tariff.label(&facts.catalog_version).to_string(),
    };
    telemetry::write(&CheckpointLine {
        event: "ledger.checkpoint",
        key: facts.key.as_str(),
        request: facts.request.to_string(),
        attempts: checkpoint.attempts,
        answering: (!checkpoint.announced.is(checkpoint.candidate)).then(answering),
        tokens: checkpoint.usage.into(),
        output_tokens: checkpoint.usage.output,
        provider_cost_pico: cost(&checkpoint.usage, tariff).pico().to_string(),
    });
}

/// The fields of a record that are not metrics.
#[derive(Serialize)]
struct FinalLine<'a> {
    event: &'static str,
    key: &'a str,
    request: String,
    format: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    served_model: Option<&'a str>,
    upstream_model: &'a str,
    attempts: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    attempt_log: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    status: u16,
    finish: &'a str,
    upstream_id: &'a str,
    #[serde(flatten)]
    tokens: Tokens,
    source: &'static str,
    price_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    markup_permille: Option<u32>,
    provider_cost_pico: String,
    charged_pico: String,
    duration_ms: u64,
}

/// Logs the end of a request, for `bk ledger replay` and for CloudWatch's metrics. `drifts` says whether the provider
/// reported another cost than the catalogue's.
pub(super) fn log(record: &Record, drifts: bool) {
    let said = FinalLine {
        event: "ledger.final",
        key: record.key.as_str(),
        request: record.request.to_string(),
        format: &record.format,
        model: &record.model,
        served_model: (record.served_model != record.model).then_some(&record.served_model),
        upstream_model: &record.upstream_model,
        attempts: record.attempts,
        attempt_log: Attempt::list_to_text(&record.attempt_log),
        tag: record.tag.as_ref().map(Tag::as_str),
        status: record.status,
        finish: &record.finish,
        upstream_id: &record.upstream_id,
        tokens: record.usage.into(),
        source: record.source.as_str(),
        price_version: &record.price_version,
        markup_permille: (record.markup_permille != 0).then_some(record.markup_permille),
        provider_cost_pico: record.provider_cost.pico().to_string(),
        charged_pico: record.charged.pico().to_string(),
        duration_ms: record.duration_ms,
    };
    let metrics = RequestMetrics {
        provider: &record.provider,
        requests: 1,
        errors: u32::from(record.status != OK),
        input_tokens: record.usage.total_input(),
        output_tokens: record.usage.output,
        price_drifts: u32::from(drifts),
        first_event_ms: record.first_event_ms,
    };
    telemetry::count(said, metrics);
}
