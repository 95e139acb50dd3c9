//! A model: its names, routes, prices, limits and capabilities.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

use super::price::Tariff;
use crate::capability::Capabilities;
use crate::ids::{ModelId, ProviderId, UpstreamModel};

/// A route to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The provider.
    pub provider: ProviderId,
    /// The provider's name of the model.
    pub upstream: UpstreamModel,
    /// How the provider is asked for a reply, whatever the client wants.
    pub transfer: Transfer,
}

/// How a provider is asked for a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// As a stream: limits between events apply, and what was generated is known if the reply ends early.
    #[default]
    Stream,
    /// As one body, for providers whose streams have faults that their whole replies do not have.
    Whole,
}

/// What a vendor announced about a model's end. Data only: nothing depends on today's date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// The day since which the catalogue lists the model as deprecated, as `yyyy-mm-dd`.
    pub since: String,
    /// The last day as `yyyy-mm-dd`, if the vendor named one.
    pub ends: Option<String>,
    /// The model to use instead.
    pub replacement: Option<ModelId>,
    /// Whether it is refused now and no longer listed.
    pub gone: bool,
    /// Where the vendor announced it.
    pub source: Option<String>,
}

/// A model of the catalogue, with its prices, limits and routes.
#[derive(Clone, Debug)]
pub struct Model {
    /// The public id.
    pub id: ModelId,
    /// The display name.
    pub name: String,
    /// The vendor.
    pub owned_by: String,
    /// Other names that clients use, except upstream names of its routes.
    pub aliases: Vec<String>,
    /// Its routes, in order of preference.
    pub routes: Vec<Route>,
    /// Its prices until the first day of a later tariff.
    pub tariff: Tariff,
    /// Its later prices, ordered by day.
    pub later_tariffs: Vec<Tariff>,
    /// What regions and multi-regions of Vertex add to the price of `global`, in thousandths.
    pub regional_surcharge: u32,
    /// Maximum of prompt and output together, in tokens.
    pub context_window: u64,
    /// Maximum prompt in tokens, if the vendor limits it separately; otherwise the window.
    pub max_input_tokens: u64,
    /// Maximum of prompt and output together on any of its routes, in tokens.
    pub widest_window: u64,
    /// Maximum output in tokens.
    pub max_output_tokens: u64,
    /// Default output limit for requests that need one, in tokens.
    pub default_output: u64,
    /// Maximum time until the first event of a stream.
    pub first_event: Duration,
    /// Input modalities besides text.
    pub input_modalities: Vec<String>,
    /// Output modalities.
    pub output_modalities: Vec<String>,
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// Whether it is listed even if no provider for it is configured: clients rely on these models (`docs/api.md`).
    pub always_listed: bool,
    /// Its announced end.
    pub deprecation: Option<Deprecation>,
}

impl Model {
    /// Whether it is refused because its vendor has ended it.
    pub fn is_gone(&self) -> bool {
        self.deprecation.as_ref().is_some_and(|deprecation| deprecation.gone)
    }

    /// The model to use instead, if its end was announced.
    pub fn replacement(&self) -> Option<&ModelId> {
        self.deprecation.as_ref().and_then(|deprecation| deprecation.replacement.as_ref())
    }

    /// Whether `GET /v1/models` lists it: always, or if one of its providers is configured; never if it is gone.
    pub fn is_listed(&self, configured: &dyn Fn(ProviderId) -> bool) -> bool {
        self.always_listed || !self.is_gone() && self.routes.iter().any(|route| configured(route.provider))
    }

    /// Maximum prompt on any of its routes, in tokens.
    pub fn largest_prompt(&self) -> u64 {
        if self.max_input_tokens < self.context_window { self.max_input_tokens } else { self.widest_window }
    }

    /// Its prices on a day (UTC), without regional surcharge.
    pub fn tariff_on(&self, day: Date) -> &Tariff {
        let begun = |tariff: &&Tariff| tariff.from.is_none_or(|from| from <= day);
        self.later_tariffs.iter().rev().find(begun).unwrap_or(&self.tariff)
    }
}

/// A model on one of its routes, with its prices there.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The model: the requested one, or its replacement.
    pub model: Arc<Model>,
    /// The provider, and the provider's name of the model.
    pub route: Route,
    /// The prices on this route.
    pub tariff: Tariff,
    /// The markup on the price that clients pay, in thousandths: 50 is 5 %.
    pub markup_permille: u32,
}

impl Candidate {
    /// The model with its prices on a route and a day, with or without the regional surcharge, and without a markup.
    pub fn new(model: &Arc<Model>, route: &Route, day: Date, is_regional: bool) -> Self {
        let tariff = *model.tariff_on(day);
        let tariff = if is_regional { tariff.with_surcharge(model.regional_surcharge) } else { tariff };
        Self { model: Arc::clone(model), route: route.clone(), tariff, markup_permille: 0 }
    }

    /// Returns the candidate with this markup on its prices, in thousandths.
    #[must_use]
    pub fn with_markup(self, permille: u32) -> Self {
        Self { markup_permille: permille, ..self }
    }
}
