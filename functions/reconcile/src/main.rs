//! The `reconcile` function: runs on a schedule, returns the holds of dead processes, and reads the list of models.

use gateway::{runtime::Fault, scheduled::Schedule, telemetry};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Fault> {
    telemetry::start();
    let schedule = Schedule::from_environment()?;
    let handler = |_: LambdaEvent<IgnoredAny>| async { Ok::<_, Error>(schedule.run().await?) };
    Ok(run(service_fn(handler)).await?)
}
