//! What the operator does with keys: new ones, and new secrets for old ones.

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

/// What a new key is to have.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The operator's name for it.
    pub name: String,
    /// What it may do.
    pub limits: Limits,
    /// Whether its balance is money that is granted.
    pub prepaid: bool,
    /// The first grant of a prepaid key; zero for none.
    pub balance: PicoUsd,
}

/// Mints a key of that name and stores it. The text is the only copy of the key there is.
pub async fn issue_key(
    store: &Store,
    name: &str,
    limits: Limits,
    prepaid: bool,
) -> Result<(SecretString, KeyId), StoreError> {
    issue(store, Terms { name: name.to_owned(), limits, prepaid, balance: PicoUsd::ZERO }).await
}

/// Mints a key and stores it, together with its first grant. The text is the only copy of the key there is.
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
    /// The new key's text: the only copy there is.
    pub text: SecretString,
    /// The id, as before.
    pub id: KeyId,
    /// Until when the old secret works, in seconds since the epoch.
    pub old_until: u64,
    /// Whether the table confirmed it. Without a confirmation either key may be the one that counts.
    pub confirmed: Result<(), StoreError>,
}

/// Gives the key `old` a new secret; the old one works for `grace` longer. `None` when `old` is no key; `Condition` when it is
/// switched off, or not the newest secret of its key.
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
