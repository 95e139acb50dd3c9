//! JSON Schemas for Gemini: light cleaning for the fields that accept JSON Schema, and the `OpenAPI` subset for those that
//! do not.
//!
//! Only keywords are changed. Keys inside `properties` are names, so a property may be called `const`, `type` or `$ref`.
//! Never pass a whole request: tool arguments named like keywords would be removed.
//!
//! What is lost: keywords that Gemini's subset lacks are dropped (`not`, `if`, `patternProperties`, `multipleOf` ...) or
//! move to the description (`format`, numbers in `enum`). Recursion, unknown references, and references beyond the limits of
//! depth and size end in an object of unknown content. The `OpenAPI` subset cannot express "anything": a schema without any
//! type becomes a string.

mod openapi;

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Number, Value};

pub use crate::wire::schema_ref::SchemaError;
use crate::wire::schema_ref::{self, Place, Room, Schema, cut, name_of, resolve};
use crate::wire::{claude_schema, schema_draft};
use openapi::Converter;

/// Keywords that have no meaning for Gemini, or that inlining makes unnecessary.
const DROPPED: [&str; 14] = [
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "definitions",
    "discriminator",
    "examples",
];
/// Keywords for which a boolean is a flag that Gemini knows, not a schema.
const FLAGS: [&str; 4] = ["additionalItems", "additionalProperties", "unevaluatedItems", "unevaluatedProperties"];
/// Depth of schemas below which references are cut, so that a chain of references exhausts neither the stack nor the reader.
const DEPTH_LIMIT: usize = 24;

/// The schema for `responseJsonSchema`: standard JSON Schema without references, `const`, exclusive limits, boolean schemas
/// and annotations that Gemini rejects. A schema that already conforms is returned byte for byte.
pub fn json_schema(schema: &RawValue) -> Result<Box<RawValue>, SchemaError> {
    written(schema, &clean(schema)?)
}

/// The schema for `responseSchema`: the subset of `OpenAPI` 3.0 in which unknown keywords are rejected. Returns `None` for
/// an object without properties: then the field must be left out.
pub fn openapi(schema: &RawValue) -> Result<Option<Box<RawValue>>, SchemaError> {
    openapi_of(clean(schema)?.root)
}

/// The schema of a tool's input. Its root is an object (`schema should be of type OBJECT`: spring-projects/spring-ai#1373,
/// diegosouzapw/OmniRoute#3360; Google's reference of `FunctionDeclaration`).
#[derive(Debug)]
pub struct ToolInput<'s> {
    schema: Cow<'s, RawValue>,
    cleaned: Cleaned,
}

impl<'s> ToolInput<'s> {
    /// Reads a tool's schema.
    pub fn of(schema: &'s RawValue) -> Result<Self, SchemaError> {
        let cleaned = clean(schema)?;
        if cleaned.root.get("type").is_some_and(|kind| kind == "object") {
            return Ok(Self { schema: Cow::Borrowed(schema), cleaned });
        }
        let schema = claude_schema::tool_input(schema)?;
        let cleaned = clean(&schema)?;
        Ok(Self { schema: Cow::Owned(schema), cleaned })
    }

    /// The schema for `parametersJsonSchema`, as [`json_schema`] writes it. Returns `None` without properties: then the
    /// field is left out.
    pub fn json_schema(self) -> Result<Option<Box<RawValue>>, SchemaError> {
        let root = &self.cleaned.root;
        let has_some = root.get("properties").and_then(Value::as_object).is_some_and(|some| !some.is_empty());
        if !has_some && is_empty(&subset(root.clone())) {
            return Ok(None);
        }
        written(&self.schema, &self.cleaned).map(Some)
    }

    /// The schema for `parameters`, as [`openapi`] writes it. Returns `None` without properties.
    pub fn openapi(self) -> Result<Option<Box<RawValue>>, SchemaError> {
        openapi_of(self.cleaned.root)
    }
}

fn written(schema: &RawValue, cleaned: &Cleaned) -> Result<Box<RawValue>, SchemaError> {
    if cleaned.is_same { Ok(schema.to_owned()) } else { schema_ref::write(&cleaned.root) }
}

fn openapi_of(cleaned: Schema) -> Result<Option<Box<RawValue>>, SchemaError> {
    let subset = subset(cleaned);
    if is_empty(&subset) { Ok(None) } else { schema_ref::write(&subset).map(Some) }
}

fn subset(cleaned: Schema) -> Schema {
    Converter::new().schema(cleaned, "object")
}

fn is_empty(subset: &Schema) -> bool {
    subset.get("type").is_some_and(|kind| kind == "object") && !subset.contains_key("properties")
}

/// A schema without what Gemini rejects.
#[derive(Debug)]
struct Cleaned {
    root: Schema,
    /// Whether nothing changed.
    is_same: bool,
}

fn clean(schema: &RawValue) -> Result<Cleaned, SchemaError> {
    let clean = |root: &Value| Cleaner { root, active: Vec::new(), room: Room::new() }.schema(root);
    let (parsed, is_repaired) = schema_draft::repaired(schema, |document| clean(&document).map(drop))?;
    let root = clean(&parsed)?.unwrap_or_default();
    let is_same = !is_repaired && parsed.as_object() == Some(&root);
    Ok(Cleaned { root, is_same })
}

/// Makes the schema self-contained, and drops what Gemini rejects.
struct Cleaner<'a> {
    root: &'a Value,
    /// The schemas that the walk is inside: a reference to one of them is a recursion.
    active: Vec<&'a Schema>,
    /// Remaining budget for replacing references.
    room: Room,
}

impl<'a> Cleaner<'a> {
    /// Returns `None` for the schema `false`, which nothing matches.
    fn schema(&mut self, value: &'a Value) -> Result<Option<Schema>, SchemaError> {
        match value {
            Value::Object(schema) => self.object(schema).map(Some),
            Value::Bool(true) => Ok(Some(Schema::new())),
            Value::Bool(false) => Ok(None),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(SchemaError::kind("an object or a boolean", value))
            }
        }
    }

    fn object(&mut self, schema: &'a Schema) -> Result<Schema, SchemaError> {
        self.active.push(schema);
        let reference = ["$ref", "$dynamicRef", "$recursiveRef"].iter().find_map(|keyword| schema.get(*keyword));
        let mut cleaned = reference.map_or_else(|| Ok(Schema::new()), |reference| self.target(reference))?;
        for (key, value) in schema {
            let value = self.keyword(schema, key, value).map_err(|error| error.within(key))?;
            if let Some(value) = value {
                cleaned.insert(key.clone(), value);
            }
        }
        self.active.pop();
        Ok(inclusive(without_const(cleaned)))
    }

    /// The replacement of a reference.
    fn target(&mut self, reference: &Value) -> Result<Schema, SchemaError> {
        let reference = reference.as_str().unwrap_or_default();
        let target = match resolve(self.root, reference) {
            Some(Value::Object(target)) => target,
            Some(Value::Bool(_)) => return Ok(Schema::new()),
            _ => return Ok(cut(format!("Unknown structure: {}.", name_of(reference)))),
        };
        if self.active.iter().any(|active| std::ptr::eq(*active, target)) {
            return Ok(cut(format!("Recursive: the structure of {} again.", name_of(reference))));
        }
        if self.active.len() >= DEPTH_LIMIT || !self.room.take(target, 1) {
            return Ok(cut(format!("Shortened: the structure of {}.", name_of(reference))));
        }
        self.object(target)
    }

    fn keyword(&mut self, schema: &'a Schema, key: &str, value: &'a Value) -> Result<Option<Value>, SchemaError> {
        if DROPPED.contains(&key) {
            return Ok(None);
        }
        match (Place::of(key), value) {
            (Place::Plain, Value::Array(names)) if key == "required" => Ok(Some(without_impossible(schema, names))),
            (Place::Plain, _) => Ok(Some(value.clone())),
            (_, Value::Null) => Ok(None),
            (Place::One, Value::Bool(_)) if FLAGS.contains(&key) => Ok(Some(value.clone())),
            (Place::One, Value::Array(list)) if key == "items" => self.many(key, list),
            (Place::One, _) => Ok(self.schema(value)?.map(Value::Object)),
            (Place::Many, Value::Array(list)) => self.many(key, list),
            (Place::Many, _) => Err(SchemaError::kind("a list of schemas", value)),
            (Place::Named, Value::Object(named)) => self.named(key, named).map(Some),
            // An empty map, as PHP writes it.
            (Place::Named, Value::Array(list)) if list.is_empty() => Ok(Some(Value::Object(Schema::new()))),
            (Place::Named, _) => Err(SchemaError::kind("an object of schemas", value)),
        }
    }

    /// Drops alternatives that nothing matches. In a tuple each position counts.
    fn many(&mut self, key: &str, list: &'a [Value]) -> Result<Option<Value>, SchemaError> {
        let tuple = matches!(key, "items" | "prefixItems");
        let mut schemas = Vec::with_capacity(list.len());
        for (at, value) in list.iter().enumerate() {
            match self.schema(value).map_err(|error| error.within(&at.to_string()))? {
                Some(schema) => schemas.push(Value::Object(schema)),
                None if tuple => schemas.push(Value::Object(Schema::new())),
                None => {}
            }
        }
        Ok((!schemas.is_empty()).then_some(Value::Array(schemas)))
    }

    fn named(&mut self, key: &str, named: &'a Schema) -> Result<Value, SchemaError> {
        let mut schemas = Schema::new();
        for (name, value) in named {
            if key == "dependencies" && value.is_array() {
                schemas.insert(name.clone(), value.clone());
            } else if let Some(schema) = self.schema(value).map_err(|error| error.within(name))? {
                schemas.insert(name.clone(), Value::Object(schema));
            }
        }
        Ok(Value::Object(schemas))
    }
}

/// `required` without the properties whose schema is `false`, because they are dropped.
fn without_impossible(schema: &Schema, names: &[Value]) -> Value {
    let properties = schema.get("properties");
    let impossible = |name: &str| properties.and_then(|properties| properties.get(name)) == Some(&Value::Bool(false));
    names.iter().filter(|name| !name.as_str().is_some_and(impossible)).cloned().collect()
}

/// Converts `const` to an `enum` with one value and its type.
fn without_const(schema: Schema) -> Schema {
    let Some(only) = schema.get("const").cloned() else { return schema };
    let kind = kind_of(&only);
    let mut replaced = Schema::new();
    for (key, value) in schema {
        if matches!(key.as_str(), "const" | "enum") {
            replaced.insert("enum".to_owned(), Value::Array(vec![only.clone()]));
        } else {
            replaced.insert(key, value);
        }
    }
    replaced.entry("type").or_insert_with(|| Value::from(kind));
    replaced
}

/// Converts exclusive limits: to the next integer if only integers match, otherwise they are dropped.
fn inclusive(mut schema: Schema) -> Schema {
    let integer = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.contains(&Value::from("integer")) && !kinds.contains(&Value::from("number")),
        kind => kind.is_some_and(|kind| kind == "integer"),
    };
    for (exclusive, limit, step) in [("exclusiveMinimum", "minimum", 1_i8), ("exclusiveMaximum", "maximum", -1)] {
        let Some(bound) = schema.get(exclusive) else { continue };
        let own = schema.get(limit).and_then(Value::as_number);
        // Before draft 6 the keyword was a boolean next to the limit.
        let bound = if *bound == Value::Bool(true) { own } else { bound.as_number() };
        if let Some(next) = bound.filter(|_| integer).and_then(|bound| beyond(bound, step)) {
            let sign = f64::from(step);
            let tighter = |own: f64| next.as_f64().is_some_and(|next| next * sign > own * sign);
            if own.and_then(Number::as_f64).is_none_or(tighter) {
                schema.insert(limit.to_owned(), Value::Number(next));
            }
        }
        schema.retain(|key, _| key != exclusive);
    }
    schema
}

/// The nearest integer beyond a bound. An integer never equals a fractional bound.
fn beyond(bound: &Number, step: i8) -> Option<Number> {
    match (bound.as_i64(), bound.as_f64()) {
        (Some(bound), _) => bound.checked_add(i64::from(step)).map(Number::from),
        (None, Some(bound)) if bound.fract() == 0.0 => Number::from_f64(bound + f64::from(step)),
        (None, _) => Some(bound.clone()),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::schema_ref::tests::{any_schema, recorded};
    use crate::wire::schema_ref::{COPY_LIMIT, children};

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn cleaned(text: &str) -> String {
        json_schema(&raw(text)).unwrap().get().to_owned()
    }

    #[test]
    fn what_gemini_refuses_is_cleaned() {
        for (schema, expected) in [
            // Nothing to do: every byte stays the same.
            (r#"{ "type":"object", "additionalProperties":false }"#, r#"{ "type":"object", "additionalProperties":false }"#),
            (
                r#"{"$schema":"s","$id":"i","$comment":"c","examples":[1],"discriminator":{"propertyName":"t"},"title":"T"}"#,
                r#"{"title":"T"}"#,
            ),
            (r#"{"const":"x"}"#, r#"{"enum":["x"],"type":"string"}"#),
            (r#"{"type":"string","const":"x","enum":["x","y"]}"#, r#"{"type":"string","enum":["x"]}"#),
            (r#"{"const":null}"#, r#"{"enum":[null],"type":"null"}"#),
            (
                r#"{"minimum":-9007199254740991,"exclusiveMinimum":0,"type":"integer","maximum":9007199254740991}"#,
                r#"{"minimum":1,"type":"integer","maximum":9007199254740991}"#,
            ),
            (r#"{"type":"integer","exclusiveMaximum":10,"maximum":5}"#, r#"{"type":"integer","maximum":5}"#),
            (r#"{"type":"integer","exclusiveMaximum":10}"#, r#"{"type":"integer","maximum":9}"#),
            (r#"{"type":["integer","null"],"exclusiveMinimum":0}"#, r#"{"type":["integer","null"],"minimum":1}"#),
            (r#"{"type":"integer","exclusiveMinimum":0.5}"#, r#"{"type":"integer","minimum":0.5}"#),
            (r#"{"type":"integer","minimum":3,"exclusiveMinimum":true}"#, r#"{"type":"integer","minimum":4}"#),
            (r#"{"type":"integer","exclusiveMaximum":-9223372036854775808}"#, r#"{"type":"integer"}"#),
            (r#"{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}"#, r#"{"type":"number"}"#),
            ("true", "{}"),
            ("false", "{}"),
            (
                r#"{"properties":{"a":true,"b":false},"required":["a","b"],"items":false,"additionalProperties":true}"#,
                r#"{"properties":{"a":{}},"required":["a"],"additionalProperties":true}"#,
            ),
            (r#"{"anyOf":[true,false],"prefixItems":[false]}"#, r#"{"anyOf":[{}],"prefixItems":[{}]}"#),
            (r#"{"properties":[],"items":null,"anyOf":null}"#, "{}"),
            // Names are not keywords.
            (
                r#"{"properties":{"const":{"const":1},"$ref":{"type":"string"},"type":{},"$defs":{},"examples":{}}}"#,
                r#"{"properties":{"const":{"enum":[1],"type":"integer"},"$ref":{"type":"string"},"type":{},"$defs":{},"examples":{}}}"#,
            ),
            (r##"{"default":{"const":1,"$ref":"#"}}"##, r##"{"default":{"const":1,"$ref":"#"}}"##),
        ] {
            assert_eq!(cleaned(schema), expected, "{schema}");
        }
    }

    #[test]
    fn references_are_replaced_by_what_they_point_to() {
        for (schema, expected) in [
            (
                r##"{"$defs":{"A":{"type":"string","title":"t"}},"properties":{"z":{"$ref":"#/$defs/A","title":"own"},"a":{}}}"##,
                r#"{"properties":{"z":{"type":"string","title":"own"},"a":{}}}"#,
            ),
            (
                r##"{"definitions":{"A/b c":{"type":"null"}},"items":{"$ref":"#/definitions/A~1b%20c"}}"##,
                r#"{"items":{"type":"null"}}"#,
            ),
            (
                r##"{"properties":{"a":{"type":"string"},"b":{"$ref":"#/properties/a"}}}"##,
                r#"{"properties":{"a":{"type":"string"},"b":{"type":"string"}}}"#,
            ),
            (
                r##"{"properties":{"child":{"$ref":"#"}}}"##,
                r#"{"properties":{"child":{"type":"object","description":"Recursive: the structure of the whole again."}}}"#,
            ),
            (
                r##"{"$defs":{"Person":{"type":"object","properties":{"parent":{"anyOf":[{"$ref":"#/$defs/Person"},{"type":"null"}]}}}},"$ref":"#/$defs/Person"}"##,
                r#"{"type":"object","properties":{"parent":{"anyOf":[{"type":"object","description":"Recursive: the structure of Person again."},{"type":"null"}]}}}"#,
            ),
            (
                r##"{"items":{"$ref":"#/$defs/A","description":"own"},"$defs":{"A":{"$ref":"#/$defs/B"},"B":{"$ref":"#/$defs/A"}}}"##,
                r#"{"items":{"type":"object","description":"own"}}"#,
            ),
            (
                r#"{"items":{"$ref":"https://example.com/person.json"}}"#,
                r#"{"items":{"type":"object","description":"Unknown structure: person.json."}}"#,
            ),
            (
                r##"{"items":{"$ref":"#/$defs/None"}}"##,
                r#"{"items":{"type":"object","description":"Unknown structure: None."}}"#,
            ),
            (r#"{"items":{"$ref":5}}"#, r#"{"items":{}}"#),
        ] {
            assert_eq!(cleaned(schema), expected, "{schema}");
        }
    }

    #[test]
    fn references_neither_explode_nor_end_the_stack() {
        let doubling: Vec<String> = (0..60)
            .map(|n| {
                format!(
                    r##""D{n}":{{"properties":{{"l":{{"$ref":"#/$defs/D{0}"}},"r":{{"$ref":"#/$defs/D{0}"}}}}}}"##,
                    n + 1
                )
            })
            .collect();
        let doubling = format!(r##"{{"$defs":{{{}}},"$ref":"#/$defs/D0"}}"##, doubling.join(","));
        let chain: Vec<String> =
            (0..20_000).map(|n| format!(r##""D{n}":{{"items":{{"$ref":"#/$defs/D{}"}}}}"##, n + 1)).collect();
        let chain = format!(r##"{{"$defs":{{{}}},"$ref":"#/$defs/D0"}}"##, chain.join(","));
        let text = "x".repeat(100_000);
        let wide: Vec<String> = (0..5_000).map(|n| format!(r##""p{n}":{{"$ref":"#/$defs/T"}}"##)).collect();
        let wide = format!(r#"{{"$defs":{{"T":{{"description":"{text}"}}}},"properties":{{{}}}}}"#, wide.join(","));
        for schema in [doubling, chain, wide] {
            let cleaned = json_schema(&raw(&schema)).unwrap();
            assert!(cleaned.get().len() < 4 * COPY_LIMIT, "{}", cleaned.get().len());
            assert!(cleaned.get().contains("Shortened"));
            assert!(openapi(&raw(&schema)).unwrap().is_none_or(|schema| schema.get().len() < 4 * COPY_LIMIT));
        }
    }

    #[test]
    fn an_error_names_the_place_and_the_kind() {
        for (schema, expected) in [
            ("5", "the schema must be an object or a boolean, not a number"),
            ("null", "the schema must be an object or a boolean, not null"),
            (
                r#"{"properties":{"a/b":"string"}}"#,
                "the schema must have an object or a boolean at #/properties/a~1b, not a string",
            ),
            (r#"{"anyOf":{}}"#, "the schema must have a list of schemas at #/anyOf, not an object"),
            (r#"{"properties":[1]}"#, "the schema must have an object of schemas at #/properties, not a list"),
            (r#"{"anyOf":[{},1]}"#, "the schema must have an object or a boolean at #/anyOf/1, not a number"),
        ] {
            assert_eq!(json_schema(&raw(schema)).unwrap_err().to_string(), expected, "{schema}");
            assert_eq!(openapi(&raw(schema)).unwrap_err().to_string(), expected, "{schema}");
        }
        let error = json_schema(&raw(r#"{"minimum":1e999}"#)).unwrap_err();
        assert!(error.to_string().starts_with("the schema is not valid JSON: number out of range"), "{error}");
    }

    fn refused(schema: &Value) -> Option<String> {
        let schema = schema.as_object()?;
        let own = schema.keys().find(|key| {
            DROPPED.contains(&key.as_str()) || matches!(key.as_str(), "const" | "exclusiveMinimum" | "exclusiveMaximum")
        });
        own.cloned().or_else(|| children(schema).into_iter().find_map(refused))
    }

    fn unknown(schema: &Value) -> Option<String> {
        const KNOWN: [&str; 21] = [
            "type",
            "format",
            "description",
            "nullable",
            "default",
            "example",
            "enum",
            "items",
            "minItems",
            "maxItems",
            "properties",
            "required",
            "minProperties",
            "maxProperties",
            "propertyOrdering",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "pattern",
            "anyOf",
        ];
        let schema = schema.as_object().unwrap();
        if schema.contains_key("anyOf") {
            let other = schema.keys().find(|key| !matches!(key.as_str(), "anyOf" | "description" | "nullable"));
            return other.cloned().or_else(|| children(schema).into_iter().find_map(unknown));
        }
        let kind = schema["type"].as_str().unwrap();
        let wrong = schema.keys().find(|key| !KNOWN.contains(&key.as_str()));
        let missing = (kind == "array" && !schema.contains_key("items")).then(|| "items".to_owned());
        let texts = schema.get("enum").and_then(Value::as_array);
        let odd = texts.is_some_and(|texts| {
            kind != "string" || !texts.iter().all(|text| text.as_str().is_some_and(|text| !text.is_empty()))
        });
        let odd = odd.then(|| "enum".to_owned());
        wrong.cloned().or(missing).or(odd).or_else(|| children(schema).into_iter().find_map(unknown))
    }

    fn check(schema: &RawValue) {
        let Ok(once) = json_schema(schema) else {
            assert!(openapi(schema).is_err());
            return;
        };
        assert_eq!(refused(&serde_json::from_str(once.get()).unwrap()), None, "{schema}");
        assert_eq!(json_schema(&once).unwrap().get(), once.get(), "{schema}");
        if let Some(subset) = openapi(schema).unwrap() {
            assert_eq!(unknown(&serde_json::from_str(subset.get()).unwrap()), None, "{schema} -> {subset}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_schema_is_cleaned_once_and_for_all(schema in any_schema()) {
            check(&raw(&schema.to_string()));
        }
    }

    #[test]
    fn recorded_tools_are_cleaned() {
        for (path, schema) in recorded() {
            println!("{path}");
            assert!(json_schema(&raw(&schema)).is_ok());
            check(&raw(&schema));
        }
    }
}
