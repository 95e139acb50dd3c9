//! Sends the SDK's calls with the HTTP client of the provider calls. The SDK's own transport would link hyper, HTTP/2 and
//! rustls's connector a second time: half a megabyte of every binary, which a cold start has to read.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::http_client::{self, Connections};

/// The SDK's default time limit for opening a connection. If a function sets a shorter limit per attempt, that applies.
const CONNECT: Duration = Duration::from_millis(3100);
/// The SDK's default time for keeping idle connections.
const POOL_IDLE: Duration = Duration::from_secs(90);

/// A client for the SDK that trusts these roots (PEM). Invalid certificates are skipped; calls then fail with an error.
/// Nothing is built before the first call.
pub fn http_client(roots: &[u8]) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector { roots: roots.to_vec(), client: OnceLock::new() });
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector {
    roots: Vec<u8>,
    client: OnceLock<reqwest::Client>,
}

impl Connector {
    fn client(&self) -> Result<reqwest::Client, ConnectorError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = build(&self.roots).map_err(|error| ConnectorError::other(error, None))?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.client();
        HttpConnectorFuture::new(async move { send(client?, request).await })
    }
}

async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let request = request.map(reqwest::Body::wrap);
    let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;
    let response = client.execute(request).await.map_err(sort)?;
    let response = http::Response::from(response).map(SdkBody::from_body_1_x);
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}

/// Maps a failure to the names that the SDK's retries use. If the connection broke before an answer, another connection may
/// work.
fn sort(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

fn build(roots: &[u8]) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let mut store = rustls::RootCertStore::empty();
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(roots).filter_map(Result::ok));
    http_client::build(store, Connections { connect: CONNECT, idle: POOL_IDLE })
}
