//! The `models` function.

use gateway::{
    endpoints,
    gateway::Gateway,
    runtime::{self, Fault},
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Fault> {
    telemetry::start();
    let gateway = Gateway::from_environment()?;
    gateway.warm_up_table().await;
    runtime::buffered(gateway, endpoints::serve_reads).await
}
