//! Which keys were used on a day, and how far the scheduled functions that check them have come.
//!
//! Each admission writes the day into the key's item. A sparse index on that number lists the keys of a day; DynamoDB
//! updates it only if the day changes. The keys of a day are spread over shards, because all of them may change at midnight,
//! and one partition accepts a thousand writes per second.

use super::{Item, Reader, VERSION, number, primary_key, text};
use crate::ids::KeyId;
use crate::store::StoreError;

/// The attribute, and its index.
pub const ACTIVE: &str = "active";
/// Shards of a day.
pub const ACTIVE_SHARDS: u64 = 16;
const SECONDS_PER_DAY: u64 = 86_400;

/// The number that marks a key as used on the day of a time (seconds since the epoch): days since the epoch, and the first
/// hexadecimal digit of the key's id as the shard.
pub fn active_mark(key: &KeyId, now: u64) -> u64 {
    let digit = key.as_str().chars().next().and_then(|digit| digit.to_digit(16)).unwrap_or_default();
    day(now).saturating_add(u64::from(digit))
}

/// The numbers of a day and of the day before it, in every shard.
pub fn active_marks(now: u64) -> impl Iterator<Item = u64> {
    day(now.saturating_sub(SECONDS_PER_DAY))..day(now).saturating_add(ACTIVE_SHARDS)
}

const fn day(now: u64) -> u64 {
    (now / SECONDS_PER_DAY).saturating_mul(ACTIVE_SHARDS)
}

/// The attributes of the cursor. They differ from the index's, so that the cursor is not in it.
const USED: &str = "used";
const WALK: &str = "walk";

/// How far the scheduled walk over the keys has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The last visited key among the recently used ones; `None` after all of them.
    pub active: Option<KeyId>,
    /// The last visited key of the directory; `None` after the end.
    pub walk: Option<KeyId>,
}

impl Cursor {
    /// The item's keys.
    pub fn key() -> Item {
        primary_key("RECONCILE", "CURSOR")
    }

    /// The item.
    pub fn item(&self) -> Item {
        let mut item = Self::key();
        item.insert("v".to_owned(), number(VERSION));
        let places = [(USED, &self.active), (WALK, &self.walk)];
        let places = places.into_iter().filter_map(|(name, key)| Some((name.to_owned(), text(key.as_ref()?.as_str()))));
        item.extend(places);
        item
    }

    /// Reads the item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let key = |name: &'static str| {
            if !item.contains_key(name) {
                return Ok(None);
            }
            let id = reader.text(name)?;
            KeyId::parse(id).map(Some).ok_or_else(|| StoreError::Malformed("not a key id".into()))
        };
        Ok(Self { active: key(USED)?, walk: key(WALK)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> KeyId {
        KeyId::parse(id).unwrap()
    }

    #[test]
    fn a_key_is_marked_with_its_day_and_shard_and_found_on_the_day_after() {
        let (first, last) = (key("0123456789abcdef"), key("f123456789abcdef"));
        let noon = 20_784 * 86_400 + 43_200;
        assert_eq!((active_mark(&first, noon), active_mark(&last, noon)), (332_544, 332_559));
        for (later, expected) in [(0, true), (86_400, true), (2 * 86_400, false)] {
            let marks: Vec<u64> = active_marks(noon + later).collect();
            assert_eq!(marks.len(), 32);
            for key in [&first, &last] {
                assert_eq!(marks.contains(&active_mark(key, noon)), expected, "{key} after {later} s");
            }
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let some = Some(key("0123456789abcdef"));
        for cursor in [Cursor::default(), Cursor { active: some.clone(), walk: None }, Cursor { active: None, walk: some }] {
            assert_eq!(Cursor::read(&cursor.item()), Ok(cursor));
        }
    }
}
