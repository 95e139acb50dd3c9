//! Compaction: a long conversation is replaced by its user messages, its instructions and a summary. The client sends these
//! back instead of the conversation (OpenAI's reference of `POST /v1/responses/compact`). Without a summary the conversation
//! stays as it is.

use serde::Serialize;
use serde_json::value::RawValue;

use super::item::on_one_line;
use super::reply::id;
use super::request::{NO_ITEMS, role_of_prompt};
use super::response::UsageOut;
use crate::chat::{ChatResponse, FinishReason, Part};
use crate::document::{Document, Edits, Entry, Kind, Value};
use crate::error::GatewayError;
use crate::wire::ReplyContext;

/// Asks the model for the summary. It is the last message of the conversation.
const ASK: &str = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Summarise this conversation, so that you can continue it from your summary and the user's messages alone. Keep goals, decisions, constraints, names, paths, numbers, results of tools, and what is still open. Answer with the summary only."}]}"#;

/// The field that a request for a summary must have.
const INPUT: &str = "input";

/// The request for the summary of a conversation: the same conversation, with the task as its last message. Tools stay
/// declared for the calls in it, and none is called. Fails with a 400 if there is no conversation.
pub fn request(body: &Document) -> Result<String, GatewayError> {
    let (root, mut edits) = (body.root(), Edits::default());
    let input = root.required(INPUT)?;
    let mut entries: Vec<Entry<'_>> = match input.kind() {
        Kind::Text => {
            let before = r#"{"type":"message","role":"user","content":"#.to_owned();
            vec![Entry::Within { before, entries: vec![Entry::Own(input)], after: "}" }]
        }
        Kind::List if input.elements().next().is_none() => return Err(input.wrong(NO_ITEMS)),
        Kind::List => input.elements().map(Entry::Own).collect(),
        Kind::Null | Kind::Flag | Kind::Number | Kind::Object => return Err(input.expected("text or a list of items")),
    };
    entries.push(Entry::New(ASK.to_owned()));
    edits.arrange_field(root, INPUT, entries);
    for field in ["stream", "stream_options", "text", "tool_choice"] {
        edits.remove_field(root, field);
    }
    if root.get("tools").is_some() {
        edits.set(root, "tool_choice", "none");
    }
    Ok(String::from_utf8_lossy(&body.edited(&edits)).into_owned())
}

#[derive(Serialize)]
struct Compacted<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    output: Vec<Item>,
    usage: UsageOut,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item {
    Message {
        id: String,
        role: &'static str,
        status: &'static str,
        content: Box<RawValue>,
    },
    Compaction {
        id: String,
        encrypted_content: String,
    },
    /// An item of the client.
    #[serde(untagged)]
    Own(Box<RawValue>),
}

/// Encodes the summary: the client's user messages and instructions, and an item that only this deployment can read. Encodes
/// the client's items if there is no summary, so that nothing is lost.
pub(super) fn whole(reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
    let body = context.asked.body.as_deref().map(Document::root);
    let items: Vec<Value<'_>> = body.and_then(|body| body.get(INPUT)).into_iter().flat_map(Value::elements).collect();
    let conversation = items.split_last().map(|(_, conversation)| conversation).unwrap_or_default();
    let sealed = summary(reply).and_then(|summary| context.asked.thoughts.as_ref()?.write_summary(&summary));
    let output = match sealed {
        Some(encrypted_content) => {
            let prompts = conversation.iter().filter_map(|item| role_of_prompt(*item).zip(item.get("content")));
            let mut output: Vec<Item> = prompts
                .enumerate()
                .map(|(number, (role, content))| message(id(context, "msg_", number), role, content))
                .collect();
            output.push(Item::Compaction { id: id(context, "cmp_", output.len()), encrypted_content });
            output
        }
        None => conversation.iter().map(|item| Item::Own(on_one_line(&item.json().0))).collect(),
    };
    let usage = reply.usage.unwrap_or_default();
    serde_json::to_vec(&Compacted {
        id: &context.identity.id,
        object: "response.compaction",
        created_at: context.identity.created,
        output,
        usage: UsageOut::of(&usage, context),
    })
}

/// The model's text, unless it is blank or cut, or the model refused.
fn summary(reply: &ChatResponse) -> Option<String> {
    let is_finished = reply.finish == FinishReason::Stop && reply.refusal.is_none();
    let texts =
        reply.parts.iter().filter_map(|part| if let Part::Text { text, .. } = part { Some(text.as_str()) } else { None });
    let summary = texts.collect::<String>();
    (is_finished && !summary.trim().is_empty()).then_some(summary)
}

/// A message as an item of a reply, whose content is a list.
fn message(id: String, role: &'static str, content: Value<'_>) -> Item {
    let json = content.json().0;
    let list = if content.kind() == Kind::Text { format!(r#"[{{"type":"input_text","text":{json}}}]"#) } else { json };
    Item::Message { id, role, status: "completed", content: on_one_line(&list) }
}

/// The user's message in place of an earlier conversation.
pub(super) fn recalled(summary: &str) -> String {
    format!("Summary of the conversation so far:\n{summary}")
}
