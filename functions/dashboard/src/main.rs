//! The `dashboard` function.

use std::convert::Infallible;

use gateway::{endpoints, gateway::Gateway, telemetry};
use lambda_http::{Error, Request, run_concurrent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let gateway = Gateway::from_environment()?;
    gateway.warm_up_table().await;
    let handler = move |request: Request| {
        let gateway = gateway.clone();
        async move { Ok::<_, Infallible>(endpoints::serve_dashboard(gateway, request).await) }
    };
    run_concurrent(service_fn(handler)).await
}
