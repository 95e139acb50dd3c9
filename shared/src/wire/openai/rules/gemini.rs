//! Schemas for Gemini behind OpenRouter, which turns them into Gemini's own form and repairs nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::wire::schema_ref::{Schema, children_mut, references, resolve};

/// More references than this are left as they are.
const REFERENCES: usize = 256;

/// Makes a schema follow Gemini's rules: an object requires only properties that it has (BoltAI/BoltAI#375), an `enum` has no
/// empty text, a text that is `const` is an `enum` of one value, because Gemini ignores `const`, and a circle of references is
/// optional somewhere (`ref loops are only supported if they include optional or nullable property values, or a
/// potentially-zero-length array items`). Returns whether it changed anything.
pub(super) fn fit(root: &mut Schema) -> bool {
    let document = Value::Object(root.clone());
    loosen(root, &recursive(&document))
}

/// The references of a document that lead back to themselves.
fn recursive(document: &Value) -> BTreeSet<String> {
    let known = references(document);
    if known.len() > REFERENCES {
        return BTreeSet::new();
    }
    let leads: BTreeMap<&str, BTreeSet<&str>> = known
        .iter()
        .map(|reference| (*reference, resolve(document, reference).map(references).unwrap_or_default()))
        .collect();
    let returns = |start: &&str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![*start]);
        while let Some(reference) = open.pop() {
            for next in leads.get(reference).into_iter().flatten() {
                if next == start {
                    return true;
                }
                if seen.insert(*next) {
                    open.push(next);
                }
            }
        }
        false
    };
    known.iter().filter(|start| returns(start)).map(|reference| (*reference).to_owned()).collect()
}

fn loosen(schema: &mut Schema, recursive: &BTreeSet<String>) -> bool {
    let is_circle = |value: &Value| {
        !recursive.is_empty() && references(value).into_iter().any(|reference| recursive.contains(reference))
    };
    let is_plain_list = |value: &Value| {
        value.get("type").is_some_and(|kind| kind == "array") && value.get("minItems").is_none_or(|least| least == 0)
    };
    let mut changed = false;
    let properties = schema.get("properties").and_then(Value::as_object);
    let may_be_required = |name: &&Value| {
        let property = name.as_str().and_then(|name| properties?.get(name));
        property.is_some_and(|property| is_plain_list(property) || !is_circle(property))
    };
    let required = schema.get("required").and_then(Value::as_array);
    let kept: Option<Vec<Value>> = required.map(|names| names.iter().filter(may_be_required).cloned().collect());
    if let Some(kept) = kept.filter(|kept| required.is_some_and(|names| kept.len() < names.len())) {
        schema.insert("required".to_owned(), Value::Array(kept));
        changed = true;
    }
    if schema.contains_key("minItems") && schema.get("items").is_some_and(is_circle) {
        schema.retain(|key, _| key != "minItems");
        changed = true;
    }
    if let Some(only @ Value::String(_)) = schema.get("const").cloned() {
        schema.retain(|key, _| key != "const");
        schema.entry("enum").or_insert_with(|| Value::Array(vec![only]));
        changed = true;
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        let number = values.len();
        values.retain(|value| value.as_str() != Some(""));
        changed |= values.len() < number;
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        schema.retain(|key, _| key != "enum");
        changed = true;
    }
    for child in children_mut(schema) {
        changed |= loosen(child, recursive);
    }
    changed
}
