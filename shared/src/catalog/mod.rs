//! The model catalogue: data in `models.toml` or in a file of the operator's, checked once and then trusted. Finds a model by any name a client may use.

mod entry;
mod names;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::capability::Capabilities;
use crate::ids::{ModelId, ProviderId, UpstreamModel};
use crate::money::PicoUsdPerToken;

const EMBEDDED: &str = include_str!("models.toml");
/// How many near ids a refusal names.
const NEAREST: usize = 3;
/// How much of an unknown name is compared, in characters: a distance takes quadratic time.
const LONGEST_COMPARED: usize = 200;

/// Why a catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not the TOML that is expected.
    #[error("catalogue: {0}")]
    Syntax(#[from] toml::de::Error),
    /// An entry contradicts the rules.
    #[error("catalogue: model {model}: {reason}")]
    Entry {
        /// The entry's id.
        model: String,
        /// The broken rule.
        reason: String,
    },
    /// A file that cannot be read, or whose catalogue cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Prices per token of one price tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Uncached prompt tokens.
    pub input: PicoUsdPerToken,
    /// Generated tokens, reasoning included.
    pub output: PicoUsdPerToken,
    /// Prompt tokens read from a cache.
    pub cache_read: PicoUsdPerToken,
    /// Prompt tokens written to a cache for five minutes.
    pub cache_write_5m: PicoUsdPerToken,
    /// Prompt tokens written to a cache for an hour.
    pub cache_write_1h: PicoUsdPerToken,
}

/// The prices of requests whose prompt is longer than `above` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongContext {
    /// The longest prompt, in tokens, that still has the normal price.
    pub above: u64,
    /// The price of longer ones, for all their tokens.
    pub price: Price,
}

/// A way to reach a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Through whom.
    pub provider: ProviderId,
    /// Under which name.
    pub upstream: UpstreamModel,
    /// How it is asked for a reply, whatever the client wants.
    pub transfer: Transfer,
}

/// How a route is asked for a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// As a stream: limits between events hold, and what was generated is known when a reply breaks off.
    #[default]
    Stream,
    /// In one piece: for providers that stream worse than they answer whole.
    Whole,
}

/// What a vendor said about a model's end. Data only: nothing depends on today's date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// Since when, as `yyyy-mm-dd`.
    pub since: String,
    /// The model to use instead.
    pub replacement: Option<ModelId>,
    /// Whether it is refused now, and no longer listed.
    pub gone: bool,
}

/// One model.
#[derive(Clone, Debug)]
pub struct Model {
    /// The public id.
    pub id: ModelId,
    /// The name people read.
    pub name: String,
    /// The vendor.
    pub owned_by: String,
    /// Ways to reach it, in order of preference.
    pub routes: Vec<Route>,
    /// What it costs.
    pub price: Price,
    /// What long prompts cost, when that differs.
    pub long_context: Option<LongContext>,
    /// Largest prompt and output together, in tokens.
    pub context_window: u64,
    /// Largest prompt and output together that any of its routes takes, in tokens.
    pub widest_window: u64,
    /// Largest output, in tokens.
    pub max_output_tokens: u64,
    /// The output limit of a request that needs one and has none, in tokens.
    pub default_output: u64,
    /// How long it may be silent before the first event of a stream.
    pub first_event: Duration,
    /// What it reads besides text.
    pub input_modalities: Vec<String>,
    /// What it writes.
    pub output_modalities: Vec<String>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Whether it is listed even when no provider for it is configured: clients rely on the API contract's list.
    pub always_listed: bool,
    /// When it is on its way out.
    pub deprecation: Option<Deprecation>,
}

impl Model {
    /// Whether it is refused, because its vendor has ended it.
    pub fn is_gone(&self) -> bool {
        self.deprecation.as_ref().is_some_and(|deprecation| deprecation.gone)
    }

    /// Whether `GET /v1/models` names it: always, or when a provider of it is configured; never when it is gone.
    pub fn is_listed(&self, configured: &dyn Fn(ProviderId) -> bool) -> bool {
        self.always_listed || !self.is_gone() && self.routes.iter().any(|route| configured(route.provider))
    }
}

/// All models, in the order of `GET /v1/models`.
#[derive(Debug)]
pub struct Catalog {
    version: String,
    models: Vec<Arc<Model>>,
    by_name: HashMap<String, usize>,
}

/// No model of that name; some that the client may have meant.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownModel {
    /// The nearest public ids, nearest first.
    pub nearest: Vec<ModelId>,
}

impl Catalog {
    /// The catalogue that is built into the binary.
    pub fn embedded() -> Result<Self, CatalogError> {
        Self::parse(EMBEDDED)
    }

    /// The catalogue of a file.
    pub fn from_file(path: &Path) -> Result<Self, CatalogError> {
        let fault = |reason: String| CatalogError::File { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
        Self::parse(&text).map_err(|error| fault(error.to_string()))
    }

    /// Reads and checks a catalogue.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let (version, models) = entry::parse(text)?;
        let mut catalog = Self { version, models: Vec::with_capacity(models.len()), by_name: HashMap::new() };
        for model in models {
            let position = catalog.models.len();
            for name in names::of(&model) {
                match catalog.by_name.insert(name.clone(), position) {
                    Some(other) if other != position => {
                        let reason = format!("the name {name} already belongs to another model");
                        return Err(CatalogError::Entry { model: model.id.to_string(), reason });
                    }
                    Some(_) | None => {}
                }
            }
            catalog.models.push(Arc::new(model));
        }
        catalog.check_replacements()?;
        Ok(catalog)
    }

    /// A replacement must be a model that a client can switch to.
    fn check_replacements(&self) -> Result<(), CatalogError> {
        for model in self.models() {
            let Some(id) = model.deprecation.as_ref().and_then(|deprecation| deprecation.replacement.as_ref()) else {
                continue;
            };
            let usable = self.models().any(|other| other.id == *id && other.id != model.id && !other.is_gone());
            if !usable {
                let reason = format!("the replacement {id} is not another model that is still served");
                return Err(CatalogError::Entry { model: model.id.to_string(), reason });
            }
        }
        Ok(())
    }

    /// The date of the price lists, written into every record as the price version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// All models.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.iter().map(Arc::as_ref)
    }

    /// The model a client means: by public id, with dashes for dots, by the vendor's dated id, by the OpenRouter name, with
    /// `-preview` or `-latest`, with a trailing `[1m]`.
    pub fn resolve(&self, name: &str) -> Result<Arc<Model>, UnknownModel> {
        let name = names::normalise(name);
        let position = self.by_name.get(name.as_str()).copied();
        let model = position.and_then(|position| self.models.get(position));
        model.map(Arc::clone).ok_or_else(|| UnknownModel { nearest: self.nearest(&name) })
    }

    fn nearest(&self, name: &str) -> Vec<ModelId> {
        let bare: String = name.rsplit('/').next().unwrap_or(name).chars().take(LONGEST_COMPARED).collect();
        let mut scored: Vec<(usize, &Model)> = self
            .models()
            .map(|model| (strsim::damerau_levenshtein(&bare, &names::normalise(model.id.as_str())), model))
            .collect();
        scored.sort_by_key(|(distance, _)| *distance);
        scored.into_iter().take(NEAREST).map(|(_, model)| model.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Option<String> {
        Some(Catalog::embedded().unwrap().resolve(name).ok()?.id.to_string())
    }

    #[test]
    fn the_contracts_fourteen_models_come_first_and_in_order() {
        let catalog = Catalog::embedded().unwrap();
        let listed: Vec<(&str, &str)> =
            catalog.models().map(|model| (model.id.as_str(), model.owned_by.as_str())).take(14).collect();
        let expected = [
            ("claude-opus-4.6", "anthropic"),
            ("claude-opus-4.5", "anthropic"),
            ("claude-sonnet-4.5", "anthropic"),
            ("claude-haiku-4.5", "anthropic"),
            ("gemini-3-pro", "google"),
            ("gemini-3-flash", "google"),
            ("gemini-2.5-pro", "google"),
            ("gemini-2.5-flash", "google"),
            ("gpt-5.2", "openai"),
            ("gpt-5-mini", "openai"),
            ("gpt-5-nano", "openai"),
            ("gpt-5.2-codex", "openai"),
            ("kimi-k2.5", "moonshotai"),
            ("qwen3-coder", "qwen"),
        ];
        assert_eq!(listed, expected);
    }

    #[test]
    fn every_model_can_be_reached_through_openrouter() {
        for model in Catalog::embedded().unwrap().models() {
            assert!(model.routes.iter().any(|route| route.provider == ProviderId::OpenRouter), "{}", model.id);
        }
    }

    #[test]
    fn a_model_is_found_by_every_name_clients_use() {
        for (name, expected) in [
            ("claude-opus-4.6", "claude-opus-4.6"),
            ("claude-opus-4-6", "claude-opus-4.6"),
            ("claude-opus-4-5-20251101", "claude-opus-4.5"),
            ("claude-haiku-4-5@20251001", "claude-haiku-4.5"),
            ("anthropic/claude-opus-4.6", "claude-opus-4.6"),
            ("claude-opus-4.6[1m]", "claude-opus-4.6"),
            ("Claude-Opus-4.6", "claude-opus-4.6"),
            ("gemini-3-pro-preview", "gemini-3-pro"),
            ("google/gemini-3-pro-preview", "gemini-3-pro"),
            ("claude-sonnet-4-5-latest", "claude-sonnet-4.5"),
            ("gemini-2.5-pro-preview", "gemini-2.5-pro"),
            ("openai/gpt-5.2", "gpt-5.2"),
        ] {
            assert_eq!(id(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_ids() {
        let unknown = Catalog::embedded().unwrap().resolve("claude-opus-4.66").unwrap_err();
        assert_eq!(unknown.nearest.len(), 3);
        assert_eq!(unknown.nearest[0].as_str(), "claude-opus-4.6");
        for name in ["", "gpt", "claude-opus-4.6/../x", "openrouter/anthropic/claude-opus-4.6"] {
            assert_eq!(id(name), None, "{name}");
        }
    }

    #[test]
    fn entries_that_break_a_rule_are_named() {
        let with =
            |from: &str, to: &str| Catalog::parse(&EMBEDDED.replacen(from, to, 1)).err().map(|error| error.to_string());
        let says =
            |error: Option<String>, words: &str| assert!(error.as_deref().is_some_and(|e| e.contains(words)), "{error:?}");
        says(with("id = \"claude-opus-4.5\"", "id = \"claude-opus-4.6\""), "already belongs to another model");
        says(with("[\"openrouter\", \"openai/gpt-5.2\"]", "[\"nobody\", \"openai/gpt-5.2\"]"), "unknown provider nobody");
        says(with("routes = [[\"openrouter\", \"openai/gpt-5.2\"]]", "routes = []"), "no route");
        says(with("\"openai/gpt-5.2\"]", "\"openai/gpt-5.2\", \"half\"]"), "a route is [provider, name]");
        says(with("input = \"1.75\"", "input = \"free\""), "price");
        says(with("input = \"1.75\"", "input = \"0\""), "price");
        says(with("max_output_tokens = 128000", "max_output_tokens = 2000000"), "max_output_tokens");
        says(with("first_event_seconds = 300", "first_event_seconds = 301"), "first_event_seconds");
        says(with("price = {", "prize = {"), "prize");
        says(with("profile = \"gpt\"", "profile = \"gbt\""), "unknown profile gbt");
    }

    #[test]
    fn a_route_may_ask_for_whole_replies() {
        let of = |text: &str| Catalog::parse(text).unwrap().resolve("gpt-5.2").unwrap().routes[0].transfer;
        assert_eq!(of(EMBEDDED), Transfer::Stream);
        assert_eq!(of(&EMBEDDED.replace("\"openai/gpt-5.2\"]", "\"openai/gpt-5.2\", \"whole\"]")), Transfer::Whole);
    }

    /// The embedded catalogue with these lines in the entry of `gpt-5.4`, which is its last.
    fn with(lines: &str) -> Result<Catalog, CatalogError> {
        Catalog::parse(&format!("{EMBEDDED}\n{lines}"))
    }

    #[test]
    fn a_models_end_is_data() {
        let catalog = with("deprecated = \"2026-11-30\"\nreplacement = \"gpt-5.2\"").unwrap();
        let model = catalog.resolve("gpt-5.4").unwrap();
        let expected =
            Deprecation { since: "2026-11-30".to_owned(), replacement: Some(ModelId::new("gpt-5.2")), gone: false };
        assert_eq!(model.deprecation, Some(expected));
        assert!(!model.is_gone());
        let gone = with("deprecated = \"2026-11-30\"\ngone = true").unwrap().resolve("gpt-5.4").unwrap();
        assert_eq!((gone.is_gone(), gone.deprecation.as_ref().unwrap().replacement.as_ref()), (true, None));
    }

    #[test]
    fn an_end_that_breaks_a_rule_is_named() {
        for (lines, words) in [
            ("deprecated = \"soon\"", "must be a date such as 2026-11-30, not soon"),
            ("deprecated = \"20261130\"", "must be a date"),
            ("gone = true", "need the date"),
            ("replacement = \"gpt-5.2\"", "need the date"),
            ("deprecated = \"2026-11-30\"\nreplacement = \"gpt-9\"", "the replacement gpt-9 is not another model"),
            ("deprecated = \"2026-11-30\"\nreplacement = \"gpt-5.4\"", "the replacement gpt-5.4 is not another model"),
            ("deprecated = \"2026-11-30\"\ngone = true\nalways_listed = true", "always listed cannot be gone"),
        ] {
            let error = with(lines).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("model gpt-5.4: ") && error.contains(words), "{lines}: {error}");
        }
    }

    #[test]
    fn the_contracts_models_are_always_listed_and_the_others_with_a_provider() {
        let catalog = with("deprecated = \"2026-11-30\"\ngone = true").unwrap();
        let listed = |configured: &dyn Fn(ProviderId) -> bool| {
            let listed = catalog.models().filter(|model| model.is_listed(configured));
            listed.map(|model| model.id.to_string()).collect::<Vec<_>>()
        };
        let contract: Vec<String> = catalog.models().take(14).map(|model| model.id.to_string()).collect();
        assert_eq!(listed(&|_| false), contract);
        let gemini = listed(&|provider| provider == ProviderId::VertexGemini);
        assert_eq!(gemini, [&contract[..], &["gemini-3.1-pro".to_owned()]].concat());
        let all: Vec<String> = catalog.models().map(|model| model.id.to_string()).collect();
        assert_eq!(listed(&|_| true), all[..all.len() - 1], "all but the one that is gone");
    }

    #[test]
    fn a_file_replaces_the_embedded_catalogue_and_a_bad_one_is_named() {
        let own = Catalog::from_file(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalog/models.toml"))).unwrap();
        assert_eq!(own.models().count(), Catalog::embedded().unwrap().models().count());
        for (path, words) in
            [("/nowhere/models.toml", "No such file"), (concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "unknown field")]
        {
            let error = Catalog::from_file(Path::new(path)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with(&format!("{path}: ")) && error.contains(words), "{error}");
        }
    }
}
