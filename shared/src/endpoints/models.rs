//! `GET /v1/models` and `GET /v1/models/{id}`, in one body that the SDKs of OpenAI and Anthropic can read. Also `/`.

use std::sync::Arc;

use http::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Call;
use crate::catalog::{Model, Price};
use crate::error::GatewayError;
use crate::flow::refuse_gone;
use crate::gateway::Gateway;
use crate::ids::ModelId;
use crate::money::PicoUsd;
use crate::respond::{self, Body};

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Entry<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    object: &'static str,
    owned_by: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    display_name: &'a str,
    created: i64,
    created_at: String,
    context_window: u64,
    max_output_tokens: u64,
    max_input_tokens: u64,
    max_tokens: u64,
    input_modalities: &'a [String],
    output_modalities: &'a [String],
    pricing: Pricing,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<&'a str>,
}

/// USD per million tokens.
#[derive(Serialize)]
struct Pricing {
    input: PicoUsd,
    output: PicoUsd,
    cache_read: PicoUsd,
    cache_write: PicoUsd,
}

#[derive(Serialize)]
struct Root {
    object: &'static str,
    endpoints: Vec<&'static str>,
}

pub(super) async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Response<Body>, GatewayError> {
    gateway.admission.authenticate(&call.reader(gateway)?, call.address()).await?;
    let catalog = gateway.catalog()?;
    let configured = |provider| gateway.upstreams.providers.is_configured(provider);
    let listed = catalog.models().filter(|model| model.is_listed(&configured) && gateway.allows(model));
    let open = gateway.open_models().await?;
    let own = listed.map(|model| entry(catalog.version(), model));
    let data: Vec<Entry<'_>> = own.chain(open.iter().map(|open| entry(&open.day, &open.model))).collect();
    let (first_id, last_id) = (data.first().map(|entry| entry.id), data.last().map(|entry| entry.id));
    respond::json(&List { object: "list", has_more: false, first_id, last_id, data })
}

pub(super) async fn one(gateway: &Arc<Gateway>, call: &Call, id: &str) -> Result<Response<Body>, GatewayError> {
    gateway.admission.authenticate(&call.reader(gateway)?, call.address()).await?;
    let named = gateway.named(id).await?;
    refuse_gone(&named.model)?;
    respond::json(&entry(&named.day, &named.model))
}

/// The response for clients that probe the base URL.
pub(super) fn root() -> Result<Response<Body>, GatewayError> {
    let endpoints = super::paths().map(|(path, _)| path).filter(|path| *path != "/").collect();
    respond::json(&Root { object: "gateway", endpoints })
}

/// The day whose prices are shown (UTC).
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// A model's entry in the list, from a catalogue of this day.
fn entry<'a>(day: &str, model: &'a Model) -> Entry<'a> {
    let Price { input, output, cache_read, cache_write_5m, .. } = model.tariff_on(today()).price;
    // Every entry has the catalogue's day, because vendors' release dates are not part of its data.
    let created_at = format!("{day}T00:00:00Z");
    let created = created_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
    Entry {
        id: model.id.as_str(),
        object: "model",
        owned_by: &model.owned_by,
        kind: "model",
        name: &model.name,
        display_name: &model.name,
        created,
        created_at,
        context_window: model.context_window,
        max_output_tokens: model.max_output_tokens,
        max_input_tokens: model.max_input_tokens,
        max_tokens: model.max_output_tokens,
        input_modalities: &model.input_modalities,
        output_modalities: &model.output_modalities,
        pricing: Pricing {
            input: input.per_million(),
            output: output.per_million(),
            cache_read: cache_read.per_million(),
            cache_write: cache_write_5m.per_million(),
        },
        deprecated: model.deprecation.as_ref().map(|deprecation| deprecation.since.as_str()),
        ends_at: model.deprecation.as_ref().and_then(|deprecation| deprecation.ends.as_deref()),
        replacement: model.replacement().map(ModelId::as_str),
    }
}
