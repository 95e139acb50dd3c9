//! Fields of newer clients that Vertex AI or other vendors do not know. Each is replaced, dropped or refused, and never lost
//! without a name.

use gateway::wire::open_request;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::send;
use serde_json::{Value, json};

use crate::openrouter_claude::through;
use crate::upstream::{CHAT, MESSAGES, RESPONSES, check, schema, tool, user};

fn with(fields: &Value) -> Value {
    let mut body = json!({"messages": [user(json!("hi"))], "max_tokens": 6_000});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[test]
fn a_newer_display_of_thinking_is_omitted() {
    for display in ["updates", "highlights"] {
        let adaptive = with(&json!({"thinking": {"type": "adaptive", "display": display}}));
        check(MESSAGES, "claude-opus-4.8", &adaptive, json!({"/thinking/display": "omitted"}), &["thinking.display"]);
        let budget = with(&json!({"thinking": {"type": "enabled", "budget_tokens": 2_000, "display": display}}));
        check(MESSAGES, "claude-haiku-4.5", &budget, json!({"/thinking/display": "omitted"}), &["thinking.display"]);
        let hidden = json!({"/generationConfig/thinkingConfig/includeThoughts": null});
        check(MESSAGES, "gemini-3-pro", &adaptive, hidden, &["thinking.display"]);
        check(CHAT, "kimi-k2.5", &adaptive, json!({"/reasoning/exclude": true}), &["thinking.display"]);
    }
}

#[test]
fn a_computer_toolset_is_dropped_like_other_toolsets() {
    let body = with(&json!({"tools": [{"type": "computer_toolset_20260801"}, tool("f")]}));
    for model in ["claude-opus-5.5", "claude-haiku-4.5", "gemini-3-pro", "gpt-5.2"] {
        let sent = if model.starts_with("gemini") { "/tools/1" } else { "/tools/1/name" };
        check(MESSAGES, model, &body, json!({sent: null}), &["tools[0]"]);
    }
}

#[test]
fn a_verbosity_does_not_replace_claudes_effort() {
    let chat = json!({"model": "m", "messages": [user(json!("hi"))], "reasoning_effort": "high", "verbosity": "low"});
    let text = json!({"model": "m", "input": "hi", "reasoning": {"effort": "high"}, "text": {"verbosity": "low"}});
    for model in ["claude-opus-4.6", "claude-opus-5.5"] {
        for (format, body, named) in [(CHAT, &chat, "verbosity"), (RESPONSES, &text, "text.verbosity")] {
            let (sent, dropped) = through(format, model, body);
            assert_eq!((sent.get("verbosity"), &*dropped), (None, &[named.to_owned()][..]), "{model} {sent}");
        }
        let (sent, dropped) =
            through(CHAT, model, &json!({"model": "m", "messages": [user(json!("hi"))], "verbosity": "low"}));
        assert_eq!((&sent["verbosity"], dropped.len()), (&json!("low"), 0), "{model} {sent}");
    }
}

#[test]
fn a_conversation_that_the_provider_would_have_stored_is_refused() {
    let thread = |kind: &str| {
        let body = with(&json!({"model": "gpt-5.2", "thread": {"type": kind, "previous_message_id": "msg_1"}}));
        open_request(MESSAGES, body.to_string())
    };
    let error = thread("continue").unwrap_err();
    assert_eq!((error.param(), error.code()), (Some("thread"), Some("unsupported")));
    assert!(thread("create").is_ok());
}

#[test]
fn the_schema_of_an_answer_is_an_object_in_every_format() {
    let body = with(&json!({"model": "gpt-5.2", "output_config": {"format": {"type": "json_schema", "schema": true}}}));
    let error = open_request(MESSAGES, body.to_string()).unwrap_err();
    assert_eq!(error.message(), "output_config.format.schema: expected an object, got true or false.");
    let body =
        json!({"model": "gpt-5.2", "input": "hi", "text": {"format": {"type": "json_schema", "name": "a", "schema": true}}});
    let error = send(RESPONSES, &body.to_string(), &catalog().unwrap().resolve("gpt-5.2").unwrap()).unwrap_err();
    assert_eq!(error.message(), "text.format.schema: expected an object, got true or false.");
}

#[test]
fn a_property_that_two_schemas_require_is_required_once() {
    let branch = |name: &str| json!({"type": "object", "properties": {"kind": {"const": name}}, "required": ["kind"], "additionalProperties": false});
    let schema = json!({
        "type": "object", "required": ["part"], "additionalProperties": false,
        "properties": {"part": {"type": "object", "required": ["kind"], "oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}},
        "$defs": {"a": branch("a"), "b": branch("b")},
    });
    let body = with(&json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}));
    let once = json!(["kind"]);
    let branches = "/output_config/format/schema/properties/part/anyOf";
    let expected = json!({format!("{branches}/0/required"): once, format!("{branches}/1/required"): once});
    check(MESSAGES, "claude-opus-4.8", &body, expected, &[]);
}

#[test]
fn a_list_of_allowed_tools_keeps_those_that_the_client_runs() {
    let named = json!({"type": "function", "name": "f"});
    let choice = json!({"type": "allowed_tools", "mode": "required", "tools": [named, {"type": "web_search"}]});
    let tools = json!([{"type": "function", "name": "f", "parameters": schema()}, {"type": "web_search"}]);
    let body = json!({"input": "hi", "tools": tools, "tool_choice": choice});
    let config = "/toolConfig/functionCallingConfig";
    let expected = json!({format!("{config}/mode"): "ANY", format!("{config}/allowedFunctionNames"): ["f"]});
    check(RESPONSES, "gemini-3-pro", &body, expected, &["tool_choice", "tools[1]"]);
}
