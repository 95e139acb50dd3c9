//! Walks JSON Schemas.

use serde_json::{Map, Value};

use super::verdict::Verdict;

/// Keywords with one schema, with a list of schemas, or with schemas by name. Names are not keywords: a parameter may be
/// called `not`.
const ONE: [&str; 8] = ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"];
const LISTED: [&str; 5] = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];
const NAMED: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];

/// Passes this object schema and each one below it to the visitor, until the visitor rejects one.
pub(super) fn walk(schema: &Value, visit: &mut dyn FnMut(&Map<String, Value>) -> Verdict) -> Verdict {
    let Value::Object(keywords) = schema else { return Ok(()) };
    visit(keywords)?;
    for below in ONE.iter().filter_map(|name| keywords.get(*name)) {
        walk(below, visit)?;
    }
    for below in LISTED.iter().filter_map(|name| keywords.get(*name)?.as_array()).flatten() {
        walk(below, visit)?;
    }
    for below in NAMED.iter().filter_map(|name| keywords.get(*name)?.as_object()).flat_map(Map::values) {
        walk(below, visit)?;
    }
    Ok(())
}

/// Whether this schema describes an object, by its `type` or without one.
pub(super) fn is_object(keywords: &Map<String, Value>) -> bool {
    match keywords.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(_) | None => keywords.contains_key("properties"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_properties_are_not_taken_for_keywords() {
        let schema: Value = serde_json::from_str(
            r#"{"type":"object","properties":{"not":{"type":"string"},"anyOf":{"items":[{"x":1}]}},"anyOf":[{"x":2}]}"#,
        )
        .unwrap();
        let mut seen = Vec::new();
        walk(&schema, &mut |keywords| {
            seen.push(keywords.keys().cloned().collect::<Vec<_>>().join(","));
            Ok(())
        })
        .unwrap();
        seen.sort();
        assert_eq!(seen.len(), 5);
        assert_eq!(seen.iter().filter(|keys| *keys == "x").count(), 2);
    }
}
