//! Which schemas Claude compiles into a grammar, for strict tools and for answers (platform.claude.com, structured outputs).
//! It rejects every keyword that its grammar does not have: `For 'object' type, property 'x' is not supported`.

use serde_json::Value;

use super::{is_limit, is_object};
use crate::wire::schema_ref::{Schema, children, is_of_type};

/// The keywords that the grammar has, and annotations.
const KEYWORDS: [&str; 18] = [
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "definitions",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "properties",
    "required",
    "title",
    "type",
];

/// The keywords that may be next to `anyOf` (`For 'anyOf', 'type' is not supported`).
pub(super) const BESIDE_A_UNION: [&str; 9] =
    ["$defs", "$id", "$schema", "const", "default", "definitions", "description", "enum", "title"];

/// Whether the grammar has this schema and all schemas inside: every object is closed, and every schema says what it allows
/// (`Empty schema ({}) that accepts any JSON value is not supported`).
pub(super) fn expresses(schema: &Value) -> bool {
    let Value::Object(schema) = schema else { return false };
    let says = ["type", "enum", "const", "$ref", "anyOf"].iter().any(|keyword| schema.contains_key(*keyword));
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    (is_closed || says && !is_object(schema))
        && schema.iter().all(|(keyword, value)| KEYWORDS.contains(&keyword.as_str()) && !is_limit(keyword, value))
        && (!schema.contains_key("anyOf") || schema.keys().all(|key| key == "anyOf" || may_be_beside(key)))
        && fits_values(schema)
        && requires_known(schema)
        && children(schema).into_iter().all(|child| *child == Value::Bool(false) && is_closed || expresses(child))
}

/// Whether a keyword may be next to a union.
pub(super) fn may_be_beside(keyword: &str) -> bool {
    BESIDE_A_UNION.contains(&keyword)
}

/// Whether the values of `enum` and `const` are plain and of the schema's type, which is a single one (`Enum value 'low' does not match
/// declared type '['string', 'null']'`: BerriAI/litellm#37881).
fn fits_values(schema: &Schema) -> bool {
    let values = match schema.get("enum") {
        Some(Value::Array(values)) if !values.is_empty() => values.iter().collect(),
        Some(_) => return false,
        None => Vec::new(),
    };
    let mut values = values.into_iter().chain(schema.get("const"));
    // Lists and objects among the values are not supported (the same page).
    if values.clone().any(|value| value.is_array() || value.is_object()) {
        return false;
    }
    match schema.get("type") {
        Some(Value::String(kind)) => values.all(|value| is_of_type(value, kind)),
        Some(_) => values.next().is_none(),
        None => true,
    }
}

/// Whether an object requires only properties that it has.
fn requires_known(schema: &Schema) -> bool {
    let properties = schema.get("properties").and_then(Value::as_object);
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    names.into_iter().all(|name| name.as_str().is_some_and(|name| properties.is_some_and(|all| all.contains_key(name))))
}

/// Whether some object allows any property: it names none and is not closed. Closed, only `{}` would be left of it.
pub(super) fn has_free_object(schema: &Value) -> bool {
    let Value::Object(schema) = schema else { return false };
    let is_free = is_object(schema)
        && schema.get("additionalProperties") != Some(&Value::Bool(false))
        && !["properties", "$ref", "allOf", "anyOf", "oneOf", "enum", "const"].iter().any(|key| schema.contains_key(*key));
    is_free || children(schema).into_iter().any(has_free_object)
}
