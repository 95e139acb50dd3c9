//! The `responses` function: streams.

use gateway::{
    gateway::Gateway,
    runtime::{self, Fault},
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Fault> {
    telemetry::start();
    let gateway = Gateway::from_environment()?;
    gateway.warm_up().await;
    runtime::stream(gateway).await
}
