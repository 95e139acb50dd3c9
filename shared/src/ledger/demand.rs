//! What a request may cost at worst: the hold that its admission takes.

use std::time::Duration;

use crate::auth::ApiKey;
use crate::catalog::{Model, Price};
use crate::chat::request::CacheLifetime;
use crate::ids::RequestId;
use crate::protocol::{Demand, HoldPrice};
use crate::wire::ClientRequest;
use crate::wire::target::DEFAULT_OUTPUT;

use super::sizes::{PICTURE, Sizes};

/// A hold outlives its process by this: then nobody can settle it any more.
pub const LEASE_AFTER_END: Duration = Duration::from_mins(1);
/// The fewest output tokens that are worth an answer.
const LEAST_OUTPUT: u64 = 1_024;
/// What a part may hold whose size is unknown: something behind a URL, a PDF, audio.
const UNKNOWN_PART: u64 = 32_000;
/// What providers add of their own: more with tools.
const FRAME: u64 = 700;

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

/// What a request asks of its key.
pub fn demand(applicant: Applicant<'_>, request: &ClientRequest, sizes: Sizes, model: &Model) -> Demand {
    let input_tokens = worst_case_input(sizes).min(model.context_window);
    let output_tokens = output_limit(request, model);
    Demand {
        key: applicant.key.id().clone(),
        digest: applicant.key.digest(),
        request: applicant.request,
        model: model.id.to_string(),
        input_tokens,
        output_tokens,
        least_output: output_tokens.min(LEAST_OUTPUT),
        price: hold_price(model, input_tokens, sizes.cache, applicant.markup_permille),
        lease: applicant.lease.as_secs(),
    }
}

/// The most tokens that a request's reply may have: what is held for it.
pub fn output_limit(request: &ClientRequest, model: &Model) -> u64 {
    request.max_tokens.map_or(DEFAULT_OUTPUT, |limit| limit.tokens).min(model.max_output_tokens)
}

/// Prompt tokens that a body does not exceed, as far as anybody can tell without its model's tokeniser: one for two bytes of text.
fn worst_case_input(sizes: Sizes) -> u64 {
    let Sizes { text_bytes, pictures, links, documents, document_bytes: _, cache: _, has_tools: _ } = sizes;
    let unknown = links.saturating_add(documents).saturating_mul(UNKNOWN_PART);
    text_bytes.div_ceil(2).saturating_add(pictures.saturating_mul(PICTURE)).saturating_add(unknown).saturating_add(FRAME)
}

/// The dearest that a token may become: written to a cache where the request marks one, in the tier of long prompts where it may
/// be one.
fn hold_price(model: &Model, input_tokens: u64, cache: Option<CacheLifetime>, markup_permille: u32) -> HoldPrice {
    let tier = model.long_context.filter(|tier| input_tokens > tier.above);
    let Price { input, output, cache_read: _, cache_write_5m, cache_write_1h } = tier.map_or(model.price, |tier| tier.price);
    let dearest = match cache {
        Some(CacheLifetime::OneHour) => input.max(cache_write_5m).max(cache_write_1h),
        Some(CacheLifetime::FiveMinutes) => input.max(cache_write_5m),
        None => input,
    };
    HoldPrice { input: dearest.pico(), output: output.pico(), markup_permille }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn held(body: &str) -> u64 {
        worst_case_input(Sizes::of(&Document::parse(body.to_owned(), &[]).unwrap()))
    }

    #[test]
    fn text_counts_by_length_and_parts_of_unknown_size_by_piece() {
        assert_eq!(held(r#"{"a":"bcd"}"#), 6 + FRAME);
        // The first bytes of a picture.
        let picture = format!("iVBORw0KGgoAAAAN{}", "A".repeat(5_000));
        let unknown = "A".repeat(picture.len());
        for (part, tokens) in [
            (format!(r#"{{"media_type":"image/png","data":"{picture}"}}"#), PICTURE),
            (format!(r#"{{"media_type":"audio/wav","data":"{unknown}"}}"#), UNKNOWN_PART),
            (format!(r#"{{"url":"data:image/png;base64,{picture}"}}"#), PICTURE),
            (r#"{"url":"https://pictures.example/cat.png"}"#.to_owned(), UNKNOWN_PART),
        ] {
            let text = part.len().saturating_sub(if part.contains("http") { 0 } else { picture.len() });
            assert_eq!(held(&part), tokens + (text as u64).div_ceil(2) + FRAME, "{}", &part[..40]);
        }
    }

    #[test]
    fn a_long_text_without_blanks_is_held_in_full() {
        let chinese = format!(r#"{{"content":"{}"}}"#, "\u{5b57}".repeat(1_000_000));
        assert!(held(&chinese) > 1_500_000);
    }

    #[test]
    fn a_cache_mark_is_held_at_its_price_however_it_is_spelled() {
        let model = crate::catalog::Catalog::embedded().unwrap().resolve("claude-opus-4.6").unwrap();
        let price = |block: &str| {
            let body = format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"hi"{block}}}]}}]}}"#);
            let sizes = Sizes::of(&Document::parse(body, &[]).unwrap());
            hold_price(&model, 10, sizes.cache, 0).input
        };
        let dollars = |millionths: u64| millionths;
        assert_eq!(price(""), dollars(5_000_000));
        assert_eq!(price(r#","cache_\u0063ontrol":{"type":"ephemeral"}"#), dollars(6_250_000));
        assert_eq!(price(r#","cache_control":{"type":"ephemeral","ttl":"\u0031h"}"#), dollars(10_000_000));
        assert_eq!(price(r#","x":"\"cache_control\" \"1h\"""#), dollars(5_000_000));
    }
}
