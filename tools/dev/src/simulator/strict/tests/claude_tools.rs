//! References to tools, and what tools may have together.

use super::claude::{HAIKU, NEWEST, OPUS, call, talk, text, verdict};
use super::*;

/// A conversation in which a tool gave this reference.
fn given(name: &str) -> Value {
    let reference = json!({ "type": "tool_reference", "tool_name": name });
    let result = json!({ "type": "tool_result", "tool_use_id": "a", "content": [reference] });
    talk(&[json!([call("a")]), json!([result])])
}

/// A conversation in which a search of the provider found this tool.
fn found(name: &str) -> Value {
    let reference = json!({ "type": "tool_reference", "tool_name": name });
    let search = json!({ "type": "server_tool_use", "id": "s", "name": "tool_search_tool_regex", "input": {} });
    let found = json!({ "type": "tool_search_tool_search_result", "tool_references": [reference] });
    let result = json!({ "type": "tool_search_tool_result", "tool_use_id": "s", "content": found });
    talk(&[json!([search, result, text("a")]), json!("next")])
}

/// A conversation in which an instruction changes the tools.
fn told(tool: &Value) -> Value {
    let change = json!([{ "type": "tool_addition", "tool": tool }]);
    json!({ "messages": [{ "role": "user", "content": "a" }, { "role": "system", "content": change }] })
}

#[test]
fn references_are_to_declared_tools() {
    let by_name = |name: &str| told(&json!({ "type": "tool_reference", "name": name }));
    for of in [&given as &dyn Fn(&str) -> Value, &found, &by_name] {
        assert_eq!(verdict(NEWEST, &of("weather")), Ok(()));
        refused(verdict(NEWEST, &of("tides")), "Tool reference 'tides' not found in available tools", &of("tides"));
    }
}

#[test]
fn a_definition_between_turns_needs_its_beta() {
    let defined = told(&json!({ "type": "tool_definition", "definition": { "name": "tides", "input_schema": {} } }));
    refused(verdict(NEWEST, &defined), "Input tag 'tool_definition'", &defined);
    let with_beta = changed(&defined, &json!({ "anthropic_beta": ["inline-tools-2026-09-15"] }));
    assert_eq!(verdict(NEWEST, &with_beta), Ok(()));
}

#[test]
fn a_deferred_tool_has_no_cache_mark() {
    let tools = |waits: bool| {
        let marked = json!({ "name": "tides", "cache_control": { "type": "ephemeral" }, "defer_loading": waits });
        let tools = [json!({ "name": "weather" }), marked];
        let schema = json!({ "input_schema": { "type": "object" } });
        json!({ "tools": tools.map(|tool| changed(&tool, &schema)) })
    };
    assert_eq!(verdict(NEWEST, &tools(false)), Ok(()));
    refused(verdict(NEWEST, &tools(true)), "cannot have both defer_loading=true and cache_control set", &tools(true));
}

#[test]
fn a_model_takes_its_own_version_of_a_tool() {
    let tool = |kind: &str| json!({ "tools": [{ "type": kind, "name": "t" }] });
    for (model, kind) in [
        (HAIKU, "computer_20250124"),
        ("claude-opus-4-5@20251101", "computer_20251124"),
        (OPUS, "computer_20251124"),
        (OPUS, "text_editor_20250728"),
        (NEWEST, "bash_20250124"),
    ] {
        assert_eq!(verdict(model, &tool(kind)), Ok(()), "{model} {kind}");
    }
    for (model, kind) in [
        (HAIKU, "computer_20251124"),
        (OPUS, "computer_20250124"),
        (HAIKU, "text_editor_20241022"),
        (HAIKU, "text_editor_20250124"),
        (NEWEST, "text_editor_20250429"),
        (NEWEST, "computer_20241022"),
    ] {
        refused(verdict(model, &tool(kind)), "does not support tool types", &tool(kind));
    }
}
