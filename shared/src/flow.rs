//! A chat request from key to ledger, readable in one screen.

mod served;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::admission::{Admission, Rates, rate_headers, with_rates};
use crate::auth::ApiKey;
use crate::catalog::{Catalog, Model};
use crate::circuit::Circuits;
use crate::config::Config;
use crate::dispatch::{self, AttemptLog, Dispatch, PreparedRequest, ReplyReader, RoutableRequest, Upstreams};
use crate::error::{GatewayError, UpstreamError};
use crate::ids::RequestId;
use crate::ledger::{self, Outcome, RequestFacts, Reservation};
use crate::providers::{Provider, Providers, Transport, UpstreamReply};
use crate::pump::{self, Pump};
use crate::respond::{self, Body};
use crate::retry::{self, RetryBudget, Severity};
use crate::store::Store;
use crate::translate::{Stream, inbound};
use crate::vault;
use crate::wire::anthropic::betas;
use crate::wire::{self, ClientFormat, ClientRequest, Identity, Mode, WholeReply};

use served::deprecation_headers;
pub use served::{model_gone, model_not_found, served_model};

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
    /// The ways to the models.
    pub upstreams: Upstreams,
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
    /// The caller's address, as far as the front knows it.
    pub address: Option<IpAddr>,
    /// When the function is killed, as time since the epoch; zero or past for never.
    pub deadline: Duration,
}

impl Gateway {
    /// Builds everything from the environment.
    pub async fn from_environment() -> Result<Arc<Self>, Box<dyn std::error::Error + Send + Sync>> {
        let config = Config::from_environment()?;
        let store = Store::connect(&config.table_name, config.table_timeout).await;
        let upstreams = Upstreams {
            providers: Providers::new(&config)?,
            transport: Transport::new(config.upstream_limits),
            circuits: Circuits::new(store.clone()),
            budget: RetryBudget::default(),
        };
        let admission = Admission::new(store.clone());
        let catalog = OnceLock::new();
        if let Some(file) = &config.model_catalog {
            // At the start, unlike the embedded one: a file that cannot be used must not wait for the first request to say so.
            drop(catalog.set(Catalog::from_file(file).map_err(|error| format!("MODEL_CATALOG: {error}"))?));
        }
        Ok(Arc::new(Self { config, catalog, store, admission, upstreams }))
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
        let secrets =
            self.upstreams.providers.iter().map(|provider| provider.credential().preload(&self.upstreams.transport));
        for error in futures_util::future::join_all(secrets).await.into_iter().filter_map(Result::err) {
            tracing::warn!(cause = error.message, "a secret could not be read");
        }
        if !self.config.warmup {
            return;
        }
        let providers = self.upstreams.providers.iter().map(|provider| self.warm_up_provider(provider));
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
                Some(url) => self.upstreams.transport.warm_up(&url?).await,
                None => Ok(()),
            }
        };
        let (token, connected) = futures_util::join!(provider.credential().token(&self.upstreams.transport), connected);
        token.map(drop).and(connected).err().map(|error| error.message)
    }

    /// Answers a chat request of that format.
    pub async fn chat(
        self: &Arc<Self>,
        format: ClientFormat,
        incoming: Incoming<'_>,
    ) -> Result<Response<Body>, GatewayError> {
        let deadline = dispatch::end_of(incoming.deadline);
        let key = ApiKey::from_headers(incoming.headers)?;
        let text = Arc::new(incoming.body);
        let opened = wire::open_request(format, &text)?;
        let model = served_model(self.catalog()?, &opened.model)?;
        // The vault is asked beside the key: a history of another format, or without our ids, asks nothing.
        let known = async {
            match format {
                ClientFormat::ChatCompletions => vault::recall(&self.store, key.id(), &text).await,
                ClientFormat::Messages => HashMap::new(),
            }
        };
        let lease = deadline.saturating_duration_since(Instant::now()) + ledger::LEASE_AFTER_END;
        let demand = ledger::demand(&key, incoming.id, (&opened, &model), (self.config.markup_permille, lease));
        let asked = demand.output_tokens;
        let admitted = self.admission.admit(&key, demand, incoming.address);
        let (permit, signatures, ()) = futures_util::join!(admitted, known, self.upstreams.circuits.refresh());
        let permit = permit?;
        let facts = RequestFacts {
            request: incoming.id,
            key: permit.key.clone(),
            format: format.as_str(),
            price_version: self.catalog()?.version().to_owned(),
            started: incoming.started,
            reservation: Reservation { hold: permit.hold.clone(), uncertain: permit.uncertain },
            markup_permille: self.config.markup_permille,
            model,
        };
        let request = request(format, incoming.headers, (opened.mode, &text), Arc::clone(&facts.model));
        let output_limit = (permit.output_tokens < asked).then_some(permit.output_tokens);
        let answer = self.answer(RoutableRequest { signatures, ..request }, &opened, facts, (output_limit, deadline)).await;
        Ok(match &permit.rates {
            Some(rates) => show_rates(rates, answer)?,
            None => answer?,
        })
    }

    /// Sends an admitted request on its way. One that finds none gives back what it took.
    async fn answer(
        self: &Arc<Self>,
        request: RoutableRequest,
        opened: &ClientRequest<'_>,
        facts: RequestFacts,
        (output_limit, deadline): (Option<u64>, Instant),
    ) -> Result<Response<Body>, GatewayError> {
        let (format, mode, include_usage) = (request.format, opened.mode, opened.include_usage);
        let begun = match output_limit {
            Some(limit) => self.begin_lowered(request, opened, limit, deadline).await,
            None => Dispatch::begin(&self.upstreams, request, opened, deadline).await,
        };
        let dispatch = match begun {
            Ok(dispatch) => dispatch,
            Err(error) => {
                ledger::withdraw(&self.store, &facts.key, facts.request, &facts.reservation).await;
                return Err(error);
            }
        };
        ledger::log_intent(&facts, dispatch.prepared().route.provider);
        match mode {
            Mode::Streaming => {
                let identity = Identity::new(facts.request, facts.model.id.clone(), format);
                let stream = Stream { format, request: facts.request, identity, include_usage, estimated_input: 0 };
                self.stream(facts, stream, dispatch, deadline).await
            }
            Mode::Whole | Mode::Count => self.whole(format, facts, dispatch, deadline).await,
        }
    }

    /// Begins with the output limit that balance and rate afford instead of the client's own.
    async fn begin_lowered(
        &self,
        request: RoutableRequest,
        opened: &ClientRequest<'_>,
        limit: u64,
        deadline: Instant,
    ) -> Result<Dispatch, GatewayError> {
        let (field, text) = opened.with_output_limit(limit)?;
        let text = Arc::new(text);
        // Nothing that is derived from the request, such as the room for thinking, may go beyond what is held.
        let model = Model { max_output_tokens: limit, ..Model::clone(&request.model) };
        let mut request = RoutableRequest { text: Arc::clone(&text), model: Arc::new(model), ..request };
        request.dropped.push(field.to_owned());
        let opened = wire::open_request(request.format, &text)?;
        Dispatch::begin(&self.upstreams, request, &opened, deadline).await
    }

    /// How many input tokens a Messages request has: the provider's own count where it has one, else an estimate. Counts cost
    /// nothing, so they leave no record.
    pub async fn count(&self, incoming: Incoming<'_>) -> Result<u64, GatewayError> {
        let deadline = dispatch::end_of(incoming.deadline);
        let key = ApiKey::from_headers(incoming.headers)?;
        let text = Arc::new(incoming.body);
        let opened = wire::open_count(&text)?;
        let model = served_model(self.catalog()?, &opened.model)?;
        let recognised = self.admission.authenticate(&key, incoming.address);
        let (permit, ()) = futures_util::join!(recognised, self.upstreams.circuits.refresh());
        permit?;
        let estimate = || ledger::estimated_input(&text);
        if !model.routes.iter().any(|route| self.upstreams.serves(route, Mode::Count)) {
            return Ok(estimate());
        }
        // Vertex counts without betas.
        let request = request(ClientFormat::Messages, &HeaderMap::new(), (Mode::Count, &text), model);
        let mut dispatch = Dispatch::begin(&self.upstreams, request, &opened, deadline).await?;
        let counted = dispatch.run(&self.upstreams, &Counting).await;
        dispatch.judge(&self.upstreams, counted.is_ok(), None);
        dispatch.share().await;
        match counted {
            Err(error) if retry::severity(&error) != Severity::Final => Ok(estimate()),
            counted => Ok(counted?),
        }
    }

    async fn stream(
        self: &Arc<Self>,
        facts: RequestFacts,
        stream: Stream,
        dispatch: Dispatch,
        deadline: Instant,
    ) -> Result<Response<Body>, GatewayError> {
        let span = tracing::info_span!("pump", request = %facts.request);
        let model = Arc::clone(&facts.model);
        let (pump, committed, body) = Pump::new(facts, stream, self.store.clone(), (dispatch.log(), deadline));
        let gateway = Arc::clone(self);
        #[expect(clippy::disallowed_methods, reason = "this is the one task: the pump")]
        tokio::spawn(async move { pump.run(&gateway.upstreams, dispatch).await }.instrument(span));
        let log = committed.await.map_err(|_| GatewayError::internal("the pump ended without a word"))??;
        let mut response = respond::event_stream(body);
        show(&log, &model, &mut response);
        Ok(response)
    }

    async fn whole(
        &self,
        format: ClientFormat,
        facts: RequestFacts,
        mut dispatch: Dispatch,
        deadline: Instant,
    ) -> Result<Response<Body>, GatewayError> {
        let identity = Identity::new(facts.request, facts.model.id.clone(), format);
        let reader = WholeReader { format, identity };
        let result = timeout_at(deadline, dispatch.run(&self.upstreams, &reader)).await;
        let result = result.unwrap_or_else(|_| Err(pump::out_of_time()));
        dispatch.judge(&self.upstreams, result.is_ok(), None);
        let log = dispatch.log().read();
        let outcome = whole_outcome(&result, &log, dispatch.prepared().body_bytes());
        let record = ledger::record(&facts, outcome);
        let signatures = result.as_ref().map(|reply| reply.signatures.as_slice()).unwrap_or_default();
        let kept = vault::remember(&self.store, &facts.key, signatures);
        futures_util::join!(ledger::settle(&self.store, &facts, &record), kept, dispatch.share());
        let reply =
            result.map_err(|error| GatewayError::from(error).with_header("x-gateway-attempts", log.attempts_text()))?;
        let mut response = respond::json_bytes(StatusCode::OK, reply.body);
        show(&log, &facts.model, &mut response);
        Ok(response)
    }
}

/// Reads a whole reply.
struct WholeReader {
    format: ClientFormat,
    identity: Identity,
}

impl ReplyReader for WholeReader {
    type Read = WholeReply;

    async fn read(&self, prepared: &PreparedRequest, reply: UpstreamReply) -> Result<WholeReply, UpstreamError> {
        inbound::whole(self.format, prepared.conversion.clone(), &reply.text().await?, &self.identity)
    }
}

/// Reads a provider's count.
struct Counting;

impl ReplyReader for Counting {
    type Read = u64;

    async fn read(&self, _leg: &PreparedRequest, reply: UpstreamReply) -> Result<u64, UpstreamError> {
        wire::decode_count(&reply.text().await?)
    }
}

/// What a client asks, before the vault was asked.
fn request(
    format: ClientFormat,
    headers: &HeaderMap,
    (mode, text): (Mode, &Arc<String>),
    model: Arc<Model>,
) -> RoutableRequest {
    let asked = headers.get_all("anthropic-beta").iter().filter_map(|value| value.to_str().ok());
    let (betas, unknown) = betas::for_vertex(asked);
    let dropped = match format {
        ClientFormat::ChatCompletions => Vec::new(),
        ClientFormat::Messages => unknown.iter().map(|beta| format!("anthropic-beta:{beta}")).collect(),
    };
    RoutableRequest { format, mode, text: Arc::clone(text), model, betas, dropped, signatures: HashMap::new() }
}

fn whole_outcome(result: &Result<WholeReply, UpstreamError>, log: &AttemptLog, input_bytes: u64) -> Outcome {
    let seen = result.as_ref().ok();
    Outcome {
        status: result.as_ref().map_or_else(UpstreamError::status, |_| 200),
        provider: log.route.provider,
        attempts: log.calls(),
        input_bytes,
        finish: seen.map(|reply| reply.finish.clone()),
        usage: seen.and_then(|reply| reply.usage),
        output_bytes: seen.map_or(0, |reply| reply.output_bytes),
        upstream_id: seen.map(|reply| reply.upstream_id.clone()).unwrap_or_default(),
        first_event: seen.map(|_| std::time::Instant::now()),
    }
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
    respond::set_header(response, "x-gateway-provider", log.route.provider.as_str());
    respond::set_header(response, "x-gateway-model", log.route.upstream.as_str());
    respond::set_header(response, "x-gateway-attempts", &log.attempts_text());
    for (name, value) in deprecation_headers(model) {
        respond::set_header(response, name, value);
    }
    if !log.dropped.is_empty() {
        respond::set_header(response, "x-gateway-dropped", &log.dropped.join(", "));
    }
}
