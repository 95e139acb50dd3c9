//! The cost of a usage at the prices of the gateway's catalogue and of the simulated list of models. `make dev` charges it,
//! so that a reported cost is the expected one. Tests use a price that only the simulator has, so that they can distinguish
//! a reported cost from a computed one.

use gateway::catalog::{Candidate, Catalog};
use gateway::chat::Usage;
use gateway::ids::ProviderId;
use gateway::ledger::cost;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::journal::SimulatedUsage;
use super::listing;

/// The cost in pico-dollars of a usage of this model of `OpenRouter`'s. `None` if no list has the model.
pub(super) fn pico_usd(model: &str, usage: SimulatedUsage) -> Option<u64> {
    of_catalogue(model, usage).or_else(|| {
        let (input, output) = listing::pico_per_token(model)?;
        Some(usage.input_tokens.saturating_mul(input).saturating_add(usage.output_tokens.saturating_mul(output)))
    })
}

fn of_catalogue(model: &str, usage: SimulatedUsage) -> Option<u64> {
    let catalog = Catalog::embedded().ok()?;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let candidate = catalog.models().find_map(|known| {
        let is_it = |provider: ProviderId, upstream: &str| provider == ProviderId::OpenRouter && upstream == model;
        let route = known.routes.iter().find(|route| is_it(route.provider, route.upstream.as_str()))?;
        Some(Candidate::new(known, route, today, false))
    })?;
    let SimulatedUsage { input_tokens, output_tokens, cached_tokens, written_tokens, written_1h_tokens, .. } = usage;
    let other = cached_tokens.saturating_add(written_tokens).saturating_add(written_1h_tokens);
    let usage = Usage {
        input: input_tokens.saturating_sub(other),
        cache_read: cached_tokens,
        cache_write_5m: written_tokens,
        cache_write_1h: written_1h_tokens,
        output: output_tokens,
        ..Usage::default()
    };
    u64::try_from(cost(&usage, &candidate.tariff).pico()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_costs_what_its_list_says_and_an_unknown_one_has_no_price() {
        let usage = SimulatedUsage { input_tokens: 100, output_tokens: 10, cached_tokens: 40, ..SimulatedUsage::default() };
        // 1.75 dollars per million tokens of input, a tenth for cached ones, 14 for output.
        assert_eq!(pico_usd("openai/gpt-5.2", usage), Some(60 * 1_750_000 + 40 * 175_000 + 10 * 14_000_000));
        // The third of the list: 1.2 dollars, and five times as much for output.
        assert_eq!(pico_usd("initech/model-2", usage), Some(100 * 1_200_000 + 10 * 6_000_000));
        assert_eq!(pico_usd("acme/other", usage), None);
    }
}
