//! Usage in Anthropic's form: `input_tokens` excludes cached tokens, `output_tokens` includes reasoning.

use serde::{Deserialize, Serialize};

use crate::chat::Usage;
use crate::money::PicoUsd;
use crate::wire::raw::RawObject;

/// Usage as it arrives: complete in `message_start`, and again in `message_delta`, where some members may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProviderUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

impl ProviderUsage {
    /// Merges a later report. Counts are cumulative: they replace, they never add.
    pub fn update(&mut self, later: Self) {
        let Self {
            input_tokens,
            output_tokens,
            cache_read_input_tokens,
            cache_creation_input_tokens,
            cache_creation,
            output_tokens_details,
        } = later;
        self.input_tokens = input_tokens.or(self.input_tokens);
        self.output_tokens = output_tokens.or(self.output_tokens);
        self.cache_read_input_tokens = cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens = cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_creation = cache_creation.or_else(|| self.cache_creation.take());
        self.output_tokens_details = output_tokens_details.or_else(|| self.output_tokens_details.take());
    }

    /// The canonical counts. Cache writes without a split have the default lifetime of five minutes.
    pub fn canonical(&self) -> Usage {
        let written = self.cache_creation_input_tokens;
        let split = self.cache_creation.as_ref();
        let hour = split.and_then(|split| split.ephemeral_1h_input_tokens).unwrap_or(0);
        let five_minutes = split.and_then(|split| split.ephemeral_5m_input_tokens).unwrap_or(0);
        let written = written.unwrap_or_else(|| hour.saturating_add(five_minutes));
        let output = self.output_tokens.unwrap_or(0);
        let thinking = self.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens).unwrap_or(0);
        Usage {
            input: self.input_tokens.unwrap_or(0),
            cache_read: self.cache_read_input_tokens.unwrap_or(0),
            cache_write_5m: written.saturating_sub(hour),
            cache_write_1h: hour.min(written),
            output,
            reasoning: thinking.min(output),
            ..Usage::default()
        }
    }
}

/// Usage for Anthropic's clients. Claude Code needs all four counts.
#[derive(Serialize)]
pub struct ClientUsage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    /// The client's charge in dollars, once the reply is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<PicoUsd>,
}

impl ClientUsage {
    /// These counts, with their cost if known.
    pub fn new(usage: &Usage, cost: Option<PicoUsd>) -> Self {
        Self {
            input_tokens: usage.input,
            cache_creation_input_tokens: usage.cache_write(),
            cache_read_input_tokens: usage.cache_read,
            output_tokens: usage.output,
            cost,
        }
    }
}

/// Usage of a forwarded reply: the provider's counts, or the gateway's if the provider gave none, and the client's charge.
pub(super) fn shown<'a>(
    reported: Option<RawObject<'a>>,
    usage: &Usage,
    cost: PicoUsd,
) -> Result<RawObject<'a>, serde_json::Error> {
    let mut shown = reported.unwrap_or_default();
    let ClientUsage { input_tokens, cache_creation_input_tokens, cache_read_input_tokens, output_tokens, cost: _ } =
        ClientUsage::new(usage, None);
    let is_reported = shown.get("output_tokens").is_some_and(|count| !matches!(count, "null" | "0"));
    if !is_reported {
        shown.set("input_tokens", &input_tokens)?;
        shown.set("cache_creation_input_tokens", &cache_creation_input_tokens)?;
        shown.set("cache_read_input_tokens", &cache_read_input_tokens)?;
        shown.set("output_tokens", &output_tokens)?;
    }
    remove_cost(&mut shown);
    shown.set("cost", &cost)?;
    Ok(shown)
}

/// Removes the provider's own price.
pub(super) fn remove_cost(usage: &mut RawObject<'_>) {
    usage.remove("cost");
    usage.remove("cost_details");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str) -> ProviderUsage {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_later_report_replaces_what_it_repeats_and_keeps_the_rest() {
        let mut counts = usage(
            r#"{"input_tokens":4,"output_tokens":1,"cache_read_input_tokens":7,"cache_creation_input_tokens":9,
                "cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":5}}"#,
        );
        counts.update(usage(r#"{"output_tokens":30,"output_tokens_details":{"thinking_tokens":12}}"#));
        let expected = Usage {
            input: 4,
            cache_read: 7,
            cache_write_5m: 4,
            cache_write_1h: 5,
            output: 30,
            reasoning: 12,
            ..Usage::default()
        };
        assert_eq!(counts.canonical(), expected);
    }

    #[test]
    fn cache_writes_without_a_split_are_five_minute_ones() {
        let counts = usage(r#"{"cache_creation_input_tokens":9,"input_tokens":null}"#).canonical();
        assert_eq!((counts.cache_write_5m, counts.cache_write_1h, counts.input), (9, 0, 0));
    }
}
