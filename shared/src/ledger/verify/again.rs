//! Reads a difference again, until the difference disappears, or until two readings show the same difference and nothing was
//! written between them.
//!
//! Every request changes the key's item twice and a rollup once, and neither item returns to an earlier state. So if the
//! first and the last reading of both are equal, everything that was read in between was true at one moment.

use std::time::Duration;

use super::{Place, differing_sum};
use crate::ids::KeyId;
use crate::money::PicoUsd;
use crate::store::items::{CreditGrant, Expired, Rollup, StoredKey};
use crate::store::{Store, StoreError};

/// Maximum number of readings.
const LOOKS: u32 = 12;
/// The pause before a reading. It doubles from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

const SAME_TWICE: &str = "differed twice in the same way, with nothing written between the readings";
const MOVING: &str = "differed each time, and something was written during each reading";

/// The result of reading again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) what: String,
    pub(super) how: &'static str,
    pub(super) is_sure: bool,
}

/// One reading.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    /// Everything agrees.
    Agrees,
    /// Something differs, and nothing was written meanwhile.
    Still(String),
    /// Something differs, and something was written meanwhile.
    Moving(String),
}

impl Look {
    fn of(difference: Option<String>, is_still: bool) -> Self {
        match difference {
            None => Self::Agrees,
            Some(what) if is_still => Self::Still(what),
            Some(what) => Self::Moving(what),
        }
    }
}

/// Reads until the result is certain, or the maximum is reached.
async fn look_again(mut look: impl AsyncFnMut() -> Result<Look, StoreError>) -> Result<Option<Seen>, StoreError> {
    let (mut still, mut last, mut pause) = (None, String::new(), FIRST_PAUSE);
    for _ in 0..LOOKS {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        match look().await? {
            Look::Agrees => return Ok(None),
            Look::Still(what) if still.as_ref() == Some(&what) => {
                return Ok(Some(Seen { what, how: SAME_TWICE, is_sure: true }));
            }
            Look::Still(what) => still = Some(what),
            Look::Moving(what) => (still, last) = (None, what),
        }
    }
    Ok(Some(Seen { what: still.unwrap_or(last), how: MOVING, is_sure: false }))
}

/// Reads the sums of a day and a model again.
pub(super) async fn look_at_sums(store: &Store, key: &KeyId, place: &Place) -> Result<Option<Seen>, StoreError> {
    look_again(async || {
        let before = store.rollups_of(key, &place.0, &place.1).await?;
        let records = store.records_of_day(key, &place.0).await?;
        let is_still = before == store.rollups_of(key, &place.0, &place.1).await?;
        Ok(Look::of(differing_sum(&records, &before, place), is_still))
    })
    .await
}

/// Everything that determines a key's money, read at about the same time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Books {
    pub(super) key: StoredKey,
    pub(super) rollups: Vec<Rollup>,
    pub(super) grants: Vec<CreditGrant>,
    /// Charges of records whose holds still exist.
    pub(super) unended: PicoUsd,
}

/// Reads a key's money again.
pub(super) async fn look_at_money(
    store: &Store,
    key: &KeyId,
    difference: impl Fn(&Books) -> Option<String>,
) -> Result<Option<Seen>, StoreError> {
    look_again(async || {
        let (Some(before), rollups) = (store.current_key(key).await?, store.current_rollups(key).await?) else {
            return Ok(Look::Agrees);
        };
        let dead = before.expired.iter().filter(|(_, entry)| matches!(entry, Expired::Dead(_)));
        let held: Vec<_> = before.holds.keys().chain(dead.map(|(request, _)| request)).copied().collect();
        let mut unended = PicoUsd::ZERO;
        for request in held {
            unended += store.charge(key, request).await?.unwrap_or_default();
        }
        let grants = store.grants(key).await?;
        let is_still =
            rollups == store.current_rollups(key).await? && Some(&before) == store.current_key(key).await?.as_ref();
        Ok(Look::of(difference(&Books { key: before, rollups, grants, unended }), is_still))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seen(looks: &[Look]) -> (Option<Seen>, usize) {
        let mut next = 0;
        let seen = look_again(async || {
            next += 1;
            Ok(looks[(next - 1).min(looks.len() - 1)].clone())
        });
        let seen = seen.await.unwrap();
        (seen, next)
    }

    fn still(what: &str) -> Look {
        Look::Still(what.to_owned())
    }

    fn moving(what: &str) -> Look {
        Look::Moving(what.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn what_agrees_once_is_well_and_what_differs_twice_alike_is_not() {
        for (looks, expected, count) in [
            (vec![Look::Agrees], None, 1),
            (vec![moving("a"), still("a"), Look::Agrees], None, 3),
            (vec![still("a"), still("a")], Some(("a", true)), 2),
            (vec![still("a"), still("b"), still("b")], Some(("b", true)), 3),
            // Something was written between the two.
            (vec![still("a"), moving("a"), still("a"), still("a")], Some(("a", true)), 4),
            (vec![moving("a"), moving("b")], Some(("b", false)), 12),
        ] {
            let (seen, looked) = seen(&looks).await;
            let seen = seen.as_ref().map(|seen| (seen.what.as_str(), seen.is_sure));
            assert_eq!((seen, looked), (expected, count), "{looks:?}");
        }
    }
}
