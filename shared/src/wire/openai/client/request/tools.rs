//! Tools and tool choice, in all forms that Chat Completions clients use: nested, flat (as in the Responses API),
//! Anthropic's form, and the old `functions` and `function_call`.

use crate::chat::request::{CacheMark, JsonText, ToolChoice, ToolDefinition};
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::request::{cache_mark, check_word, optional_text, quoted, required_text, set_flag, text_field};

/// Whether a declared tool runs at the client. Other tools run at the provider, at prices that the catalogue does not have.
pub fn is_client_tool(tool: Value<'_>) -> bool {
    match tool.get("type") {
        Some(kind) => kind.is("function") || kind.is("custom"),
        // Some clients omit the type of functions, and Anthropic's form has none.
        None => ["function", "input_schema", "parameters"].iter().any(|place| tool.get(place).is_some()),
    }
}

/// The name of a declared tool or function, in any form.
pub fn name(tool: Value<'_>) -> Option<Value<'_>> {
    let nested = |place: &str| tool.at(&[place, "name"]);
    nested("function").or_else(|| nested("custom")).or_else(|| tool.get("name"))
}

/// Fails with a 400 for a tool of type `function` without a function.
pub(super) fn check_has_function(tool: Value<'_>) -> Result<(), GatewayError> {
    let is_function = tool.get("type").is_some_and(|kind| kind.is("function"));
    if is_function && tool.get("function").is_none() && tool.get("name").is_none() {
        return Err(tool.missing("function"));
    }
    Ok(())
}

/// Reads a declared tool; `None` if it runs at the provider.
pub(super) fn definition(tool: Value<'_>) -> Result<Option<ToolDefinition>, GatewayError> {
    let [kind, nested, custom, name, cache] = tool.fields(["type", "function", "custom", "name", "cache_control"])?;
    let (kind, cache) = (optional_text(kind)?.unwrap_or_default(), cache_mark(cache));
    match (kind.as_str(), nested, custom) {
        ("custom", _, Some(custom)) => {
            Ok(Some(ToolDefinition { schema: Some(JsonText(CUSTOM_INPUT.to_owned())), ..function(custom, cache)? }))
        }
        (_, Some(nested), _) => function(nested, cache).map(Some),
        ("custom", None, None) if is_flat_custom(tool) => {
            Ok(Some(ToolDefinition { schema: Some(JsonText(CUSTOM_INPUT.to_owned())), ..function(tool, cache)? }))
        }
        ("function" | "custom" | "", None, _) if name.is_some() => function(tool, cache).map(Some),
        // Server tools were dropped and named before.
        (_, None, _) => Ok(None),
    }
}

/// Whether it is a custom tool of the Responses API. Anthropic's custom tools are functions with a schema.
pub fn is_flat_custom(tool: Value<'_>) -> bool {
    let has = |name: &str| tool.get(name).is_some();
    tool.get("type").is_some_and(|kind| kind.is("custom"))
        && has("name")
        && !["custom", "function", "input_schema", "parameters"].iter().any(|name| has(name))
}

/// The schema of a custom tool's input. Other vendors do not support its grammar.
const CUSTOM_INPUT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// Reads a function as a tool. Its schema is `parameters` in OpenAI's form and `input_schema` in Anthropic's. A cache mark
/// in it belongs to the tool.
pub(super) fn function(function: Value<'_>, cache: Option<CacheMark>) -> Result<ToolDefinition, GatewayError> {
    let [description, parameters, input_schema, strict, own_cache] =
        function.fields(["description", "parameters", "input_schema", "strict", "cache_control"])?;
    Ok(ToolDefinition {
        name: text_field(function, "name")?,
        description: optional_text(description)?,
        schema: parameters.or(input_schema).map(Value::json),
        strict: set_flag(strict)?,
        cache: cache.or(cache_mark(own_cache)),
    })
}

/// The words for a tool choice, alone or as the type of an object, and their meanings.
const WORDS: [(&str, ToolChoice); 4] = [
    ("auto", ToolChoice::Auto),
    ("none", ToolChoice::None),
    ("required", ToolChoice::Required),
    ("any", ToolChoice::Required),
];

/// Reads which tools may or must be called: a word, or an object that names or lists tools. Anthropic's forms keep their
/// meaning.
pub fn choice(choice: Value<'_>) -> Result<ToolChoice, GatewayError> {
    let meant = |word: &str| WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, choice)| choice);
    if let Some(word) = choice.as_text() {
        return meant(&word).ok_or_else(|| choice.wrong("use none, auto, required or an object that names a tool"));
    }
    if choice.kind() != Kind::Object {
        return Err(choice.expected("none, auto, required or an object that names a tool"));
    }
    let [kind, function, custom, name, allowed] = choice.fields(["type", "function", "custom", "name", "allowed_tools"])?;
    if let Some(allowed) = allowed {
        return self::allowed(allowed);
    }
    if kind.is_some_and(|kind| kind.is("allowed_tools")) {
        // The Responses API has the list next to the type.
        return self::allowed(choice);
    }
    let named = function.or(custom).map(|named| named.required("name")).transpose()?.or(name);
    let kind_word = optional_text(kind)?.unwrap_or_default();
    match (named, meant(&kind_word)) {
        (Some(name), None) => required_text(name).map(ToolChoice::Named),
        (_, Some(choice)) => Ok(choice),
        (None, None) => match kind_word.as_str() {
            "" => Err(choice.missing("type")),
            "function" | "custom" => Err(choice.missing(&kind_word)),
            "tool" => Err(choice.missing("name")),
            // A tool that runs at the provider is named by its type.
            _ => Ok(ToolChoice::Named(kind_word)),
        },
    }
}

/// Checks a tool choice against the declared tools. A type that is neither a kind of choice nor the type of a declared tool
/// is a client error.
pub(super) fn check_choice(choice: Value<'_>, declared: &[Value<'_>]) -> Result<(), GatewayError> {
    const KINDS: [&str; 8] = ["allowed_tools", "any", "auto", "custom", "function", "none", "required", "tool"];
    let chosen = self::choice(choice)?;
    let has_type = |word: &str| declared.iter().any(|tool| tool.get("type").is_some_and(|kind| kind.is(word)));
    let is_known = |word: &str| KINDS.contains(&word) || has_type(word);
    if let Some(kind) = choice.get("type").filter(|kind| !kind.as_text().is_some_and(|word| is_known(&word))) {
        return Err(kind.wrong("use none, auto, required, any, function or tool"));
    }
    let has_name = |name: &str| declared.iter().any(|tool| self::name(*tool).is_some_and(|known| known.is(name)));
    match chosen.names().iter().find(|name| !declared.is_empty() && !has_name(name) && !has_type(name)) {
        Some(unknown) => Err(choice.wrong(&format!("no tool {} is declared", quoted(unknown)))),
        None => Ok(()),
    }
}

fn allowed(allowed: Value<'_>) -> Result<ToolChoice, GatewayError> {
    let list = allowed.required("tools")?;
    let names = list.list()?.filter_map(name).map(required_text).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err(list.wrong("name at least one tool"));
    }
    check_word(allowed.get("mode"), &["auto", "required"])?;
    Ok(ToolChoice::Allowed { names, required: allowed.get("mode").is_some_and(|mode| mode.is("required")) })
}
