//! Tools and tool choice, as Messages clients declare them.

use crate::chat::request::{JsonText, ToolChoice, ToolDefinition};
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::anthropic::typed_tools;
use crate::wire::member_types::{self, MemberType, MemberTypes};
use crate::wire::request::{cache_mark, check_mark, optional_text, quoted, set_flag, text_field};

/// Whether a declared tool runs at the client, or costs only tokens. Server tools have prices of their own, or do not exist
/// on Vertex.
pub fn is_client_tool(tool: Value<'_>) -> bool {
    const TYPED: [&str; 5] = ["bash_", "computer_", "memory_", "text_editor_", "tool_search_tool_"];
    match tool.get("type").map(Value::as_text) {
        None => true,
        // A toolset has no name, and its calls have members that no conversation holds.
        Some(Some(kind)) if kind.starts_with("computer_toolset_") => false,
        Some(Some(kind)) => kind == "custom" || TYPED.iter().any(|prefix| kind.starts_with(prefix)),
        Some(None) => false,
    }
}

/// Whether a declared tool searches the deferred tools, which only Claude does.
pub(super) fn is_search(tool: Value<'_>) -> bool {
    tool.get("type").and_then(Value::as_text).is_some_and(|kind| kind.starts_with("tool_search_tool_"))
}

/// The name of a declared tool.
pub fn name(tool: Value<'_>) -> Option<Value<'_>> {
    tool.get("name")
}

/// Reads a declared tool. A typed tool gets the schema of its type.
pub(super) fn definition(tool: Value<'_>) -> Result<ToolDefinition, GatewayError> {
    let [kind, description, schema, strict, cache] =
        tool.fields(["type", "description", "input_schema", "strict", "cache_control"])?;
    let typed = optional_text(kind)?.and_then(|kind| typed_tools::schema(&kind));
    Ok(ToolDefinition {
        name: text_field(tool, "name")?,
        description: optional_text(description)?,
        schema: schema.map(Value::json).or_else(|| typed.map(|schema| JsonText(schema.to_owned()))),
        strict: set_flag(strict)?,
        cache: cache_mark(cache),
    })
}

/// Types of the members of a client tool (API reference, tools).
const OPTIONAL: MemberTypes = &[
    ("type", MemberType::Text),
    ("description", MemberType::Text),
    ("input_schema", MemberType::Object),
    ("strict", MemberType::Flag),
    ("defer_loading", MemberType::Flag),
    ("eager_input_streaming", MemberType::Flag),
    ("input_examples", MemberType::List),
    ("allowed_callers", MemberType::List),
];

/// Checks the types of a tool's members.
pub(super) fn check(tool: Value<'_>) -> Result<(), GatewayError> {
    check_mark(tool)?;
    member_types::check(tool, OPTIONAL)
}

/// Checks a tool choice: one of Anthropic's forms, for a declared tool.
pub(super) fn check_choice(choice: Value<'_>, declared: &[Value<'_>]) -> Result<(), GatewayError> {
    let [kind, name] = choice.fields(["type", "name"])?;
    member_types::check(choice, &[("disable_parallel_tool_use", MemberType::Flag)])?;
    let kind = kind.ok_or_else(|| choice.missing("type"))?;
    match kind.text()?.as_ref() {
        "auto" | "any" | "none" => Ok(()),
        "tool" => {
            let name = name.ok_or_else(|| choice.missing("name"))?;
            let text = name.text()?;
            let is_declared = declared.iter().any(|tool| self::name(*tool).is_some_and(|known| known.is(&text)));
            if declared.is_empty() || is_declared {
                return Ok(());
            }
            Err(name.wrong(&format!("no tool {} is declared", quoted(&text))))
        }
        _ => Err(kind.wrong("use auto, any, tool or none")),
    }
}

/// Which tools may or must be called.
pub fn choice(choice: Value<'_>) -> Result<ToolChoice, GatewayError> {
    let [name] = choice.fields(["name"])?;
    Ok(match (text_field(choice, "type")?.as_str(), optional_text(name)?) {
        ("none", _) => ToolChoice::None,
        ("any", _) => ToolChoice::Required,
        ("tool", Some(name)) => ToolChoice::Named(name),
        _ => ToolChoice::Auto,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn server_tools_are_told_from_client_tools() {
        let is_client = |tool: &str| is_client_tool(Document::parse(tool.to_owned(), &[]).unwrap().root());
        assert!(is_client(r#"{"name":"f","input_schema":{}}"#));
        assert!(is_client(r#"{"type":"custom","name":"f"}"#));
        assert!(is_client(r#"{"type":"bash_20250124","name":"bash"}"#));
        assert!(!is_client(r#"{"type":"web_search_20250305","name":"web_search"}"#));
        assert!(!is_client(r#"{"type":"code_execution_20250825","name":"x"}"#));
    }
}
