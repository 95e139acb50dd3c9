//! A client's Messages request: its shape, and which of its fields Vertex AI may see.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::GatewayError;
use crate::wire::raw::RawObject;
use crate::wire::shape::{self, AnyObject, Content, Tag};
use crate::wire::{ClientRequest, Mode};

/// Top-level fields that pass to Vertex AI, which refuses unknown ones. Never what steers or prices the upstream call:
/// service tier, speed, containers, MCP servers. Sorted, so that a missing one is easy to see.
pub const FORWARDED: &[&str] = &[
    "cache_control",
    "context_management",
    "max_tokens",
    "messages",
    "metadata",
    "output_config",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// Fields that the gateway itself acts on, so that leaving them out loses nothing. `anthropic_beta` and `anthropic_version`
/// are the body's forms of the headers.
pub const CONSUMED: &[&str] = &["anthropic_beta", "anthropic_version", "model", "stream"];

/// Claude Code's first system block: its version changes with every request and spoils prompt caches, and it says nothing to
/// any model.
pub const BILLING_HEADER: &str = "x-anthropic-billing-header:";

#[derive(Deserialize)]
struct Shape {
    model: String,
    max_tokens: Option<u64>,
    messages: Vec<Message>,
    #[serde(rename = "system")]
    _system: Option<Content>,
    stream: Option<bool>,
    #[serde(rename = "temperature")]
    _temperature: Option<f64>,
    #[serde(rename = "top_p")]
    _top_p: Option<f64>,
    #[serde(rename = "top_k")]
    _top_k: Option<u64>,
    stop_sequences: Option<Vec<Tag>>,
    tools: Option<Vec<AnyObject>>,
    #[serde(rename = "thinking")]
    _thinking: Option<AnyObject>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "role")]
    _role: Role,
    #[serde(rename = "content")]
    _content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
    System,
}

/// Reads a request body; every fault is a 400 that names the path.
pub fn open(body: &str) -> Result<ClientRequest<'_>, GatewayError> {
    let shape: Shape = shape::parse(body)?;
    let Some(limit) = shape.max_tokens else {
        return Err(GatewayError::invalid("max_tokens", "max_tokens: this field is required."));
    };
    let mode = if shape.stream == Some(true) { Mode::Streaming } else { Mode::Whole };
    checked(shape, (body, mode), Some(("max_tokens", limit)))
}

/// Reads a body for `count_tokens`, which needs no output limit.
pub fn open_count(body: &str) -> Result<ClientRequest<'_>, GatewayError> {
    let shape: Shape = shape::parse(body)?;
    checked(shape, (body, Mode::Count), None)
}

fn checked<'a>(
    shape: Shape,
    (body, mode): (&'a str, Mode),
    max_tokens: Option<(&'static str, u64)>,
) -> Result<ClientRequest<'a>, GatewayError> {
    if shape.messages.is_empty() {
        return Err(GatewayError::invalid("messages", "messages: at least one message is required."));
    }
    if shape.max_tokens == Some(0) {
        return Err(GatewayError::invalid("max_tokens", "max_tokens: must be at least 1."));
    }
    shape::check_length(shape.messages.len(), shape::MAX_MESSAGES, "messages")?;
    shape::check_length(shape.tools.as_ref().map_or(0, Vec::len), shape::MAX_TOOLS, "tools")?;
    shape::check_length(shape.stop_sequences.as_ref().map_or(0, Vec::len), shape::MAX_STOPS, "stop_sequences")?;
    Ok(ClientRequest {
        text: body,
        fields: RawObject::parse(body).map_err(|error| GatewayError::internal(error.to_string()))?,
        model: shape.model,
        mode,
        max_tokens,
        include_usage: true,
    })
}

/// Whether a system block is the billing block.
pub fn is_billing_block(block: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Block {
        text: Option<String>,
    }
    serde_json::from_str::<Block>(block.get())
        .is_ok_and(|block| block.text.is_some_and(|text| text.starts_with(BILLING_HEADER)))
}

/// Whether a declared tool runs at the client, or costs nothing but tokens. Server tools have prices of their own, or are not
/// on Vertex at all.
pub fn is_client_tool(tool: &RawValue) -> bool {
    const TYPED: [&str; 5] = ["bash_", "computer_", "memory_", "text_editor_", "tool_search_tool_"];
    #[derive(Deserialize)]
    struct Tag {
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    match serde_json::from_str::<Tag>(tool.get()) {
        Ok(Tag { kind: None }) => true,
        Ok(Tag { kind: Some(kind) }) => kind == "custom" || TYPED.iter().any(|prefix| kind.starts_with(prefix)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_shapes_name_their_path() {
        let with =
            |rest: &str| format!(r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"hi"}}]{rest}}}"#);
        for (body, param) in [
            (r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#.to_owned(), "max_tokens"),
            (r#"{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"hi"}]}"#.to_owned(), "max_tokens"),
            (r#"{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"hi"}]}"#.to_owned(), "messages[0].role"),
            (r#"{"model":"m","max_tokens":1,"messages":[{"role":"user"}]}"#.to_owned(), "messages[0].content"),
            (with(r#","system":5"#), "system"),
            (with(r#","tools":{}"#), "tools"),
            (with(r#","stop_sequences":[5]"#), "stop_sequences[0]"),
            (with(r#","thinking":true"#), "thinking"),
        ] {
            assert_eq!(open(&body).unwrap_err().param(), Some(param), "{body}");
        }
    }

    #[test]
    fn the_list_of_forwarded_fields_is_sorted() {
        assert!(FORWARDED.is_sorted());
    }

    #[test]
    fn server_tools_are_told_from_client_tools() {
        let is_client = |tool: &str| is_client_tool(&RawValue::from_string(tool.to_owned()).unwrap());
        assert!(is_client(r#"{"name":"f","input_schema":{}}"#));
        assert!(is_client(r#"{"type":"custom","name":"f"}"#));
        assert!(is_client(r#"{"type":"bash_20250124","name":"bash"}"#));
        assert!(!is_client(r#"{"type":"web_search_20250305","name":"web_search"}"#));
        assert!(!is_client(r#"{"type":"code_execution_20250825","name":"x"}"#));
    }
}
