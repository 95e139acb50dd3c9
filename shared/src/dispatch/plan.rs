//! A request before its key is asked: the body for its first usable route, by which the hold is measured. And what a hold lets
//! other bodies of the request cost.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{PreparedRequest, RoutableRequest, Upstreams, not_configured};
use crate::catalog::Candidate;
use crate::error::{ErrorKind, GatewayError};
use crate::wire::Measured;
use crate::wire::target::OutputBounds;

/// A request that is ready for a route.
#[derive(Debug)]
pub struct Plan {
    pub(super) request: RoutableRequest,
    pub(super) first: PreparedRequest,
    /// The candidates that come after it, in order.
    pub(super) waiting: VecDeque<Candidate>,
    /// Those that come when the model turns out not to be served any more.
    pub(super) replacements: VecDeque<Candidate>,
}

impl Plan {
    /// Prepares a request for the first route that can carry it, rather for one that is not known to be broken. Nothing is
    /// written and nobody is asked. Fails with 400 when no route can carry the request, 503 when none is configured.
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

    /// What the client asks.
    pub fn request(&self) -> &RoutableRequest {
        &self.request
    }

    /// The body that the hold is taken for.
    pub fn prepared(&self) -> &PreparedRequest {
        &self.first
    }
}

/// The most output tokens that a body of those sizes may ask a candidate for.
pub type Affordable = Arc<dyn Fn(&Measured, &Candidate) -> u64 + Send + Sync>;

/// What was held for a request: no body of it is sent whose reply could cost more.
#[derive(Clone)]
pub struct Allowance {
    /// How much output is paid for.
    pub affordable: Affordable,
    /// The fewest that are worth an answer, unless the client asks for fewer.
    pub least_output: u64,
    /// How long the reply may get at all, and whether a body must say so.
    pub output: OutputBounds,
}

impl Allowance {
    /// What costs nothing.
    pub fn unlimited() -> Self {
        Self { affordable: Arc::new(|_, _| u64::MAX), least_output: 0, output: OutputBounds::NONE }
    }

    /// The request in a route's words as far as it is paid for: with a lower output limit where that is needed; `None` where too
    /// little would be left of it.
    pub(super) fn prepare(
        &self,
        upstreams: &Upstreams,
        request: &RoutableRequest,
        candidate: &Candidate,
    ) -> Result<Option<PreparedRequest>, GatewayError> {
        /// A lower limit can change what the body says about thinking, and so its size; but not often.
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

    /// How much of a body's output is paid for.
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
    /// The request that a hold was measured by, made anew where the hold came out smaller, or where the key turned out to pay
    /// otherwise than was supposed.
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

/// The refusal of a request that what was held for it does not cover on any route.
pub(super) fn not_covered() -> GatewayError {
    GatewayError::new(ErrorKind::PaymentRequired, "The balance does not cover this request.")
        .with_code("insufficient_balance")
}

/// How much of a body's output is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// All that its limit allows.
    Whole,
    /// Fewer tokens.
    Tokens(u64),
    /// Too few to send it.
    None,
}
