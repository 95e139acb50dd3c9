//! The items of a Responses request: messages, reasoning, calls and their results.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{is_text_or_list, parts, reading, type_of};
use crate::chat::Part;
use crate::chat::request::{JsonText, Message, Place, Role, ToolCall, ToolResult};
use crate::document::{Kind, Value};
use crate::error::GatewayError;
use crate::wire::blocks::of_result;
use crate::wire::request::{arguments, check_objects, optional_text, quoted, text_field, unsupported};
use crate::wire::responses::client::compaction;
use crate::wire::responses::client::tool::{TYPED, Typed, full_name, is_client_tool};
use crate::wire::thoughts::ThoughtKeys;
use crate::wire::unread;

/// Items about tools that ran at OpenAI, or that only OpenAI can read. They mean nothing to another model.
const SERVER_ITEMS: [&str; 12] = [
    "code_interpreter_call",
    "compaction_trigger",
    "computer_call",
    "computer_call_output",
    "file_search_call",
    "image_generation_call",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program_output",
    "web_search_call",
];

/// The kind of an item.
enum Item {
    Message,
    /// A message between two agents of the client, for example the task of a sub-agent (openai/codex#33551).
    AgentMessage,
    Thought,
    /// A call of a function, or of a tool with text input.
    Call,
    CustomCall,
    /// The result of either.
    Output,
    TypedCall(&'static Typed),
    TypedOutput(&'static Typed),
    /// A summary in place of an earlier conversation.
    Summary,
    /// Tools in addition to those of the request (openai/codex#27423). They are read with the request's own.
    MoreTools,
    OfAServer,
}

/// Reads the kind of an item. Fails with a 400 for one that no route supports.
fn kind(item: Value<'_>) -> Result<Item, GatewayError> {
    let word = type_of(item);
    Ok(match word.as_ref() {
        "message" => Item::Message,
        "" if item.get("role").is_some() => Item::Message,
        "" => return Err(item.missing("type")),
        "agent_message" => Item::AgentMessage,
        "additional_tools" => Item::MoreTools,
        "reasoning" => Item::Thought,
        "function_call" => Item::Call,
        "custom_tool_call" => Item::CustomCall,
        "function_call_output" | "custom_tool_call_output" => Item::Output,
        "compaction" | "compaction_summary" => Item::Summary,
        "item_reference" => return Err(reference(item)),
        server if SERVER_ITEMS.contains(&server) => Item::OfAServer,
        other => {
            let known = TYPED.iter().find_map(|typed| match other {
                call if call == typed.call => Some(Item::TypedCall(typed)),
                output if output == typed.output => Some(Item::TypedOutput(typed)),
                _ => None,
            });
            return known.ok_or_else(|| unsupported(item, &format!("an item of type {}", quoted(other))));
        }
    })
}

fn reference(item: Value<'_>) -> GatewayError {
    let path = item.path();
    let message = format!("{path}: this gateway stores no items, so you cannot refer to one; send the item itself.");
    GatewayError::unsupported(path, message).with_hint("Set store to false: then your client sends whole items.")
}

/// What is wrong with an input without items.
pub(in super::super) const NO_ITEMS: &str = "at least one item is required";

/// The items of the input; empty if the input is a string.
fn list(body: Value<'_>) -> Result<Vec<Value<'_>>, GatewayError> {
    let input = body.required("input")?;
    match input.kind() {
        Kind::Text => Ok(Vec::new()),
        Kind::List => Ok(input.list()?.collect()),
        Kind::Null | Kind::Flag | Kind::Number | Kind::Object => Err(input.expected("text or a list of items")),
    }
}

/// Checks the shape of the input.
pub(super) fn check(body: Value<'_>) -> Result<(), GatewayError> {
    let (input, items) = (body.required("input")?, list(body)?);
    if items.is_empty() && input.kind() == Kind::List {
        return Err(input.wrong(NO_ITEMS));
    }
    check_objects(&items)?;
    items.into_iter().try_for_each(check_item)
}

fn check_item(item: Value<'_>) -> Result<(), GatewayError> {
    let texts: &[&str] = match kind(item)? {
        Item::Message => {
            let role = item.required("role")?;
            if !["system", "developer", "user", "assistant"].contains(&role.text()?.as_ref()) {
                return Err(role.wrong("use system, developer, user or assistant"));
            }
            return parts::check(item.required("content")?);
        }
        Item::AgentMessage => return parts::check(item.required("content")?),
        Item::Output => {
            let output = item.required("output")?;
            if !is_text_or_list(output) {
                return Err(output.expected("text or a list of content parts"));
            }
            parts::check(output)?;
            &["call_id"]
        }
        Item::Call => &["call_id", "name"],
        Item::CustomCall => &["call_id", "name", "input"],
        Item::Thought | Item::Summary | Item::MoreTools | Item::TypedCall(_) | Item::TypedOutput(_) | Item::OfAServer => &[],
    };
    texts.iter().try_for_each(|name| text_field(item, name).map(drop))
}

/// Decodes the conversation of an input. Adds to `left_out` what it cannot hold.
pub(super) fn messages(
    body: Value<'_>,
    thoughts: Option<&ThoughtKeys>,
    left_out: &mut Vec<Place>,
) -> Result<Vec<Message>, GatewayError> {
    if let Some(text) = body.required("input")?.as_text() {
        let text = Part::Text { text: text.into_owned(), cache: None };
        return Ok(vec![Message { role: Role::User, parts: vec![text] }]);
    }
    let items = list(body)?;
    let calls = calls_by_own_id(&items);
    let mut messages = Vec::new();
    for item in items {
        let mut message = message(item, thoughts, left_out)?;
        for part in message.iter_mut().flat_map(|message| &mut message.parts) {
            if let Part::ToolResult(result) = part
                && item.get("call_id").is_none()
                && let Some(call) = calls.get(&result.call_id)
            {
                result.call_id.clone_from(call);
            }
        }
        messages.extend(message);
    }
    Ok(messages)
}

/// The call ids of typed calls by the ids of their items. The result of a `local_shell_call` has only the latter (OpenAI's
/// reference of Responses, `local_shell_call_output`).
fn calls_by_own_id(items: &[Value<'_>]) -> HashMap<String, String> {
    let typed = items.iter().filter(|item| TYPED.iter().any(|typed| type_of(**item) == typed.call));
    let text = |item: &Value<'_>, name: &str| item.get(name).and_then(Value::as_text).map(Cow::into_owned);
    typed.filter_map(|item| Some((text(item, "id")?, text(item, "call_id")?))).collect()
}

fn message(
    item: Value<'_>,
    thoughts: Option<&ThoughtKeys>,
    left_out: &mut Vec<Place>,
) -> Result<Option<Message>, GatewayError> {
    let by_model = |part: Part| Message { role: Role::Assistant, parts: vec![part] };
    Ok(match kind(item)? {
        Item::Message => {
            if item.get("type").is_none() {
                left_out.extend(unread::members(item, &reading::MESSAGE).into_iter().map(Value::place));
            }
            let role = match item.required("role")?.text()?.as_ref() {
                "system" | "developer" => Role::System,
                "assistant" => Role::Assistant,
                _ => Role::User,
            };
            Some(Message { role, parts: parts::content(item.required("content")?, left_out)? })
        }
        Item::AgentMessage => Some(agent_message(item, left_out)?),
        Item::MoreTools => {
            let tools = item.get("tools").into_iter().flat_map(Value::elements);
            left_out.extend(tools.filter(|tool| !is_client_tool(*tool)).map(Value::place));
            None
        }
        Item::Thought => thought(item, thoughts, left_out)?.map(by_model),
        Item::Call => Some(by_model(call(item, arguments(item.get("arguments")))?)),
        Item::CustomCall => {
            let input = serde_json::to_string(&text_field(item, "input")?).unwrap_or_default();
            Some(by_model(call(item, JsonText(format!("{{\"input\":{input}}}")))?))
        }
        Item::TypedCall(typed) => {
            let (id, name) = (id_of(item)?, typed.name.to_owned());
            let arguments = arguments(item.get(typed.arguments));
            let place = item.place();
            Some(by_model(Part::ToolCall(ToolCall { id, name, arguments, signature: None, place })))
        }
        Item::Output => {
            let content = of_result(parts::content(item.required("output")?, left_out)?, left_out);
            Some(result(item, content, false)?)
        }
        Item::TypedOutput(typed) => {
            let is_error = item.get("status").is_some_and(|status| status.is("failed"));
            let output = item.get(if typed.name == "tool_search" { "tools" } else { "output" });
            let text = output.map(written).unwrap_or_default();
            Some(result(item, vec![Part::Text { text, cache: None }], is_error)?)
        }
        Item::Summary => summary(item, thoughts, left_out)?,
        Item::OfAServer => {
            left_out.push(item.place());
            None
        }
    })
}

/// A message between agents, as a user message that says who sent it to whom. Parts that only OpenAI can read are left out.
fn agent_message(item: Value<'_>, left_out: &mut Vec<Place>) -> Result<Message, GatewayError> {
    let [author, recipient] = item.fields(["author", "recipient"])?.map(optional_text);
    let name = |name: Option<String>| name.unwrap_or_else(|| "another agent".to_owned());
    let text = format!("Message from {} to {}:", name(author?), name(recipient?));
    let mut parts = vec![Part::Text { text, cache: None }];
    parts.extend(parts::texts(item.required("content")?, left_out)?);
    Ok(Message { role: Role::User, parts })
}

/// A string, or other values as JSON, however the client wrote them.
fn written(output: Value<'_>) -> String {
    let json = || output.meaning().map_or_else(|| output.json().0, |meaning| meaning.to_string());
    output.as_text().map_or_else(json, Cow::into_owned)
}

fn result(item: Value<'_>, content: Vec<Part>, is_error: bool) -> Result<Message, GatewayError> {
    let result = ToolResult { call_id: id_of(item)?, content, is_error, cache: None, place: item.place() };
    Ok(Message { role: Role::User, parts: vec![Part::ToolResult(result)] })
}

fn call(item: Value<'_>, arguments: JsonText) -> Result<Part, GatewayError> {
    let namespace = optional_text(item.get("namespace"))?;
    let name = full_name(namespace.as_deref(), &text_field(item, "name")?);
    Ok(Part::ToolCall(ToolCall { id: id_of(item)?, name, arguments, signature: None, place: item.place() }))
}

/// The id that links a call with its result. OpenAI's oldest typed tools use `id`.
fn id_of(item: Value<'_>) -> Result<String, GatewayError> {
    let [call, own] = item.fields(["call_id", "id"])?;
    Ok(optional_text(call.or(own))?.unwrap_or_default())
}

/// A returned reasoning item. One that was changed, or that this deployment did not write, is dropped.
fn thought(
    item: Value<'_>,
    thoughts: Option<&ThoughtKeys>,
    left_out: &mut Vec<Place>,
) -> Result<Option<Part>, GatewayError> {
    if let Some(kept) = optional_text(item.get("encrypted_content"))?.filter(|kept| !kept.is_empty()) {
        let thought = thoughts.and_then(|thoughts| thoughts.read(&kept, item.place()));
        left_out.extend(thought.is_none().then(|| item.place()));
        return Ok(thought);
    }
    let texts = ["content", "summary"].into_iter().filter_map(|place| item.get(place)).flat_map(Value::elements);
    let texts = texts.filter_map(|entry| entry.get("text")).filter_map(Value::as_text);
    let text = texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n");
    Ok((!text.is_empty()).then(|| Part::Reasoning { text, signature: None, place: item.place() }))
}

/// A returned summary. One that this deployment did not write is dropped.
fn summary(
    item: Value<'_>,
    thoughts: Option<&ThoughtKeys>,
    left_out: &mut Vec<Place>,
) -> Result<Option<Message>, GatewayError> {
    let kept = optional_text(item.get("encrypted_content"))?;
    let Some(summary) = kept.and_then(|kept| thoughts?.read_summary(&kept)) else {
        left_out.push(item.place());
        return Ok(None);
    };
    let text = Part::Text { text: compaction::recalled(&summary), cache: None };
    Ok(Some(Message { role: Role::User, parts: vec![text] }))
}

/// The values of a request that contain parts.
pub(in crate::wire::responses::client) fn contents(body: Value<'_>) -> Vec<Value<'_>> {
    let items = body.get("input").into_iter().flat_map(Value::elements);
    items.flat_map(|item| ["content", "output"].into_iter().filter_map(move |place| item.get(place))).collect()
}

/// The ids of all calls and results, in order.
pub(in crate::wire::responses::client) fn call_ids(body: Value<'_>) -> Vec<String> {
    let items = body.get("input").into_iter().flat_map(Value::elements);
    items.filter_map(|item| item.get("call_id")).filter_map(Value::as_text).map(Cow::into_owned).collect()
}
