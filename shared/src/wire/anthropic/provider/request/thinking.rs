//! How much a Claude model is told to think, in the words its generation knows.

use serde::Serialize;

use crate::capability::{self, Capabilities};
use crate::chat::Turns;
use crate::chat::request::{Amount, Effort, Origin, Part, Reasoning, Role};
use crate::wire::effort;
use crate::wire::lost::Lost;
use crate::wire::target::Target;

/// Smallest budget Claude takes.
const LEAST_BUDGET: u64 = 1_024;

/// The `thinking` field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Thinking {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_tokens: Option<u64>,
}

impl Thinking {
    /// Whether the model thinks.
    pub(super) fn is_on(&self) -> bool {
        self.kind != "disabled"
    }
}

/// What is sent about thinking.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<&'static str>,
    pub(super) max_tokens: u64,
}

/// What else decides.
pub(super) struct Circumstances<'a> {
    /// The output limit so far.
    pub(super) limit: u64,
    /// Whether a tool must be called: that and a budget exclude each other.
    pub(super) forced: bool,
    /// The conversation: with a budget, its last tool turn must begin with signed thinking.
    pub(super) turns: &'a Turns,
}

/// The plan for a model.
pub(super) fn plan(reasoning: Reasoning, target: &Target<'_>, so_far: &Circumstances<'_>, lost: &mut Vec<Lost>) -> Plan {
    let Circumstances { limit, forced, turns } = *so_far;
    let unchanged = Plan { max_tokens: limit, ..Plan::default() };
    let capabilities = target.capabilities;
    let by_budget = || {
        let wanted = budget_of(reasoning.amount, target.max_output_tokens);
        let Some(wanted) = wanted else { return Plan { max_tokens: limit, ..Plan::default() } };
        if forced || !can_resume(turns) {
            return Plan { max_tokens: limit, ..Plan::default() };
        }
        fit_budget(wanted, limit, target.max_output_tokens)
    };
    let plan = match (capabilities.thinking, reasoning.amount) {
        (_, Amount::Default) | (capability::Thinking::None, _) | (capability::Thinking::Budget, Amount::Off) => unchanged,
        (capability::Thinking::Budget, _) => Plan { effort: effort_of(reasoning.amount, capabilities), ..by_budget() },
        (capability::Thinking::Adaptive, Amount::Budget(_)) => by_budget(),
        (_, Amount::Off) => Plan { thinking: Some(Thinking { kind: "disabled", budget_tokens: None }), ..unchanged },
        (_, Amount::Effort(_) | Amount::Adaptive(_) | Amount::Budget(_)) => Plan {
            thinking: Some(Thinking { kind: "adaptive", budget_tokens: None }),
            effort: effort_of(reasoning.amount, capabilities),
            ..unchanged
        },
    };
    let wanted_thinking = !matches!(reasoning.amount, Amount::Default | Amount::Off);
    if wanted_thinking && plan.thinking.is_none() {
        lost.push(Lost::Reasoning);
    }
    plan
}

/// The budget that is asked for; none where nothing is asked.
fn budget_of(amount: Amount, most: u64) -> Option<u64> {
    match amount {
        Amount::Default | Amount::Off => None,
        Amount::Budget(tokens) => Some(tokens),
        Amount::Effort(effort) | Amount::Adaptive(Some(effort)) => Some(effort::claude_budget(effort, most)),
        Amount::Adaptive(None) => Some(effort::claude_budget(Effort::High, most)),
    }
}

/// A budget must stay below the output limit: the limit is raised for it as far as it may be, else the budget is lowered and leaves
/// room for an answer.
fn fit_budget(budget: u64, limit: u64, most: u64) -> Plan {
    let budget = budget.max(LEAST_BUDGET);
    let raised = budget.saturating_add(LEAST_BUDGET).min(most);
    let (max_tokens, answer) = if limit <= budget { (raised, LEAST_BUDGET) } else { (limit, 1) };
    let budget = budget.min(max_tokens.saturating_sub(answer));
    if budget < LEAST_BUDGET {
        return Plan { max_tokens: limit, ..Plan::default() };
    }
    Plan { thinking: Some(Thinking { kind: "enabled", budget_tokens: Some(budget) }), effort: None, max_tokens }
}

/// The nearest effort word that the model knows: the next higher one, else its highest.
fn effort_of(amount: Amount, capabilities: &Capabilities) -> Option<&'static str> {
    let wanted = match amount {
        Amount::Effort(effort) | Amount::Adaptive(Some(effort)) => effort,
        Amount::Budget(tokens) => effort::of_budget(tokens),
        Amount::Default | Amount::Off | Amount::Adaptive(None) => return None,
    };
    let known: Vec<Effort> = capabilities.efforts.iter().filter_map(|word| Effort::parse(word)).collect();
    let next = known.iter().filter(|effort| **effort >= wanted).min();
    next.or_else(|| known.iter().max()).map(|effort| effort.as_str())
}

/// Whether the last assistant turn, if it called tools, begins with thinking that Claude signed.
fn can_resume(turns: &Turns) -> bool {
    let mut answers = turns.turns.iter().rev().filter(|turn| turn.role == Role::Assistant);
    let last = answers.find(|turn| turn.parts.iter().any(is_sent));
    let Some(last) = last.filter(|turn| turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)))) else {
        return true;
    };
    match last.parts.first() {
        Some(Part::Reasoning { signature: Some(signature), .. } | Part::RedactedReasoning { data: signature, .. }) => {
            signature.origin == Origin::Anthropic
        }
        Some(_) | None => false,
    }
}

/// False for what another provider's model thought and for white space: a turn of nothing else is left out.
fn is_sent(part: &Part) -> bool {
    match part {
        Part::Text { text, .. } => !text.trim().is_empty(),
        Part::Reasoning { signature, .. } => {
            signature.as_ref().is_some_and(|signature| signature.origin == Origin::Anthropic)
        }
        Part::RedactedReasoning { data, .. } => data.origin == Origin::Anthropic,
        Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } | Part::ToolCall(_) | Part::ToolResult(_) => true,
    }
}
