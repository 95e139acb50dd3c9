//! Reading and writing JSON bodies.

use serde::Serialize;
use serde_json::Value;

/// JSON text. Our own structs always serialise, hence no error to hand on.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The elements of an array field; none if it is absent or something else.
pub(super) fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// A string field.
pub(super) fn string<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}

/// The texts of a `content` that is either a string or a list of parts with a `text`.
pub(super) fn texts(content: Option<&Value>) -> Vec<&str> {
    match content {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| string(part, "text")).collect(),
        Some(_) | None => Vec::new(),
    }
}
