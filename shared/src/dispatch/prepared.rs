//! A request prepared for one route, and the request itself, which can be prepared for other routes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use tokio::time::Instant;

use super::{Upstreams, not_configured};
use crate::catalog::{Candidate, Model, Route, Tariff, Transfer};
use crate::chat::request::CacheLifetime;
use crate::circuit::CircuitState;
use crate::document::Document;
use crate::error::{GatewayError, UpstreamError};
use crate::ids::KeyId;
use crate::providers::{Provider, UpstreamCall};
use crate::retry::Tries;
use crate::store::items::{Attempt, RouteName};
use crate::translate::outbound::{self, Destination, RequestExtras};
use crate::translate::{Conversion, Outbound};
use crate::wire::target::OutputBounds;
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::{ClientRequest, Measured, Mode};

/// The client's request, with everything that decides how it is sent.
#[derive(Clone, Debug)]
pub struct RoutableRequest {
    /// Its key, for the route's circuit; `None` for a request of the operator's.
    pub key: Option<KeyId>,
    /// The request.
    pub request: ClientRequest,
    /// The requested model.
    pub model: Arc<Model>,
    /// Its routes, in order of preference.
    pub candidates: Vec<Candidate>,
    /// The routes of its replacement, used if the model is no longer served.
    pub replacements: Vec<Candidate>,
    /// Anthropic's betas that Vertex accepts.
    pub betas: Vec<&'static str>,
    /// Paths of what no route accepts.
    pub dropped: Vec<String>,
    /// Gemini's signatures by tool-call id, from the vault.
    pub signatures: HashMap<String, String>,
    /// Reads and writes the reasoning that the client keeps; `None` if the deployment has no secret for it.
    pub thoughts: Option<ThoughtKeys>,
}

impl RoutableRequest {
    /// A request of the operator's for a model on these routes, with only a body.
    pub fn new(request: ClientRequest, model: Arc<Model>, candidates: Vec<Candidate>) -> Self {
        Self {
            key: None,
            request,
            model,
            candidates,
            replacements: Vec::new(),
            betas: Vec::new(),
            dropped: Vec::new(),
            signatures: HashMap::new(),
            thoughts: None,
        }
    }
}

/// One route for a request, and the state of the request on it.
#[derive(Debug)]
pub struct PreparedRequest {
    /// The model and the route.
    pub candidate: Candidate,
    /// How the provider's reply becomes the client's: forwarded, or translated from the provider's format.
    pub conversion: Conversion,
    /// Paths of what the route does not support.
    pub dropped: Vec<String>,
    pub(super) name: RouteName,
    pub(super) circuit: CircuitState,
    pub(super) tries: Tries,
    /// How the provider is asked for its reply.
    pub(super) mode: Mode,
    /// The token of the last attempt.
    pub(super) token: Option<SecretString>,
    /// How long the model may reason before its first event.
    pub(super) first_event: Duration,
    header: Option<(HeaderName, HeaderValue)>,
    body: Bytes,
    /// The sizes of the upstream body, measured when it was written.
    measured: Measured,
    /// The output limit that the body would get if a limit were required.
    default_output: u64,
    /// Whether the body must have a limit.
    pub(super) must_say: bool,
    /// Whether neither the client nor the format requires a limit.
    pub(super) may_be_silent: bool,
}

/// The fewest output tokens that a long prompt must leave.
const LEAST_ROOM: u64 = 1_024;

impl PreparedRequest {
    /// Prepares a request for a route within these bounds. Fails with 400 if the route does not support it. If the
    /// provider's hosts refuse a prompt and an output limit that exceed the context window together, and these would, the
    /// limit is lowered.
    pub(super) fn new(
        upstreams: &Upstreams,
        routable: &RoutableRequest,
        candidate: Candidate,
        output: OutputBounds,
    ) -> Result<Self, GatewayError> {
        let prepared = Self::within(upstreams, routable, candidate, output)?;
        let limits_sum = || upstreams.providers.get(prepared.candidate.route.provider).is_some_and(Provider::limits_sum);
        match prepared.room_in_window().filter(|_| limits_sum()) {
            None => Ok(prepared),
            Some(room) => {
                let output = OutputBounds { most: output.most.min(room), ..output };
                Self::within(upstreams, routable, prepared.candidate, output)
            }
        }
    }

    /// The output tokens that fit into the context window with the prompt; `None` if the body's limit fits by a low estimate
    /// of the prompt. A high estimate decides how many fit, but at least a quarter of what the low one leaves.
    fn room_in_window(&self) -> Option<u64> {
        let model = &self.candidate.model;
        let limit = self.measured.output_tokens(&model.capabilities)?;
        let most = model.widest_window.saturating_sub(self.measured.least_input());
        let room = model.widest_window.saturating_sub(self.measured.estimated_input()).max(most / 4);
        // With less, the prompt is too long, and the provider says so.
        (limit > most && room >= LEAST_ROOM).then_some(room)
    }

    fn within(
        upstreams: &Upstreams,
        routable: &RoutableRequest,
        candidate: Candidate,
        output: OutputBounds,
    ) -> Result<Self, GatewayError> {
        let RoutableRequest { request, betas, signatures, thoughts, dropped: untaken, .. } = routable;
        let extras = RequestExtras { betas, signatures, thoughts: thoughts.as_ref() };
        let Candidate { model, route, tariff, markup_permille: _ } = &candidate;
        let provider = upstreams.providers.get(route.provider).ok_or_else(|| not_configured(routable))?;
        let destination = Destination { model, route, wire: provider.wire(), output };
        let outbound = outbound::outbound(request, destination, extras)?;
        let Outbound { body, conversion, mut dropped, files } = outbound;
        dropped.extend(untaken.iter().cloned());
        let mode = upstream_mode(request.mode, route.transfer);
        let mut fields = provider.body_fields(&route.upstream, mode);
        fields.set.extend(price_limit(provider, tariff));
        fields.set.extend(provider.file_parser(files));
        let body = body.finish(&fields)?;
        let body = String::from_utf8(body).map_err(|_| GatewayError::internal("the body is not text"))?;
        let body = Document::parse_sent(body)?;
        let measured = Measured::of_document(provider.wire(), &body, &model.capabilities.media);
        Ok(Self {
            name: name_of(route, mode),
            circuit: CircuitState::Closed,
            tries: Tries::default(),
            mode,
            token: None,
            header: provider.wire().header(body.root()),
            body: body.into_text().into(),
            measured,
            default_output: model.default_output.min(output.most),
            must_say: output.must_say,
            may_be_silent: request.max_tokens.is_none() && !provider.wire().demands_output_limit(),
            first_event: model.first_event,
            candidate,
            conversion,
            dropped,
        })
    }

    /// Size of the upstream body in bytes.
    pub fn body_bytes(&self) -> u64 {
        self.body.len() as u64
    }

    /// The measured sizes of the body.
    pub fn measured(&self) -> &Measured {
        &self.measured
    }

    /// Maximum tokens of the reply: the limit in the body, or the default limit if the body has none. The reasoning budget
    /// is added if the limit does not count reasoning.
    pub fn output_limit(&self) -> u64 {
        self.measured.output_tokens(&self.candidate.model.capabilities).unwrap_or(self.default_output)
    }

    /// Lifetime of the body's cache writes: the longest that it requests, for models that let it choose.
    pub fn cache_writes(&self) -> CacheLifetime {
        let asked = self.measured.cache.filter(|_| self.candidate.model.capabilities.marked_caches);
        asked.unwrap_or(CacheLifetime::FiveMinutes)
    }

    /// Whether the body requests cache writes of both lifetimes.
    pub fn mixes_cache_writes(&self) -> bool {
        self.measured.cheapest_cache != self.measured.cache && self.candidate.model.capabilities.marked_caches
    }

    pub(super) fn call(
        &self,
        provider: &dyn Provider,
        token: SecretString,
        limit: Duration,
    ) -> Result<UpstreamCall, UpstreamError> {
        let url = provider.url(&self.candidate.route.upstream, self.mode)?;
        Ok(UpstreamCall { url, token, header: self.header.clone(), body: self.body.clone(), mode: self.mode, limit })
    }

    /// Continues with another body on the same route. The route's refusal of the first body shows that it works. Returns false
    /// if it is the same body.
    pub(super) fn continue_with(&mut self, other: Self) -> bool {
        let differs = other.body != self.body;
        if differs {
            *self = Self { circuit: CircuitState::Closed, tries: self.tries, ..other };
        }
        differs
    }

    pub(super) fn attempt(&self, status: u16, started: Instant) -> Attempt {
        Attempt { provider: self.candidate.route.provider, status, ms: started.elapsed().as_millis() }
    }
}

/// The price limit for prices that move: the hold does not cover a more expensive host.
fn price_limit(provider: &dyn Provider, tariff: &Tariff) -> Option<(&'static str, String)> {
    let dearest = tariff.long_context.map_or(tariff.price, |tier| tier.price);
    let (prompt, reply) = (dearest.input.per_million(), dearest.output.per_million());
    if tariff.moves { provider.price_limit(prompt, reply) } else { None }
}

/// The name under which a route's state is stored.
fn name_of(route: &Route, mode: Mode) -> RouteName {
    match mode {
        Mode::Streaming | Mode::Whole => RouteName::new(route.provider, &route.upstream),
        Mode::Count => RouteName::counting(route.provider, &route.upstream),
    }
}

/// The mode of the upstream call: the mode that the route requires, whatever the client wants. Exception: a count is always
/// a count.
fn upstream_mode(asked: Mode, transfer: Transfer) -> Mode {
    match (asked, transfer) {
        (Mode::Count, _) => Mode::Count,
        (Mode::Streaming | Mode::Whole, Transfer::Stream) => Mode::Streaming,
        (Mode::Streaming | Mode::Whole, Transfer::Whole) => Mode::Whole,
    }
}
