//! The model catalogue: data from `models.toml` or a file of the operator's, checked once and then trusted. Finds a model by
//! any name that a client may use.

mod entry;
pub mod listed;
mod model;
mod names;
mod price;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::capability::Capabilities;
use crate::ids::ModelId;

pub use model::{Candidate, Deprecation, Model, Route, Transfer};
pub use price::{LongContext, Price, PriceLabel, Tariff};

use names::Names;

/// The text of the embedded catalogue.
pub const EMBEDDED: &str = include_str!("models.toml");
/// How many similar ids a refusal names.
const NEAREST: usize = 3;
/// How many characters of an unknown name are compared, because the comparison takes quadratic time.
const LONGEST_COMPARED: usize = 200;

/// Why a catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not the expected TOML.
    #[error("catalogue: {0}")]
    Syntax(#[from] toml::de::Error),
    /// Not the JSON that the build creates from the embedded catalogue.
    #[error("catalogue: {0}")]
    Embedded(#[from] serde_json::Error),
    /// An entry breaks a rule.
    #[error("catalogue: model {model}: {reason}")]
    Entry {
        /// The entry's id.
        model: String,
        /// The broken rule.
        reason: String,
    },
    /// A file that cannot be read, or contains an unusable catalogue.
    #[error("{}: {reason}", path.display())]
    File {
        /// The path of the catalogue file.
        path: PathBuf,
        /// The system's error message.
        reason: String,
    },
}

/// The profiles of a catalogue by name: what the models of a generation support.
pub fn profiles(text: &str) -> Result<BTreeMap<String, Capabilities>, CatalogError> {
    entry::profiles(text)
}

/// All models, in the order of `GET /v1/models`.
///
/// ```
/// use gateway::catalog::Catalog;
///
/// let catalog = Catalog::embedded()?;
/// for name in ["claude-opus-4.6", "claude-opus-4-6", "anthropic/claude-opus-4.6", "claude-opus-4.6[1m]"] {
///     let model = catalog.resolve(name).map_err(|unknown| format!("{name}: {unknown:?}"))?;
///     assert_eq!(model.id.as_str(), "claude-opus-4.6");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Catalog {
    version: String,
    models: Vec<Arc<Model>>,
    names: Names,
}

/// There is no model with this name; the client may have meant one of these.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownModel {
    /// Similar public ids, most similar first; empty if no id is similar.
    pub nearest: Vec<ModelId>,
}

impl UnknownModel {
    /// The similar ids, separated by commas; `None` if no id is similar.
    pub fn similar(&self) -> Option<String> {
        let ids: Vec<&str> = self.nearest.iter().map(ModelId::as_str).collect();
        (!ids.is_empty()).then(|| ids.join(", "))
    }
}

impl Catalog {
    /// The embedded catalogue.
    pub fn embedded() -> Result<Self, CatalogError> {
        let (version, models) = entry::embedded()?;
        Self::of(version, models)
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
        Self::of(version, models)
    }

    fn of(version: String, models: Vec<Model>) -> Result<Self, CatalogError> {
        let names = Names::of(&models)
            .map_err(|taken| CatalogError::Entry { model: taken.model.to_string(), reason: taken.to_string() })?;
        let catalog = Self { version, models: models.into_iter().map(Arc::new).collect(), names };
        catalog.check_replacements()?;
        Ok(catalog)
    }

    /// A replacement must be a model that clients can use.
    fn check_replacements(&self) -> Result<(), CatalogError> {
        for model in self.models() {
            let Some(id) = model.replacement() else { continue };
            let usable = self.models().any(|other| other.id == *id && other.id != model.id && !other.is_gone());
            if !usable {
                let reason = format!("the replacement {id} is not another model that is still served");
                return Err(CatalogError::Entry { model: model.id.to_string(), reason });
            }
        }
        Ok(())
    }

    /// The date of the price lists. Every record stores it as its price version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// All models.
    pub fn models(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.models.iter()
    }

    /// The model that a client means: by public id, with dashes for dots, by the vendor's dated id, by the OpenRouter name,
    /// with `-preview` or `-latest`, with a trailing `[1m]`, or by a family name, which means the newest.
    pub fn resolve(&self, name: &str) -> Result<Arc<Model>, UnknownModel> {
        let position = self.names.find(name);
        let model = position.and_then(|position| self.models.get(position));
        model.map(Arc::clone).ok_or_else(|| UnknownModel { nearest: self.nearest(name) })
    }

    /// The model with exactly this public id.
    pub fn by_id(&self, id: &ModelId) -> Option<Arc<Model>> {
        self.models.iter().find(|model| model.id == *id).map(Arc::clone)
    }

    /// The most similar ids, of the same family if there is one.
    fn nearest(&self, name: &str) -> Vec<ModelId> {
        let name: String = name.chars().take(LONGEST_COMPARED).collect();
        self.names.nearest(&name, NEAREST).into_iter().filter_map(|place| Some(self.models.get(place)?.id.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Date;

    use crate::ids::ProviderId;

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
    fn every_model_of_the_contract_can_be_reached_through_openrouter() {
        for model in Catalog::embedded().unwrap().models().take(14) {
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
            ("gpt-5.2-2025-12-11", "gpt-5.2"),
            ("claude-sonnet-5-5-20260928", "claude-sonnet-5.5"),
            ("google/gemini-3.1-pro-preview", "gemini-3.1-pro"),
            ("qwen3.8-max", "qwen3.8-max"),
            ("qwen3.8-max-0902", "qwen3.8-max"),
            ("mistralai/mistral-large-4", "mistral-large-4"),
            ("opus", "claude-opus-5.5"),
            ("sonnet", "claude-sonnet-5.5"),
            ("haiku", "claude-haiku-5.5"),
            ("claude-haiku-latest", "claude-haiku-5.5"),
            ("opus[1m]", "claude-opus-5.5"),
            ("flash", "gemini-3.8-flash"),
            ("gemini-pro", "gemini-3.1-pro"),
            ("gpt-mini", "gpt-5.4-mini"),
            ("kimi", "kimi-k3.1-pro"),
        ] {
            assert_eq!(id(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_ids() {
        let unknown = Catalog::embedded().unwrap().resolve("claude-opus-4.66").unwrap_err();
        assert_eq!(unknown.nearest.len(), 3);
        assert_eq!(unknown.nearest[0].as_str(), "claude-opus-4.6");
        for (asked, family) in [("claude-opus-9", "claude-opus-"), ("gpt-7-mini", "gpt-"), ("gemini-5-pro", "gemini-")] {
            let nearest = Catalog::embedded().unwrap().resolve(asked).unwrap_err().nearest;
            assert!(nearest.iter().all(|id| id.as_str().starts_with(family)), "{asked}: {nearest:?}");
        }
        for (asked, similar) in
            [("nope", None), ("x", None), ("deepsek", Some("deepseek-v4-pro")), ("kimy-k2.5", Some("kimi-k2.5"))]
        {
            let nearest = Catalog::embedded().unwrap().resolve(asked).unwrap_err().similar();
            assert_eq!(nearest.as_deref().map(|ids| ids.split(", ").next().unwrap()), similar, "{asked}");
        }
        for name in ["", "pro", "claude-opus-4.6/../x", "openrouter/anthropic/claude-opus-4.6", "claude-opus-9", "opus-5.5"]
        {
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
        says(with("[\"openrouter\", \"openai/gpt-5.2\"]", "[\"acme\", \"openai/gpt-5.2\"]"), "unknown provider acme");
        says(with("routes = [[\"openrouter\", \"openai/gpt-5.2\"]]", "routes = []"), "no route");
        says(with("\"openai/gpt-5.2\"]", "\"openai/gpt-5.2\", \"half\"]"), "a route is [provider, name]");
        says(with("input = \"1.75\"", "input = \"free\""), "price");
        says(with("input = \"1.75\"", "input = \"0\""), "price");
        says(with("max_output_tokens = 128000", "max_output_tokens = 2000000"), "max_output_tokens");
        says(with("first_event_seconds = 300", "first_event_seconds = 301"), "first_event_seconds");
        says(with("\nprice = {", "\nprize = {"), "prize");
        says(with("profile = \"gpt-5\"", "profile = \"gbt\""), "unknown profile gbt");
        says(with("\nlater = [{ from = \"2026-12-01\"", "\nlater = [{ from = \"soon\""), "from must be a date");
        says(with("max_input_tokens = 272000", "max_input_tokens = 900000"), "max_input_tokens");
    }

    #[test]
    fn a_route_may_ask_for_whole_replies() {
        let of = |text: &str| Catalog::parse(text).unwrap().resolve("gpt-5.2").unwrap().routes[0].transfer;
        assert_eq!(of(EMBEDDED), Transfer::Stream);
        assert_eq!(of(&EMBEDDED.replace("\"openai/gpt-5.2\"]", "\"openai/gpt-5.2\", \"whole\"]")), Transfer::Whole);
    }

    /// The embedded catalogue with these lines in the entry of `mistral-large-4`, which is the last one.
    fn with(lines: &str) -> Result<Catalog, CatalogError> {
        Catalog::parse(&format!("{EMBEDDED}\n{lines}"))
    }

    #[test]
    fn a_price_holds_from_its_day_and_a_record_can_say_which() {
        let model = Catalog::embedded().unwrap().resolve("gemini-4-argon").unwrap();
        let on = |day: Date| {
            let tariff = model.tariff_on(day);
            (tariff.price.input.per_million().to_string(), tariff.label("v").to_string())
        };
        assert_eq!(on(Date::constant(2026, 11, 30)), ("2".to_owned(), "v".to_owned()));
        assert_eq!(on(Date::constant(2026, 12, 1)), ("4".to_owned(), "v;from=2026-12-01".to_owned()));
        assert_eq!(on(Date::constant(2027, 5, 1)), ("4".to_owned(), "v;from=2026-12-01".to_owned()));
    }

    #[test]
    fn a_models_end_is_data() {
        let catalog = with("deprecated = \"2026-11-30\"\nreplacement = \"gpt-5.2\"").unwrap();
        let model = catalog.resolve("mistral-large-4").unwrap();
        let expected = Deprecation {
            since: "2026-11-30".to_owned(),
            ends: None,
            replacement: Some(ModelId::new("gpt-5.2")),
            gone: false,
            source: None,
        };
        assert_eq!(model.deprecation, Some(expected));
        assert!(!model.is_gone());
        let gone = with("deprecated = \"2026-11-30\"\ngone = true").unwrap().resolve("mistral-large-4").unwrap();
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
            (
                "deprecated = \"2026-11-30\"\nreplacement = \"mistral-large-4\"",
                "the replacement mistral-large-4 is not another model",
            ),
            ("deprecated = \"2026-11-30\"\ngone = true\nalways_listed = true", "always listed cannot be gone"),
        ] {
            let error = with(lines).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("model mistral-large-4: ") && error.contains(words), "{lines}: {error}");
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
        assert_eq!(gemini[..14], contract);
        assert!(gemini[14..].iter().all(|id| id.starts_with("gemini-")) && gemini.len() == 21, "{gemini:?}");
        let all: Vec<String> = catalog.models().map(|model| model.id.to_string()).collect();
        assert_eq!(listed(&|_| true), all[..all.len() - 1], "all but the one that is gone");
    }

    #[test]
    fn a_file_replaces_the_embedded_catalogue_and_a_bad_one_is_named() {
        let own = Catalog::from_file(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalog/models.toml"))).unwrap();
        let told = |catalog: &Catalog| (catalog.version().to_owned(), format!("{:?}", catalog.models));
        assert_eq!(told(&own), told(&Catalog::embedded().unwrap()));
        for (path, words) in
            [("/nowhere/models.toml", "No such file"), (concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "unknown field")]
        {
            let error = Catalog::from_file(Path::new(path)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with(&format!("{path}: ")) && error.contains(words), "{error}");
        }
    }
}
