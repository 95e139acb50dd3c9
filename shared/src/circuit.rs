//! The circuit breaker: which routes are broken. All environments share it, with one small item per route.
//!
//! A single environment sees too few requests to judge a route. Five failures in a row open a route's circuit. After the
//! cool-down one environment, chosen by a conditional write, may send one request as a probe. The probe closes the circuit
//! or doubles the cool-down.
//!
//! A single key's requests may be the cause of failures, for example requests so large that they always time out. So if five
//! failures in a row come from one key, only the environment that saw them avoids the route, for ten seconds. The circuit
//! opens for all environments after failures of two keys, or after a failure that does not depend on the request. While no
//! call fails, nothing is written. If the table does not answer, each environment uses only what it saw itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use tokio::time::timeout;

use crate::ids::{KeyId, ProviderId};
use crate::store::items::{RouteName, RouteState};
use crate::store::{Store, StoreError};

/// Failures in a row that open a circuit.
const OPENING_FAILURES: u64 = 5;
/// Number of keys whose failures open the circuit for all.
const OPENING_KEYS: u64 = 2;
/// Represents all other keys, for a failure that does not depend on the request.
const ANY_KEY: &str = "*";
/// Cool-downs in milliseconds: the first, the longest, and that of a provider account without credit, which a retry does not
/// refill.
const FIRST_COOL_DOWN: u64 = 10_000;
const LONGEST_COOL_DOWN: u64 = 120_000;
const CREDIT_COOL_DOWN: u64 = 600_000;
/// How long a provider counts as down if its token cannot be fetched. Requests still try, and report again.
const CREDENTIAL_COOL_DOWN: u64 = 60_000;
/// How long a model that its provider does not serve is skipped. No outage takes so long.
const GONE_COOL_DOWN: u64 = 3_600_000;
/// How long the states are used before they are read again.
const FRESH: Duration = Duration::from_secs(5);

/// The state of a route for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// Working, as far as known.
    Closed,
    /// Broken, as far as known.
    Open,
    /// Broken until now; this request finds out whether it still is. For the others it is broken until this time, in
    /// milliseconds since the epoch.
    Probe(u64),
}

/// Why a route failed, as far as it matters for the cool-down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// It may work again at any moment. The request may have caused the failure.
    Outage,
    /// It cannot be reached by any request: no connection, or no credential. It may work again at any moment.
    Unreachable,
    /// Its token cannot be fetched. This is about the provider's credential, not about a route.
    Credential,
    /// The account has no credit; someone must pay first.
    Credit,
    /// The model is not served there. This says nothing about the provider.
    Gone,
}

/// What a call shows about its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitOutcome {
    /// The route works, whatever the result of the request.
    Success,
    /// The route failed.
    Failure(Blame),
    /// Nothing: the model, the client or the gateway was at fault.
    Ignored,
}

/// A write that runs in parallel with the request. It logs its own failure.
pub type Write = BoxFuture<'static, ()>;

/// The shared states, as this environment knows them.
#[derive(Clone, Debug)]
pub struct Circuits {
    /// `None` if nothing is shared.
    store: Option<Store>,
    view: Arc<Mutex<View>>,
}

#[derive(Debug, Default)]
struct View {
    read: Option<Instant>,
    states: HashMap<RouteName, RouteState>,
    /// Until when only this environment skips routes, in milliseconds since the epoch.
    own: HashMap<RouteName, u64>,
}

/// A failure that waits to be written to the table.
struct Failure {
    /// Until when its route was blocked before it, in milliseconds since the epoch.
    seen: u64,
    change: Change,
    /// The keys whose requests met it.
    accused: Vec<String>,
}

/// How a failure changes the state of its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It counts. The table decides whether it opens the circuit for all. This environment skips the route from now on if
    /// the state is an open one.
    Count(RouteState),
    /// It opens the circuit for all at once.
    Open(RouteState),
}

impl Circuits {
    /// Circuits with their states in a table.
    pub fn new(store: Store) -> Self {
        Self { store: Some(store), view: Arc::default() }
    }

    /// Circuits that are not shared.
    pub fn unshared() -> Self {
        Self { store: None, view: Arc::default() }
    }

    /// Reads the states, unless they were read a moment ago. If this fails, the old states stay.
    pub async fn refresh(&self) {
        let Some(store) = &self.store else { return };
        if self.view().read.is_some_and(|read| read.elapsed() < FRESH) {
            return;
        }
        // Requests wait for the reading, and an old one is good enough: it gets the time of one attempt.
        let read = timeout(store.attempt(), store.route_states()).await;
        // A failing table is not asked by every request.
        self.view().read = Some(Instant::now());
        match read {
            Ok(Ok(states)) => self.view().states = states,
            Ok(Err(error)) => tracing::warn!(cause = %error.reason(), "route states were not read"),
            Err(_) => tracing::warn!("route states were not read in time"),
        }
    }

    /// Whether the route may be used: it is closed, or its cool-down is over and this call won the probe.
    pub async fn circuit_state(&self, route: &RouteName) -> CircuitState {
        let state = self.state(route);
        if state.open_until == 0 {
            return CircuitState::Closed;
        }
        let now = now();
        if now < state.open_until {
            return CircuitState::Open;
        }
        // The environment that moves the window forward has the probe. The others see an open circuit for one more window.
        let claimed = RouteState { open_until: now.saturating_add(state.cool_down), ..state };
        let won = match &self.store {
            Some(store) => store.change_route(route, state.open_until, claimed).await,
            None => Ok(true),
        };
        self.set(route, claimed);
        match won {
            Ok(true) => CircuitState::Probe(claimed.open_until),
            Ok(false) => CircuitState::Open,
            Err(error) => {
                tracing::warn!(route = route.as_str(), cause = %error.reason(), "the probe could not be claimed");
                CircuitState::Open
            }
        }
    }

    /// Records what a call for a key showed about a route that was used in this state. This environment knows it at once,
    /// the others after the write.
    pub fn note(
        &self,
        route: &RouteName,
        circuit: CircuitState,
        outcome: CircuitOutcome,
        key: Option<&KeyId>,
    ) -> Option<Write> {
        match (outcome, circuit) {
            (CircuitOutcome::Success, _) => self.succeeded(route),
            (CircuitOutcome::Failure(blame), _) => self.failed(route, circuit, blame, key),
            (CircuitOutcome::Ignored, CircuitState::Probe(claimed)) => self.give_back_probe(route, claimed),
            (CircuitOutcome::Ignored, CircuitState::Closed | CircuitState::Open) => None,
        }
    }

    /// Records whether a provider's token could be fetched. This affects `health` at once, and no requests.
    pub fn note_credential(&self, provider: ProviderId, outcome: CircuitOutcome) -> Option<Write> {
        self.note(&RouteName::credential(provider), CircuitState::Closed, outcome, None)
    }

    fn failed(&self, route: &RouteName, circuit: CircuitState, blame: Blame, key: Option<&KeyId>) -> Option<Write> {
        let seen = self.state(route);
        let change = after_failure(seen, circuit, blame, now())?;
        self.set(route, change.state());
        let store = self.store.clone()?;
        let (circuits, route) = (self.clone(), route.clone());
        let failure = Failure { seen: seen.open_until, change, accused: accused(blame, key) };
        let write = async move {
            let written = circuits.share_failure(&store, &route, failure).await;
            log(&route, written.as_ref().err());
        };
        Some(write.boxed())
    }

    /// A success clears failures, and closes the circuit if it was open.
    fn succeeded(&self, route: &RouteName) -> Option<Write> {
        self.view().own.remove(route);
        let seen = self.state(route);
        if seen == RouteState::default() {
            return None;
        }
        self.set(route, RouteState::default());
        let (store, route) = (self.store.clone()?, route.clone());
        let write = async move {
            let written = store.change_route(&route, seen.open_until, RouteState::default()).await;
            if seen.open_until > 0 && written == Ok(true) {
                tracing::info!(route = route.as_str(), "circuit closed");
            }
            log(&route, written.as_ref().err());
        };
        Some(write.boxed())
    }

    /// Lets the next request probe a route, after a probe that showed nothing. Does nothing if the circuit has closed, or
    /// another environment has claimed the next probe.
    fn give_back_probe(&self, route: &RouteName, claimed: u64) -> Option<Write> {
        let seen = self.state(route);
        if seen.open_until != claimed {
            return None;
        }
        let free = RouteState { open_until: now(), ..seen };
        self.set(route, free);
        let (store, route) = (self.store.clone()?, route.clone());
        let write = async move {
            let written = store.change_route(&route, claimed, free).await;
            log(&route, written.as_ref().err());
        };
        Some(write.boxed())
    }

    /// Whether a provider is healthy: its token can be fetched, and it has no broken route, or at least one route that
    /// failed earlier works again. Token counting endpoints do not count.
    pub fn is_healthy(&self, provider: ProviderId) -> bool {
        if self.is_cooling_down(&RouteName::credential(provider)) {
            return false;
        }
        let now = now();
        let view = self.view();
        let speaks = |name: &RouteName| !name.counts() && !name.is_credential() && name.provider() == Some(provider);
        let known = view.states.iter().filter(|(name, state)| speaks(name) && !state.is_gone);
        let mut known = known.peekable();
        known.peek().is_none() || known.any(|(_, state)| state.open_until <= now)
    }

    /// Whether the route is broken and its cool-down is not over.
    pub fn is_cooling_down(&self, route: &RouteName) -> bool {
        now() < self.state(route).open_until
    }

    /// Whether the route's model is not served, and its cool-down is not over.
    pub fn is_gone(&self, route: &RouteName) -> bool {
        self.is_cooling_down(route) && self.state(route).is_gone
    }

    /// Whether the route is broken.
    pub fn is_open(&self, route: &RouteName) -> bool {
        self.state(route).open_until > 0
    }

    async fn share_failure(&self, store: &Store, route: &RouteName, failure: Failure) -> Result<(), StoreError> {
        let Failure { seen, change, accused } = failure;
        let open = match change {
            Change::Open(open) => open,
            Change::Count(next) => {
                let counted = store.count_route_failure(route, accused).await?;
                if !opens_for_all(counted) {
                    let mut view = self.view();
                    if next.open_until > 0 && counted.open_until == 0 {
                        view.own.insert(route.clone(), next.open_until);
                    }
                    view.states.insert(route.clone(), counted);
                    return Ok(());
                }
                if next.open_until > 0 { next } else { opened(next, FIRST_COOL_DOWN, now()) }
            }
        };
        self.set(route, open);
        if store.change_route(route, seen, open).await? {
            tracing::warn!(route = route.as_str(), cool_down_ms = open.cool_down, "circuit opened");
        }
        Ok(())
    }

    /// The state of a route: the shared one, or this environment's own.
    fn state(&self, route: &RouteName) -> RouteState {
        let view = self.view();
        let shared = view.states.get(route).copied().unwrap_or_default();
        match view.own.get(route) {
            Some(open_until) if shared.open_until == 0 && *open_until > now() => {
                RouteState { open_until: *open_until, cool_down: FIRST_COOL_DOWN, ..shared }
            }
            Some(_) | None => shared,
        }
    }

    fn set(&self, route: &RouteName, state: RouteState) {
        self.view().states.insert(route.clone(), state);
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(route: &RouteName, failure: Option<&StoreError>) {
    if let Some(cause) = failure.map(StoreError::reason) {
        tracing::warn!(route = route.as_str(), %cause, "a route's state was not shared");
    }
}

impl Change {
    /// The state of the route after it, as far as this environment knows.
    const fn state(self) -> RouteState {
        match self {
            Self::Count(state) | Self::Open(state) => state,
        }
    }
}

/// What a failure changes; `None` if nothing.
fn after_failure(seen: RouteState, circuit: CircuitState, blame: Blame, now: u64) -> Option<Change> {
    let open = |cool_down| Some(Change::Open(opened(seen, cool_down, now)));
    match (circuit, blame) {
        (CircuitState::Open, _) => None,
        (_, Blame::Credential) if now < seen.open_until => None,
        (_, Blame::Credential) => open(CREDENTIAL_COOL_DOWN),
        (_, Blame::Credit) => open(CREDIT_COOL_DOWN),
        (_, Blame::Gone) => Some(Change::Open(RouteState { is_gone: true, ..opened(seen, GONE_COOL_DOWN, now) })),
        (CircuitState::Probe(_), Blame::Outage | Blame::Unreachable) => {
            open(seen.cool_down.saturating_mul(2).clamp(FIRST_COOL_DOWN, LONGEST_COOL_DOWN))
        }
        (CircuitState::Closed, Blame::Outage | Blame::Unreachable) => {
            let counted = RouteState { failures: seen.failures.saturating_add(1), ..seen };
            let enough = counted.failures >= OPENING_FAILURES;
            Some(Change::Count(if enough { opened(counted, FIRST_COOL_DOWN, now) } else { counted }))
        }
    }
}

/// Whether these failures and keys open a closed circuit for all environments.
fn opens_for_all(counted: RouteState) -> bool {
    counted.failures >= OPENING_FAILURES && counted.keys >= OPENING_KEYS && counted.open_until == 0
}

/// The keys that a failure counts against. A request without a key counts as one key; a failure that does not depend on the
/// request counts against all.
fn accused(blame: Blame, key: Option<&KeyId>) -> Vec<String> {
    let own = key.map_or("no key", KeyId::as_str).to_owned();
    match blame {
        Blame::Unreachable => vec![own, ANY_KEY.to_owned()],
        Blame::Outage | Blame::Credential | Blame::Credit | Blame::Gone => vec![own],
    }
}

fn opened(state: RouteState, cool_down: u64, now: u64) -> RouteState {
    RouteState { cool_down, open_until: now.saturating_add(cool_down), is_gone: false, ..state }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const NOW: u64 = 1_000_000;

    fn failures(failures: u64) -> RouteState {
        RouteState { failures, ..RouteState::default() }
    }

    fn blocked(open_until: u64, cool_down: u64) -> RouteState {
        RouteState { open_until, cool_down, ..RouteState::default() }
    }

    #[test]
    fn a_circuit_opens_for_all_with_failures_of_two_keys_or_with_one_that_no_request_brings_about() {
        let [one, other] = ["0000000000000001", "0000000000000002"].map(|id| KeyId::parse(id).unwrap());
        for (failures, opens) in [
            (vec![(Blame::Outage, &one); 5], false),
            (vec![(Blame::Outage, &one); 500], false),
            ([vec![(Blame::Outage, &one); 4], vec![(Blame::Outage, &other)]].concat(), true),
            ([vec![(Blame::Outage, &one); 4], vec![(Blame::Unreachable, &one)]].concat(), true),
            (vec![(Blame::Unreachable, &one); 5], true),
            (vec![(Blame::Unreachable, &one); 4], false),
        ] {
            let keys: BTreeSet<String> = failures.iter().flat_map(|(blame, key)| accused(*blame, Some(key))).collect();
            let counted = RouteState { failures: failures.len() as u64, keys: keys.len() as u64, ..RouteState::default() };
            assert_eq!(opens_for_all(counted), opens, "{} {keys:?}", failures.len());
        }
        let open = RouteState { failures: 9, keys: 9, ..blocked(NOW, 10_000) };
        assert!(!opens_for_all(open), "it is open already");
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens_for_ten_seconds() {
        let after = |seen| after_failure(seen, CircuitState::Closed, Blame::Outage, NOW);
        assert_eq!(after(failures(3)), Some(Change::Count(failures(4))));
        let open = RouteState { failures: 5, ..blocked(NOW + 10_000, 10_000) };
        assert_eq!(after(failures(4)), Some(Change::Count(open)));
    }

    #[test]
    fn a_failed_probe_doubles_the_cool_down_up_to_two_minutes() {
        let mut state = RouteState { failures: 5, keys: 2, ..blocked(NOW, 10_000) };
        let mut seen = Vec::new();
        for _ in 0..5 {
            state = after_failure(state, CircuitState::Probe(NOW), Blame::Outage, NOW).unwrap().state();
            seen.push(state.cool_down);
        }
        assert_eq!(seen, [20_000, 40_000, 80_000, 120_000, 120_000]);
    }

    #[test]
    fn an_empty_account_opens_at_once_and_for_ten_minutes() {
        let open = Change::Open(blocked(NOW + 600_000, 600_000));
        assert_eq!(after_failure(failures(0), CircuitState::Closed, Blame::Credit, NOW), Some(open));
    }

    #[test]
    fn a_model_that_is_gone_is_left_alone_for_an_hour() {
        let gone = RouteState { is_gone: true, ..blocked(NOW + 3_600_000, 3_600_000) };
        assert_eq!(after_failure(failures(0), CircuitState::Closed, Blame::Gone, NOW), Some(Change::Open(gone)));
        assert_eq!(after_failure(gone, CircuitState::Probe(NOW), Blame::Gone, NOW), Some(Change::Open(gone)));
        let back = after_failure(gone, CircuitState::Probe(NOW), Blame::Outage, NOW);
        assert_eq!(back, Some(Change::Open(blocked(NOW + 120_000, 120_000))), "it is served again, and fails");
    }

    #[tokio::test]
    async fn only_the_request_that_has_the_probe_gives_it_back() {
        let (circuits, route) = (Circuits::unshared(), RouteName::credential(ProviderId::OpenRouter));
        circuits.set(&route, blocked(1, 10_000));
        let CircuitState::Probe(claimed) = circuits.circuit_state(&route).await else { panic!() };
        circuits.note(&route, CircuitState::Probe(claimed - 1), CircuitOutcome::Ignored, None);
        assert_eq!(circuits.state(&route).open_until, claimed, "that probe is over");
        circuits.note(&route, CircuitState::Probe(claimed), CircuitOutcome::Ignored, None);
        assert!(!circuits.is_cooling_down(&route), "the next request may probe");
    }

    #[test]
    fn failures_of_a_route_known_to_be_broken_say_nothing_new() {
        assert_eq!(after_failure(failures(9), CircuitState::Open, Blame::Outage, NOW), None);
    }
}
