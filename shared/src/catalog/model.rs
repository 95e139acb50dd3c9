//! One model: its names, its routes, its prices, its limits, and what it can do.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

use super::price::Tariff;
use crate::capability::Capabilities;
use crate::ids::{ModelId, ProviderId, UpstreamModel};

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
    /// Since when the catalogue says so, as `yyyy-mm-dd`.
    pub since: String,
    /// The last day, as `yyyy-mm-dd`, where the vendor named one.
    pub ends: Option<String>,
    /// The model to use instead.
    pub replacement: Option<ModelId>,
    /// Whether it is refused now, and no longer listed.
    pub gone: bool,
    /// Where the vendor said so.
    pub source: Option<String>,
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
    /// Other names that clients use for it, which are no upstream name of its routes.
    pub aliases: Vec<String>,
    /// Ways to reach it, in order of preference.
    pub routes: Vec<Route>,
    /// What it costs until the first day of a later tariff.
    pub tariff: Tariff,
    /// What it costs from later days on, in the order of their days.
    pub later_tariffs: Vec<Tariff>,
    /// What regions and multi-regions of Vertex add to the price of `global`, in thousandths.
    pub regional_surcharge: u32,
    /// Largest prompt and output together, in tokens.
    pub context_window: u64,
    /// Largest prompt, in tokens, where the vendor limits it by itself; else the window.
    pub max_input_tokens: u64,
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

    /// The model to use instead, when it is on its way out.
    pub fn replacement(&self) -> Option<&ModelId> {
        self.deprecation.as_ref().and_then(|deprecation| deprecation.replacement.as_ref())
    }

    /// Whether `GET /v1/models` names it: always, or when a provider of it is configured; never when it is gone.
    pub fn is_listed(&self, configured: &dyn Fn(ProviderId) -> bool) -> bool {
        self.always_listed || !self.is_gone() && self.routes.iter().any(|route| configured(route.provider))
    }

    /// The largest prompt that any of its routes takes, in tokens.
    pub fn largest_prompt(&self) -> u64 {
        if self.max_input_tokens < self.context_window { self.max_input_tokens } else { self.widest_window }
    }

    /// What it costs on that day (UTC), without what a region adds.
    pub fn tariff_on(&self, day: Date) -> &Tariff {
        let begun = |tariff: &&Tariff| tariff.from.is_none_or(|from| from <= day);
        self.later_tariffs.iter().rev().find(begun).unwrap_or(&self.tariff)
    }
}

/// A model by one of its routes, with what it costs there.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The model: the one that was asked for, or its replacement.
    pub model: Arc<Model>,
    /// The way to it.
    pub route: Route,
    /// What it costs that way.
    pub tariff: Tariff,
    /// What keys are charged on top of that, in thousandths.
    pub markup_permille: u32,
}

impl Candidate {
    /// A model by that route on that day, from a region or from where it costs the least.
    pub fn new(model: &Arc<Model>, route: &Route, day: Date, is_regional: bool) -> Self {
        let tariff = *model.tariff_on(day);
        let tariff = if is_regional { tariff.with_surcharge(model.regional_surcharge) } else { tariff };
        Self { model: Arc::clone(model), route: route.clone(), tariff, markup_permille: 0 }
    }

    /// The same with so many thousandths on top of the price.
    #[must_use]
    pub fn with_markup(self, permille: u32) -> Self {
        Self { markup_permille: permille, ..self }
    }
}
