//! Schemas of older drafts, with dead references, or with keywords that vendors do not have: as a tool, as a strict tool and
//! as the schema of an answer.

use serde_json::{Value, json};

use crate::odd_requests::taken_everywhere;
use crate::upstream::{CHAT, MESSAGES, RESPONSES, user};

/// Sends the schema in every place of every format that has one.
fn sent_everywhere(schema: &Value) {
    let messages = json!([user(json!("hi"))]);
    for strict in [true, false] {
        let function = json!({"name": "f", "parameters": schema, "strict": strict});
        let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": strict}});
        let tools = json!([{"type": "function", "function": function}]);
        let chat = json!({"model": "m", "messages": messages});
        taken_everywhere(CHAT, &with(&chat, "tools", &tools).to_string());
        taken_everywhere(CHAT, &with(&chat, "response_format", &format).to_string());
        let tools = json!([{"name": "f", "input_schema": schema, "strict": strict}]);
        let body = json!({"model": "m", "max_tokens": 9_000, "messages": messages});
        taken_everywhere(MESSAGES, &with(&body, "tools", &tools).to_string());
    }
    let format = json!({"format": {"type": "json_schema", "schema": schema}});
    let body = json!({"model": "m", "max_tokens": 9_000, "messages": messages, "output_config": format});
    taken_everywhere(MESSAGES, &body.to_string());
    let format = json!({"format": {"type": "json_schema", "name": "a", "schema": schema, "strict": true}});
    taken_everywhere(RESPONSES, &json!({"model": "m", "input": "hi", "text": format}).to_string());
}

fn with(body: &Value, name: &str, value: &Value) -> Value {
    let mut body = body.clone();
    body[name] = value.clone();
    body
}

#[test]
fn properties_of_any_draft_reach_every_vendor_as_it_takes_them() {
    for property in [
        json!({"type": "array", "items": [{"type": "string"}, {"type": "number"}]}),
        json!({"type": "STRING"}),
        json!({"type": "str", "title": null, "description": null}),
        json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}),
        json!({"type": "string", "required": true, "enum": null}),
        json!({"type": "string", "nullable": true, "default": null}),
        json!({"type": "string", "default": "b"}),
        json!({"type": "array", "items": {"type": "string"}, "contains": {"type": "string", "const": "x"}}),
        json!({"type": "object", "properties": {}, "additionalProperties": false, "minProperties": 0}),
        json!({"enum": [["a"], {"b": 1}]}),
        json!({"$ref": "#/$defs/none"}),
        json!({"$ref": "#anchor"}),
        json!({"$ref": "#/properties/b c"}),
    ] {
        let properties = json!({"a": property, "b c": {"type": "object", "properties": {}, "additionalProperties": false}});
        let required = json!(["a", "b c"]);
        sent_everywhere(
            &json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}),
        );
    }
}

#[test]
fn roots_of_any_form_reach_every_vendor_as_it_takes_them() {
    let text = json!({"type": "string"});
    let closed = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    let one = closed(json!({"a": text}), json!(["a"]));
    let wide = |letter: char| {
        let names: Vec<String> = (0..13).map(|number| format!("{letter}{number}")).collect();
        closed(names.iter().map(|name| (name.clone(), text.clone())).collect(), json!(names))
    };
    let either = json!({"anyOf": [{"$ref": "#/$defs/X"}, {"type": "null"}]});
    let node = closed(json!({"next": either}), json!(["next"]));
    for root in [
        json!({"$ref": "#/$defs/X", "$defs": {"X": one}}),
        json!({"$ref": "#/$defs/X", "$defs": {"X": node}}),
        json!({"anyOf": [wide('a'), wide('b')]}),
        with(&one, "anyOf", &json!([one])),
        with(&one, "allOf", &json!([{"required": ["a"]}])),
    ] {
        sent_everywhere(&root);
    }
}
