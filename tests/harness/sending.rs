//! Requests through the library alone: what a route is sent.

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

/// A request as a route gets it, but for what its provider adds.
#[derive(Debug)]
pub struct Sent {
    /// The upstream body.
    pub body: Vec<u8>,
    /// How the reply comes back.
    pub conversion: Conversion,
    /// What is named as dropped.
    pub dropped: Vec<String>,
    /// The documents that are no text.
    pub files: Files,
}

/// What each provider speaks.
pub fn wire_of(provider: ProviderId) -> WireFormat {
    match provider {
        ProviderId::VertexGemini => WireFormat::Gemini,
        ProviderId::VertexClaude => WireFormat::Anthropic,
        ProviderId::OpenRouter => WireFormat::OpenAi,
    }
}

/// Sends a body along a route, with these betas of Anthropic's.
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

/// Sends a body to a destination, with these betas of Anthropic's.
pub fn send_to(format: ClientFormat, body: &str, to: Destination<'_>, betas: &[&str]) -> Result<Sent, GatewayError> {
    let request = wire::open_request(format, body.to_owned())?;
    let extras = RequestExtras { betas, signatures: &HashMap::new(), thoughts: None };
    let Outbound { body, conversion, dropped, files } = outbound::outbound(&request, to, extras)?;
    Ok(Sent { body: body.finish(&ProviderFields::default())?, conversion, dropped, files })
}

/// Sends a body along a model's first route.
pub fn send(format: ClientFormat, body: &str, model: &Model) -> Result<Sent, GatewayError> {
    let route = model.routes.first().ok_or_else(|| GatewayError::internal("a model without routes"))?;
    send_along(format, body, model, route, &[])
}

/// Whether every text of a value is told somewhere in what is sent, perhaps at another place or inside a longer text. What a value
/// is called (`type`, `role`) may change.
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
