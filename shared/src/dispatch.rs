//! A request's way through the routes of its model: the first that can carry it and is not known to be broken, retries on it,
//! and failover to the next one as long as nothing of a reply has reached the client.

mod leg;
mod trail;

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, sleep, timeout};

use crate::catalog::Route;
use crate::circuit::{Blame, Circuits, Standing, Write};
use crate::error::{ErrorKind, GatewayError, UpstreamError, UpstreamErrorKind};
use crate::providers::{Providers, Transport, UpstreamReply};
use crate::retry::{self, RetryBudget, Severity};
use crate::wire::{ClientRequest, Mode};

pub use leg::{Leg, Question};
pub use trail::{Attempt, SharedTrail, Trail};

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
pub trait Reading: Sync {
    /// What comes out.
    type Read: Send;

    /// Reads a reply of status 200 that came over that leg.
    fn read(&self, leg: &Leg, reply: UpstreamReply) -> impl Future<Output = Result<Self::Read, UpstreamError>> + Send;
}

/// One request under way.
pub struct Journey {
    question: Question,
    leg: Leg,
    waiting: VecDeque<Route>,
    deadline: Instant,
    trail: SharedTrail,
    /// Set while an attempt runs.
    running: Option<Instant>,
    /// Route states that are being shared beside the request.
    writes: FuturesUnordered<Write>,
}

impl Journey {
    /// Finds the first route for a request. With every capable route known to be broken it is the first of those: being wrong
    /// about an outage must not be one. Fails with 400 when no route can carry the request, 503 when none is configured.
    pub async fn begin(
        upstreams: &Upstreams,
        question: Question,
        opened: &ClientRequest<'_>,
        deadline: Instant,
    ) -> Result<Self, GatewayError> {
        upstreams.budget.earn();
        let (mut refusal, mut broken) = (None, None);
        let configured = question.model.routes.iter().filter(|route| upstreams.serves(route, question.mode));
        let mut waiting: VecDeque<Route> = configured.cloned().collect();
        while let Some(route) = waiting.pop_front() {
            let mut leg = match Leg::new(upstreams, &question, opened, route) {
                Ok(leg) => leg,
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    refusal.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            leg.standing = upstreams.circuits.standing(&leg.name).await;
            if leg.standing == Standing::Open {
                broken.get_or_insert(leg);
            } else {
                return Ok(Self::on(leg, question, waiting, deadline));
            }
        }
        match broken {
            Some(leg) => Ok(Self::on(leg, question, waiting, deadline)),
            None => Err(refusal.unwrap_or_else(|| not_configured(&question))),
        }
    }

    fn on(leg: Leg, question: Question, waiting: VecDeque<Route>, deadline: Instant) -> Self {
        let trail = SharedTrail::new(Trail::to(&leg));
        Self { question, leg, waiting, deadline, trail, running: None, writes: FuturesUnordered::new() }
    }

    /// The route the request is on.
    pub fn leg(&self) -> &Leg {
        &self.leg
    }

    /// Where it has been, readable while it is under way.
    pub fn trail(&self) -> SharedTrail {
        self.trail.clone()
    }

    /// Attempts until one succeeds or nothing more can be done.
    pub async fn run<R: Reading>(&mut self, upstreams: &Upstreams, reading: &R) -> Result<R::Read, UpstreamError> {
        loop {
            let started = Instant::now();
            self.running = Some(started);
            // Both on the heap: a token's fetch is in the one, the store's calls in the other.
            let attempt = Box::pin(attempt(upstreams, &mut self.leg, self.question.mode, reading));
            let result = drive(&mut self.writes, attempt).await;
            self.running = None;
            match result {
                Ok(read) => {
                    self.trail.add(self.leg.attempt(200, started));
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
            self.trail.add(self.leg.attempt(504, started));
        }
        let (circuits, leg) = (&upstreams.circuits, &self.leg);
        let write = match broken.and_then(blame) {
            Some(blame) => circuits.failed(&leg.name, leg.standing, blame),
            None if delivered => circuits.succeeded(&leg.name),
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
            self.writes.extend(upstreams.circuits.succeeded(&self.leg.name));
            return Err(error);
        }
        if severity == Severity::Reset && !std::mem::replace(&mut self.leg.tries.reconnected, true) {
            return Ok(());
        }
        if severity == Severity::Credential
            && !std::mem::replace(&mut self.leg.tries.renewed, true)
            && self.renew(upstreams).await
        {
            return Ok(());
        }
        let blamed = blame(&error).and_then(|blame| upstreams.circuits.failed(&self.leg.name, self.leg.standing, blame));
        self.writes.extend(blamed);
        if self.fail_over(upstreams).await {
            return Ok(());
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        // Known to be broken, or being probed: one attempt has to do.
        let may = self.leg.standing == Standing::Closed && !upstreams.circuits.is_open(&self.leg.name);
        match retry::pause(&error, self.leg.tries, left, fastrand::f64()).filter(|_| may && upstreams.budget.spend()) {
            Some(pause) => {
                self.leg.tries.retries = self.leg.tries.retries.saturating_add(1);
                drive(&mut self.writes, sleep(pause)).await;
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Goes on to the next route that can carry the request and is not known to be broken.
    async fn fail_over(&mut self, upstreams: &Upstreams) -> bool {
        while let Some(route) = self.waiting.pop_front() {
            let Ok(mut leg) = self.question.leg(upstreams, route) else { continue };
            leg.standing = upstreams.circuits.standing(&leg.name).await;
            if leg.standing != Standing::Open {
                self.leg = leg;
                self.trail.turn(&self.leg);
                return true;
            }
        }
        false
    }

    /// Gets another credential than the refused one; false when there is none.
    async fn renew(&mut self, upstreams: &Upstreams) -> bool {
        let (Some(provider), Some(refused)) = (upstreams.providers.get(self.leg.route.provider), self.leg.token.take())
        else {
            return false;
        };
        let renewed = drive(&mut self.writes, provider.credential().renew(&upstreams.transport, &refused)).await;
        renewed.is_ok_and(|token| token.expose_secret() != refused.expose_secret())
    }

    fn failed(&self, error: &UpstreamError, started: Instant) {
        let attempt = self.leg.attempt(error.status(), started);
        let (provider, model) = (attempt.provider.as_str(), self.leg.route.upstream.as_str());
        tracing::warn!(provider, model, status = attempt.status, ms = attempt.ms, cause = error.message, "attempt failed");
        self.trail.add(attempt);
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
async fn attempt<R: Reading>(
    upstreams: &Upstreams,
    leg: &mut Leg,
    mode: Mode,
    reading: &R,
) -> Result<R::Read, UpstreamError> {
    let limit = upstreams.transport.limit(mode, leg.first_event);
    let call = async {
        let provider = upstreams.providers.get(leg.route.provider);
        let provider =
            provider.ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Credential, "the provider is not configured"))?;
        let token = provider.credential().token(&upstreams.transport).await?;
        leg.token = Some(token.clone());
        let reply = upstreams.transport.send(leg.call(provider, token, (mode, limit))?).await?;
        reading.read(leg, reply).await
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

fn not_configured(question: &Question) -> GatewayError {
    let message = format!("No provider for {} is configured.", question.model.id);
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
