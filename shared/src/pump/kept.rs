//! Limits how much of a reply is kept in memory until its end.

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::providers::transport::MAX_REPLY_BYTES;
use crate::wire::Delivery;

/// Bytes of each event that are not counted: field names, and values that every event repeats. A whole reply contains them
/// once.
const ENVELOPE: u64 = 1024;
/// Maximum of such bytes in one reply.
const MOST_ENVELOPES: u64 = 4 * LIMIT;
const LIMIT: u64 = MAX_REPLY_BYTES as u64;

/// Counts what upstream has sent of a reply. A whole reply has more than text: images, log probabilities, opaque data and
/// unknown fields.
pub(super) struct Kept {
    delivery: Delivery,
    bytes: u64,
    events: u64,
}

impl Kept {
    pub(super) const fn new(delivery: Delivery) -> Self {
        Self { delivery, bytes: 0, events: 0 }
    }

    /// Counts a chunk. Fails if a whole reply becomes too large. A stream keeps nothing.
    pub(super) fn add(&mut self, chunk: &[u8]) -> Result<(), UpstreamError> {
        if self.delivery == Delivery::Streamed {
            return Ok(());
        }
        let ends_event = |at: &usize| matches!(chunk.get(at.saturating_add(1)), Some(b'\n' | b'\r'));
        let blank_lines = memchr::memchr_iter(b'\n', chunk).filter(ends_event).count();
        self.bytes = self.bytes.saturating_add(chunk.len() as u64);
        self.events = self.events.saturating_add(blank_lines as u64);
        let envelopes = self.events.saturating_mul(ENVELOPE).min(MOST_ENVELOPES);
        if self.bytes.saturating_sub(envelopes) > LIMIT { Err(too_large()) } else { Ok(()) }
    }
}

/// The error for a reply that is too large.
pub(super) fn too_large() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::TooLarge, format!("the reply exceeds {MAX_REPLY_BYTES} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds the chunk up to `most` times, and returns how often it was accepted.
    fn kept(delivery: Delivery, chunk: &[u8], most: usize) -> usize {
        let mut kept = Kept::new(delivery);
        (0..most).take_while(|_| kept.add(chunk).is_ok()).count()
    }

    #[test]
    fn large_events_of_a_whole_reply_add_up_whatever_is_in_them() {
        let mut event = vec![b'x'; 5 * 1024 * 1024];
        event.extend_from_slice(b"\r\n\r\n");
        assert_eq!(kept(Delivery::Whole, &event, 20), 4);
        assert_eq!(kept(Delivery::Streamed, &event, 20), 20);
    }

    #[test]
    fn the_longest_reply_in_words_is_kept() {
        let event = format!("data: {}\n\n", "x".repeat(600));
        assert_eq!(kept(Delivery::Whole, event.as_bytes(), 128_000), 128_000);
    }

    #[test]
    fn small_events_add_up_in_the_end() {
        let event = format!("{}\n\n", "x".repeat(1022));
        assert_eq!(kept(Delivery::Whole, event.as_bytes(), 200_000), 5 * 20 * 1024);
    }
}
