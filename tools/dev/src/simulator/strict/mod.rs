//! What the real providers refuse, in their own words. A gateway that translates well never meets any of this.
//!
//! Each wire checks a request the way its provider does: one message about the first thing that is wrong. Checks that no public
//! source describes are left out rather than guessed: a simulator that refuses too much teaches the gateway wrong habits.

mod claude;
mod claude_history;
mod claude_model;
mod claude_turns;
mod gemini;
mod gemini_contents;
mod gemini_fields;
mod gemini_schema;
mod openrouter;
mod openrouter_messages;
mod schema;
#[cfg(test)]
mod tests;

use super::question::{Mode, Question};
use super::received::Received;
use super::scenario::Scenario;
use super::script::Script;
use super::wire::Wire;

/// Nothing, or what the provider says about the first fault.
type Verdict = Result<(), String>;

/// Refuses what the real provider would, if the script wants that.
pub(super) fn check(question: &Question, script: &Script, received: &Received) -> Verdict {
    if !matches!(script.scenario, Scenario::Strict { .. }) || question.mode == Mode::Count {
        return Ok(());
    }
    let body = received.json().map_err(|refusal| refusal.message)?;
    match question.wire {
        Wire::OpenRouter => openrouter::check(&question.model, &body),
        Wire::Claude => {
            let betas = received.headers.get("anthropic-beta").map(String::as_str).unwrap_or_default();
            claude::check(&question.model, betas, &body)
        }
        Wire::Gemini => gemini::check(&question.model, &body),
    }
}

/// Refuses with this message unless the condition holds.
fn ensure(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(message()) }
}

/// True if the text is made of ASCII letters, digits and these other characters only, and of so many at most.
fn is_name(text: &str, others: &str, longest: usize) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || others.contains(letter);
    !text.is_empty() && text.len() <= longest && text.chars().all(fits)
}
