//! What the real providers refuse, in their own words. A gateway that translates well never meets any of this.
//!
//! Each wire checks a request the way its provider does: one message about the first thing that is wrong. Checks that no public
//! source describes are left out rather than guessed: a simulator that refuses too much teaches the gateway wrong habits.

mod claude;
mod claude_absent;
mod claude_history;
mod claude_media;
mod claude_model;
mod claude_pictures;
mod claude_server_tools;
mod claude_thinking;
mod claude_tools;
mod claude_turns;
mod gemini;
mod gemini_config;
mod gemini_contents;
mod gemini_fields;
mod gemini_schema;
mod openrouter;
mod openrouter_claude;
mod openrouter_media;
mod openrouter_messages;
mod openrouter_openai;
mod openrouter_shapes;
mod openrouter_tools;
mod openrouter_values;
mod schema;
#[cfg(test)]
mod tests;
mod tool_schemas;
mod verdict;

use serde_json::Value;

use super::model_request::{Mode, ModelRequest};
use super::received::Received;
use super::scenario::Scenario;
use super::script::Script;
use super::wire::Wire;
use verdict::Verdict;

/// Refuses what the real provider would, if the script wants that.
pub(super) fn check(request: &ModelRequest, script: &Script, received: &Received) -> Verdict {
    if !matches!(script.scenario, Scenario::Strict { .. }) || request.mode == Mode::Count {
        return Ok(());
    }
    let body = received.json().map_err(|refusal| refusal.message)?;
    let betas = received.headers.get("anthropic-beta").map(String::as_str).unwrap_or_default();
    check_body(request.wire, &request.model, betas, &body)
}

/// Refuses a body that a model by that wire refuses, with betas of Anthropic's from the request's header.
pub(super) fn check_body(wire: Wire, model: &str, betas: &str, body: &Value) -> Verdict {
    match wire {
        Wire::OpenRouter => openrouter::check(model, body),
        Wire::Claude => claude::check(model, betas, body),
        Wire::Gemini => gemini::check(model, body),
    }
}
