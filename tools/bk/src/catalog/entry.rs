//! Writes a listed model as TOML for the catalogue.

use std::collections::BTreeMap;

use anyhow::Result;
use gateway::capability::Capabilities;
use gateway::catalog::{Catalog, Model, Price};
use gateway::money::PicoUsdPerToken;
use serde_json::{Map, Value};

/// Default output limit for a model with several hosts. A small limit keeps more hosts available.
const SMALL_OUTPUT: u64 = 16_384;

/// The entry of a listed model. A profile precedes it, unless the catalogue already has an equal one.
pub(super) fn of(model: &Model, catalog: &Catalog, profiles: &BTreeMap<String, Capabilities>) -> Result<String> {
    let known = profiles.iter().find(|(_, known)| says_the_same(known, &model.capabilities));
    let (profile, own) = match known {
        Some((name, _)) => (name.clone(), String::new()),
        None => own_profile(model, profiles)?,
    };
    let fields = fields(model, &profile, moves(model, catalog)).into_iter();
    Ok(fields.fold(format!("{own}[[model]]\n"), |text, (name, value)| format!("{text}{name} = {value}\n")))
}

/// The model's own profile: its name and its table.
fn own_profile(model: &Model, profiles: &BTreeMap<String, Capabilities>) -> Result<(String, String)> {
    let id = public_id(model);
    let name = if profiles.contains_key(id) { format!("{id}-openrouter") } else { id.to_owned() };
    let table = format!("[profile.{}]\n{}\n", quoted(&name), capabilities(&model.capabilities)?);
    Ok((name, table))
}

fn fields(model: &Model, profile: &str, moves: bool) -> Vec<(&'static str, String)> {
    let hears = model.input_modalities.iter().any(|modality| modality == "audio");
    let mut fields = vec![
        ("id", quoted(public_id(model))),
        ("name", quoted(display_name(model))),
        ("owned_by", quoted(&model.owned_by)),
        ("routes", routes(model)),
        ("price", price(&model.tariff.price, hears)),
    ];
    let tier = model.tariff.long_context;
    fields.extend(
        tier.map(|tier| ("long_context", format!("{{ above = {}, price = {} }}", tier.above, price(&tier.price, hears)))),
    );
    fields.extend(moves.then(|| ("price_moves", "true".to_owned())));
    fields.push(("context_window", model.context_window.to_string()));
    let is_wider = model.widest_window > model.context_window;
    fields.extend(is_wider.then(|| ("widest_window", model.widest_window.to_string())));
    fields.push(("max_output_tokens", model.max_output_tokens.to_string()));
    let has_room = moves && model.max_output_tokens > SMALL_OUTPUT;
    fields.extend(has_room.then(|| ("default_output", SMALL_OUTPUT.to_string())));
    fields.push(("input_modalities", words(&model.input_modalities)));
    fields.push(("profile", quoted(profile)));
    fields.extend(end(model));
    fields
}

/// The public id: the name without its vendor.
fn public_id(model: &Model) -> &str {
    let id = model.id.as_str();
    id.rsplit('/').next().unwrap_or(id)
}

/// The name without the vendor that OpenRouter puts before it.
fn display_name(model: &Model) -> &str {
    model.name.split_once(": ").map_or(&model.name, |(_, name)| name)
}

/// Whether its price can change without notice. True if the price of another model of its vendor can, or if the catalogue
/// has no other model of the vendor: then the cost that the provider reports is charged.
fn moves(model: &Model, catalog: &Catalog) -> bool {
    let mut others = catalog.models().filter(|other| other.owned_by == model.owned_by).peekable();
    others.peek().is_none() || others.any(|other| other.tariff.moves)
}

/// Whether two profiles are equal, in whatever order they list efforts.
fn says_the_same(one: &Capabilities, other: &Capabilities) -> bool {
    let sorted = |capabilities: &Capabilities| {
        let mut capabilities = capabilities.clone();
        capabilities.efforts.sort_unstable();
        capabilities
    };
    sorted(one) == sorted(other)
}

/// The fields of a profile that differ from the defaults.
fn capabilities(capabilities: &Capabilities) -> Result<String> {
    let fields = |capabilities: &Capabilities| -> Result<Map<String, Value>> {
        Ok(serde_json::from_str(&serde_json::to_string(capabilities)?)?)
    };
    let standard = fields(&Capabilities::default())?;
    let said = fields(capabilities)?.into_iter().filter(|(name, value)| standard.get(name) != Some(value));
    Ok(said.fold(String::new(), |text, (name, value)| format!("{text}{name} = {}\n", toml(&value))))
}

/// Writes a JSON value as TOML. Both write strings, numbers, booleans and lists the same way.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let said = fields.iter().filter(|(_, value)| !value.is_null());
            table(said.map(|(name, value)| (name.as_str(), toml(value))))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn table<'a>(fields: impl Iterator<Item = (&'a str, String)>) -> String {
    let fields: Vec<String> = fields.map(|(name, value)| format!("{name} = {value}")).collect();
    format!("{{ {} }}", fields.join(", "))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn words(words: &[String]) -> String {
    toml(&Value::from(words.to_vec()))
}

fn routes(model: &Model) -> String {
    let routes = model.routes.iter().map(|route| words(&[route.provider.as_str().to_owned(), route.upstream.to_string()]));
    format!("[{}]", routes.collect::<Vec<_>>().join(", "))
}

/// The prices that differ from the catalogue's defaults. A missing price for cached audio matters only for a model that
/// accepts audio.
fn price(price: &Price, hears: bool) -> String {
    let Price { input, output, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read } = *price;
    let usd = |name, price: PicoUsdPerToken| (name, quoted(&price.per_million().to_string()));
    let unless = |name, price: PicoUsdPerToken, missing: PicoUsdPerToken| (price != missing).then(|| usd(name, price));
    let others = [
        unless("cache_read", cache_read, input),
        unless("cache_write", cache_write_5m, input),
        unless("cache_write_1h", cache_write_1h, input),
        unless("audio", audio, input),
        unless("audio_cache_read", audio_cache_read, cache_read).filter(|_| hears || audio != input),
    ];
    table([usd("input", input), usd("output", output)].into_iter().chain(others.into_iter().flatten()))
}

/// Its last day, if the list has one.
fn end(model: &Model) -> Vec<(&'static str, String)> {
    let Some(deprecation) = &model.deprecation else { return Vec::new() };
    let since = [("deprecated", quoted(&deprecation.since))];
    let rest = [("ends", &deprecation.ends), ("source", &deprecation.source)];
    let rest = rest.into_iter().filter_map(|(name, value)| Some((name, quoted(value.as_deref()?))));
    since.into_iter().chain(rest).collect()
}
