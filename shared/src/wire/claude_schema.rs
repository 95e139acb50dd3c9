//! JSON Schemas for Claude: tool inputs, and the subset for structured output.
//!
//! Only keywords are changed. Keys inside `properties` are names, so a property may be called `const`, `type` or `$ref`.
//!
//! What is lost: the branch of a root union to which an input belongs (`tool_input`). In `output`, limits become text, maps
//! become closed objects, and recursion ends in an object.

mod grammar;
pub(crate) mod output;
pub(crate) mod references;
mod strict;

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::wire::schema_draft;
pub use crate::wire::schema_ref::SchemaError;
use crate::wire::schema_ref::{self, HOPS, Room, Schema, merge, resolve};
use output::{Closer, closed_object};
use references::{Recursion, cut_dangling, cut_recursive, leads_to_definition, move_references, unknown};
pub use strict::StrictTools;

/// Keywords that Claude rejects at the root of a tool schema.
const UNIONS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords that structured output rejects and that can be said in a description instead.
const LIMITS: [&str; 24] = [
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "pattern",
    "patternProperties",
    "propertyNames",
    "then",
    "uniqueItems",
];
/// The string formats that structured output supports.
const FORMATS: [&str; 10] = ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"];

/// Returns the schema for a tool's `input_schema`, whose root must be an object without `anyOf`, `oneOf` and `allOf`. A
/// schema that already conforms is returned byte for byte.
///
/// - Keywords follow draft 2020-12. Claude rejects others (`JSON schema is invalid`, Dokploy/mcp#74).
/// - `null`, a boolean and `{}` become an object without properties.
/// - A root reference is replaced by its target, and a missing type is added.
/// - A root union becomes one object with the properties of all its object branches. For `anyOf` and `oneOf`, a property
///   stays required if every branch requires it; for `allOf`, if any branch does. Branches that are not objects are left
///   out, because an input is always an object.
/// - A schema that cannot be an object (`{"type":"string"}`) becomes the property `value` of one. The tool's input is then
///   `{"value": ...}`; nothing unwraps it.
pub fn tool_input(schema: &RawValue) -> Result<Box<RawValue>, SchemaError> {
    let mut document = schema_ref::parse(schema)?;
    if document.is_null() || document.is_boolean() {
        document = Value::Object(Schema::new());
    }
    let is_valid = !schema_draft::repair(&mut document);
    let Value::Object(root) = &document else { return Err(SchemaError::kind("an object", &document)) };
    let fine = root.get("type").is_some_and(|kind| kind == "object")
        && root.get("properties").is_none_or(Value::is_object)
        && !UNIONS.iter().any(|union| root.contains_key(*union));
    if fine {
        return if is_valid { Ok(schema.to_owned()) } else { schema_ref::write(root) };
    }
    let mut input = Joiner::new(&document).object(root.clone(), 0).unwrap_or_else(|| wrapped(root.clone()));
    cut_dangling(&mut input, unknown);
    schema_ref::write(&input)
}

/// Returns the schema for `output_config.format`: every object is closed, `oneOf` becomes `anyOf`, `allOf` is merged, and a
/// tuple becomes a list of its alternatives. Limits that Claude rejects move to the description. Recursive, external and
/// dangling references become an object without content. A schema that already conforms is returned byte for byte.
pub fn output(schema: &RawValue) -> Result<Box<RawValue>, SchemaError> {
    let (parsed, is_repaired) = schema_draft::repaired(schema, |document| closed(document).map(drop))?;
    let closed = closed(parsed.clone())?;
    if !is_repaired && parsed.as_object() == Some(&closed) {
        return Ok(schema.to_owned());
    }
    schema_ref::write(&closed)
}

fn closed(mut document: Value) -> Result<Schema, SchemaError> {
    if let Value::Object(root) = &mut document {
        cut_dangling(root, unknown);
    }
    let recursive = Recursion::of(&document);
    if let Value::Object(root) = &mut document {
        cut_recursive(root, &recursive);
    }
    let mut closed = Closer::new(&document).root()?;
    cut_dangling(&mut closed, |reference| closed_object(unknown(reference)));
    Ok(closed)
}

/// Whether [`output()`] would lose a part of what the client allows, so that the response format must be requested in words:
/// free property names, recursive levels (platform.claude.com, structured outputs: neither is supported), targets of
/// references outside the schema's own definitions, schemas that allow any value, and more than the grammar's limits.
pub fn is_said_in_words(schema: &RawValue) -> bool {
    let Ok(mut document) = schema_ref::parse(schema) else { return false };
    schema_draft::repair(&mut document);
    if grammar::has_free_object(&document) || output(schema).is_ok_and(|sent| !StrictTools::admits_answer(&sent)) {
        return true;
    }
    let mut led = document.clone();
    if let Value::Object(root) = &mut led {
        cut_dangling(root, unknown);
    }
    schema_ref::has_dictionary(schema) || led != document || !Recursion::of(&document).is_empty()
}

/// Whether `strict: true` may be sent with this schema: Claude's grammar has it, its references lead to definitions, and it is
/// not recursive.
pub fn allows_strict(schema: &RawValue) -> bool {
    let Ok(document) = schema_ref::parse(schema) else { return false };
    grammar::expresses(&document)
        && schema_ref::references(&document)
            .into_iter()
            .all(|to| leads_to_definition(to) && resolve(&document, to).is_some())
        && Recursion::of(&document).is_empty()
}

/// Whether a schema describes an object: by its type or, without a type, by its properties.
fn is_object(schema: &Schema) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
        None => {
            ["properties", "additionalProperties", "patternProperties"].iter().any(|keyword| schema.contains_key(*keyword))
        }
    }
}

fn is_limit(key: &str, value: &Value) -> bool {
    match key {
        "minItems" => !matches!(value.as_u64(), Some(0 | 1)),
        "format" => !value.as_str().is_some_and(|format| FORMATS.contains(&format)),
        key => LIMITS.contains(&key),
    }
}

/// Merges unions into one schema.
struct Joiner<'a> {
    root: &'a Value,
    /// Remaining budget for replacing references.
    room: Room,
}

impl<'a> Joiner<'a> {
    fn new(root: &'a Value) -> Self {
        Self { root, room: Room::new() }
    }

    /// Returns the schema as one object without unions, or `None` if it is not an object.
    fn object(&mut self, schema: Schema, depth: usize) -> Option<Schema> {
        let mut object = self.dereferenced(schema);
        let other = ["enum", "const", "items"].iter().any(|keyword| object.contains_key(*keyword));
        if depth > HOPS || !(is_object(&object) || !object.contains_key("type") && !other) {
            return None;
        }
        object.retain(|key, _| key != "$ref");
        let [all, any, one] = UNIONS.map(|union| take(&mut object, union));
        object.insert("type".to_owned(), Value::from("object"));
        if !object.get("properties").is_some_and(Value::is_object) {
            object.insert("properties".to_owned(), Value::Object(Schema::new()));
        }
        for part in all {
            merge(&mut object, self.object(into_schema(part)?, depth.saturating_add(1))?);
        }
        for list in [any, one].into_iter().filter(|list| !list.is_empty()) {
            let branches = list.into_iter().filter_map(into_schema);
            let branches: Vec<Schema> = branches.filter_map(|branch| self.object(branch, depth.saturating_add(1))).collect();
            unite(&mut object, branches)?;
        }
        if let Some(Value::Array(names)) = object.get_mut("required") {
            let mut seen = HashSet::new();
            names.retain(|name| seen.insert(name.clone()));
        }
        Some(object)
    }

    /// Returns the schema with its own `$ref` replaced by the target.
    fn dereferenced(&mut self, schema: Schema) -> Schema {
        schema_ref::dereferenced(self.root, schema, |_, target| self.room.take(target, 1))
    }
}

/// Adds branches to an object: all their properties, and the properties that they all require. Returns `None` if there are
/// no branches.
fn unite(object: &mut Schema, branches: Vec<Schema>) -> Option<()> {
    let mut common: Option<Vec<Value>> = None;
    let (mut closed, mut properties) = (true, HashMap::<String, Vec<Value>>::new());
    let mut order = Vec::new();
    for mut branch in branches {
        let required = take(&mut branch, "required");
        common = Some(match common {
            Some(names) => {
                let required: HashSet<Value> = required.into_iter().collect();
                names.into_iter().filter(|name| required.contains(name)).collect()
            }
            None => required,
        });
        closed &= branch.get("additionalProperties") == Some(&Value::Bool(false));
        let Some(Value::Object(named)) = branch.remove("properties") else { continue };
        for (name, schema) in named {
            let alternatives = properties.entry(name.clone()).or_default();
            if alternatives.is_empty() {
                order.push(name);
            }
            if alternatives.last() != Some(&schema) {
                alternatives.push(schema);
            }
        }
    }
    let common = common?;
    if let Some(Value::Object(own)) = object.get_mut("properties") {
        for name in order {
            let alternatives = properties.remove(&name).unwrap_or_default();
            own.entry(name).or_insert_with(|| any_of(alternatives));
        }
    }
    if !common.is_empty() {
        merge(object, Schema::from_iter([("required".to_owned(), Value::Array(common))]));
    }
    if closed {
        object.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    Some(())
}

/// Combines a list of schemas into one schema.
fn any_of(mut alternatives: Vec<Value>) -> Value {
    match alternatives.pop() {
        Some(only) if alternatives.is_empty() => only,
        last => {
            alternatives.extend(last);
            Value::Object(Schema::from_iter([("anyOf".to_owned(), Value::Array(alternatives))]))
        }
    }
}

fn take(schema: &mut Schema, keyword: &str) -> Vec<Value> {
    let list = schema.get_mut(keyword).map(Value::take);
    schema.retain(|key, _| key != keyword);
    if let Some(Value::Array(list)) = list { list } else { Vec::new() }
}

fn into_schema(value: Value) -> Option<Schema> {
    match value {
        Value::Object(schema) => Some(schema),
        Value::Bool(true) => Some(Schema::new()),
        Value::Null | Value::Bool(false) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

/// Returns an object whose property `value` is the schema, with its root references adjusted.
fn wrapped(mut schema: Schema) -> Schema {
    move_references(&mut schema);
    let mut object = Schema::new();
    object.insert("type".to_owned(), Value::from("object"));
    let properties = Schema::from_iter([("value".to_owned(), Value::Object(schema))]);
    object.insert("properties".to_owned(), Value::Object(properties));
    object.insert("required".to_owned(), Value::Array(vec![Value::from("value")]));
    object
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::schema_ref::COPY_LIMIT;
    use crate::wire::schema_ref::tests::{any_schema, recorded};

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_tools_root_is_an_object_without_unions() {
        for (schema, expected) in [
            // Nothing to do: every byte stays the same.
            (
                r#"{ "type":"object" ,"$schema":"s","properties":{"a":{"anyOf":[{}]}} }"#,
                r#"{ "type":"object" ,"$schema":"s","properties":{"a":{"anyOf":[{}]}} }"#,
            ),
            ("null", r#"{"type":"object","properties":{}}"#),
            ("{}", r#"{"type":"object","properties":{}}"#),
            ("true", r#"{"type":"object","properties":{}}"#),
            (r#"{"properties":{"a":{}}}"#, r#"{"properties":{"a":{}},"type":"object"}"#),
            (r#"{"type":["object","null"],"properties":[]}"#, r#"{"type":"object","properties":{}}"#),
            (
                r##"{"$defs":{"P":{"type":"object","properties":{"p":{"$ref":"#/$defs/P"}}}},"$ref":"#/$defs/P"}"##,
                r##"{"type":"object","properties":{"p":{"$ref":"#/$defs/P"}},"$defs":{"P":{"type":"object","properties":{"p":{"$ref":"#/$defs/P"}}}}}"##,
            ),
            (
                r#"{"anyOf":[{"type":"object","properties":{"k":{"const":"a"},"x":{},"z":{"type":"string"}},"required":["k","x"],"additionalProperties":false},{"type":"object","properties":{"k":{"const":"b"},"z":{"type":"string"}},"required":["z","k"],"additionalProperties":false},{"type":"null"},{"type":"string"}]}"#,
                r#"{"type":"object","properties":{"k":{"anyOf":[{"const":"a"},{"const":"b"}]},"x":{},"z":{"type":"string"}},"required":["k"],"additionalProperties":false}"#,
            ),
            (
                r##"{"type":"object","required":["o"],"properties":{"o":{}},"oneOf":[{"$ref":"#/$defs/A"},{"required":["o"]}],"$defs":{"A":{"type":"object","properties":{"a":{}},"required":["a","o"]}}}"##,
                r#"{"type":"object","required":["o"],"properties":{"o":{},"a":{}},"$defs":{"A":{"type":"object","properties":{"a":{}},"required":["a","o"]}}}"#,
            ),
            (
                r#"{"allOf":[{"type":"object","properties":{"a":{}},"required":["a"]},{"allOf":[{"properties":{"b":{}},"required":["a","b"]}]}],"description":"d"}"#,
                r#"{"description":"d","type":"object","properties":{"a":{},"b":{}},"required":["a","b"]}"#,
            ),
            (r#"{"type":"string"}"#, r#"{"type":"object","properties":{"value":{"type":"string"}},"required":["value"]}"#),
            (
                r##"{"type":"array","items":{"$ref":"#/$defs/A"},"$defs":{"A":{"type":"array","items":{"$ref":"#"}}}}"##,
                r##"{"type":"object","properties":{"value":{"type":"array","items":{"$ref":"#/properties/value/$defs/A"},"$defs":{"A":{"type":"array","items":{"$ref":"#/properties/value"}}}}},"required":["value"]}"##,
            ),
            (
                r#"{"anyOf":[{"type":"string"},{"enum":["a"]}]}"#,
                r#"{"type":"object","properties":{"value":{"anyOf":[{"type":"string"},{"enum":["a"]}]}},"required":["value"]}"#,
            ),
            // Names are not keywords.
            (
                r#"{"type":"object","properties":{"anyOf":{"type":"string"}}}"#,
                r#"{"type":"object","properties":{"anyOf":{"type":"string"}}}"#,
            ),
        ] {
            assert_eq!(tool_input(&raw(schema)).unwrap().get(), expected, "{schema}");
        }
    }

    #[test]
    fn an_output_is_closed_and_its_limits_are_words() {
        for (schema, expected) in [
            (
                r#"{"$schema":"s","type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":5,"description":"d"},"s":{"type":"string","maxLength":3,"pattern":"^a$","format":"email"},"l":{"type":"array","items":{"type":"object","properties":{}},"minItems":2,"uniqueItems":true},"k":{"type":"array","minItems":1,"items":{"type":"string","format":"phone"}}},"required":["n","x"]}"#,
                r#"{"type":"object","properties":{"n":{"type":"integer","description":"d\nLimits: minimum 1, maximum 5"},"s":{"type":"string","format":"email","description":"Limits: maxLength 3, pattern \"^a$\""},"l":{"type":"array","items":{"type":"object","properties":{},"additionalProperties":false},"description":"Limits: minItems 2, uniqueItems true"},"k":{"type":"array","minItems":1,"items":{"type":"string","description":"Limits: format \"phone\""}}},"additionalProperties":false,"required":["n"]}"#,
            ),
            (
                r#"{"properties":{"a":true,"b":false},"additionalProperties":{"type":"string"}}"#,
                r#"{"properties":{"a":{}},"additionalProperties":false,"type":"object"}"#,
            ),
            (
                r#"{"oneOf":[{"type":["object","null"]},{"type":"string"}]}"#,
                r#"{"anyOf":[{"type":["object","null"],"additionalProperties":false},{"type":"string"}]}"#,
            ),
            (
                r##"{"type":"object","allOf":[{"$ref":"#/$defs/A"},{"properties":{"b":{}}}],"$defs":{"A":{"properties":{"a":{}}}}}"##,
                r#"{"type":"object","$defs":{"A":{"properties":{"a":{}},"type":"object","additionalProperties":false}},"properties":{"a":{},"b":{}},"additionalProperties":false}"#,
            ),
            (
                r#"{"type":"array","prefixItems":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"null"}]}}"#,
            ),
            // References: used twice, recursive, external.
            (
                r##"{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/A"}]},"$defs":{"A":{"type":"string"}}}"##,
                r##"{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/A"}]},"$defs":{"A":{"type":"string"}}}"##,
            ),
            (
                r##"{"$defs":{"P":{"type":"object","properties":{"p":{"$ref":"#/$defs/P"}}}},"$ref":"#/$defs/P"}"##,
                r#"{"type":"object","properties":{"p":{"type":"object","description":"Recursive: the structure of P again.","additionalProperties":false}},"additionalProperties":false,"$defs":{"P":{"type":"object","properties":{"p":{"type":"object","description":"Recursive: the structure of P again.","additionalProperties":false}},"additionalProperties":false}}}"#,
            ),
            (
                r#"{"items":{"$ref":"https://x.y/z.json"}}"#,
                r#"{"items":{"type":"object","description":"Unknown structure: z.json.","additionalProperties":false}}"#,
            ),
            // Names are not keywords.
            (
                r#"{"type":"object","properties":{"minimum":{"type":"string"},"$ref":{"type":"string"}}}"#,
                r#"{"type":"object","properties":{"minimum":{"type":"string"},"$ref":{"type":"string"}},"additionalProperties":false}"#,
            ),
            ("true", "{}"),
            (r##"{"$defs":{"b":true},"$ref":"#/$defs/b"}"##, r#"{"$defs":{"b":{}}}"#),
        ] {
            let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(parsed(output(&raw(schema)).unwrap().get()), parsed(expected), "{schema}");
        }
    }

    #[test]
    fn an_output_has_what_claudes_grammar_has() {
        for (schema, expected) in [
            (r#"{"type":["string","null"],"enum":["x",null]}"#, r#"{"enum":["x",null]}"#),
            (r#"{"type":"string","enum":["x",1]}"#, r#"{"type":"string","enum":["x"]}"#),
            (r#"{"type":"string","enum":[]}"#, r#"{"type":"string"}"#),
            (r#"{"type":"string","const":1}"#, r#"{"const":1}"#),
            (r#"{"type":"string","nullable":true}"#, r#"{"type":["string","null"]}"#),
            (r#"{"type":"string","enum":["x"],"nullable":true}"#, r#"{"enum":["x",null]}"#),
            (
                r##"{"type":["string","null"],"anyOf":[{"type":"string"},{"$ref":"#/$defs/A"},{"title":"t"}],"description":"d","$defs":{"A":{"type":"null"}}}"##,
                r##"{"anyOf":[{"type":"string"},{"$ref":"#/$defs/A"},{"type":["string","null"],"title":"t"}],"description":"d","$defs":{"A":{"type":"null"}}}"##,
            ),
            (
                r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"anyOf":[{"required":["a"]},{"required":["b"]}]}"#,
                r#"{"anyOf":[{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"],"additionalProperties":false},{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["b"],"additionalProperties":false}]}"#,
            ),
        ] {
            let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            let sent = output(&raw(schema)).unwrap();
            assert_eq!(parsed(sent.get()), parsed(expected), "{schema}");
            assert!(grammar::expresses(&parsed(sent.get())), "{sent}");
        }
    }

    #[test]
    fn an_answer_that_the_grammar_does_not_have_is_said_in_words() {
        let many = |number: usize, schema: &str| {
            let named: Vec<String> = (0..number).map(|place| format!(r#""p{place}":{schema}"#)).collect();
            let required: Vec<String> = (0..number).map(|place| format!(r#""p{place}""#)).collect();
            let required = if schema.contains("null") { required.join(",") } else { String::new() };
            format!(r#"{{"type":"object","properties":{{{}}},"required":[{required}]}}"#, named.join(","))
        };
        for (schema, is_said) in [
            (many(24, r#"{"type":"string"}"#), false),
            (many(25, r#"{"type":"string"}"#), true),
            (many(16, r#"{"type":["string","null"]}"#), false),
            (many(17, r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#), true),
            (many(1, "{}"), true),
            (many(1, r#"{"title":"Any"}"#), true),
            (many(1, r#"{"type":"array","items":{}}"#), true),
            (many(1, r#"{"type":"object"}"#), true),
            (many(1, r#"{"type":"object","additionalProperties":true}"#), true),
            (many(1, r#"{"type":"object","additionalProperties":false}"#), false),
            (r#"{"type":"object"}"#.to_owned(), true),
        ] {
            assert_eq!(is_said_in_words(&raw(&schema)), is_said, "{schema}");
        }
    }

    #[test]
    fn strict_needs_the_grammars_keywords() {
        let with = |inside: &str| {
            format!(r#"{{"type":"object","properties":{{"a":{inside}}},"required":["a"],"additionalProperties":false}}"#)
        };
        for (inside, strict) in [
            (r#"{"type":"string","title":"t","default":"x"}"#, true),
            (r#"{"anyOf":[{"type":"string"},{"type":"null"}],"description":"d"}"#, true),
            (r#"{"type":"array","items":{"type":"string"},"minItems":1}"#, true),
            (r#"{"oneOf":[{"type":"string"}]}"#, false),
            (r#"{"type":"array","prefixItems":[{"type":"string"}]}"#, false),
            (r#"{"anyOf":[{"type":"string"}],"discriminator":{"propertyName":"k"}}"#, false),
            (r#"{"anyOf":[{"type":"string"}],"type":"string"}"#, false),
            (r#"{"type":"string","x-order":1}"#, false),
            (r#"{"type":["string","null"],"enum":["x",null]}"#, false),
            (r#"{"type":"string","enum":["x",1]}"#, false),
            (r#"{"enum":["x",null]}"#, true),
        ] {
            assert_eq!(allows_strict(&raw(&with(inside))), strict, "{inside}");
        }
        assert!(!allows_strict(&raw(r#"{"type":"object","properties":{},"required":["a"],"additionalProperties":false}"#)));
    }

    #[test]
    fn strict_needs_closed_objects_everywhere() {
        for (schema, strict) in [
            (r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#, true),
            (r#"{"type":"object","additionalProperties":false}"#, true),
            (r#"{"type":"object","properties":{"additionalProperties":{"type":"string"}}}"#, false),
            (r#"{"type":"object","properties":{"a":{"type":"object"}},"additionalProperties":false}"#, false),
            (r#"{"type":"object","properties":{"a":{"type":["object","null"]}},"additionalProperties":false}"#, false),
            (r#"{"type":"object","properties":{"a":{"items":{"properties":{}}}},"additionalProperties":false}"#, false),
            (
                r#"{"type":"object","properties":{"a":{"anyOf":[{"type":"object"},{"type":"null"}]}},"additionalProperties":false}"#,
                false,
            ),
            (r#"{"type":"object","properties":{"a":{}},"additionalProperties":false}"#, false),
            (r#"{"type":"object","properties":{"a":true},"additionalProperties":false}"#, false),
            (r#"{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"additionalProperties":false}"#, false),
            (r##"{"type":"object","properties":{"a":{"$ref":"#"}},"additionalProperties":false}"##, false),
            (
                r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"additionalProperties":false,"$defs":{"A":{"enum":[1]}}}"##,
                true,
            ),
            (
                r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"additionalProperties":false,"$defs":{"A":{"type":"object"}}}"##,
                false,
            ),
            ("{}", false),
            ("true", false),
            ("false", false),
            ("null", false),
        ] {
            assert_eq!(allows_strict(&raw(schema)), strict, "{schema}");
        }
    }

    #[test]
    fn a_circle_through_a_schema_around_the_target_is_cut() {
        let schema = r##"{"type":"object","properties":{"q":{"$ref":"#/$defs/D/properties/x"}},"$defs":{"D":{"type":"object","properties":{"x":{"type":"object","properties":{"y":{"$ref":"#/$defs/D"}}}}}}}"##;
        check_output(&raw(schema));
    }

    #[test]
    fn references_neither_explode_nor_end_the_stack() {
        for wrap in [
            r#"{"items":@}"#,
            r#"{"allOf":[@,@]}"#,
            r#"{"anyOf":[@,@]}"#,
            r#"{"properties":{"a":{"allOf":[@]},"b":{"allOf":[@]}}}"#,
        ] {
            for backwards in [false, true] {
                let definition = |n: usize| {
                    let reference = format!(r##"{{"$ref":"#/$defs/D{}"}}"##, n + 1);
                    format!(r#""D{n}":{}"#, wrap.replace('@', &reference))
                };
                let mut definitions: Vec<String> = (0..5_000).map(definition).collect();
                if backwards {
                    definitions.reverse();
                }
                let schema = format!(r##"{{"$defs":{{{}}},"allOf":[{{"$ref":"#/$defs/D0"}}]}}"##, definitions.join(","));
                assert!(output(&raw(&schema)).unwrap().get().len() < 4 * COPY_LIMIT);
                assert!(tool_input(&raw(&schema)).unwrap().get().len() < 4 * COPY_LIMIT);
                allows_strict(&raw(&schema));
            }
        }
    }

    #[test]
    fn what_is_no_schema_is_an_error() {
        for schema in ["5", r#""object""#, "[]", r#"{"minimum":1e999}"#] {
            assert!(tool_input(&raw(schema)).is_err(), "{schema}");
            assert!(output(&raw(schema)).is_err(), "{schema}");
        }
        let error = output(&raw(r#"{"properties":{"a":{"anyOf":[5]}}}"#)).unwrap_err();
        let expected = "the schema must have an object or a boolean at #/properties/a/anyOf/0, not a number";
        assert_eq!(error.to_string(), expected);
    }

    fn open_or_limited(schema: &Value) -> Option<&Value> {
        let open = |schema: &&Value| {
            let object = schema.as_object();
            object.is_some_and(|schema| {
                is_object(schema) && schema.get("additionalProperties") != Some(&Value::Bool(false))
                    || schema.iter().any(|(key, value)| is_limit(key, value) || matches!(key.as_str(), "oneOf" | "allOf"))
            })
        };
        Some(schema).filter(open).or_else(|| schema_ref::children(schema.as_object()?).into_iter().find_map(open_or_limited))
    }

    fn check_output(schema: &RawValue) {
        let Ok(once) = output(schema) else { return };
        let closed: Value = serde_json::from_str(once.get()).unwrap();
        assert_eq!(open_or_limited(&closed), None, "{schema}");
        assert!(Recursion::of(&closed).is_empty(), "{schema} -> {once}");
        assert_eq!(output(&once).unwrap().get(), once.get(), "{schema}");
    }

    fn check_tool(schema: &RawValue) {
        let Ok(once) = tool_input(schema) else { return };
        let input: Value = serde_json::from_str(once.get()).unwrap();
        assert_eq!(input["type"], "object", "{schema}");
        assert!(UNIONS.iter().all(|union| input.get(union).is_none()), "{schema}");
        assert_eq!(tool_input(&once).unwrap().get(), once.get(), "{schema}");
        allows_strict(schema);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_schema_becomes_a_tools(schema in any_schema()) {
            check_tool(&raw(&schema.to_string()));
        }

        #[test]
        fn any_schema_becomes_an_outputs(schema in any_schema()) {
            check_output(&raw(&schema.to_string()));
        }
    }

    #[test]
    fn recorded_tools_pass() {
        for (path, schema) in recorded() {
            println!("{path}");
            let schema = raw(&schema);
            let input = tool_input(&schema).unwrap();
            assert!(
                input.get() == schema.get()
                    || !schema.get().starts_with(r#"{"type":"object""#)
                    || schema.get().contains("Of")
            );
            check_tool(&schema);
            assert!(output(&schema).is_ok());
            check_output(&schema);
        }
    }
}
