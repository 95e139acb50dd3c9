//! What tests set while the simulator runs: in the process, and over HTTP below `/_simulator/`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::aws::AwsCredentials;
use super::journal::Entry;
use super::received::Received;
use super::{OPENROUTER_KEY, Simulator};

/// What holds until somebody sets it anew. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Settable(Arc<Mutex<Values>>);

#[derive(Debug)]
struct Values {
    /// Each key that was accepted at some time; only the last one is now.
    openrouter_keys: Vec<String>,
    parameters: BTreeMap<String, String>,
    aws: AwsCredentials,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            openrouter_keys: vec![OPENROUTER_KEY.to_owned()],
            parameters: BTreeMap::new(),
            aws: AwsCredentials::default(),
        }
    }
}

impl Settable {
    fn values(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulator {
    /// The HTTP status of the token, STS and impersonation endpoints from now on; 200 lets them work again.
    pub fn set_token_status(&self, status: u16) {
        self.tokens.set_failure((status != 200).then_some(status));
    }

    /// Refuses all tokens that were given out so far, with 401, wherever they are used.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke();
    }

    /// How many seconds the tokens live that are given out from now on.
    pub fn set_token_lifetime(&self, seconds: u64) {
        self.tokens.set_lifetime(seconds);
    }

    /// Puts a secret into the parameter store.
    pub fn set_parameter(&self, name: impl Into<String>, value: impl Into<String>) {
        self.settable.values().parameters.insert(name.into(), value.into());
    }

    /// The only key that the `OpenRouter` side accepts from now on.
    pub fn set_openrouter_key(&self, key: impl Into<String>) {
        self.settable.values().openrouter_keys.push(key.into());
    }

    /// The credentials with which requests to the parameter store, and for federated tokens, must be signed from now on.
    pub fn set_aws_credentials(&self, credentials: AwsCredentials) {
        self.settable.values().aws = credentials;
    }

    pub(super) fn aws_credentials(&self) -> AwsCredentials {
        self.settable.values().aws.clone()
    }

    pub(super) fn parameter_value(&self, name: &str) -> Option<String> {
        self.settable.values().parameters.get(name).cloned()
    }

    /// True if this `authorization` value is the key that is accepted now.
    pub(super) fn accepts_key(&self, authorization: &str) -> bool {
        let key = authorization.strip_prefix("Bearer ");
        self.settable.values().openrouter_keys.last().is_some_and(|accepted| key == Some(accepted))
    }

    /// True if this `authorization` value is a key that was accepted at some time.
    pub(super) fn knows_key(&self, authorization: &str) -> bool {
        let key = authorization.strip_prefix("Bearer ");
        self.settable.values().openrouter_keys.iter().any(|known| key == Some(known))
    }
}

/// The paths for tests.
pub(super) fn routes() -> Router<Simulator> {
    Router::new()
        .route("/_simulator/journal", get(journal_endpoint))
        .route("/_simulator/tokens", post(tokens_endpoint))
        .route("/_simulator/parameters", post(parameters_endpoint))
        .route("/_simulator/openrouter-key", post(key_endpoint))
}

async fn journal_endpoint(
    State(simulator): State<Simulator>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Json<Vec<Entry>> {
    Json(simulator.journal.entries(query.get("label").map(String::as_str).unwrap_or_default()))
}

/// Nothing, or the status and the reason of a refusal.
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

/// Reads an order, whatever type its body claims to be of.
async fn order<T: DeserializeOwned>(request: Request) -> Result<T, (StatusCode, String)> {
    let received = Received::read(request).await;
    serde_json::from_str(&received.text()).map_err(|wrong| (StatusCode::BAD_REQUEST, format!("{wrong}\n")))
}
