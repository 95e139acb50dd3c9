//! The `responses` function: streams.

use std::convert::Infallible;

use gateway::{endpoints, gateway::Gateway, telemetry};
use lambda_http::{Error, Request, run_with_streaming_response_concurrent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let gateway = Gateway::from_environment()?;
    gateway.warm_up().await;
    let handler = move |request: Request| {
        let gateway = gateway.clone();
        async move { Ok::<_, Infallible>(endpoints::serve(gateway, request).await) }
    };
    run_with_streaming_response_concurrent(service_fn(handler)).await
}
