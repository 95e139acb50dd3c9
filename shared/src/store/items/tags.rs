//! The tags of a key's day: the item that limits how many there are.

use std::collections::BTreeSet;

use super::record::SECONDS_PER_DAY;
use super::{Item, partition, primary_key};
use crate::ids::{KeyId, Tag};

/// Most tags that a key's usage of a day is counted under; what has another one is counted under [`Tag::other`].
pub const MOST_TAGS: usize = 32;
/// How long after its day the item may still be needed: no record is written later, unless the log is replayed.
const KEPT_DAYS: i64 = 7;

/// Which tags a key's usage of a day is counted under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayTags(BTreeSet<String>);

impl DayTags {
    /// The attribute with the tags, a set of strings.
    pub const ATTRIBUTE: &'static str = "tags";

    /// The item's key.
    pub fn key(key: &KeyId, day: &str) -> Item {
        primary_key(&partition(key), &format!("T#{day}"))
    }

    /// When the item of a day that began at that second may be forgotten, in seconds since the epoch.
    pub const fn ttl(day: i64) -> i64 {
        day.saturating_add(KEPT_DAYS * SECONDS_PER_DAY)
    }

    /// Reads an item; one without tags is an empty day.
    pub fn read(item: &Item) -> Self {
        let tags = item.get(Self::ATTRIBUTE).and_then(|tags| tags.as_ss().ok());
        Self(tags.into_iter().flatten().cloned().collect())
    }

    /// Whether usage is counted under that tag.
    pub fn has(&self, tag: &Tag) -> bool {
        self.0.contains(tag.as_str())
    }

    /// Whether no further tag is taken.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST_TAGS
    }
}
