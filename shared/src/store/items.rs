//! The items of the table: their keys, their attributes, and what each attribute is called.
//!
//! One table, string keys `pk` and `sk`. Every item carries the schema version `v`. A limit that is off is [`OFF`], so that one
//! constant expression fits every key.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::StoreError;
use crate::chat::Usage;
use crate::ids::{KeyDigest, KeyId, RequestId};
use crate::money::PicoUsd;

/// The schema version that is written.
const VERSION: u64 = 1;
/// A limit that is off: larger than any count, within DynamoDB's 38 digits.
pub const OFF: u128 = 10_u128.pow(30);
/// Concurrent requests of a key that sets no limit of its own.
const DEFAULT_MAX_CONCURRENT: u128 = 64;
/// Rollups of one key, day and model are spread over this many items, so that a busy key does not write one item only.
pub const ROLLUP_SHARDS: u8 = 8;
const RECORD_DAYS: i64 = 100;
const ROLLUP_DAYS: i64 = 400;
const SECONDS_PER_DAY: i64 = 86_400;

/// An item's attributes.
pub type Item = HashMap<String, AttributeValue>;

/// The partition of the directory, which lists all keys.
pub const DIRECTORY: &str = "KEYS";
/// The sort key of the key item.
pub const KEY: &str = "KEY";

/// The partition of everything that belongs to a key.
pub fn partition(key: &KeyId) -> String {
    format!("K#{key}")
}

/// Text.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number.
pub fn number(value: impl fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The two keys of an item.
pub fn primary_key(pk: &str, sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// Reads attributes and says which one is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a Item);

impl Reader<'_> {
    /// A text attribute.
    pub fn text(&self, name: &str) -> Result<&str, StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| StoreError::Malformed(format!("attribute {name} is not text")))
    }

    /// A whole number that is not negative.
    pub fn number(&self, name: &str) -> Result<u128, StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
        value.ok_or_else(|| StoreError::Malformed(format!("attribute {name} is not a whole number")))
    }

    /// A token or request count.
    pub fn count(&self, name: &str) -> Result<u64, StoreError> {
        u64::try_from(self.number(name)?).map_err(|_| StoreError::Malformed(format!("attribute {name} is too large")))
    }

    fn digest(&self, name: &str) -> Result<&[u8], StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_b().ok());
        value.map(AsRef::as_ref).ok_or_else(|| StoreError::Malformed(format!("attribute {name} is not binary")))
    }
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It does.
    Active,
    /// It was switched off.
    Disabled,
}

impl KeyStatus {
    /// The attribute's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            other => Err(StoreError::Malformed(format!("unknown key status {other}"))),
        }
    }
}

/// What the gateway needs to know of a stored key.
#[derive(Clone, Debug)]
pub struct StoredKey {
    digest: Vec<u8>,
    old_digest: Vec<u8>,
    old_until: u128,
    expires: u128,
    status: KeyStatus,
    name: String,
    last4: String,
    created: String,
}

impl StoredKey {
    /// Reads a key item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        Ok(Self {
            digest: reader.digest("digest")?.to_vec(),
            old_digest: reader.digest("old_digest")?.to_vec(),
            old_until: reader.number("old_until")?,
            expires: reader.number("expires")?,
            status: KeyStatus::parse(reader.text("status")?)?,
            name: reader.text("name")?.to_owned(),
            last4: reader.text("last4")?.to_owned(),
            created: reader.text("created")?.to_owned(),
        })
    }

    /// Whether a key with that digest may be used now (seconds since the epoch).
    pub fn admits(&self, digest: KeyDigest, now: u128) -> bool {
        let current = self.digest == digest.as_bytes();
        let rotating = self.old_digest == digest.as_bytes() && self.old_until > now;
        (current || rotating) && self.status == KeyStatus::Active && self.expires > now
    }

    /// Whether it works.
    pub fn status(&self) -> KeyStatus {
        self.status
    }

    /// The operator's name for it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its last four characters.
    pub fn last4(&self) -> &str {
        &self.last4
    }

    /// When it was made, RFC 3339.
    pub fn created(&self) -> &str {
        &self.created
    }

    /// When it stops working, in seconds since the epoch; `None` for never.
    pub fn expires(&self) -> Option<u128> {
        (self.expires < OFF).then_some(self.expires)
    }
}

/// A key to be created.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its public id.
    pub id: KeyId,
    /// SHA-256 of the whole key.
    pub digest: KeyDigest,
    /// Its last four characters.
    pub last4: String,
    /// The operator's name for it.
    pub name: String,
    /// When it is made.
    pub created: Timestamp,
}

impl NewKey {
    /// The key item, with every attribute that any expression reads, limits off.
    pub fn item(&self) -> Item {
        let off = || number(OFF);
        let empty = || AttributeValue::M(HashMap::new());
        let attributes = [
            ("v", number(VERSION)),
            ("digest", AttributeValue::B(Blob::new(*self.digest.as_bytes()))),
            ("old_digest", AttributeValue::B(Blob::new([0_u8; 1]))),
            ("old_until", number(0)),
            ("name", text(&self.name)),
            ("last4", text(&self.last4)),
            ("status", text(KeyStatus::Active.as_str())),
            ("created", text(self.created.to_string())),
            ("expires", off()),
            ("models", AttributeValue::L(vec![text("*")])),
            ("cidrs", AttributeValue::L(vec![text("*")])),
            ("rpm", off()),
            ("tpm", off()),
            ("max_concurrent", number(DEFAULT_MAX_CONCURRENT)),
            ("prepaid", AttributeValue::Bool(false)),
            ("balance", off()),
            ("window", number(0)),
            ("requests_left", off()),
            ("tokens_left", off()),
            ("holds", empty()),
            ("expired", empty()),
        ];
        let mut item = primary_key(&partition(&self.id), KEY);
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item
    }

    /// The directory's entry.
    pub fn directory_entry(&self) -> Item {
        let mut item = primary_key(DIRECTORY, self.id.as_str());
        let attributes = [
            ("v", number(VERSION)),
            ("name", text(&self.name)),
            ("last4", text(&self.last4)),
            ("status", text(KeyStatus::Active.as_str())),
        ];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item
    }
}

/// One line of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The public id.
    pub id: KeyId,
    /// The operator's name for it.
    pub name: String,
    /// Its last four characters.
    pub last4: String,
    /// Whether it works.
    pub status: KeyStatus,
}

impl ListedKey {
    /// Reads a directory entry.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let id = reader.text("sk")?;
        Ok(Self {
            id: KeyId::parse(id).ok_or_else(|| StoreError::Malformed(format!("{id} is not a key id")))?,
            name: reader.text("name")?.to_owned(),
            last4: reader.text("last4")?.to_owned(),
            status: KeyStatus::parse(reader.text("status")?)?,
        })
    }
}

/// Where a record's token counts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The provider reported them.
    Upstream,
    /// It did not; they follow from the length of the texts.
    Estimated,
}

impl TokenSource {
    /// The attribute's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Estimated => "estimated",
        }
    }
}

/// The immutable usage record of a request. Written once, never changed.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whose request.
    pub key: KeyId,
    /// Which request; its start is in the id.
    pub request: RequestId,
    /// The client format's name.
    pub format: &'static str,
    /// The public model id.
    pub model: String,
    /// The provider that answered.
    pub provider: &'static str,
    /// Upstream calls made.
    pub attempts: u32,
    /// The HTTP status of the outcome: 200, or what the failure stands for.
    pub status: u16,
    /// Why the model stopped; empty when it did not.
    pub finish: &'static str,
    /// The provider's id of the reply.
    pub upstream_id: String,
    /// The token counts.
    pub usage: Usage,
    /// Where they come from.
    pub source: TokenSource,
    /// The catalogue version of the price.
    pub price_version: String,
    /// What it cost at the provider: reported, or computed from the prices.
    pub provider_cost: PicoUsd,
    /// What the key is charged.
    pub charged: PicoUsd,
    /// Milliseconds to the first event; `None` when none came.
    pub first_event_ms: Option<u64>,
    /// Milliseconds to the end.
    pub duration_ms: u64,
}

impl Record {
    /// When the request started.
    pub fn started(&self) -> Timestamp {
        Timestamp::from_millisecond(i64::try_from(self.request.started().as_millis()).unwrap_or(0)).unwrap_or_default()
    }

    /// The item, keyed by the request's start.
    pub fn item(&self) -> Item {
        let started = self.started();
        let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, provider_cost: _ } = self.usage;
        let mut item =
            primary_key(&partition(&self.key), &format!("E#{}#{}", iso_millis(started), self.request));
        let attributes = [
            ("v", number(VERSION)),
            ("format", text(self.format)),
            ("model", text(&self.model)),
            ("provider", text(self.provider)),
            ("attempts", number(self.attempts)),
            ("status", number(self.status)),
            ("finish", text(self.finish)),
            ("upstream_id", text(&self.upstream_id)),
            ("input", number(input)),
            ("cache_read", number(cache_read)),
            ("cache_write_5m", number(cache_write_5m)),
            ("cache_write_1h", number(cache_write_1h)),
            ("output", number(output)),
            ("reasoning", number(reasoning)),
            ("source", text(self.source.as_str())),
            ("price_version", text(&self.price_version)),
            ("provider_cost", number(self.provider_cost.pico())),
            ("charged", number(self.charged.pico())),
            ("duration_ms", number(self.duration_ms)),
            ("ttl", number(started.as_second().saturating_add(RECORD_DAYS * SECONDS_PER_DAY))),
        ];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item.extend(self.first_event_ms.map(|ms| ("first_event_ms".to_owned(), number(ms))));
        item
    }

    /// The rollup's key: day of the request's start, model, shard.
    pub fn rollup_key(&self) -> Item {
        let shard = self.request.shard(ROLLUP_SHARDS);
        let day = iso_day(self.started());
        primary_key(&partition(&self.key), &format!("D#{day}#{}#{shard}", self.model))
    }

    /// What the rollup adds up, by attribute.
    pub fn rollup_additions(&self) -> [(&'static str, AttributeValue); 10] {
        let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, provider_cost: _ } = self.usage;
        [
            ("n", number(1)),
            ("errors", number(u8::from(self.status != 200))),
            ("input", number(input)),
            ("cache_read", number(cache_read)),
            ("cache_write_5m", number(cache_write_5m)),
            ("cache_write_1h", number(cache_write_1h)),
            ("output", number(output)),
            ("reasoning", number(reasoning)),
            ("provider_cost", number(self.provider_cost.pico())),
            ("charged", number(self.charged.pico())),
        ]
    }

    /// When the rollup may be forgotten, in seconds since the epoch.
    pub fn rollup_ttl(&self) -> i64 {
        self.started().as_second().saturating_add(ROLLUP_DAYS * SECONDS_PER_DAY)
    }
}

/// One shard of a key's usage of a model on a day.
#[derive(Clone, Debug)]
pub struct Rollup {
    /// `yyyy-mm-dd`, UTC.
    pub day: String,
    /// The public model id.
    pub model: String,
    /// Requests.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Token counts.
    pub usage: Usage,
    /// What was charged.
    pub charged: PicoUsd,
}

impl Rollup {
    /// Reads a rollup item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let sk = reader.text("sk")?;
        let parts: Vec<&str> = sk.split('#').collect();
        let [_, day, model, _] = parts.as_slice() else {
            return Err(StoreError::Malformed(format!("{sk} is not a rollup's key")));
        };
        Ok(Self {
            day: (*day).to_owned(),
            model: (*model).to_owned(),
            requests: reader.count("n")?,
            errors: reader.count("errors")?,
            usage: Usage {
                input: reader.count("input")?,
                cache_read: reader.count("cache_read")?,
                cache_write_5m: reader.count("cache_write_5m")?,
                cache_write_1h: reader.count("cache_write_1h")?,
                output: reader.count("output")?,
                reasoning: reader.count("reasoning")?,
                provider_cost: Some(PicoUsd::new(reader.number("provider_cost")?)),
            },
            charged: PicoUsd::new(reader.number("charged")?),
        })
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
