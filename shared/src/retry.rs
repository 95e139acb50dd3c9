//! Decides what follows a failed upstream call. Plain rules, without I/O.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use crate::error::{UpstreamError, UpstreamErrorKind};

/// Maximum number of retries on one route, not counting the first call.
const RETRIES: u32 = 2;
/// Maximum number of retries after a timeout, because each costs the client minutes, and after a reply without an answer,
/// because a model that failed twice the same way usually fails a third time.
const RETRIES_OF_SLOW_OR_EMPTY: u32 = 1;
/// Bounds of the pause (full jitter; the ceiling doubles from 500 ms).
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The longest `Retry-After` of a provider for which the gateway waits. A longer time is passed on to the client.
const LONGEST_WISH: Duration = Duration::from_secs(5);
/// Time that must be left after a pause.
const WORTH_A_TRY: Duration = Duration::from_secs(1);

/// What a failure means for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The request itself is at fault: it would fail everywhere.
    Final,
    /// The provider refused the gateway's credential.
    Credential,
    /// The account there is out of credit.
    Credit,
    /// The connection died before any response. It may have been dead before the call.
    Reset,
    /// Another route may succeed, or this one after a pause.
    Transient,
    /// Another route may succeed, but a retry on this one cannot.
    Elsewhere,
    /// The model does not exist there, for this request or for all.
    Gone,
}

/// The severity of a failure, by its status or kind (the statuses for which providers document retries).
pub fn severity(error: &UpstreamError) -> Severity {
    match error.kind {
        UpstreamErrorKind::Reset => Severity::Reset,
        UpstreamErrorKind::Connect
        | UpstreamErrorKind::Timeout
        | UpstreamErrorKind::Malformed
        | UpstreamErrorKind::Truncated
        | UpstreamErrorKind::NoAnswer => Severity::Transient,
        UpstreamErrorKind::TooLarge | UpstreamErrorKind::Credential => Severity::Elsewhere,
        UpstreamErrorKind::Moderated => Severity::Final,
        UpstreamErrorKind::NotServed { .. } => Severity::Gone,
        UpstreamErrorKind::Refused(status) => match status {
            401 | 403 => Severity::Credential,
            402 => Severity::Credit,
            408 | 429 | 500..=599 => Severity::Transient,
            _ => Severity::Final,
        },
    }
}

/// The attempts of a request on its current route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Retries after a pause.
    pub retries: u32,
    /// Whether a dead connection was replaced.
    pub reconnected: bool,
    /// Whether the credential was renewed.
    pub renewed: bool,
}

/// The pause before another attempt on the same route; `None` if there must be none.
pub fn pause(error: &UpstreamError, tries: Tries, time_left: Duration, random: f64) -> Option<Duration> {
    if !matches!(severity(error), Severity::Transient | Severity::Reset) {
        return None;
    }
    let most = match error.kind {
        UpstreamErrorKind::Timeout | UpstreamErrorKind::NoAnswer => RETRIES_OF_SLOW_OR_EMPTY,
        UpstreamErrorKind::Connect
        | UpstreamErrorKind::Reset
        | UpstreamErrorKind::Malformed
        | UpstreamErrorKind::Truncated
        | UpstreamErrorKind::TooLarge
        | UpstreamErrorKind::Credential
        | UpstreamErrorKind::Moderated
        | UpstreamErrorKind::NotServed { .. }
        | UpstreamErrorKind::Refused(_) => RETRIES,
    };
    let wish = error.retry_after.unwrap_or_default();
    if tries.retries >= most || wish > LONGEST_WISH {
        return None;
    }
    let ceiling = (SHORTEST_PAUSE * 2).saturating_mul(1 << tries.retries.min(8)).min(LONGEST_PAUSE);
    let jitter = SHORTEST_PAUSE + ceiling.saturating_sub(SHORTEST_PAUSE).mul_f64(random);
    let pause = jitter.max(wish);
    (pause + WORTH_A_TRY < time_left).then_some(pause)
}

/// Limits retries to a fifth of the requests, so that an outage is not made worse: each request adds one share, each retry
/// costs five.
#[derive(Debug)]
pub struct RetryBudget(Mutex<u32>);

const SHARES_PER_RETRY: u32 = 5;
const MOST_SHARES: u32 = 10 * SHARES_PER_RETRY;

impl Default for RetryBudget {
    /// Enough for ten retries.
    fn default() -> Self {
        Self(Mutex::new(MOST_SHARES))
    }
}

impl RetryBudget {
    /// Adds the share of a request.
    pub fn earn(&self) {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *shares = shares.saturating_add(1).min(MOST_SHARES);
    }

    /// Takes the shares of a retry. Returns false if there are too few.
    pub fn spend(&self) -> bool {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = shares.checked_sub(SHARES_PER_RETRY);
        *shares = left.unwrap_or(*shares);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: Duration = Duration::from_mins(5);

    fn refused(status: u16) -> UpstreamError {
        UpstreamError::new(UpstreamErrorKind::Refused(status), "no")
    }

    #[test]
    fn the_clients_own_faults_are_final_and_the_providers_are_not() {
        for status in [400, 405, 413, 422] {
            assert_eq!(severity(&refused(status)), Severity::Final, "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504, 529] {
            assert_eq!(severity(&refused(status)), Severity::Transient, "{status}");
        }
        assert_eq!(
            [401, 403, 402].map(|status| severity(&refused(status))),
            [Severity::Credential, Severity::Credential, Severity::Credit]
        );
    }

    #[test]
    fn pauses_are_drawn_from_a_doubling_range() {
        let range = |retries| {
            let tries = Tries { retries, ..Tries::default() };
            [0.0, 1.0].map(|random| pause(&refused(500), tries, PLENTY, random).map(|pause| pause.as_millis()))
        };
        assert_eq!(range(0), [Some(250), Some(500)]);
        assert_eq!(range(1), [Some(250), Some(1_000)]);
        assert_eq!(range(2), [None, None]);
    }

    #[test]
    fn a_wish_is_granted_up_to_five_seconds_and_passed_on_above() {
        let wished = |seconds| {
            let error = UpstreamError { retry_after: Some(Duration::from_secs(seconds)), ..refused(429) };
            pause(&error, Tries::default(), PLENTY, 0.0).map(|pause| pause.as_secs())
        };
        assert_eq!((wished(5), wished(6)), (Some(5), None));
    }

    #[test]
    fn a_timeout_and_an_empty_reply_are_retried_once_and_nothing_is_without_time() {
        let tries = |retries| Tries { retries, ..Tries::default() };
        for kind in [UpstreamErrorKind::Timeout, UpstreamErrorKind::NoAnswer] {
            let error = UpstreamError::new(kind, "slow or empty");
            assert!(pause(&error, tries(0), PLENTY, 0.0).is_some());
            assert!(pause(&error, tries(1), PLENTY, 0.0).is_none());
        }
        assert!(pause(&refused(500), tries(0), Duration::from_secs(1), 0.0).is_none());
    }

    #[test]
    fn an_outage_gets_ten_retries_and_then_one_for_each_five_requests() {
        let budget = RetryBudget::default();
        let spent = (0..1_000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        // The first request's share finds the bucket full.
        assert_eq!(spent.count(), 10 + 199);
    }
}
