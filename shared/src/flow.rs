//! A chat request from key to ledger, readable in one screen.

mod answer;
mod count;
mod served;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use tokio::time::Instant;

use crate::auth::ApiKey;
use crate::body;
use crate::catalog::Model;
use crate::dispatch::{self, RoutableRequest};
use crate::error::{ErrorKind, GatewayError};
use crate::gateway::Gateway;
use crate::ids::RequestId;
use crate::ledger::{self, Applicant, RequestFacts, Reservation, Sizes};
use crate::respond::Body;
use crate::vault;
use crate::wire::{self, Betas, ClientFormat, ClientRequest};

use answer::show_rates;
pub use served::{model_gone, model_not_found, served_model};

/// A request as an endpoint hands it over.
pub struct Incoming<'a> {
    /// Its id.
    pub id: RequestId,
    /// When it came in.
    pub started: std::time::Instant,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, as it came.
    pub body: Bytes,
    /// The caller's address, as far as the front knows it.
    pub address: Option<IpAddr>,
    /// When the function is killed, as time since the epoch; zero or past for never.
    pub deadline: Duration,
}

impl Gateway {
    /// Answers a chat request of that format.
    pub async fn chat(
        self: &Arc<Self>,
        format: ClientFormat,
        incoming: Incoming<'_>,
    ) -> Result<Response<Body>, GatewayError> {
        let deadline = dispatch::end_of(incoming.deadline);
        let key = ApiKey::from_headers(incoming.headers)?;
        let opened = wire::open_request(format, self.read_body(&key, &incoming).await?)?;
        let model = served_model(self.catalog()?, &opened.model)?;
        let calls = wire::unsigned_call_ids(&opened);
        if !calls.is_empty() {
            self.refuse_strangers(&key, incoming.address).await?;
        }
        let lease = deadline.saturating_duration_since(Instant::now()) + ledger::LEASE_AFTER_END;
        let markup_permille = self.config.markup_permille;
        let applicant = Applicant { key: &key, request: incoming.id, markup_permille, lease };
        let sizes = Sizes::of(&opened.document);
        let demand = ledger::demand(applicant, &opened, sizes, &model);
        let asked = demand.output_tokens;
        let admitted = self.admission.admit(&key, demand, incoming.address);
        let known = vault::recall(&self.store, key.id(), &calls);
        let (permit, signatures, ()) = futures_util::join!(admitted, known, self.upstreams.circuits.refresh());
        let permit = permit?;
        let facts = RequestFacts {
            request: incoming.id,
            key: permit.key.clone(),
            format: format.name(),
            price_version: self.catalog()?.version().to_owned(),
            started: incoming.started,
            reservation: Reservation { hold: permit.hold.clone(), uncertain: permit.uncertain },
            markup_permille,
            estimated_input: sizes.estimated_input(),
            model,
        };
        let mut request = routable(opened, incoming.headers, Arc::clone(&facts.model));
        request.signatures = signatures;
        if permit.output_tokens < asked {
            request = match lowered(request, permit.output_tokens) {
                Ok(request) => request,
                Err(error) => {
                    ledger::withdraw(&self.store, &facts.key, facts.request, &facts.reservation).await;
                    return Err(error);
                }
            };
        }
        let answer = self.answer(request, facts, deadline).await;
        Ok(match &permit.rates {
            Some(rates) => show_rates(rates, answer)?,
            None => answer?,
        })
    }

    /// Reads a request's body. A large one is decompressed and read only after strangers are refused.
    async fn read_body(&self, key: &ApiKey, incoming: &Incoming<'_>) -> Result<String, GatewayError> {
        if let Some(text) = body::read_small(incoming.headers, incoming.body.clone())? {
            return Ok(text);
        }
        self.refuse_strangers(key, incoming.address).await?;
        body::read(incoming.headers, incoming.body.clone())
    }

    /// Refuses a key that the table denies, before work is done or the vault is read for it. While the table does not say,
    /// admission decides.
    async fn refuse_strangers(&self, key: &ApiKey, address: Option<IpAddr>) -> Result<(), GatewayError> {
        match self.admission.authenticate(key, address).await {
            Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden) => Err(error),
            _ => Ok(()),
        }
    }
}

/// What a client asks, before the vault was asked.
fn routable(request: ClientRequest, headers: &HeaderMap, model: Arc<Model>) -> RoutableRequest {
    let values = request.format.beta_header().into_iter().flat_map(|name| headers.get_all(name));
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    let Betas { accepted: betas, dropped } = request.format.betas(&values);
    RoutableRequest { request, model, betas, dropped, signatures: HashMap::new() }
}

/// The request with the output limit that balance and rate afford instead of the client's own.
fn lowered(routable: RoutableRequest, tokens: u64) -> Result<RoutableRequest, GatewayError> {
    let request = routable.request.with_output_limit(tokens)?;
    let mut dropped = routable.dropped;
    dropped.extend(request.max_tokens.map(|limit| limit.field.to_owned()));
    // Nothing that is derived from the request, such as the room for thinking, may go beyond what is held.
    let model = Arc::new(Model { max_output_tokens: tokens, ..Model::clone(&routable.model) });
    Ok(RoutableRequest { request, model, dropped, ..routable })
}
