//! OpenRouter's prices (November 2026). If hosts differ, the highest. The unit is a billionth of a dollar per token, which
//! is a thousandth of the usual dollars per million tokens.

use super::super::journal::SimulatedUsage;
use super::family::generation;

/// Prices of a model.
#[derive(Clone, Copy, Debug)]
struct Price {
    input: u64,
    output: u64,
    written: u64,
    written_1h: u64,
}

/// A prompt above this many tokens has other prices.
type Long = (u64, Price);

const fn price(input: u64, output: u64) -> Price {
    Price { input, output, written: input, written_1h: input }
}

/// Claude charges a quarter more for cache writes, and twice the price for an hour.
const fn claude(input: u64, output: u64) -> Price {
    Price { input, output, written: input * 5 / 4, written_1h: input * 2 }
}

/// `OpenAI` charges a quarter more for cache writes since 5.6.
const fn writing(input: u64, output: u64) -> Price {
    Price { input, output, written: input * 5 / 4, written_1h: input * 5 / 4 }
}

/// The price of a usage in millionths of a dollar, rounded down.
pub(super) fn micro_usd(model: &str, usage: SimulatedUsage) -> u64 {
    let (base, long) = table(model);
    let price = long.filter(|(above, _)| usage.input_tokens > *above).map_or(base, |(_, price)| price);
    let plain = usage.input_tokens.saturating_sub(usage.written_tokens + usage.written_1h_tokens);
    let nanos = plain * price.input
        + usage.written_tokens * price.written
        + usage.written_1h_tokens * price.written_1h
        + usage.output_tokens * price.output;
    nanos / 1_000
}

/// Whether a model caches automatically and charges for it.
pub(super) fn charges_for_own_writes(model: &str) -> bool {
    model.strip_prefix("openai/").is_some_and(|name| generation(name) >= (5, 6))
}

fn table(model: &str) -> (Price, Option<Long>) {
    let name = model.split(':').next().unwrap_or(model);
    let Some((vendor, name)) = name.split_once('/') else { return (price(1_000, 5_000), None) };
    match vendor {
        "anthropic" => anthropic(name),
        "google" => google(name),
        "openai" => openai(name),
        _ => others(name),
    }
}

fn anthropic(name: &str) -> (Price, Option<Long>) {
    match name {
        "claude-sonnet-4.5" => (claude(3_000, 15_000), Some((200_000, claude(6_000, 22_500)))),
        "claude-sonnet-4.6" => (claude(3_000, 15_000), None),
        "claude-haiku-4.5" => (claude(1_000, 5_000), None),
        "claude-haiku-5.5" => (claude(100, 500), Some((100_000, claude(500, 2_500)))),
        "claude-sonnet-5" | "claude-sonnet-5.5" => (claude(2_000, 10_000), None),
        "claude-opus-5.5" => (claude(4_000, 20_000), None),
        "claude-fable-5.2" => (claude(8_000, 40_000), None),
        _ => (claude(5_000, 25_000), None),
    }
}

fn google(name: &str) -> (Price, Option<Long>) {
    match name {
        "gemini-3-flash-preview" => (price(500, 3_000), None),
        "gemini-2.5-pro" => (price(1_250, 10_000), Some((200_000, price(2_500, 15_000)))),
        "gemini-2.5-flash" | "gemini-3.5-flash-lite" => (price(300, 2_500), None),
        "gemini-3.8-flash" => (price(750, 3_750), None),
        "gemini-4-argon" | "gemini-4-carbon" => (price(2_000, 10_000), None),
        "gemini-4-neon" => (price(3_000, 15_000), None),
        "gemini-4-hydrogen" => (price(1_500, 7_500), None),
        _ => (price(2_000, 12_000), Some((200_000, price(4_000, 18_000)))),
    }
}

fn openai(name: &str) -> (Price, Option<Long>) {
    const LONG: u64 = 272_000;
    match name {
        "gpt-5.2" | "gpt-5.2-codex" => (price(1_750, 14_000), None),
        "gpt-5-mini" => (price(250, 2_000), None),
        "gpt-5-nano" => (price(50, 400), None),
        "gpt-5.4" => (price(2_500, 15_000), Some((LONG, price(5_000, 22_500)))),
        "gpt-5.4-mini" => (price(750, 4_500), None),
        "gpt-5.6-sol" => (writing(4_000, 20_000), Some((LONG, writing(8_000, 30_000)))),
        "gpt-6.1-sol" | "gpt-6.2-sol" => (writing(2_000, 10_000), Some((LONG, writing(4_000, 15_000)))),
        "gpt-6.1-terra" => (writing(1_000, 5_000), Some((LONG, writing(2_000, 7_500)))),
        "gpt-6-luna" => (writing(100, 500), Some((LONG, writing(200, 750)))),
        "gpt-6-astra" => (writing(10_000, 50_000), Some((LONG, writing(20_000, 75_000)))),
        _ => (price(5_000, 30_000), Some((LONG, price(10_000, 45_000)))),
    }
}

fn others(name: &str) -> (Price, Option<Long>) {
    match name {
        "kimi-k2.5" => (price(600, 3_330), None),
        "kimi-k3.1-pro" => (price(2_000, 10_000), None),
        "qwen3-coder" => (price(300, 1_000), None),
        "glm-5.3" => (price(1_400, 4_400), None),
        "deepseek-v4-pro" => (price(1_420, 3_960), None),
        "minimax-m3" => (price(300, 1_200), None),
        "grok-4.7" => (price(2_000, 6_000), Some((200_000, price(4_000, 12_000)))),
        "mistral-large-4-0" => (price(700, 2_100), None),
        _ => (price(2_000, 6_000), None),
    }
}
