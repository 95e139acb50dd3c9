//! The items of the table: their keys, their attributes, and the attributes' names.
//!
//! One table with the string keys `pk` and `sk`. Every item has the schema version `v`. A limit that is switched off is
//! [`OFF`], so that one constant expression works for every key.

mod active;
mod attempt;
mod grant;
mod hold;
mod key;
mod listed;
mod record;
mod rollup;
mod route;
mod tags;
mod varint;
mod writes;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::StoreError;
use crate::ids::{KeyDigest, KeyId, RequestId};
use crate::reason::Reason;

pub use active::{ACTIVE, ACTIVE_SHARDS, Cursor, active_mark, active_marks};
pub use attempt::Attempt;
pub use grant::CreditGrant;
pub use hold::{Entry, Expired, HeldModel, Hold, LARGEST_ENTRY, WINDOW, packed_mark, text_mark};
pub use key::{ANY, KeyChange, KeyStatus, Limits, ListedKey, MOST_CONCURRENT, NewKey, PreviousSecret, StoredKey, allows};
pub use listed::{LIST, ListState, ListedItem, MODELS};
pub use record::{OK, Record, TokenSource, start_of};
pub use rollup::{Rollup, Timing};
pub use route::{ACCUSED, ROUTES, RouteName, RouteState};
pub use tags::{DayTags, MOST_TAGS};
pub use writes::{AdmitWrite, Eviction, Place, ReleaseWrite, TakeWrite};

/// The current schema version.
pub const VERSION: u64 = 1;
/// A limit that is switched off: larger than any count, and within DynamoDB's 38 digits.
pub const OFF: u128 = 10_u128.pow(30);

/// An item's attributes.
pub type Item = HashMap<String, AttributeValue>;

/// The partition of the directory, which lists all keys.
pub const DIRECTORY: &str = "KEYS";
/// The sort key of the key item.
pub const KEY: &str = "KEY";

/// The partition of all items of a key.
pub fn partition(key: &KeyId) -> String {
    format!("K#{key}")
}

/// A string attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub fn number(value: impl fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The two keys of an item.
pub fn primary_key(pk: &str, sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

fn malformed(name: &'static str, fault: &'static str) -> StoreError {
    StoreError::Malformed(Reason::words(&["attribute", name, fault]))
}

/// Reads attributes. The error names the wrong one.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a Item);

impl Reader<'_> {
    /// A text attribute.
    pub fn text(&self, name: &'static str) -> Result<&str, StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| malformed(name, "is not text"))
    }

    /// A non-negative whole number.
    pub fn number(&self, name: &'static str) -> Result<u128, StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
        value.ok_or_else(|| malformed(name, "is not a whole number"))
    }

    /// A token or request count.
    pub fn count(&self, name: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.number(name)?).map_err(|_| malformed(name, "is too large"))
    }

    /// A whole number of either sign.
    pub fn signed(&self, name: &'static str) -> Result<i128, StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
        value.ok_or_else(|| malformed(name, "is not a whole number"))
    }

    fn truth(self, name: &'static str) -> Result<bool, StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_bool().ok()).copied();
        value.ok_or_else(|| malformed(name, "is not true or false"))
    }

    fn texts(self, name: &'static str) -> Result<Vec<String>, StoreError> {
        let malformed = || malformed(name, "is not a list of texts");
        let values = self.0.get(name).and_then(|value| value.as_l().ok()).ok_or_else(malformed)?;
        values.iter().map(|value| value.as_s().cloned().map_err(|_| malformed())).collect()
    }

    fn map<T>(
        self,
        name: &'static str,
        read: impl Fn(&str, &AttributeValue) -> Result<(RequestId, T), StoreError>,
    ) -> Result<BTreeMap<RequestId, T>, StoreError> {
        let values = self.0.get(name).and_then(|value| value.as_m().ok());
        let values = values.ok_or_else(|| malformed(name, "is not a map"))?;
        values.iter().map(|(name, value)| read(name, value)).collect()
    }

    fn bytes(&self, name: &'static str) -> Result<&[u8], StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_b().ok());
        value.map(AsRef::as_ref).ok_or_else(|| malformed(name, "is not binary"))
    }

    fn digest(self, name: &'static str) -> Result<KeyDigest, StoreError> {
        let digest = self.bytes(name)?.try_into().map_err(|_| malformed(name, "is not a SHA-256"))?;
        Ok(KeyDigest::new(digest))
    }
}

/// `2026-01-07T00:00:00.000Z`: a fixed width, so that text order is time order.
pub fn iso_millis(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// `2026-01-07`, UTC.
pub fn iso_day(time: Timestamp) -> String {
    iso_millis(time).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_fixed_width() {
        let time = Timestamp::from_millisecond(1_767_744_000_000).unwrap();
        assert_eq!(iso_millis(time), "2026-01-07T00:00:00.000Z");
        assert_eq!(iso_day(time), "2026-01-07");
    }
}
