//! What vendors accept and reject in tool schemas.

use super::super::claude as claude_wire;
use super::claude::OPUS;
use super::openrouter::{CLAUDE, GEMINI, GPT, verdict};
use super::*;
use serde_json::Map;

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
fn the_root_of_geminis_tools_is_an_object() {
    let fine = json!({ "type": "object", "properties": { "a": { "anyOf": [{ "type": "string" }] } } });
    assert_eq!(verdict(GEMINI, &with(&fine)), Ok(()));
    for wrong in [json!({ "type": "string" }), json!({ "anyOf": [{ "type": "object" }] })] {
        refused(verdict(GEMINI, &with(&wrong)), "should be of type OBJECT", &wrong);
    }
}

#[test]
fn geminis_schemas_have_items_known_names_and_no_required_circle_behind_openrouter() {
    let list = |extra: Value| {
        let list = changed(&json!({ "type": "array", "items": { "$ref": "#" } }), &extra);
        json!({ "type": "object", "properties": { "a": list }, "required": ["a"] })
    };
    let either = json!({ "anyOf": [{ "$ref": "#" }, { "type": "null" }] });
    for fine in [list(json!({})), json!({ "type": "object", "properties": { "a": either } })] {
        assert_eq!(verdict(GEMINI, &with(&fine)), Ok(()), "{fine}");
        assert_eq!(verdict(GEMINI, &answering(&fine)), Ok(()), "{fine}");
    }
    for (wrong, words) in [
        (of(&json!({ "type": "array" })), "items: missing field"),
        (of(&json!({ "type": "array", "items": [{ "type": "string" }] })), "cannot start list"),
        (of(&json!({ "$ref": "#/$defs/none" })), "reference to undefined schema"),
        (of(&json!({ "type": "string", "enum": ["x", ""] })), "cannot be empty"),
        (json!({ "type": "object", "properties": {}, "required": ["a"] }), "not defined in the schema properties"),
        (list(json!({ "minItems": 1 })), "a ref loop of required fields"),
        (json!({ "type": "object", "properties": { "a": either }, "required": ["a"] }), "a ref loop of required fields"),
    ] {
        refused(verdict(GEMINI, &with(&wrong)), words, &wrong);
        refused(verdict(GEMINI, &answering(&wrong)), words, &wrong);
    }
}

#[test]
fn openais_strict_schemas_have_types_known_formats_and_ten_levels() {
    let strict = |schema: &Value| {
        let form = json!({ "name": "f", "strict": true, "schema": schema });
        json!({ "response_format": { "type": "json_schema", "json_schema": form } })
    };
    let of = |property: &Value| json!({ "type": "object", "properties": { "a": property }, "required": ["a"], "additionalProperties": false });
    let nested = |levels: usize| (0..levels).fold(json!({ "type": "string" }), |inner, _| of(&inner));
    for fine in [of(&json!({ "type": "string", "format": "uuid" })), nested(10)] {
        assert_eq!(verdict(GPT, &strict(&fine)), Ok(()), "{fine}");
    }
    for (wrong, words) in [
        (of(&json!({ "type": "string", "format": "uri" })), "'uri' is not a valid format"),
        (of(&json!({ "const": "a" })), "schema must have a 'type' key"),
        (of(&json!({ "$ref": "#", "description": "d" })), "$ref cannot have keywords {'description'}"),
        (of(&json!({ "type": "object", "required": ["x"], "additionalProperties": false })), "Extra required key 'x'"),
        (nested(11), "11 levels of nesting exceeds limit of 10"),
    ] {
        refused(verdict(GPT, &strict(&wrong)), words, &wrong);
    }
}

#[test]
fn kimis_schemas_are_objects_and_refer_to_the_roots_definitions() {
    for fine in [
        of(&json!({ "anyOf": [{ "type": "array", "items": {} }], "description": "x" })),
        of(&json!({ "type": ["string", "null"], "enum": ["x", null] })),
        json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/a" }, "b": { "$ref": "#" } }, "$defs": { "a": {} } }),
        json!({ "type": "object", "properties": { "a": { "type": "array", "items": { "$ref": "#" } } }, "required": ["a"] }),
        json!({ "type": "object", "additionalProperties": false }),
        of(&json!({ "enum": vec![0; 1_000], "anyOf": vec![json!({}); 500] })),
        nested(30),
    ] {
        assert_eq!(verdict(KIMI, &with(&fine)), Ok(()), "{fine}");
        assert_eq!(verdict(KIMI, &answering(&fine)), Ok(()), "{fine}");
    }
    let recursive = |items: u8| {
        let list = json!({ "type": "array", "items": { "$ref": "#" }, "minItems": items });
        json!({ "type": "object", "properties": { "a": list }, "required": ["a"] })
    };
    let wide: Map<String, Value> = (0..3_001).map(|number| (number.to_string(), json!({}))).collect();
    for (wrong, words) in [
        (of(&json!(true)), "property schema for 'a' must be an object"),
        (of(&json!({ "type": "array", "items": false })), "items must be an object"),
        (of(&json!({ "enum": [] })), "enum array cannot be empty"),
        (of(&json!({ "enum": vec![0; 1_001] })), "enum array cannot have more than 1000 items"),
        (of(&json!({ "type": "string", "enum": ["x", null] })), "enum value (<nil>) does not match any type"),
        (of(&json!({ "anyOf": vec![json!({}); 501] })), "anyOf must have 1-500 items"),
        (of(&json!({ "$ref": "#/definitions/a" })), "references must start with #/$defs/"),
        (of(&json!({ "$ref": "#/$defs/a" })), "invalid $ref path"),
        (of(&json!({ "type": "file" })), "invalid type"),
        (json!({ "type": "object", "$defs": { "a/b": {} } }), "$defs property name 'a/b' cannot contain '/'"),
        (recursive(1), "detected infinite recursion without termination condition"),
        (nested(31), "schema depth exceeds maximum limit of 30"),
        (json!({ "type": "object", "properties": wide }), "total number of properties keys(3001)"),
        (json!({ "type": "object", "description": "x".repeat(120_000) }), "schema exceeds maximum allowed size"),
    ] {
        refused(verdict(KIMI, &with(&wrong)), words, &wrong);
        refused(verdict(KIMI, &answering(&wrong)), words, &wrong);
    }
    let union = json!({ "anyOf": [{ "type": "object" }] });
    refused(verdict(KIMI, &with(&union)), "must be \"object\"", &union);
}

/// A schema of properties inside properties.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!({ "type": "object" }), |inner, _| of(&inner))
}

/// A request for an answer of this schema.
fn answering(schema: &Value) -> Value {
    json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "f", "schema": schema } } })
}
