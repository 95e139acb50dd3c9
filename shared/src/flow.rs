//! A chat request from key to ledger, readable in one screen.

mod served;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::admission::{Rates, rate_headers, with_rates};
use crate::auth::ApiKey;
use crate::body;
use crate::catalog::Model;
use crate::dispatch::{self, AttemptLog, Dispatch, PreparedRequest, ReplyReader, RoutableRequest};
use crate::error::{GatewayError, UpstreamError};
use crate::gateway::Gateway;
use crate::ids::RequestId;
use crate::ledger::{self, Applicant, RequestFacts, Reservation, Sizes};
use crate::providers::UpstreamReply;
use crate::pump::{Committed, Pump, Reply};
use crate::respond::{self, Body};
use crate::retry::{self, Severity};
use crate::vault;
use crate::wire::anthropic::betas;
use crate::wire::{self, ClientFormat, ClientRequest, Delivery, Identity, Mode, ReplyContext};

use served::deprecation_headers;
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
        if calls.iter().any(|id| vault::is_ours(id)) {
            // The vault is read for keys that are known.
            self.admission.authenticate(&key, incoming.address).await?;
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
            format: format.as_str(),
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
            request = lowered(request, permit.output_tokens)?;
        }
        let answer = self.answer(request, facts, deadline).await;
        Ok(match &permit.rates {
            Some(rates) => show_rates(rates, answer)?,
            None => answer?,
        })
    }

    /// Sends an admitted request on its way. One that finds none gives back what it took.
    async fn answer(
        self: &Arc<Self>,
        request: RoutableRequest,
        facts: RequestFacts,
        deadline: Instant,
    ) -> Result<Response<Body>, GatewayError> {
        let ClientRequest { format, mode, include_usage, .. } = request.request;
        let dispatch = match Dispatch::begin(&self.upstreams, request, deadline).await {
            Ok(dispatch) => dispatch,
            Err(error) => {
                ledger::withdraw(&self.store, &facts.key, facts.request, &facts.reservation).await;
                return Err(error);
            }
        };
        ledger::log_intent(&facts, dispatch.prepared().route.provider);
        let context = ReplyContext {
            format,
            request: facts.request,
            identity: Identity::new(facts.request, facts.model.id.clone(), format),
            delivery: match mode {
                Mode::Streaming => Delivery::Streamed,
                Mode::Whole | Mode::Count => Delivery::Whole,
            },
            include_usage,
            estimated_input: facts.estimated_input,
            cost: Arc::new(ledger::price_of(&facts)),
        };
        self.pump(facts, context, dispatch, deadline).await
    }

    /// Reads a request's body. A large one is decompressed and read only for a key that is known: the caller may be nobody.
    async fn read_body(&self, key: &ApiKey, incoming: &Incoming<'_>) -> Result<String, GatewayError> {
        if let Some(text) = body::read_small(incoming.headers, incoming.body.clone())? {
            return Ok(text);
        }
        self.admission.authenticate(key, incoming.address).await?;
        body::read(incoming.headers, incoming.body.clone())
    }

    /// How many input tokens a Messages request has: the provider's own count where it has one, else an estimate. Counts cost
    /// nothing, so they leave no record.
    pub async fn count(&self, incoming: Incoming<'_>) -> Result<u64, GatewayError> {
        let deadline = dispatch::end_of(incoming.deadline);
        let key = ApiKey::from_headers(incoming.headers)?;
        let opened = wire::open_count(self.read_body(&key, &incoming).await?)?;
        let model = served_model(self.catalog()?, &opened.model)?;
        let recognised = self.admission.authenticate(&key, incoming.address);
        let (permit, ()) = futures_util::join!(recognised, self.upstreams.circuits.refresh());
        permit?;
        let estimated = Sizes::of(&opened.document).estimated_input();
        if !model.routes.iter().any(|route| self.upstreams.serves(route, Mode::Count)) {
            return Ok(estimated);
        }
        // Vertex counts without betas.
        let request = routable(opened, &HeaderMap::new(), model);
        let mut dispatch = Dispatch::begin(&self.upstreams, request, deadline).await?;
        let counted = dispatch.run(&self.upstreams, &Counting).await;
        dispatch.conclude_unrecorded(&self.upstreams, counted.as_ref().err()).await;
        match counted {
            Err(error) if retry::severity(&error) != Severity::Final => Ok(estimated),
            counted => Ok(counted?),
        }
    }

    /// Runs a dispatched request in a task of its own, which a client that leaves does not end.
    async fn pump(
        self: &Arc<Self>,
        facts: RequestFacts,
        context: ReplyContext,
        dispatch: Dispatch,
        deadline: Instant,
    ) -> Result<Response<Body>, GatewayError> {
        let span = tracing::info_span!("pump", request = %facts.request);
        let model = Arc::clone(&facts.model);
        let (pump, committed) = Pump::new(facts, context, self.store.clone(), &dispatch, deadline);
        let gateway = Arc::clone(self);
        #[expect(clippy::disallowed_methods, reason = "this is the one task: the pump")]
        tokio::spawn(async move { pump.run(&gateway.upstreams, dispatch).await }.instrument(span));
        let Committed { log, reply } =
            committed.await.map_err(|_| GatewayError::internal("the pump ended without a word"))??;
        let mut response = match reply {
            Reply::Stream(chunks) => respond::event_stream(chunks),
            Reply::Whole { body, charged } => {
                let mut response = respond::json_bytes(StatusCode::OK, body);
                respond::set_header(&mut response, "x-gateway-cost-usd", &charged.to_string());
                response
            }
        };
        show(&log, &model, &mut response);
        Ok(response)
    }
}

/// Reads a provider's count.
struct Counting;

impl ReplyReader for Counting {
    type Read = u64;

    async fn read(&self, _: &PreparedRequest, reply: UpstreamReply) -> Result<u64, UpstreamError> {
        wire::decode_count(&reply.text().await?)
    }
}

/// What a client asks, before the vault was asked.
fn routable(request: ClientRequest, headers: &HeaderMap, model: Arc<Model>) -> RoutableRequest {
    let asked = headers.get_all("anthropic-beta").iter().filter_map(|value| value.to_str().ok());
    let (betas, unknown) = betas::for_vertex(asked);
    let dropped = match request.format {
        ClientFormat::ChatCompletions => Vec::new(),
        ClientFormat::Messages => unknown.iter().map(|beta| format!("anthropic-beta:{beta}")).collect(),
    };
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

/// Tells the client what is left of its key's rates, whatever the answer.
fn show_rates(rates: &Rates, answer: Result<Response<Body>, GatewayError>) -> Result<Response<Body>, GatewayError> {
    let mut response = answer.map_err(|error| with_rates(error, Some(rates)))?;
    for (name, value) in rate_headers(rates) {
        respond::set_header(&mut response, name, &value);
    }
    Ok(response)
}

/// Tells the client where its request was.
fn show(log: &AttemptLog, model: &Model, response: &mut Response<Body>) {
    for (name, value) in log.headers() {
        respond::set_header(response, name, &value);
    }
    for (name, value) in deprecation_headers(model) {
        respond::set_header(response, name, value);
    }
    if !log.dropped.is_empty() {
        respond::set_header(response, "x-gateway-dropped", &log.dropped.join(", "));
    }
}
