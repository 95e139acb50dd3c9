//! A function that only forwards a request to OpenRouter, and its reply: what the runtime and the HTTP client take for a
//! request, for `make bench-http`. It has no keys, no ledger and no translation.

use gateway::http_client::{self, Connections};
use lambda_http::http::header::{AUTHORIZATION, CONTENT_TYPE};
use lambda_http::{Error, Request, Response, run_with_streaming_response, service_fn};
use rustls::RootCertStore;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "it has no configuration of its own")]
async fn main() -> Result<(), Error> {
    let [origin, key] = ["OPENROUTER_BASE_URL", "OPENROUTER_API_KEY"].map(std::env::var);
    let (url, authorization) = (format!("{}/chat/completions", origin?), format!("Bearer {}", key?));
    let connections = Connections { connect: Duration::from_secs(5), idle: Duration::from_mins(1) };
    let client = http_client::build(RootCertStore::empty(), connections)?;
    let handler = service_fn(|request: Request| {
        let call = client.post(&url).header(AUTHORIZATION, &authorization).header(CONTENT_TYPE, "application/json");
        async move {
            let call = call.body(request.into_body().to_vec());
            let (head, body) = Response::<reqwest::Body>::from(call.send().await?).into_parts();
            let mut reply = Response::new(body);
            *reply.status_mut() = head.status;
            reply.headers_mut().extend(head.headers.get(CONTENT_TYPE).map(|kind| (CONTENT_TYPE, kind.clone())));
            Ok::<_, Error>(reply)
        }
    });
    run_with_streaming_response(handler).await
}
