//! The attempts of a request, for `x-gateway-provider`, `-model`, `-attempts` and `-dropped`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::PreparedRequest;
use crate::catalog::Candidate;
use crate::store::items::Attempt;

/// A request's current route, and its attempts so far.
#[derive(Clone, Debug)]
pub struct AttemptLog {
    /// The current model and route.
    pub candidate: Candidate,
    /// Paths of what the route does not support.
    pub dropped: Vec<String>,
    /// The upstream calls, oldest first.
    pub attempts: Vec<Attempt>,
}

impl AttemptLog {
    pub(super) fn to(prepared: &PreparedRequest) -> Self {
        Self { candidate: prepared.candidate.clone(), dropped: prepared.dropped.clone(), attempts: Vec::new() }
    }

    /// Number of calls.
    pub fn calls(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// The response headers about the attempts.
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("x-gateway-provider", self.candidate.route.provider.to_string()),
            ("x-gateway-model", self.candidate.route.upstream.as_str().to_owned()),
            ("x-gateway-attempts", Attempt::list_to_text(&self.attempts)),
        ]
    }
}

/// The attempts, readable while the request runs.
#[derive(Clone, Debug)]
pub struct SharedAttemptLog(Arc<Mutex<AttemptLog>>);

impl SharedAttemptLog {
    pub(crate) fn new(log: AttemptLog) -> Self {
        Self(Arc::new(Mutex::new(log)))
    }

    /// The attempts so far.
    pub fn read(&self) -> AttemptLog {
        self.lock().clone()
    }

    pub(super) fn add(&self, attempt: Attempt) {
        self.lock().attempts.push(attempt);
    }

    pub(super) fn switch_to(&self, prepared: &PreparedRequest) {
        let mut log = self.lock();
        log.candidate = prepared.candidate.clone();
        log.dropped.clone_from(&prepared.dropped);
    }

    fn lock(&self) -> MutexGuard<'_, AttemptLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
