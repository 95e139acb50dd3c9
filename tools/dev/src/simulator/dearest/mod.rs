//! The most expensive usage that a request allows: the most that a provider could charge for the exact body.
//!
//! - Output is a percentage of the body's own limit, or of the model's maximum (`outputs`).
//! - Input is the full count (`weight`): all text at the worst ratio of a real tokenizer, and pictures, pages and sound by
//!   the formulas of the model's family.
//! - Nothing is read from a cache. If the body has a cache mark, everything is written to the cache, for an hour if any mark
//!   says so.
//! - OpenRouter's price is the price of its model, including long contexts (`prices`).

mod family;
mod media;
mod outputs;
mod prices;
mod sound;
mod tokenizer;
mod weight;

use serde_json::Value;

use super::journal::{PICO_PER_MICRO, SimulatedUsage};
use super::json::{items, string};
use super::model_request::{ModelRequest, Thinking};
use super::wire::Wire;

/// How long a cache entry stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Never,
    Minutes,
    Hour,
}

/// The usage of a reply that uses this percentage of the output that the body allows.
pub(super) fn usage(request: &ModelRequest, body: &Value, percent: u64) -> SimulatedUsage {
    of_body(request.wire, &request.model, request.output_limit, body, percent)
}

/// The same for a body to a model in this wire format, with the output limit that it names.
pub(super) fn of_body(wire: Wire, model: &str, limit: Option<u64>, body: &Value, percent: u64) -> SimulatedUsage {
    let most =
        limit.map_or_else(|| outputs::most(model), |limit| limit.saturating_add(outputs::separate_thoughts(model, body)));
    let output_tokens = most.saturating_mul(percent.min(100)) / 100;
    let input_tokens = read_in_all_rounds(body, weight::of(wire, model, body), output_tokens);
    let written = written(wire, model, body);
    let usage = SimulatedUsage {
        input_tokens,
        output_tokens: output_tokens.max(1),
        reasoning_tokens: 0,
        cached_tokens: 0,
        written_tokens: if written == Written::Minutes { input_tokens } else { 0 },
        written_1h_tokens: if written == Written::Hour { input_tokens } else { 0 },
        cost_pico_usd: None,
    };
    let cost_pico_usd = (wire == Wire::OpenRouter).then(|| prices::micro_usd(model, usage).saturating_mul(PICO_PER_MICRO));
    SimulatedUsage { cost_pico_usd, ..usage }
}

/// Input tokens if Claude searches the tools as often as it may: in each of ten rounds it reads the prompt and the earlier
/// rounds (platform.claude.com, server tools: the loop, and the usage of a whole request).
fn read_in_all_rounds(body: &Value, prompt: u64, said: u64) -> u64 {
    let is_search = |tool: &Value| string(tool, "type").is_some_and(|kind| kind.starts_with("tool_search_tool_"));
    if !items(body, "tools").any(is_search) {
        return prompt;
    }
    (0..10_u64).map(|round| prompt.saturating_add(said.saturating_mul(round) / 10)).sum()
}

/// Whether a reply of this model may contain reasoning that the request did not ask for.
pub(super) fn may_think(request: &ModelRequest) -> bool {
    let own = ["openai/", "google/"].iter().any(|vendor| request.model.starts_with(vendor));
    request.thinking != Thinking::Hidden || request.wire == Wire::Gemini || own
}

fn written(wire: Wire, model: &str, body: &Value) -> Written {
    // OpenAI caches automatically, and charges for it since 5.6.
    let by_itself = prices::charges_for_own_writes(model);
    if !(wire == Wire::Claude || model.starts_with("anthropic/") || by_itself) {
        return Written::Never;
    }
    let mut marks = Vec::new();
    for holder in items(body, "tools").chain(items(body, "system")).chain([body]) {
        marks.extend(holder.get("cache_control"));
    }
    for block in items(body, "messages").flat_map(|message| items(message, "content")) {
        marks.extend(block.get("cache_control"));
        marks.extend(items(block, "content").filter_map(|inner| inner.get("cache_control")));
    }
    marks.retain(|mark| mark.is_object());
    if !by_itself && marks.iter().any(|mark| string(mark, "ttl") == Some("1h")) {
        Written::Hour
    } else if by_itself || !marks.is_empty() {
        Written::Minutes
    } else {
        Written::Never
    }
}

#[cfg(test)]
mod tests;
