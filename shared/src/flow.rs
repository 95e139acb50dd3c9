//! Runs an inference request: reads the body, finds the model, prepares a plan, asks for admission and starts the pump. Also
//! counts tokens.

mod answer;
mod count;
mod served;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use tokio::time::Instant;

use crate::admission::Permit;
use crate::auth::ApiKey;
use crate::body;
use crate::catalog::Model;
use crate::config::OwnSecret;
use crate::dispatch::{self, Affordable, Allowance, Plan, RoutableRequest};
use crate::error::{ErrorKind, GatewayError};
use crate::gateway::Gateway;
use crate::ids::{RequestId, Tag};
use crate::ledger::{self, Applicant, RequestFacts, Sent};
use crate::respond::Body;
use crate::vault;
use crate::wire::target::OutputBounds;
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::{self, Betas, ClientFormat, ClientRequest};

use answer::show_rates;
use served::Ways;
pub use served::{Named, Served, refuse_gone};

/// A request from an endpoint.
pub struct Incoming<'a> {
    /// Its id.
    pub id: RequestId,
    /// When it arrived.
    pub started: std::time::Instant,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, as received.
    pub body: Bytes,
    /// The caller's address, if known.
    pub address: Option<IpAddr>,
    /// When the function is killed, as time since the epoch; zero or past means never.
    pub deadline: Duration,
}

impl Gateway {
    /// Answers an inference request in this format.
    pub async fn chat(
        self: &Arc<Self>,
        format: ClientFormat,
        incoming: Incoming<'_>,
    ) -> Result<Response<Body>, GatewayError> {
        let key = ApiKey::from_headers(incoming.headers)?;
        let opened = wire::open_request(format, self.read_body(&key, &incoming).await?)?;
        self.generate(key, opened, incoming).await
    }

    /// Answers a request to replace a Responses conversation by a summary.
    pub async fn compact(self: &Arc<Self>, incoming: Incoming<'_>) -> Result<Response<Body>, GatewayError> {
        let key = ApiKey::from_headers(incoming.headers)?;
        if self.config.reasoning_secrets.is_none() {
            return Err(GatewayError::new(
                ErrorKind::Unsupported,
                "This deployment cannot sign a summary of a conversation.",
            )
            .with_code("unsupported")
            .with_hint("Send the whole conversation. The operator can enable summaries with REASONING_SECRET."));
        }
        let opened = wire::open_compaction(self.read_body(&key, &incoming).await?)?;
        self.generate(key, opened, incoming).await
    }

    /// Admits, sends and answers an opened request.
    async fn generate(
        self: &Arc<Self>,
        key: ApiKey,
        opened: ClientRequest,
        incoming: Incoming<'_>,
    ) -> Result<Response<Body>, GatewayError> {
        let (format, deadline) = (opened.answered_in, dispatch::end_of(incoming.deadline, ledger::BEFORE_KILL));
        let tag = tag_of(incoming.headers, &opened)?;
        let served = self.served(&opened.model, &key, incoming.address).await?;
        self.admission.refuse_early(&key, served.asked.id.as_str())?;
        let request = self.routable(&key, opened, &incoming, &served).await?;
        let output = if self.admission.is_prepaid(&key) { OutputBounds::WITH_LIMIT } else { OutputBounds::NONE };
        let plan = Plan::of(&self.upstreams, request, output)?;
        let lease = deadline.saturating_duration_since(Instant::now()) + ledger::LEASE_AFTER_END;
        let sent = Sent { body: plan.prepared().measured(), output_tokens: plan.prepared().output_limit() };
        let applicant = Applicant { key: &key, request: incoming.id, lease };
        let demand = ledger::demand(applicant, sent, &served.asked, &plan.request().candidates);
        let asked = demand.output_tokens;
        let admitted = self.admission.admit(&key, demand, incoming.address);
        let (permit, ()) = futures_util::join!(admitted, self.upstreams.circuits.refresh());
        let permit = permit?;
        let allowance = allowance(&permit, asked);
        let facts = RequestFacts {
            request: incoming.id,
            key: permit.key.id.clone(),
            format: format.name(),
            catalog_version: served.version,
            started: incoming.started,
            tag,
            reservation: permit.reservation,
            is_prepaid: permit.key.is_prepaid,
            estimated_input: plan.prepared().measured().estimated_input(),
            model: served.asked,
        };
        // On the heap, like every large future, because the runtime moves it.
        let answer = Box::pin(self.answer(plan, allowance, facts, deadline)).await;
        Ok(match &permit.rates {
            Some(rates) => show_rates(rates, answer)?,
            None => answer?,
        })
    }

    /// The client's request, with the signatures that its client could not send back.
    async fn routable(
        &self,
        key: &ApiKey,
        opened: ClientRequest,
        incoming: &Incoming<'_>,
        served: &Served,
    ) -> Result<RoutableRequest, GatewayError> {
        let calls = wire::unsigned_call_ids(&opened);
        let mut request = routable(key, opened, incoming.headers, Arc::clone(&served.asked));
        let Ways { candidates, replacements } = self.ways(served, request.request.mode, ledger::day_of(incoming.id));
        (request.candidates, request.replacements) = (candidates, replacements);
        request.thoughts = self.thought_keys(key);
        if !calls.is_empty() {
            self.refuse_strangers(key, incoming.address).await?;
            request.signatures = vault::recall(&self.store, key.id(), &calls).await;
        }
        Ok(request)
    }

    /// Reads and writes the reasoning that a key's clients keep.
    fn thought_keys(&self, key: &ApiKey) -> Option<ThoughtKeys> {
        let OwnSecret { current, previous } = self.config.reasoning_secrets.as_ref()?;
        Some(ThoughtKeys::new(current, previous.as_ref(), key.id().clone()))
    }

    /// Reads a request's body. A large one is decompressed and read only after unknown keys are refused.
    async fn read_body(&self, key: &ApiKey, incoming: &Incoming<'_>) -> Result<String, GatewayError> {
        if let Some(text) = body::read_small(incoming.headers, incoming.body.clone())? {
            return Ok(text);
        }
        self.refuse_strangers(key, incoming.address).await?;
        body::read(incoming.headers, incoming.body.clone())
    }

    /// Refuses a key that the table rejects, before work is done or the vault is read for it. If the table does not answer,
    /// admission decides.
    async fn refuse_strangers(&self, key: &ApiKey, address: Option<IpAddr>) -> Result<(), GatewayError> {
        match self.admission.authenticate(key, address).await {
            Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The header with the client's own label for a request.
const TAG_HEADER: &str = "x-gateway-tag";

/// The client's own label for a request, from the header or the body. An empty header counts as none.
fn tag_of(headers: &HeaderMap, request: &ClientRequest) -> Result<Option<Tag>, GatewayError> {
    let in_body = request.tag()?;
    let header = headers.get(TAG_HEADER).filter(|value| !value.is_empty());
    let Some(value) = header else { return Ok(in_body) };
    let tag = value.to_str().ok().and_then(Tag::parse);
    tag.map(Some).ok_or_else(|| GatewayError::invalid(TAG_HEADER, format!("{TAG_HEADER}: {}.", Tag::RULE)))
}

/// The client's request, without the vault's signatures.
fn routable(key: &ApiKey, request: ClientRequest, headers: &HeaderMap, model: Arc<Model>) -> RoutableRequest {
    let values = request.format.beta_header().into_iter().flat_map(|name| headers.get_all(name));
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    let Betas { accepted: betas, dropped } = request.format.betas(&values);
    let routable = RoutableRequest::new(request, model, Vec::new());
    RoutableRequest { key: Some(key.id().clone()), betas, dropped, ..routable }
}

/// What a permit allows a request to cost. A key that is not prepaid is limited by its rates only.
fn allowance(permit: &Permit, asked: u64) -> Allowance {
    let is_lowered = permit.output_tokens < asked;
    let most = if is_lowered { permit.output_tokens } else { u64::MAX };
    let output = OutputBounds { most, must_say: permit.key.is_prepaid || is_lowered };
    let affordable: Affordable = match &permit.reservation.hold {
        Some(hold) if permit.key.is_prepaid => {
            let hold = hold.clone();
            Arc::new(move |body, candidate| ledger::affordable_output(&hold, body, candidate))
        }
        Some(_) | None => Arc::new(|_, _| u64::MAX),
    };
    Allowance { affordable, least_output: ledger::LEAST_OUTPUT, output }
}
