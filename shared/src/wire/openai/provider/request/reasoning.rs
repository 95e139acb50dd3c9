//! The reasoning settings for a model behind OpenRouter.

use serde::Serialize;

use crate::capability::Thinking;
use crate::chat::request::{Amount, Effort, Reasoning, Verbosity};
use crate::wire::effort;
use crate::wire::lost::Lost;
use crate::wire::openai::rules;
use crate::wire::target::Target;

/// Effort or budget, never both.
#[derive(Default, Serialize)]
pub(in crate::wire::openai) struct ReasoningOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// Whether the provider keeps the reasoning to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::wire::openai) exclude: Option<bool>,
}

impl ReasoningOut {
    /// Whether it switches reasoning on by an effort, which OpenRouter converts to a budget.
    fn turns_on(&self) -> bool {
        self.enabled == Some(true) || self.effort.is_some_and(|word| word != "none")
    }
}

/// The reasoning settings of a request whose other content may exclude a reasoning budget.
pub(super) fn combined(
    reasoning: Reasoning,
    excludes_budget: impl FnOnce() -> bool,
    target: &Target<'_>,
    lost: &mut Vec<Lost>,
) -> Reasoning {
    if rules::has_claudes_budget(target, sent_amount(reasoning, target)) && excludes_budget() {
        lost.push(Lost::Reasoning);
        return Reasoning { amount: Amount::Default, visible: false };
    }
    reasoning
}

/// The amount of reasoning that OpenRouter will ask for: a client that wants to see reasoning gets its default, which is
/// medium.
pub(super) fn sent_amount(reasoning: Reasoning, target: &Target<'_>) -> Amount {
    let is_off_unasked = target.capabilities.default_effort.as_deref() == Some("none");
    let is_given = reasoning.amount == Amount::Default && reasoning.visible && !is_off_unasked;
    if is_given { Amount::Effort(Effort::Medium) } else { reasoning.amount }
}

/// Reasoning that is off, for calls that exclude it. A client that asks for it is told that it is lost.
pub(super) fn switched_off(asked: Reasoning, lost: &mut Vec<Lost>) -> Reasoning {
    match asked.amount {
        Amount::Off => {}
        Amount::Default if !asked.visible => {}
        Amount::EffortAlone(_) => lost.push(Lost::Effort),
        Amount::Default | Amount::Effort(_) | Amount::Budget(_) | Amount::Adaptive(_) => lost.push(Lost::Reasoning),
    }
    Reasoning { amount: Amount::Off, visible: false }
}

/// The same reasoning for a model that reasons without being asked. A client that wants none is told that it is lost.
pub(super) fn unasked(asked: Reasoning, target: &Target<'_>, lost: &mut Vec<Lost>) -> Reasoning {
    lost.extend((asked.amount == Amount::Off).then_some(Lost::Reasoning));
    Reasoning { amount: rules::unasked(asked.amount, target.capabilities), visible: false }
}

/// Budgets for vendors that count tokens, efforts for the others.
pub(in crate::wire::openai) fn reasoning(
    reasoning: Reasoning,
    target: &Target<'_>,
    lost: &mut Vec<Lost>,
) -> Option<ReasoningOut> {
    match target.capabilities.thinking {
        Thinking::None => {
            lost.extend((!matches!(reasoning.amount, Amount::Default | Amount::Off)).then_some(Lost::Reasoning));
            return None;
        }
        Thinking::Switch => return switched(reasoning, lost),
        Thinking::Budget
        | Thinking::Adaptive
        | Thinking::AdaptiveOnly
        | Thinking::GeminiBudget
        | Thinking::GeminiLevel
        | Thinking::Effort => {}
    }
    let counts_tokens = rules::counts_thoughts(target.capabilities);
    if let Amount::EffortAlone(effort) = reasoning.amount {
        return effort_alone(effort, target, lost);
    }
    let named = |effort: &'static str| ReasoningOut { effort: Some(effort), ..ReasoningOut::default() };
    // OpenRouter knows all efforts (its reference of `ChatRequestEffort`), and lowers what a model does not support.
    let effort = |effort: Effort| named(rules::known_effort(effort, target.capabilities).as_str());
    if let Amount::Effort(wanted) | Amount::Adaptive(Some(wanted)) = reasoning.amount {
        lost.extend((rules::known_effort(wanted, target.capabilities) != wanted).then_some(Lost::Reasoning));
    }
    match reasoning.amount {
        // If the model does not reason by default, a wish to see reasoning requests none.
        Amount::Default if target.capabilities.default_effort.as_deref() == Some("none") => None,
        Amount::Default if reasoning.visible => Some(ReasoningOut { enabled: Some(true), ..ReasoningOut::default() }),
        // A lone effort is handled above.
        Amount::Default | Amount::EffortAlone(_) => None,
        Amount::Off if rules::knows_none(target.capabilities) => Some(named("none")),
        Amount::Off if let Some(least) = rules::least_effort(target.capabilities) => {
            lost.push(Lost::Reasoning);
            Some(named(least.as_str()))
        }
        Amount::Off => Some(ReasoningOut { enabled: Some(false), ..ReasoningOut::default() }),
        Amount::Effort(word) | Amount::Adaptive(Some(word)) => Some(effort(word)),
        Amount::Adaptive(None) => Some(effort(Effort::Medium)),
        Amount::Budget(tokens) if counts_tokens => {
            Some(ReasoningOut { max_tokens: Some(tokens), ..ReasoningOut::default() })
        }
        Amount::Budget(tokens) => Some(effort(effort::of_budget(tokens))),
    }
}

/// An effort that does not switch reasoning on: a model that always reasons gets it directly, and Claude in a separate field
/// ([`verbosity`]).
fn effort_alone(wanted: Effort, target: &Target<'_>, lost: &mut Vec<Lost>) -> Option<ReasoningOut> {
    if rules::is_claude(target.upstream) {
        return None;
    }
    let known = rules::known_effort(wanted, target.capabilities);
    let is_told = rules::thinks_unasked(target.capabilities);
    lost.extend((!is_told || known != wanted).then_some(Lost::Effort));
    is_told.then(|| ReasoningOut { effort: Some(known.as_str()), ..ReasoningOut::default() })
}

/// The verbosity, or Claude's effort without reasoning, for which OpenRouter uses the same field (editor-code-assistant/eca,
/// release 0.157.3; PrimeIntellect-ai/verifiers#1338).
pub(super) fn verbosity(
    reasoning: Reasoning,
    asked: Option<Verbosity>,
    target: &Target<'_>,
    lost: &mut Vec<Lost>,
) -> Option<&'static str> {
    let is_claude = rules::is_claude(target.upstream);
    let alone = if let Amount::EffortAlone(wanted) = reasoning.amount { Some(wanted).filter(|_| is_claude) } else { None };
    let spoken = asked.and_then(|asked| Effort::parse(asked.as_str()));
    let is_lost = rules::replaces_amount(reasoning.amount, target);
    lost.extend(spoken.filter(|_| is_lost).map(|_| Lost::Verbosity));
    let wanted = alone.or(spoken.filter(|_| !is_lost))?;
    let sent = rules::verbosity(wanted, target);
    let named = if alone.is_some() { Lost::Effort } else { Lost::Verbosity };
    lost.extend((sent != Some(wanted)).then_some(named));
    sent.map(Effort::as_str)
}

/// The switch for a model that has no setting for the amount. A client that asks for an amount is told that it is lost.
fn switched(reasoning: Reasoning, lost: &mut Vec<Lost>) -> Option<ReasoningOut> {
    let (enabled, says_how_much) = match reasoning.amount {
        Amount::Default => (reasoning.visible.then_some(true), false),
        Amount::EffortAlone(_) => {
            lost.push(Lost::Effort);
            (None, false)
        }
        Amount::Off => (Some(false), false),
        Amount::Adaptive(None) => (Some(true), false),
        Amount::Effort(_) | Amount::Budget(_) | Amount::Adaptive(Some(_)) => (Some(true), true),
    };
    lost.extend(says_how_much.then_some(Lost::Reasoning));
    enabled.map(|enabled| ReasoningOut { enabled: Some(enabled), ..ReasoningOut::default() })
}

/// A reasoning budget within the output limit, and no effort if Claude's smallest budget does not fit.
pub(in crate::wire::openai) fn within(
    reasoning: Option<ReasoningOut>,
    amount: Amount,
    limit: Option<u64>,
    target: &Target<'_>,
    lost: &mut Vec<Lost>,
) -> Option<ReasoningOut> {
    if let Some(budget) = rules::separate_budget(amount, limit, target) {
        let named = if matches!(amount, Amount::EffortAlone(_)) { Lost::Effort } else { Lost::Reasoning };
        lost.extend(budget.is_lowered.then_some(named));
        return Some(ReasoningOut { max_tokens: Some(budget.tokens), ..ReasoningOut::default() });
    }
    if rules::is_tight(limit, target) && reasoning.as_ref().is_some_and(ReasoningOut::turns_on) {
        lost.push(Lost::Reasoning);
        return None;
    }
    let Some(ReasoningOut { max_tokens: Some(wanted), .. }) = &reasoning else { return reasoning };
    let fitted = rules::fitted_budget(*wanted, limit, target);
    lost.extend((fitted != Some(*wanted)).then_some(Lost::Reasoning));
    fitted.map(|tokens| ReasoningOut { max_tokens: Some(tokens), ..ReasoningOut::default() })
}
