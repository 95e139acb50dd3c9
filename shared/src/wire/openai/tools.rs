//! Tools and the choice between them, as Chat Completions clients declare them: nested, flat (as the Responses API has them), and
//! in the old form of `functions` and `function_call`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::request::{CacheMark, JsonText, ToolChoice, ToolDefinition};
use crate::wire::shape::CacheControl;

#[derive(Deserialize)]
pub(super) struct ToolIn {
    #[serde(rename = "type")]
    kind: Option<String>,
    function: Option<FunctionIn>,
    custom: Option<FunctionIn>,
    name: Option<String>,
    description: Option<String>,
    parameters: Option<Box<RawValue>>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
pub(super) struct FunctionIn {
    name: String,
    description: Option<String>,
    parameters: Option<Box<RawValue>>,
    strict: Option<bool>,
}

/// `"auto"`, or an object that names a tool or lists some.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Choice {
    Word(String),
    Object { function: Option<Named>, custom: Option<Named>, name: Option<String>, allowed_tools: Option<AllowedTools> },
}

#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
}

#[derive(Deserialize)]
pub(super) struct AllowedTools {
    mode: Option<String>,
    tools: Vec<AllowedTool>,
}

#[derive(Deserialize)]
pub(super) struct AllowedTool {
    function: Option<Named>,
    name: Option<String>,
}

/// A declared tool; `None` for one that runs at the provider.
pub(super) fn tool(tool: ToolIn) -> Option<ToolDefinition> {
    let cache = tool.cache_control.as_ref().map(CacheControl::mark);
    match (tool.kind.as_deref(), tool.function, tool.custom) {
        (Some("custom"), _, Some(custom)) => {
            let input = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;
            let schema = Some(JsonText(input.to_owned()));
            Some(ToolDefinition { schema, ..definition(custom, cache) })
        }
        (_, Some(function), _) => Some(definition(function, cache)),
        (Some("function"), None, _) => {
            let (description, parameters) = (tool.description, tool.parameters);
            Some(definition(FunctionIn { name: tool.name?, description, parameters, strict: None }, cache))
        }
        // Server tools are dropped, and named, before this.
        (_, None, _) => None,
    }
}

/// A function as a tool.
pub(super) fn definition(function: FunctionIn, cache: Option<CacheMark>) -> ToolDefinition {
    let FunctionIn { name, description, parameters, strict } = function;
    let schema = parameters.map(|schema| JsonText(schema.get().to_owned())).filter(|schema| schema.0 != "null");
    ToolDefinition { name, description, schema, strict: strict == Some(true), cache }
}

/// Which tools may or must be called.
pub(super) fn choice(choice: Choice) -> ToolChoice {
    match choice {
        Choice::Word(word) => match word.as_str() {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        },
        Choice::Object { allowed_tools: Some(allowed), .. } => {
            let name = |tool: AllowedTool| tool.function.map(|function| function.name).or(tool.name);
            let required = allowed.mode.as_deref() == Some("required");
            ToolChoice::Allowed { names: allowed.tools.into_iter().filter_map(name).collect(), required }
        }
        Choice::Object { function, custom, name, allowed_tools: None } => {
            let named = function.or(custom).map(|named| named.name).or(name);
            named.map_or(ToolChoice::Auto, ToolChoice::Named)
        }
    }
}
