//! Plans the reasoning settings of a Claude model, in the terms of its generation.

use crate::capability::{Capabilities, Thinking, ThinkingOff};
use crate::chat::request::{Amount, Effort};
use crate::wire::effort;
use crate::wire::lost::Lost;

/// Smallest budget that Claude accepts.
const LEAST_BUDGET: u64 = 1_024;
/// Tokens that a lowered budget leaves for the answer, if possible.
const ANSWER: u64 = 1_024;

/// The display that shows reasoning: from 4.7 on the default is `omitted`.
pub const SUMMARIZED: &str = "summarized";

/// What happens to bound reasoning whose prefix has changed, instead of a refusal.
pub const DROP_BLOCK: &str = "drop_block";

/// What a client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// No reasoning.
    Off,
    /// At most this many tokens.
    Budget(u64),
    /// As the model decides.
    Adaptive,
    /// Only between calls (Sonnet 5.5).
    BetweenTools,
}

/// What a client requests, including the effort.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The thinking setting.
    pub thinking: Asked,
    /// The effort, if set.
    pub effort: Option<Effort>,
}

impl Wish {
    /// The request of a conversation, in which an effort asks for reasoning.
    pub fn of(amount: Amount) -> Self {
        let (thinking, effort) = match amount {
            Amount::Default => (Asked::Nothing, None),
            Amount::Off => (Asked::Off, None),
            Amount::Budget(tokens) => (Asked::Budget(tokens), None),
            Amount::Effort(effort) => (Asked::Adaptive, Some(effort)),
            Amount::Adaptive(effort) => (Asked::Adaptive, effort),
            Amount::EffortAlone(effort) => (Asked::Nothing, Some(effort)),
        };
        Self { thinking, effort }
    }
}

/// The thinking setting that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing: the model's default.
    Nothing,
    /// `disabled`.
    Off,
    /// `enabled` with this budget.
    Budget(u64),
    /// `adaptive`.
    Adaptive,
    /// `between_tools`.
    BetweenTools,
}

impl Told {
    /// Whether it switches reasoning on.
    pub const fn is_on(self) -> bool {
        matches!(self, Self::Budget(_) | Self::Adaptive)
    }
}

/// The thinking settings to send to the model, and what differs from the client's request.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The `thinking` setting to send.
    pub told: Told,
    /// Whether the model reasons with these settings, also if it does so by default.
    pub thinks: bool,
    /// The effort to send, as `output_config.effort`; `None` to send none.
    pub effort: Option<&'static str>,
    /// Whether reasoning was requested and is not sent.
    pub loses_thinking: bool,
    /// Whether the client's budget changes.
    pub changes_budget: bool,
    /// Whether "off" or "between calls" was requested, and the model does not support it.
    pub loses_off: bool,
    /// Whether an effort was requested and is dropped or lowered.
    pub loses_effort: bool,
}

impl Plan {
    /// Whether bound reasoning whose prefix has changed may be dropped: only `adaptive` accepts the setting, which some
    /// models have by default.
    pub const fn may_drop_thoughts(&self, capabilities: &Capabilities) -> bool {
        let is_adaptive = match self.told {
            Told::Adaptive => true,
            Told::Nothing => self.thinks,
            Told::Off | Told::Budget(_) | Told::BetweenTools => false,
        };
        capabilities.bound_thoughts && is_adaptive
    }

    /// The settings that are not sent as requested.
    pub fn lost(&self) -> impl Iterator<Item = Lost> + use<> {
        let thinking = self.loses_thinking || self.loses_off || self.changes_budget;
        thinking.then_some(Lost::Reasoning).into_iter().chain(self.loses_effort.then_some(Lost::Effort))
    }
}

/// Other facts that decide.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// The output limit, which includes reasoning.
    pub limit: u64,
    /// The model's maximum output.
    pub most: u64,
    /// What conflicts with a budget, if anything.
    pub obstacle: Option<Obstacle>,
}

/// What conflicts with a reasoning budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A tool must be called.
    ForcedCall,
    /// The open tool turn does not begin with reasoning that Claude signed.
    UnsignedToolTurn,
    /// The client prefills the answer (platform.claude.com, extended thinking, feature compatibility).
    BegunAnswer,
}

/// Whether the request gets a reasoning budget. Then its conflicts with a budget must be known.
pub fn is_budget(wish: Wish, capabilities: &Capabilities) -> bool {
    match (capabilities.thinking, wish.thinking) {
        (Thinking::Budget, Asked::Budget(_) | Asked::Adaptive) | (Thinking::Adaptive, Asked::Budget(_)) => true,
        (
            Thinking::None
            | Thinking::Budget
            | Thinking::Adaptive
            | Thinking::AdaptiveOnly
            | Thinking::GeminiBudget
            | Thinking::GeminiLevel
            | Thinking::Effort
            | Thinking::Switch,
            _,
        ) => false,
    }
}

/// The plan for a model. Reasoning counts within the client's output limit: a budget that does not fit is lowered, and one
/// that cannot be lowered is dropped.
pub fn plan(wish: Wish, capabilities: &Capabilities, so_far: &Circumstances) -> Plan {
    let told = match (capabilities.thinking, wish.thinking) {
        (_, Asked::Off | Asked::BetweenTools) => off(capabilities.thinking_off),
        (Thinking::Budget, Asked::Adaptive) => {
            let effort = wish.effort.unwrap_or(Effort::High);
            budget(effort::claude_budget(effort, so_far.most), so_far)
        }
        (Thinking::Budget | Thinking::Adaptive, Asked::Budget(tokens)) => budget(tokens, so_far),
        (Thinking::Adaptive | Thinking::AdaptiveOnly, Asked::Adaptive) | (Thinking::AdaptiveOnly, Asked::Budget(_)) => {
            Told::Adaptive
        }
        (_, Asked::Nothing)
        | (Thinking::None | Thinking::GeminiBudget | Thinking::GeminiLevel | Thinking::Effort | Thinking::Switch, _) => {
            Told::Nothing
        }
    };
    let wanted = match (wish.thinking, wish.effort) {
        (Asked::Budget(tokens), None) if told == Told::Adaptive => Some(effort::of_budget(tokens)),
        (_, effort) => effort,
    };
    let most = most_effort(told, capabilities.thinking_off);
    let sent = wanted.and_then(|wanted| nearest(wanted.min(most), &capabilities.efforts));
    let is_asked = matches!(wish.thinking, Asked::Budget(_) | Asked::Adaptive);
    // For a model without efforts, the budget is derived from the effort.
    let follows = sent.is_some() || (wish.thinking == Asked::Adaptive && told.is_on());
    let thinks_unasked = capabilities.thinking_off != ThinkingOff::Omit;
    Plan {
        told,
        thinks: match told {
            Told::Nothing => thinks_unasked,
            Told::Off => false,
            Told::Budget(_) | Told::Adaptive | Told::BetweenTools => true,
        },
        effort: sent.map(Effort::as_str),
        loses_thinking: is_asked && !told.is_on(),
        changes_budget: matches!((wish.thinking, told), (Asked::Budget(asked), Told::Budget(sent)) if asked != sent),
        loses_off: match wish.thinking {
            Asked::Off => told != Told::Off,
            Asked::BetweenTools => told != Told::BetweenTools,
            Asked::Nothing | Asked::Budget(_) | Asked::Adaptive => false,
        },
        loses_effort: wish.effort.is_some_and(|asked| !follows || sent.is_some_and(|sent| sent < asked)),
    }
}

/// The setting closest to no reasoning.
const fn off(how: ThinkingOff) -> Told {
    match how {
        ThinkingOff::Omit | ThinkingOff::Disabled | ThinkingOff::DisabledToHigh => Told::Off,
        ThinkingOff::BetweenTools => Told::BetweenTools,
        ThinkingOff::Never => Told::Nothing,
    }
}

/// The highest effort that is allowed with a thinking setting.
const fn most_effort(told: Told, how: ThinkingOff) -> Effort {
    match (told, how) {
        (Told::Off | Told::BetweenTools, ThinkingOff::DisabledToHigh | ThinkingOff::BetweenTools) => Effort::High,
        (Told::Nothing | Told::Off | Told::Budget(_) | Told::Adaptive | Told::BetweenTools, _) => Effort::Max,
    }
}

/// A budget of at least 1,024 that stays below the output limit, with room for an answer if possible.
fn budget(wanted: u64, so_far: &Circumstances) -> Told {
    let wanted = wanted.max(LEAST_BUDGET);
    let fitting = if wanted < so_far.limit { wanted } else { so_far.limit.saturating_sub(ANSWER).max(LEAST_BUDGET) };
    if so_far.obstacle.is_some() || fitting >= so_far.limit { Told::Nothing } else { Told::Budget(fitting) }
}

/// The nearest effort that the model supports: the next higher one, or its highest; `None` if it supports none.
fn nearest(wanted: Effort, words: &[String]) -> Option<Effort> {
    let known: Vec<Effort> = words.iter().filter_map(|word| Effort::parse(word)).collect();
    let next = known.iter().filter(|effort| **effort >= wanted).min();
    next.or_else(|| known.iter().max()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(thinking: Thinking, efforts: &[&str]) -> Capabilities {
        Capabilities {
            thinking,
            efforts: efforts.iter().map(|word| (*word).to_owned()).collect(),
            ..Capabilities::default()
        }
    }

    fn told(thinking: Thinking, asked: Asked, limit: u64) -> (Told, bool, bool) {
        let so_far = Circumstances { limit, most: 64_000, obstacle: None };
        let wish = Wish { thinking: asked, effort: None };
        let plan = plan(wish, &capabilities(thinking, &[]), &so_far);
        (plan.told, plan.loses_thinking, plan.changes_budget)
    }

    #[test]
    fn a_budget_fits_inside_the_limit_or_is_left_out() {
        let of = |asked, limit| told(Thinking::Budget, Asked::Budget(asked), limit);
        for (asked, limit, expected) in [
            (2_000, 2_001, (Told::Budget(2_000), false, false)),
            (2_000, 2_000, (Told::Budget(1_024), false, true)),
            (8_000, 4_000, (Told::Budget(2_976), false, true)),
            (500, 4_000, (Told::Budget(1_024), false, true)),
            (8_000, 1_025, (Told::Budget(1_024), false, true)),
            (8_000, 1_024, (Told::Nothing, true, false)),
        ] {
            assert_eq!(of(asked, limit), expected, "{asked} in {limit}");
        }
        assert_eq!(told(Thinking::Budget, Asked::Adaptive, 10_000), (Told::Budget(8_976), false, false));
        assert_eq!(told(Thinking::Adaptive, Asked::Budget(2_000), 4_000), (Told::Budget(2_000), false, false));
        assert_eq!(told(Thinking::AdaptiveOnly, Asked::Budget(2_000), 100), (Told::Adaptive, false, false));
        assert_eq!(told(Thinking::None, Asked::Adaptive, 4_000), (Told::Nothing, true, false));
    }

    #[test]
    fn what_excludes_a_budget_leaves_thinking_out_and_says_so() {
        for obstacle in [Obstacle::ForcedCall, Obstacle::UnsignedToolTurn] {
            let so_far = Circumstances { limit: 9_000, most: 64_000, obstacle: Some(obstacle) };
            let of = |thinking, asked| plan(Wish { thinking: asked, effort: None }, &capabilities(thinking, &[]), &so_far);
            assert!(of(Thinking::Budget, Asked::Adaptive).loses_thinking);
            assert!(of(Thinking::Adaptive, Asked::Budget(2_000)).loses_thinking);
            assert_eq!(of(Thinking::Adaptive, Asked::Adaptive).told, Told::Adaptive);
        }
    }

    #[test]
    fn no_thinking_is_said_as_the_model_knows_it_or_lost() {
        use ThinkingOff::{BetweenTools, Disabled, DisabledToHigh, Never, Omit};
        let so_far = Circumstances { limit: 64_000, most: 64_000, obstacle: None };
        let of = |thinking_off, thinking, effort| {
            let five = capabilities(Thinking::AdaptiveOnly, &["low", "medium", "high", "xhigh", "max"]);
            let plan = plan(Wish { thinking, effort }, &Capabilities { thinking_off, ..five }, &so_far);
            (plan.told, plan.effort, plan.loses_off, plan.loses_effort)
        };
        let hard = Some(Effort::Max);
        for (how, expected) in [
            (Omit, (Told::Off, Some("max"), false, false)),
            (Disabled, (Told::Off, Some("max"), false, false)),
            (DisabledToHigh, (Told::Off, Some("high"), false, true)),
            (BetweenTools, (Told::BetweenTools, Some("high"), true, true)),
            (Never, (Told::Nothing, Some("max"), true, false)),
        ] {
            assert_eq!(of(how, Asked::Off, hard), expected, "{how:?}");
        }
        assert_eq!(of(BetweenTools, Asked::BetweenTools, None), (Told::BetweenTools, None, false, false));
        assert_eq!(of(Disabled, Asked::BetweenTools, None), (Told::Off, None, true, false));
        assert_eq!(of(BetweenTools, Asked::Adaptive, hard), (Told::Adaptive, Some("max"), false, false));
    }

    #[test]
    fn an_effort_is_the_nearest_word_or_a_budget_or_lost() {
        let so_far = Circumstances { limit: 64_000, most: 64_000, obstacle: None };
        let of = |thinking, words: &[&str], asked, effort| {
            let plan = plan(Wish { thinking: asked, effort: Some(effort) }, &capabilities(thinking, words), &so_far);
            (plan.told, plan.effort, plan.loses_effort)
        };
        let words = ["low", "medium", "high", "max"];
        let adaptive = |asked, effort| of(Thinking::Adaptive, &words, asked, effort);
        assert_eq!(adaptive(Asked::Adaptive, Effort::XHigh), (Told::Adaptive, Some("max"), false));
        assert_eq!(adaptive(Asked::Nothing, Effort::Minimal), (Told::Nothing, Some("low"), false));
        let low = |asked, effort| of(Thinking::Adaptive, &["low", "high"], asked, effort);
        assert_eq!(low(Asked::Adaptive, Effort::Max), (Told::Adaptive, Some("high"), true));
        let budget = |asked| of(Thinking::Budget, &[], asked, Effort::Low);
        assert_eq!(budget(Asked::Adaptive), (Told::Budget(2_048), None, false));
        assert_eq!(budget(Asked::Nothing), (Told::Nothing, None, true));
        assert_eq!(budget(Asked::Budget(4_000)), (Told::Budget(4_000), None, true));
    }
}
