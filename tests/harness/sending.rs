//! Prepares requests with the library, without a server: the body that a route would be sent.

use std::collections::HashMap;

use gateway::catalog::{Model, Route};
use gateway::error::GatewayError;
use gateway::ids::ProviderId;
use gateway::translate::outbound::{self, Destination, RequestExtras};
use gateway::translate::{Conversion, Outbound};
use gateway::wire::native::{Files, ProviderFields};
use gateway::wire::target::OutputBounds;
use gateway::wire::{self, ClientFormat, WireFormat};
use serde_json::Value;

/// A request as it is sent to a route, without the fields that the provider's own module adds.
#[derive(Debug)]
pub struct Sent {
    /// The upstream body.
    pub body: Vec<u8>,
    /// How the reply is converted for the client.
    pub conversion: Conversion,
    /// The fields that are named in `x-gateway-dropped`.
    pub dropped: Vec<String>,
    /// The attached documents that are not text.
    pub files: Files,
}

/// The wire format of each provider.
pub fn wire_of(provider: ProviderId) -> WireFormat {
    match provider {
        ProviderId::VertexGemini => WireFormat::Gemini,
        ProviderId::VertexClaude => WireFormat::Anthropic,
        ProviderId::OpenRouter => WireFormat::OpenAi,
    }
}

/// Prepares a body for a route, with these Anthropic betas.
pub fn send_along(
    format: ClientFormat,
    body: &str,
    model: &Model,
    route: &Route,
    betas: &[&str],
) -> Result<Sent, GatewayError> {
    let wire = wire_of(route.provider);
    send_to(format, body, Destination { model, route, wire, output: OutputBounds::NONE }, betas)
}

/// Prepares a body for a destination, with these Anthropic betas.
pub fn send_to(format: ClientFormat, body: &str, to: Destination<'_>, betas: &[&str]) -> Result<Sent, GatewayError> {
    let request = wire::open_request(format, body.to_owned())?;
    let extras = RequestExtras { betas, signatures: &HashMap::new(), thoughts: None };
    let Outbound { body, conversion, dropped, files } = outbound::outbound(&request, to, extras)?;
    Ok(Sent { body: body.finish(&ProviderFields::default())?, conversion, dropped, files })
}

/// Prepares a body for a model's first route.
pub fn send(format: ClientFormat, body: &str, model: &Model) -> Result<Sent, GatewayError> {
    let route = model.routes.first().ok_or_else(|| GatewayError::internal("a model without routes"))?;
    send_along(format, body, model, route, &[])
}

/// Whether every text of a value occurs somewhere in the sent body. It may be at another place, or inside a longer text. The
/// labels of a value (`type`, `role`) may differ.
pub fn tells(sent: &Value, value: &Value) -> bool {
    let (mut said, mut asked) = (Vec::new(), Vec::new());
    collect_texts(sent, &mut said);
    collect_texts(value, &mut asked);
    asked.iter().all(|text| said.iter().any(|said| said.contains(*text)))
}

fn collect_texts<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.extend(Some(text.trim_end())),
        Value::Array(list) => list.iter().for_each(|value| collect_texts(value, texts)),
        Value::Object(fields) => {
            let told = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "type" | "role" | "ttl" | "effort"));
            told.for_each(|(_, value)| collect_texts(value, texts));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
