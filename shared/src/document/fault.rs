//! Errors about a request body. They name the path, the expected kind of value and the kind that was sent. They never
//! contain the value itself.

use std::fmt;

use super::path;
use super::value::{Kind, Value};
use crate::error::{ErrorKind, GatewayError};
use crate::reason::Reason;

const WRONG: &str = "a value that is not accepted";
const BEYOND: &str = "more entries than a limit allows";

/// A value of the wrong kind.
pub(super) fn unexpected(value: Value<'_>, expected: &str) -> GatewayError {
    let came = came(value);
    at(value, format_args!("expected {expected}, got {came}"))
        .with_cause(Reason::words(&["a value of the wrong kind:", came]))
}

/// The error for a value. `reason` says what is wrong with it.
pub(super) fn at(value: Value<'_>, reason: fmt::Arguments<'_>) -> GatewayError {
    let path = value.path();
    if path.is_empty() {
        return GatewayError::new(ErrorKind::InvalidRequest, format!("The body is invalid: {reason}.")).with_cause(WRONG);
    }
    GatewayError::invalid(path.clone(), format!("{path}: {reason}.")).with_cause(WRONG)
}

/// A missing field.
pub(super) fn missing(object: Value<'_>, name: &str) -> GatewayError {
    let path = field(object, name);
    GatewayError::invalid(path.clone(), format!("{path}: this field is required.")).with_cause("a required field is missing")
}

/// The path of a field of an object. The field need not exist.
pub(super) fn field(object: Value<'_>, name: &str) -> String {
    let (path, name) = (object.path(), path::shown(name));
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn came(value: Value<'_>) -> &'static str {
    match value.kind() {
        Kind::Null => "null",
        Kind::Flag => "true or false",
        Kind::Number => "a number",
        Kind::Text => "a string",
        Kind::List => "a list",
        Kind::Object => "an object",
    }
}

/// A syntax error with its position. There is no path to name.
pub(super) fn syntax(text: &str, offset: usize) -> GatewayError {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
    let column = before.chars().rev().take_while(|c| *c != '\n').count().saturating_add(1);
    let message = format!("The body is not valid JSON: line {line} column {column}.");
    GatewayError::new(ErrorKind::InvalidRequest, message).with_code("invalid_json").with_cause("the body is not valid JSON")
}

pub(super) fn not_an_object() -> GatewayError {
    GatewayError::new(ErrorKind::InvalidRequest, "The body must be a JSON object.")
}

pub(super) fn too_deep(most: usize) -> GatewayError {
    GatewayError::new(ErrorKind::InvalidRequest, format!("The body nests deeper than {most} levels."))
        .with_cause("the body nests too deep")
}

/// An exceeded limit of the container at an offset. The text is checked only up to there.
pub(super) fn beyond(text: &str, start: usize, reason: fmt::Arguments<'_>) -> GatewayError {
    let path = path_in_prefix(text, start);
    if path.is_empty() {
        return GatewayError::new(ErrorKind::InvalidRequest, format!("The body: {reason}.")).with_cause(BEYOND);
    }
    GatewayError::invalid(path.clone(), format!("{path}: {reason}.")).with_cause(BEYOND)
}

/// A field that occurs twice in the object at an offset.
pub(super) fn doubled(text: &str, start: usize, name: &str) -> GatewayError {
    let (path, name) = (path_in_prefix(text, start), path::shown(name));
    let path = if path.is_empty() { name } else { format!("{path}.{name}") };
    GatewayError::invalid(path.clone(), format!("{path}: this field occurs twice."))
        .with_code("duplicate_field")
        .with_cause("a field occurs twice")
}

/// The path of a container, found in the valid text before it.
fn path_in_prefix(text: &str, start: usize) -> String {
    path::of_container(text.get(..start).unwrap_or_default())
}
