//! An admitted request on its way, and the answer that the client gets.

use std::sync::Arc;

use http::{Response, StatusCode};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::served::deprecation_headers;
use crate::admission::{Rates, rate_headers, with_rates};
use crate::catalog::Model;
use crate::dispatch::{Allowance, AttemptLog, Dispatch, Plan};
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ledger::{self, Pricing, RequestFacts};
use crate::pump::{Committed, Pump, Reply};
use crate::respond::{self, Body};
use crate::wire::{ClientRequest, Delivery, Estimate, Identity, Mode, ReplyContext};

impl Gateway {
    /// Sends an admitted request on its way. One that finds none gives back what it took.
    pub(super) async fn answer(
        self: &Arc<Self>,
        plan: Plan,
        allowance: Allowance,
        facts: RequestFacts,
        deadline: Instant,
    ) -> Result<Response<Body>, GatewayError> {
        let ClientRequest { format, mode, include_usage, .. } = plan.request().request;
        let dispatch = match Dispatch::begin(&self.upstreams, plan, allowance, deadline).await {
            Ok(dispatch) => dispatch,
            Err(error) => {
                ledger::withdraw(&self.store, &facts.key, facts.request, &facts.reservation).await;
                return Err(error);
            }
        };
        ledger::log_intent(&facts, &dispatch.prepared().candidate);
        let pricing = Pricing::of(&facts, &dispatch.prepared().candidate);
        let context = ReplyContext {
            format,
            request: facts.request,
            identity: Identity::new(facts.request, facts.model.id.clone(), format),
            delivery: match mode {
                Mode::Streaming => Delivery::Streamed,
                Mode::Whole | Mode::Count => Delivery::Whole,
            },
            include_usage,
            // No more is held for a prompt than fits its model.
            estimate: Estimate {
                input: facts.estimated_input.min(facts.model.context_window),
                output_limit: dispatch.prepared().output_limit(),
            },
            cost: Arc::new(move |usage| pricing.charge(usage)),
        };
        self.pump(facts, context, dispatch, deadline).await
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

/// Tells the client what is left of its key's rates, whatever the answer.
pub(super) fn show_rates(
    rates: &Rates,
    answer: Result<Response<Body>, GatewayError>,
) -> Result<Response<Body>, GatewayError> {
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
