//! Sends an admitted request, and creates the response.

use std::sync::Arc;

use http::{Response, StatusCode};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::served::deprecation_headers;
use crate::admission::{Rates, rate_headers, with_rates};
use crate::catalog::Model;
use crate::dispatch::{Allowance, AttemptLog, Dispatch, Plan, RoutableRequest};
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ledger::{self, Pricing, RequestFacts};
use crate::pump::{Committed, Pump, Reply};
use crate::respond::{self, Body};
use crate::wire::{Asked, ClientRequest, Delivery, Estimate, Identity, Mode, ReplyContext};

/// Maximum length of a list of names in a header: 2 kB including the number of omitted names. Clients and proxies limit
/// headers.
const LONGEST_LIST: usize = 1_976;
/// Maximum length of a name in it, in characters: a path may contain names that the client chose.
const LONGEST_NAME: usize = 160;

impl Gateway {
    /// Sends an admitted request. If no route is left, gives back what the admission took from the key.
    pub(super) async fn answer(
        self: &Arc<Self>,
        plan: Plan,
        allowance: Allowance,
        facts: RequestFacts,
        deadline: Instant,
    ) -> Result<Response<Body>, GatewayError> {
        let ClientRequest { answered_in: format, mode, include_usage, .. } = plan.request().request;
        let asked = asked_by(plan.request());
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
            asked,
        };
        self.pump(facts, context, dispatch, deadline).await
    }

    /// Runs a dispatched request in its own task, which does not end if the client leaves.
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
            committed.await.map_err(|_| GatewayError::internal("the stream task ended without a result"))??;
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

/// What the reply takes from its request.
fn asked_by(request: &RoutableRequest) -> Asked {
    let ClientRequest { document, is_compaction, .. } = &request.request;
    Asked { body: Some(Arc::clone(document)), thoughts: request.thoughts.clone(), is_compaction: *is_compaction }
}

/// Adds the remaining rates of the key to any response.
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

/// Adds headers about the attempts and the model.
fn show(log: &AttemptLog, model: &Model, response: &mut Response<Body>) {
    for (name, value) in log.headers() {
        respond::set_header(response, name, &value);
    }
    for (name, value) in deprecation_headers(model) {
        respond::set_header(response, name, value);
    }
    if !log.dropped.is_empty() {
        respond::set_header(response, "x-gateway-dropped", &listed(&log.dropped));
    }
}

/// Joins as many names as fit into a header, and the number of the rest.
fn listed(names: &[String]) -> String {
    let mut list = String::new();
    for (number, name) in names.iter().enumerate() {
        let separator = if number == 0 { "" } else { ", " };
        let name: String = name.chars().take(LONGEST_NAME).collect();
        if list.len() + separator.len() + name.len() > LONGEST_LIST {
            let more = names.len().saturating_sub(number);
            return format!("{list}{separator}and {more} more");
        }
        list.extend([separator, &name]);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_at_two_kilobytes_with_the_number_of_those_that_it_leaves_out() {
        let names = |count: usize, name: &str| -> Vec<String> { (0..count).map(|_| name.to_owned()).collect() };
        assert_eq!(listed(&names(2, "top_k")), "top_k, top_k");
        for (count, name) in
            [(4_000, "messages[1].content[0].cache_control"), (700, &*"x".repeat(5_000)), (300, &*"é".repeat(99))]
        {
            let list = listed(&names(count, name));
            let (shown, more) = list.rsplit_once(", and ").unwrap();
            assert!((1_700..=2_000).contains(&list.len()), "{name}: {}", list.len());
            assert_eq!(more, format!("{} more", count - shown.split(", ").count()), "{name}");
        }
    }
}
