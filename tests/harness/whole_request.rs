//! A whole request through the library, as a function handles it, but without a network: open the request, compute the hold,
//! prepare the upstream body, relay the reply. Used for cost measurements.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use gateway::auth::{ApiKey, mint};
use gateway::catalog::{Catalog, Model};
use gateway::circuit::Circuits;
use gateway::config::{Config, Markups};
use gateway::dispatch::{Allowance, Dispatch, Plan, RoutableRequest, Upstreams};
use gateway::ledger::{Applicant, Sent};
use gateway::protocol::Demand;
use gateway::providers::{Providers, Transport};
use gateway::retry::RetryBudget;
use gateway::store::Store;
use gateway::wire::target::OutputBounds;
use gateway::wire::{self, ClientFormat, WireFormat};
use gateway::{body, ledger};
use gateway_dev::simulator::service_account_json;
use http::HeaderMap;
use serde_json::json;
use tokio::time::Instant;

use crate::long::stream;
use crate::relaying::{self, Relayed, relay_from};

/// Events of a short reply.
const EVENTS: usize = 20;

/// A Messages request like those of a coding agent. Its tools have about this many bytes.
pub fn messages(model: &str, bytes: usize) -> Bytes {
    let tool = |number: usize| {
        json!({
            "name": format!("tool_{number}"),
            "description": "Reads a file of the project and returns its lines, each with its number before it.",
            "input_schema": {"type": "object", "properties": {
                "path": {"type": "string", "description": "The file's path."},
                "offset": {"type": "integer"}, "limit": {"type": "integer"}
            }, "required": ["path"]}
        })
    };
    let mut messages = vec![json!({"role": "user", "content": "Mend the parser, please."})];
    let mut body = String::new();
    while body.len() < bytes {
        let number = messages.len();
        let (id, lines) =
            (format!("toolu_{number}"), format!("{number}\tlet value = read(\"a\\n\");\n").repeat(bytes / 4_000));
        messages.push(json!({"role": "assistant", "content": [
            {"type": "text", "text": "I read the file first."},
            {"type": "tool_use", "id": id, "name": "tool_1", "input": {"path": "src/main.rs", "offset": number}}
        ]}));
        messages.push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": lines}]}));
        let tools: Vec<_> = (0..=bytes / 16_000).map(tool).collect();
        body = json!({"model": model, "max_tokens": 4_096, "system": "You are a careful programmer.", "tools": tools,
            "messages": messages, "stream": true})
        .to_string();
    }
    body.into()
}

/// The state that exists as long as a function's process.
pub struct Process {
    catalog: Catalog,
    upstreams: Upstreams,
    key: ApiKey,
}

impl Process {
    /// A state with credentials for all providers. No provider is called.
    pub fn start() -> Result<Self> {
        let config = Config::from_lookup(&|name| match name {
            "TABLE_NAME" | "OPENROUTER_API_KEY" | "VERTEX_PROJECT" => Some("none".to_owned()),
            "GOOGLE_APPLICATION_CREDENTIALS_JSON" => Some(service_account_json("http://127.0.0.1:1")),
            _ => None,
        })?;
        let upstreams = Upstreams {
            providers: Providers::new(&config.providers)?,
            transport: Transport::new(config.providers.limits),
            circuits: Circuits::new(Store::local("none", "http://127.0.0.1:1")),
            budget: RetryBudget::default(),
            markups: Markups::default(),
        };
        let (_, key) = mint(&ring::rand::SystemRandom::new()).context("no random numbers")?;
        Ok(Self { catalog: Catalog::embedded()?, upstreams, key })
    }

    /// Bytes of the body that would be sent for a Messages request.
    pub async fn prepare(&self, body: Bytes) -> Result<u64> {
        let text = body::read(&HeaderMap::new(), body).map_err(|error| refused(&error))?;
        let (plan, demand) = self.plan(ClientFormat::Messages, text)?;
        anyhow::ensure!(demand.input_tokens > 0, "nothing is held");
        let deadline = Instant::now() + Duration::from_mins(1);
        let dispatch = Dispatch::begin(&self.upstreams, plan, Allowance::unlimited(), deadline).await;
        Ok(dispatch.map_err(|error| refused(&error))?.prepared().body_bytes())
    }

    /// What a request needs from a prepaid key.
    pub fn demand(&self, format: ClientFormat, body: String) -> Result<Demand> {
        Ok(self.plan(format, body)?.1)
    }

    fn plan(&self, format: ClientFormat, body: String) -> Result<(Plan, Demand)> {
        let request = wire::open_request(format, body).map_err(|error| refused(&error))?;
        let model: Arc<Model> = self.catalog.resolve(&request.model).ok().context("no such model")?;
        let candidates = self.upstreams.candidates(&model, request.mode, ledger::day_of(relaying::request()));
        let routable = RoutableRequest::new(request, Arc::clone(&model), candidates);
        let plan = Plan::of(&self.upstreams, routable, OutputBounds::WITH_LIMIT).map_err(|error| refused(&error))?;
        let lease = Duration::from_mins(1);
        let applicant = Applicant { key: &self.key, request: relaying::request(), lease };
        let sent = Sent { body: plan.prepared().measured(), output_tokens: plan.prepared().output_limit() };
        let demand = ledger::demand(applicant, sent, &model, &plan.request().candidates);
        Ok((plan, demand))
    }
}

fn refused(error: &gateway::error::GatewayError) -> anyhow::Error {
    anyhow::anyhow!("refused: {}", error.message())
}

/// Relays a short reply in this wire format to a Messages client.
pub fn reply(wire: WireFormat) -> Relayed {
    relay_from(ClientFormat::Messages, wire, stream(wire, EVENTS).chunks(512))
}
