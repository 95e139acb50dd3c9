//! Token counting: `count_tokens`, and `input_tokens` of Responses.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Response};
use jiff::civil::Date;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::served::Ways;
use super::{Incoming, Served, routable, show_rates};
use crate::auth::ApiKey;
use crate::dispatch::{self, Allowance, Dispatch, Plan, PreparedRequest, ReplyReader, RoutableRequest};
use crate::error::{ErrorKind, GatewayError, UpstreamError, UpstreamErrorKind};
use crate::gateway::Gateway;
use crate::ledger;
use crate::providers::UpstreamReply;
use crate::respond::{self, Body};
use crate::wire::target::OutputBounds;
use crate::wire::{self, ClientFormat, ClientRequest, Mode};

/// How long to wait for a provider's count, over all attempts: clients ask before they send, and an estimate now is more
/// useful.
const LONGEST: Duration = Duration::from_secs(10);

/// The response.
#[derive(Serialize)]
struct Count {
    /// Its `object`, if the format has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'static str>,
    input_tokens: u64,
}

impl Gateway {
    /// Counts the input tokens of a request: the provider's count, or an estimate if there is none. Takes one request of the
    /// key's rate. Counts cost nothing, so they leave no record.
    pub async fn count(&self, format: ClientFormat, incoming: Incoming<'_>) -> Result<Response<Body>, GatewayError> {
        let deadline = dispatch::end_of(incoming.deadline, ledger::BEFORE_KILL).min(Instant::now() + LONGEST);
        let key = ApiKey::from_headers(incoming.headers)?;
        let opened = wire::open_count(format, self.read_body(&key, &incoming).await?)?;
        let served = self.served(&opened.model, &key, incoming.address).await?;
        let admitted = self.admission.take_request(&key, served.asked.id.as_str(), incoming.address);
        let (rates, ()) = futures_util::join!(admitted, self.upstreams.circuits.refresh());
        let rates = rates?;
        // Vertex counts without betas.
        let request = routable(&key, opened, &HeaderMap::new(), Arc::clone(&served.asked));
        let counted = self.counted(request, served, ledger::day_of(incoming.id), deadline).await;
        let answer = counted.and_then(|input_tokens| respond::json(&Count { object: format.count_object(), input_tokens }));
        match rates {
            Some(rates) => show_rates(&rates, answer),
            None => answer,
        }
    }

    /// The provider's count, or the estimate. Fails only for errors in the client's request.
    async fn counted(
        &self,
        request: RoutableRequest,
        served: Served,
        day: Date,
        deadline: Instant,
    ) -> Result<u64, GatewayError> {
        let Ways { candidates, replacements } = self.ways(&served, Mode::Count, day);
        if !candidates.is_empty() {
            let asked = RoutableRequest { candidates, replacements, ..request.clone() };
            if let Some(count) = self.providers_count(asked, deadline).await? {
                return Ok(count);
            }
        }
        self.estimated(request, &served, day)
    }

    /// The count of the first provider that returns one.
    async fn providers_count(&self, request: RoutableRequest, deadline: Instant) -> Result<Option<u64>, GatewayError> {
        let plan = match Plan::of(&self.upstreams, request, OutputBounds::NONE) {
            Ok(plan) => plan,
            // A route that counts may not support the request.
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut dispatch = Dispatch::begin(&self.upstreams, plan, Allowance::unlimited(), deadline).await?;
        let counted = match timeout_at(deadline, dispatch.run(&self.upstreams, &Counting)).await {
            Ok(counted) => counted,
            Err(_) => Err(UpstreamError::new(UpstreamErrorKind::Timeout, "the provider did not count in time")),
        };
        dispatch.conclude_unrecorded(&self.upstreams, counted.as_ref().err()).await;
        Ok(counted.ok())
    }

    /// The estimate from the client's own body, or, if no provider uses the client's format, from the body that would be
    /// sent.
    fn estimated(&self, request: RoutableRequest, served: &Served, day: Date) -> Result<u64, GatewayError> {
        if let Some(sizes) = wire::measure_request(&request.request, &served.asked.capabilities.media) {
            return Ok(sizes.estimated_input());
        }
        let Ways { candidates, replacements } = self.ways(served, Mode::Whole, day);
        let asked = ClientRequest { mode: Mode::Whole, ..request.request };
        let whole = RoutableRequest { request: asked, candidates, replacements, ..request };
        let plan = Plan::of(&self.upstreams, whole, OutputBounds::NONE)?;
        Ok(plan.prepared().measured().estimated_input())
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
