//! Sends a request along the routes of its model: to the first route that supports it and is not broken, with retries, and
//! with failover as long as the client has received no part of a reply.

mod attempts;
mod feature;
mod plan;
mod prepared;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::civil::Date;
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, sleep, timeout};

use crate::catalog::{Candidate, Model, Route};
use crate::circuit::{Blame, CircuitOutcome, CircuitState, Circuits, Write};
use crate::config::Markups;
use crate::error::{Absence, ErrorKind, GatewayError, UpstreamError, UpstreamErrorKind};
use crate::providers::{Provider, Providers, Transport, UpstreamReply};
use crate::retry::{self, RetryBudget, Severity};
use crate::store::items::RouteName;
use crate::wire::Mode;

use feature::Feature;

pub use attempts::{AttemptLog, SharedAttemptLog};
pub use plan::{Affordable, Allowance, Plan};
pub use prepared::{PreparedRequest, RoutableRequest};

/// Everything between the gateway and the models.
pub struct Upstreams {
    /// Providers with a credential.
    pub providers: Providers,
    /// The HTTP client.
    pub transport: Transport,
    /// The circuit breaker.
    pub circuits: Circuits,
    /// The budget for retries.
    pub budget: RetryBudget,
    /// Markups on the providers' prices.
    pub markups: Markups,
}

impl Upstreams {
    /// The configured routes of a model for this mode, in order, with their prices on that day.
    pub fn candidates(&self, model: &Arc<Model>, mode: Mode, day: Date) -> Vec<Candidate> {
        let ways = model.routes.iter().filter_map(|route| {
            let provider = self.providers.get(route.provider).filter(|provider| mode != Mode::Count || provider.counts());
            let candidate = |provider: &dyn Provider| Candidate::new(model, route, day, provider.is_regional());
            provider.map(|provider| candidate(provider).with_markup(self.markups.of(route.provider)))
        });
        ways.collect()
    }

    /// Whether any of these routes is not known to be gone.
    pub fn are_there(&self, candidates: &[Candidate]) -> bool {
        let name = |route: &Route| RouteName::new(route.provider, &route.upstream);
        candidates.iter().any(|candidate| !self.circuits.is_gone(&name(&candidate.route)))
    }
}

/// Reads the reply of an attempt within the limit for the first event: a stream to its first content, other replies to their
/// end.
pub trait ReplyReader: Sync {
    /// What the caller gets from a successful reply.
    type Read: Send;

    /// Reads a reply with status 200 to a prepared request.
    fn read(
        &self,
        prepared: &PreparedRequest,
        reply: UpstreamReply,
    ) -> impl Future<Output = Result<Self::Read, UpstreamError>> + Send;
}

/// A request in progress.
pub struct Dispatch {
    request: RoutableRequest,
    prepared: PreparedRequest,
    allowance: Allowance,
    waiting: VecDeque<Candidate>,
    replacements: VecDeque<Candidate>,
    deadline: Instant,
    log: SharedAttemptLog,
    /// When the running attempt started, if its result is not logged yet.
    running: Option<Instant>,
    /// Whether the current attempt's outcome was recorded for its route's circuit.
    noted: bool,
    /// Writes of route states that run in parallel with the request.
    writes: FuturesUnordered<Write>,
}

/// What a dispatch has besides its current route.
struct Rest {
    request: RoutableRequest,
    allowance: Allowance,
    waiting: VecDeque<Candidate>,
    replacements: VecDeque<Candidate>,
    deadline: Instant,
}

impl Dispatch {
    /// Chooses the first working route whose cost the hold covers. If all such routes are broken, chooses the first of them,
    /// because a circuit may be wrong, and a wrong circuit must not cause an outage. Fails with 402 if the hold covers no
    /// route, which happens only if the key changed in the meantime.
    pub async fn begin(
        upstreams: &Upstreams,
        plan: Plan,
        allowance: Allowance,
        deadline: Instant,
    ) -> Result<Self, GatewayError> {
        upstreams.budget.earn();
        let Plan { request, first, mut waiting, replacements } = plan;
        let mut broken = None;
        let mut ready = allowance.keep(upstreams, &request, first)?;
        loop {
            if let Some(mut prepared) = ready.take() {
                prepared.circuit = upstreams.circuits.circuit_state(&prepared.name).await;
                if prepared.circuit != CircuitState::Open {
                    return Ok(Self::on(prepared, Rest { request, allowance, waiting, replacements, deadline }));
                }
                broken.get_or_insert(prepared);
            }
            let Some(candidate) = waiting.pop_front() else { break };
            ready = match allowance.prepare(upstreams, &request, &candidate) {
                Err(error) if error.kind() == ErrorKind::Unsupported => None,
                prepared => prepared?,
            };
        }
        match broken {
            Some(prepared) => Ok(Self::on(prepared, Rest { request, allowance, waiting, replacements, deadline })),
            None => Err(plan::not_covered()),
        }
    }

    fn on(prepared: PreparedRequest, rest: Rest) -> Self {
        let Rest { request, allowance, waiting, replacements, deadline } = rest;
        let log = SharedAttemptLog::new(AttemptLog::to(&prepared));
        Self {
            request,
            prepared,
            allowance,
            waiting,
            replacements,
            deadline,
            log,
            running: None,
            noted: false,
            writes: FuturesUnordered::new(),
        }
    }

    /// The client's request.
    pub fn request(&self) -> &RoutableRequest {
        &self.request
    }

    /// The current route.
    pub fn prepared(&self) -> &PreparedRequest {
        &self.prepared
    }

    /// Number of upstream calls so far, including the running one.
    pub fn calls(&self) -> u32 {
        self.log.read().calls().saturating_add(u32::from(self.running.is_some()))
    }

    /// The attempts, readable while the request runs.
    pub fn log(&self) -> SharedAttemptLog {
        self.log.clone()
    }

    /// Makes attempts until the reader has a result, or no attempt is left. The attempt stays open: see [`Self::answered`]
    /// and [`Self::resume`].
    pub async fn run<R: ReplyReader>(&mut self, upstreams: &Upstreams, reader: &R) -> Result<R::Read, UpstreamError> {
        loop {
            (self.running, self.noted) = (Some(Instant::now()), false);
            // Both futures are on the heap, because they are large: the first contains the fetch of a token, the second the
            // store's calls.
            let attempt = Box::pin(attempt(upstreams, &mut self.prepared, reader));
            match drive(&mut self.writes, attempt).await {
                Ok(read) => return Ok(read),
                Err(error) => Box::pin(self.resume(upstreams, error)).await?,
            }
        }
    }

    /// The running attempt has answered: with the first content of a stream, or a whole reply.
    pub fn answered(&mut self) {
        self.log_attempt(200);
    }

    /// Decides what follows an attempt that failed before the client received anything, and waits as long as needed. Returns
    /// the error if no attempt is left.
    pub async fn resume(&mut self, upstreams: &Upstreams, error: UpstreamError) -> Result<(), UpstreamError> {
        let Route { provider, upstream, .. } = &self.prepared.candidate.route;
        let (provider, upstream_model) = (provider.as_str(), upstream.as_str());
        let duration_ms = self.running.map_or(0, |started| started.elapsed().as_millis());
        let (status, cause) = (error.status(), error.cause());
        tracing::warn!(provider, upstream_model, status, duration_ms, %cause, "attempt failed");
        self.log_attempt(error.status());
        self.recover(upstreams, error).await
    }

    /// Ends the last attempt with this status, if it still runs, and records what it showed about its route, unless that was
    /// done.
    pub fn conclude(&mut self, upstreams: &Upstreams, status: u16, outcome: CircuitOutcome) {
        self.log_attempt(status);
        self.note(upstreams, outcome);
    }

    /// Ends a request that leaves no record, and waits until its route's state is shared.
    pub async fn conclude_unrecorded(&mut self, upstreams: &Upstreams, failure: Option<&UpstreamError>) {
        let outcome = failure.map_or(CircuitOutcome::Success, circuit_outcome);
        self.conclude(upstreams, failure.map_or(200, UpstreamError::status), outcome);
        self.share().await;
    }

    fn log_attempt(&mut self, status: u16) {
        if let Some(started) = self.running.take() {
            self.log.add(self.prepared.attempt(status, started));
        }
    }

    fn note(&mut self, upstreams: &Upstreams, outcome: CircuitOutcome) {
        if !std::mem::replace(&mut self.noted, true) {
            let key = self.request.key.as_ref();
            let circuits = &upstreams.circuits;
            self.writes.extend(circuits.note(&self.prepared.name, self.prepared.circuit, outcome, key));
            if outcome == CircuitOutcome::Success {
                self.writes.extend(circuits.note_credential(self.prepared.candidate.route.provider, outcome));
            }
        }
    }

    /// Waits until everything that this request showed about routes is shared.
    pub async fn share(&mut self) {
        while self.writes.next().await.is_some() {}
    }

    async fn recover(&mut self, upstreams: &Upstreams, error: UpstreamError) -> Result<(), UpstreamError> {
        let severity = retry::severity(&error);
        if severity == Severity::Reset && !std::mem::replace(&mut self.prepared.tries.reconnected, true) {
            return Ok(());
        }
        if severity == Severity::Credential
            && !std::mem::replace(&mut self.prepared.tries.renewed, true)
            && self.renew(upstreams).await
        {
            return Ok(());
        }
        if error.kind == UpstreamErrorKind::Credential {
            let outcome = CircuitOutcome::Failure(Blame::Credential);
            self.writes.extend(upstreams.circuits.note_credential(self.prepared.candidate.route.provider, outcome));
        }
        let absence = error.absence_of(self.prepared.candidate.route.upstream.as_str());
        let is_its_own = absence == Some(Absence::ForThisRequest);
        self.note(upstreams, if is_its_own { CircuitOutcome::Ignored } else { circuit_outcome(&error) });
        if severity == Severity::Final {
            return if self.omit_refused_feature(upstreams, &error) { Ok(()) } else { Err(error) };
        }
        if self.fail_over(upstreams).await {
            return Ok(());
        }
        if severity == Severity::Gone {
            if is_its_own && self.prepared.candidate.tariff.moves {
                // The cause may be the price limit, which no host accepts.
                return Err(error);
            }
            self.waiting.append(&mut self.replacements);
            return if self.fail_over(upstreams).await { Ok(()) } else { Err(error) };
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        // A broken or probed route gets only one attempt.
        let may = self.prepared.circuit == CircuitState::Closed && !upstreams.circuits.is_open(&self.prepared.name);
        match retry::pause(&error, self.prepared.tries, left, fastrand::f64()).filter(|_| may && upstreams.budget.spend()) {
            Some(pause) => {
                self.prepared.tries.retries = self.prepared.tries.retries.saturating_add(1);
                drive(&mut self.writes, sleep(pause)).await;
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Prepares the request again for the same route, without the feature that its provider refused. Returns false if the
    /// failure has another cause, or if the request does not have the feature.
    fn omit_refused_feature(&mut self, upstreams: &Upstreams, error: &UpstreamError) -> bool {
        let Some(feature) = Feature::refused_by(error) else { return false };
        let candidate = feature.removed_from(&self.prepared.candidate);
        let Ok(Some(simpler)) = self.allowance.prepare(upstreams, &self.request, &candidate) else { return false };
        let differs = self.prepared.continue_with(simpler);
        self.log.switch_to(&self.prepared);
        differs
    }

    /// Switches to the next route that supports the request, is covered by the hold, and is not broken.
    async fn fail_over(&mut self, upstreams: &Upstreams) -> bool {
        while let Some(candidate) = self.waiting.pop_front() {
            let Ok(Some(mut prepared)) = self.allowance.prepare(upstreams, &self.request, &candidate) else { continue };
            prepared.circuit = upstreams.circuits.circuit_state(&prepared.name).await;
            if prepared.circuit != CircuitState::Open {
                self.prepared = prepared;
                self.log.switch_to(&self.prepared);
                return true;
            }
        }
        false
    }

    /// Fetches a new credential instead of the refused one. Returns false if there is none.
    async fn renew(&mut self, upstreams: &Upstreams) -> bool {
        let (Some(provider), Some(refused)) =
            (upstreams.providers.get(self.prepared.candidate.route.provider), self.prepared.token.take())
        else {
            return false;
        };
        let renewed = drive(&mut self.writes, provider.credential().renew(&upstreams.transport, &refused)).await;
        renewed.is_ok_and(|token| token.expose_secret() != refused.expose_secret())
    }
}

/// Waits for a future while route states are shared in parallel.
async fn drive<T>(writes: &mut FuturesUnordered<Write>, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        tokio::select! {
            biased;
            output = &mut future => return output,
            Some(()) = writes.next(), if !writes.is_empty() => {}
        }
    }
}

/// Makes one call and reads its reply, within the limit for the first event.
async fn attempt<R: ReplyReader>(
    upstreams: &Upstreams,
    prepared: &mut PreparedRequest,
    reader: &R,
) -> Result<R::Read, UpstreamError> {
    let limit = upstreams.transport.limit(prepared.mode, prepared.first_event);
    let call = async {
        let provider = upstreams.providers.get(prepared.candidate.route.provider);
        let provider =
            provider.ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Credential, "the provider is not configured"))?;
        let token = provider.credential().token(&upstreams.transport).await?;
        prepared.token = Some(token.clone());
        let reply = upstreams.transport.send(prepared.call(provider, token, limit)?).await?;
        reader.read(prepared, reply).await
    };
    let late = |_| UpstreamError::new(UpstreamErrorKind::Timeout, format!("no event within {} ms", limit.as_millis()));
    timeout(limit, call).await.map_err(late)?
}

/// What a failed call shows about its route. A refusal shows that the provider works, because it read the request. Failures
/// that depend on the request show nothing about the route.
pub fn circuit_outcome(error: &UpstreamError) -> CircuitOutcome {
    if error.depends_on_the_request() {
        return CircuitOutcome::Ignored;
    }
    if matches!(error.kind, UpstreamErrorKind::Connect | UpstreamErrorKind::Credential | UpstreamErrorKind::Refused(401)) {
        return CircuitOutcome::Failure(Blame::Unreachable);
    }
    if let UpstreamErrorKind::NotServed { absence, .. } = error.kind {
        return match absence {
            Absence::ForEveryone => CircuitOutcome::Failure(Blame::Gone),
            Absence::ForThisRequest => CircuitOutcome::Ignored,
        };
    }
    match retry::severity(error) {
        Severity::Gone => CircuitOutcome::Ignored,
        Severity::Final => CircuitOutcome::Success,
        Severity::Credit => CircuitOutcome::Failure(Blame::Credit),
        Severity::Credential | Severity::Reset | Severity::Transient | Severity::Elsewhere => {
            CircuitOutcome::Failure(Blame::Outage)
        }
    }
}

fn not_configured(request: &RoutableRequest) -> GatewayError {
    let message = format!("No provider for {} is configured.", request.model.id);
    GatewayError::new(ErrorKind::Unavailable, message).with_code("provider_not_configured").without_retry()
}

/// When a request must have ended: this long before the function is killed, to tell the client and to write the ledger.
/// `deadline` is since the epoch. A deadline long in the past, as local runtimes send, means none.
pub fn end_of(deadline: Duration, before: Duration) -> Instant {
    const LONGEST: Duration = Duration::from_mins(14);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let left = deadline.checked_sub(now).map(|left| left.saturating_sub(before));
    Instant::now() + left.unwrap_or(LONGEST).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::upstream_error::decode;

    #[test]
    fn only_failures_that_say_something_about_the_route_count_against_it() {
        const WORKS: CircuitOutcome = CircuitOutcome::Success;
        const NOTHING: CircuitOutcome = CircuitOutcome::Ignored;
        const FAILS: CircuitOutcome = CircuitOutcome::Failure(Blame::Outage);
        const NO_WAY: CircuitOutcome = CircuitOutcome::Failure(Blame::Unreachable);
        let said = |words: &str| format!(r#"{{"error":{{"message":"{words}"}}}}"#);
        let moderated = r#"{"error":{"code":403,"message":"x","metadata":{"reasons":["violence"]}}}"#.to_owned();
        for (status, body, outcome) in [
            (400, said("messages.0: wrong"), WORKS),
            (400, said("prompt is too long: 3 tokens > 2 maximum"), WORKS),
            (413, said("too large"), WORKS),
            (422, said("no such field"), WORKS),
            (403, moderated, NOTHING),
            (403, said("Your request was flagged by our safety system"), NOTHING),
            (403, said("Key disabled"), FAILS),
            (404, said("No endpoints found that support image input"), NOTHING),
            (404, said("No endpoints found matching your data policy"), NOTHING),
            (500, said("This endpoint's maximum context length is 9 tokens"), NOTHING),
            (502, said("The input token count exceeds the maximum"), NOTHING),
            (503, said("The response was filtered by the content management policy"), NOTHING),
            (401, said("no such key"), NO_WAY),
            (402, said("no credit"), CircuitOutcome::Failure(Blame::Credit)),
            (402, said("You requested up to 65536 tokens, but can only afford 1024."), CircuitOutcome::Ignored),
            (408, said("slow"), FAILS),
            (429, said("slow down"), FAILS),
            (500, said("broken"), FAILS),
            (503, "<html>down</html>".to_owned(), FAILS),
            (529, said("Overloaded"), FAILS),
        ] {
            assert_eq!(circuit_outcome(&decode(status, None, &body)), outcome, "{status} {body}");
        }
    }
}
