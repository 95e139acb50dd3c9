//! The key item and the directory's entry for it.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{DIRECTORY, Item, KEY, OFF, Reader, VERSION, number, partition, primary_key, text};
use crate::ids::{KeyDigest, KeyId};
use crate::store::StoreError;

/// Concurrent requests of a key that sets no limit of its own.
const DEFAULT_MAX_CONCURRENT: u128 = 64;

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
