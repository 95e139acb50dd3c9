//! Limits free reads per key: its usage, its requests, its balance, the models.
//!
//! Such a request costs the operator a function's time and up to a few table reads. A count in the table would cost a write,
//! which costs more than most of these reads, and would compete with paid requests for the key's item. So each environment
//! counts for itself. A key gets at most this many reads per minute from each environment. The number of environments is
//! limited only if `EndpointConcurrency` is set.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{ErrorKind, GatewayError};
use crate::ids::KeyDigest;

/// The period of the limit.
const WINDOW: Duration = Duration::from_mins(1);
/// Maximum number of counted keys. Further keys are not counted, so unknown keys cannot push out a key that reads too often.
const CAPACITY: usize = 1_000;

/// Counts reads by key, each as an evenly refilling bucket (the generic cell rate algorithm: one time per key).
#[derive(Debug)]
pub(super) struct Reads {
    /// Reads per minute; 0 removes the limit.
    per_minute: u32,
    /// When each key's bucket is full again.
    full_at: Mutex<HashMap<KeyDigest, Instant>>,
}

impl Reads {
    /// This many reads per minute and key.
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, full_at: Mutex::default() }
    }

    /// Takes one read of a key, or returns when the next one is possible.
    pub(super) fn take(&self, key: KeyDigest) -> Result<(), GatewayError> {
        let Some(one) = WINDOW.checked_div(self.per_minute) else { return Ok(()) };
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= CAPACITY {
            full_at.retain(|_, full_at| *full_at > now);
        }
        let known = full_at.get(&key).copied();
        if known.is_none() && full_at.len() >= CAPACITY {
            return Ok(());
        }
        let next = known.map_or(now, |known| known.max(now)) + one;
        let wait = next.saturating_duration_since(now + WINDOW);
        if wait.is_zero() {
            full_at.insert(key, next);
            return Ok(());
        }
        Err(self.too_many(wait))
    }

    fn too_many(&self, wait: Duration) -> GatewayError {
        let hint = format!("A key may read usage, requests, credits and models {} times a minute.", self.per_minute);
        GatewayError::new(ErrorKind::RateLimited, "Too many requests, please try again later.")
            .with_code("reads_per_minute")
            .with_hint(hint)
            .with_retry_after(Duration::from_secs(wait.as_secs().saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const KEY: KeyDigest = KeyDigest::new([1; 32]);
    const OTHER: KeyDigest = KeyDigest::new([2; 32]);

    /// How many of this many concurrent reads are allowed.
    fn passed(reads: &Reads, key: KeyDigest, asked: usize) -> usize {
        (0..asked).filter(|_| reads.take(key).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_reads_so_often_a_minute_and_no_other_key_pays_for_it() {
        let reads = Reads::new(60);
        assert_eq!((passed(&reads, KEY, 100), passed(&reads, OTHER, 100)), (60, 60));
        advance(Duration::from_millis(999)).await;
        assert_eq!(passed(&reads, KEY, 10), 0);
        advance(Duration::from_millis(10_001)).await;
        assert_eq!(passed(&reads, KEY, 100), 11);
        advance(Duration::from_hours(1)).await;
        assert_eq!(passed(&reads, KEY, 100), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_says_when_the_next_read_passes() {
        let reads = Reads::new(6);
        assert_eq!(passed(&reads, KEY, 7), 6);
        let error = reads.take(KEY).unwrap_err();
        let said = (error.kind(), error.code(), error.retry_after());
        assert_eq!(said, (ErrorKind::RateLimited, Some("reads_per_minute"), Some(Duration::from_secs(11))));
        advance(Duration::from_secs(10)).await;
        assert_eq!(passed(&reads, KEY, 7), 1);
    }

    #[test]
    fn nothing_is_limited_where_the_setting_says_so() {
        assert_eq!(passed(&Reads::new(0), KEY, 1_000), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_strangers_does_not_push_out_a_key_that_asks_too_often() {
        let reads = Reads::new(1);
        assert_eq!(passed(&reads, KEY, 2), 1);
        for stranger in 0..2_000_u32 {
            let mut digest = [9; 32];
            digest[..4].copy_from_slice(&stranger.to_be_bytes());
            assert!(reads.take(KeyDigest::new(digest)).is_ok());
        }
        assert_eq!(passed(&reads, KEY, 1), 0);
    }
}
