//! Rewrites, in place, what clients write in another way than OpenRouter reads it: flat tools, tool choices and schemas,
//! parts of Responses, custom calls. The other rules for forwarded requests follow: `shapes` for the names of members,
//! `members` for their effect, `settings` and `values` for the top level.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::media;
use crate::chat::request::ToolChoice;
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::native::Forwarding;
use crate::wire::openai::client::request::{TOOL, asks_one_at_a_time, is_flat_custom, tool_choice, tool_name};
use crate::wire::openai::rules;
use crate::wire::request::{arguments, is_unset_top_k, text_field};
use crate::wire::shape::object_in;
use crate::wire::target::Target;
use crate::wire::unread;

/// Rewrites everything to OpenAI's form.
pub(super) fn rewrite(forwarding: &mut Forwarding<'_>, target: &Target<'_>) -> Result<(), GatewayError> {
    for tool in elements(forwarding.body, "tools") {
        if !forwarding.edits.removes(tool) {
            nest(forwarding, tool, target)?;
        }
    }
    choose(forwarding, target)?;
    if let Some(top_k) = forwarding.body.get("top_k").filter(|top_k| is_unset_top_k(*top_k)) {
        forwarding.edits.remove(top_k);
    }
    nest_schema(forwarding, target)?;
    for message in elements(forwarding.body, "messages") {
        let may_refuse = rules::is_openai(target.upstream) && message.get("role").is_some_and(|role| role.is("assistant"));
        for part in elements(message, "content") {
            rewrite_part(forwarding, part, may_refuse)?;
        }
        for call in elements(message, "tool_calls") {
            rewrite_call(forwarding, call);
        }
    }
    Ok(())
}

fn elements<'d>(object: Value<'d>, list: &str) -> impl Iterator<Item = Value<'d>> + use<'d> {
    object.get(list).into_iter().flat_map(Value::elements)
}

pub(super) fn raw(value: Value<'_>) -> Option<Box<RawValue>> {
    RawValue::from_string(value.json().0).ok()
}

#[derive(Serialize)]
struct Function {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Nested {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Named<'d> {
    name: Cow<'d, str>,
}

#[derive(Serialize)]
struct Chosen<'d> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Named<'d>,
}

#[derive(Serialize)]
struct ChosenCustom<'d> {
    #[serde(rename = "type")]
    kind: &'static str,
    custom: Named<'d>,
}

#[derive(Serialize)]
struct Answer<'d> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "json_schema")]
    described: Described<'d>,
}

#[derive(Serialize)]
struct Input<'d> {
    input: Cow<'d, str>,
}

#[derive(Serialize)]
struct Called {
    name: Option<Box<RawValue>>,
    arguments: String,
}

#[derive(Serialize)]
struct TextPart {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Form {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Described<'d> {
    name: Cow<'d, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Box<RawValue>>,
    strict: bool,
    schema: Box<RawValue>,
}

#[derive(Serialize)]
struct Constrained {
    #[serde(rename = "type")]
    kind: &'static str,
    custom: Grammar,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Grammar {
    name: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Box<RawValue>>,
}

/// Writes a tool in OpenAI's nested form. The client's tool may be flat, Anthropic's, or without a type. The cache mark
/// moves to the tool.
fn nest(forwarding: &mut Forwarding<'_>, tool: Value<'_>, target: &Target<'_>) -> Result<(), GatewayError> {
    // Gemini stores a cache for each mark, at an extra price.
    let takes_marks = !rules::is_gemini(target.upstream);
    let is_kept = |value: &Value<'_>| !forwarding.edits.removes(*value);
    let member = |name: &str| tool.get(name).filter(is_kept).and_then(raw);
    let fitted =
        |own: Option<&RawValue>| rules::tool_schema(target.upstream, own).map_err(|error| tool.wrong(&error.to_string()));
    if let Some(function) = tool.get("function") {
        if tool.get("type").is_none() {
            forwarding.edits.set(tool, "type", "function");
        }
        if let Some(schema) = function.get("input_schema").filter(|_| function.get("parameters").is_none()) {
            forwarding.edits.remove(schema);
            let sent = fitted(raw(schema).as_deref())?;
            forwarding.edits.set_json(function, "parameters", sent.as_deref().map_or("null", RawValue::get));
        }
        if let Some(mark) = function.get("cache_control") {
            forwarding.edits.remove(mark);
            if tool.get("cache_control").is_none() && takes_marks {
                forwarding.edits.set_json(tool, "cache_control", &mark.json().0);
            }
        }
    } else if is_flat_custom(tool) {
        let custom = Grammar { name: member("name"), description: member("description"), format: member("format") };
        forwarding.edits.replace(tool, &Constrained { kind: "custom", custom, cache_control: member("cache_control") });
    } else if tool.get("custom").is_none() {
        let unread = unread::members(tool, &TOOL);
        let own = member("parameters").or_else(|| member("input_schema"));
        let parameters = fitted(own.as_deref())?;
        let function =
            Function { name: member("name"), description: member("description"), parameters, strict: member("strict") };
        let cache_control = member("cache_control").filter(|_| takes_marks);
        forwarding.edits.replace(tool, &Nested { kind: "function", function, cache_control });
        forwarding.left_out.extend(unread.into_iter().map(Value::place));
    }
    Ok(())
}

/// Writes a tool choice in OpenAI's form.
fn choose(forwarding: &mut Forwarding<'_>, target: &Target<'_>) -> Result<(), GatewayError> {
    let Some(choice) = forwarding.body.get("tool_choice").filter(|choice| !forwarding.edits.removes(*choice)) else {
        return Ok(());
    };
    if !target.takes_choice(&tool_choice(choice)?) {
        forwarding.left_out.push(choice.place());
        forwarding.edits.replace(choice, "auto");
        return Ok(());
    }
    let is_own = match choice.as_text() {
        Some(word) => matches!(word.as_ref(), "none" | "auto" | "required"),
        None => ["function", "custom", "allowed_tools"].iter().any(|place| choice.get(place).is_some()),
    };
    if asks_one_at_a_time(choice) && forwarding.body.get("parallel_tool_calls").is_none() {
        forwarding.edits.set(forwarding.body, "parallel_tool_calls", &false);
    }
    let chosen = tool_choice(choice)?;
    let is_of_custom = matches!(&chosen, ToolChoice::Named(name) if is_custom(forwarding.body, name));
    let is_of_other_kind = matches!(&chosen, ToolChoice::Named(_)) && is_of_custom != choice.get("custom").is_some();
    if !is_own || is_of_other_kind {
        let edits = &mut forwarding.edits;
        match chosen {
            ToolChoice::None => edits.replace(choice, "none"),
            ToolChoice::Required => edits.replace(choice, "required"),
            ToolChoice::Named(name) if is_of_custom => {
                edits.replace(choice, &ChosenCustom { kind: "custom", custom: Named { name: name.into() } });
            }
            ToolChoice::Named(name) => {
                edits.replace(choice, &Chosen { kind: "function", function: Named { name: name.into() } });
            }
            ToolChoice::Allowed { names, required } => {
                edits.set_json(forwarding.body, "tool_choice", &among(&names, required));
            }
            ToolChoice::Auto => edits.replace(choice, "auto"),
        }
    }
    Ok(())
}

/// A choice between several functions, nested as OpenAI does.
fn among(names: &[String], required: bool) -> String {
    let quoted = |name: &String| serde_json::to_string(name).unwrap_or_default();
    let tools = names.iter().map(|name| format!(r#"{{"type":"function","function":{{"name":{}}}}}"#, quoted(name)));
    let (mode, tools) = (if required { "required" } else { "auto" }, tools.collect::<Vec<_>>().join(","));
    format!(r#"{{"type":"allowed_tools","allowed_tools":{{"mode":"{mode}","tools":[{tools}]}}}}"#)
}

/// Whether the tool with this name is a custom tool.
fn is_custom(body: Value<'_>, name: &str) -> bool {
    let is_meant = |tool: &Value<'_>| tool_name(*tool).is_some_and(|known| known.is(name));
    elements(body, "tools").find(is_meant).is_some_and(|tool| tool.get("custom").is_some() || is_flat_custom(tool))
}

/// Nests a schema if the client omitted the level `json_schema`.
fn nest_schema(forwarding: &mut Forwarding<'_>, target: &Target<'_>) -> Result<(), GatewayError> {
    let Some(format) = forwarding.body.get("response_format") else { return Ok(()) };
    if let Some(described) = format.get("json_schema").filter(|described| described.kind() == Kind::Object) {
        name_schema(forwarding, described);
    }
    let is_schema = format.get("type").is_some_and(|kind| kind.is("json_schema"));
    if is_schema && format.at(&["json_schema", "schema"]).or_else(|| format.get("schema")).is_none() {
        // Without a schema any object is valid.
        forwarding.edits.replace(format, &Form { kind: "json_object" });
        return Ok(());
    }
    let is_flat = format.get("type").is_some_and(|kind| kind.is("json_schema")) && format.get("json_schema").is_none();
    if let Some(schema) = format.get("schema").filter(|_| is_flat) {
        let name = format.get("name").and_then(Value::as_text).unwrap_or("response".into());
        let is_free = format.get("strict").is_some_and(|strict| matches!(strict.flag(), Ok(false)));
        let own = raw(schema).unwrap_or_default();
        let form = rules::answer_form(target.upstream, &own).map_err(|error| schema.wrong(&error.to_string()))?;
        let strict = !is_free && form.takes_strict;
        let description = format.get("description").and_then(raw);
        let described = Described { description, name: rules::schema_name(&name), strict, schema: form.schema };
        forwarding.edits.replace(format, &Answer { kind: "json_schema", described });
    }
    Ok(())
}

/// Gives a schema a name that OpenAI accepts.
fn name_schema(forwarding: &mut Forwarding<'_>, described: Value<'_>) {
    let name = described.get("name").and_then(Value::as_text).unwrap_or_default();
    let plain = rules::schema_name(&name);
    if plain != name {
        forwarding.edits.set(described, "name", plain.as_ref());
    }
}

/// Rewrites a part. A refusal stays a refusal if its message may contain one. Otherwise it becomes text.
fn rewrite_part(forwarding: &mut Forwarding<'_>, part: Value<'_>, may_refuse: bool) -> Result<(), GatewayError> {
    let kind = part.required("type")?;
    match kind.text()?.as_ref() {
        "input_text" | "output_text" => forwarding.edits.replace(kind, "text"),
        "refusal" if !may_refuse => {
            let text = text_field(part, "refusal")?;
            let cache_control = part.get("cache_control").and_then(raw);
            forwarding.edits.replace(part, &TextPart { kind: "text", text, cache_control });
        }
        "text" | "refusal" => {}
        _ => media::rewrite(forwarding, part)?,
    }
    Ok(())
}

/// OpenRouter's reference has function calls only: the input of a custom tool becomes the only argument of its function.
fn rewrite_custom_call(forwarding: &mut Forwarding<'_>, call: Value<'_>, custom: Value<'_>) {
    let input = custom.get("input").and_then(Value::as_text).unwrap_or_default();
    let Ok(arguments) = serde_json::to_string(&Input { input }) else { return };
    let function = Called { name: custom.get("name").and_then(raw), arguments };
    forwarding.edits.remove(custom);
    forwarding.edits.set(call, "type", "function");
    forwarding.edits.set(call, "function", &function);
}

/// Arguments become the text of an object, and the call gets the type of a function call.
fn rewrite_call(forwarding: &mut Forwarding<'_>, call: Value<'_>) {
    let Some(function) = call.get("function") else {
        return if let Some(custom) = call.get("custom") {
            rewrite_custom_call(forwarding, call, custom);
        };
    };
    if call.get("type").is_none() {
        forwarding.edits.set(call, "type", "function");
    }
    // An object in which nothing had to be mended.
    let is_sound = |text: Cow<'_, str>| object_in(text.to_string()).is_some_and(|object| object.0 == text.trim());
    let written = function.get("arguments");
    if tool_name(call).is_some() && !written.and_then(Value::as_text).is_some_and(is_sound) {
        forwarding.edits.set(function, "arguments", &arguments(written).0);
    }
}
