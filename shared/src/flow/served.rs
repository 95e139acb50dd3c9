//! Finds the model that a client means, and its replacement.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::civil::Date;

use crate::auth::ApiKey;
use crate::catalog::{Candidate, Model, UnknownModel};
use crate::config::ModelFallback;
use crate::error::{ErrorKind, GatewayError};
use crate::gateway::Gateway;
use crate::open_catalog::{OpenCatalog, OpenModel};
use crate::wire::Mode;

/// What serves a request.
#[derive(Clone, Debug)]
pub struct Served {
    /// The requested model.
    pub asked: Arc<Model>,
    /// What serves the requests of a retired model.
    pub replacement: Option<Arc<Model>>,
    /// The version of the catalogue or list that has their prices.
    pub version: String,
}

/// The routes for a request.
pub(super) struct Ways {
    /// Routes to try.
    pub(super) candidates: Vec<Candidate>,
    /// Routes to try if the model turns out to be no longer served.
    pub(super) replacements: Vec<Candidate>,
}

/// A model, found by one of its names.
#[derive(Clone, Debug)]
pub struct Named {
    /// The model.
    pub model: Arc<Model>,
    /// The version of the catalogue or list that contains it.
    pub version: String,
    /// The day of that version, as `yyyy-mm-dd`.
    pub day: String,
}

impl From<&OpenModel> for Named {
    fn from(open: &OpenModel) -> Self {
        let OpenModel { model, version, day } = open;
        Self { model: Arc::clone(model), version: version.clone(), day: day.clone() }
    }
}

impl Gateway {
    /// The model that a client means. Models that are always listed have their replacement as a fallback, others if the
    /// deployment says so. A retired model is served by its replacement only.
    pub(super) async fn served(&self, asked: &str, key: &ApiKey, address: Option<IpAddr>) -> Result<Served, GatewayError> {
        let catalog = self.catalog()?;
        if self.open.is_some() && OpenCatalog::may_have(asked) && catalog.resolve(asked).is_err() {
            self.refuse_strangers(key, address).await?;
        }
        let Named { model, version, .. } = self.named(asked).await?;
        let falls_back = model.always_listed || self.config.model_fallback == ModelFallback::Replacement;
        let replacement = model.replacement().filter(|_| falls_back).and_then(|id| catalog.by_id(id));
        let replacement = replacement.filter(|model| self.allows(model));
        if replacement.is_none() {
            refuse_gone(&model)?;
        }
        Ok(Served { asked: model, replacement, version })
    }

    /// The routes for a request in this mode on that day: to the model, and to its replacement. If the model has ended or
    /// has no configured route, only the routes to the replacement.
    pub(super) fn ways(&self, served: &Served, mode: Mode, day: Date) -> Ways {
        let to = |model: &Arc<Model>| self.upstreams.candidates(model, mode, day);
        let own = if served.asked.is_gone() { Vec::new() } else { to(&served.asked) };
        let others = served.replacement.as_ref().map(to).unwrap_or_default();
        let others: Vec<Candidate> =
            others.into_iter().filter(|other| own.iter().all(|known| known.route != other.route)).collect();
        if others.is_empty() || self.upstreams.are_there(&own) {
            return Ways { candidates: own, replacements: others };
        }
        Ways { candidates: others, replacements: Vec::new() }
    }

    /// The model with this name, if this deployment serves it: from the catalogue, or from the open catalogue by its id. The
    /// table is read only for names that the catalogue does not know.
    pub async fn named(&self, asked: &str) -> Result<Named, GatewayError> {
        let catalog = self.catalog()?;
        let named = match catalog.resolve(asked) {
            Ok(model) => Named { model, version: catalog.version().to_owned(), day: catalog.version().to_owned() },
            Err(unknown) => self.open_model(asked).await?.ok_or_else(|| model_not_found(asked, &unknown))?,
        };
        if self.allows(&named.model) { Ok(named) } else { Err(model_not_allowed(&named.model)) }
    }

    /// The model of the open catalogue with this id.
    async fn open_model(&self, asked: &str) -> Result<Option<Named>, GatewayError> {
        let Some(open) = self.open.as_ref().filter(|_| OpenCatalog::may_have(asked)) else { return Ok(None) };
        let found = open.find(asked).await.map_err(|error| GatewayError::unavailable(error.reason().clone()))?;
        Ok(found.as_deref().map(Named::from))
    }

    /// All models of the open catalogue that a client can name and the deployment serves. Empty if the table does not
    /// answer, because the catalogue's own models need no table.
    pub async fn open_models(&self) -> Result<Vec<Named>, GatewayError> {
        let (catalog, Some(open)) = (self.catalog()?, &self.open) else { return Ok(Vec::new()) };
        let all = open.all().await.unwrap_or_else(|error| {
            tracing::warn!(cause = %error.reason(), "the open catalogue could not be listed");
            Arc::new([])
        });
        let listed = all.iter().filter(|open| catalog.resolve(open.model.id.as_str()).is_err() && self.allows(&open.model));
        Ok(listed.map(Named::from).collect())
    }

    /// Whether the deployment serves a model.
    pub fn allows(&self, model: &Model) -> bool {
        self.config.models.allow(&model.owned_by, model.id.as_str())
    }
}

/// Refuses a model that its vendor has ended.
pub fn refuse_gone(model: &Model) -> Result<(), GatewayError> {
    if model.is_gone() { Err(model_gone(model)) } else { Ok(()) }
}

/// The refusal of a model that the deployment does not serve, with the same code as for a key that may not use it.
fn model_not_allowed(model: &Model) -> GatewayError {
    GatewayError::new(ErrorKind::Forbidden, format!("This gateway does not serve the model `{}`.", model.id))
        .with_code("model_not_allowed")
        .with_param("model")
        .with_hint("GET /v1/models lists every model.")
}

/// The refusal of a retired model, with its replacement.
fn model_gone(model: &Model) -> GatewayError {
    let instead = model.replacement().map(|id| format!(" Use `{id}` instead.")).unwrap_or_default();
    let error = GatewayError::new(ErrorKind::Gone, format!("The model `{}` is no longer available.{instead}", model.id));
    let error = error.with_code("model_gone").with_param("model").with_hint("GET /v1/models lists every model.");
    deprecation_headers(model).into_iter().fold(error, |error, (name, value)| error.with_header(name, value))
}

/// Response headers for a deprecated model; empty for others.
pub(super) fn deprecation_headers(model: &Model) -> Vec<(&'static str, &str)> {
    let Some(deprecation) = &model.deprecation else { return Vec::new() };
    let replacement = deprecation.replacement.iter().map(|id| ("x-model-replacement", id.as_str()));
    std::iter::once(("x-model-deprecated", deprecation.since.as_str())).chain(replacement).collect()
}

/// The refusal of an unknown name, with similar ones.
fn model_not_found(asked: &str, unknown: &UnknownModel) -> GatewayError {
    let asked: String = asked.chars().take(80).collect();
    let similar = unknown.similar().map(|ids| format!(" Similar models: {ids}."));
    let message = format!("The model `{asked}` is not in this gateway's catalogue.{}", similar.unwrap_or_default());
    GatewayError::new(ErrorKind::NotFound, message)
        .with_code("model_not_found")
        .with_param("model")
        .with_hint("GET /v1/models lists every model.")
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::catalog::Catalog;
    use crate::ids::RequestId;
    use crate::respond;
    use crate::wire::ClientFormat;

    /// The embedded catalogue with an additional model of this name and these lines.
    fn catalog(lines: &str) -> Catalog {
        let own = "[[model]]\nid = \"old-1\"\nname = \"Old\"\nowned_by = \"x\"\nroutes = [[\"openrouter\", \"x/old-1\"]]\n\
                   price = { input = \"1\", output = \"2\" }\ncontext_window = 9\nmax_output_tokens = 9\n\
                   input_modalities = [\"text\"]\nprofile = \"open\"";
        Catalog::parse(&format!("{}\n{own}\n{lines}", include_str!("../catalog/models.toml"))).unwrap()
    }

    #[test]
    fn a_model_that_is_gone_is_refused_with_the_one_to_use_instead() {
        let catalog = catalog("deprecated = \"2026-11-30\"\nreplacement = \"gpt-5.2\"\ngone = true");
        let error = refuse_gone(&catalog.resolve("x/old-1").unwrap()).unwrap_err();
        assert_eq!(error.status(ClientFormat::ChatCompletions.error_words()), StatusCode::GONE);
        assert_eq!(error.public_type(ClientFormat::Messages.error_words()), "not_found_error");
        assert_eq!((error.code(), error.is_retryable()), (Some("model_gone"), false));
        assert_eq!(error.message(), "The model `old-1` is no longer available. Use `gpt-5.2` instead.");
        let response = respond::error(ClientFormat::ChatCompletions, &error, RequestId::generate());
        assert_eq!(response.headers()["x-model-deprecated"], "2026-11-30");
        assert_eq!(response.headers()["x-model-replacement"], "gpt-5.2");
    }

    #[test]
    fn a_deprecated_model_is_served_and_its_answers_say_so() {
        let model = catalog("deprecated = \"2026-11-30\"").resolve("old-1").unwrap();
        assert!(refuse_gone(&model).is_ok());
        assert_eq!(deprecation_headers(&model), [("x-model-deprecated", "2026-11-30")]);
        let model = catalog("").resolve("old-1").unwrap();
        assert_eq!(deprecation_headers(&model), []);
    }
}
