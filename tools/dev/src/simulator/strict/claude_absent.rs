//! Where Claude on Vertex rejects values of another type (API reference), and null: optional members must be absent instead.
//! Members that Anthropic's published types (the parameters of its TypeScript SDK) allow to be null are not checked: cache
//! marks, citations, titles, contexts, the user's id, effort, format.

use serde_json::Value;

use super::super::json::{items, string};
use super::verdict::{Verdict, ensure};

const REQUEST: [(&str, &str); 12] = [
    ("system", "list"),
    ("tools", "list"),
    ("tool_choice", "dictionary"),
    ("stop_sequences", "list"),
    ("metadata", "dictionary"),
    ("thinking", "dictionary"),
    ("output_config", "dictionary"),
    ("temperature", "number"),
    ("top_p", "number"),
    ("top_k", "integer"),
    ("stream", "boolean"),
    ("anthropic_beta", "list"),
];
const TOOL: [(&str, &str); 4] =
    [("description", "string"), ("strict", "boolean"), ("defer_loading", "boolean"), ("input_examples", "list")];
const BLOCK: [(&str, &str); 5] =
    [("is_error", "boolean"), ("content", "list"), ("source", "dictionary"), ("input", "dictionary"), ("text", "string")];

/// Checks the whole request.
pub(super) fn check(body: &Value) -> Verdict {
    given(body, &REQUEST, "")?;
    if let Some(metadata) = body.get("metadata") {
        let user = metadata.get("user_id").is_none_or(|user| user.is_string() || user.is_null());
        ensure(user, || "metadata.user_id: Input should be a valid string".to_owned())?;
    }
    if let Some(choice) = body.get("tool_choice") {
        given(choice, &[("disable_parallel_tool_use", "boolean"), ("name", "string")], "tool_choice.")?;
    }
    for (place, tool) in items(body, "tools").enumerate() {
        given(tool, &TOOL, &format!("tools.{place}.custom."))?;
    }
    for (place, message) in items(body, "messages").enumerate() {
        for (index, block) in items(message, "content").enumerate() {
            given(block, &BLOCK, &format!("messages.{place}.content.{index}."))?;
        }
    }
    Ok(())
}

/// Whether a value has a type. Lists of blocks may be text, or one object in the results of the provider's own tools. The
/// source of a search result is text.
fn is_of(kind: &str, value: &Value, is_found: bool) -> bool {
    match kind {
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" | "integer" => value.is_number(),
        "dictionary" => value.is_object() || (value.is_string() && is_found),
        _ => value.is_array() || value.is_string() || value.is_object(),
    }
}

fn given(object: &Value, members: &[(&str, &str)], path: &str) -> Verdict {
    let is_found = string(object, "type") == Some("search_result");
    match members.iter().find(|(name, kind)| object.get(*name).is_some_and(|value| !is_of(kind, value, is_found))) {
        Some((name, kind)) => Err(format!("{path}{name}: Input should be a valid {kind}")),
        None => Ok(()),
    }
}
