//! Where Claude on Vertex refuses null: optional members are absent instead. Members that Anthropic's published types (the parameters
//! of its TypeScript SDK) let be null are left alone: marks for the cache, citations, titles, contexts, the user's id, effort, format.

use serde_json::Value;

use super::super::json::items;
use super::verdict::Verdict;

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

fn given(object: &Value, members: &[(&str, &str)], path: &str) -> Verdict {
    match members.iter().find(|(name, _)| object.get(*name).is_some_and(Value::is_null)) {
        Some((name, kind)) => Err(format!("{path}{name}: Input should be a valid {kind}")),
        None => Ok(()),
    }
}
