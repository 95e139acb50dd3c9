//! Lifetimes of cache writes, for providers that count all writes together.

use super::cost;
use crate::catalog::Tariff;
use crate::chat::Usage;
use crate::chat::request::CacheLifetime;

/// Splits a usage's cache writes by lifetime. By default, all of them have the longest lifetime that the body requests, as
/// they were held. If the body requests both lifetimes, `mixed` has the prices, and the cost that the provider reports shows
/// the split. If that cost is lower than these prices allow, by more than a rounding error, the provider used other prices,
/// and the default applies.
pub fn with_writes_of(usage: Usage, longest: CacheLifetime, mixed: Option<&Tariff>) -> Usage {
    let held = usage.written_for(longest);
    let (Some(tariff), Some(reported)) = (mixed, usage.provider_cost) else { return held };
    let written = usage.cache_write();
    let short = Usage { cache_write_5m: written, cache_write_1h: 0, ..usage };
    let price = tariff.of_prompt(usage.total_input());
    let (least, reported) = (cost(&short, tariff).pico(), reported.pico());
    let more = u128::from(price.cache_write_1h.pico().saturating_sub(price.cache_write_5m.pico()));
    let is_of_these_prices = reported.saturating_add(reported / ROUNDING) >= least;
    if more == 0 || !is_of_these_prices {
        return held;
    }
    let long = reported.saturating_sub(least).div_ceil(more);
    let long = u64::try_from(long).unwrap_or(u64::MAX).min(written);
    Usage { cache_write_5m: written.saturating_sub(long), cache_write_1h: long, ..usage }
}

/// The largest relative rounding error of a reported cost.
const ROUNDING: u128 = 1_000;

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::*;
    use crate::catalog::{Candidate, Catalog};
    use crate::money::PicoUsd;

    /// Five-minute and one-hour writes of 1,000 tokens that cost this many pico-dollars, plus 100 tokens of the prompt and
    /// 10 of the reply.
    fn told(longest: CacheLifetime, is_mixed: bool, reported: Option<u128>) -> (u64, u64) {
        let model = Catalog::embedded().unwrap().resolve("claude-opus-4.6").unwrap();
        let tariff = Candidate::new(&model, &model.routes[1], Date::constant(2026, 11, 26), false).tariff;
        let provider_cost = reported.map(PicoUsd::new);
        let usage = Usage { input: 100, cache_write_5m: 1_000, output: 10, provider_cost, ..Usage::default() };
        let usage = with_writes_of(usage, longest, is_mixed.then_some(&tariff));
        (usage.cache_write_5m, usage.cache_write_1h)
    }

    #[test]
    fn the_reported_cost_tells_writes_of_both_lifetimes_apart() {
        use CacheLifetime::{FiveMinutes, OneHour};
        // 100 x 5 + 10 x 25 dollars per million tokens, plus the writes at 6.25 and 10.
        const OTHERS: u128 = 750_000_000;
        let of = |short: u128, long: u128| Some(OTHERS + short * 6_250_000 + long * 10_000_000);
        for (longest, is_mixed, reported, expected) in [
            (FiveMinutes, false, of(1_000, 0), (1_000, 0)),
            (OneHour, false, of(1_000, 0), (0, 1_000)),
            (OneHour, true, None, (0, 1_000)),
            (OneHour, true, of(1_000, 0), (1_000, 0)),
            (OneHour, true, of(400, 600), (400, 600)),
            (OneHour, true, of(0, 1_000), (0, 1_000)),
            (OneHour, true, of(0, 2_000), (0, 1_000)),
            // Rounded, and with another price.
            (OneHour, true, of(1_000, 0).map(|cost| cost - 1_000_000), (1_000, 0)),
            (OneHour, true, Some(0), (0, 1_000)),
        ] {
            assert_eq!(told(longest, is_mixed, reported), expected, "{longest:?} {is_mixed} {reported:?}");
        }
    }
}
