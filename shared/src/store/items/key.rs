//! The key item and its entry in the directory.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::hold::{Entry, Expired, Hold};
use super::{DIRECTORY, Item, KEY, OFF, Reader, VERSION, number, partition, primary_key, text};
use crate::ids::{KeyDigest, KeyId, RequestId};
use crate::money::PicoUsd;
use crate::store::StoreError;

/// Concurrent requests of a key without its own limit.
const DEFAULT_MAX_CONCURRENT: u128 = 64;
/// The maximum limit: each running request has a hold in the item, which is rewritten with each request.
pub const MOST_CONCURRENT: u128 = 200;
/// In a list of allowed values: everything.
pub const ANY: &str = "*";

/// Whether a key is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// Active.
    Active,
    /// Revoked.
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
            _ => Err(StoreError::Malformed("an unknown status of a key".into())),
        }
    }
}

/// A key's secret from before its last rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviousSecret {
    /// SHA-256 of the whole key with this secret.
    pub digest: KeyDigest,
    /// Until when it works, in seconds since the epoch.
    pub until: u64,
}

impl PreviousSecret {
    /// The attribute of a key that was never rotated. The conditions of writes need one that equals no digest.
    const NONE: [u8; 1] = [0];

    fn read(reader: Reader<'_>) -> Result<Option<Self>, StoreError> {
        if reader.bytes("old_digest")? == Self::NONE {
            return Ok(None);
        }
        Ok(Some(Self { digest: reader.digest("old_digest")?, until: reader.count("old_until")? }))
    }
}

/// A key as stored in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// SHA-256 of the whole key.
    pub digest: KeyDigest,
    /// The secret before the last rotation; `None` if there was no rotation.
    pub previous: Option<PreviousSecret>,
    /// The operator's name for it.
    pub name: String,
    /// Its last four characters.
    pub last4: String,
    /// Whether it is active.
    pub status: KeyStatus,
    /// When it was created, RFC 3339.
    pub created: String,
    /// When it expires, in seconds since the epoch; [`OFF`] for never.
    pub expires: u128,
    /// The public ids of the models that it may use; `*` for all.
    pub models: Vec<String>,
    /// The networks from which it may be used; `*` for all.
    pub cidrs: Vec<String>,
    /// Maximum number of requests per minute; [`OFF`] for no limit.
    pub rpm: u128,
    /// Maximum number of tokens per minute, input and output together; [`OFF`] for no limit.
    pub tpm: u128,
    /// Maximum number of requests that run at the same time.
    pub max_concurrent: u128,
    /// Whether it is prepaid, so that its balance is the sum of its grants.
    pub prepaid: bool,
    /// Pico-dollars left: grants less charges and holds. Negative only if the operator subtracted more than was left. A key
    /// that is not prepaid begins with [`OFF`].
    pub balance: i128,
    /// The minute of the next two counters, in seconds since the epoch.
    pub window: u64,
    /// Requests left in this minute.
    pub requests_left: i128,
    /// Tokens left in this minute.
    pub tokens_left: i128,
    /// Holds of running requests.
    pub holds: BTreeMap<RequestId, Hold>,
    /// Holds of requests whose process has died, until they are resolved.
    pub expired: BTreeMap<RequestId, Expired>,
}

impl StoredKey {
    /// Reads a key item.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        Ok(Self {
            digest: reader.digest("digest")?,
            previous: PreviousSecret::read(reader)?,
            name: reader.text("name")?.to_owned(),
            last4: reader.text("last4")?.to_owned(),
            status: KeyStatus::parse(reader.text("status")?)?,
            created: reader.text("created")?.to_owned(),
            expires: reader.number("expires")?,
            models: reader.texts("models")?,
            cidrs: reader.texts("cidrs")?,
            rpm: reader.number("rpm")?,
            tpm: reader.number("tpm")?,
            max_concurrent: reader.number("max_concurrent")?,
            prepaid: reader.truth("prepaid")?,
            balance: reader.signed("balance")?,
            window: reader.count("window")?,
            requests_left: reader.signed("requests_left")?,
            tokens_left: reader.signed("tokens_left")?,
            holds: reader.map("holds", Hold::read)?,
            expired: reader.map("expired", Expired::read)?,
        })
    }

    /// The item of a key with this id.
    pub fn item(&self, id: &KeyId) -> Item {
        let old = self.previous.as_ref().map_or(&PreviousSecret::NONE[..], |previous| previous.digest.as_bytes());
        let attributes = [
            ("v", number(VERSION)),
            ("digest", AttributeValue::B(Blob::new(*self.digest.as_bytes()))),
            ("old_digest", AttributeValue::B(Blob::new(old))),
            ("old_until", number(self.previous.map_or(0, |previous| previous.until))),
            ("name", text(&self.name)),
            ("last4", text(&self.last4)),
            ("status", text(self.status.as_str())),
            ("created", text(&self.created)),
            ("expires", number(self.expires)),
            ("models", texts(&self.models)),
            ("cidrs", texts(&self.cidrs)),
            ("rpm", number(self.rpm)),
            ("tpm", number(self.tpm)),
            ("max_concurrent", number(self.max_concurrent)),
            ("prepaid", AttributeValue::Bool(self.prepaid)),
            ("balance", number(self.balance)),
            ("window", number(self.window)),
            ("requests_left", number(self.requests_left)),
            ("tokens_left", number(self.tokens_left)),
            ("holds", entries(self.holds.iter().map(|(request, hold)| hold.entry(*request)))),
            ("expired", entries(self.expired.iter().map(|(request, entry)| entry.entry(*request)))),
        ];
        let mut item = primary_key(&partition(id), KEY);
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item
    }

    /// Whether a key with this digest may be used now (seconds since the epoch).
    pub fn admits(&self, digest: KeyDigest, now: u128) -> bool {
        let current = self.digest == digest;
        let is_rotating = |old: PreviousSecret| old.digest == digest && u128::from(old.until) > now;
        (current || self.previous.is_some_and(is_rotating)) && self.status == KeyStatus::Active && self.expires > now
    }

    /// Whether it may use a model.
    pub fn allows(&self, model: &str) -> bool {
        allows(&self.models, model)
    }

    /// What the holds of running and dead requests took from the balance and have not returned.
    pub fn held(&self) -> PicoUsd {
        let dead = self.expired.values().filter_map(|expired| match expired {
            Expired::Dead(hold) => Some(hold),
            Expired::Released(_) => None,
        });
        self.holds.values().chain(dead).map(|hold| hold.amount).sum()
    }

    /// The entry in the directory.
    pub fn directory_entry(&self, id: &KeyId) -> Item {
        let mut item = primary_key(DIRECTORY, id.as_str());
        let attributes = [
            ("v", number(VERSION)),
            ("name", text(&self.name)),
            ("last4", text(&self.last4)),
            ("status", text(self.status.as_str())),
        ];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item
    }
}

/// Whether a key's list of models contains a model.
pub fn allows(models: &[String], model: &str) -> bool {
    models.iter().any(|allowed| allowed == ANY || allowed == model)
}

fn texts(values: &[String]) -> AttributeValue {
    AttributeValue::L(values.iter().map(text).collect())
}

fn entries(entries: impl Iterator<Item = Entry>) -> AttributeValue {
    AttributeValue::M(entries.collect())
}

/// The limits of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests per minute; [`OFF`] for no limit.
    pub rpm: u128,
    /// Tokens per minute; [`OFF`] for no limit.
    pub tpm: u128,
    /// Concurrent requests, at most [`MOST_CONCURRENT`].
    pub max_concurrent: u128,
    /// The models it may use; `*` for all.
    pub models: Vec<String>,
    /// The networks from which it may be used; `*` for all.
    pub cidrs: Vec<String>,
    /// When it expires, in seconds since the epoch; [`OFF`] for never.
    pub expires: u128,
}

impl Limits {
    /// The defaults of a key: enough for one person, and not enough for a large bill overnight.
    pub fn standard() -> Self {
        let any = || vec![ANY.to_owned()];
        Self { rpm: 600, tpm: 4_000_000, max_concurrent: DEFAULT_MAX_CONCURRENT, models: any(), cidrs: any(), expires: OFF }
    }

    /// No rate limits, and the maximum concurrency.
    pub fn none() -> Self {
        Self { rpm: OFF, tpm: OFF, max_concurrent: MOST_CONCURRENT, ..Self::standard() }
    }
}

/// Changes to a key. `None` keeps the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// See [`Limits`].
    pub rpm: Option<u128>,
    /// See [`Limits`].
    pub tpm: Option<u128>,
    /// See [`Limits`].
    pub max_concurrent: Option<u128>,
    /// See [`Limits`].
    pub models: Option<Vec<String>>,
    /// See [`Limits`].
    pub cidrs: Option<Vec<String>>,
    /// See [`Limits`].
    pub expires: Option<u128>,
}

impl KeyChange {
    /// The attributes to write. A changed rate starts a new window; otherwise the rest of the old rate would apply until its
    /// end.
    pub fn attributes(&self) -> Vec<(&'static str, AttributeValue)> {
        let Self { rpm, tpm, max_concurrent, models, cidrs, expires } = self;
        let window = (rpm.is_some() || tpm.is_some()).then_some(0);
        let numbers = [("rpm", rpm), ("tpm", tpm), ("max_concurrent", max_concurrent), ("expires", expires)];
        let numbers = numbers.into_iter().filter_map(|(name, value)| value.map(|value| (name, number(value))));
        let lists = [("models", models), ("cidrs", cidrs)];
        let lists = lists.into_iter().filter_map(|(name, values)| values.as_ref().map(|values| (name, texts(values))));
        numbers.chain(lists).chain(window.map(|window| ("window", number(window)))).collect()
    }
}

/// The settings of a new key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// SHA-256 of the whole key.
    pub digest: KeyDigest,
    /// Its last four characters.
    pub last4: String,
    /// The operator's name for it.
    pub name: String,
    /// When it is created.
    pub created: Timestamp,
    /// Its limits.
    pub limits: Limits,
    /// Whether it is prepaid and starts with an empty balance.
    pub prepaid: bool,
}

impl NewKey {
    /// The key, with every attribute that any expression reads.
    pub fn stored(self) -> StoredKey {
        let Self { digest, last4, name, created, limits, prepaid } = self;
        let Limits { rpm, tpm, max_concurrent, models, cidrs, expires } = limits;
        StoredKey {
            digest,
            previous: None,
            name,
            last4,
            status: KeyStatus::Active,
            // Without fractions of a second: this saves ten bytes in an item that every request rewrites.
            created: format!("{created:.0}"),
            expires,
            models,
            cidrs,
            rpm,
            tpm,
            max_concurrent,
            prepaid,
            balance: if prepaid { 0 } else { i128::try_from(OFF).unwrap_or(i128::MAX) },
            window: 0,
            requests_left: i128::try_from(rpm).unwrap_or(i128::MAX),
            tokens_left: i128::try_from(tpm).unwrap_or(i128::MAX),
            holds: BTreeMap::new(),
            expired: BTreeMap::new(),
        }
    }
}

/// One entry of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The public id.
    pub id: KeyId,
    /// The operator's name for it.
    pub name: String,
    /// Its last four characters.
    pub last4: String,
    /// Whether it is active.
    pub status: KeyStatus,
}

impl ListedKey {
    /// Reads a directory entry.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader(item);
        let id = reader.text("sk")?;
        Ok(Self {
            id: KeyId::parse(id).ok_or_else(|| StoreError::Malformed("not a key's id".into()))?,
            name: reader.text("name")?.to_owned(),
            last4: reader.text("last4")?.to_owned(),
            status: KeyStatus::parse(reader.text("status")?)?,
        })
    }
}
