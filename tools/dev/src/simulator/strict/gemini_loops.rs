//! What Gemini rejects in schemas behind OpenRouter, which passes them on in Gemini's form.

use serde_json::{Map, Value};

use super::schema;
use super::verdict::{Verdict, ensure};

/// How many steps the search for a circle may take. A schema that needs more is accepted.
const STEPS: usize = 100_000;

type Keywords = Map<String, Value>;

/// Checks a tool's or a response's schema (NousResearch/hermes-agent#77617 and BoltAI/BoltAI#375 through OpenRouter;
/// Rahularya01/pi-antigravity#33 for references, zavora-ai/adk-rust#330 for tuples).
pub(super) fn check(schema: &Value, path: &str) -> Verdict {
    schema::walk(schema, &mut |keywords| {
        let target = keywords.get("$ref").and_then(Value::as_str).map(|to| schema.pointer(to.trim_start_matches('#')));
        ensure(target != Some(None), || format!("{path}: reference to undefined schema"))?;
        ensure(!keywords.get("items").is_some_and(Value::is_array), || {
            format!("Unknown name \"items\" at '{path}': Proto field is not repeating, cannot start list.")
        })?;
        let is_list = keywords.get("type").is_some_and(|kind| kind == "array");
        ensure(!is_list || keywords.contains_key("items"), || format!("{path}.items: missing field."))?;
        let mut values = keywords.get("enum").and_then(Value::as_array).into_iter().flatten();
        ensure(!values.any(|value| value == ""), || format!("{path}.enum[0]: cannot be empty"))?;
        let properties = keywords.get("properties").and_then(Value::as_object);
        let mut names = keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let unknown = names.find(|name| properties.is_none_or(|properties| !properties.contains_key(*name)));
        ensure(unknown.is_none(), || {
            format!("required fields ['{}'] are not defined in the schema properties.", unknown.unwrap_or_default())
        })
    })?;
    let mut has_circle = false;
    schema::walk(schema, &mut |keywords| {
        has_circle |= Search { root: schema, left: STEPS }.returns(keywords, &mut Vec::new());
        Ok(())
    })?;
    ensure(!has_circle, || {
        "ref loops are only supported if they include optional or nullable property values, or a potentially-zero-length array \
         items, but a ref loop of required fields was found"
            .to_owned()
    })
}

struct Search<'s> {
    root: &'s Value,
    left: usize,
}

impl<'s> Search<'s> {
    /// Whether required fields lead back to a reference on the path.
    fn returns(&mut self, keywords: &'s Keywords, path: &mut Vec<&'s str>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            if path.contains(&reference) {
                return true;
            }
            path.push(reference);
            let target = self.root.pointer(reference.trim_start_matches('#')).and_then(Value::as_object);
            let returns = target.is_some_and(|target| self.returns(target, path));
            path.pop();
            if returns {
                return true;
            }
        }
        let named = keywords.get("properties").and_then(Value::as_object);
        let required = keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let needed = required.filter_map(|name| named?.get(name)?.as_object());
        let branches = keywords.get("anyOf").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
        let is_plain_list = keywords.get("type").is_some_and(|kind| kind == "array")
            && keywords.get("minItems").is_none_or(|least| least == 0);
        let items = keywords.get("items").filter(|_| !is_plain_list).and_then(Value::as_object);
        needed.chain(branches).chain(items).any(|schema| self.returns(schema, path))
    }
}
