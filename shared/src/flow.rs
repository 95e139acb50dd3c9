//! A chat request from key to ledger, readable in one screen.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::admission::Admission;
use crate::auth::ApiKey;
use crate::catalog::{Catalog, Model, Route, UnknownModel};
use crate::config::Config;
use crate::error::{ErrorKind, GatewayError};
use crate::ids::RequestId;
use crate::ledger::{self, Outcome, RequestFacts};
use crate::providers::{Provider, Providers, Transport, UpstreamCall};
use crate::pump::{self, Pump};
use crate::respond::{self, Body};
use crate::store::Store;
use crate::translate::outbound::Beside;
use crate::translate::{Outbound, Relay, Stream, Way, inbound, outbound};
use crate::vault;
use crate::wire::anthropic::betas;
use crate::wire::raw::RawObject;
use crate::wire::{self, ClientFormat, ClientRequest, Identity, Mode};

/// A stream ends this long before its function is killed, so that the client hears why and the ledger is written.
const BEFORE_DEADLINE: Duration = Duration::from_secs(5);

/// Everything that lives as long as the process.
pub struct Gateway {
    /// What the environment decides.
    pub config: Config,
    /// The models. Embedded ones are read with the first request that needs them: parsing them is a third of a cold start.
    catalog: OnceLock<Catalog>,
    /// The table.
    pub store: Store,
    /// Who may pass.
    pub admission: Admission,
    /// The upstreams.
    pub providers: Providers,
    transport: Transport,
}

/// A request as an endpoint hands it over.
pub struct Incoming<'a> {
    /// Its id.
    pub id: RequestId,
    /// When it came in.
    pub started: std::time::Instant,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, decompressed.
    pub body: String,
    /// When the function is killed, as time since the epoch; zero or past for never.
    pub deadline: Duration,
}

/// A request that is ready to be sent.
struct Prepared {
    facts: RequestFacts,
    call: UpstreamCall,
    route: Route,
    way: Way,
    mode: Mode,
    include_usage: bool,
    dropped: Vec<String>,
}

impl Gateway {
    /// Builds everything from the environment, and opens connections ahead of the first request when `WARMUP` says so.
    pub async fn from_environment() -> Result<Arc<Self>, Box<dyn std::error::Error + Send + Sync>> {
        let config = Config::from_environment()?;
        let store = Store::connect(&config.table_name).await;
        let providers = Providers::new(&config)?;
        let admission = Admission::new(store.clone());
        let transport = Transport::default();
        let catalog = OnceLock::new();
        if let Some(file) = &config.model_catalog {
            // At the start, unlike the embedded one: a file that cannot be used must not wait for the first request to say so.
            drop(catalog.set(Catalog::from_file(file).map_err(|error| format!("MODEL_CATALOG: {error}"))?));
        }
        let gateway = Self { config, catalog, store, admission, providers, transport };
        Ok(Arc::new(gateway))
    }

    /// The models.
    pub fn catalog(&self) -> Result<&Catalog, GatewayError> {
        if let Some(catalog) = self.catalog.get() {
            return Ok(catalog);
        }
        let catalog = Catalog::embedded().map_err(|error| GatewayError::internal(error.to_string()))?;
        Ok(self.catalog.get_or_init(|| catalog))
    }

    /// Reads secrets from SSM during INIT, where time is cheap, and with `WARMUP` also opens connections and fetches tokens. For
    /// the functions that call providers. A failure is logged and costs nothing else.
    pub async fn warm_up(&self) {
        let secrets = self.providers.iter().map(|provider| provider.credential().preload(&self.transport));
        for error in futures_util::future::join_all(secrets).await.into_iter().filter_map(Result::err) {
            tracing::warn!(cause = error.message, "a secret could not be read");
        }
        if !self.config.warmup {
            return;
        }
        let providers = self.providers.iter().map(|provider| self.warm_up_provider(provider));
        let (store, providers) = futures_util::join!(self.store.warm_up(), futures_util::future::join_all(providers));
        for cause in store.err().map(|error| error.to_string()).into_iter().chain(providers.into_iter().flatten()) {
            tracing::warn!(cause, "warm-up failed");
        }
    }

    /// With `WARMUP`, opens the connection to the table and reads the catalogue: for the functions that never call a provider.
    pub async fn warm_up_table(&self) {
        if self.config.warmup {
            let catalog = self.catalog().err().and_then(|error| error.cause().map(str::to_owned));
            let store = self.store.warm_up().await.err().map(|error| error.to_string());
            for cause in store.into_iter().chain(catalog) {
                tracing::warn!(cause, "warm-up failed");
            }
        }
    }

    /// Fetches a provider's token and opens a connection to it; what went wrong, if anything did.
    async fn warm_up_provider(&self, provider: &dyn Provider) -> Option<String> {
        let mut routes = self.catalog().ok()?.models().flat_map(|model| &model.routes);
        let url =
            routes.find(|route| route.provider == provider.id()).map(|route| provider.url(&route.upstream, Mode::Whole));
        let connected = async {
            match url {
                Some(url) => self.transport.warm_up(&url?).await,
                None => Ok(()),
            }
        };
        let (token, connected) = futures_util::join!(provider.credential().token(&self.transport), connected);
        token.map(drop).and(connected).err().map(|error| error.message)
    }

    /// Answers a chat request of that format.
    pub async fn chat(
        self: &Arc<Self>,
        format: ClientFormat,
        incoming: Incoming<'_>,
    ) -> Result<Response<Body>, GatewayError> {
        let key = ApiKey::from_headers(incoming.headers)?;
        let opened = wire::open_request(format, &incoming.body)?;
        let model = served_model(self.catalog()?, &opened.model)?;
        // The vault is asked beside the key: a history of another format, or without our ids, asks nothing.
        let known = async {
            match format {
                ClientFormat::ChatCompletions => vault::recall(&self.store, key.id(), &incoming.body).await,
                ClientFormat::Messages => HashMap::new(),
            }
        };
        let (permit, signatures) = futures_util::join!(self.admission.authenticate(&key), known);
        let permit = permit?;
        let (mode, include_usage) = (opened.mode, opened.include_usage);
        let asked = incoming.headers.get_all("anthropic-beta").iter().filter_map(|value| value.to_str().ok());
        let (betas, unknown_betas) = betas::for_vertex(asked);
        let (route, provider, outbound) =
            self.route(format, &opened, &model, Beside { betas: &betas, signatures: &signatures })?;
        let Outbound { body, way, mut dropped } = outbound;
        if format == ClientFormat::Messages {
            dropped.extend(unknown_betas.iter().map(|beta| format!("anthropic-beta:{beta}")));
        }
        let body = finish_body(&body, provider, route, mode).map_err(|error| GatewayError::internal(error.to_string()))?;
        let facts = RequestFacts {
            request: incoming.id,
            key: permit.key,
            format: format.as_str(),
            provider: route.provider,
            price_version: self.catalog()?.version().to_owned(),
            input_bytes: body.len() as u64,
            started: incoming.started,
            model: Arc::clone(&model),
        };
        let token = provider.credential().token(&self.transport).await?;
        let call = UpstreamCall { url: provider.url(&route.upstream, mode)?, token, body, mode };
        let prepared = Prepared { facts, call, route: route.clone(), way, mode, include_usage, dropped };
        self.answer(format, prepared, end_of(incoming.deadline)).await
    }

    /// How many input tokens a Messages request has: the provider's own count where it has one, else an estimate. Counts cost
    /// nothing, so they leave no record.
    pub async fn count(&self, incoming: Incoming<'_>) -> Result<u64, GatewayError> {
        let key = ApiKey::from_headers(incoming.headers)?;
        let opened = wire::open_count(&incoming.body)?;
        let model = served_model(self.catalog()?, &opened.model)?;
        self.admission.authenticate(&key).await?;
        let beside = Beside { betas: &[], signatures: &HashMap::new() };
        let (route, provider, outbound) = self.route(ClientFormat::Messages, &opened, &model, beside)?;
        if !provider.counts() {
            return Ok(ledger::estimated_input(&incoming.body));
        }
        let body = finish_body(&outbound.body, provider, route, Mode::Count);
        let body = body.map_err(|error| GatewayError::internal(error.to_string()))?;
        let token = provider.credential().token(&self.transport).await?;
        let call = UpstreamCall { url: provider.url(&route.upstream, Mode::Count)?, token, body, mode: Mode::Count };
        let reply = self.transport.send(call).await?.text().await?;
        Ok(wire::decode_count(&reply)?)
    }

    /// The first configured route, in the catalogue's order, that can carry the request, and the request in its words.
    fn route<'m>(
        &self,
        format: ClientFormat,
        request: &ClientRequest<'_>,
        model: &'m Model,
        beside: Beside<'_>,
    ) -> Result<(&'m Route, &dyn Provider, Outbound), GatewayError> {
        let mut refusal = None;
        for route in &model.routes {
            let Some(provider) = self.providers.get(route.provider) else { continue };
            match outbound::outbound(format, request, (model, route), beside) {
                Ok(outbound) => return Ok((route, provider, outbound)),
                Err(error) if error.kind() == ErrorKind::Unsupported => drop(refusal.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            let message = format!("No provider for {} is configured.", model.id);
            GatewayError::new(ErrorKind::Unavailable, message).with_code("provider_not_configured")
        }))
    }

    async fn answer(
        self: &Arc<Self>,
        format: ClientFormat,
        prepared: Prepared,
        deadline: Option<Instant>,
    ) -> Result<Response<Body>, GatewayError> {
        let Prepared { facts, call, route, way, mode, include_usage, dropped } = prepared;
        let identity = Identity::new(facts.request, facts.model.id.clone(), format);
        let (started, model) = (facts.started, Arc::clone(&facts.model));
        let (mut response, took) = match mode {
            Mode::Streaming => {
                let estimated_input = ledger::estimated_tokens(facts.input_bytes);
                let stream = Stream { format, request: facts.request, identity, include_usage, estimated_input };
                self.stream((facts, call), Relay::new(stream, way), deadline).await?
            }
            Mode::Whole | Mode::Count => {
                let response = self.whole((format, way), (facts, call), &identity, deadline).await?;
                (response, started.elapsed().as_millis())
            }
        };
        respond::set_header(&mut response, "x-gateway-provider", route.provider.as_str());
        respond::set_header(&mut response, "x-gateway-model", route.upstream.as_str());
        respond::set_header(&mut response, "x-gateway-attempts", &format!("{};200;{took}ms", route.provider));
        for (name, value) in deprecation_headers(&model) {
            respond::set_header(&mut response, name, value);
        }
        if !dropped.is_empty() {
            respond::set_header(&mut response, "x-gateway-dropped", &dropped.join(", "));
        }
        Ok(response)
    }

    async fn stream(
        self: &Arc<Self>,
        (facts, call): (RequestFacts, UpstreamCall),
        relay: Relay,
        deadline: Option<Instant>,
    ) -> Result<(Response<Body>, u128), GatewayError> {
        let span = tracing::info_span!("pump", request = %facts.request);
        let (pump, committed, body) = Pump::new(facts, relay, self.store.clone(), deadline);
        let gateway = Arc::clone(self);
        #[expect(clippy::disallowed_methods, reason = "this is the one task: the pump")]
        tokio::spawn(async move { pump.run(&gateway.transport, call).await }.instrument(span));
        let committed = committed.await.map_err(|_| GatewayError::internal("the pump ended without a word"))??;
        Ok((respond::event_stream(body), committed.after_ms))
    }

    async fn whole(
        &self,
        (format, way): (ClientFormat, Way),
        (facts, call): (RequestFacts, UpstreamCall),
        identity: &Identity,
        deadline: Option<Instant>,
    ) -> Result<Response<Body>, GatewayError> {
        let exchange = async {
            let text = self.transport.send(call).await?.text().await?;
            inbound::whole(format, way, &text, identity)
        };
        let result = match deadline {
            Some(at) => timeout_at(at, exchange).await.unwrap_or_else(|_| Err(pump::out_of_time())),
            None => exchange.await,
        };
        let (status, reply) = match result {
            Ok(reply) => (200, Ok(reply)),
            Err(error) => (error.status(), Err(GatewayError::from(error))),
        };
        let seen = reply.as_ref().ok();
        let outcome = Outcome {
            status,
            finish: seen.map(|reply| reply.finish.clone()),
            usage: seen.and_then(|reply| reply.usage),
            output_bytes: seen.map_or(0, |reply| reply.output_bytes),
            upstream_id: seen.map(|reply| reply.upstream_id.clone()).unwrap_or_default(),
            first_event: seen.map(|_| std::time::Instant::now()),
        };
        let signatures = reply.as_ref().map(|reply| reply.signatures.as_slice()).unwrap_or_default();
        let record = ledger::record(&facts, outcome);
        futures_util::join!(ledger::settle(&self.store, &record), vault::remember(&self.store, &facts.key, signatures));
        let reply = reply.inspect_err(|error| pump::log_failure(&facts, error))?;
        Ok(respond::json_bytes(StatusCode::OK, reply.body))
    }
}

/// The provider's last edits of a body.
fn finish_body(body: &[u8], provider: &dyn Provider, route: &Route, mode: Mode) -> Result<Vec<u8>, serde_json::Error> {
    let mut fields = RawObject::from_slice(body)?;
    provider.finish_body(&mut fields, &route.upstream, mode)?;
    fields.to_json()
}

/// When a request must have ended. A local runtime may send a deadline long past: that means none.
fn end_of(deadline: Duration) -> Option<Instant> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let left = deadline.checked_sub(now)?;
    Some(Instant::now() + left.saturating_sub(BEFORE_DEADLINE))
}

/// The model that a client means, if it is still served.
pub fn served_model(catalog: &Catalog, asked: &str) -> Result<Arc<Model>, GatewayError> {
    let model = catalog.resolve(asked).map_err(|unknown| model_not_found(asked, &unknown))?;
    if model.is_gone() { Err(model_gone(&model)) } else { Ok(model) }
}

/// The refusal of a model that its vendor has ended, with the one to use instead.
pub fn model_gone(model: &Model) -> GatewayError {
    let replacement = model.deprecation.as_ref().and_then(|deprecation| deprecation.replacement.as_ref());
    let instead = replacement.map(|id| format!(" Use `{id}` instead.")).unwrap_or_default();
    let error = GatewayError::new(ErrorKind::Gone, format!("The model `{}` is no longer available.{instead}", model.id));
    let error = error.with_code("model_gone").with_param("model").with_hint("GET /v1/models lists every model.");
    deprecation_headers(model).into_iter().fold(error, |error, (name, value)| error.with_header(name, value))
}

/// What an answer says about a model on its way out; nothing about others.
fn deprecation_headers(model: &Model) -> Vec<(&'static str, &str)> {
    let Some(deprecation) = &model.deprecation else { return Vec::new() };
    let replacement = deprecation.replacement.iter().map(|id| ("x-model-replacement", id.as_str()));
    std::iter::once(("x-model-deprecated", deprecation.since.as_str())).chain(replacement).collect()
}

/// The refusal of a name that is no model, with the nearest ones that are.
pub fn model_not_found(asked: &str, unknown: &UnknownModel) -> GatewayError {
    let asked: String = asked.chars().take(80).collect();
    let nearest: Vec<&str> = unknown.nearest.iter().map(crate::ids::ModelId::as_str).collect();
    GatewayError::new(ErrorKind::NotFound, format!("The model `{asked}` does not exist. Nearest: {}.", nearest.join(", ")))
        .with_code("model_not_found")
        .with_param("model")
        .with_hint("GET /v1/models lists every model.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Dialect;

    /// The embedded catalogue with a model of this name and these lines more.
    fn catalog(lines: &str) -> Catalog {
        let own = "[[model]]\nid = \"old-1\"\nname = \"Old\"\nowned_by = \"x\"\nroutes = [[\"openrouter\", \"x/old-1\"]]\n\
                   price = { input = \"1\", output = \"2\" }\ncontext_window = 9\nmax_output_tokens = 9\n\
                   input_modalities = [\"text\"]\nprofile = \"open\"";
        Catalog::parse(&format!("{}\n{own}\n{lines}", include_str!("catalog/models.toml"))).unwrap()
    }

    #[test]
    fn a_model_that_is_gone_is_refused_with_the_one_to_use_instead() {
        let catalog = catalog("deprecated = \"2026-11-30\"\nreplacement = \"gpt-5.2\"\ngone = true");
        let error = served_model(&catalog, "x/old-1").unwrap_err();
        assert_eq!(error.status(Dialect::OpenAi), StatusCode::GONE);
        assert_eq!(error.public_type(Dialect::Anthropic), "not_found_error");
        assert_eq!((error.code(), error.is_retryable()), (Some("model_gone"), false));
        assert_eq!(error.message(), "The model `old-1` is no longer available. Use `gpt-5.2` instead.");
        let response = respond::error(Dialect::OpenAi, &error, RequestId::generate());
        assert_eq!(response.headers()["x-model-deprecated"], "2026-11-30");
        assert_eq!(response.headers()["x-model-replacement"], "gpt-5.2");
    }

    #[test]
    fn a_deprecated_model_is_served_and_its_answers_say_so() {
        let model = served_model(&catalog("deprecated = \"2026-11-30\""), "old-1").unwrap();
        assert_eq!(deprecation_headers(&model), [("x-model-deprecated", "2026-11-30")]);
        let model = served_model(&catalog(""), "old-1").unwrap();
        assert_eq!(deprecation_headers(&model), []);
    }
}
