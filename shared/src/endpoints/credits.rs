//! `GET /v1/credits`: the current balance of the calling key.

use std::sync::Arc;

use http::Response;
use serde::Serialize;

use super::Call;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::money::{PicoUsd, SignedPicoUsd};
use crate::respond::{self, Body};

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
}

pub(super) async fn handle(gateway: &Arc<Gateway>, call: &Call) -> Result<Response<Body>, GatewayError> {
    let key = gateway.admission.current(&call.reader(gateway)?, call.address()).await?;
    respond::json(&Credits {
        object: "credits",
        balance_usd: key.prepaid.then_some(SignedPicoUsd::new(key.balance)),
        prepaid: key.prepaid,
        held_usd: key.prepaid.then(|| key.held()),
    })
}
