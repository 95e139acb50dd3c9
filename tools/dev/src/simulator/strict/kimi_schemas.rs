//! Moonshot's rules for schemas, for Kimi (MoonshotAI/walle, validation principles, level `lite`; can1357/oh-my-pi#5918
//! through OpenRouter).

use serde_json::{Map, Value};

use super::schema;
use super::tool_schemas::outside_the_draft;
use super::verdict::{Verdict, ensure};

/// How many steps a search for recursion without an end may take. A schema that needs more is accepted.
const STEPS: usize = 500_000;

type Keywords = Map<String, Value>;

/// The schema of a tool.
pub(super) fn tool(schema: &Value) -> Verdict {
    ensure(schema.get("type").is_some_and(|kind| kind == "object"), || {
        "tools.function.parameters.type is required and must be \"object\"".to_owned()
    })?;
    check(schema, "tools.function.parameters")
}

/// The schema of an answer (murtaza-nasir/maestro#34).
pub(super) fn answer(body: &Value) -> Verdict {
    let schema = body.pointer("/response_format/json_schema/schema");
    schema.map_or(Ok(()), |schema| check(schema, "response_format.json_schema"))
}

fn check(schema: &Value, whose: &str) -> Verdict {
    let wrong =
        |what: String| format!("Invalid request: {whose} is not a valid moonshot flavored json schema, details: <{what}>");
    ensure(schema.to_string().len() <= 120_000, || wrong("schema exceeds maximum allowed size".to_owned()))?;
    let mut properties = 0;
    schema::walk(schema, &mut |keywords| {
        properties += keywords.get("properties").and_then(Value::as_object).map_or(0, Map::len);
        keyword(schema, keywords).map_err(wrong)
    })?;
    ensure(properties <= 3_000, || {
        wrong(format!("total number of properties keys({properties}) exceeds maximum limit of 3000"))
    })?;
    ensure(levels(schema) <= 30, || wrong("schema depth exceeds maximum limit of 30".to_owned()))?;
    let mut ends = true;
    schema::walk(schema, &mut |keywords| {
        ends &= Search { root: schema, left: STEPS }.is_finite(keywords, &mut Vec::new());
        Ok(())
    })?;
    ensure(ends, || wrong("detected infinite recursion without termination condition".to_owned()))
}

/// The rules for one schema alone.
fn keyword(root: &Value, keywords: &Keywords) -> Verdict {
    let fault = outside_the_draft(keywords);
    ensure(fault.is_none(), || format!("invalid {}", fault.unwrap_or_default()))?;
    let mut properties = keywords.get("properties").and_then(Value::as_object).into_iter().flatten();
    let flag = properties.find(|(_, schema)| !schema.is_object());
    ensure(flag.is_none(), || {
        format!("property schema for '{}' must be an object", flag.map(|(name, _)| name.as_str()).unwrap_or_default())
    })?;
    ensure(keywords.get("items").is_none_or(Value::is_object), || "items must be an object".to_owned())?;
    values(keywords)?;
    let branches = keywords.get("anyOf").and_then(Value::as_array).map_or(1, Vec::len);
    ensure((1..=500).contains(&branches), || "anyOf must have 1-500 items".to_owned())?;
    let mut names = keywords.get("$defs").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let divided = names.find(|name| name.contains('/'));
    ensure(divided.is_none(), || {
        format!("$defs property name '{}' cannot contain '/' character", divided.map(String::as_str).unwrap_or_default())
    })?;
    let Some(reference) = keywords.get("$ref").and_then(Value::as_str) else { return Ok(()) };
    let own = reference.strip_prefix("#/$defs/");
    ensure(reference == "#" || own.is_some(), || "references must start with #/$defs/".to_owned())?;
    let leads = own.is_none_or(|name| root.pointer("/$defs").is_some_and(|known| known.get(name).is_some()));
    ensure(leads, || format!("invalid $ref path: {reference}"))
}

/// The values of an `enum` (tailcallhq/forgecode#3767 through OpenRouter: a null among strings).
fn values(keywords: &Keywords) -> Verdict {
    let Some(values) = keywords.get("enum").and_then(Value::as_array) else { return Ok(()) };
    ensure(!values.is_empty(), || "enum array cannot be empty".to_owned())?;
    ensure(values.len() <= 1_000, || "enum array cannot have more than 1000 items".to_owned())?;
    let is_text = keywords.get("type").is_some_and(|kind| kind == "string");
    ensure(!is_text || !values.contains(&Value::Null), || {
        "enum value (<nil>) does not match any type in [string]".to_owned()
    })
}

/// How deep properties are nested in properties.
fn levels(schema: &Value) -> usize {
    let Value::Object(keywords) = schema else { return 0 };
    let named = |keyword: &str| keywords.get(keyword).and_then(Value::as_object).into_iter().flat_map(Map::values);
    let inside = named("properties").map(|schema| levels(schema) + 1);
    let listed = keywords.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    let single = ["items", "additionalProperties"].iter().filter_map(|keyword| keywords.get(*keyword));
    inside.chain(named("$defs").chain(listed).chain(single).map(levels)).max().unwrap_or(0)
}

/// Looks for a finite value of a schema by following its references.
struct Search<'s> {
    root: &'s Value,
    left: usize,
}

impl<'s> Search<'s> {
    /// Whether a finite value exists, if references on the path are not followed again.
    fn is_finite(&mut self, keywords: &'s Keywords, path: &mut Vec<&'s str>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return true };
        self.left = left;
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            if path.contains(&reference) {
                return false;
            }
            path.push(reference);
            let target = self.root.pointer(reference.trim_start_matches('#')).and_then(Value::as_object);
            let is_finite = target.is_none_or(|target| self.is_finite(target, path));
            path.pop();
            if !is_finite {
                return false;
            }
        }
        let named = keywords.get("properties").and_then(Value::as_object);
        let required = keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let needed = required.filter_map(|name| named?.get(name)?.as_object());
        let is_filled = keywords.get("minItems").and_then(Value::as_f64).is_some_and(|least| least >= 1.0);
        let items = keywords.get("items").filter(|_| is_filled).and_then(Value::as_object);
        let all = needed.chain(items).all(|schema| self.is_finite(schema, path));
        let branches: Vec<&Keywords> =
            keywords.get("anyOf").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect();
        all && (branches.is_empty() || branches.into_iter().any(|branch| self.is_finite(branch, path)))
    }
}
