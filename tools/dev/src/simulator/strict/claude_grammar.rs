//! What Claude's grammar for structured output does not have (platform.claude.com, structured outputs). The words were
//! recorded by rules of other projects, each measured with one request a keyword (BerriAI/litellm#37881 for `enum`,
//! openstory-so/openstory#1410 through OpenRouter).

use serde_json::{Map, Value};

use super::verdict::{Verdict, ensure};
use super::{schema, tool_schemas};

const MOST_STRICT: usize = 20;
const MOST_OPTIONAL: usize = 24;
const MOST_UNIONS: usize = 16;
/// Keywords without an effect.
const NOTES: [&str; 7] = ["$defs", "$id", "$schema", "default", "definitions", "description", "title"];

type Keywords = Map<String, Value>;

/// Checks a schema that is compiled: a response schema, or the schema of a strict tool.
pub(super) fn promised(schema: &Value, path: &str) -> Verdict {
    schema::walk(schema, &mut |keywords| {
        let target = keywords.get("$ref").and_then(Value::as_str).map(|to| schema.pointer(to.trim_start_matches('#')));
        ensure(target != Some(None), || format!("{path}: Reference to non-existent definition"))?;
        keyword(keywords).map_err(|fault| format!("{path}: {fault}"))
    })
}

fn keyword(keywords: &Keywords) -> Verdict {
    // ComposioHQ/composio#2933: for repeated names in `required`.
    ensure(tool_schemas::outside_the_draft(keywords).is_none(), || {
        "JSON schema is invalid. It must match JSON Schema draft 2020-12".to_owned()
    })?;
    let says = keywords.keys().any(|key| !NOTES.contains(&key.as_str()));
    ensure(says, || "Empty schema ({}) that accepts any JSON value is not supported.".to_owned())?;
    for absent in ["oneOf", "not", "allOf"] {
        ensure(!keywords.contains_key(absent), || format!("Schema type '{absent}' is not supported"))?;
    }
    values(keywords)?;
    if keywords.contains_key("anyOf") {
        let other = keywords
            .keys()
            .find(|key| !NOTES.contains(&key.as_str()) && !["anyOf", "const", "enum"].contains(&key.as_str()));
        return other.map_or(Ok(()), |key| Err(format!("For 'anyOf', '{key}' is not supported")));
    }
    let closed = !schema::is_object(keywords) || keywords.get("additionalProperties") == Some(&Value::Bool(false));
    ensure(closed, || "For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned())?;
    let few = keywords.get("minItems").and_then(Value::as_u64).is_none_or(|number| number <= 1);
    ensure(few, || "For 'array' type, 'minItems' values other than 0 or 1 are not supported".to_owned())?;
    let kind = keywords.get("type").and_then(Value::as_str).unwrap_or("object");
    let known =
        ["$ref", "additionalProperties", "const", "enum", "format", "items", "minItems", "properties", "required", "type"];
    let other = keywords.keys().find(|key| !NOTES.contains(&key.as_str()) && !known.contains(&key.as_str()));
    other.map_or(Ok(()), |key| Err(format!("For '{kind}' type, property '{key}' is not supported")))
}

/// The values of `enum` are of one declared type.
fn values(keywords: &Keywords) -> Verdict {
    let Some(values) = keywords.get("enum").and_then(Value::as_array) else { return Ok(()) };
    ensure(!values.is_empty(), || "Invalid schema: Enum must be a non-empty array".to_owned())?;
    let is_plain = |value: &Value| !value.is_array() && !value.is_object();
    ensure(values.iter().all(is_plain), || "Complex types within enums are not supported".to_owned())?;
    let Some(kind) = keywords.get("type") else { return Ok(()) };
    let fits = |value: &Value| match kind.as_str() {
        Some("string") => value.is_string(),
        Some("integer" | "number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some(_) => true,
        None => false,
    };
    let odd = values.iter().find(|value| !fits(value));
    odd.map_or(Ok(()), |value| {
        Err(format!(
            "Invalid schema: Enum value {value} does not match declared type '{}'",
            kind.to_string().replace('"', "'")
        ))
    })
}

/// Checks everything that is compiled for one request together: the strict tools and the response schema (platform.claude.com,
/// structured outputs: limits of schemas; elizaOS/eliza#16499, elie222/inbox-zero#2323).
pub(super) fn compiled<'v>(tools: impl Iterator<Item = &'v Value>, answer: Option<&'v Value>) -> Verdict {
    let (mut number, mut optional, mut unions) = (0, 0, 0);
    let tools = tools.inspect(|_| number += 1);
    for schema in tools.chain(answer) {
        schema::walk(schema, &mut |keywords| {
            let properties = keywords.get("properties").and_then(Value::as_object);
            let required: Vec<&Value> = keywords.get("required").and_then(Value::as_array).into_iter().flatten().collect();
            let named = |name: &String| required.iter().any(|known| *known == name.as_str());
            optional += properties.map_or(0, |properties| properties.keys().filter(|name| !named(name)).count());
            let has_types = keywords.get("type").and_then(Value::as_array).is_some_and(|kinds| kinds.len() > 1);
            unions += usize::from(has_types || keywords.contains_key("anyOf") || keywords.contains_key("oneOf"));
            Ok(())
        })?;
    }
    ensure(number <= MOST_STRICT, || format!("Too many strict tools ({number}). The maximum is {MOST_STRICT}."))?;
    ensure(optional <= MOST_OPTIONAL, || {
        format!("Schemas contains too many optional parameters ({optional}) (limit: {MOST_OPTIONAL}).")
    })?;
    ensure(unions <= MOST_UNIONS, || {
        format!("Schemas contains too many parameters with union types ({unions}) (limit: {MOST_UNIONS}).")
    })
}
