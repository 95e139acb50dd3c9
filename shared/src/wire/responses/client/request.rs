//! A client's Responses request: its shape, and its conversation.
//!
//! The gateway stores no responses. A reference to a stored response is refused; the error says what to send instead.

mod choice;
mod items;
mod parts;
mod reading;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::tool::{Declared, all_tools, declared};
use crate::chat::Part;
use crate::chat::request::{
    Amount, ChatRequest, Effort, Message, Place, Reasoning, ResponseFormat, Role, Sampling, ToolChoice, ToolDefinition,
    Verbosity,
};
use crate::document::{Document, Kind, Pattern, Value};
use crate::error::GatewayError;
use crate::wire::request::{
    self, MAX_TOOLS, Tools, check_objects, check_word, optional_list, optional_text, required_text, text_field,
};
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::{ClientFormat, ClientRequest, Mode, OutputLimit, unread};

pub(super) use items::{NO_ITEMS, call_ids, contents};

/// Values whose field names are the client's own.
pub const OWN_NAMES: &[Pattern] = &[
    &["metadata"],
    &["client_metadata"],
    &["tools", "*", "parameters"],
    &["tools", "*", "tools", "*", "parameters"],
    &["text", "format", "schema"],
    &["input", "*", "arguments"],
    &["input", "*", "action"],
    &["input", "*", "operation"],
    &["input", "*", "tools", "*", "parameters"],
    &["input", "*", "tools", "*", "tools", "*", "parameters"],
];

/// Top-level fields that the conversation holds, the reply repeats, or the gateway uses. Sorted.
pub const CARRIED: &[&str] = &[
    "background",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
    "user",
];

/// Reads a request body. Every error is a 400 that names the path.
pub fn open(document: Arc<Document>) -> Result<ClientRequest, GatewayError> {
    let body = document.root();
    let model = text_field(body, "model")?;
    refuse_kept_state(body)?;
    items::check(body)?;
    let tools = optional_list(body.get("tools"), MAX_TOOLS)?;
    check_objects(&tools)?;
    Tools::of(tools, name)?;
    declared(all_tools(body)).into_iter().try_for_each(|tool| tool.name().map(drop))?;
    body.get("tool_choice").map_or(Ok(()), |choice| choice::check(choice, body))?;
    for name in ["temperature", "top_p"] {
        body.get(name).map_or(Ok(()), |value| value.number().map(drop))?;
    }
    check_word(body.get("truncation"), &["auto", "disabled"])?;
    let streams = body.get("stream").map_or(Ok(false), Value::flag)?;
    let tokens = body.get("max_output_tokens").map(request::output_limit).transpose()?;
    let max_tokens = tokens.map(|tokens| OutputLimit { field: "max_output_tokens", tokens });
    let mode = if streams { Mode::Streaming } else { Mode::Whole };
    let format = ClientFormat::Responses;
    Ok(ClientRequest::new(format, document, model, mode, max_tokens))
}

/// The role of a message of the user or of an instruction; `None` for other items.
pub(super) fn role_of_prompt(item: Value<'_>) -> Option<&'static str> {
    let role = item.get("role").filter(|_| matches!(type_of(item).as_ref(), "" | "message"))?;
    ["user", "developer", "system"].into_iter().find(|known| role.is(known))
}

/// The name of a tool. Names inside groups include the group's name.
fn name(tool: Value<'_>) -> Option<Value<'_>> {
    tool.get("name").filter(|_| type_of(tool) != "namespace")
}

/// Refuses references to stored responses, and settings that need storage.
fn refuse_kept_state(body: Value<'_>) -> Result<(), GatewayError> {
    const ITEMS: &str = "send the items of the conversation in input, those of the replies included (reasoning items with their \
                         encrypted_content)";
    let refusal = |field: &'static str, way_out: &str| {
        let message = format!("{field}: this gateway stores no responses; {way_out}.");
        Err(GatewayError::unsupported(field, message))
    };
    if body.get("previous_response_id").is_some() {
        return refusal("previous_response_id", ITEMS);
    }
    if body.get("conversation").is_some() {
        return refusal("conversation", ITEMS);
    }
    if body.get("prompt").is_some() {
        return refusal("prompt", "send the prompt's text in instructions and input");
    }
    if body.get("background").map_or(Ok(false), Value::flag)? {
        return refusal("background", "omit it, and read the reply of this request, streamed or whole");
    }
    Ok(())
}

/// Decodes the conversation of a request whose shape was checked.
pub fn decode(body: Value<'_>, thoughts: Option<&ThoughtKeys>) -> Result<ChatRequest, GatewayError> {
    let [instructions, choice, parallel, user, safety, reasoning] =
        body.fields(["instructions", "tool_choice", "parallel_tool_calls", "user", "safety_identifier", "reasoning"])?;
    let mut left_out = unread::places(body, reading::BODY);
    left_out.extend(unheeded(body)?);
    let mut messages: Vec<Message> = instructions.map(system).transpose()?.into_iter().collect();
    messages.extend(items::messages(body, thoughts, &mut left_out)?);
    let tools = tools(body)?;
    let tool_choice = choice.map_or(Ok(ToolChoice::Auto), |choice| choice::choice(choice, body))?;
    let tool_choice = request::followable(tool_choice, &tools, choice, &mut left_out);
    let [temperature, top_p] = body.fields(["temperature", "top_p"])?;
    let number = |value: Option<Value<'_>>| value.map(Value::number).transpose();
    Ok(ChatRequest {
        messages,
        tools,
        tool_choice,
        parallel_tool_calls: parallel.map(Value::flag).transpose()?,
        max_tokens: body.get("max_output_tokens").map(request::output_limit).transpose()?,
        sampling: Sampling { temperature: number(temperature)?, top_p: number(top_p)?, ..Sampling::default() },
        reasoning: reasoning.map_or(Ok(Reasoning::default()), self::reasoning)?,
        response_format: body.at(&["text", "format"]).map_or(Ok(ResponseFormat::Text), response_format)?,
        verbosity: body.at(&["text", "verbosity"]).map(verbosity).transpose()?,
        user: optional_text(user.or(safety))?,
        left_out,
    })
}

fn system(instructions: Value<'_>) -> Result<Message, GatewayError> {
    Ok(Message { role: Role::System, parts: vec![Part::Text { text: required_text(instructions)?, cache: None }] })
}

/// Positions of settings that no route supports: a stored response, a truncated prompt, additional output.
fn unheeded(body: Value<'_>) -> Result<Vec<Place>, GatewayError> {
    let [store, truncation, tier, include] = body.fields(["store", "truncation", "service_tier", "include"])?;
    let keeps = store.map_or(Ok(false), Value::flag)?;
    let tier = tier.filter(|tier| !tier.is("auto") && !tier.is("default"));
    let more = request::entries(include)?.into_iter().filter(|wanted| !wanted.is("reasoning.encrypted_content"));
    let asked = store.filter(|_| keeps).into_iter().chain(truncation.filter(|word| word.is("auto"))).chain(tier).chain(more);
    Ok(asked.map(Value::place).collect())
}

/// The tools that run at the client, each once: searches find tools that were already declared.
fn tools(body: Value<'_>) -> Result<Vec<ToolDefinition>, GatewayError> {
    let mut seen = HashSet::new();
    let mut tools = Vec::new();
    for tool in declared(all_tools(body)) {
        if seen.insert(tool.name()?) {
            tools.push(definition(tool)?);
        }
    }
    Ok(tools)
}

/// A tool. The first one of a group has the group's description.
fn definition(tool: Declared<'_>) -> Result<ToolDefinition, GatewayError> {
    let own = tool.definition()?;
    let first = tool.group.and_then(|group| group.get("tools")).and_then(|tools| tools.elements().next());
    let is_first = first.is_some_and(|first| first.place().offset() == tool.tool.place().offset());
    let of_group = optional_text(tool.group.filter(|_| is_first).and_then(|group| group.get("description")))?;
    let both = [of_group, own.description].into_iter().flatten().filter(|text| !text.is_empty());
    let description = both.collect::<Vec<_>>().join("\n\n");
    Ok(ToolDefinition { description: (!description.is_empty()).then_some(description), ..own })
}

/// Reads the reasoning settings. Reasoning is always returned to a client that requests any: it keeps it for the next turn,
/// shown or not.
fn reasoning(asked: Value<'_>) -> Result<Reasoning, GatewayError> {
    let [effort] = asked.fields(["effort"])?;
    check_word(summary(asked), &["auto", "concise", "detailed", "none"])?;
    let amount = match effort {
        None => Amount::Default,
        Some(word) if word.is("none") => Amount::Off,
        Some(word) => {
            let unknown = || word.wrong("use none, minimal, low, medium, high, xhigh or max");
            Amount::Effort(Effort::parse(&word.text()?).ok_or_else(unknown)?)
        }
    };
    let asks = effort.is_some() || summary(asked).is_some();
    Ok(Reasoning { amount, visible: asks && amount != Amount::Off })
}

/// Which summary the client wants, under its present or former name.
pub(super) fn summary(reasoning: Value<'_>) -> Option<Value<'_>> {
    reasoning.get("summary").or_else(|| reasoning.get("generate_summary"))
}

/// Reads the response format.
fn response_format(format: Value<'_>) -> Result<ResponseFormat, GatewayError> {
    let [kind, name, schema] = format.fields(["type", "name", "schema"])?;
    let kind = kind.ok_or_else(|| format.missing("type"))?;
    check_word(Some(kind), &["text", "json_object", "json_schema"])?;
    check_objects(schema.as_slice())?;
    Ok(match schema.filter(|_| kind.is("json_schema")) {
        Some(schema) => ResponseFormat::JsonSchema {
            name: optional_text(name)?.unwrap_or_else(|| "response".to_owned()),
            schema: schema.json(),
        },
        None if kind.is("json_schema") => return Err(format.missing("schema")),
        None if kind.is("json_object") => ResponseFormat::JsonObject,
        None => ResponseFormat::Text,
    })
}

fn verbosity(word: Value<'_>) -> Result<Verbosity, GatewayError> {
    Verbosity::parse(&word.text()?).ok_or_else(|| word.wrong("use low, medium or high"))
}

/// Whether a value is a string or a list.
fn is_text_or_list(value: Value<'_>) -> bool {
    matches!(value.kind(), Kind::Text | Kind::List)
}

/// The `type` of an object; empty if it has none.
fn type_of(object: Value<'_>) -> Cow<'_, str> {
    object.get("type").and_then(Value::as_text).unwrap_or_default()
}
