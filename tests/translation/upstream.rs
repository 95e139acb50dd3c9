//! Helpers for the tables of this folder. They check the body that a request sends upstream, by JSON pointer, and the fields
//! that are named as dropped.

use gateway::wire::ClientFormat;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::send;
use serde_json::{Value, json};

/// Chat Completions.
pub const CHAT: ClientFormat = ClientFormat::ChatCompletions;
/// Messages.
pub const MESSAGES: ClientFormat = ClientFormat::Messages;
/// Responses.
pub const RESPONSES: ClientFormat = ClientFormat::Responses;

/// A picture of four dots.
pub const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==";
/// The beginning of a PDF.
pub const PDF: &str = "JVBERi0xLjQKJeLjz9MKMSAwIG9iago8PD4+CmVuZG9iago=";

/// The body that is sent to a model's first route, and the fields that are named as dropped.
pub fn sent(format: ClientFormat, model: &str, mut request: Value) -> (Value, Vec<String>) {
    let catalog = catalog().unwrap();
    let fields = request.as_object_mut().unwrap();
    fields.insert("model".to_owned(), json!(model));
    if format == MESSAGES {
        fields.entry("max_tokens").or_insert(json!(500));
    }
    let outbound = send(format, &request.to_string(), &catalog.resolve(model).unwrap());
    let outbound = outbound.unwrap_or_else(|error| panic!("{model}: {error:?}\n{request}"));
    (serde_json::from_slice(&outbound.body).unwrap(), outbound.dropped)
}

/// Checks the body that a request sends upstream, and the fields that are named as dropped. Each pointer must have its value.
/// A null means that there must be no value.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
pub fn check(format: ClientFormat, model: &str, request: &Value, expected: Value, dropped: &[&str]) {
    let (body, named) = sent(format, model, request.clone());
    for (pointer, value) in expected.as_object().unwrap() {
        let found = body.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, value, "{model} {pointer}\nof {body}\nfor {request}");
    }
    assert_eq!(named, dropped, "{model} for {request}\n{body}");
}

/// A user's message.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
pub fn user(content: Value) -> Value {
    json!({"role": "user", "content": content})
}

/// A tool of Chat Completions with one text parameter.
pub fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": schema()}})
}

/// A tool of Messages with one text parameter.
pub fn tool(name: &str) -> Value {
    json!({"name": name, "input_schema": schema()})
}

/// The schema of the parameters of both tools.
pub fn schema() -> Value {
    json!({"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]})
}
