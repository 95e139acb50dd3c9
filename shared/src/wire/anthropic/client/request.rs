//! A client's Messages request: its shape, and its conversation.
//!
//! `reading.rs` finds fields that nothing reads; the caller names dropped top-level fields.

mod reading;
mod tools;

use std::sync::Arc;

use crate::chat::request::{
    Amount, ChatRequest, Effort, Message, Part, Place, Reasoning, ResponseFormat, Role, Sampling, ToolChoice, ToolDefinition,
};
use crate::document::{Document, Pattern, Value};
use crate::error::GatewayError;
use crate::wire::blocks;
use crate::wire::member_types::{self, MemberType};
use crate::wire::request::{
    self, MAX_STOPS, MAX_TOOLS, Tools, check_content, check_objects, optional_list, optional_text, required_text, text_field,
};
use crate::wire::{ClientFormat, ClientRequest, Mode, OutputLimit, unread};

pub use tools::{choice as tool_choice, is_client_tool, name as tool_name};

/// Values whose field names are the client's own.
pub const OWN_NAMES: &[Pattern] = &[
    &["metadata"],
    &["tools", "*", "input_schema"],
    &["output_config", "format", "schema"],
    &["output_format", "schema"],
    &["messages", "*", "content", "*", "input"],
];

/// Top-level fields that the conversation holds or the gateway uses. Sorted.
pub const CARRIED: &[&str] = &[
    "anthropic_beta",
    "anthropic_version",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// Claude Code's first system block. Its version changes with every request and breaks prompt caching, and it means nothing
/// to a model.
pub const BILLING_HEADER: &str = "x-anthropic-billing-header:";

/// Reads a request body. Every error is a 400 that names the path.
pub fn open(document: Arc<Document>) -> Result<ClientRequest, GatewayError> {
    let body = document.root();
    let model = text_field(body, "model")?;
    let tokens = request::output_limit(body.required("max_tokens")?)?;
    check(body)?;
    let streams = body.get("stream").map_or(Ok(false), Value::flag)?;
    let mode = if streams { Mode::Streaming } else { Mode::Whole };
    let max_tokens = Some(OutputLimit { field: "max_tokens", tokens });
    Ok(request(document, model, mode, max_tokens))
}

/// Reads a body for `count_tokens`, which needs no output limit.
pub fn open_count(document: Arc<Document>) -> Result<ClientRequest, GatewayError> {
    let body = document.root();
    let model = text_field(body, "model")?;
    body.get("max_tokens").map(request::output_limit).transpose()?;
    check(body)?;
    Ok(request(document, model, Mode::Count, None))
}

fn request(document: Arc<Document>, model: String, mode: Mode, max_tokens: Option<OutputLimit>) -> ClientRequest {
    let format = ClientFormat::Messages;
    ClientRequest::new(format, document, model, mode, max_tokens)
}

fn check(body: Value<'_>) -> Result<(), GatewayError> {
    for message in request::messages(body)? {
        let [role, content] = message.fields(["role", "content"])?;
        let role = role.ok_or_else(|| message.missing("role"))?;
        if !["user", "assistant", "system"].contains(&role.text()?.as_ref()) {
            return Err(role.wrong("use user, assistant or system"));
        }
        let content = content.ok_or_else(|| message.missing("content"))?;
        blocks::check(content)?;
    }
    let [system, tools, choice, metadata, stops, thinking] =
        body.fields(["system", "tools", "tool_choice", "metadata", "stop_sequences", "thinking"])?;
    system.map_or(Ok(()), |system| check_content(system, blocks::NEEDED))?;
    let tools = optional_list(tools, MAX_TOOLS)?;
    check_objects(&tools)?;
    tools.iter().copied().try_for_each(tools::check)?;
    choice.map_or(Ok(()), |choice| tools::check_choice(choice, &tools))?;
    member_types::check(body, &[("metadata", MemberType::Object)])?;
    metadata.map_or(Ok(()), |metadata| member_types::check(metadata, &[("user_id", MemberType::Text)]))?;
    Tools::of(tools, tool_name)?;
    for stop in optional_list(stops, MAX_STOPS)? {
        stop.text()?;
    }
    check_objects(thinking.as_slice())?;
    thinking.map_or(Ok(()), request::check_thinking)?;
    check_format(body)?;
    refuse_stored_thread(body)?;
    request::check_mark(body)?;
    let [temperature, top_p, top_k] = body.fields(["temperature", "top_p", "top_k"])?;
    temperature.into_iter().chain(top_p).try_for_each(|value| value.number().map(drop))?;
    request::top_k(top_k).map(drop)
}

/// Refuses to continue a conversation that the provider would have stored: the body has only its new messages. Claude Code
/// then sends the whole conversation.
fn refuse_stored_thread(body: Value<'_>) -> Result<(), GatewayError> {
    let kind = body.at(&["thread", "type"]).filter(|kind| kind.is("continue"));
    kind.map_or(Ok(()), |_| {
        let message = "thread: this gateway stores no conversations; send the whole conversation in messages.";
        Err(GatewayError::unsupported("thread", message))
    })
}

/// Checks the response format: a schema, or `text`, which means no format.
fn check_format(body: Value<'_>) -> Result<(), GatewayError> {
    for format in [body.at(&["output_config", "format"]), body.get("output_format")].into_iter().flatten() {
        let [kind, schema] = format.fields(["type", "schema"])?;
        request::check_word(kind, &["json_schema", "text"])?;
        if kind.is_some_and(|kind| kind.is("json_schema")) && schema.is_none() {
            return Err(format.missing("schema"));
        }
        check_objects(schema.as_slice())?;
    }
    Ok(())
}

/// Whether a system block is the billing block.
pub fn is_billing_block(block: Value<'_>) -> bool {
    block.get("text").and_then(Value::as_text).is_some_and(|text| text.starts_with(BILLING_HEADER))
}

/// Decodes the conversation of a request whose shape was checked.
pub fn decode(body: Value<'_>) -> Result<ChatRequest, GatewayError> {
    let [system, tools, choice, metadata] = body.fields(["system", "tools", "tool_choice", "metadata"])?;
    let (mut messages, mut left_out) = (Vec::new(), Vec::new());
    if let Some(system) = system {
        let mut parts = blocks::content(system, &mut left_out)?;
        left_out.extend(system.elements().filter(|block| is_billing_block(*block)).map(Value::place));
        parts.retain(|part| !matches!(part, Part::Text { text, .. } if text.starts_with(BILLING_HEADER)));
        messages.push(Message { role: Role::System, parts });
    }
    for message in request::messages(body)? {
        let role = match text_field(message, "role")?.as_str() {
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => Role::User,
        };
        messages.push(Message { role, parts: blocks::content(message.required("content")?, &mut left_out)? });
    }
    let one_at_a_time = choice.and_then(|choice| choice.get("disable_parallel_tool_use")).map(Value::flag).transpose()?;
    let user = metadata.and_then(|metadata| metadata.get("user_id"));
    let (tools, searches) = client_tools(tools)?;
    let mut tool_choice = choice.map_or(Ok(ToolChoice::Auto), tools::choice)?;
    if !searches.is_empty() && !tool_choice.names().iter().all(|name| tools.iter().any(|tool| tool.name == *name)) {
        tool_choice = ToolChoice::Auto;
        left_out.extend(choice.map(Value::place));
    }
    let tool_choice = request::followable(tool_choice, &tools, choice, &mut left_out);
    left_out.extend(searches);
    Ok(ChatRequest {
        messages,
        tools,
        tool_choice,
        parallel_tool_calls: one_at_a_time.map(|disabled| !disabled),
        max_tokens: body.get("max_tokens").map(Value::whole_number).transpose()?,
        sampling: sampling(body)?,
        reasoning: reasoning(body)?,
        response_format: response_format(body)?,
        verbosity: None,
        user: optional_text(user)?,
        left_out: left_out
            .into_iter()
            .chain(unread::places(body, reading::BODY))
            .chain(second_amount(body))
            .chain(request::thinking_left_out(body))
            .collect(),
    })
}

/// The tools that run at the client, and the positions of tool searches. Server tools exist only at their vendor. Tools that
/// a search would find are declared like all others.
fn client_tools(tools: Option<Value<'_>>) -> Result<(Vec<ToolDefinition>, Vec<Place>), GatewayError> {
    let tools = optional_list(tools, MAX_TOOLS)?.into_iter().filter(|tool| is_client_tool(*tool));
    let (searches, tools): (Vec<_>, Vec<_>) =
        Tools::of(tools, tool_name)?.distinct.into_iter().partition(|tool| tools::is_search(*tool));
    let tools = tools.into_iter().map(tools::definition).collect::<Result<_, _>>()?;
    Ok((tools, searches.into_iter().map(Value::place).collect()))
}

fn sampling(body: Value<'_>) -> Result<Sampling, GatewayError> {
    let [temperature, top_p, top_k, stops] = body.fields(["temperature", "top_p", "top_k", "stop_sequences"])?;
    Ok(Sampling {
        temperature: temperature.map(Value::number).transpose()?,
        top_p: top_p.map(Value::number).transpose()?,
        top_k: request::top_k(top_k)?,
        stop: optional_list(stops, MAX_STOPS)?.into_iter().map(required_text).collect::<Result<_, _>>()?,
        ..Sampling::default()
    })
}

/// A schema in `output_config.format`, or in its older position.
fn response_format(body: Value<'_>) -> Result<ResponseFormat, GatewayError> {
    let [config, older] = body.fields(["output_config", "output_format"])?;
    let format = config.map(|config| config.fields(["format"])).transpose()?.and_then(|[format]| format).or(older);
    let schema = format.map(|format| format.fields(["schema"])).transpose()?.and_then(|[schema]| schema);
    Ok(match schema {
        Some(schema) => ResponseFormat::JsonSchema { name: "response".to_owned(), schema: schema.json() },
        None => ResponseFormat::Text,
    })
}

/// An effort next to a `thinking` that is off or has a budget. Then `thinking` counts, and the effort does not.
fn second_amount(body: Value<'_>) -> Option<Place> {
    let kind = body.at(&["thinking", "type"])?;
    let effort = body.at(&["output_config", "effort"])?;
    let has_budget = kind.is("enabled") && body.at(&["thinking", "budget_tokens"]).is_some();
    (has_budget || kind.is("disabled")).then(|| effort.place())
}

/// Reads the reasoning settings. Reasoning is shown unless thinking is off or its display is omitted.
fn reasoning(body: Value<'_>) -> Result<Reasoning, GatewayError> {
    let effort = body.at(&["output_config", "effort"]).map(effort).transpose()?;
    match body.get("thinking") {
        Some(thinking) => request::thinking(thinking, effort),
        None => Ok(Reasoning { amount: effort.map_or(Amount::Default, Amount::EffortAlone), visible: false }),
    }
}

/// Reads an effort. Fails with a 400 for an unknown word.
pub fn effort(word: Value<'_>) -> Result<Effort, GatewayError> {
    Effort::parse(&word.text()?).ok_or_else(|| word.wrong("use low, medium, high, xhigh or max"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str) -> GatewayError {
        open(Arc::new(Document::parse(body.to_owned(), OWN_NAMES).unwrap())).unwrap_err()
    }

    #[test]
    fn wrong_shapes_name_their_path_in_jsons_words() {
        let with =
            |rest: &str| format!(r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"hi"}}]{rest}}}"#);
        let message = |message: &str| format!(r#"{{"model":"m","max_tokens":1,"messages":[{message}]}}"#);
        for (body, param, reason) in [
            (r#"{"max_tokens":1,"messages":[]}"#.to_owned(), "model", "this field is required"),
            (r#"{"model":"m","messages":[]}"#.to_owned(), "max_tokens", "this field is required"),
            (r#"{"model":"m","max_tokens":0}"#.to_owned(), "max_tokens", "must be at least 1"),
            (message(r#"{"role":"tool","content":"hi"}"#), "messages[0].role", "use user, assistant or system"),
            (message(r#"{"role":"user"}"#), "messages[0].content", "this field is required"),
            (
                message(r#"{"role":"user","content":[{"type":"image","source":"a"}]}"#),
                "messages[0].content[0].source",
                "expected an object with type, got a string",
            ),
            (
                message(r#"{"role":"assistant","content":[{"type":"tool_use","name":"f"}]}"#),
                "messages[0].content[0].id",
                "this field is required",
            ),
            (
                message(
                    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":5}]}]}"#,
                ),
                "messages[0].content[0].content[0].text",
                "expected a string, got a number",
            ),
            (with(r#","system":5"#), "system", "expected text or a list of content parts, got a number"),
            (with(r#","tools":{}"#), "tools", "expected a list, got an object"),
            (with(r#","stop_sequences":[5]"#), "stop_sequences[0]", "expected a string, got a number"),
            (with(r#","thinking":true"#), "thinking", "expected an object, got true or false"),
            (with(r#","top_k":1.5"#), "top_k", "expected a whole number of 0 or more"),
            (with(r#","top_k":-5"#), "top_k", "expected a whole number of 0 or more"),
        ] {
            let error = fault(&body);
            assert_eq!((error.param(), error.message()), (Some(param), &*format!("{param}: {reason}.")), "{body}");
        }
    }

    #[test]
    fn words_of_a_closed_list_are_checked_by_their_path() {
        let with =
            |rest: &str| format!(r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"hi"}}]{rest}}}"#);
        for (body, param, reason) in [
            (
                with(r#","thinking":{"type":"auto"}"#),
                "thinking.type",
                "use enabled or adaptive or disabled or between_tools",
            ),
            (with(r#","thinking":{"type":"adaptive","display":"full"}"#), "thinking.display", "use summarized or omitted"),
            (with(r#","cache_control":{"type":"persistent"}"#), "cache_control.type", "use ephemeral"),
            (
                with(r#","system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"24h"}}]"#),
                "system[0].cache_control.ttl",
                "use 5m or 1h",
            ),
            (
                with(r#","tools":[{"name":"f","cache_control":{"type":"always"}}]"#),
                "tools[0].cache_control.type",
                "use ephemeral",
            ),
            (
                with(r#","output_config":{"format":{"type":"grammar"}}"#),
                "output_config.format.type",
                "use json_schema or text",
            ),
            (
                with(r#","output_config":{"format":{"type":"json_schema"}}"#),
                "output_config.format.schema",
                "this field is required",
            ),
        ] {
            let error = fault(&body);
            assert_eq!((error.param(), error.message()), (Some(param), &*format!("{param}: {reason}.")), "{body}");
        }
    }
}
