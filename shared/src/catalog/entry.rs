//! The format of a catalogue file, and the rules for its entries.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use serde::Deserialize;

use super::{CatalogError, Deprecation, LongContext, Model, Price, Route, Tariff, Transfer};
use crate::capability::Capabilities;
use crate::ids::{ModelId, ProviderId, UpstreamModel};
use crate::money::PicoUsdPerToken;

/// Default output limit for requests that need one, unless the entry has its own.
pub(super) const DEFAULT_OUTPUT: u64 = 32_000;
/// Default time until the first event.
pub(super) const FIRST_EVENT: Duration = Duration::from_mins(2);
/// Maximum of that time in seconds, because clients give up after it.
const LONGEST_FIRST_EVENT: u64 = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    /// Capabilities by name. Models of one generation share them.
    profile: BTreeMap<String, Capabilities>,
    model: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    owned_by: String,
    #[serde(default)]
    aliases: Vec<String>,
    routes: Vec<Vec<String>>,
    price: PriceEntry,
    long_context: Option<LongContextEntry>,
    #[serde(default)]
    later: Vec<LaterEntry>,
    #[serde(default)]
    price_moves: bool,
    #[serde(default)]
    regional_surcharge: u32,
    context_window: u64,
    max_input_tokens: Option<u64>,
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
    ends: Option<String>,
    replacement: Option<String>,
    source: Option<String>,
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
    audio: Option<String>,
    audio_cache_read: Option<String>,
}

/// The complete prices from a day on, including those of long prompts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LaterEntry {
    from: String,
    price: PriceEntry,
    long_context: Option<LongContextEntry>,
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

/// The embedded catalogue, as JSON.
const EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/models.json"));

/// The version and the models of the embedded catalogue.
pub(super) fn embedded() -> Result<(String, Vec<Model>), CatalogError> {
    checked(serde_json::from_str(EMBEDDED)?)
}

/// The version and the models of a catalogue file.
pub(super) fn parse(text: &str) -> Result<(String, Vec<Model>), CatalogError> {
    checked(toml::from_str(text)?)
}

fn checked(file: File) -> Result<(String, Vec<Model>), CatalogError> {
    let models = file.model.into_iter().map(|entry| {
        let id = entry.id.clone();
        model(entry, &file.profile).map_err(|reason| CatalogError::Entry { model: id, reason })
    });
    Ok((file.version, models.collect::<Result<_, _>>()?))
}

/// The profiles of a catalogue file.
pub(super) fn profiles(text: &str) -> Result<BTreeMap<String, Capabilities>, CatalogError> {
    Ok(toml::from_str::<File>(text)?.profile)
}

fn model(entry: Entry, profiles: &BTreeMap<String, Capabilities>) -> Result<Model, String> {
    let capabilities = profiles.get(&entry.profile).cloned().ok_or_else(|| format!("unknown profile {}", entry.profile))?;
    let routes = entry.routes.iter().map(route).collect::<Result<Vec<_>, _>>()?;
    if routes.is_empty() {
        return Err("no route".to_owned());
    }
    check_sizes(&entry)?;
    let (tariff, later_tariffs) = tariffs(&entry)?;
    let deprecation = deprecation(&entry)?;
    Ok(Model {
        id: ModelId::new(&entry.id),
        name: entry.name,
        owned_by: entry.owned_by,
        aliases: entry.aliases,
        routes,
        tariff,
        later_tariffs,
        regional_surcharge: entry.regional_surcharge,
        max_input_tokens: entry.max_input_tokens.unwrap_or(entry.context_window),
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

fn check_sizes(entry: &Entry) -> Result<(), String> {
    if entry.max_output_tokens == 0 || entry.max_output_tokens > entry.context_window {
        return Err("max_output_tokens must be between 1 and context_window".to_owned());
    }
    if entry.max_input_tokens.is_some_and(|tokens| tokens == 0 || tokens > entry.context_window) {
        return Err("max_input_tokens must be between 1 and context_window".to_owned());
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
    Ok(())
}

/// The current prices and later ones.
fn tariffs(entry: &Entry) -> Result<(Tariff, Vec<Tariff>), String> {
    let tier = |tier: &LongContextEntry| Ok::<_, String>(LongContext { above: tier.above, price: price(&tier.price)? });
    let tariff = |from, now: &PriceEntry, long: Option<&LongContextEntry>| {
        let (price, long_context) = (price(now)?, long.map(tier).transpose()?);
        Ok::<_, String>(Tariff { price, long_context, from, surcharge_permille: 0, moves: entry.price_moves })
    };
    let first = tariff(None, &entry.price, entry.long_context.as_ref())?;
    let mut later: Vec<Tariff> = Vec::new();
    for entry in &entry.later {
        let from = day("from", &entry.from)?;
        if later.last().is_some_and(|last| last.from >= Some(from)) {
            return Err("the days of later prices must follow each other".to_owned());
        }
        later.push(tariff(Some(from), &entry.price, entry.long_context.as_ref())?);
    }
    Ok((first, later))
}

/// Parses a day as `yyyy-mm-dd`. `jiff` accepts other spellings, but clients see this text as it is.
fn day(field: &str, text: &str) -> Result<Date, String> {
    let day = text.parse::<Date>().ok().filter(|day| day.to_string() == *text);
    day.ok_or_else(|| format!("{field} must be a date such as 2026-11-30, not {text}"))
}

/// The existence of the replacement is checked when all entries are known.
fn deprecation(entry: &Entry) -> Result<Option<Deprecation>, String> {
    let Some(since) = &entry.deprecated else {
        let undated = entry.gone || entry.replacement.is_some() || entry.ends.is_some();
        return if undated { Err("ends, replacement and gone need the date of deprecated".to_owned()) } else { Ok(None) };
    };
    day("deprecated", since)?;
    entry.ends.as_ref().map(|ends| day("ends", ends)).transpose()?;
    if entry.gone && entry.always_listed {
        return Err("a model that is always listed cannot be gone".to_owned());
    }
    let replacement = entry.replacement.as_deref().map(ModelId::new);
    let (ends, source) = (entry.ends.clone(), entry.source.clone());
    Ok(Some(Deprecation { since: since.clone(), ends, replacement, gone: entry.gone, source }))
}

/// A provider, the provider's name of the model, and optionally `whole` for whole replies.
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

/// A price of zero is refused, because it would give the model away.
fn price(entry: &PriceEntry) -> Result<Price, String> {
    let read = |text: &str| {
        let price = PicoUsdPerToken::parse_usd_per_million(text).filter(|price| *price != PicoUsdPerToken::default());
        price.ok_or_else(|| format!("price {text} is not a positive number of USD with at most six decimals"))
    };
    let input = read(&entry.input)?;
    let or = |other: PicoUsdPerToken, text: &Option<String>| text.as_deref().map_or(Ok(other), read);
    let cache_read = or(input, &entry.cache_read)?;
    Ok(Price {
        input,
        output: read(&entry.output)?,
        cache_read,
        cache_write_5m: or(input, &entry.cache_write)?,
        cache_write_1h: or(input, &entry.cache_write_1h)?,
        audio: or(input, &entry.audio)?,
        audio_cache_read: or(cache_read, &entry.audio_cache_read)?,
    })
}
