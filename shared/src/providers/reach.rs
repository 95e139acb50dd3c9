//! Checks whether providers accept connections, with a TCP connection to each host: no call, no credential, no cost.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Provider, Providers};
use crate::ids::ProviderId;

/// Time limit of a connection. A slower host gives no result.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long a result is used.
const FRESH: Duration = Duration::from_secs(10);

/// Providers that refuse connections, as seen by this environment.
#[derive(Debug, Default)]
pub struct Reachability {
    seen: Mutex<Option<(Instant, Vec<ProviderId>)>>,
}

impl Reachability {
    /// The providers whose hosts have no address or refuse connections. Tries all at once, unless that was done a moment
    /// ago.
    pub async fn unreachable(&self, providers: &Providers) -> Vec<ProviderId> {
        if let Some((_, known)) = self.lock().as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return known.clone();
        }
        let tried = join_all(providers.iter().map(|provider| async { (provider.id(), is_refused(provider).await) })).await;
        let refused: Vec<ProviderId> =
            tried.into_iter().filter(|(_, refused)| *refused).map(|(provider, _)| provider).collect();
        *self.lock() = Some((Instant::now(), refused.clone()));
        refused
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Vec<ProviderId>)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn is_refused(provider: &dyn Provider) -> bool {
    let url = provider.base_url();
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return true };
    // An address in brackets is IPv6.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    matches!(timeout(PATIENCE, TcpStream::connect((host, port))).await, Ok(Err(_)))
}
