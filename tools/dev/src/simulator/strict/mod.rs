//! What the real providers reject, in their own words. A gateway that translates correctly never gets these errors.
//!
//! Each wire checks a request as its provider does, and reports the first error. Behaviour that no public source describes
//! is not checked: a simulator that rejects too much would teach the gateway wrong rules.

mod claude;
mod claude_absent;
mod claude_grammar;
mod claude_history;
mod claude_media;
mod claude_model;
mod claude_pictures;
mod claude_server_tools;
mod claude_thinking;
mod claude_tools;
mod claude_turns;
pub(super) mod features;
mod gemini;
mod gemini_config;
mod gemini_contents;
mod gemini_fields;
mod gemini_loops;
mod gemini_schema;
mod kimi_schemas;
mod openrouter;
mod openrouter_claude;
mod openrouter_claude_turns;
mod openrouter_media;
mod openrouter_messages;
mod openrouter_mistral;
mod openrouter_openai;
mod openrouter_reasoning;
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

/// Rejects what the real provider would reject, if the script says so.
pub(super) fn check(request: &ModelRequest, script: &Script, received: &Received) -> Verdict {
    let rejects = matches!(script.scenario, Scenario::Strict { .. } | Scenario::Without(_));
    if !rejects || request.mode == Mode::Count {
        return Ok(());
    }
    let body = received.json().map_err(|refusal| refusal.message)?;
    if let Scenario::Without(feature) = script.scenario {
        return feature.check(request.wire, &body);
    }
    let betas = received.headers.get("anthropic-beta").map(String::as_str).unwrap_or_default();
    check_body(request.wire, &request.model, betas, &body)
}

/// Rejects a body that a model in this wire format rejects, with the Anthropic betas of the request's header.
pub(super) fn check_body(wire: Wire, model: &str, betas: &str, body: &Value) -> Verdict {
    match wire {
        Wire::OpenRouter => openrouter::check(model, body),
        Wire::Claude => claude::check(model, betas, body),
        Wire::Gemini => gemini::check(model, body),
    }
}
