//! What a request may cost at worst: the hold that its admission takes, and what a hold lets a body cost.

use std::time::Duration;

use crate::auth::ApiKey;
use crate::catalog::{Model, Price};
use crate::chat::request::CacheLifetime;
use crate::ids::RequestId;
use crate::protocol::{Demand, HoldPrice};
use crate::store::items::Hold;
use crate::wire::Measured;

/// A hold outlives its process by this: then nobody can settle it any more.
pub const LEASE_AFTER_END: Duration = Duration::from_mins(1);
/// The fewest output tokens that are worth an answer, unless the client itself asks for fewer.
pub const LEAST_OUTPUT: u64 = 1_024;

/// Who asks, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// The key.
    pub key: &'a ApiKey,
    /// Which request.
    pub request: RequestId,
    /// What is added to the price, in thousandths.
    pub markup_permille: u32,
    /// How long the hold may stand.
    pub lease: Duration,
}

/// What a request asks of its key: what the body that is ready for it may cost at most. `output_tokens` is the limit that stands
/// in the body, or the one that would. Where other routes come after the first there is room for their bodies, which say the same
/// in other words.
pub fn demand(applicant: Applicant<'_>, body: &Measured, output_tokens: u64, model: &Model) -> Demand {
    let room = if model.routes.len() > 1 { body.room_for_another_wire() } else { 0 };
    let input_tokens = body.worst_input(model.widest_window).saturating_add(room).min(model.widest_window);
    Demand {
        key: applicant.key.id().clone(),
        digest: applicant.key.digest(),
        request: applicant.request,
        model: model.id.to_string(),
        input_tokens,
        output_tokens,
        least_output: output_tokens.min(LEAST_OUTPUT),
        price: hold_price(model, input_tokens, body.cache, applicant.markup_permille),
        lease: applicant.lease.as_secs(),
    }
}

/// The most output tokens that a body may ask for whose reply must not cost more than what is held.
pub fn affordable_output(hold: &Hold, body: &Measured, model: &Model, markup_permille: u32) -> u64 {
    let input_tokens = body.worst_input(model.widest_window);
    let price = hold_price(model, input_tokens, body.cache, markup_permille);
    let amount = i128::try_from(hold.amount.pico()).unwrap_or(i128::MAX);
    price.affordable(amount, input_tokens).min(hold.tokens.saturating_sub(input_tokens))
}

/// The dearest that a token may become: written to a cache where the body marks one or the model needs no mark, in the tier of
/// long prompts where it may be one.
fn hold_price(model: &Model, input_tokens: u64, cache: Option<CacheLifetime>, markup_permille: u32) -> HoldPrice {
    let tier = model.long_context.filter(|tier| input_tokens > tier.above);
    let Price { input, output, cache_read, cache_write_5m, cache_write_1h } = tier.map_or(model.price, |tier| tier.price);
    let unmarked = (!model.capabilities.marked_caches).then_some(CacheLifetime::FiveMinutes);
    let written = match cache.max(unmarked) {
        Some(CacheLifetime::OneHour) => cache_write_5m.max(cache_write_1h),
        Some(CacheLifetime::FiveMinutes) => cache_write_5m,
        None => input,
    };
    HoldPrice { input: input.max(cache_read).max(written).pico(), output: output.pico(), markup_permille }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::Catalog;
    use crate::money::PicoUsd;
    use crate::wire::WireFormat;

    fn model(id: &str) -> Arc<Model> {
        Catalog::embedded().unwrap().resolve(id).unwrap()
    }

    fn measured(body: &str, model: &Model) -> Measured {
        Measured::of(WireFormat::Anthropic, body.as_bytes(), &model.capabilities.media).unwrap()
    }

    #[test]
    fn a_cache_mark_is_held_at_its_price() {
        let price = |id: &str, rest: &str| {
            let model = model(id);
            let body = format!(r#"{{"messages":[{{"content":[{{"type":"text","text":"hi"{rest}}}]}}]}}"#);
            hold_price(&model, 10, measured(&body, &model).cache, 0).input
        };
        assert_eq!(price("claude-opus-4.6", ""), 5_000_000);
        assert_eq!(price("claude-opus-4.6", r#","cache_control":{"type":"ephemeral"}"#), 6_250_000);
        assert_eq!(price("claude-opus-4.6", r#","cache_control":{"type":"ephemeral","ttl":"1h"}"#), 10_000_000);
        assert_eq!(price("gpt-5.2", ""), 1_750_000);
    }

    #[test]
    fn a_model_that_caches_unasked_is_held_at_the_price_of_writing() {
        let mut model = Model::clone(&model("gpt-5.2"));
        model.price.cache_write_5m = model.price.output;
        assert_eq!(hold_price(&model, 10, None, 0).input, model.price.output.pico());
    }

    #[test]
    fn a_prompt_that_may_be_long_is_held_at_the_price_of_long_ones() {
        let model = model("claude-sonnet-4.5");
        let price = |tokens| hold_price(&model, tokens, None, 0);
        assert_eq!((price(200_000).input, price(200_000).output), (3_000_000, 15_000_000));
        assert_eq!((price(200_001).input, price(200_001).output), (6_000_000, 22_500_000));
    }

    #[test]
    fn a_hold_covers_so_much_output_of_another_body() {
        let model = model("claude-haiku-4.5");
        let body = measured(r#"{"messages":[{"content":"hi"}]}"#, &model);
        let input = body.worst_input(u64::MAX);
        let hold = |output: u64, tokens: u64| Hold {
            expires: 0,
            window: 0,
            amount: PicoUsd::new(u128::from(input) * 1_000_000 + u128::from(output) * 5_000_000),
            tokens,
            model: String::new(),
        };
        assert_eq!(affordable_output(&hold(700, u64::MAX), &body, &model, 0), 700);
        assert_eq!(affordable_output(&hold(700, input + 300), &body, &model, 0), 300);
        assert_eq!(affordable_output(&hold(0, 0), &body, &model, 0), 0);
    }
}
