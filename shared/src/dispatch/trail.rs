//! Where a request has been: what `x-gateway-provider`, `-model`, `-attempts` and `-dropped` tell.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Leg;
use crate::catalog::Route;
use crate::ids::ProviderId;

/// One upstream call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Through whom.
    pub provider: ProviderId,
    /// The provider's status, or what its failure stands for.
    pub status: u16,
    /// How long it took, to the first content of a stream or the end of a whole reply.
    pub ms: u128,
}

/// Where a request has been.
#[derive(Clone, Debug)]
pub struct Trail {
    /// The route it is on.
    pub route: Route,
    /// What that route cannot carry, by path.
    pub dropped: Vec<String>,
    /// The calls that were made, oldest first.
    pub attempts: Vec<Attempt>,
}

impl Trail {
    pub(super) fn to(leg: &Leg) -> Self {
        Self { route: leg.route.clone(), dropped: leg.dropped.clone(), attempts: Vec::new() }
    }

    /// How many calls were made.
    pub fn calls(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// The attempts as the header has them: `vertex-claude;529;12ms, openrouter;200;340ms`.
    pub fn attempts_text(&self) -> String {
        let texts: Vec<String> =
            self.attempts.iter().map(|Attempt { provider, status, ms }| format!("{provider};{status};{ms}ms")).collect();
        texts.join(", ")
    }
}

/// A trail that can be read while the request is under way.
#[derive(Clone, Debug)]
pub struct SharedTrail(Arc<Mutex<Trail>>);

impl SharedTrail {
    pub(super) fn new(trail: Trail) -> Self {
        Self(Arc::new(Mutex::new(trail)))
    }

    /// The trail up to now.
    pub fn read(&self) -> Trail {
        self.lock().clone()
    }

    pub(super) fn add(&self, attempt: Attempt) {
        self.lock().attempts.push(attempt);
    }

    pub(super) fn turn(&self, leg: &Leg) {
        let mut trail = self.lock();
        trail.route = leg.route.clone();
        trail.dropped.clone_from(&leg.dropped);
    }

    fn lock(&self) -> MutexGuard<'_, Trail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
