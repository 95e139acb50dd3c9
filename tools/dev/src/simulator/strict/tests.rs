//! What each wire rejects, as tables: a valid request, the change, and the provider's error message.

mod claude;
mod claude_models;
mod claude_pictures;
mod claude_tools;
mod claude_turns;
mod features;
mod gemini;
mod openrouter;
mod openrouter_claude;
mod openrouter_media;
mod openrouter_rules;
mod openrouter_values;
mod openrouter_vendors;
mod tool_schemas;

use serde_json::{Value, json};

use super::verdict::Verdict;

/// A picture of 4 by 4 points.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAEElEQVR4nGP4z8AARwzEcQCukw/x0F8jngAAAABJRU5ErkJggg==";

/// The body with the change merged in: objects are merged, null removes a field, other values replace it.
fn changed(body: &Value, change: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (body, change) else { return change.clone() };
    let mut merged = old.clone();
    for (name, value) in new {
        if value.is_null() {
            merged.remove(name);
        } else {
            let below = merged.get(name).cloned().unwrap_or_default();
            merged.insert(name.clone(), changed(&below, value));
        }
    }
    Value::Object(merged)
}

/// Checks that a change is rejected with these words.
fn refused(verdict: Verdict, words: &str, change: &Value) {
    match verdict {
        Ok(()) => panic!("not refused: {change}"),
        Err(message) => assert!(message.contains(words), "{message}\ninstead of: {words}\nfor: {change}"),
    }
}

#[test]
fn change_is_merged_into_the_body() {
    let body = json!({ "a": { "b": 1, "c": 2 }, "d": [1] });
    assert_eq!(changed(&body, &json!({ "a": { "b": null, "e": 3 }, "d": [] })), json!({ "a": { "c": 2, "e": 3 }, "d": [] }));
}
