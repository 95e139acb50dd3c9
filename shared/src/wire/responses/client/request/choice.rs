//! Tool choice of Responses clients.

use crate::chat::request::ToolChoice;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::request::{check_word, optional_text, quoted, required_text};
use crate::wire::responses::client::tool::{Declared, all_tools, declared, full_name};

/// Reads which tools may or must be called: a word, an object that names a tool or a group, or one that lists them.
pub(super) fn choice(choice: Value<'_>, body: Value<'_>) -> Result<ToolChoice, GatewayError> {
    const EXPECTED: &str = "none, auto, required or an object that names a tool";
    if choice.kind() == Kind::Object {
        return match choice.get("type") {
            None => Err(choice.missing("type")),
            Some(kind) if kind.is("allowed_tools") => allowed(choice, body),
            Some(kind) if kind.is("namespace") => Ok(ToolChoice::Allowed { names: named(choice, body)?, required: true }),
            Some(_) => Ok(ToolChoice::Named(named(choice, body)?.concat())),
        };
    }
    match choice.as_text().as_deref() {
        Some("auto") => Ok(ToolChoice::Auto),
        Some("none") => Ok(ToolChoice::None),
        Some("required") => Ok(ToolChoice::Required),
        Some(_) => Err(choice.wrong(&format!("use {EXPECTED}"))),
        None => Err(choice.expected(EXPECTED)),
    }
}

/// Other models' name of the tool in an object, which is its name or its type, or the names of all tools of a group.
fn named(tool: Value<'_>, body: Value<'_>) -> Result<Vec<String>, GatewayError> {
    let [kind, namespace, name] = tool.fields(["type", "namespace", "name"])?;
    let kind = required_text(kind.ok_or_else(|| tool.missing("type"))?)?;
    match optional_text(name)? {
        Some(name) if kind == "namespace" => in_group(tool, &name, body),
        Some(name) => Ok(vec![full_name(optional_text(namespace)?.as_deref(), &name)]),
        None if matches!(kind.as_str(), "function" | "custom" | "namespace") => Err(tool.missing("name")),
        None => Ok(vec![kind]),
    }
}

/// The names of the tools of a group.
fn in_group(choice: Value<'_>, group: &str, body: Value<'_>) -> Result<Vec<String>, GatewayError> {
    let is_of = |tool: &Declared<'_>| tool.group.and_then(|own| own.get("name")).is_some_and(|name| name.is(group));
    let tools = declared(all_tools(body)).into_iter().filter(is_of);
    let names = tools.map(Declared::name).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err(choice.wrong(&format!("no tools of a group {} are declared", quoted(group))));
    }
    Ok(names)
}

fn allowed(choice: Value<'_>, body: Value<'_>) -> Result<ToolChoice, GatewayError> {
    let list = choice.required("tools")?;
    let names = list.list()?.map(|tool| named(tool, body)).collect::<Result<Vec<_>, _>>()?.concat();
    if names.is_empty() {
        return Err(list.wrong("name at least one tool"));
    }
    check_word(choice.get("mode"), &["auto", "required"])?;
    Ok(ToolChoice::Allowed { names, required: choice.get("mode").is_some_and(|mode| mode.is("required")) })
}

/// Checks a tool choice against the declared tools. A tool that runs at the provider is named by its type.
pub(super) fn check(choice: Value<'_>, body: Value<'_>) -> Result<(), GatewayError> {
    let chosen = self::choice(choice, body)?;
    let own = declared(all_tools(body)).into_iter().map(Declared::name).collect::<Result<Vec<_>, _>>()?;
    let has_type = |name: &str| all_tools(body).any(|tool| tool.get("type").is_some_and(|kind| kind.is(name)));
    let has_name = |name: &str| all_tools(body).any(|tool| tool.get("name").is_some_and(|known| known.is(name)));
    let is_known = |name: &String| own.contains(name) || has_type(name) || has_name(name);
    match chosen.names().iter().find(|name| !is_known(name)) {
        Some(unknown) => Err(choice.wrong(&format!("no tool {} is declared", quoted(unknown)))),
        None => Ok(()),
    }
}
