//! The conditional writes on a key's item, as values. The store turns them into expressions, and tests run them on a model.

use super::Hold;
use crate::ids::{KeyDigest, KeyId, RequestId};

/// The single conditional write of an admission. In addition to the fields, its condition requires that the digest is the
/// key's current or previous one, that the key is active and has not expired, that it may use the model, that it has enough
/// requests, tokens and money, and that this request is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmitWrite {
    /// The key.
    pub key: KeyId,
    /// SHA-256 of the whole key as the client sent it.
    pub digest: KeyDigest,
    /// The request.
    pub request: RequestId,
    /// The public model id.
    pub model: String,
    /// What the write takes from the balance and the rates.
    pub hold: Hold,
    /// Seconds since the epoch.
    pub now: u64,
    /// Whether the key's window is older than the hold's, so that a new one starts.
    pub reset: bool,
    /// Expired holds that make room; `None` if the key has a free slot.
    pub eviction: Option<Eviction>,
}

impl AdmitWrite {
    /// The expired holds that it moves.
    pub fn dead(&self) -> &[(RequestId, Hold)] {
        self.eviction.as_ref().map_or(&[], |eviction| &eviction.dead)
    }
}

/// Expired holds that an admission moves to find a free slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// The holds, as they were read.
    pub dead: Vec<(RequestId, Hold)>,
    /// The maximum number of holds before the write: the key's limit, and these.
    pub slots: u128,
}

/// The write that takes one request from a key's rate and nothing else. In addition to the fields, its condition requires
/// that the digest is the key's current or previous one, that the key is active and has not expired, that it may use the
/// model, and that it has a request left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeWrite {
    /// The key.
    pub key: KeyId,
    /// SHA-256 of the whole key as the client sent it.
    pub digest: KeyDigest,
    /// The public model id.
    pub model: String,
    /// Seconds since the epoch.
    pub now: u64,
    /// The minute in which the request counts, in seconds since the epoch.
    pub window: u64,
    /// Whether the key's window is older, so that a new one starts.
    pub reset: bool,
}

/// The position of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Among the running requests.
    Holds,
    /// Among the expired ones.
    Expired,
}

/// The write that ends a hold, if exactly this hold is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseWrite {
    /// The key.
    pub key: KeyId,
    /// The request.
    pub request: RequestId,
    /// Where the hold is.
    pub place: Place,
    /// The hold as it was taken. Its mark in the same place is a different entry, so it cannot be refunded again.
    pub hold: Hold,
    /// The amount to return to the balance. Negative if the request cost more than was held.
    pub refund: i128,
    /// Tokens to return, with the window in which the key must still be.
    pub tokens: Option<(u64, u64)>,
    /// Until when a mark is kept, in seconds since the epoch.
    pub mark: Option<u64>,
}
