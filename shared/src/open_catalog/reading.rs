//! Reads OpenRouter's list into the table, once a day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use super::judge::{Distrust, judge};
use super::time;
use crate::catalog::listed::{List, ListError, ListedModel};
use crate::error::UpstreamError;
use crate::providers::{Transport, list_of_models};
use crate::store::items::{ListState, ListedItem, iso_day};
use crate::store::{Store, StoreError};

/// Seconds after a failed attempt until the next one.
const AGAIN: u64 = 3_600;

/// The result of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It was read today (UTC), or an attempt was made within the last hour.
    NotDue,
    /// The table has the models of the list now.
    Read {
        /// Number of served models.
        models: usize,
        /// Number of models that were removed.
        gone: usize,
    },
}

/// Why the table has no newer list.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// OpenRouter did not send it.
    #[error("the list could not be fetched: {}", .0.cause())]
    Upstream(UpstreamError),
    /// The response is not a list.
    #[error("the list is refused: {0}")]
    Unreadable(#[from] ListError),
    /// It is implausible.
    #[error("the list is refused: {0}")]
    Distrusted(Distrust),
}

impl ReadingError {
    /// Whether a list was refused, so that someone must look at it.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::Distrusted(_) => true,
            Self::Store(_) | Self::Upstream(_) => false,
        }
    }
}

/// Reads the list, if it is due. Safe to run at any time and in parallel: only one run reads.
pub async fn read_list(
    store: &Store,
    transport: &Transport,
    base_url: &Url,
    now: Timestamp,
) -> Result<Reading, ReadingError> {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let state = store.list_state().await?;
    if !is_due(state, seconds) || !store.claim_list(state, seconds).await? {
        return Ok(Reading::NotDue);
    }
    let body = list_of_models(transport, base_url).await.map_err(ReadingError::Upstream)?;
    let list = List::read(&body)?;
    let known = store.listed_models().await?.into_iter().filter(|item| item.facts.is_some()).map(|item| item.id).collect();
    let served = judge(&known, &list, now.to_zoned(TimeZone::UTC).date()).map_err(ReadingError::Distrusted)?;
    let items = items(&known, &served, seconds);
    let (models, gone) = (served.len(), items.len().saturating_sub(served.len()));
    store.put_list(&items, ListState { tried: seconds, read: seconds, models: models as u64 }).await?;
    Ok(Reading::Read { models, gone })
}

fn is_due(state: ListState, now: u64) -> bool {
    let is_new_day = state.read == 0 || iso_day(time(state.read)) != iso_day(time(now));
    is_new_day && (state.tried == state.read || state.tried.saturating_add(AGAIN) <= now)
}

/// The changes from a list: each of its models, and each known model that it does not have.
fn items(known: &BTreeSet<String>, served: &BTreeMap<&str, &ListedModel>, read: u64) -> Vec<ListedItem> {
    let item = |id: &str, facts| ListedItem { id: id.to_owned(), read, facts };
    // Text that was read from JSON can be written as JSON.
    let named = served.iter().map(|(id, listed)| item(id, serde_json::to_string(listed).ok()));
    let gone = known.iter().filter(|id| !served.contains_key(id.as_str())).map(|id| item(id, None));
    named.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_once_a_day_and_after_a_failure_an_hour_later() {
        const DAY: u64 = 86_400;
        for (read, tried, now, due) in [
            (0, 0, 20 * DAY, true),
            (20 * DAY, 20 * DAY, 20 * DAY + 80_000, false),
            (20 * DAY + 80_000, 20 * DAY + 80_000, 21 * DAY, true),
            (0, 20 * DAY, 20 * DAY + 3_599, false),
            (0, 20 * DAY, 20 * DAY + 3_600, true),
            (20 * DAY, 21 * DAY, 21 * DAY + 900, false),
        ] {
            assert_eq!(is_due(ListState { tried, read, models: 0 }, now), due, "{read} {tried} {now}");
        }
    }

    #[test]
    fn a_list_changes_its_own_models_and_takes_back_those_that_it_does_not_have() {
        let known = BTreeSet::from(["acme/a".to_owned(), "acme/b".to_owned()]);
        let listed = ListedModel { id: "acme/b".to_owned(), ..ListedModel::default() };
        let items = items(&known, &BTreeMap::from([("acme/b", &listed)]), 7);
        let changed: Vec<(&str, bool)> = items.iter().map(|item| (item.id.as_str(), item.facts.is_some())).collect();
        assert_eq!(changed, [("acme/b", true), ("acme/a", false)]);
    }
}
