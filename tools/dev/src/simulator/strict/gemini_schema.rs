//! What Vertex rejects in the schemas of Gemini's functions.

use serde_json::{Map, Value};

use super::gemini_fields::{camel, unknown};
use super::schema;
use super::verdict::{Verdict, ensure};

/// The supported subset of `OpenAPI`.
const KNOWN: &str = "type format title description nullable default example enum items minItems maxItems properties required \
    minProperties maxProperties propertyOrdering minimum maximum minLength maxLength pattern anyOf additionalProperties ref defs";
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];
/// Keywords that are allowed next to `anyOf`.
const WITH_UNION: [&str; 4] = ["anyOf", "description", "nullable", "title"];
/// Keywords that Google's JSON Schema reader does not support.
const REFERENCES: [&str; 3] = ["$ref", "$defs", "$schema"];

/// Checks `parameters`. The path is written as in errors.
pub(super) fn openapi(schema: &Value, path: &str) -> Verdict {
    let root = schema.as_object().ok_or_else(|| format!("Invalid value at '{path}', {schema}"))?;
    let empty = root.get("properties").and_then(Value::as_object).is_some_and(Map::is_empty);
    ensure(!empty, || format!("{path}.properties: should be non-empty for OBJECT type"))?;
    node(schema, path)
}

fn node(schema: &Value, path: &str) -> Verdict {
    let keywords = schema.as_object().ok_or_else(|| format!("Invalid value at '{path}', {schema}"))?;
    for name in keywords.keys() {
        let camel = camel(name);
        ensure(KNOWN.split_whitespace().any(|known| known == camel), || unknown(name, path))?;
    }
    let get = |name: &str| keywords.iter().find(|(spelt, _)| camel(spelt) == name).map(|(_, value)| value);
    let kind = kind(get("type"), path)?;
    ensure(kind.is_some() || get("anyOf").is_some() || get("ref").is_some(), || {
        format!("Unable to submit request because `{path}` schema didn't specify the schema type field.")
    })?;
    union(keywords, get("anyOf"), path)?;
    values(kind.as_deref(), get("enum"), get("format"), path)?;
    if kind.as_deref() == Some("array") {
        let items = get("items").ok_or_else(|| format!("{path}.items: missing field."))?;
        node(items, &format!("{path}.items"))?;
    }
    properties(get("properties"), get("required"), path)
}

fn kind(value: Option<&Value>, path: &str) -> Result<Option<String>, String> {
    match value {
        None => Ok(None),
        Some(Value::String(kind)) if TYPES.contains(&kind.to_ascii_lowercase().as_str()) => {
            Ok(Some(kind.to_ascii_lowercase()))
        }
        Some(Value::Array(_)) => Err(format!(
            "Invalid JSON payload received. Unknown name \"type\" at '{path}': Proto field is not repeating, cannot start list."
        )),
        Some(other) => {
            Err(format!("Invalid value at '{path}.type' (type.googleapis.com/google.cloud.aiplatform.v1.Type), {other}"))
        }
    }
}

fn union(keywords: &Map<String, Value>, any_of: Option<&Value>, path: &str) -> Verdict {
    let Some(any_of) = any_of else { return Ok(()) };
    ensure(keywords.keys().all(|name| WITH_UNION.contains(&camel(name).as_str())), || {
        format!(
            "Unable to submit request because `{path}` schema specified other fields alongside any_of. When using any_of, it must \
             be the only field set."
        )
    })?;
    let branches = any_of.as_array().ok_or_else(|| format!("Invalid value at '{path}.any_of', {any_of}"))?;
    branches.iter().enumerate().try_for_each(|(place, branch)| node(branch, &format!("{path}.any_of[{place}]")))
}

fn values(kind: Option<&str>, values: Option<&Value>, format: Option<&Value>, path: &str) -> Verdict {
    for (place, value) in values.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let text =
            value.as_str().ok_or_else(|| format!("Invalid value at '{path}.enum[{place}]' (TYPE_STRING), {value}"))?;
        ensure(!text.is_empty(), || format!("{path}.enum[{place}]: cannot be empty"))?;
    }
    ensure(values.is_none() || matches!(kind, Some("string")), || format!("{path}.enum: only allowed for STRING type"))?;
    let format = format.and_then(Value::as_str);
    let (fits, type_name) = match (kind, format) {
        (Some("string"), Some(format)) => (matches!(format, "enum" | "date-time"), "STRING"),
        (Some("integer"), Some(format)) => (matches!(format, "int32" | "int64"), "INTEGER"),
        (Some("number"), Some(format)) => (matches!(format, "float" | "double"), "NUMBER"),
        (_, _) => (true, ""),
    };
    ensure(fits, || format!("{path}.format: `{}` is not supported for {type_name} type", format.unwrap_or_default()))
}

fn properties(properties: Option<&Value>, required: Option<&Value>, path: &str) -> Verdict {
    let properties = properties.and_then(Value::as_object);
    for (place, (_, property)) in properties.into_iter().flatten().enumerate() {
        node(property, &format!("{path}.properties[{place}].value"))?;
    }
    let Some(required) = required else { return Ok(()) };
    let names = required.as_array().ok_or_else(|| format!("Invalid value at '{path}.required', {required}"))?;
    for (place, name) in names.iter().enumerate() {
        let known = name.as_str().is_some_and(|name| properties.is_some_and(|known| known.contains_key(name)));
        ensure(known, || format!("{path}.required[{place}]: property is not defined"))?;
    }
    Ok(())
}

/// Checks `parametersJsonSchema`.
pub(super) fn json_schema(schema: &Value, path: &str) -> Verdict {
    ensure(schema.is_object(), || format!("Invalid value at '{path}', {schema}"))?;
    schema::walk(schema, &mut |keywords| match REFERENCES.iter().find(|name| keywords.contains_key(**name)) {
        Some(name) => {
            Err(format!("Unable to submit request because `{path}` schema holds the unsupported keyword `{name}`."))
        }
        None => Ok(()),
    })
}
