//! The tools of a forwarded request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::blocks::quoted;
use super::reading::Reader;
use crate::chat::request::ToolChoice;
use crate::document::{Entry, Value};
use crate::error::GatewayError;
use crate::wire::anthropic::client::request::tool_choice;
use crate::wire::anthropic::rules::tools;
use crate::wire::anthropic::typed_tools;
use crate::wire::cache_marks::Area;
use crate::wire::claude_schema::{self as schema, StrictTools};
use crate::wire::names::{PropertyNames, ToolNames};
use crate::wire::native::Forwarding;
use crate::wire::request::has_odd_property;
use crate::wire::target::Target;

/// The client's declared tools that are sent.
fn kept<'d>(forwarding: &Forwarding<'d>) -> Vec<Value<'d>> {
    let Some(list) = forwarding.body.get("tools").filter(|list| !forwarding.edits.removes(*list)) else { return Vec::new() };
    list.elements().filter(|tool| !forwarding.edits.removes(*tool)).collect()
}

/// A tool with the client's schema. A typed tool has its provider's.
fn is_custom(tool: Value<'_>) -> bool {
    tool.get("type").is_none_or(|kind| kind.is("custom"))
}

/// The member that defers a tool, if it does.
fn waits(tool: Value<'_>) -> Option<Value<'_>> {
    tool.get("defer_loading").filter(|waits| matches!(waits.flag(), Ok(true)))
}

/// Members of a client tool (API reference, tools). Others are rejected.
const MEMBERS: [&str; 10] = [
    "allowed_callers",
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "input_examples",
    "input_schema",
    "name",
    "strict",
    "type",
];

/// Prefix of the type of the tool that calls others from code.
const CODE: &str = "code_execution_";

/// Whether a list of callers names that tool.
fn calls_by_code(callers: Value<'_>) -> bool {
    callers.elements().any(|caller| caller.as_text().is_some_and(|caller| caller.starts_with(CODE)))
}

/// The tools that the history calls.
fn called(body: Value<'_>) -> Vec<String> {
    let messages = body.get("messages").into_iter().flat_map(Value::elements);
    let blocks = messages.filter_map(|message| message.get("content")).flat_map(Value::elements);
    let calls = blocks.filter(|block| block.get("type").is_some_and(|kind| kind.is("tool_use")));
    let names: Vec<_> = calls.filter_map(|call| call.get("name")?.as_text()).collect();
    tools::undeclared(names.iter().map(AsRef::as_ref)).into_iter().map(str::to_owned).collect()
}

/// Sends the typed tools that the model rejects as client tools with the schema of their type, under the same names. One
/// without a known schema is dropped, with a tool choice that names it.
pub(super) fn replace_refused(forwarding: &mut Forwarding<'_>, target: &Target<'_>) {
    let body = forwarding.body;
    for tool in body.get("tools").into_iter().flat_map(Value::elements) {
        let Some(kind) = tool.get("type").and_then(Value::as_text) else { continue };
        if !target.capabilities.refused_tools.iter().any(|refused| kind == *refused) {
            continue;
        }
        if let Some(schema) = typed_tools::schema(&kind) {
            forwarding.leave_others_out(tool, &MEMBERS);
            forwarding.edits.remove_field(tool, "type");
            forwarding.edits.set_json(tool, "input_schema", schema);
            continue;
        }
        forwarding.drop(tool);
        let name = tool.get("name").and_then(Value::as_text).unwrap_or_default();
        if body.at(&["tool_choice", "name"]).is_some_and(|chosen| chosen.is(&name)) {
            forwarding.drop_field("tool_choice");
        }
    }
}

/// The tool that replaces structured output, if the model has none.
#[derive(Clone, Debug)]
pub(super) struct Answer<'d> {
    pub(super) name: String,
    schema: Value<'d>,
}

/// The tools of a request.
pub(super) struct Declared<'d> {
    /// The client's tools that are sent.
    pub(super) kept: Vec<Value<'d>>,
    /// Names of tools that only the history contains, if the client declares none: a history with calls needs tools.
    pub(super) called: Vec<String>,
    /// The tool that replaces structured output.
    pub(super) answer: Option<Answer<'d>>,
}

impl<'d> Declared<'d> {
    /// The tools for a request with this response schema.
    pub(super) fn of(forwarding: &Forwarding<'d>, answer: Option<Value<'d>>) -> Self {
        let kept = kept(forwarding);
        let called = if kept.is_empty() { called(forwarding.body) } else { Vec::new() };
        let mut declared = Self { kept, called, answer: None };
        declared.answer = answer.map(|schema| {
            let own = declared.own_names();
            Answer { name: tools::answer_name(own.iter().map(AsRef::as_ref)), schema }
        });
        declared
    }

    /// The client's names of the tools that are sent.
    pub(super) fn own_names(&self) -> Vec<Cow<'_, str>> {
        let kept = self.kept.iter().filter_map(|tool| tool.get("name")?.as_text());
        kept.chain(self.called.iter().map(|name| Cow::Borrowed(name.as_str()))).collect()
    }

    /// The provider's names of tools and properties.
    pub(super) fn names(&self) -> Result<ToolNames, GatewayError> {
        let own = self.own_names();
        let answer = self.answer.as_ref().map(|answer| (Cow::Borrowed(answer.name.as_str()), answer.schema));
        let mut names = tools::names(own.iter().map(AsRef::as_ref).chain(answer.iter().map(|(name, _)| name.as_ref())));
        let schema = |tool: &Value<'d>| Some((tool.get("name")?.as_text()?, tool.get("input_schema")?));
        let custom = self.kept.iter().filter(|tool| is_custom(**tool)).filter_map(schema);
        for (name, schema) in custom.chain(answer).filter(|(_, schema)| has_odd_property(*schema)) {
            if let Some(properties) = PropertyNames::for_claude(raw(schema)?.as_ref()) {
                names.with_properties(&name, properties);
            }
        }
        Ok(names)
    }

    /// The tools to declare in addition to the client's.
    pub(super) fn more(&self, names: &ToolNames, body: Value<'_>) -> Result<Vec<String>, GatewayError> {
        let stubs = self.called.iter().map(|name| stub(&names.outward(name), body));
        stubs.chain(self.answer.iter().map(|answer| answer.tool(names))).collect()
    }
}

/// A value as JSON outside its document.
pub(super) fn raw(value: Value<'_>) -> Result<Box<RawValue>, GatewayError> {
    RawValue::from_string(value.json().0).map_err(|error| GatewayError::unreadable(&error))
}

impl<'d> Reader<'_, 'd> {
    /// Edits tools that Claude rejects. `answer` is the response schema that it compiles together with strict tools.
    pub(super) fn tools(
        &mut self,
        kept: &[Value<'d>],
        answer: Option<&RawValue>,
        target: &Target<'_>,
    ) -> Result<(), GatewayError> {
        let has_code =
            kept.iter().any(|tool| tool.get("type").and_then(Value::as_text).is_some_and(|kind| kind.starts_with(CODE)));
        let are_shown = self.show_tools(kept);
        let mut strict = StrictTools::beside(answer);
        for tool in kept {
            self.drop_nulls(*tool);
            if is_custom(*tool) {
                self.forwarding.leave_others_out(*tool, &MEMBERS);
            }
            if let Some(callers) = tool.get("allowed_callers").filter(|callers| !has_code && calls_by_code(*callers)) {
                self.forwarding.drop(callers);
            }
            let name = tool.get("name").and_then(Value::as_text).unwrap_or_default();
            let sent = self.names.outward(&name);
            if sent != name {
                self.forwarding.edits.set(*tool, "name", &sent);
            }
            if is_custom(*tool) {
                self.schema(*tool, &name)?;
            }
            self.strict(*tool, target, &mut strict)?;
            match tool.get("cache_control") {
                // A deferred tool is not in the prompt that is cached (Wei-Shaw/sub2api#4990,
                // router-for-me/CLIProxyAPI#4561).
                Some(mark) if !are_shown && waits(*tool).is_some() => self.forwarding.drop(mark),
                mark => self.mark(*tool, mark, Area::Fixed),
            }
        }
        Ok(())
    }

    /// Shows the model every tool if all of them are deferred, which Claude rejects (platform.claude.com, tool search).
    /// Returns whether it did.
    fn show_tools(&mut self, kept: &[Value<'d>]) -> bool {
        let waiting: Vec<Value<'d>> = kept.iter().filter_map(|tool| waits(*tool)).collect();
        let are_all = waiting.len() == kept.len();
        for waits in waiting.into_iter().filter(|_| are_all) {
            self.forwarding.drop(waits);
        }
        are_all
    }

    fn schema(&mut self, tool: Value<'d>, name: &str) -> Result<(), GatewayError> {
        let Some(own) = tool.get("input_schema") else {
            let empty = none_schema(tool)?;
            self.forwarding.edits.set_json(tool, "input_schema", empty.get());
            return Ok(());
        };
        let client = raw(own)?;
        let renamed = self.names.properties(name).and_then(|names| names.schema(&client));
        let sent = input_schema(renamed.as_deref().unwrap_or(&client), tool)?;
        if sent.get() != client.get() {
            self.forwarding.edits.set_json(tool, "input_schema", sent.get());
        }
        Ok(())
    }

    /// Older models reject the field itself, whatever its value.
    fn strict(&mut self, tool: Value<'d>, target: &Target<'_>, others: &mut StrictTools) -> Result<(), GatewayError> {
        let Some(strict) = tool.get("strict") else { return Ok(()) };
        let asks = strict.flag()?;
        let schema = tool.get("input_schema").map(raw).transpose()?;
        if asks && !schema.is_some_and(|schema| tools::is_strict(&schema, target.capabilities, others)) {
            self.forwarding.drop(strict);
        } else if !asks && !target.capabilities.structured_output {
            self.forwarding.edits.remove(strict);
        }
        Ok(())
    }
}

fn input_schema(schema: &RawValue, tool: Value<'_>) -> Result<Box<RawValue>, GatewayError> {
    schema::tool_input(schema).map_err(|error| tool.wrong(&error.to_string()))
}

fn none_schema(tool: Value<'_>) -> Result<Box<RawValue>, GatewayError> {
    input_schema(RawValue::NULL, tool)
}

/// A tool that only the history contains.
fn stub(name: &str, body: Value<'_>) -> Result<String, GatewayError> {
    Ok(format!(r#"{{"name":{},"input_schema":{}}}"#, quoted(name), none_schema(body)?.get()))
}

impl Answer<'_> {
    fn tool(&self, names: &ToolNames) -> Result<String, GatewayError> {
        let (name, description) = (quoted(&self.name), quoted(tools::ANSWER_DESCRIPTION));
        let client = raw(self.schema)?;
        let renamed = names.properties(&self.name).and_then(|names| names.schema(&client));
        let schema = input_schema(renamed.as_deref().unwrap_or(&client), self.schema)?;
        Ok(format!(r#"{{"name":{name},"description":{description},"input_schema":{}}}"#, schema.get()))
    }
}

/// Appends tools to the client's. Without any tool, removes the list and the tool choice, which is rejected alone.
pub(super) fn add<'d>(forwarding: &mut Forwarding<'d>, kept: &[Value<'d>], more: Vec<String>) {
    if !more.is_empty() {
        let entries = kept.iter().copied().map(Entry::Own).chain(more.into_iter().map(Entry::New)).collect();
        forwarding.edits.arrange_field(forwarding.body, "tools", entries);
    } else if kept.is_empty() {
        forwarding.edits.remove_field(forwarding.body, "tools");
        forwarding.edits.remove_field(forwarding.body, "tool_choice");
    }
}

/// The tool choice with the provider's names, and its meaning.
pub(super) fn choice(
    reader: &mut Reader<'_, '_>,
    declared: &Declared<'_>,
    target: &Target<'_>,
) -> Result<ToolChoice, GatewayError> {
    let Some(choice) = reader.forwarding.body.get("tool_choice") else { return Ok(ToolChoice::Auto) };
    if reader.forwarding.edits.removes(choice) {
        return Ok(ToolChoice::Auto);
    }
    reader.drop_nulls(choice);
    let told = tool_choice(choice)?;
    if declared.kept.is_empty() && told.is_forced() {
        reader.forwarding.drop(choice);
        return Ok(ToolChoice::Auto);
    }
    let name = matches!(told, ToolChoice::Named(_)).then_some("name");
    let known: Vec<&str> = ["disable_parallel_tool_use", "type"].into_iter().chain(name).collect();
    reader.forwarding.keep_only(choice, &known);
    if !target.takes_choice(&told) {
        reader.forwarding.edits.set(choice, "type", "auto");
        reader.forwarding.edits.remove_field(choice, "name");
        reader.forwarding.left_out.push(choice.place());
        return Ok(ToolChoice::Auto);
    }
    if let ToolChoice::Named(name) = &told {
        let sent = reader.names.outward(name);
        if sent != *name {
            reader.forwarding.edits.set(choice, "name", &sent);
        }
    }
    if told == ToolChoice::None {
        // `disable_parallel_tool_use` has no meaning without calls.
        reader.forwarding.edits.remove_field(choice, "disable_parallel_tool_use");
    }
    Ok(told)
}
