//! Creates keys, and new secrets for existing ones.

use std::time::Duration;

use jiff::Timestamp;
use ring::rand::SystemRandom;
use secrecy::{ExposeSecret as _, SecretString};

use super::now;
use crate::auth::{self, ApiKey};
use crate::ids::{GrantId, KeyId};
use crate::money::PicoUsd;
use crate::store::items::{CreditGrant, Limits, NewKey};
use crate::store::{KeyRotation, Store, StoreError};

/// The terms of a new key.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The operator's name for the key; other keys may have the same one.
    pub name: String,
    /// Limits of rate, concurrency, models, networks and time.
    pub limits: Limits,
    /// Whether the key spends only what the operator grants. Otherwise it has no limit on money.
    pub prepaid: bool,
    /// The first grant of a prepaid key; zero for none.
    pub balance: PicoUsd,
}

/// Creates a key with this name and stores it. The returned text is the only copy of the key.
pub async fn issue_key(
    store: &Store,
    name: &str,
    limits: Limits,
    prepaid: bool,
) -> Result<(SecretString, KeyId), StoreError> {
    issue(store, Terms { name: name.to_owned(), limits, prepaid, balance: PicoUsd::ZERO }).await
}

/// Creates a key and stores it with its first grant. The returned text is the only copy of the key.
pub async fn issue(store: &Store, terms: Terms) -> Result<(SecretString, KeyId), StoreError> {
    let Terms { name, limits, prepaid, balance } = terms;
    let (text, key) = auth::mint(&SystemRandom::new()).ok_or_else(no_random_numbers)?;
    let (digest, last4) = (key.digest(), key.last4().to_owned());
    let mut stored = NewKey { digest, last4, name, created: Timestamp::now(), limits, prepaid }.stored();
    let opening = (prepaid && balance > PicoUsd::ZERO).then(|| CreditGrant {
        key: key.id().clone(),
        id: GrantId::generate(),
        amount: balance.into(),
        note: "first balance".to_owned(),
    });
    if let Some(grant) = &opening {
        stored.balance = grant.amount.pico();
    }
    store.create_key(key.id(), &stored, opening.as_ref()).await?;
    Ok((text, key.id().clone()))
}

/// A key with a new secret.
#[derive(Debug)]
pub struct Rotated {
    /// The text of the new key: the only copy.
    pub text: SecretString,
    /// The key's id, which a rotation does not change.
    pub id: KeyId,
    /// When the old secret stops working, in seconds since the epoch.
    pub old_until: u64,
    /// Whether the table confirmed the new secret. Without a confirmation, the valid secret may be the new or the old one.
    pub confirmed: Result<(), StoreError>,
}

/// Gives the key `old` a new secret. The old secret works for `grace` longer. Returns `None` if `old` is not a key, and
/// `Condition` if the key is unknown or disabled, or `old` is not its newest secret.
pub async fn rotate(store: &Store, old: &SecretString, grace: Duration) -> Result<Option<Rotated>, StoreError> {
    let Ok(key) = ApiKey::parse(old.expose_secret()) else { return Ok(None) };
    let (text, new) = auth::remint(old, &SystemRandom::new()).ok_or_else(no_random_numbers)?;
    let old_until = now().saturating_add(grace.as_secs());
    let rotation = KeyRotation { old: key.digest(), new: new.digest(), last4: new.last4().to_owned(), old_until };
    let confirmed = match store.rotate_key(key.id(), &rotation).await {
        Err(error @ (StoreError::Condition(_) | StoreError::Malformed(_))) => return Err(error),
        answer => answer,
    };
    Ok(Some(Rotated { text, id: key.id().clone(), old_until, confirmed }))
}

fn no_random_numbers() -> StoreError {
    StoreError::Unavailable("the system has no random numbers".into())
}
