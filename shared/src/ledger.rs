//! Money: prices a request's usage, writes its record, sums it up. Integer arithmetic only.
#![deny(clippy::float_arithmetic)]

mod demand;
mod reconcile;
mod replay;
mod settlement;
mod sizes;
mod summary;
mod verify;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::{Model, Price};
use crate::chat::{FinishReason, Usage};
use crate::document::Document;
use crate::ids::{KeyId, ProviderId, RequestId};
use crate::money::PicoUsd;
use crate::protocol::Settled;
use crate::store::Store;
use crate::store::items::{Hold, Record, TokenSource};
use crate::telemetry::{self, RequestMetrics};

use self::sizes::{Sizes, sizes};

pub use demand::{Applicant, LEASE_AFTER_END, demand};
pub use jiff::Timestamp;
pub use reconcile::{Reconciled, reconcile};
pub use replay::{Replay, Replayed};
pub use settlement::{Reservation, store_record, withdraw};
pub use summary::{Days, ModelUsage, Summary};
pub use verify::{Verified, verify};

/// Characters per token where nobody counted.
const BYTES_PER_TOKEN: u64 = 4;

/// What is known of a request when it is sent upstream.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// Which request.
    pub request: RequestId,
    /// Whose.
    pub key: KeyId,
    /// The client format's name.
    pub format: &'static str,
    /// The model.
    pub model: Arc<Model>,
    /// The catalogue version of its price.
    pub price_version: String,
    /// When it came in.
    pub started: Instant,
    /// What it took from its key.
    pub reservation: Reservation,
    /// What is added to the price, in thousandths.
    pub markup_permille: u32,
}

/// How a request ended, as the meter saw it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// 200, or the status that the failure stands for.
    pub status: u16,
    /// Who answered last.
    pub provider: ProviderId,
    /// Upstream calls that were made.
    pub attempts: u32,
    /// Bytes of the body that was sent upstream, for the estimate.
    pub input_bytes: u64,
    /// Why the model stopped, if it did.
    pub finish: Option<FinishReason>,
    /// The last usage the provider reported.
    pub usage: Option<Usage>,
    /// Bytes of generated text, for the estimate.
    pub output_bytes: u64,
    /// The provider's id of the reply.
    pub upstream_id: String,
    /// When the first event came.
    pub first_event: Option<Instant>,
}

/// The exact cost of a usage.
pub fn cost(usage: &Usage, model: &Model) -> PicoUsd {
    let tier = model.long_context.filter(|tier| usage.total_input() > tier.above);
    let Price { input, output, cache_read, cache_write_5m, cache_write_1h } = tier.map_or(model.price, |tier| tier.price);
    input.cost_of(usage.input)
        + output.cost_of(usage.output)
        + cache_read.cost_of(usage.cache_read)
        + cache_write_5m.cost_of(usage.cache_write_5m)
        + cache_write_1h.cost_of(usage.cache_write_1h)
}

/// The record of a request. Ends that are the provider's fault or ours are not charged, but keep their cost at the provider.
pub fn record(facts: &RequestFacts, outcome: Outcome) -> Record {
    let delivered = outcome.status == 200;
    let reported = outcome.usage.filter(|usage| !usage.is_empty());
    let source = if reported.is_some() { TokenSource::Upstream } else { TokenSource::Estimated };
    let usage = reported.unwrap_or_else(|| if delivered { estimate(&outcome) } else { Usage::default() });
    let price = cost(&usage, &facts.model);
    Record {
        key: facts.key.clone(),
        request: facts.request,
        format: facts.format.into(),
        model: facts.model.id.to_string(),
        provider: outcome.provider.as_str().into(),
        attempts: outcome.attempts,
        status: outcome.status,
        finish: outcome.finish.as_ref().map_or("", FinishReason::as_str).into(),
        markup_permille: facts.markup_permille,
        upstream_id: outcome.upstream_id,
        source,
        price_version: facts.price_version.clone(),
        provider_cost: usage.provider_cost.unwrap_or(price),
        charged: if delivered { price.with_markup(facts.markup_permille) } else { PicoUsd::ZERO },
        usage,
        first_event_ms: outcome.first_event.map(|at| millis(at.duration_since(facts.started))),
        duration_ms: millis(facts.started.elapsed()),
    }
}

/// Input tokens of a request that no provider counts, made not to fall under the real number: two tokens for five bytes of JSON
/// (dense code comes near that), the size of a large picture for each one, a page for fifty kilobytes of a file, and what providers
/// add of their own, more with tools than without.
pub fn estimated_input(document: &Document) -> u64 {
    const PICTURE: u64 = 1_600;
    const FILE_BYTES_PER_TOKEN: u64 = 32;
    const FRAME: u64 = 16;
    const TOOLS_FRAME: u64 = 600;
    let Sizes { text_bytes, pictures, links, documents, document_bytes, cache: _ } = sizes(document);
    let files = documents.saturating_mul(PICTURE).max(document_bytes.div_ceil(FILE_BYTES_PER_TOKEN));
    let frame = if document.root().get("tools").is_some() { TOOLS_FRAME } else { FRAME };
    let parts = pictures.saturating_add(links).saturating_mul(PICTURE).saturating_add(files);
    text_bytes.saturating_mul(2).div_ceil(5).saturating_add(parts).saturating_add(frame)
}

/// Tokens of a body that nobody counted, at least one.
pub fn estimated_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN).max(1)
}

fn estimate(outcome: &Outcome) -> Usage {
    Usage {
        input: outcome.input_bytes.div_ceil(BYTES_PER_TOKEN),
        output: outcome.output_bytes.div_ceil(BYTES_PER_TOKEN),
        ..Usage::default()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Writes a request's record and ends its hold. When the table stays out of reach, the log line is the record.
pub async fn settle(store: &Store, facts: &RequestFacts, record: &Record) {
    log(record);
    let settled = settlement::store_record(store, record, &facts.reservation).await;
    if settled != Settled::Done {
        tracing::error!(event = "ledger.unsettled", request = %record.request, how = ?settled, "settlement given up");
    }
    telemetry::count(RequestMetrics {
        provider: &record.provider,
        model: &record.model,
        requests: 1,
        errors: u32::from(record.status != 200),
        first_event_ms: record.first_event_ms,
        duration_ms: record.duration_ms,
        input_tokens: record.usage.total_input(),
        output_tokens: record.usage.output,
        attempts: record.attempts,
        settlement_failures: u32::from(settled != Settled::Done),
    });
}

/// The line that tells of a request before it is sent: with it a process that dies leaves a trace.
pub fn log_intent(facts: &RequestFacts, provider: ProviderId) {
    let hold = facts.reservation.hold.as_ref();
    tracing::info!(
        event = "ledger.intent",
        key = %facts.key,
        request = %facts.request,
        format = facts.format,
        model = %facts.model.id,
        provider = %provider,
        price_version = facts.price_version,
        markup_permille = facts.markup_permille,
        hold = hold.map(Hold::pack),
        uncertain = facts.reservation.uncertain,
    );
}

/// The line that tells how far a stream is: what it has cost so far if nothing more is heard of it.
pub fn log_checkpoint(facts: &RequestFacts, outcome: &Outcome) {
    let usage = outcome.usage.filter(|usage| !usage.is_empty()).unwrap_or_else(|| estimate(outcome));
    tracing::info!(
        event = "ledger.checkpoint",
        key = %facts.key,
        request = %facts.request,
        provider = %outcome.provider,
        attempts = outcome.attempts,
        input = usage.input,
        cache_read = usage.cache_read,
        cache_write_5m = usage.cache_write_5m,
        cache_write_1h = usage.cache_write_1h,
        output = usage.output.max(outcome.output_bytes.div_ceil(BYTES_PER_TOKEN)),
        provider_cost_pico = %usage.provider_cost.unwrap_or_else(|| cost(&usage, &facts.model)).pico(),
    );
}

/// The line that `bk ledger replay` can make the record from.
fn log(record: &Record) {
    let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, provider_cost: _ } = record.usage;
    tracing::info!(
        event = "ledger.final",
        key = %record.key,
        request = %record.request,
        format = &*record.format,
        model = record.model,
        provider = &*record.provider,
        attempts = record.attempts,
        status = record.status,
        finish = &*record.finish,
        upstream_id = record.upstream_id,
        input,
        cache_read,
        cache_write_5m,
        cache_write_1h,
        output,
        reasoning,
        source = record.source.as_str(),
        price_version = record.price_version,
        markup_permille = record.markup_permille,
        provider_cost_pico = %record.provider_cost.pico(),
        charged_pico = %record.charged.pico(),
        first_event_ms = record.first_event_ms,
        duration_ms = record.duration_ms,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn facts(model: &str) -> RequestFacts {
        let catalog = Catalog::embedded().unwrap();
        RequestFacts {
            request: RequestId::generate(),
            key: KeyId::parse("0123456789abcdef").unwrap(),
            format: "messages",
            model: catalog.resolve(model).unwrap(),
            price_version: catalog.version().to_owned(),
            started: Instant::now(),
            reservation: Reservation::default(),
            markup_permille: 0,
        }
    }

    fn outcome(status: u16, usage: Option<Usage>) -> Outcome {
        Outcome {
            status,
            provider: ProviderId::VertexClaude,
            attempts: 1,
            input_bytes: 401,
            finish: None,
            usage,
            output_bytes: 9,
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
        assert_eq!(cost(&usage(), &facts("claude-opus-4.6").model), PicoUsd::new(10_810_000_000));
    }

    #[test]
    fn a_long_prompt_is_priced_by_its_own_tier_for_all_its_tokens() {
        let model = facts("gemini-2.5-pro").model;
        let at = |input| cost(&Usage { input, output: 1, ..Usage::default() }, &model).pico();
        assert_eq!(at(200_000), 200_000 * 1_250_000 + 10_000_000);
        assert_eq!(at(200_001), 200_001 * 2_500_000 + 15_000_000);
    }

    #[test]
    fn a_providers_fault_is_not_charged_but_its_cost_is_kept() {
        let record = record(&facts("claude-opus-4.6"), outcome(502, Some(usage())));
        assert_eq!((record.charged, record.provider_cost.pico()), (PicoUsd::ZERO, 10_810_000_000));
    }

    #[test]
    fn a_reported_cost_is_the_provider_cost_and_never_the_charge() {
        let reported = Usage { provider_cost: Some(PicoUsd::new(42)), ..usage() };
        let record = record(&facts("claude-opus-4.6"), outcome(200, Some(reported)));
        assert_eq!((record.charged.pico(), record.provider_cost.pico()), (10_810_000_000, 42));
    }

    #[test]
    fn an_estimate_counts_text_by_length_and_inline_pictures_by_piece() {
        let estimated_input = |body: &str| estimated_input(&Document::parse(body.to_owned(), &[]).unwrap());
        assert_eq!(estimated_input(r#"{"a":"bcd"}"#), 5 + 16);
        let picture = "A".repeat(5_000);
        let part = format!(r#"{{"media_type":"image/png","data":"{picture}"}}"#);
        assert_eq!(estimated_input(&part), 1_600 + (2 * (part.len() as u64 - 5_000)).div_ceil(5) + 16);
        // The same as a text is a text.
        assert_eq!(estimated_input(&format!(r#"{{"a":"{picture}"}}"#)), (2 * 5_008_u64).div_ceil(5) + 16);
    }

    #[test]
    fn a_reply_without_usage_is_estimated_and_says_so() {
        let record = record(&facts("claude-opus-4.6"), outcome(200, None));
        assert_eq!(record.source, TokenSource::Estimated);
        assert_eq!((record.usage.input, record.usage.output), (101, 3));
    }
}
