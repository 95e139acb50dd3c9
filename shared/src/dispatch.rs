//! Sends a request along the routes of its model: the first that can carry it and is not known to be broken, retries on it,
//! and failover to the next one as long as nothing of a reply has reached the client.

mod attempts;
mod prepared;

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, sleep, timeout};

use crate::catalog::Route;
use crate::circuit::{Blame, CircuitState, Circuits, Write};
use crate::error::{ErrorKind, GatewayError, UpstreamError, UpstreamErrorKind};
use crate::providers::{Providers, Transport, UpstreamReply};
use crate::retry::{self, RetryBudget, Severity};
use crate::wire::Mode;

pub use attempts::{Attempt, AttemptLog, SharedAttemptLog};
pub use prepared::{PreparedRequest, RoutableRequest};

/// Everything between the gateway and the models.
pub struct Upstreams {
    /// The providers that have a credential.
    pub providers: Providers,
    /// The one HTTP client.
    pub transport: Transport,
    /// Which routes are broken.
    pub circuits: Circuits,
    /// What may be spent on retries.
    pub budget: RetryBudget,
}

impl Upstreams {
    /// Whether a provider is configured for the route and can answer in that mode.
    pub fn serves(&self, route: &Route, mode: Mode) -> bool {
        self.providers.get(route.provider).is_some_and(|provider| mode != Mode::Count || provider.counts())
    }
}

/// How the reply of an attempt is read, up to where the attempt can no longer be replaced by another one: a whole reply to its
/// end, a stream to its first content.
pub trait ReplyReader: Sync {
    /// What comes out.
    type Read: Send;

    /// Reads a reply of status 200 that came with that prepared request.
    fn read(
        &self,
        prepared: &PreparedRequest,
        reply: UpstreamReply,
    ) -> impl Future<Output = Result<Self::Read, UpstreamError>> + Send;
}

/// One request under way.
pub struct Dispatch {
    request: RoutableRequest,
    prepared: PreparedRequest,
    waiting: VecDeque<Route>,
    deadline: Instant,
    log: SharedAttemptLog,
    /// Set while an attempt runs.
    running: Option<Instant>,
    /// Route states that are being shared beside the request.
    writes: FuturesUnordered<Write>,
}

impl Dispatch {
    /// Finds the first route for a request. With every capable route known to be broken it is the first of those: being wrong
    /// about an outage must not be one. Fails with 400 when no route can carry the request, 503 when none is configured.
    pub async fn begin(upstreams: &Upstreams, request: RoutableRequest, deadline: Instant) -> Result<Self, GatewayError> {
        upstreams.budget.earn();
        let (mut refusal, mut broken) = (None, None);
        let configured = request.model.routes.iter().filter(|route| upstreams.serves(route, request.request.mode));
        let mut waiting: VecDeque<Route> = configured.cloned().collect();
        while let Some(route) = waiting.pop_front() {
            let mut prepared = match PreparedRequest::new(upstreams, &request, route) {
                Ok(prepared) => prepared,
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    refusal.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            prepared.circuit = upstreams.circuits.circuit_state(&prepared.name).await;
            if prepared.circuit == CircuitState::Open {
                broken.get_or_insert(prepared);
            } else {
                return Ok(Self::on(prepared, request, waiting, deadline));
            }
        }
        match broken {
            Some(prepared) => Ok(Self::on(prepared, request, waiting, deadline)),
            None => Err(refusal.unwrap_or_else(|| not_configured(&request))),
        }
    }

    fn on(prepared: PreparedRequest, request: RoutableRequest, waiting: VecDeque<Route>, deadline: Instant) -> Self {
        let log = SharedAttemptLog::new(AttemptLog::to(&prepared));
        Self { request, prepared, waiting, deadline, log, running: None, writes: FuturesUnordered::new() }
    }

    /// The route the request is on.
    pub fn prepared(&self) -> &PreparedRequest {
        &self.prepared
    }

    /// Where it has been, readable while it is under way.
    pub fn log(&self) -> SharedAttemptLog {
        self.log.clone()
    }

    /// Attempts until one succeeds or nothing more can be done.
    pub async fn run<R: ReplyReader>(&mut self, upstreams: &Upstreams, reader: &R) -> Result<R::Read, UpstreamError> {
        loop {
            let started = Instant::now();
            self.running = Some(started);
            // Both on the heap: a token's fetch is in the one, the store's calls in the other.
            let attempt = Box::pin(attempt(upstreams, &mut self.prepared, self.request.request.mode, reader));
            let result = drive(&mut self.writes, attempt).await;
            self.running = None;
            match result {
                Ok(read) => {
                    self.log.add(self.prepared.attempt(200, started));
                    return Ok(read);
                }
                Err(error) => {
                    self.failed(&error, started);
                    Box::pin(self.recover(upstreams, error)).await?;
                }
            }
        }
    }

    /// Draws from the end of the request what it says about its route: `broken` is what cut a reply short that had begun.
    pub fn judge(&mut self, upstreams: &Upstreams, delivered: bool, broken: Option<&UpstreamError>) {
        if let Some(started) = self.running.take() {
            self.log.add(self.prepared.attempt(504, started));
        }
        let (circuits, prepared) = (&upstreams.circuits, &self.prepared);
        let write = match broken.and_then(blame) {
            Some(blame) => circuits.failed(&prepared.name, prepared.circuit, blame),
            None if delivered => circuits.succeeded(&prepared.name),
            None => None,
        };
        self.writes.extend(write);
    }

    /// Waits until everything this request has shown about routes is shared.
    pub async fn share(&mut self) {
        while self.writes.next().await.is_some() {}
    }

    /// Decides what follows a failed attempt, and waits as long as that takes. An error means: nothing.
    async fn recover(&mut self, upstreams: &Upstreams, error: UpstreamError) -> Result<(), UpstreamError> {
        let severity = retry::severity(&error);
        if severity == Severity::Final {
            // The provider works: it has read the request and refused it.
            self.writes.extend(upstreams.circuits.succeeded(&self.prepared.name));
            return Err(error);
        }
        if severity == Severity::Reset && !std::mem::replace(&mut self.prepared.tries.reconnected, true) {
            return Ok(());
        }
        if severity == Severity::Credential
            && !std::mem::replace(&mut self.prepared.tries.renewed, true)
            && self.renew(upstreams).await
        {
            return Ok(());
        }
        let blamed =
            blame(&error).and_then(|blame| upstreams.circuits.failed(&self.prepared.name, self.prepared.circuit, blame));
        self.writes.extend(blamed);
        if self.fail_over(upstreams).await {
            return Ok(());
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        // Known to be broken, or being probed: one attempt has to do.
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

    /// Goes on to the next route that can carry the request and is not known to be broken.
    async fn fail_over(&mut self, upstreams: &Upstreams) -> bool {
        while let Some(route) = self.waiting.pop_front() {
            let Ok(mut prepared) = PreparedRequest::new(upstreams, &self.request, route) else { continue };
            prepared.circuit = upstreams.circuits.circuit_state(&prepared.name).await;
            if prepared.circuit != CircuitState::Open {
                self.prepared = prepared;
                self.log.fail_over_to(&self.prepared);
                return true;
            }
        }
        false
    }

    /// Gets another credential than the refused one; false when there is none.
    async fn renew(&mut self, upstreams: &Upstreams) -> bool {
        let (Some(provider), Some(refused)) =
            (upstreams.providers.get(self.prepared.route.provider), self.prepared.token.take())
        else {
            return false;
        };
        let renewed = drive(&mut self.writes, provider.credential().renew(&upstreams.transport, &refused)).await;
        renewed.is_ok_and(|token| token.expose_secret() != refused.expose_secret())
    }

    fn failed(&self, error: &UpstreamError, started: Instant) {
        let attempt = self.prepared.attempt(error.status(), started);
        let (provider, model) = (attempt.provider.as_str(), self.prepared.route.upstream.as_str());
        tracing::warn!(provider, model, status = attempt.status, ms = attempt.ms, cause = error.message, "attempt failed");
        self.log.add(attempt);
    }
}

/// Waits for a future while route states are shared beside it.
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

/// One call and the reading of its reply, within the time that a first event may take.
async fn attempt<R: ReplyReader>(
    upstreams: &Upstreams,
    prepared: &mut PreparedRequest,
    mode: Mode,
    reader: &R,
) -> Result<R::Read, UpstreamError> {
    let limit = upstreams.transport.limit(mode, prepared.first_event);
    let call = async {
        let provider = upstreams.providers.get(prepared.route.provider);
        let provider =
            provider.ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Credential, "the provider is not configured"))?;
        let token = provider.credential().token(&upstreams.transport).await?;
        prepared.token = Some(token.clone());
        let reply = upstreams.transport.send(prepared.call(provider, token, (mode, limit))?).await?;
        reader.read(prepared, reply).await
    };
    let late = |_| UpstreamError::new(UpstreamErrorKind::Timeout, format!("no event within {} ms", limit.as_millis()));
    timeout(limit, call).await.map_err(late)?
}

/// Whose fault a failure is for the route's circuit; `None` for the client's own.
fn blame(error: &UpstreamError) -> Option<Blame> {
    match retry::severity(error) {
        Severity::Final => None,
        Severity::Credit => Some(Blame::Credit),
        Severity::Credential | Severity::Reset | Severity::Transient | Severity::Elsewhere => Some(Blame::Outage),
    }
}

fn not_configured(request: &RoutableRequest) -> GatewayError {
    let message = format!("No provider for {} is configured.", request.model.id);
    GatewayError::new(ErrorKind::Unavailable, message).with_code("provider_not_configured")
}

/// When a request must have ended: so long before its function is killed that the client hears why and the ledger is written.
/// `deadline` is since the epoch; one that is long past, as local runtimes send, means none.
pub fn end_of(deadline: Duration) -> Instant {
    const BEFORE_DEADLINE: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_mins(14);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let left = deadline.checked_sub(now).map(|left| left.saturating_sub(BEFORE_DEADLINE));
    Instant::now() + left.unwrap_or(LONGEST).min(LONGEST)
}
