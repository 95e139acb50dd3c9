//! Takes one request of a key's rate without a hold, for endpoints that cost no money and no tokens but must be limited.
//!
//! Unlike a hold, it is not its own idempotency token: a write that is repeated after it was done takes another request.
//! That only counts one more request in the client's minute.

use super::{Denial, Fault, NotAdmitted, ROUNDS, SeenWindow, TRIES, Window};
use crate::ids::{KeyDigest, KeyId};
use crate::store::items::{StoredKey, TakeWrite};

/// A taking in progress.
#[derive(Clone, Debug)]
pub struct Taking {
    write: TakeWrite,
    rounds: u32,
    tries: u32,
}

impl Taking {
    /// Takes a request of a key for a public model id, at a time in seconds since the epoch, with the key's minute as this
    /// process last saw it.
    pub fn begin(key: KeyId, digest: KeyDigest, model: &str, seen: Option<SeenWindow>, now: u64) -> Self {
        let (window, reset) = SeenWindow::first_write(seen, now);
        let write = TakeWrite { key, digest, model: model.to_owned(), now, window, reset };
        Self { write, rounds: 0, tries: 0 }
    }

    /// The write to send next.
    pub const fn write(&self) -> &TakeWrite {
        &self.write
    }

    /// Adapts the write to the key as it was when the condition failed, or returns the reason for a refusal.
    pub fn refused(&mut self, old: Option<&StoredKey>, now: u64) -> Result<(), Denial> {
        let old = old.filter(|old| old.admits(self.write.digest, u128::from(now))).ok_or(Denial::Unauthorized)?;
        if !old.allows(&self.write.model) {
            return Err(Denial::Model(old.models.clone()));
        }
        let window = Window::of(old, now);
        if window.requests(old) < 1 {
            return Err(Denial::Requests(window.wait));
        }
        if self.rounds >= ROUNDS {
            return Err(Denial::Contended);
        }
        self.rounds = self.rounds.saturating_add(1);
        (self.write.now, self.write.window, self.write.reset) = (now, window.start, window.reset);
        Ok(())
    }

    /// After a write without an answer: wait for a random time of at most this many milliseconds, then send the write again.
    pub fn failed(&mut self, fault: Fault) -> Result<u64, NotAdmitted> {
        self.tries = self.tries.saturating_add(1);
        if self.tries < TRIES { Ok(25_u64 << self.tries) } else { Err(NotAdmitted::after(fault)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::items::{Limits, NewKey};

    const DIGEST: KeyDigest = KeyDigest::new([1; 32]);
    /// In the middle of a minute.
    const NOW: u64 = 60_030;

    fn key(window: u64, requests_left: i128) -> StoredKey {
        let new = NewKey {
            digest: DIGEST,
            last4: "last".to_owned(),
            name: "a key".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            limits: Limits { rpm: 5, models: vec!["one".to_owned()], ..Limits::standard() },
            prepaid: true,
        };
        StoredKey { window, requests_left, ..new.stored() }
    }

    fn taking(digest: KeyDigest, model: &str) -> Taking {
        Taking::begin(KeyId::parse("0123456789abcdef").unwrap(), digest, model, None, NOW)
    }

    #[test]
    fn a_request_counts_in_the_minute_it_comes_in_and_begins_it() {
        let mut taking = taking(DIGEST, "one");
        assert_eq!((taking.write().window, taking.write().reset), (60_000, false));
        assert_eq!(taking.refused(Some(&key(59_940, 0)), NOW), Ok(()));
        assert_eq!((taking.write().window, taking.write().reset), (60_000, true));
    }

    #[test]
    fn a_minute_that_has_changed_since_the_window_was_seen_begins_at_once() {
        let id = KeyId::parse("0123456789abcdef").unwrap();
        let seen = |start| Taking::begin(id.clone(), DIGEST, "one", Some(SeenWindow { start, others: 0 }), NOW);
        assert_eq!((seen(59_940).write().window, seen(59_940).write().reset), (60_000, true));
        assert_eq!((seen(60_000).write().window, seen(60_000).write().reset), (60_000, false));
    }

    #[test]
    fn used_up_requests_wait_for_the_next_minute() {
        let refused = |window| taking(DIGEST, "one").refused(Some(&key(window, 0)), NOW);
        assert_eq!(refused(60_000), Err(Denial::Requests(30)));
        // This clock is behind the one that began the window.
        assert_eq!(refused(60_060), Err(Denial::Requests(90)));
    }

    #[test]
    fn neither_an_unknown_key_nor_a_forbidden_model_takes_any() {
        let old = key(60_000, 5);
        assert_eq!(taking(DIGEST, "one").refused(None, NOW), Err(Denial::Unauthorized));
        assert_eq!(taking(KeyDigest::new([2; 32]), "one").refused(Some(&old), NOW), Err(Denial::Unauthorized));
        assert_eq!(taking(DIGEST, "two").refused(Some(&old), NOW), Err(Denial::Model(old.models.clone())));
        let expired = StoredKey { expires: u128::from(NOW), ..old };
        assert_eq!(taking(DIGEST, "one").refused(Some(&expired), NOW), Err(Denial::Unauthorized));
    }

    #[test]
    fn a_key_that_changes_each_time_is_given_up_after_three_rounds() {
        let mut taking = taking(DIGEST, "one");
        let rounds: Vec<_> = (0..4).map(|_| taking.refused(Some(&key(60_000, 5)), NOW)).collect();
        assert_eq!(rounds, [Ok(()), Ok(()), Ok(()), Err(Denial::Contended)]);
    }

    #[test]
    fn a_write_without_an_answer_is_sent_three_times() {
        let failures = |fault| {
            let mut taking = taking(DIGEST, "one");
            [0; 3].map(|_| taking.failed(fault))
        };
        assert_eq!(failures(Fault::Throttled), [Ok(50), Ok(100), Err(NotAdmitted::Denied(Denial::Busy))]);
        assert_eq!(failures(Fault::Unknown), [Ok(50), Ok(100), Err(NotAdmitted::Unanswered)]);
    }
}
