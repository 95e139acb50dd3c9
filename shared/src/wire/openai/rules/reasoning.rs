//! How much a model behind OpenRouter reasons, and which reasoning settings it accepts.

use super::{is_claude, is_deepseek, is_kimi, is_openai};
use crate::capability::{Capabilities, ForcedCalls, Thinking, ThinkingOff};
use crate::chat::request::{Amount, Effort, Reasoning, ToolChoice};
use crate::wire::effort;
use crate::wire::target::Target;

/// The effort that a model supports: the next lower one, or its lowest. Unchanged if its efforts are unknown.
pub(in crate::wire::openai) fn known_effort(wanted: Effort, capabilities: &Capabilities) -> Effort {
    if capabilities.thinking != Thinking::Effort {
        return wanted;
    }
    next_known(wanted, &capabilities.efforts).unwrap_or(wanted)
}

/// The next lower word, or the lowest; `None` if there is none.
fn next_known(wanted: Effort, words: &[String]) -> Option<Effort> {
    let words = words.iter().filter_map(|word| Effort::parse(word));
    let (not_above, above): (Vec<Effort>, Vec<Effort>) = words.partition(|known| *known <= wanted);
    not_above.into_iter().max().or_else(|| above.into_iter().min())
}

/// Whether a model's reasoning has a budget in tokens, and not only an effort that OpenRouter converts.
pub(in crate::wire::openai) const fn counts_thoughts(capabilities: &Capabilities) -> bool {
    match capabilities.thinking {
        Thinking::Budget | Thinking::Adaptive | Thinking::GeminiBudget => true,
        Thinking::None | Thinking::AdaptiveOnly | Thinking::GeminiLevel | Thinking::Effort | Thinking::Switch => false,
    }
}

/// The reasoning budget within the model's range and an output limit, with room for an answer. Smaller budgets are raised to
/// Claude's smallest budget. Returns `None` if even that budget does not fit.
pub(in crate::wire::openai) fn fitted_budget(wanted: u64, limit: Option<u64>, target: &Target<'_>) -> Option<u64> {
    const LEAST: u64 = 1_024;
    let wanted = if is_claude(target.upstream) { wanted.max(LEAST) } else { wanted };
    let wanted = target.capabilities.budget.map_or(wanted, |(least, most)| wanted.clamp(least, most.max(least)));
    let room = effort::room_for_thoughts(limit.unwrap_or(target.max_output_tokens));
    Some(wanted.min(room)).filter(|budget| *budget >= LEAST.min(wanted))
}

/// A reasoning budget next to an output limit that does not count reasoning.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire::openai) struct SeparateBudget {
    /// The budget in tokens.
    pub(in crate::wire::openai) tokens: u64,
    /// Whether it is lower than the client requests.
    pub(in crate::wire::openai) is_lowered: bool,
}

/// The reasoning budget that a body with an output limit needs, if the limit does not count reasoning. It is smaller
/// than the limit, as if both counted together.
pub(in crate::wire::openai) fn separate_budget(
    amount: Amount,
    limit: Option<u64>,
    target: &Target<'_>,
) -> Option<SeparateBudget> {
    let limit = limit.filter(|_| target.capabilities.limit_excludes_thinking)?;
    let most = target.capabilities.budget.map_or(u64::MAX, |(_, most)| most);
    let wanted = match amount {
        Amount::Budget(tokens) => tokens,
        Amount::Effort(effort) | Amount::EffortAlone(effort) | Amount::Adaptive(Some(effort)) => {
            effort::qwen_budget(effort, most)
        }
        // The least that the model does, which is named where it is decided.
        Amount::Off => 0,
        Amount::Default | Amount::Adaptive(None) => most,
    };
    let is_asked = !matches!(amount, Amount::Default | Amount::Adaptive(None));
    let tokens = wanted.min(most).min(effort::room_for_thoughts(limit)).max(1);
    Some(SeparateBudget { tokens, is_lowered: is_asked && tokens < wanted })
}

/// Whether an output limit leaves no room for Claude's smallest budget.
pub(in crate::wire::openai) fn is_tight(limit: Option<u64>, target: &Target<'_>) -> bool {
    is_claude(target.upstream) && limit.is_some() && fitted_budget(u64::MAX, limit, target).is_none()
}

/// The effort for a client that wants no reasoning from a model that always reasons: its lowest. OpenRouter refuses to
/// switch mandatory reasoning off (its model list, `reasoning.mandatory`).
pub(in crate::wire::openai) fn least_effort(capabilities: &Capabilities) -> Option<Effort> {
    let must_think = match capabilities.thinking {
        Thinking::Effort => !knows_none(capabilities),
        Thinking::GeminiLevel => true,
        Thinking::GeminiBudget => capabilities.budget.is_some_and(|(least, _)| least > 0),
        Thinking::Adaptive | Thinking::AdaptiveOnly => {
            matches!(capabilities.thinking_off, ThinkingOff::BetweenTools | ThinkingOff::Never)
        }
        Thinking::None | Thinking::Budget | Thinking::Switch => false,
    };
    let words = capabilities.efforts.iter().filter_map(|word| Effort::parse(word));
    must_think.then(|| words.min().unwrap_or(Effort::Minimal))
}

/// Whether OpenRouter gives Claude a reasoning budget for this amount. Claude does not combine a budget with a forced call,
/// a prefilled answer, or a tool turn without signed reasoning (platform.claude.com, extended thinking, feature
/// compatibility and tool use).
pub(in crate::wire::openai) fn has_claudes_budget(target: &Target<'_>, amount: Amount) -> bool {
    let is_budget = match (target.capabilities.thinking, amount) {
        (_, Amount::Default | Amount::Off | Amount::EffortAlone(_)) => false,
        (thinking, amount) => {
            thinking == Thinking::Budget || thinking == Thinking::Adaptive && matches!(amount, Amount::Budget(_))
        }
    };
    is_claude(target.upstream) && is_budget
}

/// Whether a Claude model rejects reasoning that is switched off. OpenRouter switches it off for a tool turn without signed
/// reasoning if the request asks for reasoning (NousResearch/hermes-agent#43012), so such a request asks for none.
pub(in crate::wire::openai) fn rejects_silence(target: &Target<'_>) -> bool {
    let always = matches!(target.capabilities.thinking_off, ThinkingOff::BetweenTools | ThinkingOff::Never);
    is_claude(target.upstream) && always
}

/// The same amount for a model that reasons without being asked: only its effort is said.
pub(in crate::wire::openai) fn unasked(amount: Amount, capabilities: &Capabilities) -> Amount {
    match amount {
        Amount::Effort(effort) | Amount::EffortAlone(effort) | Amount::Adaptive(Some(effort)) => Amount::EffortAlone(effort),
        Amount::Budget(tokens) => Amount::EffortAlone(effort::of_budget(tokens)),
        Amount::Off => least_effort(capabilities).map_or(Amount::Default, Amount::EffortAlone),
        Amount::Default | Amount::Adaptive(None) => Amount::Default,
    }
}

/// Whether a Claude model answers without reasoning. Then it rejects reasoning in the turns that it continues (`When thinking is
/// disabled, an assistant message in the final position cannot contain thinking`: tailcallhq/forgecode#1195).
pub(in crate::wire::openai) fn is_silent(amount: Amount, limit: Option<u64>, target: &Target<'_>) -> bool {
    let is_off_unasked = target.capabilities.thinking_off == ThinkingOff::Omit;
    let is_off = match amount {
        Amount::Off => least_effort(target.capabilities).is_none(),
        Amount::Default | Amount::EffortAlone(_) => is_off_unasked,
        Amount::Effort(_) | Amount::Budget(_) | Amount::Adaptive(_) => is_off_unasked && is_tight(limit, target),
    };
    is_claude(target.upstream) && is_off
}

/// Whether the request leaves reasoning on for a model that then requires the reasoning of every call in the history
/// (`thinking is enabled but reasoning_content is missing in assistant tool call message`: earendil-works/pi#987 through
/// OpenRouter, QuantumNous/new-api#3121; for DeepSeek earendil-works/pi#3636 and api-docs.deepseek.com, thinking mode). If
/// one is missing, the model answers without reasoning.
pub(in crate::wire::openai) fn wants_thoughts_of_calls(target: &Target<'_>, asked: Reasoning) -> bool {
    // Both reason by default (api-docs.deepseek.com, thinking mode; danny-avila/LibreChat#13366 and earendil-works/pi#1517
    // through OpenRouter).
    asked.amount != Amount::Off
        && (is_kimi(target.upstream) || is_deepseek(target.upstream))
        && target.capabilities.unsigned_reasoning
}

/// Whether a forced call switches reasoning off.
pub(in crate::wire::openai) fn calls_without_thinking(target: &Target<'_>, choice: &ToolChoice) -> bool {
    target.capabilities.forced_calls == ForcedCalls::WithoutThinking && choice.is_forced()
}

/// Whether a model reasons by default.
pub(in crate::wire::openai) fn thinks_unasked(capabilities: &Capabilities) -> bool {
    match capabilities.thinking {
        Thinking::GeminiLevel | Thinking::GeminiBudget => true,
        Thinking::Effort => {
            capabilities.default_effort.as_deref().map_or_else(|| !knows_none(capabilities), |word| word != "none")
        }
        Thinking::None | Thinking::Budget | Thinking::Adaptive | Thinking::AdaptiveOnly | Thinking::Switch => false,
    }
}

/// The verbosity that a model accepts. Claude's is its effort without reasoning: one of its words, the next lower one or its
/// lowest; `None` if it has no words. OpenAI's ends at `high`.
pub(in crate::wire::openai) fn verbosity(wanted: Effort, target: &Target<'_>) -> Option<Effort> {
    if is_claude(target.upstream) {
        next_known(wanted, &target.capabilities.efforts)
    } else if is_openai(target.upstream) {
        let known = wanted.min(Effort::High);
        Some(known).filter(|known| !target.capabilities.fixed_verbosity || *known == Effort::Medium)
    } else {
        Some(wanted)
    }
}

/// Whether a verbosity would replace the amount of reasoning. Claude's verbosity sets its effort, and wins over the effort in
/// `reasoning` (openrouter.ai, migration to Claude 4.6).
pub(in crate::wire::openai) fn replaces_amount(amount: Amount, target: &Target<'_>) -> bool {
    let says_amount = match amount {
        Amount::Effort(_) | Amount::EffortAlone(_) | Amount::Budget(_) | Amount::Adaptive(Some(_)) => true,
        Amount::Default | Amount::Off | Amount::Adaptive(None) => false,
    };
    says_amount && is_claude(target.upstream)
}

/// Whether a model supports the effort `none`.
pub(in crate::wire::openai) fn knows_none(capabilities: &Capabilities) -> bool {
    capabilities.efforts.iter().any(|word| word == "none")
}

#[cfg(test)]
mod tests {
    use super::super::tests::target;
    use super::*;

    #[test]
    fn an_effort_is_one_that_the_model_knows() {
        for (known, wanted, sent) in [
            (&["low", "high"][..], Effort::Minimal, Effort::Low),
            (&["low", "high"], Effort::Medium, Effort::Low),
            (&["low", "high"], Effort::Max, Effort::High),
            (&["none", "medium"], Effort::Low, Effort::Medium),
            (&[], Effort::Max, Effort::Max),
        ] {
            let efforts = known.iter().map(|word| (*word).to_owned()).collect();
            let capabilities = Capabilities { thinking: Thinking::Effort, efforts, ..Capabilities::default() };
            assert_eq!(known_effort(wanted, &capabilities), sent, "{known:?} {wanted:?}");
        }
    }

    #[test]
    fn a_budget_fits_its_limit_and_its_range_or_is_none() {
        let of = |wanted, limit, upstream, budget| {
            let capabilities = Capabilities { budget, ..Capabilities::default() };
            fitted_budget(wanted, limit, &Target { max_output_tokens: 64_000, ..target(&capabilities, upstream) })
        };
        for (wanted, limit, sent) in [
            (2_000, Some(9_000), Some(2_000)),
            (60_000, Some(9_000), Some(7_976)),
            (2_000, Some(2_048), Some(1_024)),
            (2_000, Some(2_000), None),
            (500, Some(1_500), Some(500)),
            (100_000, None, Some(24_576)),
        ] {
            assert_eq!(of(wanted, limit, "google/gemini-2.5-flash", Some((0, 24_576))), sent, "{wanted} in {limit:?}");
        }
        let claude = |wanted, limit| of(wanted, limit, "anthropic/claude-haiku-4.5", None);
        assert_eq!(claude(500, Some(9_000)), Some(1_024));
        assert_eq!(claude(500, Some(1_500)), None);
        assert_eq!(claude(100_000, None), Some(62_976));
    }
}
