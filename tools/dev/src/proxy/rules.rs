//! Which calls fail, and how.

use std::time::Duration;

/// What happens to a call instead of passing it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The call is not executed. The answer is 400 `ThrottlingException`.
    Throttle,
    /// The call is not executed. The answer is 400 `ProvisionedThroughputExceededException`.
    ExceedThroughput,
    /// The call is not executed. The answer is 500 `InternalServerError`.
    InternalError,
    /// The call is not executed. The answer is a conflict with a running transaction: `TransactionCanceledException` with
    /// reasons for a transaction, `TransactionConflictException` for other calls.
    TransactionConflict,
    /// The call is not executed. The connection is closed.
    Refuse,
    /// The call is not executed. The connection stays open without an answer until the caller closes it.
    Hang,
    /// The call is passed on after this time, even if its caller has disconnected.
    Delay(Duration),
    /// The call is executed. The connection is closed instead of an answer.
    CommitAndDrop,
    /// The call is executed. Its answer is delayed by this time.
    CommitAndDelay(Duration),
}

/// A fault and the calls to which it applies.
#[derive(Clone, Debug)]
pub struct Rule {
    action: Action,
    operation: Option<String>,
    part: Option<String>,
    left: Option<usize>,
    /// Percentage of calls, and the state of the random generator.
    odds: Option<(u64, u64)>,
}

impl Rule {
    /// A fault for every call.
    pub const fn any(action: Action) -> Self {
        Self { action, operation: None, part: None, left: None, odds: None }
    }

    /// A fault for every call of an operation, such as `UpdateItem`.
    pub fn on(operation: &str, action: Action) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::any(action) }
    }

    /// Applies only if the request's JSON contains this text.
    #[must_use]
    pub fn containing(self, part: &str) -> Self {
        Self { part: Some(part.to_owned()), ..self }
    }

    /// Applies only this many times.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { left: Some(times), ..self }
    }

    /// Applies to this percentage of calls, at random. The same seed selects the same calls.
    #[must_use]
    pub fn sometimes(self, percent: u64, seed: u64) -> Self {
        Self { odds: Some((percent, seed)), ..self }
    }

    /// The fault, if the rule applies to this call.
    pub(super) fn strike(&mut self, operation: &str, body: &str) -> Option<Action> {
        let is_meant = self.operation.as_ref().is_none_or(|wanted| wanted == operation)
            && self.part.as_ref().is_none_or(|part| body.contains(part))
            && self.left != Some(0);
        if !is_meant || !self.is_due() {
            return None;
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        Some(self.action.clone())
    }

    /// Draws a random number.
    fn is_due(&mut self) -> bool {
        let Some((percent, state)) = &mut self.odds else { return true };
        // SplitMix64.
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut thrown = *state;
        thrown = (thrown ^ (thrown >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        thrown = (thrown ^ (thrown >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (thrown ^ (thrown >> 31)) % 100 < *percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_meets_the_calls_it_names_as_often_as_it_says() {
        let mut rule = Rule::on("UpdateItem", Action::Throttle).containing("refund").times(2);
        assert_eq!(rule.strike("GetItem", "refund"), None);
        assert_eq!(rule.strike("UpdateItem", "hold"), None);
        assert_eq!(rule.strike("UpdateItem", "the refund"), Some(Action::Throttle));
        assert_eq!(rule.strike("UpdateItem", "the refund"), Some(Action::Throttle));
        assert_eq!(rule.strike("UpdateItem", "the refund"), None);
    }

    #[test]
    fn odds_are_kept_and_a_seed_repeats_itself() {
        let struck = |percent, seed| -> Vec<bool> {
            let mut rule = Rule::any(Action::Refuse).sometimes(percent, seed);
            (0..1_000).map(|_| rule.strike("Query", "").is_some()).collect()
        };
        let count = |struck: &[bool]| struck.iter().filter(|struck| **struck).count();
        assert!((150..250).contains(&count(&struck(20, 7))));
        assert_eq!((count(&struck(0, 7)), count(&struck(100, 7))), (0, 1_000));
        assert_eq!(struck(20, 7), struck(20, 7));
        assert_ne!(struck(20, 7), struck(20, 8));
    }
}
