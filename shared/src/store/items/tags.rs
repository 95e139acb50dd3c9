//! The tags of a key's day: an item that limits their number.

use std::collections::BTreeSet;

use super::record::SECONDS_PER_DAY;
use super::{Item, partition, primary_key};
use crate::ids::{KeyId, Tag};

/// Maximum number of tags of a key's day. Usage with further tags is counted under [`Tag::other`].
pub const MOST_TAGS: usize = 32;
/// How long the item is kept after its day. No record is written later, except when the log is replayed.
const KEPT_DAYS: i64 = 7;

/// The tags under which a key's usage of a day is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayTags(BTreeSet<String>);

impl DayTags {
    /// The attribute with the tags, a set of strings.
    pub const ATTRIBUTE: &'static str = "tags";

    /// The item's key.
    pub fn key(key: &KeyId, day: &str) -> Item {
        primary_key(&partition(key), &format!("T#{day}"))
    }

    /// When the item of a day expires, in seconds since the epoch. `day` is the first second of the day.
    pub const fn ttl(day: i64) -> i64 {
        day.saturating_add(KEPT_DAYS * SECONDS_PER_DAY)
    }

    /// Reads an item. Without tags it is an empty day.
    pub fn read(item: &Item) -> Self {
        let tags = item.get(Self::ATTRIBUTE).and_then(|tags| tags.as_ss().ok());
        Self(tags.into_iter().flatten().cloned().collect())
    }

    /// Whether usage is counted under this tag.
    pub fn has(&self, tag: &Tag) -> bool {
        self.0.contains(tag.as_str())
    }

    /// Whether the day has the maximum number of tags.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST_TAGS
    }
}
