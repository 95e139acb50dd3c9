//! Ends a request: its last attempt, its route's circuit, its record, its hold and its signatures.

use std::time::Instant;

use tokio::time::timeout;

use super::{Charge, Ending, Received, Verdict};
use crate::chat::Usage;
use crate::dispatch::{AttemptLog, Dispatch, Upstreams};
use crate::ledger::{self, LONGEST_SETTLEMENT, Outcome, RequestFacts};
use crate::store::Store;
use crate::store::items::{Record, TokenSource};
use crate::translate::{Meter, Metered, UsageSource};
use crate::vault;

/// A request at its end.
pub struct Ended<'a> {
    /// How it ended.
    ending: &'a Ending,
    /// What was known when it was sent.
    facts: &'a RequestFacts,
    /// The meter of the reply that was being delivered.
    meter: Meter,
    metered: Metered,
    signatures: Vec<(String, String)>,
    first_event: Option<Instant>,
}

impl<'a> Ended<'a> {
    /// A request that ended in this way, with the reply that was being delivered, if one had begun.
    pub fn new(ending: &'a Ending, facts: &'a RequestFacts, received: Option<&Received>) -> Self {
        // Without a reply there is nothing to estimate.
        let nothing = Metered { usage: Usage::default(), source: UsageSource::Estimated };
        Self {
            ending,
            facts,
            meter: received.map(|received| received.relay.meter().clone()).unwrap_or_default(),
            metered: received.map_or(nothing, Received::metered),
            signatures: received.map(|received| received.relay.signatures()).unwrap_or_default(),
            first_event: received.map(|received| received.first_event),
        }
    }
}

/// Ends a request once: records what its route showed, writes its record, ends its hold, keeps its signatures, and waits
/// until all of this is written, at most as long as a settlement may take. Returns the record.
pub async fn conclude(upstreams: &Upstreams, store: &Store, dispatch: &mut Dispatch, ended: Ended<'_>) -> Record {
    let Verdict { fault: _, charge: _, circuit, status } = ended.ending.verdict();
    dispatch.conclude(upstreams, status, circuit);
    let facts = ended.facts;
    let log = dispatch.log().read();
    let record = ledger::record(facts, outcome(&ended, &log));
    let signed = vault::remember(store, &facts.key, &ended.signatures);
    let rest = async { futures_util::join!(signed, dispatch.share()) };
    // In parallel with the settlement, which has the same time limit.
    futures_util::join!(ledger::settle(store, facts, &record, &log.candidate.tariff), within_settlement(rest));
    record
}

/// Waits for writes in parallel with a settlement, at most as long as a settlement may take, because the client waits.
async fn within_settlement(rest: impl Future) {
    if timeout(LONGEST_SETTLEMENT, rest).await.is_err() {
        tracing::warn!("signatures or route states were not written in time");
    }
}

/// What the ledger needs to know about an ending.
fn outcome(ended: &Ended<'_>, log: &AttemptLog) -> Outcome {
    let Verdict { fault: _, charge, circuit: _, status } = ended.ending.verdict();
    Outcome {
        status,
        is_charged: charge == Charge::Generated,
        candidate: log.candidate.clone(),
        attempts: log.attempts.clone(),
        usage: ended.metered.usage,
        source: match ended.metered.source {
            UsageSource::Reported => TokenSource::Upstream,
            UsageSource::Estimated => TokenSource::Estimated,
        },
        finish: ended.meter.finish.clone(),
        upstream_id: ended.meter.upstream_id.clone(),
        first_event: ended.first_event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writes_during_a_settlement_delay_the_client_no_longer_than_it() {
        let before = tokio::time::Instant::now();
        within_settlement(std::future::pending::<()>()).await;
        assert_eq!(before.elapsed().as_millis(), 4_000);
    }
}
