//! Converts between efforts and token budgets, for model families that budget reasoning in tokens. No vendor publishes such
//! numbers, and other gateways use others: these are this gateway's choice.

use crate::chat::request::Effort;

/// Tokens reserved for the answer next to the largest reasoning budget.
const ANSWER: u64 = 8_192;

/// The budget for a Claude model that may generate this many tokens.
pub(super) fn claude_budget(effort: Effort, most: u64) -> u64 {
    match effort {
        Effort::Minimal => 1_024,
        Effort::Low => 2_048,
        Effort::Medium => 8_192,
        Effort::High => 16_384,
        Effort::XHigh => 32_768,
        Effort::Max => most.saturating_sub(ANSWER),
    }
}

/// The budget for a Gemini model.
pub(super) fn gemini_budget(effort: Effort) -> u64 {
    match effort {
        Effort::Minimal => 512,
        Effort::Low => 1_024,
        Effort::Medium => 8_192,
        Effort::High => 24_576,
        Effort::XHigh | Effort::Max => 32_768,
    }
}

/// The budget for a Qwen model with this maximum. Alibaba's for `low` and `medium` (anomalyco/models.dev#3349).
pub(super) fn qwen_budget(effort: Effort, most: u64) -> u64 {
    match effort {
        Effort::Minimal => 1_024,
        Effort::Low => 4_096,
        Effort::Medium => 16_384,
        Effort::High => 65_536,
        Effort::XHigh | Effort::Max => most,
    }
}

/// How many tokens of an output limit reasoning may use, if reasoning counts against it. The answer keeps a fixed amount,
/// but never more than half.
pub(super) fn room_for_thoughts(limit: u64) -> u64 {
    const ANSWER: u64 = 1_024;
    limit.saturating_sub(ANSWER.min(limit / 2))
}

/// The effort that corresponds to a budget, for families that only accept efforts.
pub(super) fn of_budget(tokens: u64) -> Effort {
    match tokens {
        0..=1_024 => Effort::Minimal,
        1_025..=4_096 => Effort::Low,
        4_097..=12_288 => Effort::Medium,
        12_289..=24_576 => Effort::High,
        _ => Effort::XHigh,
    }
}
