//! Renames a tool's properties to what a provider accepts: in its schema, in the calls of a history, and back in new calls.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{NameRule, Taken, spelled};
use crate::wire::raw::RawObject;
use crate::wire::schema_ref::{self, Place, Schema, children, children_mut};

/// The renamed properties of one tool. A name has the same meaning at every depth of the arguments.
#[derive(Clone, Debug, Default)]
pub struct PropertyNames {
    /// Client name to provider name.
    outward: HashMap<String, String>,
    /// Provider name to client name.
    back: HashMap<String, String>,
}

/// Longest property name that Claude accepts.
const LONGEST: usize = 64;

/// Whether Claude accepts a property name (`^[a-zA-Z0-9_.-]{1,64}$`).
pub fn is_claude_property(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.chars().all(is_claude_letter)
}

fn is_claude_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-')
}

impl PropertyNames {
    /// Names for the properties that Claude rejects, on every platform; `None` if it accepts all.
    pub fn for_claude(schema: &RawValue) -> Option<Self> {
        let spell = |name: &str| spelled(name, is_claude_letter, LONGEST);
        Self::of(schema, NameRule { spell, longest: LONGEST })
    }

    /// Names for the properties of a schema under a rule. Returns `None` if all fit, or if it is not a schema.
    pub fn of(schema: &RawValue, rule: NameRule) -> Option<Self> {
        let schema = schema_ref::parse(schema).ok()?;
        let (mut found, mut open) = (Vec::new(), vec![&schema]);
        while let Some(Value::Object(schema)) = open.pop() {
            found.extend(schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys));
            open.extend(children(schema).into_iter().filter(|child| child.is_object()));
        }
        let mut names = Self::default();
        let fits = |name: &&String| (rule.spell)(name) == **name;
        let mut taken = Taken::of(rule, found.iter().copied().filter(fits).cloned());
        for name in found {
            if (rule.spell)(name) != *name && !names.outward.contains_key(name) {
                let free = taken.take(name);
                names.back.insert(free.clone(), name.clone());
                names.outward.insert(name.clone(), free);
            }
        }
        (!names.outward.is_empty()).then_some(names)
    }

    /// The schema with the provider's names.
    pub fn schema(&self, schema: &RawValue) -> Option<Box<RawValue>> {
        let Value::Object(mut schema) = schema_ref::parse(schema).ok()? else { return None };
        self.rename_schema(&mut schema);
        schema_ref::write(&schema).ok()
    }

    fn rename_schema(&self, schema: &mut Schema) {
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            let renamed = std::mem::take(properties).into_iter();
            *properties = renamed.map(|(name, value)| (self.outward.get(&name).cloned().unwrap_or(name), value)).collect();
        }
        for name in schema.get_mut("required").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(sent) = name.as_str().and_then(|name| self.outward.get(name)) {
                *name = Value::String(sent.clone());
            }
        }
        if let Some(Value::String(reference)) = schema.get_mut("$ref") {
            *reference = self.renamed_reference(reference);
        }
        for child in children_mut(schema) {
            self.rename_schema(child);
        }
    }

    /// A reference with the provider's names: generators refer to a schema by the first property that has it.
    fn renamed_reference(&self, reference: &str) -> String {
        let mut holder = "";
        let steps = reference.split('/').map(|step| {
            let is_name = Place::of(holder) == Place::Named;
            let sent = Some(step).filter(|_| holder == "properties").and_then(|step| self.outward.get(&pointed(step)));
            holder = if is_name { "" } else { step };
            sent.map_or(step, String::as_str)
        });
        steps.collect::<Vec<_>>().join("/")
    }

    /// Arguments with the provider's names.
    pub fn outward(&self, arguments: &str) -> String {
        renamed(arguments, &self.outward)
    }

    /// Arguments with the client's names.
    pub fn back(&self, arguments: &str) -> String {
        renamed(arguments, &self.back)
    }
}

/// The name in a step of a JSON pointer (RFC 6901), which may also be percent-encoded.
fn pointed(step: &str) -> String {
    let decoded = schema_ref::percent_decoded(step);
    decoded.as_deref().unwrap_or(step).replace("~1", "/").replace("~0", "~")
}

/// Renames fields of JSON. Text that is not JSON stays as it is.
fn renamed(json: &str, names: &HashMap<String, String>) -> String {
    let mut out = String::with_capacity(json.len());
    if write(json, names, &mut out).is_ok() { out } else { json.to_owned() }
}

fn write(json: &str, names: &HashMap<String, String>, out: &mut String) -> Result<(), serde_json::Error> {
    let json = json.trim();
    match json.bytes().next() {
        Some(b'{') => {
            let object = RawObject::parse(json)?;
            out.push('{');
            for (number, name) in object.names().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                out.push_str(&serde_json::to_string(names.get(name).map_or(name, String::as_str))?);
                out.push(':');
                write(object.get(name).unwrap_or("null"), names, out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            out.push('[');
            for (number, item) in serde_json::from_str::<Vec<&RawValue>>(json)?.into_iter().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                write(item.get(), names, out)?;
            }
            out.push(']');
        }
        Some(_) | None => out.push_str(json),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn odd_names_are_renamed_at_every_depth_and_come_back() {
        let schema = raw(
            r#"{"type":"object","properties":{"$a":{"type":"array","items":{"properties":{"b c":{"default":1}}}},"_a":{}},"required":["$a","_a"]}"#,
        );
        let names = PropertyNames::for_claude(&schema).unwrap();
        assert_eq!(
            names.schema(&schema).unwrap().get(),
            r#"{"type":"object","properties":{"_a_2":{"type":"array","items":{"properties":{"b_c":{"default":1}}}},"_a":{}},"required":["_a_2","_a"]}"#
        );
        let arguments = r#"{"$a":[{"b c":1e400,"d":"$a"}],"_a":2}"#;
        let sent = names.outward(arguments);
        assert_eq!(sent, r#"{"_a_2":[{"b_c":1e400,"d":"$a"}],"_a":2}"#);
        assert_eq!(names.back(&sent), arguments);
        assert_eq!(names.back(r#"{"_a_2":"#), r#"{"_a_2":"#);
    }

    #[test]
    fn references_follow_renamed_properties() {
        let schema = |name: &str, reference: &str| {
            format!(
                r#"{{"type":"object","properties":{{"{name}":{{"type":"object"}},"b":{{"$ref":"{reference}"}}}},"$defs":{{"a b":{{}}}}}}"#
            )
        };
        for (own, sent) in [
            ("#/properties/a b", "#/properties/a_b"),
            ("#/properties/a%20b", "#/properties/a_b"),
            ("#/properties/a b/properties/a b", "#/properties/a_b/properties/a_b"),
            ("#/$defs/a b", "#/$defs/a b"),
            ("#", "#"),
        ] {
            let own = raw(&schema("a b", own));
            let names = PropertyNames::for_claude(&own).unwrap();
            assert_eq!(names.schema(&own).unwrap().get(), schema("a_b", sent));
        }
    }

    #[test]
    fn names_that_fit_need_nothing() {
        assert!(PropertyNames::for_claude(&raw(r#"{"properties":{"a.b-c_1":{}}}"#)).is_none());
        assert!(PropertyNames::for_claude(&raw("true")).is_none());
    }
}
