//! What Mistral's API rejects.

use serde_json::Value;

use super::super::json::{items, string};
use super::verdict::{Verdict, ensure, is_name};

/// Checks a request to this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    if !model.starts_with("mistralai/") {
        return Ok(());
    }
    // Its error 3051 (miquido/draive#39).
    let asks_for_json = body.pointer("/response_format/type").is_some_and(|kind| kind != "text");
    ensure(!(asks_for_json && items(body, "tools").next().is_some()), || {
        "Cannot use json response type with tools".to_owned()
    })?;
    let mut before = None;
    for message in items(body, "messages") {
        let role = string(message, "role").unwrap_or_default();
        follows(role, before)?;
        before = Some(role);
        ids(message)?;
    }
    // QuantumNous/new-api#2858, anomalyco/opencode#19115.
    ensure(before != Some("assistant"), || {
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant".to_owned()
    })
}

/// Its error 3230: after results comes the assistant, and instructions come before the assistant (charmbracelet/crush#279
/// and zed-industries/zed#37021 through OpenRouter; SillyTavern/SillyTavern#1558).
fn follows(role: &str, before: Option<&str>) -> Verdict {
    let refused = matches!((before, role), (Some("tool"), "user" | "system") | (Some("assistant"), "system"));
    ensure(!refused, || format!("Unexpected role '{role}' after role '{}'", before.unwrap_or_default()))
}

/// Its error 3280 (langchain-ai/langchain#24668, anomalyco/opencode#1680).
fn ids(message: &Value) -> Verdict {
    let ids = items(message, "tool_calls").filter_map(|call| string(call, "id")).chain(string(message, "tool_call_id"));
    for id in ids {
        ensure(id.len() == 9 && is_name(id, "", 9), || {
            format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.")
        })?;
    }
    Ok(())
}
