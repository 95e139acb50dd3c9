//! The `reconcile` function: runs by schedule and resolves what dead processes left behind.

use gateway::ledger::{self, Timestamp};
use gateway::{config::Config, store::Store, telemetry};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    // The table alone: a provider's broken credential is no reason to leave holds behind.
    let config = Config::from_environment()?;
    let store = Store::connect(&config.table_name, config.table_timeout).await;
    let handler = |_: LambdaEvent<IgnoredAny>| async { Ok::<_, Error>(ledger::reconcile(&store, Timestamp::now()).await?) };
    run(service_fn(handler)).await
}
