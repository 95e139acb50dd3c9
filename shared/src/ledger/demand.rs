//! The highest possible cost of a request: the hold that its admission takes, and what a hold allows a body to cost.

use std::time::Duration;

use crate::auth::ApiKey;
use crate::catalog::{Candidate, Model, Price};
use crate::chat::request::CacheLifetime;
use crate::ids::RequestId;
use crate::money::PicoUsd;
use crate::protocol::{Demand, HoldPrice};
use crate::store::items::Hold;
use crate::wire::Measured;

/// How long a hold stays after its request must have ended. After that time no process can still settle it.
pub const LEASE_AFTER_END: Duration = Duration::from_mins(1);
/// The fewest useful output tokens, unless the client asks for fewer.
pub const LEAST_OUTPUT: u64 = 1_024;

/// The key and the time limit of a request.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// The API key that sent the request.
    pub key: &'a ApiKey,
    /// The id of the request. The hold is stored under it.
    pub request: RequestId,
    /// How long the hold is valid from its admission. It is longer than the request's time limit.
    pub lease: Duration,
}

/// A prepared body.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The sizes of the body, as measured.
    pub body: &'a Measured,
    /// Its output limit, or the one that it would get.
    pub output_tokens: u64,
}

/// What a request needs from its key: the maximum cost of its body on the most expensive candidate. If other candidates
/// follow the first one, the demand includes a reserve, because their bodies encode the same request in another format. The
/// amount for a body without an output limit covers a reply that fills the window: hosts differ in the longest reply of a
/// model.
pub fn demand(applicant: Applicant<'_>, sent: Sent<'_>, asked: &Model, candidates: &[Candidate]) -> Demand {
    let Sent { body, output_tokens } = sent;
    let reserve = if candidates.len() > 1 { body.room_for_another_wire() } else { 0 };
    let window = candidates.iter().map(|candidate| candidate.model.largest_prompt()).max().unwrap_or_default();
    let input_tokens = body.worst_input(window).saturating_add(reserve).min(body.largest_input(window));
    let prices = candidates.iter().map(|candidate| hold_price(candidate, input_tokens, body));
    let longest = candidates.iter().map(|candidate| candidate.model.widest_window).max().unwrap_or_default();
    let price = prices.reduce(|one, other| HoldPrice {
        input: one.input.max(other.input),
        output: one.output.max(other.output),
        markup_permille: one.markup_permille.max(other.markup_permille),
    });
    Demand {
        key: applicant.key.id().clone(),
        digest: applicant.key.digest(),
        request: applicant.request,
        model: asked.id.to_string(),
        input_tokens,
        output_tokens,
        paid_output: if body.output_limit.is_some() { output_tokens } else { longest.max(output_tokens) },
        least_output: output_tokens.min(LEAST_OUTPUT),
        price: price.unwrap_or(HoldPrice { input: 0, output: 0, markup_permille: 0 }),
        lease: applicant.lease.as_secs(),
    }
}

/// The maximum cost of a prepared body on one candidate, without markup.
pub fn worst_cost(sent: Sent<'_>, candidate: &Candidate) -> PicoUsd {
    let Sent { body, output_tokens } = sent;
    let input_tokens = body.worst_input(candidate.model.largest_prompt());
    HoldPrice { markup_permille: 0, ..hold_price(candidate, input_tokens, body) }.amount(input_tokens, output_tokens)
}

/// The maximum output tokens that a body may request from a candidate within a hold.
pub fn affordable_output(hold: &Hold, body: &Measured, candidate: &Candidate) -> u64 {
    let input_tokens = body.worst_input(candidate.model.largest_prompt());
    let price = hold_price(candidate, input_tokens, body);
    let amount = i128::try_from(hold.amount.pico()).unwrap_or(i128::MAX);
    price.affordable(amount, input_tokens).min(hold.tokens.saturating_sub(input_tokens))
}

/// The highest price of a token. It includes the price of cache writes if the body marks a cache or the model caches without
/// marks, the prices of long prompts if this many input tokens are a long prompt, and the prices of audio if the body may
/// contain audio.
fn hold_price(candidate: &Candidate, input_tokens: u64, body: &Measured) -> HoldPrice {
    let Candidate { model, route: _, tariff, markup_permille } = candidate;
    let Price { input, output, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read } =
        tariff.of_prompt(input_tokens);
    let unmarked = (!model.capabilities.marked_caches).then_some(CacheLifetime::FiveMinutes);
    let written = match body.cache.max(unmarked) {
        Some(CacheLifetime::OneHour) => cache_write_5m.max(cache_write_1h),
        Some(CacheLifetime::FiveMinutes) => cache_write_5m,
        None => input,
    };
    let heard = if body.has_sound { audio.max(audio_cache_read) } else { input };
    HoldPrice {
        input: input.max(cache_read).max(written).max(heard).pico(),
        output: output.pico(),
        markup_permille: *markup_permille,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::*;
    use crate::catalog::Catalog;
    use crate::store::items::HeldModel;
    use crate::wire::WireFormat;

    fn candidate(id: &str) -> Candidate {
        let model = Catalog::embedded().unwrap().resolve(id).unwrap();
        let route = model.routes[0].clone();
        Candidate::new(&model, &route, Date::constant(2026, 11, 26), false)
    }

    fn measured(body: &str, candidate: &Candidate) -> Measured {
        Measured::of(WireFormat::Anthropic, body.as_bytes(), &candidate.model.capabilities.media).unwrap()
    }

    #[test]
    fn a_cache_mark_is_held_at_its_price() {
        let price = |id: &str, rest: &str| {
            let to = candidate(id);
            let body = format!(r#"{{"messages":[{{"content":[{{"type":"text","text":"hi"{rest}}}]}}]}}"#);
            hold_price(&to, 10, &measured(&body, &to)).input
        };
        assert_eq!(price("claude-opus-4.6", ""), 5_000_000);
        assert_eq!(price("claude-opus-4.6", r#","cache_control":{"type":"ephemeral"}"#), 6_250_000);
        assert_eq!(price("claude-opus-4.6", r#","cache_control":{"type":"ephemeral","ttl":"1h"}"#), 10_000_000);
        assert_eq!(price("gpt-5.2", ""), 1_750_000);
        // Marks of both lifetimes are held at the higher price.
        let mixed = r#","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}"#;
        assert_eq!(price("claude-opus-4.6", mixed), 10_000_000);
    }

    #[test]
    fn a_model_that_caches_unasked_is_held_at_the_price_of_writing() {
        let mut to = candidate("gpt-5.2");
        to.tariff.price.cache_write_5m = to.tariff.price.output;
        assert_eq!(hold_price(&to, 10, &Measured::default()).input, to.tariff.price.output.pico());
    }

    #[test]
    fn a_part_that_may_be_sound_is_held_at_the_price_of_sound() {
        let to = candidate("gemini-3-flash");
        let price = |part: &str| {
            let body = format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#);
            let body = Measured::of(WireFormat::Gemini, body.as_bytes(), &to.model.capabilities.media).unwrap();
            hold_price(&to, 10, &body).input
        };
        let sound = r#"{"inlineData":{"mimeType":"audio/mpeg","data":"////"}}"#;
        assert_eq!((price(r#"{"text":"hi"}"#), price(sound)), (500_000, 1_000_000));
    }

    #[test]
    fn a_request_is_held_at_the_price_of_its_dearest_candidate() {
        let (_, key) = crate::auth::mint(&ring::rand::SystemRandom::new()).unwrap();
        let applicant = Applicant { key: &key, request: RequestId::generate(), lease: Duration::ZERO };
        let candidates = [candidate("gpt-5-mini"), candidate("gpt-5.2")];
        let sent = Sent { body: &Measured::default(), output_tokens: 100 };
        let demand = demand(applicant, sent, &candidates[0].model, &candidates);
        assert_eq!((demand.price.input, demand.price.output), (1_750_000, 14_000_000));
    }

    #[test]
    fn the_amount_for_a_body_without_a_limit_covers_the_longest_reply() {
        let (_, key) = crate::auth::mint(&ring::rand::SystemRandom::new()).unwrap();
        let applicant = Applicant { key: &key, request: RequestId::generate(), lease: Duration::ZERO };
        let to = candidate("kimi-k2.5");
        let longest = to.model.widest_window;
        for (limit, output, paid) in [("", 32_000, longest), (r#","max_tokens":90"#, 90, 90)] {
            let body = format!(r#"{{"messages":[]{limit}}}"#);
            let body = Measured::of(WireFormat::OpenAi, body.as_bytes(), &to.model.capabilities.media).unwrap();
            let sent = Sent { body: &body, output_tokens: output };
            let demand = demand(applicant, sent, &to.model, std::slice::from_ref(&to));
            assert_eq!((demand.output_tokens, demand.paid_output), (output, paid));
        }
    }

    #[test]
    fn a_prompt_that_may_be_long_is_held_at_the_price_of_long_ones() {
        let to = candidate("claude-sonnet-4.5");
        let price = |tokens| hold_price(&to, tokens, &Measured::default());
        assert_eq!((price(200_000).input, price(200_000).output), (3_000_000, 15_000_000));
        assert_eq!((price(200_001).input, price(200_001).output), (6_000_000, 22_500_000));
    }

    #[test]
    fn a_body_costs_at_most_its_input_and_the_whole_of_its_output() {
        let to = candidate("claude-haiku-4.5");
        let body = measured(r#"{"messages":[{"content":"hi"}]}"#, &to);
        let input = u128::from(body.worst_input(u64::MAX));
        let cost = worst_cost(Sent { body: &body, output_tokens: 16 }, &to);
        assert_eq!(cost.pico(), input * 1_000_000 + 16 * 5_000_000);
    }

    #[test]
    fn a_hold_covers_so_much_output_of_another_body() {
        let to = candidate("claude-haiku-4.5");
        let body = measured(r#"{"messages":[{"content":"hi"}]}"#, &to);
        let input = body.worst_input(u64::MAX);
        let hold = |output: u64, tokens: u64| Hold {
            expires: 0,
            window: 0,
            amount: PicoUsd::new(u128::from(input) * 1_000_000 + u128::from(output) * 5_000_000),
            tokens,
            model: HeldModel::of(""),
        };
        assert_eq!(affordable_output(&hold(700, u64::MAX), &body, &to), 700);
        assert_eq!(affordable_output(&hold(700, input + 300), &body, &to), 300);
        assert_eq!(affordable_output(&hold(0, 0), &body, &to), 0);
    }
}
