//! A request before admission, with the body for its first usable route, from which the hold is computed. Also computes how
//! much other bodies of the request may cost within a hold.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{PreparedRequest, RoutableRequest, Upstreams, not_configured};
use crate::catalog::Candidate;
use crate::error::{ErrorKind, GatewayError};
use crate::wire::Measured;
use crate::wire::target::OutputBounds;

/// A request that is prepared for a route.
#[derive(Debug)]
pub struct Plan {
    pub(super) request: RoutableRequest,
    pub(super) first: PreparedRequest,
    /// The next candidates, in order.
    pub(super) waiting: VecDeque<Candidate>,
    /// The candidates that follow if the model is no longer served.
    pub(super) replacements: VecDeque<Candidate>,
}

impl Plan {
    /// Prepares a request for the first route that supports it, preferring one that is not broken. Sends nothing. Fails
    /// with 400 if no route supports the request, and with 503 if none is configured.
    pub fn of(upstreams: &Upstreams, request: RoutableRequest, output: OutputBounds) -> Result<Self, GatewayError> {
        let (mut refusal, mut broken) = (None, None);
        let mut waiting: VecDeque<Candidate> = request.candidates.iter().cloned().collect();
        let replacements: VecDeque<Candidate> = request.replacements.iter().cloned().collect();
        while let Some(candidate) = waiting.pop_front() {
            match PreparedRequest::new(upstreams, &request, candidate, output) {
                Ok(first) if upstreams.circuits.is_cooling_down(&first.name) => {
                    broken.get_or_insert(first);
                }
                Ok(first) => return Ok(Self { request, first, waiting, replacements }),
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    refusal.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match broken {
            Some(first) => Ok(Self { request, first, waiting, replacements }),
            None => Err(refusal.unwrap_or_else(|| not_configured(&request))),
        }
    }

    /// The client's request.
    pub fn request(&self) -> &RoutableRequest {
        &self.request
    }

    /// The body for which the hold is taken.
    pub fn prepared(&self) -> &PreparedRequest {
        &self.first
    }
}

/// The maximum output tokens that a body of this size may request from a candidate.
pub type Affordable = Arc<dyn Fn(&Measured, &Candidate) -> u64 + Send + Sync>;

/// What was held for a request. No body is sent whose reply could cost more.
#[derive(Clone)]
pub struct Allowance {
    /// How much output the hold covers.
    pub affordable: Affordable,
    /// The fewest useful output tokens, unless the client asks for fewer.
    pub least_output: u64,
    /// Bounds of the reply's length.
    pub output: OutputBounds,
}

impl Allowance {
    /// No limits on cost and length, for requests that cost nothing.
    pub fn unlimited() -> Self {
        Self { affordable: Arc::new(|_, _| u64::MAX), least_output: 0, output: OutputBounds::NONE }
    }

    /// The request for a route within the hold, with a lower output limit if needed; `None` if too little output would
    /// remain.
    pub(super) fn prepare(
        &self,
        upstreams: &Upstreams,
        request: &RoutableRequest,
        candidate: &Candidate,
    ) -> Result<Option<PreparedRequest>, GatewayError> {
        /// A lower limit can change the reasoning settings in the body, and so its size, but only a few times.
        const ROUNDS: u32 = 4;
        let mut output = self.output;
        for _ in 0..ROUNDS {
            let prepared = PreparedRequest::new(upstreams, request, candidate.clone(), output)?;
            match self.covered(&prepared, request) {
                Coverage::Whole => return Ok(Some(prepared)),
                Coverage::Tokens(tokens) => output = OutputBounds { most: tokens, must_say: true },
                Coverage::None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// How much of a body's output is covered by the hold.
    pub(super) fn covered(&self, prepared: &PreparedRequest, request: &RoutableRequest) -> Coverage {
        let covered = (self.affordable)(prepared.measured(), &prepared.candidate);
        let asked = request.request.max_tokens.map_or(prepared.output_limit(), |limit| limit.tokens);
        let least = prepared.candidate.model.capabilities.min_output_tokens;
        if !self.output.must_say && prepared.measured().output_limit.is_none() || prepared.output_limit() <= covered {
            Coverage::Whole
        } else if covered >= self.least_output.min(asked).max(least) && covered > 0 {
            Coverage::Tokens(covered)
        } else {
            Coverage::None
        }
    }
}

impl Allowance {
    /// The request that was measured for the hold, written again if the hold became smaller, or if the key turned out to be
    /// prepaid or not.
    pub(super) fn keep(
        &self,
        upstreams: &Upstreams,
        request: &RoutableRequest,
        prepared: PreparedRequest,
    ) -> Result<Option<PreparedRequest>, GatewayError> {
        let says_as_it_must = !prepared.may_be_silent || prepared.must_say == self.output.must_say;
        let is_short_enough = prepared.output_limit() <= self.output.most;
        if says_as_it_must && is_short_enough && self.covered(&prepared, request) == Coverage::Whole {
            return Ok(Some(prepared));
        }
        self.prepare(upstreams, request, &prepared.candidate)
    }
}

/// The refusal of a request whose hold covers no route.
pub(super) fn not_covered() -> GatewayError {
    GatewayError::new(ErrorKind::PaymentRequired, "The balance does not cover this request.")
        .with_code("insufficient_balance")
}

/// How much of a body's output is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// The whole output that the body's limit allows.
    Whole,
    /// At most this many output tokens.
    Tokens(u64),
    /// Too few to send the request.
    None,
}
