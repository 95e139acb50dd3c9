//! Plans how much a Gemini model reasons, within the output limit: its reasoning counts against that.

use serde::Serialize;

use crate::capability::Thinking;
use crate::chat::request::{Amount, Effort, Reasoning};
use crate::wire::effort;
use crate::wire::lost::Lost;
use crate::wire::target::Target;

/// The `thinkingConfig` field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingConfig {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    include_thoughts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

/// Returns the reasoning setting and the output limit to send.
///
/// An amount that the model does not support is replaced and listed. Reasoning that does not fit the limit is lowered to the
/// largest amount that fits. If not even the smallest fits, it is switched off. If the model always reasons, the limit is
/// raised by the smallest amount, as far as the model and the key's balance allow.
pub(super) fn plan(
    reasoning: Reasoning,
    limit: Option<u64>,
    target: &Target<'_>,
    lost: &mut Vec<Lost>,
) -> (Option<ThinkingConfig>, Option<u64>) {
    let Reasoning { amount, visible: include_thoughts } = reasoning;
    let (amount, steps) = match target.capabilities.thinking {
        Thinking::GeminiLevel => (in_words(amount), levels(&target.capabilities.efforts)),
        Thinking::GeminiBudget => (amount, budgets(amount, target)),
        Thinking::None
        | Thinking::Budget
        | Thinking::Adaptive
        | Thinking::AdaptiveOnly
        | Thinking::Effort
        | Thinking::Switch => return (None, limit),
    };
    let Some(wanted) = wanted(amount, &steps) else {
        let silent = ThinkingConfig { include_thoughts, thinking_budget: None, thinking_level: None };
        return (Some(silent).filter(|_| include_thoughts), limit);
    };
    let room = limit.map_or(u64::MAX, effort::room_for_thoughts);
    let fitting = steps.iter().rev().find(|step| step.tokens <= room.min(wanted.tokens)).copied();
    let least = steps.first().copied().unwrap_or(wanted);
    let step = fitting.unwrap_or(least);
    let limit = if fitting.is_some() {
        lost.extend((Some(step.tokens) != tokens(amount)).then_some(Lost::Reasoning));
        limit
    } else {
        lost.extend([Lost::Reasoning, Lost::MaxTokens]);
        limit.map(|limit| target.clamp(limit.saturating_add(least.tokens)))
    };
    let Step { tokens, level } = step;
    let thinking_budget = level.is_none().then_some(tokens);
    (Some(ThinkingConfig { include_thoughts, thinking_budget, thinking_level: level }), limit)
}

/// An amount of reasoning that a model supports: a level or a number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// The budget, or the estimated tokens of a level.
    tokens: u64,
    level: Option<&'static str>,
}

/// The levels of a model, lowest first. Gemini rejects levels together with budgets, and levels that the model does not
/// have.
fn levels(known: &[String]) -> Vec<Step> {
    let all = [
        (Effort::Minimal, "MINIMAL"),
        (Effort::Low, "LOW"),
        (Effort::Medium, "MEDIUM"),
        (Effort::High, "HIGH"),
        (Effort::XHigh, "XHIGH"),
    ];
    let has = |effort: Effort| known.iter().any(|word| word == effort.as_str());
    let known = all.into_iter().filter(|(effort, _)| has(*effort));
    known.map(|(effort, level)| Step { tokens: effort::gemini_budget(effort), level: Some(level) }).collect()
}

/// The amount as an effort, if the model has levels.
fn in_words(amount: Amount) -> Amount {
    match amount {
        Amount::Budget(tokens) => Amount::Effort(effort::of_budget(tokens)),
        Amount::Default | Amount::Off | Amount::Effort(_) | Amount::EffortAlone(_) | Amount::Adaptive(_) => amount,
    }
}

/// Possible budgets, lowest first: the model's smallest, the budgets of efforts below the requested one, and the requested
/// one.
fn budgets(amount: Amount, target: &Target<'_>) -> Vec<Step> {
    let (least, most) = target.capabilities.budget.unwrap_or((0, 24_576));
    let wanted = tokens(amount).unwrap_or(most).clamp(least, most);
    let efforts = [Effort::Minimal, Effort::Low, Effort::Medium, Effort::High].map(effort::gemini_budget);
    let lower = efforts.into_iter().filter(|tokens| (least..wanted).contains(tokens));
    let mut steps: Vec<u64> = std::iter::once(least).chain(lower).chain([wanted]).collect();
    steps.dedup();
    steps.into_iter().map(|tokens| Step { tokens, level: None }).collect()
}

/// The requested step: the next one that is not lower, or else the highest.
fn wanted(amount: Amount, steps: &[Step]) -> Option<Step> {
    let tokens = tokens(amount)?;
    steps.iter().find(|step| step.tokens >= tokens).or_else(|| steps.last()).copied()
}

/// Tokens of an amount; `None` if the model decides.
fn tokens(amount: Amount) -> Option<u64> {
    match amount {
        Amount::Default | Amount::Adaptive(None) => None,
        Amount::Off => Some(0),
        Amount::Effort(effort) | Amount::EffortAlone(effort) | Amount::Adaptive(Some(effort)) => {
            Some(effort::gemini_budget(effort))
        }
        Amount::Budget(tokens) => Some(tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Capabilities;

    /// Level or budget, limit and reported losses, for an amount of reasoning within a limit.
    fn planned(capabilities: &Capabilities, amount: Amount, limit: Option<u64>) -> (String, Option<u64>, Vec<Lost>) {
        let target = Target {
            capabilities,
            max_output_tokens: 65_535,
            default_output: 32_000,
            must_say_limit: false,
            context_window: 1_000_000,
            upstream: "m",
        };
        let mut lost = Vec::new();
        let (config, limit) = plan(Reasoning { amount, visible: false }, limit, &target, &mut lost);
        let said = config.map(|config| match (config.thinking_level, config.thinking_budget) {
            (Some(level), None) => level.to_owned(),
            (_, budget) => budget.map_or_else(String::new, |budget| budget.to_string()),
        });
        (said.unwrap_or_default(), limit, lost)
    }

    fn by_level(words: &[&str]) -> Capabilities {
        let efforts = words.iter().map(|word| (*word).to_owned()).collect();
        Capabilities { thinking: Thinking::GeminiLevel, efforts, ..Capabilities::default() }
    }

    fn by_budget(least: u64, most: u64) -> Capabilities {
        Capabilities { thinking: Thinking::GeminiBudget, budget: Some((least, most)), ..Capabilities::default() }
    }

    #[test]
    fn a_level_or_budget_is_one_that_the_model_has() {
        let (pro, flash) = (by_level(&["low", "high"]), by_level(&["minimal", "low", "medium", "high"]));
        for (model, amount, said, is_own) in [
            (&pro, Amount::Off, "LOW", false),
            (&flash, Amount::Off, "MINIMAL", false),
            (&pro, Amount::Effort(Effort::Medium), "HIGH", false),
            (&flash, Amount::Effort(Effort::High), "HIGH", true),
            (&flash, Amount::Effort(Effort::Max), "HIGH", false),
            (&flash, Amount::Budget(4_000), "LOW", true),
            (&flash, Amount::Default, "", true),
            (&by_budget(128, 32_768), Amount::Off, "128", false),
            (&by_budget(0, 24_576), Amount::Off, "0", true),
            (&by_budget(0, 24_576), Amount::Effort(Effort::Max), "24576", false),
            (&by_budget(0, 24_576), Amount::Budget(4_000), "4000", true),
        ] {
            let lost = if is_own { vec![] } else { vec![Lost::Reasoning] };
            assert_eq!(planned(model, amount, None), (said.to_owned(), None, lost), "{amount:?}");
        }
    }

    #[test]
    fn thinking_fits_the_limit_and_only_a_model_that_must_think_has_it_raised() {
        let (levels, flash, pro) =
            (by_level(&["minimal", "low", "medium", "high"]), by_budget(0, 24_576), by_budget(128, 32_768));
        let high = Amount::Effort(Effort::High);
        for (model, limit, said, sent, lost) in [
            (&levels, 30_000, "HIGH", 30_000, vec![]),
            (&levels, 10_000, "MEDIUM", 10_000, vec![Lost::Reasoning]),
            (&levels, 1_024, "MINIMAL", 1_024, vec![Lost::Reasoning]),
            (&levels, 100, "MINIMAL", 612, vec![Lost::Reasoning, Lost::MaxTokens]),
            (&flash, 10_000, "8192", 10_000, vec![Lost::Reasoning]),
            (&flash, 1, "0", 1, vec![Lost::Reasoning]),
            (&pro, 300, "128", 300, vec![Lost::Reasoning]),
            (&pro, 1, "128", 129, vec![Lost::Reasoning, Lost::MaxTokens]),
        ] {
            assert_eq!(planned(model, high, Some(limit)), (said.to_owned(), Some(sent), lost), "{limit}");
        }
    }
}
