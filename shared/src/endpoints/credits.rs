//! `GET /v1/credits`: the current balance and limits of the calling key.

use std::sync::Arc;

use http::Response;
use serde::Serialize;

use super::Call;
use crate::admission::Rates;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ledger::Timestamp;
use crate::money::{PicoUsd, SignedPicoUsd};
use crate::respond::{self, Body};
use crate::store::items::{OFF, StoredKey, iso_millis};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credits {
    object: &'static str,
    /// What new requests may cost; null for a key that is not prepaid. Negative if requests cost more than was held for
    /// them.
    balance_usd: Option<SignedPicoUsd>,
    prepaid: bool,
    /// What running requests may cost at most. It is not part of the balance. What they do not use is returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_usd: Option<PicoUsd>,
    limits: Limits,
}

/// The key's limits and what is left of them; null for no limit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    requests_per_minute: Option<Limit>,
    tokens_per_minute: Option<Limit>,
    concurrent_requests: Option<Limit>,
    /// When the current minute ends (RFC 3339).
    resets_at: String,
}

#[derive(Serialize)]
struct Limit {
    limit: u128,
    left: u128,
}

impl Limits {
    fn of(key: &StoredKey) -> Self {
        let Rates { requests, tokens, reset } = Rates::now(key);
        let limit = |rate: Option<(u128, u128)>| rate.map(|(limit, left)| Limit { limit, left });
        let running = u128::try_from(key.holds.len()).unwrap_or(u128::MAX);
        let at_once = (key.max_concurrent < OFF)
            .then(|| Limit { limit: key.max_concurrent, left: key.max_concurrent.saturating_sub(running) });
        let reset = i64::try_from(reset).ok().and_then(|reset| Timestamp::from_second(reset).ok()).unwrap_or_default();
        Self {
            requests_per_minute: limit(requests),
            tokens_per_minute: limit(tokens),
            concurrent_requests: at_once,
            resets_at: iso_millis(reset),
        }
    }
}

pub(super) async fn handle(gateway: &Arc<Gateway>, call: &Call) -> Result<Response<Body>, GatewayError> {
    let key = gateway.admission.current(&call.reader(gateway)?, call.address()).await?;
    respond::json(&Credits {
        object: "credits",
        balance_usd: key.prepaid.then_some(SignedPicoUsd::new(key.balance)),
        prepaid: key.prepaid,
        held_usd: key.prepaid.then(|| key.held()),
        limits: Limits::of(&key),
    })
}
