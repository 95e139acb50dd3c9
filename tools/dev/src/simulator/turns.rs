//! Counts how often each marker has been used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};

use super::wire::Wire;

/// The statuses of a flaky provider, in order.
const FAILURES: [u16; 5] = [500, 502, 503, 529, 429];

/// The number of requests of each marker, by label, marker and wire. Clones share the same counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<BTreeMap<Key, u64>>>);

/// Label, marker and wire.
type Key = (String, String, &'static str);

impl Turns {
    /// Counts this request and returns the number of earlier requests of this marker; `None` if the marker is used up.
    pub(super) fn take(&self, label: &str, marker: &str, wire: Wire, limit: u64) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((label.to_owned(), marker.to_owned(), wire.name())).or_default();
        let earlier = *count;
        if earlier >= limit {
            return None;
        }
        *count = earlier.saturating_add(1);
        Some(earlier)
    }

    /// The status with which a flaky provider fails this request, if it does. The wire is part of the hash. Otherwise all
    /// providers to which a gateway falls back would fail the same request.
    pub(super) fn failure(&self, label: &str, wire: Wire, percent: u64, seed: u64) -> Option<u16> {
        let turn = self.take(label, "flaky", wire, u64::MAX)?;
        let hash = digest(&SHA256, format!("{seed}:{label}:{}:{turn}", wire.name()).as_bytes());
        let number = hash.as_ref().iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        if number % 100 >= percent {
            return None;
        }
        FAILURES.iter().cycle().nth(usize::try_from(turn % 5).unwrap_or_default()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marker_has_so_many_turns_on_each_wire_and_label() {
        let turns = Turns::default();
        let take = |label: &str, wire: Wire| turns.take(label, "error times=2", wire, 2);
        assert_eq!([0; 3].map(|_| take("a", Wire::Claude)), [Some(0), Some(1), None]);
        assert_eq!((take("a", Wire::Gemini), take("b", Wire::Claude)), (Some(0), Some(0)));
        assert_eq!(turns.clone().take("a", "error times=2", Wire::Claude, 2), None);
    }

    #[test]
    fn flaky_provider_fails_the_same_requests_for_the_same_seed() {
        let fates = |seed: u64| {
            let turns = Turns::default();
            (0..1_000).map(|_| turns.failure("x", Wire::Claude, 30, seed)).collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
        let failed = fates(1).iter().flatten().count();
        assert!((250..350).contains(&failed), "{failed}");
    }

    #[test]
    fn flaky_provider_fails_always_or_never_at_the_ends() {
        let turns = Turns::default();
        let always = [0; 6].map(|_| turns.failure("x", Wire::Gemini, 100, 7));
        assert_eq!(always, [500, 502, 503, 529, 429, 500].map(Some));
        assert!((0..100).all(|_| turns.failure("x", Wire::Gemini, 0, 7).is_none()));
    }
}
