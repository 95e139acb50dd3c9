//! The access tokens that were issued, and the settings of the endpoints that issue them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ids;

/// What a token can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// The models.
    Models,
    /// The models, and the token of a service account.
    Federated,
}

/// The issued tokens. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    issued: HashMap<String, Issued>,
    /// The status with which the endpoints fail, if set.
    failure: Option<u16>,
    /// The lifetime of new tokens in seconds, if it differs from the endpoints' own.
    lifetime: Option<u64>,
}

#[derive(Debug)]
struct Issued {
    kind: TokenKind,
    /// `None` if it is too far away to be represented.
    ends: Option<Instant>,
    revoked: bool,
}

impl Tokens {
    /// A new token with this lifetime, unless a lifetime is set for all new tokens; and its lifetime.
    pub(super) fn issue(&self, kind: TokenKind, seconds: u64) -> (String, u64) {
        let token = format!("ya29.sim-{}", ids::random(64));
        let mut state = self.state();
        let seconds = state.lifetime.unwrap_or(seconds);
        let ends = Instant::now().checked_add(Duration::from_secs(seconds));
        state.issued.insert(token.clone(), Issued { kind, ends, revoked: false });
        (token, seconds)
    }

    /// Whether this `authorization` value is a valid token for the models.
    pub(super) fn accept(&self, authorization: &str) -> bool {
        self.valid(authorization).is_some()
    }

    /// Whether this `authorization` value is a token that can be exchanged for a service account's.
    pub(super) fn accept_federated(&self, authorization: &str) -> bool {
        self.valid(authorization) == Some(TokenKind::Federated)
    }

    /// Whether this `authorization` value was issued here, valid or not.
    pub(super) fn know(&self, authorization: &str) -> bool {
        bearer(authorization).is_some_and(|token| self.state().issued.contains_key(token))
    }

    /// The status with which the endpoints fail, if set.
    pub(super) fn failure(&self) -> Option<u16> {
        self.state().failure
    }

    pub(super) fn set_failure(&self, failure: Option<u16>) {
        self.state().failure = failure;
    }

    pub(super) fn set_lifetime(&self, seconds: u64) {
        self.state().lifetime = Some(seconds);
    }

    pub(super) fn revoke(&self) {
        for issued in self.state().issued.values_mut() {
            issued.revoked = true;
        }
    }

    fn valid(&self, authorization: &str) -> Option<TokenKind> {
        let token = bearer(authorization)?;
        let state = self.state();
        let issued = state.issued.get(token)?;
        let alive = !issued.revoked && issued.ends.is_none_or(|ends| Instant::now() < ends);
        alive.then_some(issued.kind)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    authorization.strip_prefix("Bearer ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revoked_and_expired_tokens_are_known_but_not_accepted() {
        let tokens = Tokens::default();
        let issue = || format!("Bearer {}", tokens.issue(TokenKind::Models, 3_599).0);
        let revoked = issue();
        assert!(tokens.accept(&revoked) && !Tokens::default().accept(&revoked));
        tokens.revoke();
        let later = issue();
        tokens.set_lifetime(0);
        let expired = issue();
        assert_eq!([&revoked, &later, &expired].map(|token| tokens.accept(token)), [false, true, false]);
        assert_eq!([&revoked, &later, &expired].map(|token| tokens.know(token)), [true, true, true]);
    }

    #[test]
    fn only_federated_tokens_buy_others() {
        let tokens = Tokens::default();
        let buys = |kind: TokenKind| tokens.accept_federated(&format!("Bearer {}", tokens.issue(kind, 60).0));
        assert!(buys(TokenKind::Federated) && !buys(TokenKind::Models));
    }

    #[test]
    fn lifetime_can_be_set_for_all_new_tokens() {
        let tokens = Tokens::default();
        assert_eq!(tokens.issue(TokenKind::Models, 3_599).1, 3_599);
        tokens.set_lifetime(u64::MAX);
        let (token, seconds) = tokens.issue(TokenKind::Models, 3_599);
        assert!(seconds == u64::MAX && tokens.accept(&format!("Bearer {token}")));
    }
}
