//! Tools and the choice between them, as Chat Completions clients declare them: nested, flat (as the Responses API has them), and
//! in the old form of `functions` and `function_call`.

use crate::chat::request::{CacheMark, JsonText, ToolChoice, ToolDefinition};
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::request::{cache_mark, optional_text, required_text, text_field};

/// Whether a declared tool runs at the client. Others run, and cost, at the provider, at prices we do not know.
pub fn is_client_tool(tool: Value<'_>) -> bool {
    match tool.get("type") {
        Some(kind) => kind.is("function") || kind.is("custom"),
        // Some clients leave the type of functions out.
        None => tool.get("function").is_some(),
    }
}

/// The name of a declared tool or function, in any of the forms.
pub fn name(tool: Value<'_>) -> Option<Value<'_>> {
    let nested = |place: &str| tool.at(&[place, "name"]);
    nested("function").or_else(|| nested("custom")).or_else(|| tool.get("name"))
}

/// A declared tool; `None` for one that runs at the provider.
pub(super) fn definition(tool: Value<'_>) -> Result<Option<ToolDefinition>, GatewayError> {
    let [kind, nested, custom, name, cache] = tool.fields(["type", "function", "custom", "name", "cache_control"])?;
    let (kind, cache) = (optional_text(kind)?.unwrap_or_default(), cache_mark(cache));
    match (kind.as_str(), nested, custom) {
        ("custom", _, Some(custom)) => {
            let input = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;
            let schema = Some(JsonText(input.to_owned()));
            Ok(Some(ToolDefinition { schema, ..function(custom, cache)? }))
        }
        (_, Some(nested), _) => function(nested, cache).map(Some),
        ("function", None, _) if name.is_some() => function(tool, cache).map(Some),
        // Server tools are dropped, and named, before this.
        (_, None, _) => Ok(None),
    }
}

/// A function as a tool.
pub(super) fn function(function: Value<'_>, cache: Option<CacheMark>) -> Result<ToolDefinition, GatewayError> {
    let [description, parameters, strict] = function.fields(["description", "parameters", "strict"])?;
    Ok(ToolDefinition {
        name: text_field(function, "name")?,
        description: optional_text(description)?,
        schema: parameters.map(Value::json),
        strict: strict.map_or(Ok(false), Value::flag)?,
        cache,
    })
}

/// Which tools may or must be called: a word, or an object that names a tool or lists some.
pub fn choice(choice: Value<'_>) -> Result<ToolChoice, GatewayError> {
    if let Some(word) = choice.as_text() {
        return Ok(match word.as_ref() {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        });
    }
    if choice.kind() != Kind::Object {
        return Err(choice.expected("none, auto, required or an object that names a tool"));
    }
    let [kind, function, custom, name, allowed] = choice.fields(["type", "function", "custom", "name", "allowed_tools"])?;
    if let Some(allowed) = allowed {
        return self::allowed(allowed);
    }
    let named = function.or(custom).map(|named| named.required("name")).transpose()?.or(name);
    // A tool that runs at the provider is named by its type.
    let typed =
        kind.filter(|kind| !["any", "auto", "custom", "function", "none", "required"].iter().any(|word| kind.is(word)));
    Ok(named.or(typed).map(required_text).transpose()?.map_or(ToolChoice::Auto, ToolChoice::Named))
}

fn allowed(allowed: Value<'_>) -> Result<ToolChoice, GatewayError> {
    let name = |tool: Value<'_>| tool.at(&["function", "name"]).or_else(|| tool.get("name")).map(required_text);
    let names = allowed.required("tools")?.list()?.filter_map(name).collect::<Result<_, _>>()?;
    Ok(ToolChoice::Allowed { names, required: allowed.get("mode").is_some_and(|mode| mode.is("required")) })
}
