//! The ledger: prices a request's usage, writes its record, and sums usage up. Integer arithmetic only.
#![deny(clippy::float_arithmetic)]

mod cache_writes;
mod demand;
mod held;
mod lines;
mod reconcile;
mod replay;
mod settlement;
mod summary;
mod verify;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalog::{Candidate, Model, Tariff};
use crate::chat::{FinishReason, Usage};
use crate::ids::{KeyId, RequestId, Tag};
use crate::money::PicoUsd;
use crate::protocol::Settled;
pub use crate::protocol::{KeyedRequest, Reservation};
use crate::store::Store;
use crate::store::items::{Attempt, Hold, Record, TokenSource, start_of};
use crate::telemetry;

pub use cache_writes::with_writes_of;
pub use demand::{Applicant, LEASE_AFTER_END, LEAST_OUTPUT, Sent, affordable_output, demand, worst_cost};
pub use jiff::Timestamp;
pub use lines::{Announced, log_checkpoint, log_intent};
pub use reconcile::{Reconciled, WALK, reconcile, reconcile_next};
pub use replay::{Replay, Replayed};
pub use settlement::{BEFORE_KILL, LONGEST_SETTLEMENT, store_record, withdraw};
pub use summary::{Days, ModelUsage, Summary, day, dearest_first};
pub use verify::{Verified, Violation, verify};

/// What is known about a request when it is sent upstream.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// The request.
    pub request: RequestId,
    /// Its key.
    pub key: KeyId,
    /// The client format's name.
    pub format: &'static str,
    /// The requested model.
    pub model: Arc<Model>,
    /// The version of the catalogue or list that has its prices.
    pub catalog_version: String,
    /// When the request arrived, by the process's clock.
    pub started: Instant,
    /// What the admission took from the key. The settlement returns it.
    pub reservation: Reservation,
    /// Whether the key is prepaid, so that the charge is at most the hold.
    pub is_prepaid: bool,
    /// The client's own label for it.
    pub tag: Option<Tag>,
    /// The gateway's estimate of its input tokens, used if no provider counts them.
    pub estimated_input: u64,
}

/// The result of a request, by the meter.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// 200, or the status of the ending.
    pub status: u16,
    /// Whether its usage is charged. It is not if the provider or the gateway was at fault.
    pub is_charged: bool,
    /// The last candidate, and its prices.
    pub candidate: Candidate,
    /// All calls to providers, oldest first.
    pub attempts: Vec<Attempt>,
    /// The charged tokens.
    pub usage: Usage,
    /// Whether the provider counted the tokens or the gateway estimated them.
    pub source: TokenSource,
    /// The finish reason, if there is one.
    pub finish: Option<FinishReason>,
    /// The provider's id of the reply.
    pub upstream_id: String,
    /// When the first content came.
    pub first_event: Option<Instant>,
}

/// The state of a request whose reply is still coming.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint<'a> {
    /// The current candidate, and its prices.
    pub candidate: &'a Candidate,
    /// The candidate in the request's first log line.
    pub announced: &'a Announced,
    /// Number of upstream calls so far, including the running one.
    pub attempts: u32,
    /// The tokens that would be charged if the reply ended now.
    pub usage: Usage,
}

/// The day of a request (UTC), which determines its prices. It is the day of its start, which is in its id, so that every
/// reader agrees.
pub fn day_of(request: RequestId) -> Date {
    start_of(request).to_zoned(TimeZone::UTC).date()
}

/// The exact cost of a usage.
pub fn cost(usage: &Usage, tariff: &Tariff) -> PicoUsd {
    let price = tariff.of_prompt(usage.total_input());
    let (sound, cached_sound) = (usage.audio.min(usage.input), usage.audio_cache_read.min(usage.cache_read));
    price.input.cost_of(usage.input.saturating_sub(sound))
        + price.audio.cost_of(sound)
        + price.output.cost_of(usage.output)
        + price.cache_read.cost_of(usage.cache_read.saturating_sub(cached_sound))
        + price.audio_cache_read.cost_of(cached_sound)
        + price.cache_write_5m.cost_of(usage.cache_write_5m)
        + price.cache_write_1h.cost_of(usage.cache_write_1h)
}

/// Computes the charge of a usage. If prices move, it is the cost that the provider reports, or else the list price. A
/// prepaid key never pays more than was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pricing {
    tariff: Tariff,
    markup_permille: u32,
    /// The maximum charge for prices that move; `None` if the key is not prepaid, because its hold can be below the cost of
    /// a reply without a limit.
    most: Option<PicoUsd>,
}

impl Pricing {
    /// The pricing of a request on a candidate.
    pub fn of(facts: &RequestFacts, candidate: &Candidate) -> Self {
        let most = facts.reservation.hold.as_ref().filter(|_| facts.is_prepaid).map(|hold| hold.amount);
        Self { tariff: candidate.tariff, markup_permille: candidate.markup_permille, most }
    }

    /// The pricing of the same request on another candidate.
    #[must_use]
    pub fn by(self, candidate: &Candidate) -> Self {
        Self { tariff: candidate.tariff, markup_permille: candidate.markup_permille, ..self }
    }

    /// The charge, including the markup.
    pub fn charge(&self, usage: &Usage) -> PicoUsd {
        let reported = usage.provider_cost.filter(|_| self.tariff.moves);
        let charge = reported.unwrap_or_else(|| cost(usage, &self.tariff)).with_markup(self.markup_permille);
        self.most.filter(|_| self.tariff.moves).map_or(charge, |most| charge.min(most))
    }
}

/// The record of a request. A record without a charge keeps its cost at the provider.
pub fn record(facts: &RequestFacts, outcome: Outcome) -> Record {
    let usage = outcome.usage;
    let Candidate { model: served, route, tariff, markup_permille } = &outcome.candidate;
    let charged = if outcome.is_charged { Pricing::of(facts, &outcome.candidate).charge(&usage) } else { PicoUsd::ZERO };
    Record {
        key: facts.key.clone(),
        request: facts.request,
        format: facts.format.into(),
        model: facts.model.id.to_string(),
        served_model: served.id.to_string(),
        upstream_model: route.upstream.as_str().to_owned(),
        provider: route.provider.as_str().into(),
        attempts: u32::try_from(outcome.attempts.len()).unwrap_or(u32::MAX),
        attempt_log: outcome.attempts,
        tag: facts.tag.clone(),
        status: outcome.status,
        finish: outcome.finish.as_ref().map_or("", FinishReason::as_str).into(),
        markup_permille: *markup_permille,
        upstream_id: outcome.upstream_id,
        source: outcome.source,
        price_version: tariff.label(&facts.catalog_version).to_string(),
        provider_cost: usage.provider_cost.unwrap_or_else(|| cost(&usage, tariff)),
        charged,
        usage,
        first_event_ms: outcome.first_event.map(|at| millis(at.duration_since(facts.started))),
        duration_ms: millis(facts.started.elapsed()),
    }
}

/// Input tokens that are charged if no provider counted them: one per four bytes of the upstream body, and at most the
/// estimate for the client's request, which knows images and files.
pub fn uncounted_input(body_bytes: u64, estimate: u64) -> u64 {
    const BYTES_PER_TOKEN: u64 = 4;
    body_bytes.div_ceil(BYTES_PER_TOKEN).min(estimate).max(1)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Writes a request's record and ends its hold. If the table does not answer, the log line is the record. A prepaid key's
/// charge above the hold is a bug in the measurement and is logged as one.
pub async fn settle(store: &Store, facts: &RequestFacts, record: &Record, tariff: &Tariff) {
    let drift = Drift::of(record, tariff);
    lines::log(record, drift.is_some());
    let exceeds = |hold: &&Hold| facts.is_prepaid && hold.amount < record.charged;
    if let Some(hold) = facts.reservation.hold.as_ref().filter(exceeds) {
        let (held_pico, charged_pico) = (hold.amount.pico(), record.charged.pico());
        let (event, model) = ("ledger.overdraft", &record.model);
        tracing::warn!(event, request = %record.request, model, %held_pico, %charged_pico);
    }
    if let Some(Drift { reported, listed }) = drift {
        let (reported_pico, listed_pico) = (reported.pico(), listed.pico());
        let (event, model) = ("ledger.drift", &record.model);
        tracing::warn!(event, request = %record.request, model, %reported_pico, %listed_pico);
    }
    let settled = settlement::store_record(store, record, &facts.reservation).await;
    if settled != Settled::Done {
        tracing::error!(event = "ledger.unsettled", request = %record.request, outcome = ?settled, "settlement not completed");
        telemetry::count_settlement_failure();
    }
}

/// A reported cost that differs from the catalogue's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Drift {
    reported: PicoUsd,
    listed: PicoUsd,
}

impl Drift {
    /// The drift of a record: more than a tenth if prices move, otherwise more than a fiftieth.
    fn of(record: &Record, tariff: &Tariff) -> Option<Self> {
        let permille = if tariff.moves { 100 } else { 20 };
        let (reported, listed) = (record.usage.provider_cost?, cost(&record.usage, tariff));
        let difference = reported.pico().abs_diff(listed.pico());
        (difference.saturating_mul(1_000) > listed.pico().saturating_mul(permille)).then_some(Self { reported, listed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::store::items::{HeldModel, Hold};

    fn candidate(model: &str) -> Candidate {
        let model = Catalog::embedded().unwrap().resolve(model).unwrap();
        let route = model.routes[0].clone();
        Candidate::new(&model, &route, Date::constant(2026, 11, 26), false)
    }

    fn facts(model: &str) -> RequestFacts {
        let catalog = Catalog::embedded().unwrap();
        RequestFacts {
            request: RequestId::generate(),
            key: KeyId::parse("0123456789abcdef").unwrap(),
            format: "messages",
            model: catalog.resolve(model).unwrap(),
            catalog_version: catalog.version().to_owned(),
            started: Instant::now(),
            reservation: Reservation::default(),
            is_prepaid: true,
            tag: None,
            estimated_input: 100,
        }
    }

    fn outcome(status: u16, is_charged: bool, usage: Usage) -> Outcome {
        Outcome {
            status,
            is_charged,
            candidate: candidate("claude-opus-4.6"),
            attempts: Vec::new(),
            usage,
            source: TokenSource::Upstream,
            finish: None,
            upstream_id: String::new(),
            first_event: None,
        }
    }

    fn usage() -> Usage {
        Usage { input: 1, cache_read: 10, cache_write_5m: 100, cache_write_1h: 1000, output: 7, ..Usage::default() }
    }

    #[test]
    fn each_class_of_token_has_its_price() {
        // 5 + 10 x 0.50 + 100 x 6.25 + 1000 x 10 + 7 x 25 dollars per million tokens.
        assert_eq!(cost(&usage(), &candidate("claude-opus-4.6").tariff), PicoUsd::new(10_810_000_000));
    }

    #[test]
    fn sound_has_its_own_price_cached_or_not() {
        let tariff = candidate("gemini-3-flash").tariff;
        let usage = Usage { input: 100, audio: 40, cache_read: 10, audio_cache_read: 5, output: 1, ..Usage::default() };
        let expected = 60 * 500_000 + 40 * 1_000_000 + 5 * 50_000 + 5 * 100_000 + 3_000_000;
        assert_eq!(cost(&usage, &tariff).pico(), expected);
    }

    #[test]
    fn a_reported_cost_drifts_beyond_a_tenth_of_a_price_that_moves_and_a_fiftieth_of_another() {
        for (moves, reported, is_drift) in [
            (true, None, false),
            (true, Some(660_000_000), false),
            (true, Some(660_000_001), true),
            (true, Some(540_000_000), false),
            (true, Some(539_999_999), true),
            (false, Some(612_000_000), false),
            (false, Some(612_000_001), true),
            (false, Some(587_999_999), true),
        ] {
            let usage = Usage { input: 1_000, provider_cost: reported.map(PicoUsd::new), ..Usage::default() };
            let record = record(&facts("kimi-k2.5"), outcome(200, true, usage));
            let tariff = Tariff { moves, ..candidate("kimi-k2.5").tariff };
            let told = is_drift.then(|| (reported.unwrap_or_default(), 600_000_000));
            let drift = Drift::of(&record, &tariff).map(|drift| (drift.reported.pico(), drift.listed.pico()));
            assert_eq!(drift, told, "{moves} {reported:?}");
        }
    }

    #[test]
    fn a_price_that_moves_is_charged_as_reported_and_for_a_prepaid_key_never_above_the_hold() {
        let mut facts = facts("kimi-k2.5");
        let hold =
            |amount| Hold { expires: 0, window: 0, amount: PicoUsd::new(amount), tokens: 0, model: HeldModel::of("") };
        let candidate = candidate("kimi-k2.5");
        let mut charge = |held, reported: Option<u128>| {
            facts.reservation.hold = Some(hold(held));
            let usage = Usage { input: 1, provider_cost: reported.map(PicoUsd::new), ..Usage::default() };
            Pricing::of(&facts, &candidate).charge(&usage).pico()
        };
        assert_eq!([charge(900, Some(700)), charge(900, Some(901))], [700, 900]);
        assert_eq!([charge(1_000_000, None), charge(900, None)], [600_000, 900]);
        facts.is_prepaid = false;
        let usage = Usage { input: 1, provider_cost: Some(PicoUsd::new(901)), ..Usage::default() };
        assert_eq!(Pricing::of(&facts, &candidate).charge(&usage).pico(), 901);
    }

    #[test]
    fn a_long_prompt_is_priced_by_its_own_tier_for_all_its_tokens() {
        let tariff = candidate("gemini-2.5-pro").tariff;
        let at = |input| cost(&Usage { input, output: 1, ..Usage::default() }, &tariff).pico();
        assert_eq!(at(200_000), 200_000 * 1_250_000 + 10_000_000);
        assert_eq!(at(200_001), 200_001 * 2_500_000 + 15_000_000);
    }

    #[test]
    fn a_providers_fault_is_not_charged_but_its_cost_is_kept() {
        let record = record(&facts("claude-opus-4.6"), outcome(502, false, usage()));
        assert_eq!((record.charged, record.provider_cost.pico()), (PicoUsd::ZERO, 10_810_000_000));
    }

    #[test]
    fn a_reported_cost_is_the_provider_cost_and_never_the_charge() {
        let reported = Usage { provider_cost: Some(PicoUsd::new(42)), ..usage() };
        let record = record(&facts("claude-opus-4.6"), outcome(200, true, reported));
        assert_eq!((record.charged.pico(), record.provider_cost.pico()), (10_810_000_000, 42));
    }

    #[test]
    fn a_request_that_its_deadline_cut_is_charged_for_what_was_generated() {
        let record = record(&facts("claude-opus-4.6"), outcome(504, true, usage()));
        assert_eq!((record.status, record.charged.pico()), (504, 10_810_000_000));
    }

    #[test]
    fn a_markup_is_added_to_the_charge_alone() {
        let mut outcome = outcome(200, true, usage());
        outcome.candidate.markup_permille = 100;
        let record = record(&facts("claude-opus-4.6"), outcome);
        assert_eq!((record.charged.pico(), record.provider_cost.pico()), (11_891_000_000, 10_810_000_000));
    }

    #[test]
    fn an_uncounted_prompt_is_charged_by_its_length_and_never_above_the_estimate() {
        assert_eq!(uncounted_input(401, 1_000), 101);
        assert_eq!(uncounted_input(50_000, 1_631), 1_631);
        assert_eq!(uncounted_input(0, 0), 1);
    }
}
