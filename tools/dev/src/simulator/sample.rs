//! The smallest value that a JSON schema allows, as far as a simulator needs it.

use serde_json::{Map, Value};

/// How deep a value goes. A schema may refer to itself.
const DEEPEST: u8 = 8;
/// The text of a string without a form of its own.
const TEXT: &str = "simulated";

/// The smallest value of a schema: required properties, first choices, lowest numbers.
pub(super) fn sample(schema: &Value) -> Value {
    value(schema, schema, 0)
}

fn value(schema: &Value, root: &Value, depth: u8) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    let next = |schema: &Value| value(schema, root, depth + 1);
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, next);
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("default")).or_else(|| schema.pointer("/enum/0")) {
        return value.clone();
    }
    if let Some(choice) = ["/anyOf/0", "/oneOf/0", "/allOf/0"].iter().find_map(|place| schema.pointer(place)) {
        return next(choice);
    }
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match kind.unwrap_or(if depth == 0 { "object" } else { "string" }).to_ascii_lowercase().as_str() {
        "object" => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let property = |name: &str| schema.get("properties").and_then(|all| all.get(name)).map_or(Value::Null, next);
            Value::Object(required.map(|name| (name.to_owned(), property(name))).collect::<Map<_, _>>())
        }
        "array" => Value::Array(elements(schema, next)),
        "integer" | "number" => number(schema),
        "boolean" => Value::Bool(true),
        "null" => Value::Null,
        _ => Value::from(text(schema)),
    }
}

/// As many elements as the list must have. Each place of a tuple has its own schema.
fn elements(schema: &Value, next: impl Fn(&Value) -> Value) -> Vec<Value> {
    let places = schema.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
    let least = schema.get("minItems").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok()).unwrap_or(0);
    let more = schema.get("items").into_iter().cycle();
    let places: Vec<Value> = places.map(&next).collect();
    let missing = least.saturating_sub(places.len());
    places.into_iter().chain(more.map(next).take(missing)).collect()
}

fn number(schema: &Value) -> Value {
    let above = || schema.get("exclusiveMinimum")?.as_i64().map(|bound| Value::from(bound.saturating_add(1)));
    schema.get("minimum").cloned().or_else(above).unwrap_or_else(|| Value::from(1))
}

/// A string of the schema's format and length. Patterns are not read.
fn text(schema: &Value) -> String {
    let text = match schema.get("format").and_then(Value::as_str).unwrap_or_default() {
        "date-time" => "2026-01-01T00:00:00Z",
        "date" => "2026-01-01",
        "time" => "00:00:00Z",
        "duration" => "PT1S",
        "email" => "simulated@example.com",
        "uri" | "url" => "https://example.com/",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        _ => TEXT,
    };
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
    let length = text.len().max(bound("minLength").unwrap_or(0)).min(bound("maxLength").unwrap_or(usize::MAX));
    text.chars().cycle().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(schema: &str) -> Value {
        sample(&serde_json::from_str(schema).unwrap())
    }

    #[test]
    fn a_value_has_the_required_properties_only() {
        let schema = r##"{"type":"object","required":["city","unit","days","at"],"properties":{
            "city":{"type":"STRING"},"unit":{"enum":["c","f"]},"days":{"type":["integer","null"],"minimum":2},
            "at":{"$ref":"#/$defs/at"},"more":{"type":"string"}},
            "$defs":{"at":{"type":"object","required":["x"],"properties":{"x":{"type":"boolean"}}}}}"##;
        assert_eq!(of(schema).to_string(), r#"{"city":"simulated","unit":"c","days":2,"at":{"x":true}}"#);
    }

    #[test]
    fn bounds_and_formats_are_kept() {
        for (schema, expected) in [
            (r#"{"type":"array","items":{"type":"string"}}"#, "[]"),
            (r#"{"type":"array","items":{"type":"integer"},"minItems":2}"#, "[1,1]"),
            (r#"{"type":"array","prefixItems":[{"type":"boolean"}],"minItems":2,"items":{"type":"null"}}"#, "[true,null]"),
            (r#"{"type":"number","exclusiveMinimum":3}"#, "4"),
            (r#"{"type":"string","maxLength":3}"#, r#""sim""#),
            (r#"{"type":"string","minLength":11}"#, r#""simulatedsi""#),
            (r#"{"type":"string","format":"date"}"#, r#""2026-01-01""#),
        ] {
            assert_eq!(of(schema).to_string(), expected, "{schema}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        assert!(of(r##"{"type":"object","required":["self"],"properties":{"self":{"$ref":"#"}}}"##).is_object());
    }
}
