//! The `reconcile` function: runs by schedule and resolves what dead processes left behind.

use gateway::ledger::{self, Timestamp};
use gateway::{flow::Gateway, telemetry};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let gateway = Gateway::from_environment().await?;
    let handler =
        |_: LambdaEvent<IgnoredAny>| async { Ok::<_, Error>(ledger::reconcile(&gateway.store, Timestamp::now()).await?) };
    run(service_fn(handler)).await
}
