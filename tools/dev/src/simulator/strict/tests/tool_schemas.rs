//! What vendors accept and reject in tool schemas.

use super::super::claude as claude_wire;
use super::claude::OPUS;
use super::openrouter::{CLAUDE, GEMINI, GPT, verdict};
use super::*;

const KIMI: &str = "moonshotai/kimi-k2.5";

fn with(schema: &Value) -> Value {
    json!({ "tools": [{ "type": "function", "function": { "name": "f", "parameters": schema } }] })
}

fn of(property: &Value) -> Value {
    json!({ "type": "object", "properties": { "a": property } })
}

#[test]
fn schemas_of_tools_are_of_the_draft() {
    let on_vertex = |schema: &Value| {
        let tools = json!({ "tools": [{ "name": "f", "input_schema": schema }] });
        claude_wire::check(OPUS, "", &changed(&super::claude::body(), &tools))
    };
    for fine in [
        of(&json!({ "type": ["integer", "null"], "exclusiveMinimum": 0, "enum": [] })),
        of(&json!({ "type": "array", "prefixItems": [{ "type": "string" }], "items": false })),
        json!({ "type": "object", "properties": {}, "required": [] }),
    ] {
        assert_eq!(on_vertex(&fine), Ok(()), "{fine}");
        for model in [CLAUDE, GPT, GEMINI] {
            assert_eq!(verdict(model, &with(&fine)), Ok(()), "{model}: {fine}");
        }
    }
    for wrong in [
        of(&json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true })),
        of(&json!({ "type": "array", "items": [{ "type": "string" }] })),
        of(&json!({ "type": "any" })),
        of(&json!({ "anyOf": [] })),
        of(&json!({ "description": null })),
        of(&json!({ "minLength": -1 })),
        of(&json!({ "multipleOf": 0 })),
        of(&json!("string")),
        json!({ "type": "object", "properties": {}, "required": ["a", "a"] }),
    ] {
        refused(on_vertex(&wrong), "It must match JSON Schema draft 2020-12", &wrong);
        refused(verdict(CLAUDE, &with(&wrong)), "It must match JSON Schema draft 2020-12", &wrong);
        refused(verdict(GPT, &with(&wrong)), "Invalid schema for function 'f'", &wrong);
    }
}

#[test]
fn openais_root_is_one_object_that_lists_its_properties_and_its_lists_their_items() {
    let fine = of(&json!({ "type": "array", "items": { "anyOf": [{ "type": "string" }] } }));
    assert_eq!(verdict(GPT, &with(&fine)), Ok(()));
    for (wrong, words) in [
        (json!({ "type": "array", "items": {} }), "schema must have type 'object'"),
        (json!({ "type": "object", "properties": {}, "oneOf": [{}] }), "schema must have type 'object'"),
        (json!({ "type": "object", "properties": {}, "not": {} }), "schema must have type 'object'"),
        (json!({ "type": "object" }), "object schema missing properties"),
        (of(&json!({ "type": "array" })), "array schema missing items"),
        (of(&json!({ "type": ["null", "array"], "prefixItems": [{}] })), "array schema missing items"),
        (json!(true), "schema must have type 'object'"),
    ] {
        refused(verdict(GPT, &with(&wrong)), words, &wrong);
    }
}

#[test]
fn openai_and_deepseek_compile_the_patterns_of_tools() {
    let models = [GPT, "deepseek/deepseek-v4-pro"];
    let fine = of(&json!({ "type": "string", "pattern": "^(?:a|b)\\d$" }));
    let wrong = [
        of(&json!({ "type": "string", "pattern": "^\\p{L}$" })),
        of(&json!({ "type": "string", "pattern": "^(?!a)" })),
        of(&json!({ "type": "object", "properties": {}, "patternProperties": { "(?=a)": {} } })),
    ];
    for model in models {
        assert_eq!(verdict(model, &with(&fine)), Ok(()), "{model}");
        for wrong in &wrong {
            refused(verdict(model, &with(wrong)), "is not a 'regex'", wrong);
        }
    }
}

#[test]
fn kimis_schemas_are_objects_and_refer_to_the_roots_definitions() {
    for fine in [
        of(&json!({ "anyOf": [{ "type": "array", "items": {} }], "description": "x" })),
        json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/a" }, "b": { "$ref": "#" } }, "$defs": { "a": {} } }),
        json!({ "type": "object", "additionalProperties": false }),
    ] {
        assert_eq!(verdict(KIMI, &with(&fine)), Ok(()), "{fine}");
    }
    for (wrong, words) in [
        (json!({ "anyOf": [{ "type": "object" }] }), "must be \"object\""),
        (of(&json!(true)), "property schema for 'a' must be an object"),
        (of(&json!({ "type": "array", "items": false })), "items must be an object"),
        (of(&json!({ "enum": [] })), "enum array cannot be empty"),
        (of(&json!({ "$ref": "#/definitions/a" })), "references must start with #/$defs/"),
        (of(&json!({ "$ref": "#/$defs/a" })), "invalid $ref path"),
        (of(&json!({ "type": "file" })), "invalid type"),
    ] {
        refused(verdict(KIMI, &with(&wrong)), words, &wrong);
    }
}
