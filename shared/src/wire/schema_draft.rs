//! Converts JSON Schemas to draft 2020-12, which Anthropic and OpenAI require for tool schemas.
//!
//! Older drafts and other dialects are converted if they have only one meaning: Swagger's `exclusiveMinimum: true`, the
//! tuples of draft 7, type names of other languages. Invalid keywords without a meaning are removed.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::wire::schema_ref::{self, Place, Schema, SchemaError};

/// The draft's types.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Their names in other languages.
const OTHER_TYPES: [(&str, &str); 12] = [
    ("bool", "boolean"),
    ("dict", "object"),
    ("double", "number"),
    ("float", "number"),
    ("int", "integer"),
    ("list", "array"),
    ("long", "integer"),
    ("map", "object"),
    ("none", "null"),
    ("str", "string"),
    ("text", "string"),
    ("tuple", "array"),
];

/// The kind of value that a keyword has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Types,
    Text,
    Flag,
    Number,
    /// A number above zero.
    Factor,
    /// A whole number, zero or more.
    Count,
    List,
    /// Distinct names.
    Names,
    Schema,
    Schemas,
    Named,
}

impl Form {
    fn of(keyword: &str) -> Option<Self> {
        Some(match keyword {
            "type" => Self::Types,
            "$anchor" | "$comment" | "$id" | "$ref" | "$schema" | "contentEncoding" | "contentMediaType" | "description"
            | "format" | "pattern" | "title" => Self::Text,
            "deprecated" | "readOnly" | "uniqueItems" | "writeOnly" => Self::Flag,
            "exclusiveMaximum" | "exclusiveMinimum" | "maximum" | "minimum" => Self::Number,
            "multipleOf" => Self::Factor,
            "maxContains" | "maxItems" | "maxLength" | "maxProperties" | "minContains" | "minItems" | "minLength"
            | "minProperties" => Self::Count,
            "enum" | "examples" => Self::List,
            "required" => Self::Names,
            // These two are of older drafts.
            "additionalItems" | "dependencies" => return None,
            _ => match Place::of(keyword) {
                Place::One => Self::Schema,
                Place::Many => Self::Schemas,
                Place::Named => Self::Named,
                Place::Plain => return None,
            },
        })
    }
}

/// What happens to a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Changed,
    Gone,
}

impl Fate {
    const fn kept_if(is_fine: bool) -> Self {
        if is_fine { Self::Kept } else { Self::Gone }
    }

    const fn changed_if(is_changed: bool) -> Self {
        if is_changed { Self::Changed } else { Self::Kept }
    }
}

/// Reads a schema and converts it to the draft. Returns whether that changed anything. If it did, the original is
/// checked first, because the conversion turns an invalid schema into an empty one.
pub(crate) fn repaired(
    schema: &RawValue,
    check: impl FnOnce(Value) -> Result<(), SchemaError>,
) -> Result<(Value, bool), SchemaError> {
    let mut document = schema_ref::parse(schema)?;
    let is_repaired = repair(&mut document);
    if is_repaired {
        check(schema_ref::parse(schema)?)?;
    }
    Ok((document, is_repaired))
}

/// Converts a schema to the draft. Returns whether it changed anything.
pub(crate) fn repair(schema: &mut Value) -> bool {
    let Value::Object(schema) = schema else { return false };
    let mut changed = [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")]
        .map(|(exclusive, limit)| exclude(schema, exclusive, limit))
        .contains(&true);
    changed |= move_tuple(schema);
    schema.retain(|keyword, value| {
        let fate = Form::of(keyword).map_or(Fate::Kept, |form| fit(form, value));
        changed |= fate != Fate::Kept;
        fate != Fate::Gone
    });
    changed
}

/// In draft 4, a boolean says that a limit is exclusive.
fn exclude(schema: &mut Schema, exclusive: &str, limit: &str) -> bool {
    let number = schema.get(limit).filter(|value| value.is_number()).cloned();
    let (Some(Value::Bool(true)), Some(number)) = (schema.get(exclusive), number) else { return false };
    schema.insert(exclusive.to_owned(), number);
    schema.retain(|keyword, _| keyword != limit);
    true
}

/// Drafts up to 2019-09 have the schemas of a tuple in `items`, and the schema of the further items in `additionalItems`.
fn move_tuple(schema: &mut Schema) -> bool {
    if !schema.get("items").is_some_and(Value::is_array) {
        return false;
    }
    let tuple = schema.remove("items").unwrap_or_default();
    schema.entry("prefixItems").or_insert(tuple);
    if let Some(rest) = schema.remove("additionalItems") {
        schema.insert("items".to_owned(), rest);
    }
    true
}

fn fit(form: Form, value: &mut Value) -> Fate {
    match form {
        Form::Types => types(value),
        Form::Text => Fate::kept_if(value.is_string()),
        Form::Flag => Fate::kept_if(value.is_boolean()),
        Form::Number => Fate::kept_if(value.is_number()),
        Form::Factor => Fate::kept_if(value.as_f64().is_some_and(|factor| factor > 0.0)),
        Form::Count => Fate::kept_if(value.as_f64().is_some_and(|count| count >= 0.0 && count.fract() == 0.0)),
        Form::List => Fate::kept_if(value.is_array()),
        Form::Names => names(value),
        Form::Schema => match value {
            Value::Object(_) => Fate::changed_if(repair(value)),
            Value::Bool(_) => Fate::Kept,
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => Fate::Gone,
        },
        Form::Schemas => match value {
            Value::Array(list) if !list.is_empty() => Fate::changed_if(list.iter_mut().map(member).fold(false, bool::max)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                Fate::Gone
            }
        },
        Form::Named => match value {
            Value::Object(named) => Fate::changed_if(named.values_mut().map(member).fold(false, bool::max)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Fate::Gone,
        },
    }
}

/// A nested schema. An invalid one becomes empty.
fn member(value: &mut Value) -> bool {
    match value {
        Value::Object(_) => repair(value),
        Value::Bool(_) => false,
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            *value = Value::Object(Schema::new());
            true
        }
    }
}

/// The draft's name of a type.
fn known(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let other = OTHER_TYPES.iter().find(|(other, _)| *other == name).map(|(_, own)| *own);
    other.or_else(|| TYPES.into_iter().find(|own| *own == name))
}

fn types(value: &mut Value) -> Fate {
    let asked: Vec<&str> = match value {
        Value::String(name) => vec![name],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Fate::Gone,
    };
    let mut kept: Vec<Value> = Vec::new();
    for name in asked.into_iter().filter_map(known).map(Value::from) {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    let sent = match (value.is_array(), kept.len()) {
        (_, 0) => return Fate::Gone,
        (true, _) => Value::Array(kept),
        (false, _) => kept.remove(0),
    };
    let changed = *value != sent;
    *value = sent;
    Fate::changed_if(changed)
}

/// Names of required properties, without repetitions. A single name becomes a list. A boolean is from draft 3 and is
/// dropped.
fn names(value: &mut Value) -> Fate {
    let asked = match value {
        Value::Array(list) => std::mem::take(list),
        Value::String(_) => vec![value.take()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Fate::Gone,
    };
    let number = asked.len();
    let mut seen = HashSet::with_capacity(number);
    let kept: Vec<Value> = asked.into_iter().filter(|name| name.is_string() && seen.insert(name.clone())).collect();
    let changed = kept.len() < number || !value.is_array();
    *value = Value::Array(kept);
    Fate::changed_if(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(schema: &str) -> Option<String> {
        let mut schema = serde_json::from_str(schema).unwrap();
        repair(&mut schema).then(|| schema.to_string())
    }

    #[test]
    fn what_the_draft_takes_is_left_alone() {
        for schema in [
            "true",
            "{}",
            r#"{"type":["string","null"],"enum":[],"minLength":0,"maxLength":3.0,"required":[],"x-mine":{"type":"any"}}"#,
            r#"{"properties":{"type":{"const":"any"},"required":true},"$defs":{"a":false},"items":{"exclusiveMinimum":0}}"#,
            r#"{"prefixItems":[{"type":"string"}],"items":false,"default":{"required":"a"}}"#,
        ] {
            assert_eq!(repaired(schema), None, "{schema}");
        }
    }

    #[test]
    fn older_forms_and_other_dialects_get_the_drafts() {
        for (schema, sent) in [
            (r#"{"minimum":0,"exclusiveMinimum":true}"#, r#"{"exclusiveMinimum":0}"#),
            (r#"{"maximum":9,"exclusiveMaximum":false}"#, r#"{"maximum":9}"#),
            (
                r#"{"items":[{"type":"string"}],"additionalItems":false}"#,
                r#"{"prefixItems":[{"type":"string"}],"items":false}"#,
            ),
            (r#"{"type":"String"}"#, r#"{"type":"string"}"#),
            (r#"{"type":["int","integer","any"]}"#, r#"{"type":["integer"]}"#),
            (r#"{"required":"a"}"#, r#"{"required":["a"]}"#),
            (r#"{"required":["a","b","a",1]}"#, r#"{"required":["a","b"]}"#),
        ] {
            assert_eq!(repaired(schema).as_deref(), Some(sent), "{schema}");
        }
    }

    #[test]
    fn what_has_no_meaning_goes_at_any_depth() {
        for schema in [
            r#"{"type":"any"}"#,
            r#"{"type":null}"#,
            r#"{"required":true}"#,
            r#"{"description":null}"#,
            r#"{"minLength":-1}"#,
            r#"{"maxItems":"3"}"#,
            r#"{"multipleOf":0}"#,
            r#"{"minimum":"0"}"#,
            r#"{"items":null}"#,
            r#"{"anyOf":[]}"#,
            r#"{"oneOf":"x"}"#,
            r#"{"properties":["a"]}"#,
            r#"{"enum":{"a":1}}"#,
        ] {
            let inside = |schema: &str| format!(r#"{{"properties":{{"a":{{"anyOf":[{schema}]}}}}}}"#);
            assert_eq!(repaired(&inside(schema)), Some(inside("{}")), "{schema}");
        }
        assert_eq!(repaired(r#"{"properties":{"a":"string"}}"#).as_deref(), Some(r#"{"properties":{"a":{}}}"#));
    }

    #[test]
    fn repairing_twice_is_repairing_once() {
        use crate::wire::schema_ref::tests::any_schema;
        use proptest::prelude::*;
        proptest!(|(schema in any_schema())| {
            let mut schema = schema;
            repair(&mut schema);
            prop_assert!(!repair(&mut schema));
        });
    }
}
