//! The `OpenAPI` subset of Gemini's `Schema`. It rejects unknown keywords and values of the wrong kind.

use std::collections::HashSet;

use serde_json::Value;

use super::kind_of;
use crate::wire::schema_ref::{Room, Schema, merge};

/// The types of the subset.
const TYPES: [&str; 6] = ["string", "number", "integer", "boolean", "array", "object"];
/// Accepted formats, by type.
const FORMATS: [(&str, &str); 6] = [
    ("string", "date-time"),
    ("string", "enum"),
    ("integer", "int32"),
    ("integer", "int64"),
    ("number", "float"),
    ("number", "double"),
];
/// Accepted limits, by type. All of them are counts.
const COUNTS: [(&str, &str); 6] = [
    ("string", "minLength"),
    ("string", "maxLength"),
    ("array", "minItems"),
    ("array", "maxItems"),
    ("object", "minProperties"),
    ("object", "maxProperties"),
];

/// Converts cleaned schemas to the subset. Keywords are read in any order and written in a fixed one.
pub(super) struct Converter {
    /// Budget for keywords that are copied into each alternative.
    room: Room,
}

impl Converter {
    /// A converter for one schema.
    pub(super) fn new() -> Self {
        Self { room: Room::new() }
    }

    /// Converts a schema. `fallback` is the type of a schema without any indication.
    pub(super) fn schema(&mut self, mut schema: Schema, fallback: &'static str) -> Schema {
        while let Some(Value::Array(parts)) = schema.remove("allOf") {
            parts.into_iter().filter_map(object).for_each(|part| merge(&mut schema, part));
        }
        let nullable = take_null(&mut schema);
        let mut branches = take_branches(&mut schema);
        let kinds = kinds(&schema, fallback);
        if branches.is_empty() && kinds.len() > 1 {
            schema.remove("type");
            branches.extend(kinds.into_iter().map(of_kind));
        }
        let mut converted = match branches.pop() {
            None => self.typed(schema, fallback),
            Some(only) if branches.is_empty() => self.schema(narrowed(only, schema), fallback),
            Some(last) => {
                branches.push(last);
                self.union(schema, branches, fallback)
            }
        };
        if nullable {
            converted.insert("nullable".to_owned(), Value::Bool(true));
        }
        converted
    }

    /// Only a description may be next to `anyOf`: every other keyword moves into each branch.
    fn union(&mut self, mut schema: Schema, branches: Vec<Schema>, fallback: &'static str) -> Schema {
        let description = schema.remove("description").map(|text| ("description".to_owned(), text));
        if !schema.is_empty() && !self.room.take(&schema, branches.len()) {
            schema.extend(description);
            return self.typed(schema, fallback);
        }
        let mut converted = Vec::with_capacity(branches.len());
        for mut branch in branches {
            merge(&mut branch, schema.clone());
            converted.push(Value::Object(self.schema(branch, fallback)));
        }
        converted.dedup();
        let mut union = match (converted.pop(), converted.is_empty()) {
            (Some(Value::Object(only)), true) => only,
            (last, _) => {
                converted.extend(last);
                Schema::from_iter([("anyOf".to_owned(), Value::Array(converted))])
            }
        };
        union.extend(description.filter(|(_, text)| text.is_string()));
        union
    }

    /// A schema of one type.
    fn typed(&mut self, mut schema: Schema, fallback: &'static str) -> Schema {
        let kind = kinds(&schema, fallback).first().copied().unwrap_or(fallback);
        let mut typed = of_kind(kind);
        let mut notes = Vec::new();
        if let Some(Value::String(text)) = schema.remove("description") {
            notes.push(text);
        }
        if let Some(Value::String(format)) = schema.remove("format") {
            if FORMATS.contains(&(kind, &format)) {
                typed.insert("format".to_owned(), Value::String(format));
            } else {
                notes.push(format!("Format: {format}"));
            }
        }
        let allowed = match schema.remove("enum") {
            Some(Value::Array(values)) => allowed(values, kind, &mut notes),
            _ => None,
        };
        notes.retain(|note| !note.is_empty());
        if !notes.is_empty() {
            typed.insert("description".to_owned(), Value::String(notes.join("\n")));
        }
        typed.extend(allowed.map(|values| ("enum".to_owned(), values)));
        match kind {
            "array" => _ = typed.insert("items".to_owned(), Value::Object(self.items(&mut schema))),
            "object" => self.members(&mut schema, &mut typed),
            _ => {}
        }
        limit(schema, kind, &mut typed);
        typed
    }

    /// The single schema of all items. The positions of a tuple become alternatives.
    fn items(&mut self, schema: &mut Schema) -> Schema {
        let (places, rest) = match (schema.remove("prefixItems"), schema.remove("items")) {
            (Some(Value::Array(places)), rest) => (places, rest),
            (_, Some(Value::Array(places))) => (places, None),
            (_, rest) => (Vec::new(), rest),
        };
        let rest = rest.and_then(object).unwrap_or_default();
        if places.is_empty() {
            return self.schema(rest, "string");
        }
        let mut alternatives: Vec<Value> = places;
        alternatives.extend((!rest.is_empty()).then_some(Value::Object(rest)));
        self.schema(Schema::from_iter([("anyOf".to_owned(), Value::Array(alternatives))]), "string")
    }

    /// The properties in order. Lists of names are reduced to existing properties.
    fn members(&mut self, schema: &mut Schema, typed: &mut Schema) {
        let mut properties = Schema::new();
        if let Some(Value::Object(named)) = schema.remove("properties") {
            for (name, value) in named {
                let property = self.schema(object(value).unwrap_or_default(), "string");
                properties.insert(name, Value::Object(property));
            }
        }
        let mut lists = Vec::new();
        for list in ["required", "propertyOrdering"] {
            let Some(Value::Array(names)) = schema.remove(list) else { continue };
            let mut seen = HashSet::new();
            let known = |name: &Value| name.as_str().is_some_and(|name| properties.contains_key(name));
            let names: Vec<Value> = names.into_iter().filter(|name| known(name) && seen.insert(name.clone())).collect();
            lists.extend((!names.is_empty()).then(|| (list.to_owned(), Value::Array(names))));
        }
        if !properties.is_empty() {
            typed.insert("properties".to_owned(), Value::Object(properties));
        }
        typed.extend(lists);
    }
}

fn object(value: Value) -> Option<Schema> {
    if let Value::Object(schema) = value { Some(schema) } else { None }
}

fn of_kind(kind: &str) -> Schema {
    Schema::from_iter([("type".to_owned(), Value::from(kind))])
}

/// The only alternative, merged with the keywords next to it. The outer description explains the value.
fn narrowed(mut only: Schema, mut schema: Schema) -> Schema {
    only.extend(schema.remove("description").map(|text| ("description".to_owned(), text)));
    merge(&mut only, schema);
    only
}

/// Removes every form of "or null". Returns whether there was one.
fn take_null(schema: &mut Schema) -> bool {
    let mut nullable = schema.remove("nullable") == Some(Value::Bool(true));
    if schema.get("type").is_some_and(|kind| kind == "null") {
        schema.remove("type");
        nullable = true;
    }
    for key in ["type", "enum", "anyOf", "oneOf"] {
        let Some(Value::Array(list)) = schema.get_mut(key) else { continue };
        let before = list.len();
        list.retain(|entry| !match key {
            "type" => entry == "null",
            "enum" => entry.is_null(),
            _ => only_null(entry),
        });
        nullable |= list.len() < before;
    }
    nullable
}

fn only_null(branch: &Value) -> bool {
    let nulls = branch.get("enum").and_then(Value::as_array);
    branch.get("type").is_some_and(|kind| kind == "null")
        || nulls.is_some_and(|values| !values.is_empty() && values.iter().all(Value::is_null))
}

/// The alternatives of a schema. Two lists cannot be expressed together: the second is dropped.
fn take_branches(schema: &mut Schema) -> Vec<Schema> {
    let lists = [schema.remove("anyOf"), schema.remove("oneOf")];
    let list = lists.into_iter().flatten().find_map(|list| if let Value::Array(list) = list { Some(list) } else { None });
    list.unwrap_or_default().into_iter().filter_map(object).collect()
}

/// The types that a schema names or indicates. At least one.
fn kinds(schema: &Schema, fallback: &'static str) -> Vec<&'static str> {
    let known = |name: &str| TYPES.into_iter().find(|kind| kind.eq_ignore_ascii_case(name));
    let mut kinds: Vec<&'static str> = match schema.get("type") {
        Some(Value::String(name)) => known(name).into_iter().collect(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).filter_map(known).collect(),
        _ => Vec::new(),
    };
    if kinds.is_empty() {
        kinds = hinted(schema);
    }
    let mut seen = HashSet::new();
    kinds.retain(|kind| seen.insert(*kind));
    if kinds.is_empty() { vec![fallback] } else { kinds }
}

fn hinted(schema: &Schema) -> Vec<&'static str> {
    let has = |keywords: &[&str]| keywords.iter().any(|keyword| schema.contains_key(*keyword));
    match schema.get("enum").and_then(Value::as_array) {
        _ if has(&[
            "properties",
            "additionalProperties",
            "patternProperties",
            "required",
            "minProperties",
            "maxProperties",
        ]) =>
        {
            vec!["object"]
        }
        _ if has(&["items", "prefixItems", "minItems", "maxItems"]) => vec!["array"],
        Some(values) if values.iter().any(Value::is_f64) => {
            values.iter().map(|value| if value.is_number() { "number" } else { kind_of(value) }).collect()
        }
        Some(values) => values.iter().map(kind_of).collect(),
        None if has(&["minimum", "maximum", "multipleOf"]) => vec!["number"],
        None => Vec::new(),
    }
}

/// `enum` contains strings only, and no empty one. Other values go to the description: as strings, the model would answer
/// with strings.
fn allowed(values: Vec<Value>, kind: &str, notes: &mut Vec<String>) -> Option<Value> {
    let fitting = values.iter().filter(|value| fits(kind, value)).count();
    let values: Vec<Value> = values.into_iter().filter(|value| fitting == 0 || fits(kind, value)).collect();
    if kind == "string" && fitting > 0 {
        let mut seen = HashSet::new();
        let texts: Vec<Value> = values.into_iter().filter(|value| *value != "" && seen.insert(value.clone())).collect();
        return (!texts.is_empty()).then_some(Value::Array(texts));
    }
    let words: Vec<String> =
        values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    if !words.is_empty() {
        notes.push(format!("Allowed values: {}", words.join(", ")));
    }
    None
}

/// Limits that fit the type, and example values.
fn limit(schema: Schema, kind: &str, typed: &mut Schema) {
    let numeric = matches!(kind, "integer" | "number");
    for (key, value) in schema {
        let kept = match key.as_str() {
            "minimum" | "maximum" => numeric && value.is_number(),
            "pattern" => kind == "string" && value.is_string(),
            "default" | "example" => fits(kind, &value),
            key => COUNTS.contains(&(kind, key)) && value.as_i64().is_some_and(|count| count >= 0),
        };
        if kept {
            typed.insert(key, value);
        }
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    kind == kind_of(value) || (kind == "number" && value.is_number())
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::super::openapi;
    use super::*;
    use crate::wire::schema_ref::COPY_LIMIT;

    fn converted(schema: &str) -> Value {
        let schema = RawValue::from_string(schema.to_owned()).unwrap();
        openapi(&schema).unwrap().map_or(Value::Null, |schema| serde_json::from_str(schema.get()).unwrap())
    }

    fn check(table: &[(&str, &str)]) {
        for (schema, expected) in table {
            assert_eq!(converted(schema), serde_json::from_str::<Value>(expected).unwrap(), "{schema}");
        }
    }

    #[test]
    fn annotations_and_keywords_without_a_word_are_dropped() {
        check(&[
            (
                r#"{"type":"string","$schema":"s","$id":"i","$comment":"c","title":"t","examples":["e"],"deprecated":true,"readOnly":true,"contentEncoding":"base64"}"#,
                r#"{"type":"string"}"#,
            ),
            (
                r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false,"not":{},"if":{},"then":{},"else":{},"patternProperties":{},"dependencies":{},"propertyNames":{},"unevaluatedProperties":false}"#,
                r#"{"type":"object","properties":{"a":{"type":"string"}}}"#,
            ),
            (
                r#"{"type":"array","items":{"type":"number","multipleOf":2},"uniqueItems":true,"contains":{}}"#,
                r#"{"type":"array","items":{"type":"number"}}"#,
            ),
            (
                r#"{"type":"string","minLength":"3","maxLength":-1,"pattern":5,"minimum":1,"description":7}"#,
                r#"{"type":"string"}"#,
            ),
        ]);
    }

    #[test]
    fn references_are_replaced() {
        check(&[(
            r##"{"$defs":{"Person":{"type":"object","properties":{"name":{"type":"string"},"parent":{"anyOf":[{"$ref":"#/$defs/Person"},{"type":"null"}]}}}},"$ref":"#/$defs/Person"}"##,
            r#"{"type":"object","properties":{"name":{"type":"string"},"parent":{"type":"object","description":"Recursive: the structure of Person again.","nullable":true}}}"#,
        )]);
    }

    #[test]
    fn types_and_null() {
        check(&[
            (r#"{"const":"x"}"#, r#"{"type":"string","enum":["x"]}"#),
            (
                r#"{"properties":{"at":{"type":["string","null"]}}}"#,
                r#"{"type":"object","properties":{"at":{"type":"string","nullable":true}}}"#,
            ),
            (
                r#"{"type":["string","integer"],"minLength":1,"minimum":2}"#,
                r#"{"anyOf":[{"type":"string","minLength":1},{"type":"integer","minimum":2}]}"#,
            ),
            (
                r#"{"type":["string","integer","null"],"description":"d"}"#,
                r#"{"description":"d","nullable":true,"anyOf":[{"type":"string"},{"type":"integer"}]}"#,
            ),
            (
                r#"{"properties":{"a":{"type":"null"}}}"#,
                r#"{"type":"object","properties":{"a":{"type":"string","nullable":true}}}"#,
            ),
            (r#"{"type":"STRING","nullable":true}"#, r#"{"type":"string","nullable":true}"#),
            (r#"{"properties":{"a":{"type":"file"}}}"#, r#"{"type":"object","properties":{"a":{"type":"string"}}}"#),
            (
                r#"{"properties":{"a":{"properties":{"b":{}}},"c":{"items":{}},"d":{"enum":["x"]},"e":{"minimum":1},"f":{}}}"#,
                r#"{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"string"}}},"c":{"type":"array","items":{"type":"string"}},"d":{"type":"string","enum":["x"]},"e":{"type":"number","minimum":1},"f":{"type":"string"}}}"#,
            ),
            (
                r#"{"properties":{"a":true,"b":false},"required":["a","b"]}"#,
                r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#,
            ),
        ]);
    }

    #[test]
    fn unions() {
        check(&[
            (
                r#"{"anyOf":[{"enum":["c","f"],"type":"string"},{"type":"null"}],"default":null}"#,
                r#"{"type":"string","enum":["c","f"],"nullable":true}"#,
            ),
            (
                r#"{"anyOf":[{"type":"string","description":"in"},{"const":null}],"description":"out"}"#,
                r#"{"type":"string","description":"out","nullable":true}"#,
            ),
            (
                r#"{"description":"d","anyOf":[{"required":["a"]},{"required":["b"]}],"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["b"]}"#,
                r#"{"description":"d","anyOf":[{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a","b"]},{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["b"]}]}"#,
            ),
            (
                r#"{"anyOf":[{"type":"string"},{"type":"integer"}],"default":5}"#,
                r#"{"anyOf":[{"type":"string"},{"type":"integer","default":5}]}"#,
            ),
            (
                r#"{"oneOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]}"#,
                r#"{"nullable":true,"anyOf":[{"type":"string"},{"type":"integer"}]}"#,
            ),
            (
                r#"{"allOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"allOf":[{"properties":{"b":{"type":"integer"},"a":{"minLength":1}},"required":["b","a"]}]}],"description":"d"}"#,
                r#"{"type":"object","description":"d","properties":{"a":{"type":"string","minLength":1},"b":{"type":"integer"}},"required":["a","b"]}"#,
            ),
        ]);
    }

    #[test]
    fn enums_are_texts() {
        check(&[
            (r#"{"type":"integer","enum":[1,2]}"#, r#"{"type":"integer","description":"Allowed values: 1, 2"}"#),
            (r#"{"enum":[1.5,2],"description":"d"}"#, r#"{"type":"number","description":"d\nAllowed values: 1.5, 2"}"#),
            (r#"{"enum":[true]}"#, r#"{"type":"boolean","description":"Allowed values: true"}"#),
            (r#"{"type":"string","enum":["","a",null,"a"]}"#, r#"{"type":"string","enum":["a"],"nullable":true}"#),
            (r#"{"type":"string","enum":[""]}"#, r#"{"type":"string"}"#),
            (
                r#"{"enum":["a",1]}"#,
                r#"{"anyOf":[{"type":"string","enum":["a"]},{"type":"integer","description":"Allowed values: 1"}]}"#,
            ),
            (r#"{"type":"string","enum":[1,2]}"#, r#"{"type":"string","description":"Allowed values: 1, 2"}"#),
        ]);
    }

    #[test]
    fn limits_and_formats() {
        check(&[
            (
                r#"{"type":"integer","exclusiveMinimum":0,"maximum":9007199254740991}"#,
                r#"{"type":"integer","minimum":1,"maximum":9007199254740991}"#,
            ),
            (r#"{"type":"number","exclusiveMinimum":0}"#, r#"{"type":"number"}"#),
            (r#"{"type":"string","format":"date-time"}"#, r#"{"type":"string","format":"date-time"}"#),
            (
                r#"{"type":"string","format":"email","description":"d"}"#,
                r#"{"type":"string","description":"d\nFormat: email"}"#,
            ),
            (r#"{"type":"integer","format":"int64"}"#, r#"{"type":"integer","format":"int64"}"#),
            (r#"{"type":"number","format":"int64"}"#, r#"{"type":"number","description":"Format: int64"}"#),
        ]);
    }

    #[test]
    fn arrays_have_items() {
        check(&[
            (r#"{"type":"array"}"#, r#"{"type":"array","items":{"type":"string"}}"#),
            (r#"{"type":"array","items":{}}"#, r#"{"type":"array","items":{"type":"string"}}"#),
            (r#"{"type":"array","items":[]}"#, r#"{"type":"array","items":{"type":"string"}}"#),
            (r#"{"type":"array","items":[{"type":"object"}]}"#, r#"{"type":"array","items":{"type":"object"}}"#),
            (
                r#"{"type":"array","prefixItems":[{"type":"string"},{"type":"number"}],"items":false,"minItems":2}"#,
                r#"{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"number"}]},"minItems":2}"#,
            ),
            (
                r#"{"type":"array","items":[{"type":"number"},{"type":"number"}]}"#,
                r#"{"type":"array","items":{"type":"number"}}"#,
            ),
        ]);
    }

    #[test]
    fn objects_name_what_they_have() {
        check(&[
            (r#"{"type":"object","properties":{}}"#, "null"),
            (r#"{"type":"object"}"#, "null"),
            ("{}", "null"),
            ("true", "null"),
            (
                r#"{"type":"object","properties":{"a":{"type":"object","properties":{}}}}"#,
                r#"{"type":"object","properties":{"a":{"type":"object"}}}"#,
            ),
            (
                r#"{"type":"object","properties":{"a":{"type":"string","required":true}},"required":["a","x","a",1],"propertyOrdering":["a","y"]}"#,
                r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"propertyOrdering":["a"]}"#,
            ),
            // Names are not keywords.
            (
                r#"{"type":"object","properties":{"const":{"type":"string"},"type":{"type":"string"},"$ref":{"type":"string"},"title":{"type":"string"},"format":{"type":"string"},"anyOf":{"type":"string"}}}"#,
                r#"{"type":"object","properties":{"const":{"type":"string"},"type":{"type":"string"},"$ref":{"type":"string"},"title":{"type":"string"},"format":{"type":"string"},"anyOf":{"type":"string"}}}"#,
            ),
        ]);
    }

    /// Needs the feature `preserve_order` of `serde_json`.
    #[test]
    fn properties_keep_their_order() {
        let schema = RawValue::from_string(r#"{"properties":{"z":{},"a":{},"m":{}}}"#.to_owned()).unwrap();
        let expected =
            r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"},"m":{"type":"string"}}}"#;
        assert_eq!(openapi(&schema).unwrap().unwrap().get(), expected);
    }

    #[test]
    fn nested_unions_do_not_explode() {
        let mut schema = r#"{"type":"string"}"#.to_owned();
        for _ in 0..28 {
            schema = format!(
                r#"{{"anyOf":[{{"minProperties":1}},{{"minProperties":2}},{{"minProperties":3}}],"properties":{{"a":{schema}}}}}"#
            );
        }
        assert!(converted(&schema).to_string().len() < 4 * COPY_LIMIT);
    }
}
