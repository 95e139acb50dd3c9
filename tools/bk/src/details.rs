//! A key as `show`, `list`, `limit` and `disable` print it.

use anyhow::Result;
use gateway::ids::KeyId;
use gateway::ledger::Timestamp;
use gateway::money::{PicoUsd, SignedPicoUsd};
use gateway::store::items::{ANY, OFF, StoredKey};
use serde::Serialize;

use crate::{Bench, print};

/// A key's settings.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    last4: &'a str,
    pub(crate) status: &'static str,
    created: &'a str,
    /// In seconds since the epoch; null if it never expires.
    pub(crate) expires: Option<u64>,
    /// Null if there is no limit.
    pub(crate) rpm: Option<u128>,
    pub(crate) tpm: Option<u128>,
    pub(crate) max_concurrent: u128,
    pub(crate) models: &'a [String],
    pub(crate) cidrs: &'a [String],
    prepaid: bool,
    /// Null if the key is not prepaid.
    pub(crate) balance_usd: Option<SignedPicoUsd>,
    held_usd: Option<PicoUsd>,
    /// When the secret from before the last rotation stops working, in seconds since the epoch; null if it no longer works.
    old_until: Option<u64>,
}

impl<'a> Details<'a> {
    /// The settings of the key with this id.
    pub(crate) fn of(id: &'a KeyId, key: &'a StoredKey) -> Self {
        let limit = |limit: u128| (limit < OFF).then_some(limit);
        let seconds = |at: u128| u64::try_from(at).ok();
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
        Self {
            id: id.as_str(),
            name: &key.name,
            last4: &key.last4,
            status: key.status.as_str(),
            created: &key.created,
            expires: limit(key.expires).and_then(seconds),
            rpm: limit(key.rpm),
            tpm: limit(key.tpm),
            max_concurrent: key.max_concurrent,
            models: &key.models,
            cidrs: &key.cidrs,
            prepaid: key.prepaid,
            balance_usd: key.prepaid.then_some(SignedPicoUsd::new(key.balance)),
            held_usd: key.prepaid.then(|| key.held()),
            old_until: key.previous.map(|previous| previous.until).filter(|until| *until > now),
        }
    }
}

/// Prints a key.
pub(crate) fn show(bench: &Bench, id: &KeyId, key: &StoredKey) -> Result<()> {
    let details = Details::of(id, key);
    if bench.json {
        return print(&details);
    }
    let rate = |limit: Option<u128>| limit.map_or_else(|| "no limit".to_owned(), |limit| format!("{limit} per minute"));
    let mut lines = vec![
        ("id", details.id.to_owned()),
        ("name", details.name.to_owned()),
        ("last 4", details.last4.to_owned()),
        ("status", details.status.to_owned()),
        ("created", details.created.to_owned()),
        ("expires", details.expires.map_or_else(|| "never".to_owned(), moment)),
        ("requests", rate(details.rpm)),
        ("tokens", rate(details.tpm)),
        ("at once", details.max_concurrent.to_string()),
        ("models", joined(details.models)),
        ("networks", joined(details.cidrs)),
    ];
    lines.push(match (details.balance_usd, details.held_usd) {
        (Some(balance), Some(held)) => ("balance", format!("{balance} USD, and {held} held by running requests")),
        _ => ("prepaid", "no".to_owned()),
    });
    lines.extend(details.old_until.map(|until| ("old key", format!("works until {}", moment(until)))));
    for (label, value) in lines {
        outln!("{label:8} {value}");
    }
    Ok(())
}

/// A list of what is allowed, in words.
pub(crate) fn joined(allowed: &[String]) -> String {
    if allowed.iter().any(|value| value == ANY) { "all".to_owned() } else { allowed.join(", ") }
}

/// Formats seconds since the epoch as a time.
pub(crate) fn moment(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map_or_else(|| seconds.to_string(), |at| at.to_string())
}
