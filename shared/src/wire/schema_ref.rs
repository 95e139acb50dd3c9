//! JSON Schema helpers for all formats: where schemas are nested, local references, and merging two schemas. Each format's
//! `schema` file knows what its provider accepts.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

/// A schema that is an object.
pub(crate) type Schema = Map<String, Value>;

/// Bytes of text that may be copied to replace references or to spread a schema over branches.
pub(crate) const COPY_LIMIT: usize = 1 << 20;

/// The remaining budget for copies.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Room {
    /// A full budget.
    pub(crate) fn new() -> Self {
        Self(COPY_LIMIT)
    }

    /// Takes the size of copies of a schema from the budget. After the first refusal nothing more is copied, so that
    /// measuring never takes longer than copying.
    pub(crate) fn take(&mut self, schema: &Schema, copies: usize) -> bool {
        if self.0 == 0 {
            return false;
        }
        let left = self.0.checked_sub(weight_of(schema).saturating_mul(copies));
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Why a schema cannot be adapted. The text may be shown to the client.
#[derive(Debug)]
pub enum SchemaError {
    /// Not JSON, or a number that JSON readers cannot hold.
    Json(serde_json::Error),
    /// A JSON value of the wrong kind at this position.
    Kind {
        /// The position as a JSON pointer; empty for the schema itself.
        path: String,
        /// The expected kind.
        expected: &'static str,
        /// The actual kind.
        found: &'static str,
    },
    /// Larger than the model accepts.
    Size {
        /// What is counted.
        what: &'static str,
        /// The most that the model accepts.
        most: usize,
        /// How many the schema has.
        found: usize,
    },
}

impl SchemaError {
    /// A value of the wrong kind.
    pub(crate) fn kind(expected: &'static str, found: &Value) -> Self {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        Self::Kind { path: String::new(), expected, found }
    }

    /// The same error, one level further out.
    pub(crate) fn within(self, key: &str) -> Self {
        match self {
            Self::Kind { path, expected, found } => Self::Kind { path: format!("/{}{path}", escape(key)), expected, found },
            Self::Json(_) | Self::Size { .. } => self,
        }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the schema is not valid JSON: {error}"),
            Self::Kind { path, expected, found } if path.is_empty() => {
                write!(f, "the schema must be {expected}, not {found}")
            }
            Self::Size { what, most, found } => {
                write!(f, "the schema has {found} {what}, and the model accepts at most {most}. Use a smaller schema")
            }
            Self::Kind { path, expected, found } => write!(f, "the schema must have {expected} at #{path}, not {found}"),
        }
    }
}

impl std::error::Error for SchemaError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Kind { .. } | Self::Size { .. } => None,
        }
    }
}

/// Reads a schema.
pub(crate) fn parse(schema: &RawValue) -> Result<Value, SchemaError> {
    serde_json::from_str(schema.get()).map_err(SchemaError::Json)
}

/// Writes a schema.
pub(crate) fn write(schema: &Schema) -> Result<Box<RawValue>, SchemaError> {
    to_raw_value(schema).map_err(SchemaError::Json)
}

/// An instruction to answer with JSON of this schema, for models without structured output. The schema is written without
/// white space and escapes.
pub(crate) fn asked_in_words(schema: &RawValue) -> String {
    let schema = parse(schema).map_or_else(|_| schema.get().to_owned(), |schema| schema.to_string());
    format!("Respond with a single JSON object and nothing else. It must follow this JSON Schema: {schema}")
}

/// Whether a schema has dictionaries: objects whose property names the answer chooses and whose values follow a schema.
pub(crate) fn has_dictionary(schema: &RawValue) -> bool {
    parse(schema).is_ok_and(|schema| is_dictionary(&schema))
}

fn is_dictionary(schema: &Value) -> bool {
    let Value::Object(schema) = schema else { return false };
    schema.iter().any(|(keyword, value)| match (keyword.as_str(), Place::of(keyword), value) {
        ("additionalProperties" | "patternProperties" | "unevaluatedProperties", _, Value::Object(values)) => {
            !values.is_empty()
        }
        (_, Place::One | Place::Many, Value::Array(list)) => list.iter().any(is_dictionary),
        (_, Place::One, value) => is_dictionary(value),
        (_, Place::Named, Value::Object(named)) => named.values().any(is_dictionary),
        (_, Place::Many | Place::Named | Place::Plain, _) => false,
    })
}

/// What a keyword contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A schema.
    One,
    /// A list of schemas.
    Many,
    /// An object with names as keys and schemas as values.
    Named,
    /// No schema.
    Plain,
}

impl Place {
    /// What a keyword of a schema contains.
    pub(crate) fn of(keyword: &str) -> Self {
        match keyword {
            "additionalItems"
            | "additionalProperties"
            | "contains"
            | "contentSchema"
            | "else"
            | "if"
            | "items"
            | "not"
            | "propertyNames"
            | "then"
            | "unevaluatedItems"
            | "unevaluatedProperties" => Self::One,
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => Self::Many,
            "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties" | "properties" => {
                Self::Named
            }
            _ => Self::Plain,
        }
    }
}

/// The schemas directly inside a schema. Values of the wrong kind are skipped.
pub(crate) fn children(schema: &Schema) -> Vec<&Value> {
    named_children(schema).into_iter().map(|(_, child)| child).collect()
}

/// The same, each with the keyword that contains it.
pub(crate) fn named_children(schema: &Schema) -> Vec<(&str, &Value)> {
    let mut children: Vec<(&str, &Value)> = Vec::new();
    for (key, value) in schema {
        let of_key = |child| (key.as_str(), child);
        match (Place::of(key), value) {
            (Place::One | Place::Many, Value::Array(list)) => children.extend(list.iter().map(of_key)),
            (Place::One, Value::Object(_) | Value::Bool(_)) => children.push(of_key(value)),
            (Place::Named, Value::Object(named)) => children.extend(named.values().map(of_key)),
            (Place::One | Place::Many | Place::Named | Place::Plain, _) => {}
        }
    }
    children
}

/// The same, mutably.
pub(crate) fn children_mut(schema: &mut Schema) -> Vec<&mut Schema> {
    let mut children: Vec<&mut Value> = Vec::new();
    for (key, value) in schema {
        match (Place::of(key), value) {
            (Place::One | Place::Many, Value::Array(list)) => children.extend(list),
            (Place::Named, Value::Object(named)) => children.extend(named.values_mut()),
            (Place::One, value) => children.push(value),
            (Place::Many | Place::Named | Place::Plain, _) => {}
        }
    }
    children.into_iter().filter_map(Value::as_object_mut).collect()
}

/// The target of a local reference (`#`, `#/$defs/Name`, any JSON pointer); `None` for other references.
pub(crate) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    // Many generators do not escape the name.
    root.pointer(pointer).or_else(|| root.pointer(&percent_decoded(pointer)?))
}

/// The types that a schema names.
pub(crate) fn types(schema: &Schema) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(name) => name.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

/// The references inside of a schema, at any depth.
pub(crate) fn references(schema: &Value) -> BTreeSet<&str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![schema]);
    while let Some(value) = open.pop() {
        let Value::Object(schema) = value else { continue };
        found.extend(schema.get("$ref").and_then(Value::as_str));
        open.extend(children(schema));
    }
    found
}

/// Longest chain of references. A longer one counts as circular.
pub(crate) const HOPS: usize = 16;

/// A schema with its own reference replaced by the target, while `may_copy` allows it for a reference and its target. Keywords
/// next to the reference take precedence.
pub(crate) fn dereferenced(root: &Value, mut schema: Schema, mut may_copy: impl FnMut(&str, &Schema) -> bool) -> Schema {
    for _ in 0..HOPS {
        let Some(Value::String(reference)) = schema.get("$ref") else { break };
        let mut joined = match resolve(root, reference) {
            Some(Value::Object(target)) if may_copy(reference, target) => target.clone(),
            Some(Value::Bool(true)) => Schema::new(),
            _ => break,
        };
        schema.retain(|key, _| key != "$ref");
        joined.extend(schema);
        schema = joined;
    }
    schema
}

/// Replaces a reference at the root by its target. Returns whether it changed anything.
pub(crate) fn write_out_root(document: &mut Value) -> bool {
    let Some(root) = document.as_object().filter(|root| root.contains_key("$ref")).cloned() else { return false };
    // A target that is its own target has no content.
    let has_content = |reference: &str, target: &Schema| target.get("$ref").and_then(Value::as_str) != Some(reference);
    let written = Value::Object(dereferenced(document, root, has_content));
    let changed = written != *document;
    *document = written;
    changed
}

/// Whether a value has a type of JSON Schema.
pub(crate) fn is_of_type(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => {
            kind == "number" || kind == "integer" && number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

/// Appends limits that a schema can no longer express to its description.
pub(crate) fn say_limits(schema: &mut Schema, limits: &[String]) {
    if limits.is_empty() {
        return;
    }
    let own = schema.get("description").and_then(Value::as_str).map(|text| format!("{text}\n")).unwrap_or_default();
    schema.insert("description".to_owned(), Value::String(format!("{own}Limits: {}", limits.join(", "))));
}

/// The last segment of a reference, to tell a model what was there.
pub(crate) fn name_of(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    let name = percent_decoded(last).unwrap_or_else(|| last.to_owned()).replace("~1", "/").replace("~0", "~");
    if name == "#" { "the whole".to_owned() } else { name.chars().take(80).collect() }
}

/// An object of unknown content, with an explanation.
pub(crate) fn cut(description: String) -> Schema {
    let mut schema = Schema::new();
    schema.insert("type".to_owned(), Value::from("object"));
    schema.insert("description".to_owned(), Value::from(description));
    schema
}

/// Approximate size of a value as text, in bytes.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len().saturating_add(3),
        Value::Array(list) => list.iter().map(weight).fold(2, usize::saturating_add),
        Value::Object(map) => weight_of(map),
    }
}

/// Approximate size of a schema as text, in bytes.
fn weight_of(schema: &Schema) -> usize {
    schema.iter().fold(2, |sum, (key, value)| sum.saturating_add(key.len()).saturating_add(4).saturating_add(weight(value)))
}

/// Narrows a schema by a second one, as `allOf` does: properties and `required` are united; for other keywords the first
/// one's value stays.
pub(crate) fn merge(schema: &mut Schema, other: Schema) {
    for (key, value) in other {
        let Some(own) = schema.get_mut(&key) else {
            schema.insert(key, value);
            continue;
        };
        match (key.as_str(), own, value) {
            ("properties", Value::Object(own), Value::Object(named)) => merge_properties(own, named),
            ("items", Value::Object(own), Value::Object(items)) => merge(own, items),
            ("required", Value::Array(own), Value::Array(list)) => require(own, list),
            ("allOf", Value::Array(own), Value::Array(list)) => own.extend(list),
            _ => {}
        }
    }
}

/// Adds required properties, each once: the draft wants unique names, and Claude rejects a schema with repeated ones
/// (ComposioHQ/composio#2933).
fn require(own: &mut Vec<Value>, others: Vec<Value>) {
    let mut known: HashSet<String> = own.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    own.extend(others.into_iter().filter(|name| name.as_str().is_none_or(|name| known.insert(name.to_owned()))));
}

fn merge_properties(properties: &mut Schema, others: Schema) {
    for (name, value) in others {
        match (properties.get_mut(&name), value) {
            (Some(Value::Object(own)), Value::Object(other)) => merge(own, other),
            (Some(_), _) => {}
            (None, value) => {
                properties.insert(name, value);
            }
        }
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, after @ ..] if *first == b'%' => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    const KEYWORDS: &str = "$comment $defs $defs $ref additionalProperties allOf anyOf const default definitions description enum \
        exclusiveMaximum exclusiveMinimum format if items maximum minItems minimum not nullable oneOf pattern prefixItems \
        properties properties required title type type";
    const NAMES: &str = "a b const $ref type format anyOf";
    const KINDS: &str = r#""string" "object" "array" "integer" "number" "null""#;
    const TARGETS: &str =
        r##""#" "#/$defs/a" "#/$defs/b" "#/definitions/a" "#/properties/a" "#/anyOf/0" "#/allOf/1" "https://x.y/z""##;
    const PLAIN: &str = r#"null true false 0 1 -3 2.5 9007199254740991 -9223372036854775808 "" "a" "string" "object" "array"
        "integer" "number" "null" "date-time" [] ["a","b"] ["string","null"] ["integer","object"] ["a","",null,1] [1,2] [null]"#;

    fn word(words: &'static str) -> impl Strategy<Value = String> + Clone {
        prop::sample::select(words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn value(texts: &'static str) -> impl Strategy<Value = Value> + Clone {
        word(texts).prop_map(|text| serde_json::from_str(&text).unwrap())
    }

    fn of_one(keyword: &'static str) -> impl Fn(Value) -> Value {
        move |value| Value::Object(Schema::from_iter([(keyword.to_owned(), value)]))
    }

    /// Generates schemas that are mostly well-formed, with every keyword that an adapter handles.
    pub(crate) fn any_schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            8 => value(KINDS).prop_map(of_one("type")),
            8 => value(TARGETS).prop_map(of_one("$ref")),
            4 => value("{} true false"),
        ];
        leaf.prop_recursive(6, 96, 6, |inner| {
            let named = prop::collection::vec((word(NAMES), inner.clone()), 0..4);
            let named = named.prop_map(|members| Value::Object(members.into_iter().collect()));
            let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array);
            let plain = (value(PLAIN), value(KINDS), value(TARGETS));
            let member = (word(KEYWORDS), inner, list, named, plain, 0..100_u8);
            let member = member.prop_map(|(keyword, one, list, named, (plain, kind, target), odd)| {
                let value = match Place::of(&keyword) {
                    _ if odd == 0 => plain,
                    Place::One if odd < 10 && keyword == "items" => list,
                    Place::One => one,
                    Place::Many => list,
                    Place::Named => named,
                    Place::Plain if keyword == "$ref" => target,
                    Place::Plain if keyword == "type" && odd < 80 => kind,
                    Place::Plain => plain,
                };
                (keyword, value)
            });
            prop::collection::vec(member, 0..6).prop_map(|members| Value::Object(members.into_iter().collect()))
        })
    }

    /// The tool schemas of recorded requests, with the path of each request. Prints a note and returns nothing without
    /// recordings.
    pub(crate) fn recorded() -> Vec<(String, String)> {
        let neighbour = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
        let folder = std::env::var_os("GATEWAY_FIXTURES").map_or_else(neighbour, PathBuf::from).join("clients");
        let (mut schemas, mut folders) = (Vec::new(), vec![folder.clone()]);
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if !path.to_string_lossy().ends_with(".request.json") {
                    continue;
                }
                let body: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                let tools = body.get("body").unwrap_or(&body).get("tools").and_then(Value::as_array);
                for tool in tools.into_iter().flatten() {
                    let schema =
                        ["/function/parameters", "/input_schema", "/parameters"].iter().find_map(|at| tool.pointer(at));
                    schemas.extend(schema.map(|schema| (path.display().to_string(), schema.to_string())));
                }
            }
        }
        println!("{} recorded schemas in {}", schemas.len(), folder.display());
        if schemas.is_empty() {
            println!("skipped: there are no recordings");
        }
        schemas
    }

    #[test]
    fn references_are_json_pointers_with_escapes() {
        let root: Value = serde_json::from_str(
            r#"{"$defs":{"a/b":1,"a~b":2,"a b":3,"é":4,"50%":5,"a%20c":6},"anyOf":[{"x":7}],"$id":"i"}"#,
        )
        .unwrap();
        for (reference, found) in [
            ("#/$defs/a~1b", Some("1")),
            ("#/%24defs/a~0b", Some("2")),
            ("#/$defs/a%20b", Some("3")),
            ("#/$defs/a b", Some("3")),
            ("#/$defs/%C3%A9", Some("4")),
            ("#/$defs/50%", Some("5")),
            ("#/$defs/a%20c", Some("6")),
            ("#/anyOf/0/x", Some("7")),
            ("#/$defs/%ff", None),
            ("#/$defs/none", None),
            ("#anchor", None),
            ("i#/$defs/a", None),
            ("https://example.com/a.json", None),
            ("", None),
        ] {
            assert_eq!(resolve(&root, reference).map(ToString::to_string).as_deref(), found, "{reference}");
        }
        assert_eq!(resolve(&root, "#"), Some(&root));
    }

    #[test]
    fn an_error_names_the_place() {
        let error = SchemaError::kind("an object", &Value::Null).within("a/b").within("properties");
        assert_eq!(error.to_string(), "the schema must have an object at #/properties/a~1b, not null");
        assert_eq!(SchemaError::kind("an object", &Value::Null).to_string(), "the schema must be an object, not null");
    }
}
