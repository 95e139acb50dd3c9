//! Builds the HTTP clients of the process, for the providers and for the SDK. The caller decides on trusted roots and time
//! limits.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;

/// Timeouts and idle connections of a client.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Maximum time for opening a connection.
    pub connect: Duration,
    /// How long an idle connection is kept.
    pub idle: Duration,
}

/// A client that trusts these roots and follows no redirects. Fails if TLS cannot be set up.
pub fn build(roots: RootCertStore, connections: Connections) -> Result<reqwest::Client, Box<dyn Error + Send + Sync>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    #[expect(clippy::disallowed_methods, reason = "this is the one place that builds a client")]
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(connections.connect)
        .pool_idle_timeout(connections.idle)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    Ok(client)
}
