//! The file's own shape, and the rules an entry must keep.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::{CatalogError, Deprecation, LongContext, Model, Price, Route, Transfer};
use crate::capability::Capabilities;
use crate::ids::{ModelId, ProviderId, UpstreamModel};
use crate::money::PicoUsdPerToken;

/// The output limit of a request that needs one and has none, for a model that says nothing else.
const DEFAULT_OUTPUT: u64 = 32_000;
/// How long a model may be silent that says nothing else.
const FIRST_EVENT: Duration = Duration::from_mins(2);
/// The most that an entry may ask for, in seconds: clients give up then.
const LONGEST_FIRST_EVENT: u64 = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    /// Capabilities by name: models of one generation share them.
    profile: HashMap<String, Capabilities>,
    model: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    owned_by: String,
    routes: Vec<Vec<String>>,
    price: PriceEntry,
    long_context: Option<LongContextEntry>,
    context_window: u64,
    widest_window: Option<u64>,
    max_output_tokens: u64,
    default_output: Option<u64>,
    first_event_seconds: Option<u64>,
    input_modalities: Vec<String>,
    profile: String,
    #[serde(default = "text_only")]
    output_modalities: Vec<String>,
    #[serde(default)]
    always_listed: bool,
    deprecated: Option<String>,
    replacement: Option<String>,
    #[serde(default)]
    gone: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceEntry {
    input: String,
    output: String,
    cache_read: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongContextEntry {
    above: u64,
    price: PriceEntry,
}

fn text_only() -> Vec<String> {
    vec!["text".to_owned()]
}

/// The version and the models of a catalogue file.
pub(super) fn parse(text: &str) -> Result<(String, Vec<Model>), CatalogError> {
    let file: File = toml::from_str(text)?;
    let models = file.model.into_iter().map(|entry| {
        let id = entry.id.clone();
        model(entry, &file.profile).map_err(|reason| CatalogError::Entry { model: id, reason })
    });
    Ok((file.version, models.collect::<Result<_, _>>()?))
}

fn model(entry: Entry, profiles: &HashMap<String, Capabilities>) -> Result<Model, String> {
    let capabilities = profiles.get(&entry.profile).cloned().ok_or_else(|| format!("unknown profile {}", entry.profile))?;
    let routes = entry.routes.iter().map(route).collect::<Result<Vec<_>, _>>()?;
    if routes.is_empty() {
        return Err("no route".to_owned());
    }
    if entry.max_output_tokens == 0 || entry.max_output_tokens > entry.context_window {
        return Err("max_output_tokens must be between 1 and context_window".to_owned());
    }
    if entry.default_output.is_some_and(|tokens| tokens == 0 || tokens > entry.max_output_tokens) {
        return Err("default_output must be between 1 and max_output_tokens".to_owned());
    }
    if entry.widest_window.is_some_and(|tokens| tokens < entry.context_window) {
        return Err("widest_window must not be below context_window".to_owned());
    }
    if entry.first_event_seconds.is_some_and(|seconds| seconds == 0 || seconds > LONGEST_FIRST_EVENT) {
        return Err(format!("first_event_seconds must be between 1 and {LONGEST_FIRST_EVENT}"));
    }
    let long_context = match &entry.long_context {
        Some(tier) => Some(LongContext { above: tier.above, price: price(&tier.price)? }),
        None => None,
    };
    let deprecation = deprecation(&entry)?;
    Ok(Model {
        id: ModelId::new(&entry.id),
        price: price(&entry.price)?,
        name: entry.name,
        owned_by: entry.owned_by,
        routes,
        long_context,
        context_window: entry.context_window,
        widest_window: entry.widest_window.unwrap_or(entry.context_window),
        max_output_tokens: entry.max_output_tokens,
        default_output: entry.default_output.unwrap_or(DEFAULT_OUTPUT).min(entry.max_output_tokens),
        first_event: entry.first_event_seconds.map_or(FIRST_EVENT, Duration::from_secs),
        input_modalities: entry.input_modalities,
        output_modalities: entry.output_modalities,
        capabilities,
        always_listed: entry.always_listed,
        deprecation,
    })
}

/// Whether a replacement is another entry's id is checked when all are known.
fn deprecation(entry: &Entry) -> Result<Option<Deprecation>, String> {
    let Some(since) = &entry.deprecated else {
        let undated = entry.gone || entry.replacement.is_some();
        return if undated { Err("replacement and gone need the date of deprecated".to_owned()) } else { Ok(None) };
    };
    // `jiff` reads other spellings of a date too; clients get this text as it is.
    let date = since.parse::<jiff::civil::Date>().ok().filter(|date| date.to_string() == *since);
    date.ok_or_else(|| format!("deprecated must be a date such as 2026-11-30, not {since}"))?;
    if entry.gone && entry.always_listed {
        return Err("a model that is always listed cannot be gone".to_owned());
    }
    let replacement = entry.replacement.as_deref().map(ModelId::new);
    Ok(Some(Deprecation { since: since.clone(), replacement, gone: entry.gone }))
}

/// A provider, the model's name there, and `whole` where it is asked for whole replies.
fn route(entry: &Vec<String>) -> Result<Route, String> {
    let (provider, upstream, transfer) = match entry.as_slice() {
        [provider, upstream] => (provider, upstream, Transfer::Stream),
        [provider, upstream, transfer] if transfer == "whole" => (provider, upstream, Transfer::Whole),
        other => return Err(format!("a route is [provider, name] or [provider, name, \"whole\"], not {other:?}")),
    };
    Ok(Route {
        provider: ProviderId::parse(provider).ok_or_else(|| format!("unknown provider {provider}"))?,
        upstream: UpstreamModel::parse(upstream).ok_or_else(|| format!("unusable upstream name {upstream}"))?,
        transfer,
    })
}

/// A price of zero would give the model away: it is refused like one that cannot be read.
fn price(entry: &PriceEntry) -> Result<Price, String> {
    let read = |text: &str| {
        let price = PicoUsdPerToken::parse_usd_per_million(text).filter(|price| *price != PicoUsdPerToken::default());
        price.ok_or_else(|| format!("price {text} is not a positive number of USD with at most six decimals"))
    };
    let input = read(&entry.input)?;
    let or_input = |text: &Option<String>| text.as_deref().map_or(Ok(input), read);
    Ok(Price {
        input,
        output: read(&entry.output)?,
        cache_read: or_input(&entry.cache_read)?,
        cache_write_5m: or_input(&entry.cache_write)?,
        cache_write_1h: or_input(&entry.cache_write_1h)?,
    })
}
