//! What vendors reject in tool schemas, apart from their own subsets for strict tools.

use serde_json::{Map, Value};

use super::schema;
use super::verdict::{Verdict, ensure};

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
const TEXTS: [&str; 5] = ["$ref", "description", "format", "pattern", "title"];
const NUMBERS: [&str; 4] = ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"];
const COUNTS: [&str; 6] = ["maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"];
const UNIONS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const GROUPS: [&str; 3] = ["$defs", "patternProperties", "properties"];

type Keywords = Map<String, Value>;

/// The first keyword that violates the meta-schema of draft 2020-12 (json-schema.org). Anthropic and OpenAI check against it
/// (Dokploy/mcp#74, vercel/ai#2271).
pub(super) fn outside_the_draft(keywords: &Keywords) -> Option<&str> {
    let is_schema = |value: &Value| value.is_object() || value.is_boolean();
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let is_fine = |keyword: &str, value: &Value| match keyword {
        "type" => match value.as_array() {
            Some(names) => !names.is_empty() && names.iter().all(is_type),
            None => is_type(value),
        },
        "required" => value.as_array().is_some_and(|names| {
            let once = |name: &Value| names.iter().filter(|known| *known == name).count() == 1;
            names.iter().all(|name| name.is_string() && once(name))
        }),
        "multipleOf" => value.as_f64().is_some_and(|factor| factor > 0.0),
        "enum" => value.is_array(),
        "additionalProperties" | "contains" | "items" | "not" => is_schema(value),
        _ if TEXTS.contains(&keyword) => value.is_string(),
        _ if NUMBERS.contains(&keyword) => value.is_number(),
        _ if COUNTS.contains(&keyword) => value.as_f64().is_some_and(|count| count >= 0.0),
        _ if UNIONS.contains(&keyword) => {
            value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_schema))
        }
        _ if GROUPS.contains(&keyword) => value.as_object().is_some_and(|named| named.values().all(is_schema)),
        _ => true,
    };
    keywords.iter().find(|(keyword, value)| !is_fine(keyword, value)).map(|(keyword, _)| keyword.as_str())
}

/// Anthropic's error message for it.
pub(super) fn claude(schema: &Value, path: &str) -> Verdict {
    schema::walk(schema, &mut |keywords| {
        ensure(outside_the_draft(keywords).is_none(), || {
            format!("{path}: JSON schema is invalid. It must match JSON Schema draft 2020-12")
        })
    })
}

/// OpenAI's rules: the root is one object that lists its properties (nspady/google-calendar-mcp#39, cecli-dev/cecli#281,
/// tailcallhq/forgecode#1359), every array has `items` (SolaceLabs/solace-agent-mesh#1051, AnswerDotAI/fastcore#798), and
/// the patterns compile.
pub(super) fn openai(schema: &Value, name: &str) -> Verdict {
    let wrong = |what: &str| format!("Invalid schema for function '{name}': {what}");
    let object = schema.get("type").is_some_and(|kind| kind == "object");
    let plain = ["allOf", "anyOf", "enum", "not", "oneOf"].iter().all(|keyword| schema.get(keyword).is_none());
    ensure(object && plain, || {
        wrong("schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.")
    })?;
    ensure(schema.get("properties").is_some(), || wrong("In context=(), object schema missing properties."))?;
    schema::walk(schema, &mut |keywords| {
        let fault = outside_the_draft(keywords);
        ensure(fault.is_none(), || wrong(&format!("'{}' is not valid.", fault.unwrap_or_default())))?;
        let is_list = match keywords.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "array"),
            kind => kind.is_some_and(|kind| kind == "array"),
        };
        ensure(!is_list || keywords.contains_key("items"), || wrong("array schema missing items."))?;
        patterns(keywords).map_err(|fault| wrong(&fault))
    })
}

/// OpenAI and DeepSeek compile every pattern (anthropics/claude-code#92964), and OpenAI has no lookaround
/// (tombii/better-ccflare#357).
pub(super) fn patterns(keywords: &Keywords) -> Verdict {
    let own = keywords.get("pattern").and_then(Value::as_str).into_iter();
    let open = keywords.get("patternProperties").and_then(Value::as_object);
    let names = open.into_iter().flat_map(Keywords::keys).map(String::as_str);
    let is_refused = |pattern: &str| ["\\p{", "\\P{", "(?=", "(?!", "(?<"].iter().any(|part| pattern.contains(part));
    let refused = own.chain(names).find(|pattern| is_refused(pattern));
    refused.map_or(Ok(()), |pattern| Err(format!("'{pattern}' is not a 'regex'.")))
}
