//! The OpenAPI document, joined from its files.

use serde_json::{Map, Value};

/// The parts. Objects with the same name are joined.
const FILES: [&str; 12] = [
    include_str!("openapi/root.json"),
    include_str!("openapi/paths-inference.json"),
    include_str!("openapi/paths-account.json"),
    include_str!("openapi/paths-service.json"),
    include_str!("openapi/headers.json"),
    include_str!("openapi/errors.json"),
    include_str!("openapi/errors-messages.json"),
    include_str!("openapi/schemas-chat.json"),
    include_str!("openapi/schemas-messages.json"),
    include_str!("openapi/schemas-responses.json"),
    include_str!("openapi/schemas-account.json"),
    include_str!("openapi/schemas-errors.json"),
];
/// The files' own field: names for lists of headers, which `headers` may use in place of an object.
const GROUPS: &str = "x-header-groups";

/// An operation: a method at a path.
pub(super) struct Operation<'a> {
    pub(super) method: String,
    pub(super) path: &'a str,
    pub(super) value: &'a Value,
}

/// The document.
pub(super) struct Document(Value);

impl Document {
    /// Joins the files, and adds the version of the project.
    pub(super) fn join() -> Result<Self, serde_json::Error> {
        let mut whole = Map::new();
        for file in FILES {
            merge(&mut whole, serde_json::from_str(file)?);
        }
        let groups = whole.shift_remove(GROUPS).unwrap_or_default();
        if let Some(Value::Object(info)) = whole.get_mut("info") {
            info.insert("version".to_owned(), Value::from(env!("CARGO_PKG_VERSION")));
        }
        let mut whole = Value::Object(whole);
        write_headers(&mut whole, &groups);
        Ok(Self(whole))
    }

    /// The whole document.
    pub(super) fn root(&self) -> &Value {
        &self.0
    }

    /// What a value is, or what it refers to.
    pub(super) fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        target.and_then(|pointer| self.0.pointer(pointer)).unwrap_or(value)
    }

    /// The components of a kind, by name.
    pub(super) fn components(&self, kind: &str) -> impl Iterator<Item = (&String, &Value)> {
        members(self.0.get("components").and_then(|components| components.get(kind)))
    }

    /// All operations, in the order of the paths.
    pub(super) fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        members(self.0.get("paths")).flat_map(|(path, methods)| {
            members(Some(methods)).map(move |(method, value)| Operation { method: method.to_uppercase(), path, value })
        })
    }
}

/// The members of an object; none if there is no object.
pub(super) fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// The entries of a list; none if there is no list.
pub(super) fn entries(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// A text of an object; empty if there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn merge(whole: &mut Map<String, Value>, part: Map<String, Value>) {
    for (name, value) in part {
        match (whole.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            (_, value) => drop(whole.insert(name, value)),
        }
    }
}

/// Writes lists of headers out as objects.
fn write_headers(value: &mut Value, groups: &Value) {
    if let Some(members) = value.as_object_mut() {
        if let Some(Value::Array(names)) = members.get("headers") {
            let headers = names.iter().filter_map(Value::as_str).flat_map(|name| match groups.get(name) {
                Some(group) => entries(Some(group)).filter_map(Value::as_str).collect(),
                None => vec![name],
            });
            let headers =
                headers.map(|name| (name.to_owned(), reference(&format!("#/components/headers/{name}")))).collect();
            members.insert("headers".to_owned(), Value::Object(headers));
        }
        for member in members.values_mut() {
            write_headers(member, groups);
        }
    } else if let Some(list) = value.as_array_mut() {
        for entry in list {
            write_headers(entry, groups);
        }
    }
}

fn reference(target: &str) -> Value {
    Value::Object(Map::from_iter([("$ref".to_owned(), Value::from(target))]))
}
