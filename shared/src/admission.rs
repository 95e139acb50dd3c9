//! Who may pass. Reading the key with a short memory for the answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use ring::rand::SystemRandom;
use secrecy::SecretString;

use crate::auth::{self, ApiKey};
use crate::error::{ErrorKind, GatewayError};
use crate::ids::{KeyDigest, KeyId};
use crate::store::items::{NewKey, StoredKey};
use crate::store::{Store, StoreError};

/// How long a known key is trusted without asking again; a revocation takes effect within this time.
const POSITIVE: Duration = Duration::from_mins(1);
/// How long a refusal is remembered.
const NEGATIVE: Duration = Duration::from_secs(10);
/// How long a known key is served while the table is out of reach.
const STALE: Duration = Duration::from_mins(10);
/// Most keys remembered; the environment serves one request at a time, so this is plenty.
const CAPACITY: usize = 1_000;

/// A key that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// Whose request it is.
    pub key: KeyId,
}

#[derive(Clone, Debug)]
struct Remembered {
    at: Instant,
    /// `None` for a refusal.
    permit: Option<Permit>,
}

/// Checks keys against the table.
#[derive(Debug)]
pub struct Admission {
    store: Store,
    /// By the digest of the whole key: a shorter index would let one key answer for another.
    remembered: Mutex<HashMap<KeyDigest, Remembered>>,
}

impl Admission {
    /// Checks keys against that table.
    pub fn new(store: Store) -> Self {
        Self { store, remembered: Mutex::new(HashMap::new()) }
    }

    /// Whether the key is known, active and not expired. With the table out of reach, a key that passed in the last ten minutes
    /// passes again; every other one gets a 503, never a 401.
    pub async fn authenticate(&self, key: &ApiKey) -> Result<Permit, GatewayError> {
        let remembered = self.recall(key.digest());
        if let Some(Remembered { at, permit }) = &remembered {
            match permit {
                Some(permit) if at.elapsed() < POSITIVE => return Ok(permit.clone()),
                None if at.elapsed() < NEGATIVE => return Err(GatewayError::unauthorized()),
                Some(_) | None => {}
            }
        }
        match self.store.key(key.id()).await {
            Ok(stored) => self.judge(key, stored.as_ref()),
            Err(error) => fall_back(remembered, &error),
        }
    }

    fn judge(&self, key: &ApiKey, stored: Option<&StoredKey>) -> Result<Permit, GatewayError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let admitted = stored.is_some_and(|stored| stored.admits(key.digest(), u128::from(now)));
        let permit = admitted.then(|| Permit { key: key.id().clone() });
        self.remember(key.digest(), permit.clone());
        permit.ok_or_else(GatewayError::unauthorized)
    }

    fn recall(&self, digest: KeyDigest) -> Option<Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }

    fn remember(&self, digest: KeyDigest, permit: Option<Permit>) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= CAPACITY {
            remembered.retain(|_, entry| entry.at.elapsed() < POSITIVE);
        }
        if remembered.len() >= CAPACITY {
            remembered.clear();
        }
        remembered.insert(digest, Remembered { at: Instant::now(), permit });
    }
}

/// Mints a key of that name and stores it. The text is the only copy of the key there is.
pub async fn issue_key(store: &Store, name: &str) -> Result<(SecretString, KeyId), StoreError> {
    let minted = auth::mint(&SystemRandom::new());
    let (text, key) = minted.ok_or_else(|| StoreError::Unavailable("the system has no random numbers".to_owned()))?;
    let new = NewKey {
        id: key.id().clone(),
        digest: key.digest(),
        last4: key.last4().to_owned(),
        name: name.to_owned(),
        created: Timestamp::now(),
    };
    store.create_key(&new).await?;
    Ok((text, new.id))
}

fn fall_back(remembered: Option<Remembered>, error: &StoreError) -> Result<Permit, GatewayError> {
    match error {
        StoreError::Malformed(cause) => Err(GatewayError::internal(cause.clone())),
        StoreError::Throttled(_) | StoreError::Unavailable(_) | StoreError::Condition(_) => {
            match remembered {
                Some(Remembered { at, permit: Some(permit) }) if at.elapsed() < STALE => {
                    tracing::warn!(key = %permit.key, cause = %error, "admitted from memory");
                    return Ok(permit);
                }
                Some(_) | None => {}
            }
            let throttled = matches!(error, StoreError::Throttled(_));
            let refusal = GatewayError::unavailable(error.to_string());
            Err(if throttled { too_many(error) } else { refusal })
        }
    }
}

/// A throttled key item means too many requests of that very key.
fn too_many(error: &StoreError) -> GatewayError {
    GatewayError::new(ErrorKind::RateLimited, "Too many requests, please try again later.")
        .with_retry_after(Duration::from_secs(1))
        .with_cause(error.to_string())
}
