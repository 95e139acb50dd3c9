//! The conditional writes on a key's item, as values: the store turns them into expressions, and tests run them on a model.

use super::Hold;
use crate::ids::{KeyDigest, KeyId, RequestId};

/// The one conditional write of an admission. Its condition, besides what the fields say: the digest is the key's or its
/// predecessor's, the key is active and not expired, may use the model, has the requests, tokens and money, and knows
/// nothing of this request yet.
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
    /// What is taken.
    pub hold: Hold,
    /// Seconds since the epoch.
    pub now: u64,
    /// Whether the key's window is older than the hold's and begins anew.
    pub reset: bool,
    /// Dead holds that move out of the way, as they were seen.
    pub dead: Vec<(RequestId, Hold)>,
    /// How many holds there may be before the write, when dead ones give their slots.
    pub slots: Option<u128>,
}

/// The write that takes one request of a key's rate and nothing else. Its condition, besides what the fields say: the digest is the
/// key's or its predecessor's, the key is active and not expired, may use the model, and has a request left.
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
    /// The minute that the request counts in, as seconds since the epoch.
    pub window: u64,
    /// Whether the key's window is older and begins anew.
    pub reset: bool,
}

/// Where a hold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Among the running requests.
    Holds,
    /// Among the dead ones.
    Expired,
}

/// The write that ends a hold, on condition that this very hold is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseWrite {
    /// The key.
    pub key: KeyId,
    /// The request.
    pub request: RequestId,
    /// Where the hold is.
    pub place: Place,
    /// The hold as it was taken. Its mark in the same place is another entry, which must not be refunded again.
    pub hold: Hold,
    /// What goes back to the balance; below zero when the request cost more than was held.
    pub refund: i128,
    /// Tokens that go back, with the window that the key must still be in.
    pub tokens: Option<(u64, u64)>,
    /// Until when a mark stays behind, in seconds since the epoch.
    pub mark: Option<u64>,
}
