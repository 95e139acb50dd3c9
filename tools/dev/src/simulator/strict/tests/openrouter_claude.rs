//! What Claude behind OpenRouter accepts and rejects.

use super::super::super::signature;
use super::super::super::wire::Wire;
use super::openrouter::{CLAUDE, GEMINI, GPT, answer, call, calls, says, talk, verdict};
use super::*;

const HAIKU: &str = "anthropic/claude-haiku-4.5";

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn strict(parameters: Value) -> Value {
    json!({ "tools": [{ "type": "function", "function": { "name": "f", "strict": true, "parameters": parameters } }] })
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn form(schema: Value) -> Value {
    json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "f", "schema": schema } } })
}

#[test]
fn schemas_that_claude_keeps_to_are_closed_and_without_limits() {
    let closed = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": false });
    let open = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let with = |inside: Value| {
        json!({ "type": "object", "properties": { "a": inside }, "additionalProperties": false,
            "$defs": { "D": { "type": "string" } } })
    };
    assert_eq!(verdict(CLAUDE, &strict(with(json!({ "$ref": "#/$defs/D" })))), Ok(()));
    let limited = json!({ "type": "object", "properties": { "a": { "type": "integer", "minimum": 1 } },
        "additionalProperties": false });
    for (model, change) in [
        (CLAUDE, strict(closed.clone())),
        (CLAUDE, form(closed)),
        (GEMINI, strict(open.clone())),
        (GEMINI, form(limited.clone())),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
    for (change, words) in [
        (strict(open.clone()), "'additionalProperties' must be explicitly set to false"),
        (strict(limited.clone()), "property 'minimum' is not supported"),
        (strict(with(json!({ "$ref": "#/$defs/none" }))), "Reference to non-existent definition"),
        (form(with(json!({ "enum": ["a", ["b"]] }))), "Complex types within enums"),
        (form(open), "'additionalProperties' must be explicitly set to false"),
        (form(limited), "property 'minimum' is not supported"),
    ] {
        refused(verdict(CLAUDE, &change), words, &change);
    }
}

#[test]
fn claudes_ids_results_and_marks_have_its_form_behind_openrouter() {
    let loop_of = |id: &str, result: Value| {
        talk(&[says(&json!("a")), calls(&[call(id, "{}")]), changed(&answer(id), &json!({ "content": result }))])
    };
    let part = |text: &str| json!([{ "type": "text", "text": text, "cache_control": { "type": "ephemeral" } }]);
    for fine in [loop_of("a_b-1", json!("x")), loop_of("a", part("x")), loop_of("a", json!(""))] {
        assert_eq!(verdict(CLAUDE, &fine), Ok(()), "{fine}");
    }
    for (wrong, words) in [
        (loop_of("functions.f:0", json!("x")), "tool_use.id: String should match pattern"),
        (loop_of("a", part("")), "cache_control cannot be set for empty text blocks"),
        (loop_of("a", json!("\n\t")), "must contain non-whitespace text"),
    ] {
        refused(verdict(CLAUDE, &wrong), words, &wrong);
    }
    let marked = |whole: &str| {
        let block = json!([{ "type": "text", "text": "b", "cache_control": { "type": "ephemeral", "ttl": "1h" } }]);
        changed(&talk(&[says(&block)]), &json!({ "cache_control": { "type": "ephemeral", "ttl": whole } }))
    };
    assert_eq!(verdict(CLAUDE, &marked("1h")), Ok(()));
    refused(verdict(CLAUDE, &marked("5m")), "a different TTL", &marked("5m"));
}

#[test]
fn a_turn_without_reasoning_has_no_thought_and_one_that_always_reasons_is_not_asked() {
    const SILENT: &str = "anthropic/claude-opus-4.8";
    const ALWAYS: &str = "anthropic/claude-opus-5.5";
    let thought = |model: &str| {
        json!([{ "type": "reasoning.text", "text": "", "format": "anthropic-claude-v1",
            "signature": signature::issue(Wire::Claude, model, 0) }])
    };
    let turn = |details: Value, reasoning: Value| {
        let calling = changed(&calls(&[call("a", "{}")]), &json!({ "reasoning_details": details }));
        changed(&talk(&[says(&json!("a")), calling, answer("a")]), &json!({ "reasoning": reasoning }))
    };
    let effort = json!({ "effort": "high" });
    for (model, fine) in [
        (SILENT, turn(thought("claude-opus-4-8"), effort.clone())),
        (SILENT, turn(Value::Null, Value::Null)),
        (ALWAYS, turn(thought("claude-opus-5-5"), effort.clone())),
        (ALWAYS, turn(Value::Null, Value::Null)),
    ] {
        assert_eq!(verdict(model, &fine), Ok(()), "{model} {fine}");
    }
    let silent = turn(thought("claude-opus-4-8"), Value::Null);
    refused(verdict(SILENT, &silent), "When thinking is disabled", &silent);
    let bare = turn(Value::Null, effort);
    refused(verdict(ALWAYS, &bare), "\"thinking.type.disabled\" is not supported", &bare);
}

#[test]
fn claudes_grammar_has_few_keywords_and_limits() {
    let of = |number: usize, property: &Value, required: usize| {
        let names: Vec<String> = (0..number).map(|place| format!("p{place}")).collect();
        let properties: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), property.clone())).collect();
        json!({ "type": "object", "properties": properties, "required": names[..required], "additionalProperties": false })
    };
    let text = json!({ "type": "string" });
    let either = json!({ "anyOf": [text, { "type": "null" }], "description": "d" });
    for fine in [
        of(24, &text, 0),
        of(16, &either, 16),
        of(1, &json!({ "enum": ["x", null], "title": "t" }), 1),
        of(1, &json!({ "type": "array", "items": text, "minItems": 1 }), 1),
    ] {
        assert_eq!(verdict(CLAUDE, &form(fine.clone())), Ok(()), "{fine}");
        assert_eq!(verdict(CLAUDE, &strict(fine.clone())), Ok(()), "{fine}");
    }
    for (wrong, words) in [
        (of(25, &text, 0), "too many optional parameters (25)"),
        (of(17, &either, 17), "too many parameters with union types (17)"),
        (of(1, &json!({}), 1), "Empty schema ({}) that accepts any JSON value"),
        (of(1, &json!({ "title": "Any" }), 1), "Empty schema ({}) that accepts any JSON value"),
        (of(1, &json!({ "oneOf": [text] }), 1), "Schema type 'oneOf' is not supported"),
        (of(1, &json!({ "anyOf": [text], "type": "string" }), 1), "For 'anyOf', 'type' is not supported"),
        (of(1, &json!({ "type": "array", "prefixItems": [text] }), 1), "property 'prefixItems' is not supported"),
        (of(1, &json!({ "type": "string", "x-order": 1 }), 1), "For 'string' type, property 'x-order' is not supported"),
        (of(1, &json!({ "type": ["string", "null"], "enum": ["x"] }), 1), "does not match declared type"),
        (of(1, &json!({ "type": "string", "enum": [1] }), 1), "Enum value 1 does not match declared type"),
        (of(1, &json!({ "enum": [] }), 1), "Enum must be a non-empty array"),
    ] {
        refused(verdict(CLAUDE, &form(wrong.clone())), words, &wrong);
        refused(verdict(CLAUDE, &strict(wrong.clone())), words, &wrong);
    }
    let both = changed(&form(of(14, &text, 0)), &strict(of(14, &text, 0)));
    refused(verdict(CLAUDE, &both), "too many optional parameters (28)", &both);
}

#[test]
fn a_tool_turn_goes_on_with_its_thought_while_claude_thinks_by_a_budget() {
    let thought = json!([{ "type": "reasoning.text", "text": "", "format": "anthropic-claude-v1",
        "signature": signature::issue(Wire::Claude, "claude-haiku-4-5", 0) }]);
    let turn = |model: &str, thinks: &Value, details: &Value| {
        let calling = changed(&calls(&[call("a", "{}")]), &json!({ "reasoning_details": details }));
        verdict(model, &changed(&talk(&[says(&json!("a")), calling, answer("a")]), thinks))
    };
    let (effort, budget) = (json!({ "reasoning": { "effort": "high" } }), json!({ "reasoning": { "max_tokens": 2_000 } }));
    for (model, thinks, details) in
        [(HAIKU, &effort, &thought), (HAIKU, &json!({}), &Value::Null), (CLAUDE, &effort, &Value::Null)]
    {
        assert_eq!(turn(model, thinks, details), Ok(()), "{model} {thinks}");
    }
    for (model, thinks) in [(HAIKU, &effort), (HAIKU, &budget), (CLAUDE, &budget)] {
        refused(turn(model, thinks, &Value::Null), "Expected `thinking` or `redacted_thinking`", thinks);
    }
}

#[test]
fn a_begun_answer_ends_in_no_white_space() {
    let begun = |content: Value| talk(&[says(&json!("a")), json!({ "role": "assistant", "content": content })]);
    assert_eq!(verdict(HAIKU, &begun(json!("{"))), Ok(()));
    assert_eq!(verdict(GPT, &begun(json!("{ "))), Ok(()));
    for content in [json!("{ "), json!([{ "type": "text", "text": "{\n" }])] {
        refused(verdict(HAIKU, &begun(content.clone())), "cannot end with trailing whitespace", &content);
    }
    refused(verdict(CLAUDE, &begun(json!("{"))), "does not support assistant message prefill", &Value::Null);
}

#[test]
fn thoughts_fit_inside_the_limit() {
    let asked = |limit: u64, reasoning: Value| json!({ "max_tokens": limit, "reasoning": reasoning });
    for (model, change) in [
        (HAIKU, asked(1_025, json!({ "enabled": true }))),
        (HAIKU, asked(100, json!({ "enabled": false }))),
        (CLAUDE, asked(100, json!({ "effort": "high" }))),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
    for (model, change) in [
        (HAIKU, asked(1_024, json!({ "enabled": true }))),
        (HAIKU, asked(1_024, json!({ "effort": "low" }))),
        (CLAUDE, asked(2_000, json!({ "max_tokens": 2_000 }))),
    ] {
        refused(verdict(model, &change), "`max_tokens` must be greater than `thinking.budget_tokens`", &change);
    }
}

#[test]
fn the_user_opens_the_conversation() {
    let system = || json!({ "role": "system", "content": "a" });
    let begun = talk(&[system(), json!({ "role": "assistant", "content": "a" }), says(&json!("b"))]);
    assert_eq!(verdict(CLAUDE, &talk(&[system(), says(&json!("b"))])), Ok(()));
    assert_eq!(verdict(GPT, &talk(&[system()])), Ok(()));
    for (model, change, words) in [
        (CLAUDE, talk(&[system()]), "at least one message is required"),
        (CLAUDE, begun, "first message must use the \"user\" role"),
        (GEMINI, talk(&[system()]), "contents is not specified"),
        ("qwen/qwen3-coder", talk(&[system()]), "No user query found in messages."),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn a_mark_has_a_type_and_a_lifetime() {
    let marked = |mark: Value| talk(&[says(&json!([{ "type": "text", "text": "a", "cache_control": mark }]))]);
    assert_eq!(verdict(CLAUDE, &marked(json!({ "type": "ephemeral", "ttl": "1h" }))), Ok(()));
    let odd = marked(json!({ "type": "ephemeral", "scope": "global" }));
    refused(verdict(CLAUDE, &odd), "cache_control.ephemeral.scope: Extra inputs are not permitted", &odd);
}
