//! What tests can set over HTTP while the simulator runs, under `/_simulator/`.

use std::collections::BTreeMap;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::journal::Entry;
use super::listing::ListSize;
use super::received::Received;
use super::session::Session;
use super::state::Simulator;

/// The paths for tests.
pub(super) fn routes() -> Router<Simulator> {
    Router::new()
        .route("/_simulator/journal", get(journal_endpoint))
        .route("/_simulator/tokens", post(tokens_endpoint))
        .route("/_simulator/parameters", post(parameters_endpoint))
        .route("/_simulator/openrouter-key", post(key_endpoint))
        .route("/_simulator/sessions", post(sessions_endpoint))
        .route("/_simulator/models", post(models_endpoint))
}

async fn journal_endpoint(
    State(simulator): State<Simulator>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Json<Vec<Entry>> {
    Json(simulator.journal().entries(query.get("label").map(String::as_str).unwrap_or_default()))
}

/// Nothing, or the status and the reason of a rejection.
type Done = Result<StatusCode, (StatusCode, String)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenOrder {
    status: Option<u16>,
    #[serde(default)]
    revoke: bool,
    expires_in: Option<u64>,
}

async fn tokens_endpoint(State(simulator): State<Simulator>, request: Request) -> Done {
    let order: TokenOrder = order(request).await?;
    if let Some(status) = order.status {
        if status != 200 && !(400..=599).contains(&status) {
            return Err((StatusCode::BAD_REQUEST, format!("neither 200 nor an error status: {status}\n")));
        }
        simulator.set_token_status(status);
    }
    if order.revoke {
        simulator.revoke_tokens();
    }
    if let Some(seconds) = order.expires_in {
        simulator.set_token_lifetime(seconds);
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterOrder {
    name: String,
    value: String,
}

async fn parameters_endpoint(State(simulator): State<Simulator>, request: Request) -> Done {
    let order: ParameterOrder = order(request).await?;
    simulator.set_parameter(order.name, order.value);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyOrder {
    key: String,
}

async fn key_endpoint(State(simulator): State<Simulator>, request: Request) -> Done {
    let order: KeyOrder = order(request).await?;
    simulator.set_openrouter_key(order.key);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListOrder {
    models: usize,
    #[serde(default)]
    without_prices: usize,
}

async fn models_endpoint(State(simulator): State<Simulator>, request: Request) -> Done {
    let ListOrder { models, without_prices } = order(request).await?;
    simulator.set_list_size(ListSize { models, without_prices });
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionOrder {
    name: String,
    replies: Session,
}

async fn sessions_endpoint(State(simulator): State<Simulator>, request: Request) -> Done {
    let SessionOrder { name, replies } = order(request).await?;
    simulator.set_session(name, replies);
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a setting, whatever content type it has.
async fn order<T: DeserializeOwned>(request: Request) -> Result<T, (StatusCode, String)> {
    let received = Received::read(request).await;
    serde_json::from_str(&received.text()).map_err(|wrong| (StatusCode::BAD_REQUEST, format!("{wrong}\n")))
}
