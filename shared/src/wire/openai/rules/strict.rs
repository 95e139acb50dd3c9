//! Schemas that OpenAI accepts as strict (developers.openai.com, structured outputs): every object is closed and requires all its
//! properties.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::wire::claude_schema::output::say_null;
use crate::wire::schema_ref::{
    self, Room, Schema, children, children_mut, is_of_type, named_children, resolve, say_limits, types,
};

/// Keywords that OpenAI's strict schemas do not have (its guide to structured outputs; 567-labs/instructor#1074,
/// ai-dynamo/dynamo#15153, mastra-ai/mastra#23321, pydantic/pydantic-ai#7400). `default` is accepted: OpenAI's own Python
/// library sends it.
const NOT_STRICT: [&str; 20] = [
    "allOf",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "maxProperties",
    "minContains",
    "minProperties",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];
/// The formats of strings (`'uri' is not a valid format`: can1357/oh-my-pi#206, CherryHQ/cherry-studio#17633).
const FORMATS: [&str; 9] = ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];
/// Most levels of objects and lists inside each other (`11 levels of nesting exceeds limit of 10`), most properties (`6000
/// parameters exceeds limit of 5000`) and most values of all `enum` together.
const LEVELS: usize = 10;
const PROPERTIES: usize = 5_000;
const VALUES: usize = 1_000;

/// Whether OpenAI accepts a schema as strict.
pub(in crate::wire::openai) fn allows_strict(schema: &RawValue) -> bool {
    schema_ref::parse(schema).is_ok_and(|schema| is_accepted(&schema))
}

/// The schema in a form that is accepted as strict. A schema without such a form is returned byte for byte.
pub(super) fn strict_form(own: Box<RawValue>) -> Box<RawValue> {
    // Most tools have only open objects, and those have no strict form. A name may be spelled with escapes.
    let has = |part: &[u8]| memchr::memmem::find(own.get().as_bytes(), part).is_some();
    if !has(b"additionalProperties") && !has(br"\u") {
        return own;
    }
    let Ok(document) = schema_ref::parse(&own) else { return own };
    if !has_closed_object(&document) {
        return own;
    }
    let Value::Object(mut form) = document.clone() else { return own };
    Repair { document: &document, room: Room::new(), path: Vec::new() }.fit(&mut form);
    let form = Value::Object(form);
    let is_new = form != document && is_accepted(&form);
    form.as_object().filter(|_| is_new).and_then(|form| schema_ref::write(form).ok()).unwrap_or(own)
}

/// Whether any object of the document is closed.
fn has_closed_object(schema: &Value) -> bool {
    let Value::Object(schema) = schema else { return false };
    schema.get("additionalProperties") == Some(&Value::Bool(false)) || children(schema).into_iter().any(has_closed_object)
}

fn is_accepted(document: &Value) -> bool {
    let sizes = Sizes::of(document);
    let fits = sizes.levels <= LEVELS && sizes.properties <= PROPERTIES && sizes.values <= VALUES;
    fits && is_strict(document, document)
}

fn is_strict(schema: &Value, document: &Value) -> bool {
    // Neither `true` nor `{}` says what a value is.
    let Value::Object(schema) = schema else { return *schema != Value::Bool(true) };
    if NOT_STRICT.iter().any(|keyword| schema.contains_key(*keyword)) {
        return false;
    }
    let reference = schema.get("$ref").and_then(Value::as_str);
    if let Some(reference) = reference {
        let is_alone = schema.keys().all(|key| matches!(key.as_str(), "$ref" | "$defs" | "definitions" | "$schema"));
        return is_alone
            && resolve(document, reference).is_some()
            && children(schema).into_iter().all(|child| is_strict(child, document));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let named: HashSet<&str> = required.clone().filter_map(Value::as_str).collect();
    let is_known = |name: &Value| name.as_str().is_some_and(|name| properties.is_some_and(|all| all.contains_key(name)));
    let is_required = |name: &String| named.contains(name.as_str());
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let is_list = types(schema).contains(&"array");
    (schema.contains_key("type") || schema.contains_key("anyOf"))
        && (!is_object(schema) || is_closed && properties.is_some_and(|properties| properties.keys().all(is_required)))
        && required.all(is_known)
        && (!is_list || schema.contains_key("items"))
        && schema.get("format").and_then(Value::as_str).is_none_or(|format| FORMATS.contains(&format))
        && has_fitting_values(schema)
        && children(schema).into_iter().all(|child| is_strict(child, document))
}

fn is_object(schema: &Schema) -> bool {
    schema.contains_key("properties") || types(schema).contains(&"object")
}

fn has_fitting_values(schema: &Schema) -> bool {
    let kinds = types(schema);
    let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
    let mut values = values.into_iter();
    kinds.is_empty() || values.all(|value| kinds.iter().any(|kind| is_of_type(value, kind)))
}

/// What OpenAI counts in a strict schema.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    levels: usize,
    properties: usize,
    values: usize,
}

impl Sizes {
    fn of(document: &Value) -> Self {
        let (mut sizes, mut open) = (Self::default(), vec![(document, 0_usize)]);
        while let Some((value, level)) = open.pop() {
            let Value::Object(schema) = value else { continue };
            sizes.levels = sizes.levels.max(level);
            let number = |keyword: &str| schema.get(keyword).and_then(Value::as_object).map_or(0, Schema::len);
            sizes.properties = sizes.properties.saturating_add(number("properties"));
            let values = schema.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
            sizes.values = sizes.values.saturating_add(values);
            for (keyword, child) in named_children(schema) {
                let is_level = matches!(keyword, "properties" | "items");
                open.push((child, level.saturating_add(usize::from(is_level))));
            }
        }
        sizes
    }
}

/// Repairs a schema without a loss of meaning, except for formats, which become words.
struct Repair<'d> {
    document: &'d Value,
    /// Remaining budget for copies of definitions.
    room: Room,
    /// The references whose targets were copied around the present schema.
    path: Vec<String>,
}

impl Repair<'_> {
    fn fit(&mut self, schema: &mut Schema) {
        let written = self.write_out(schema);
        say_format(schema);
        say_null(schema);
        type_values(schema);
        // Without a value of its own it says nothing, and OpenAI's library removes it.
        schema.retain(|key, value| key != "default" || !value.is_null());
        if is_object(schema) {
            require_known(schema);
        }
        for child in children_mut(schema) {
            self.fit(child);
        }
        if written {
            self.path.pop();
        }
    }

    /// Replaces a reference next to other keywords by its target (`$ref cannot have keywords {'description'}`:
    /// langchain-ai/langchainjs#11382). Inside of that target, the other keywords are removed. Returns whether it copied.
    fn write_out(&mut self, schema: &mut Schema) -> bool {
        let Some(Value::String(reference)) = schema.get("$ref").cloned() else { return false };
        let may_stay = |key: &String| matches!(key.as_str(), "$ref" | "$defs" | "definitions" | "$schema");
        if schema.keys().all(may_stay) {
            return false;
        }
        let target = resolve(self.document, &reference).and_then(Value::as_object);
        let is_again = self.path.contains(&reference);
        let Some(target) = target.filter(|target| !is_again && self.room.take(target, 1)) else {
            schema.retain(|key, _| may_stay(key));
            return false;
        };
        schema.retain(|key, _| key != "$ref");
        for (key, value) in target {
            schema.entry(key.clone()).or_insert_with(|| value.clone());
        }
        self.path.push(reference);
        true
    }
}

/// Moves a format that OpenAI does not know into the description.
fn say_format(schema: &mut Schema) {
    let format = schema.get("format").and_then(Value::as_str).filter(|format| !FORMATS.contains(format));
    let Some(limit) = format.map(|format| format!("format {format}")) else { return };
    schema.retain(|key, _| key != "format");
    say_limits(schema, &[limit]);
}

/// Gives values their type (`schema must have a 'type' key`), and removes values that are of another type.
fn type_values(schema: &mut Schema) {
    if let Some(Value::Array(values)) = schema.get("enum") {
        let kinds: Vec<String> = types(schema).into_iter().map(str::to_owned).collect();
        let fits = |value: &&Value| kinds.is_empty() || kinds.iter().any(|kind| is_of_type(value, kind));
        let kept: Vec<Value> = values.iter().filter(fits).cloned().collect();
        if !kept.is_empty() {
            schema.insert("enum".to_owned(), Value::Array(kept));
        }
    }
    if ["type", "anyOf", "$ref"].iter().any(|keyword| schema.contains_key(*keyword)) {
        return;
    }
    let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
    let mut kinds: Vec<Value> = Vec::new();
    for kind in values.map(|value| Value::from(type_of(value))) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    match kinds.len() {
        0 => {}
        1 => schema.extend(kinds.pop().map(|kind| ("type".to_owned(), kind))),
        _ => schema.extend([("type".to_owned(), Value::Array(kinds))]),
    }
}

/// The draft's type of a value.
const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Lists the properties of an object, and requires only those (`Extra required key 'm' supplied`).
fn require_known(schema: &mut Schema) {
    schema.entry("properties").or_insert_with(|| Value::Object(Schema::new()));
    let Some(Value::Array(required)) = schema.get_mut("required") else { return };
    let mut required = std::mem::take(required);
    let properties = schema.get("properties").and_then(Value::as_object);
    required.retain(|name| name.as_str().is_some_and(|name| properties.is_some_and(|all| all.contains_key(name))));
    schema.insert("required".to_owned(), Value::Array(required));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(schema: &str) -> String {
        strict_form(RawValue::from_string(schema.to_owned()).unwrap()).get().to_owned()
    }

    /// A closed object with one required property.
    fn of(property: &str) -> String {
        format!(r#"{{"type":"object","properties":{{"a":{property}}},"required":["a"],"additionalProperties":false}}"#)
    }

    #[test]
    fn what_pydantic_and_zod_make_gets_a_strict_form() {
        for (own, expected) in [
            (r#"{"type":"string","format":"uri"}"#, r#"{"type":"string","description":"Limits: format uri"}"#),
            (r#"{"const":"a"}"#, r#"{"const":"a","type":"string"}"#),
            (r#"{"enum":["a",null]}"#, r#"{"enum":["a",null],"type":["string","null"]}"#),
            (r#"{"type":"string","enum":["a",1]}"#, r#"{"type":"string","enum":["a"]}"#),
            (
                r#"{"type":"object","required":["x"],"additionalProperties":false}"#,
                r#"{"type":"object","required":[],"additionalProperties":false,"properties":{}}"#,
            ),
        ] {
            assert_eq!(form(&of(own)), of(expected), "{own}");
        }
        let with = |inside: &str| {
            let object = of(inside);
            format!(r#"{},"$defs":{{"D":{{"type":"string"}}}}}}"#, object.trim_end_matches('}'))
        };
        assert_eq!(
            form(&with(r##"{"$ref":"#/$defs/D","description":"d"}"##)),
            with(r#"{"description":"d","type":"string"}"#)
        );
        let plain = with(r##"{"$ref":"#/$defs/D"}"##);
        assert_eq!(form(&plain), plain);
    }

    #[test]
    fn a_schema_without_a_strict_form_stays_as_it_is() {
        let deep = (0..11).fold(r#"{"type":"string"}"#.to_owned(), |inner, _| of(&inner));
        let wide: Vec<String> = (0..1_001).map(|value| value.to_string()).collect();
        for own in [
            r#"{"type":"object","properties":{"a":{"type":"string","format":"uri"}}}"#.to_owned(),
            of("{}"),
            of(r#"{"title":"Any"}"#),
            of(r#"{"type":["object","null"]}"#),
            of(r##"{"$ref":"#/$defs/none"}"##),
            of(r#"{"type":"array"}"#),
            of(&format!(r#"{{"type":"number","enum":[{}]}}"#, wide.join(","))),
            deep,
        ] {
            assert_eq!(form(&own), own);
            let own = RawValue::from_string(own).unwrap();
            assert!(!allows_strict(&own), "{own}");
        }
    }

    #[test]
    fn the_spelling_of_a_name_does_not_matter() {
        let own = of(r#"{"const":"a"}"#);
        let spelled = own.replace("additionalProperties", r"additional\u0050roperties");
        assert_eq!(form(&spelled), form(&own));
    }

    #[test]
    fn a_recursive_reference_is_written_out_once() {
        let own = r##"{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/N","description":"d"},{"type":"null"}]}},"required":["next"],"additionalProperties":false,"$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N","description":"e"}},"required":["next"],"additionalProperties":false}}}"##;
        let form = form(own);
        assert!(allows_strict(&RawValue::from_string(form.clone()).unwrap()), "{form}");
        assert!(form.len() < 2 * own.len(), "{form}");
    }
}
