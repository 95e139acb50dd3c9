//! Whether providers can be connected to, by a TCP connection to each host: no call, no credential, nothing to pay.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Provider, Providers};
use crate::ids::ProviderId;

/// How long a connection may take. A host that is slower says nothing.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(10);

/// Which providers refuse connections, as this environment has seen.
#[derive(Debug, Default)]
pub struct Reachability {
    seen: Mutex<Option<(Instant, Vec<ProviderId>)>>,
}

impl Reachability {
    /// The providers whose hosts have no address or refuse connections. All are tried at once, unless that was just now.
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
    // An address in brackets is one of IPv6.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    matches!(timeout(PATIENCE, TcpStream::connect((host, port))).await, Ok(Err(_)))
}
