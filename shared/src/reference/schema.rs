//! Describes the schemas of the OpenAPI document in Markdown, field by field.

use serde_json::Value;

use super::document::{Document, entries, members, text};

/// Where schemas with a name are.
const NAMED: &str = "#/components/schemas/";

/// A field of an object, in Markdown.
pub(super) struct Field {
    /// The path from the schema, such as `choices[].index`.
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) is_required: bool,
    pub(super) description: String,
}

/// The fields of an object, those of nested objects included.
pub(super) fn fields(document: &Document, schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    add_fields(document, schema, "", &mut fields);
    fields
}

fn add_fields(document: &Document, schema: &Value, prefix: &str, fields: &mut Vec<Field>) {
    for (name, property) in members(schema.get("properties")) {
        let path = format!("{prefix}{name}");
        let own = if is_named(property) { property } else { document.follow(property) };
        let nested = own.get("items").filter(|_| text(own, "type") == "array");
        let (inner, step) = nested.map_or((own, "."), |items| (items, "[]."));
        let is_nested = inner.get("properties").is_some();
        let kind = match (is_nested, nested) {
            (true, Some(_)) => "list of objects".to_owned(),
            (true, None) => "object".to_owned(),
            (false, _) => kind(document, own),
        };
        let described = if own.get("description").is_some() { own } else { document.follow(own) };
        let description = if is_named(own) { "" } else { text(described, "description") };
        fields.push(Field {
            name: path.clone(),
            kind,
            is_required: is_required(schema, name),
            description: description.to_owned(),
        });
        if is_nested {
            add_fields(document, inner, &format!("{path}{step}"), fields);
        }
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    entries(schema.get("required")).any(|required| required.as_str() == Some(name))
}

/// Whether a schema is the name of another one.
fn is_named(schema: &Value) -> bool {
    named(schema).is_some()
}

fn named(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(NAMED).filter(|name| !name.contains('/'))
}

/// What a value may be, in Markdown: `integer, 1 to 90`, `text or list of [ChatPart](#chatpart)`.
pub(super) fn kind(document: &Document, schema: &Value) -> String {
    if let Some(name) = named(schema) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    let schema = document.follow(schema);
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    if schema.get("enum").is_some() {
        return entries(schema.get("enum")).map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    for all in ["oneOf", "anyOf"] {
        if schema.get(all).is_some() && schema.get("properties").is_none() {
            let options: Vec<String> = entries(schema.get(all)).map(|option| kind(document, option)).collect();
            return options.join(" or ");
        }
    }
    if let Some(first) = entries(schema.get("allOf")).next() {
        return kind(document, first);
    }
    if schema.get("properties").is_some() {
        let inner = members(schema.get("properties")).map(|(name, own)| {
            let mark = if is_required(schema, name) { "" } else { ", optional" };
            format!("`{name}`: {}{mark}", kind(document, own))
        });
        return format!("object ({})", inner.collect::<Vec<_>>().join("; "));
    }
    plain(document, schema)
}

fn plain(document: &Document, schema: &Value) -> String {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => return "any".to_owned(),
    };
    let words = types.into_iter().map(|word| match word {
        "array" => match schema.get("items") {
            Some(items) => format!("list of {}", kind(document, items)),
            None => "list".to_owned(),
        },
        "null" => "`null`".to_owned(),
        other => other.to_owned(),
    });
    let mut said = words.collect::<Vec<_>>().join(" or ");
    for detail in [format(schema), range(schema)].into_iter().flatten() {
        said = format!("{said}, {detail}");
    }
    said
}

fn format(schema: &Value) -> Option<String> {
    let pattern = schema.get("pattern").and_then(Value::as_str).map(|pattern| format!("`{pattern}`"));
    schema.get("format").and_then(Value::as_str).map(str::to_owned).or(pattern)
}

/// The largest whole number that all readers of JSON know exactly (RFC 8259, section 6). It limits nothing that you would
/// send.
const LARGEST: u64 = (1 << 53) - 1;

fn range(schema: &Value) -> Option<String> {
    let exact = |number: &&Value| number.as_i64().is_none_or(|number| number.unsigned_abs() != LARGEST);
    match (schema.get("minimum").filter(exact), schema.get("maximum").filter(exact)) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        // Counts are never negative.
        (Some(least), None) => Some(format!("at least {least}")).filter(|_| least.as_u64() != Some(0)),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => None,
    }
}
