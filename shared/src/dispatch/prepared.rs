//! A request in one route's words, and the request itself, from which other routes' words can be made.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use tokio::time::Instant;

use super::attempts::Attempt;
use super::{Upstreams, not_configured};
use crate::catalog::{Candidate, Model, Route, Tariff, Transfer};
use crate::chat::request::CacheLifetime;
use crate::circuit::CircuitState;
use crate::document::Document;
use crate::error::{GatewayError, UpstreamError};
use crate::ids::KeyId;
use crate::providers::{Provider, UpstreamCall};
use crate::retry::Tries;
use crate::store::items::RouteName;
use crate::translate::outbound::{self, Destination, RequestExtras};
use crate::translate::{Conversion, Outbound};
use crate::wire::target::OutputBounds;
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::{ClientRequest, Measured, Mode};

/// What a client asks, with everything that decides how it is sent.
#[derive(Clone, Debug)]
pub struct RoutableRequest {
    /// Whose it is, for what a route's circuit learns; `None` for one of the operator's own.
    pub key: Option<KeyId>,
    /// The request.
    pub request: ClientRequest,
    /// The model that was asked for.
    pub model: Arc<Model>,
    /// The ways to it, in order of preference.
    pub candidates: Vec<Candidate>,
    /// The ways to what replaces it, where it is not served any more.
    pub replacements: Vec<Candidate>,
    /// Anthropic's betas that Vertex takes.
    pub betas: Vec<&'static str>,
    /// What no route takes, by path.
    pub dropped: Vec<String>,
    /// Gemini's signatures by tool-call id, from the vault.
    pub signatures: HashMap<String, String>,
    /// What reads and writes the thoughts that the client keeps; `None` where the deployment has no secret for it.
    pub thoughts: Option<ThoughtKeys>,
}

impl RoutableRequest {
    /// A request of the operator's own for a model along these ways, with nothing beside its body.
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

/// One route for a request, and how the request fares on it.
#[derive(Debug)]
pub struct PreparedRequest {
    /// The model and the route.
    pub candidate: Candidate,
    /// How the reply comes back.
    pub conversion: Conversion,
    /// What the route cannot carry, by path.
    pub dropped: Vec<String>,
    pub(super) name: RouteName,
    pub(super) circuit: CircuitState,
    pub(super) tries: Tries,
    /// How the provider is asked for its reply.
    pub(super) mode: Mode,
    /// The token of the last attempt.
    pub(super) token: Option<SecretString>,
    /// How long the model may think before its first event.
    pub(super) first_event: Duration,
    body: Bytes,
    /// The body's sizes.
    measured: Measured,
    /// The output limit that the body would have if it must say one.
    default_output: u64,
    /// Whether the body had to say its limit.
    pub(super) must_say: bool,
    /// Whether neither the client nor the wire asks for a limit.
    pub(super) may_be_silent: bool,
}

impl PreparedRequest {
    /// The request in a route's words, within these bounds. Fails with 400 when the route cannot carry it.
    pub(super) fn new(
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

    /// Bytes of the body that goes upstream.
    pub fn body_bytes(&self) -> u64 {
        self.body.len() as u64
    }

    /// What the body holds, by size.
    pub fn measured(&self) -> &Measured {
        &self.measured
    }

    /// The most tokens that a reply has: the limit in the body, or the one that it would have if it must say one.
    pub fn output_limit(&self) -> u64 {
        self.measured.output_limit.unwrap_or(self.default_output)
    }

    /// How long what the body has written to a cache lives there: the longest lifetime that it asks for, of models that let it choose.
    pub fn cache_writes(&self) -> CacheLifetime {
        let asked = self.measured.cache.filter(|_| self.candidate.model.capabilities.marked_caches);
        asked.unwrap_or(CacheLifetime::FiveMinutes)
    }

    /// Whether the body asks for cache writes of both lifetimes.
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
        Ok(UpstreamCall { url, token, body: self.body.clone(), mode: self.mode, limit })
    }

    pub(super) fn attempt(&self, status: u16, started: Instant) -> Attempt {
        Attempt { provider: self.candidate.route.provider, status, ms: started.elapsed().as_millis() }
    }
}

/// The limit of prices that move: what is held is not enough for a dearer host.
fn price_limit(provider: &dyn Provider, tariff: &Tariff) -> Option<(&'static str, String)> {
    let dearest = tariff.long_context.map_or(tariff.price, |tier| tier.price);
    let (prompt, reply) = (dearest.input.per_million(), dearest.output.per_million());
    if tariff.moves { provider.price_limit(prompt, reply) } else { None }
}

/// The name under which what a call shows of its route is kept.
fn name_of(route: &Route, mode: Mode) -> RouteName {
    match mode {
        Mode::Streaming | Mode::Whole => RouteName::new(route.provider, &route.upstream),
        Mode::Count => RouteName::counting(route.provider, &route.upstream),
    }
}

/// How a provider is asked: as its route wants it, whatever the client wants. Only a count is always a count.
fn upstream_mode(asked: Mode, transfer: Transfer) -> Mode {
    match (asked, transfer) {
        (Mode::Count, _) => Mode::Count,
        (Mode::Streaming | Mode::Whole, Transfer::Stream) => Mode::Streaming,
        (Mode::Streaming | Mode::Whole, Transfer::Whole) => Mode::Whole,
    }
}
