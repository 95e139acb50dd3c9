//! `GET /health`: which providers can be reached, without asking any of them.

use http::{Response, StatusCode};
use serde::Serialize;

use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::ids::ProviderId;
use crate::respond::{self, Body};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    providers: ProviderHealth,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProviderHealth {
    vertex_gemini: bool,
    vertex_claude: bool,
    openrouter: bool,
}

pub(super) async fn handle(gateway: &Gateway) -> Result<Response<Body>, GatewayError> {
    let upstreams = &gateway.upstreams;
    upstreams.circuits.refresh().await;
    let healthy = |provider| upstreams.providers.is_configured(provider) && upstreams.circuits.is_healthy(provider);
    let providers = ProviderHealth {
        vertex_gemini: healthy(ProviderId::VertexGemini),
        vertex_claude: healthy(ProviderId::VertexClaude),
        openrouter: healthy(ProviderId::OpenRouter),
    };
    let any = ProviderId::ALL.into_iter().any(healthy);
    let status = if any { "ok" } else { "unavailable" };
    let mut response = respond::json(&Health { status, providers })?;
    if !any {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        respond::set_header(&mut response, "retry-after", "30");
    }
    Ok(response)
}
