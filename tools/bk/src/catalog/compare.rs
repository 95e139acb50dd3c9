//! The differences between the catalogue's entry and OpenRouter's entry for a model.
//!
//! A difference costs money if keys are charged less than the list says will be paid, if less is held than that, or if
//! requests fail. For a model whose price does not move, and whose keys are charged the catalogue's price, these are:
//!
//! - a listed price above the catalogue's;
//! - prices of long prompts that the catalogue lacks, or that start at a shorter prompt than the catalogue says;
//! - prices that cannot be read, or are not per token: the cost is unknown.
//!
//! For every model these are:
//!
//! - a context window larger than the catalogue's, because holds stop there;
//! - a name that the list lacks, because its route fails.
//!
//! Other differences cost no money: a lower price charges too much, a smaller window or output limit refuses requests, and a
//! larger output limit is not used, because every body that must not exceed its hold carries the catalogue's limit.

use std::collections::BTreeSet;
use std::fmt::Display;

use gateway::capability::{Capabilities, Thinking, ThinkingOff};
use gateway::catalog::listed::{ListedModel, Reasoning, Refusal};
use gateway::catalog::{LongContext, Model, Price, Tariff};
use gateway::money::PicoUsdPerToken;
use jiff::civil::Date;
use serde::Serialize;

/// Shown if one side has no value.
const NOTHING: &str = "none";

/// One difference.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) model: String,
    /// The catalogue's name of the field. Prices are in USD per million tokens.
    pub(super) field: String,
    pub(super) catalogue: String,
    pub(super) list: String,
    /// Whether the difference costs money.
    pub(super) costs: bool,
}

/// A class of tokens, by the catalogue's name and by the list's.
struct Class {
    name: &'static str,
    listed: &'static str,
    /// Whether a missing price means something else in the list than in the catalogue.
    must_be_named: bool,
    of: fn(&Price) -> PicoUsdPerToken,
}

const CLASSES: [Class; 7] = [
    Class { name: "input", listed: "prompt", must_be_named: false, of: |price| price.input },
    Class { name: "output", listed: "completion", must_be_named: false, of: |price| price.output },
    Class { name: "cache_read", listed: "input_cache_read", must_be_named: false, of: |price| price.cache_read },
    Class { name: "cache_write", listed: "input_cache_write", must_be_named: false, of: |price| price.cache_write_5m },
    Class { name: "cache_write_1h", listed: "input_cache_write_1h", must_be_named: true, of: |price| price.cache_write_1h },
    Class { name: "audio", listed: "audio", must_be_named: false, of: |price| price.audio },
    Class { name: "audio_cache_read", listed: "input_audio_cache", must_be_named: true, of: |price| price.audio_cache_read },
];

/// The differences of one model.
struct Differences<'a> {
    model: &'a str,
    found: Vec<Difference>,
}

impl Differences<'_> {
    fn add(&mut self, field: &str, catalogue: &dyn Display, list: &dyn Display, costs: bool) {
        let (model, field) = (self.model.to_owned(), field.to_owned());
        self.found.push(Difference { model, field, catalogue: catalogue.to_string(), list: list.to_string(), costs });
    }
}

/// Compares a model with the list's entry for one of its route names, on a day.
pub(super) fn differences(model: &Model, name: &str, listed: Option<&ListedModel>, day: Date) -> Vec<Difference> {
    let mut differences = Differences { model: model.id.as_str(), found: Vec::new() };
    let Some(listed) = listed else {
        differences.add("name", &name, &NOTHING, true);
        return differences.found;
    };
    let ours = model.tariff_on(day);
    match listed.tariff() {
        Ok(theirs) => tariffs(&mut differences, listed, ours, &theirs),
        Err(refusal) => {
            let costs = refusal != Refusal::Free && !ours.moves;
            differences.add("price", &ours.price.input.per_million(), &refusal, costs);
        }
    }
    sizes(&mut differences, model, listed);
    reasoning(&mut differences, &model.capabilities, listed.reasoning.as_ref());
    end(&mut differences, model, listed);
    differences.found
}

fn tariffs(differences: &mut Differences<'_>, listed: &ListedModel, ours: &Tariff, theirs: &Tariff) {
    let moves = ours.moves;
    prices(differences, listed, "", Sides { ours: &ours.price, theirs: &theirs.price, moves });
    match (&ours.long_context, &theirs.long_context) {
        (None, None) => {}
        (None, Some(tier)) => differences.add("long_context", &NOTHING, &tier.above, !moves),
        (Some(tier), None) => differences.add("long_context", &tier.above, &NOTHING, false),
        (Some(own), Some(tier)) => {
            if own.above != tier.above {
                differences.add("long_context", &own.above, &tier.above, tier.above < own.above && !moves);
            }
            let LongContext { above, price } = tier;
            prices(differences, listed, &format!(" above {above}"), Sides { ours: &own.price, theirs: price, moves });
        }
    }
}

/// The prices of one tier.
#[derive(Clone, Copy)]
struct Sides<'a> {
    ours: &'a Price,
    theirs: &'a Price,
    /// Whether the provider's reported cost is charged.
    moves: bool,
}

fn prices(differences: &mut Differences<'_>, listed: &ListedModel, tier: &str, sides: Sides<'_>) {
    for Class { name, listed: key, must_be_named, of } in CLASSES {
        let (ours, theirs) = (of(sides.ours), of(sides.theirs));
        // If neither side has an own price for the class, it follows the input price, which is compared anyway.
        let is_told = name != "input" && ours == sides.ours.input && theirs == sides.theirs.input;
        if ours != theirs && !is_told && (!must_be_named || names_price(listed, key)) {
            let costs = theirs > ours && !sides.moves;
            differences.add(&format!("{name}{tier}"), &ours.per_million(), &theirs.per_million(), costs);
        }
    }
}

/// Whether the list has this price, for all or some prompts.
fn names_price(listed: &ListedModel, key: &str) -> bool {
    let overrides = listed.pricing.get("overrides").and_then(|overrides| overrides.as_array());
    let some = overrides.into_iter().flatten().any(|entry| entry.get(key).is_some_and(|price| !price.is_null()));
    some || listed.pricing.get(key).is_some_and(|price| !price.is_null())
}

fn sizes(differences: &mut Differences<'_>, model: &Model, listed: &ListedModel) {
    let window = listed.context_length.max(listed.top_provider.context_length);
    if let Some(window) = window.filter(|window| *window != model.widest_window) {
        differences.add("window", &model.widest_window, &window, window > model.widest_window);
    }
    let output = listed.top_provider.max_completion_tokens;
    if let Some(output) = output.filter(|output| *output != model.max_output_tokens) {
        differences.add("max_output_tokens", &model.max_output_tokens, &output, false);
    }
}

/// Compares the reasoning efforts. The list expresses `none` separately, as `mandatory`.
fn reasoning(differences: &mut Differences<'_>, ours: &Capabilities, listed: Option<&Reasoning>) {
    let Some(Reasoning { supported_efforts, default_effort, mandatory }) = listed else {
        if ours.thinking != Thinking::None {
            differences.add("reasoning", &"yes", &NOTHING, false);
        }
        return;
    };
    let [own, named] = [&ours.efforts, supported_efforts].map(|words| efforts(words));
    if own != named && !named.is_empty() {
        differences.add("efforts", &joined(&own), &joined(&named), false);
    }
    if let Some(effort) = default_effort.as_ref().filter(|effort| Some(*effort) != ours.default_effort.as_ref()) {
        differences.add("default_effort", &ours.default_effort.as_deref().unwrap_or(NOTHING), &effort, false);
    }
    if let (Some(own), Some(listed)) = (is_mandatory(ours), *mandatory)
        && own != listed
    {
        differences.add("mandatory_reasoning", &own, &listed, false);
    }
}

fn efforts(words: &[String]) -> BTreeSet<&str> {
    words.iter().map(String::as_str).filter(|word| *word != "none").collect()
}

fn joined(words: &BTreeSet<&str>) -> String {
    if words.is_empty() {
        return NOTHING.to_owned();
    }
    words.iter().copied().collect::<Vec<_>>().join(",")
}

/// Whether a model always thinks; `None` if that depends on the host.
fn is_mandatory(ours: &Capabilities) -> Option<bool> {
    match ours.thinking {
        Thinking::None | Thinking::Budget | Thinking::Adaptive | Thinking::Switch => Some(false),
        Thinking::AdaptiveOnly => match ours.thinking_off {
            ThinkingOff::Omit | ThinkingOff::Disabled | ThinkingOff::DisabledToHigh => Some(false),
            ThinkingOff::BetweenTools => None,
            ThinkingOff::Never => Some(true),
        },
        Thinking::GeminiBudget => ours.budget.map(|(least, _)| least > 0),
        Thinking::GeminiLevel => None,
        Thinking::Effort => Some(!ours.efforts.iter().any(|word| word == "none")),
    }
}

/// Compares the model's last day. A list without one says nothing, because vendors publish it elsewhere.
fn end(differences: &mut Differences<'_>, model: &Model, listed: &ListedModel) {
    let ours = model.deprecation.as_ref().and_then(|deprecation| deprecation.ends.as_deref()).unwrap_or(NOTHING);
    let theirs = listed.expiration_date.as_deref().map(|moment| moment.get(..10).unwrap_or(moment));
    if let Some(theirs) = theirs.filter(|theirs| *theirs != ours) {
        differences.add("ends", &ours, &theirs, false);
    }
}
