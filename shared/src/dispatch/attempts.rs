//! The attempts of a request: what `x-gateway-provider`, `-model`, `-attempts` and `-dropped` tell.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::PreparedRequest;
use crate::catalog::Candidate;
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

/// The route a request is on, and the attempts so far.
#[derive(Clone, Debug)]
pub struct AttemptLog {
    /// The model and the route it is on.
    pub candidate: Candidate,
    /// What that route cannot carry, by path.
    pub dropped: Vec<String>,
    /// The calls that were made, oldest first.
    pub attempts: Vec<Attempt>,
}

impl AttemptLog {
    pub(super) fn to(prepared: &PreparedRequest) -> Self {
        Self { candidate: prepared.candidate.clone(), dropped: prepared.dropped.clone(), attempts: Vec::new() }
    }

    /// How many calls were made.
    pub fn calls(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// Where the request was, as the answer's headers tell it.
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("x-gateway-provider", self.candidate.route.provider.to_string()),
            ("x-gateway-model", self.candidate.route.upstream.as_str().to_owned()),
            ("x-gateway-attempts", self.attempts_text()),
        ]
    }

    /// The attempts as the header has them: `vertex-claude;529;12ms, openrouter;200;340ms`.
    fn attempts_text(&self) -> String {
        let texts: Vec<String> =
            self.attempts.iter().map(|Attempt { provider, status, ms }| format!("{provider};{status};{ms}ms")).collect();
        texts.join(", ")
    }
}

/// A log that can be read while the request is under way.
#[derive(Clone, Debug)]
pub struct SharedAttemptLog(Arc<Mutex<AttemptLog>>);

impl SharedAttemptLog {
    pub(crate) fn new(log: AttemptLog) -> Self {
        Self(Arc::new(Mutex::new(log)))
    }

    /// The log up to now.
    pub fn read(&self) -> AttemptLog {
        self.lock().clone()
    }

    pub(super) fn add(&self, attempt: Attempt) {
        self.lock().attempts.push(attempt);
    }

    pub(super) fn fail_over_to(&self, prepared: &PreparedRequest) {
        let mut log = self.lock();
        log.candidate = prepared.candidate.clone();
        log.dropped.clone_from(&prepared.dropped);
    }

    fn lock(&self) -> MutexGuard<'_, AttemptLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
