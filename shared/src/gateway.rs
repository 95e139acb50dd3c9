//! Everything that lives as long as the process: configuration, catalogue, table, admission, upstreams.

use std::sync::{Arc, OnceLock};

use crate::admission::Admission;
use crate::catalog::Catalog;
use crate::circuit::Circuits;
use crate::config::Config;
use crate::dispatch::Upstreams;
use crate::error::GatewayError;
use crate::open_catalog::OpenCatalog;
use crate::providers::{Provider, Providers, Reachability, Transport};
use crate::reason::Reason;
use crate::retry::RetryBudget;
use crate::store::Store;
use crate::wire::Mode;

/// Everything that lives as long as the process.
pub struct Gateway {
    /// The configuration.
    pub config: Config,
    /// The models. The embedded catalogue is parsed with the first request that needs it, because this takes a third of a
    /// cold start.
    catalog: OnceLock<Catalog>,
    /// Models that only OpenRouter's list has, if the deployment serves them.
    pub open: Option<OpenCatalog>,
    /// The table.
    pub store: Store,
    /// Admission of requests.
    pub admission: Admission,
    /// The routes to the models.
    pub upstreams: Upstreams,
    /// Which providers accept connections, for `health`.
    pub reachability: Reachability,
}

impl Gateway {
    /// Builds everything from the environment.
    pub fn from_environment() -> Result<Arc<Self>, Box<dyn std::error::Error + Send + Sync>> {
        Self::new(Config::from_environment()?)
    }

    /// Builds everything. Calls nothing. Fails if a credential or the catalogue's file cannot be used; the error names the
    /// variable.
    pub fn new(config: Config) -> Result<Arc<Self>, Box<dyn std::error::Error + Send + Sync>> {
        let store = Store::connect(&config.table);
        let upstreams = Upstreams {
            providers: Providers::new(&config.providers)?,
            transport: Transport::new(config.providers.limits),
            circuits: Circuits::new(store.clone()),
            budget: RetryBudget::default(),
            markups: config.markups.clone(),
        };
        let admission = Admission::new(store.clone(), config.reads_per_minute);
        let catalog = OnceLock::new();
        if let Some(file) = &config.model_catalog {
            // At the start, unlike the embedded catalogue: an unusable file must not wait for the first request.
            drop(catalog.set(Catalog::from_file(file).map_err(|error| format!("MODEL_CATALOG: {error}"))?));
        }
        let open = config.open_catalog.then(|| OpenCatalog::new(store.clone()));
        Ok(Arc::new(Self { config, catalog, open, store, admission, upstreams, reachability: Reachability::default() }))
    }

    /// The models.
    pub fn catalog(&self) -> Result<&Catalog, GatewayError> {
        if let Some(catalog) = self.catalog.get() {
            return Ok(catalog);
        }
        let catalog = Catalog::embedded().map_err(|_| GatewayError::internal("the embedded catalogue cannot be read"))?;
        Ok(self.catalog.get_or_init(|| catalog))
    }

    /// Reads secrets from SSM during INIT, where time is cheap, and with `WARMUP` also opens connections and fetches tokens.
    /// For functions that call providers. A failure is only logged.
    pub async fn warm_up(&self) {
        let secrets =
            self.upstreams.providers.iter().map(|provider| provider.credential().preload(&self.upstreams.transport));
        for error in futures_util::future::join_all(secrets).await.into_iter().filter_map(Result::err) {
            tracing::warn!(cause = %error.cause(), "a secret could not be read");
        }
        if !self.config.warmup {
            return;
        }
        let providers = self.upstreams.providers.iter().map(|provider| self.warm_up_provider(provider));
        let (store, providers) = futures_util::join!(self.store.warm_up(), futures_util::future::join_all(providers));
        for cause in store.err().map(|error| error.reason().clone()).into_iter().chain(providers.into_iter().flatten()) {
            tracing::warn!(%cause, "warm-up failed");
        }
    }

    /// With `WARMUP`, opens the connection to the table and parses the catalogue. For functions that never call a provider.
    pub async fn warm_up_table(&self) {
        if self.config.warmup {
            let catalog = self.catalog().err().map(|error| error.reason());
            let store = self.store.warm_up().await.err().map(|error| error.reason().clone());
            for cause in store.into_iter().chain(catalog) {
                tracing::warn!(%cause, "warm-up failed");
            }
        }
    }

    /// Fetches a provider's token and opens a connection to it. Returns the reason if this fails.
    async fn warm_up_provider(&self, provider: &dyn Provider) -> Option<Reason> {
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
        token.map(drop).and(connected).err().map(|error| error.cause())
    }
}
