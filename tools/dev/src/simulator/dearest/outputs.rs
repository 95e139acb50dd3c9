//! The maximum output of each model, for requests without a limit. Sources: the vendors' pages, and OpenRouter's list of
//! November 2026 for other models.

use serde_json::Value;

use super::family::generation;

/// The maximum output tokens of a model by its name, at any provider.
pub(super) fn most(model: &str) -> u64 {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.split(':').next().unwrap_or(name);
    match name {
        claude if claude.starts_with("claude") => claude_most(claude),
        older if older.starts_with("gemini-2") => 65_535,
        gemini if gemini.starts_with("gemini") => 65_536,
        gpt if gpt.starts_with("gpt-") => 128_000,
        "kimi-k2.5" => 262_144,
        "kimi-k3.1-pro" => 131_072,
        qwen if qwen.starts_with("qwen3.8-max") => 131_072,
        "glm-5.3" => 128_000,
        "deepseek-v4-pro" => 384_000,
        "minimax-m3" => 512_000,
        "grok-4.7" => 450_000,
        mistral if mistral.starts_with("mistral-large-4") => 262_144,
        // `qwen3-coder` and other models.
        _ => 65_536,
    }
}

fn claude_most(name: &str) -> u64 {
    if generation(name) >= (4, 6) { 128_000 } else { 64_000 }
}

/// The reasoning that a limit of this model does not count: the budget in the body, or the vendor's maximum (Alibaba's
/// reference of Chat Completions; anomalyco/models.dev#3349).
pub(super) fn separate_thoughts(model: &str, body: &Value) -> u64 {
    const MOST: u64 = 262_144;
    if !model.starts_with("qwen/qwen3.8") {
        return 0;
    }
    body.pointer("/reasoning/max_tokens").and_then(Value::as_u64).unwrap_or(MOST)
}
