//! The scheduled work: ends the holds of dead processes, and updates the open catalogue.

use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::ledger::{Reconciled, reconcile_next};
use crate::open_catalog::{Reading, read_list};
use crate::providers::Transport;
use crate::store::{Store, StoreError};
use crate::telemetry;

/// How long a run searches for dead holds. Including the last hold, which may take four seconds, and slow reads, it ends
/// within a minute. The function's time limit is five minutes.
const TIME: Duration = Duration::from_secs(45);

/// Everything that the scheduled function needs: the table, the models that holds may be for, and access to OpenRouter's
/// list without a credential. A broken credential must not prevent the return of holds.
pub struct Schedule {
    config: Config,
    catalog: Catalog,
    store: Store,
    transport: Transport,
}

impl Schedule {
    /// Builds it from the environment.
    pub fn from_environment() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let config = Config::from_environment()?;
        let store = Store::connect(&config.table);
        let transport = Transport::new(config.providers.limits);
        let catalog = match &config.model_catalog {
            Some(file) => Catalog::from_file(file).map_err(|error| format!("MODEL_CATALOG: {error}"))?,
            None => Catalog::embedded()?,
        };
        Ok(Self { config, catalog, store, transport })
    }

    /// Resolves dead holds, then reads the list of models if it is due. Holds come first, so that a failure of the list
    /// cannot prevent them.
    pub async fn run(&self) -> Result<Reconciled, StoreError> {
        let reconciled = reconcile_next(&self.store, &self.catalog, Timestamp::now(), TIME).await;
        if self.config.open_catalog {
            self.read_list().await;
        }
        reconciled
    }

    /// Reads the list, if it is due. A failure is logged; a refused list is counted, so that an alarm fires.
    async fn read_list(&self) {
        let Some(openrouter) = &self.config.providers.openrouter else { return };
        match read_list(&self.store, &self.transport, &openrouter.base_url, Timestamp::now()).await {
            Ok(Reading::NotDue) => {}
            Ok(Reading::Read { models, gone }) => tracing::info!(event = "models.read", models, models_gone = gone),
            Err(error) => {
                if error.is_refusal() {
                    telemetry::count_refused_list();
                }
                tracing::error!(event = "models.unread", cause = %error, "the open catalogue was not updated");
            }
        }
    }
}
