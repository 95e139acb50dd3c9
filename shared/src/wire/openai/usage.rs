//! Usage in OpenAI's form: `prompt_tokens` includes cached tokens, `completion_tokens` includes reasoning.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chat::Usage;
use crate::money::PicoUsd;

/// Usage from a provider; any member may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProviderUsage<'a> {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// OpenRouter's price of the call in dollars.
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
    /// Whether the operator's own key at the vendor was used: then the vendor's price is added to OpenRouter's.
    is_byok: Option<bool>,
    #[serde(borrow)]
    cost_details: Option<CostDetails<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CostDetails<'a> {
    #[serde(borrow)]
    upstream_inference_cost: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the wire's names")]
struct PromptDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
    audio_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl ProviderUsage<'_> {
    /// The total cost of the call.
    fn provider_cost(&self) -> Option<PicoUsd> {
        let read = |cost: &RawValue| PicoUsd::parse_usd(cost.get());
        let own = self.cost.and_then(read)?;
        let vendors = self.cost_details.as_ref().and_then(|details| details.upstream_inference_cost);
        let vendors = vendors.filter(|_| self.is_byok == Some(true)).and_then(read);
        Some(own + vendors.unwrap_or(PicoUsd::ZERO))
    }

    /// The canonical counts. Recorded replies sometimes claim more cached and written tokens than the prompt has, or more
    /// reasoning than output. Written tokens are then ignored, the others capped.
    pub fn canonical(&self) -> Usage {
        let prompt = self.prompt_tokens.unwrap_or(0);
        let said = self.completion_tokens.unwrap_or(0);
        let reasoning = self.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens).unwrap_or(0);
        // xAI counts reasoning next to `completion_tokens` and says so in the total only (vercel/ai#12425, Wei-Shaw/sub2api#5771).
        let both = said.saturating_add(reasoning);
        let output = if self.total_tokens == Some(prompt.saturating_add(both)) { both } else { said };
        let details = self.prompt_tokens_details.as_ref();
        let cache_read = details.and_then(|details| details.cached_tokens).unwrap_or(0).min(prompt);
        let written = details.and_then(|details| details.cache_write_tokens).unwrap_or(0);
        let cache_write_5m = if written > prompt.saturating_sub(cache_read) { 0 } else { written };
        let input = prompt.saturating_sub(cache_read).saturating_sub(cache_write_5m);
        let audio = details.and_then(|details| details.audio_tokens).unwrap_or(0).min(input);
        Usage {
            input,
            audio,
            cache_read,
            cache_write_5m,
            output,
            reasoning: reasoning.min(output),
            provider_cost: self.provider_cost(),
            ..Usage::default()
        }
    }
}

/// Usage for OpenAI clients. A provider's cost is not shown to them.
#[derive(Debug, Serialize)]
pub struct ClientUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: ClientPromptDetails,
    completion_tokens_details: ClientCompletionDetails,
    /// The client's charge in dollars, in `OpenRouter`'s field.
    cost: PicoUsd,
}

#[derive(Debug, Serialize)]
struct ClientPromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Debug, Serialize)]
struct ClientCompletionDetails {
    reasoning_tokens: u64,
}

impl ClientUsage {
    /// These counts, at that cost.
    pub fn new(usage: &Usage, cost: PicoUsd) -> Self {
        let prompt_tokens = usage.total_input();
        Self {
            prompt_tokens,
            completion_tokens: usage.output,
            total_tokens: prompt_tokens.saturating_add(usage.output),
            prompt_tokens_details: ClientPromptDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write(),
            },
            completion_tokens_details: ClientCompletionDetails { reasoning_tokens: usage.reasoning },
            cost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str) -> Usage {
        serde_json::from_str::<ProviderUsage<'_>>(text).unwrap().canonical()
    }

    #[test]
    fn cached_and_written_tokens_are_taken_out_of_the_prompt() {
        let usage = usage(
            r#"{"prompt_tokens":2649,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":2569,"cache_write_tokens":79},
                "completion_tokens_details":{"reasoning_tokens":3},"cost":0.00333825}"#,
        );
        let expected = Usage {
            input: 1,
            cache_read: 2569,
            cache_write_5m: 79,
            output: 5,
            reasoning: 3,
            provider_cost: Some(PicoUsd::new(3_338_250_000)),
            ..Usage::default()
        };
        assert_eq!(usage, expected);
    }

    #[test]
    fn a_vendors_own_price_is_added_where_the_operator_pays_the_vendor() {
        let cost = |byok: bool| {
            let text = format!(r#"{{"cost":0.001,"is_byok":{byok},"cost_details":{{"upstream_inference_cost":0.02}}}}"#);
            usage(&text).provider_cost.map(PicoUsd::pico)
        };
        assert_eq!((cost(true), cost(false)), (Some(21_000_000_000), Some(1_000_000_000)));
    }

    #[test]
    fn reasoning_that_only_the_total_counts_is_output() {
        let of = |total: u64| {
            usage(&format!(
                r#"{{"prompt_tokens":32,"completion_tokens":9,"total_tokens":{total},"completion_tokens_details":{{"reasoning_tokens":94}}}}"#
            ))
        };
        assert_eq!((of(135).output, of(135).reasoning), (103, 94));
        assert_eq!((of(41).output, of(41).reasoning), (9, 9));
    }

    #[test]
    fn impossible_counts_are_capped_and_missing_ones_are_zero() {
        let odd =
            usage(r#"{"prompt_tokens":2168,"prompt_tokens_details":{"cached_tokens":2161,"cache_write_tokens":2161}}"#);
        assert_eq!((odd.input, odd.cache_read, odd.cache_write_5m), (7, 2161, 0));
        let odd =
            usage(r#"{"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":11},"prompt_tokens":null}"#);
        assert_eq!((odd.output, odd.reasoning, odd.input), (10, 10, 0));
    }
}
