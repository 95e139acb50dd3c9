//! The subset of JSON Schema that Claude's structured output accepts.

use serde_json::Value;

use super::grammar::may_be_beside;
use super::references::{leads_to_definition, shortened};
use super::{HOPS, Joiner, any_of, into_schema, is_limit, is_object, take};
use crate::wire::schema_ref::{Schema, SchemaError, is_of_type, merge, say_limits, types};

/// Converts a schema to the subset of structured output.
pub(super) struct Closer<'a> {
    joiner: Joiner<'a>,
    depth: usize,
}

impl<'a> Closer<'a> {
    /// A converter for one document.
    pub(super) fn new(root: &'a Value) -> Self {
        Self { joiner: Joiner::new(root), depth: 0 }
    }

    /// Converts the whole document. An empty document becomes a schema that accepts everything.
    pub(super) fn root(mut self) -> Result<Schema, SchemaError> {
        let root = self.joiner.root.clone();
        if let Value::Object(root) = root {
            let root = self.joiner.dereferenced(root);
            return self.object(root);
        }
        Ok(self.schema(root)?.unwrap_or_default())
    }

    /// Returns `None` for the schema `false`, which matches nothing.
    fn schema(&mut self, value: Value) -> Result<Option<Schema>, SchemaError> {
        match value {
            Value::Object(schema) => self.object(schema).map(Some),
            Value::Bool(true) => Ok(Some(Schema::new())),
            Value::Bool(false) => Ok(None),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(SchemaError::kind("an object or a boolean", &value))
            }
        }
    }

    fn object(&mut self, schema: Schema) -> Result<Schema, SchemaError> {
        self.depth = self.depth.saturating_add(1);
        let mut schema = untupled(self.joined(schema));
        say_null(&mut schema);
        fit_values(&mut schema);
        self.spread(&mut schema);
        let object = is_object(&schema);
        let (mut closed, mut limits) = (Schema::new(), Vec::new());
        for (key, value) in schema {
            if is_limit(&key, &value) {
                limits.extend((!value.is_null()).then(|| format!("{key} {value}")));
            } else if let Some(value) = self.keyword(&key, value).map_err(|error| error.within(&key))? {
                let key = if key == "oneOf" { "anyOf".to_owned() } else { key };
                closed.entry(key).or_insert(value);
            }
        }
        if object {
            closed = closed_object(closed);
            require_known(&mut closed);
        }
        say_limits(&mut closed, &limits);
        self.depth = self.depth.saturating_sub(1);
        Ok(closed)
    }

    /// Merges `allOf`, because closed objects cannot all hold at once, and replaces a reference that would change its
    /// meaning when schemas move.
    fn joined(&mut self, schema: Schema) -> Schema {
        let mut schema = self.settled(schema, leads_to_definition);
        loop {
            let parts = take(&mut schema, "allOf");
            if parts.is_empty() {
                return schema;
            }
            for part in parts.into_iter().filter_map(into_schema) {
                let part = self.settled(part, |_| false);
                merge(&mut schema, part);
            }
        }
    }

    /// Moves the keywords next to a union into its branches, except those that may stay there.
    fn spread(&mut self, schema: &mut Schema) {
        let is_list = |union: &&str| schema.get(*union).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        let Some(union) = ["anyOf", "oneOf"].into_iter().find(is_list) else { return };
        let outside: Schema = schema.clone().into_iter().filter(|(key, _)| key != union && !may_be_beside(key)).collect();
        if outside.is_empty() {
            return;
        }
        let branches = take(schema, union);
        if !self.joiner.room.take(&outside, branches.len()) {
            return;
        }
        schema.retain(|key, _| may_be_beside(key));
        let is_type_alone = outside.keys().all(|key| key == "type");
        let spread = |branch| match into_schema(branch) {
            Some(branch) if is_type_alone && branch.contains_key("$ref") => Value::Object(branch),
            Some(branch) => {
                let mut branch = self.settled(branch, |_| false);
                merge(&mut branch, outside.clone());
                Value::Object(branch)
            }
            None => Value::Bool(false),
        };
        let branches = branches.into_iter().map(spread).collect();
        schema.insert("anyOf".to_owned(), Value::Array(branches));
    }

    /// Replaces the schema's own reference, unless it may stay.
    fn settled(&mut self, mut schema: Schema, may_stay: fn(&str) -> bool) -> Schema {
        let stays = |schema: &Schema| schema.get("$ref").and_then(Value::as_str).is_none_or(may_stay);
        // Deep inside a schema nothing is copied any more, so that a chain of references cannot exhaust the stack.
        if !stays(&schema) && self.depth <= HOPS {
            schema = self.joiner.dereferenced(schema);
        }
        if stays(&schema) { schema } else { shortened(schema) }
    }

    /// Returns `None` for a dropped keyword.
    fn keyword(&mut self, key: &str, value: Value) -> Result<Option<Value>, SchemaError> {
        match (key, value) {
            (
                "$ref" | "const" | "default" | "description" | "enum" | "format" | "minItems" | "required" | "title"
                | "type",
                value,
            ) => Ok(Some(value)),
            ("$defs" | "anyOf" | "definitions" | "items" | "oneOf" | "properties", Value::Null) => Ok(None),
            ("$defs" | "definitions" | "properties", Value::Object(named)) => self.named(named).map(Some),
            ("$defs" | "definitions" | "properties", Value::Array(list)) if list.is_empty() => {
                Ok(Some(Value::Object(Schema::new())))
            }
            ("$defs" | "definitions" | "properties", value) => Err(SchemaError::kind("an object of schemas", &value)),
            ("anyOf" | "oneOf", Value::Array(list)) => self.many(list),
            ("anyOf" | "oneOf", value) => Err(SchemaError::kind("a list of schemas", &value)),
            ("items", value) => Ok(self.schema(value)?.map(Value::Object)),
            _ => Ok(None),
        }
    }

    fn many(&mut self, list: Vec<Value>) -> Result<Option<Value>, SchemaError> {
        let mut schemas = Vec::with_capacity(list.len());
        for (at, value) in list.into_iter().enumerate() {
            schemas.extend(self.schema(value).map_err(|error| error.within(&at.to_string()))?.map(Value::Object));
        }
        Ok((!schemas.is_empty()).then_some(Value::Array(schemas)))
    }

    fn named(&mut self, named: Schema) -> Result<Value, SchemaError> {
        let mut schemas = Schema::new();
        for (name, value) in named {
            if let Some(schema) = self.schema(value).map_err(|error| error.within(&name))? {
                schemas.insert(name, Value::Object(schema));
            }
        }
        Ok(Value::Object(schemas))
    }
}

/// Replaces OpenAPI's `nullable` by a type list with `null`, because a model that may not write null invents a value.
pub(crate) fn say_null(schema: &mut Schema) {
    if schema.get("nullable") != Some(&Value::Bool(true)) {
        return;
    }
    schema.retain(|key, _| key != "nullable");
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    let null = Value::from("null");
    match schema.get_mut("type") {
        Some(Value::Array(kinds)) if !kinds.contains(&null) => kinds.push(null),
        Some(kind @ Value::String(_)) if *kind != null => *kind = Value::Array(vec![kind.take(), null]),
        _ => {}
    }
}

/// Removes the values that the type excludes, a type that is a list next to them, and an `enum` without values.
fn fit_values(schema: &mut Schema) {
    if !schema.contains_key("enum") && !schema.contains_key("const") {
        return;
    }
    let kinds: Vec<String> = match schema.get("type") {
        Some(Value::String(_) | Value::Array(_)) => types(schema).into_iter().map(str::to_owned).collect(),
        _ if is_object(schema) => vec!["object".to_owned()],
        _ => return drop_empty_enum(schema),
    };
    let fits = |value: &Value| kinds.iter().any(|kind| is_of_type(value, kind));
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(fits);
    }
    drop_empty_enum(schema);
    let is_odd = schema.get("const").is_some_and(|value| !fits(value));
    let has_values = schema.contains_key("enum") || schema.contains_key("const");
    if has_values && (is_odd || kinds.len() > 1) {
        schema.retain(|key, _| key != "type");
    }
}

fn drop_empty_enum(schema: &mut Schema) {
    let is_empty = |key: &str, value: &Value| key == "enum" && value.as_array().is_none_or(Vec::is_empty);
    schema.retain(|key, value| !is_empty(key, value));
}

/// Converts a tuple to a list of its alternatives.
fn untupled(mut schema: Schema) -> Schema {
    let tuple = schema.get("items").is_some_and(Value::is_array);
    let mut places = take(&mut schema, if tuple { "items" } else { "prefixItems" });
    if places.is_empty() {
        return schema;
    }
    places.extend(schema.get_mut("items").filter(|rest| rest.is_object()).map(Value::take));
    places.dedup();
    schema.insert("items".to_owned(), any_of(places));
    schema
}

/// Requires only existing properties: a closed object can have no others.
fn require_known(schema: &mut Schema) {
    let names = take(schema, "required");
    let properties = schema.get("properties");
    let known = |name: &Value| name.as_str().is_some_and(|name| properties.and_then(|all| all.get(name)).is_some());
    let names: Vec<Value> = names.into_iter().filter(known).collect();
    if !names.is_empty() {
        schema.insert("required".to_owned(), Value::Array(names));
    }
}

/// Closes an object: it may have no other properties than those it names.
pub(super) fn closed_object(mut schema: Schema) -> Schema {
    schema.entry("type").or_insert_with(|| Value::from("object"));
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    schema
}
