//! `GET /health`: which providers are available, without any paid call.

use http::{Response, StatusCode};
use serde::{Serialize, Serializer};

use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ids::ProviderId;
use crate::respond::{self, Body};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    providers: ProviderHealth,
}

/// An object with a field for each provider.
struct ProviderHealth(Vec<(&'static str, bool)>);

impl Serialize for ProviderHealth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

pub(super) async fn handle(gateway: &Gateway) -> Result<Response<Body>, GatewayError> {
    let upstreams = &gateway.upstreams;
    let reached = gateway.reachability.unreachable(&upstreams.providers);
    let ((), refused) = futures_util::join!(upstreams.circuits.refresh(), reached);
    let healthy = |provider| {
        upstreams.providers.is_configured(provider)
            && !refused.contains(&provider)
            && upstreams.circuits.is_healthy(provider)
    };
    let all: Vec<(&'static str, bool)> =
        ProviderId::ALL.into_iter().map(|provider| (provider.health_name(), healthy(provider))).collect();
    let any = all.iter().any(|(_, healthy)| *healthy);
    let status = if any { "ok" } else { "unavailable" };
    let mut response = respond::json(&Health { status, providers: ProviderHealth(all) })?;
    if !any {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        respond::set_header(&mut response, "retry-after", "30");
    }
    Ok(response)
}
