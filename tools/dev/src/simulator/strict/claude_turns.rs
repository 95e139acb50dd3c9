//! Combines the messages of a request to Claude into turns: consecutive messages with the same role are one turn.

use serde_json::Value;

use super::super::json::{items, string};
use super::claude_model::Model;
use super::verdict::{Verdict, ensure};

/// Consecutive messages with one role.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) role: &'a str,
    /// The index of its first message.
    pub(super) place: usize,
    pub(super) blocks: Vec<Block<'a>>,
}

/// One content block. A string counts as one text block.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// Its position, as errors write it.
    pub(super) path: String,
    pub(super) kind: &'a str,
    pub(super) text: Option<&'a str>,
    /// The block; null for a string.
    pub(super) value: &'a Value,
}

impl Block<'_> {
    pub(super) fn is_thought(&self) -> bool {
        matches!(self.kind, "thinking" | "redacted_thinking")
    }

    pub(super) fn string(&self, field: &str) -> &str {
        string(self.value, field).unwrap_or_default()
    }
}

impl Turn<'_> {
    /// The ids of the calls in this turn.
    pub(super) fn calls(&self) -> Vec<&str> {
        self.blocks.iter().filter(|block| block.kind == "tool_use").map(|block| block.string("id")).collect()
    }

    /// The results at the start of this turn. Results after other blocks do not count.
    pub(super) fn results(&self) -> impl Iterator<Item = &Block<'_>> {
        self.blocks.iter().take_while(|block| block.kind == "tool_result")
    }
}

/// Reads the messages. System messages belong to no turn.
pub(super) fn turns<'a>(model: Model<'_>, body: &'a Value) -> Result<Vec<Turn<'a>>, String> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for (place, message) in items(body, "messages").enumerate() {
        let role = role(model, message, place)?;
        let blocks = blocks(message, place)?;
        if role == "system" {
            system_place(body, place)?;
            let fits = |block: &Block<'_>| matches!(block.kind, "text" | "tool_addition" | "tool_removal");
            ensure(blocks.iter().all(fits), || format!("messages.{place}: system messages can only contain text"))?;
            blocks.iter().filter(|block| block.kind == "text").try_for_each(|block| said(block.text.unwrap_or_default()))?;
            continue;
        }
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.blocks.extend(blocks),
            Some(_) | None => turns.push(Turn { role, place, blocks }),
        }
    }
    Ok(turns)
}

/// A system message between turns follows a user message, and is followed by an assistant message or nothing
/// (platform.claude.com, mid-conversation system messages; pydantic/pydantic-ai#5706, LeenHawk/gproxy#209).
fn system_place(body: &Value, place: usize) -> Verdict {
    let role_at = |place: Option<usize>| string(items(body, "messages").nth(place?)?, "role");
    ensure(place > 0, || "messages.0: use the top-level 'system' parameter for the initial system prompt".to_owned())?;
    let fits =
        role_at(place.checked_sub(1)) == Some("user") && matches!(role_at(place.checked_add(1)), None | Some("assistant"));
    ensure(fits, || {
        format!(
            "messages.{place}: role 'system' must follow a 'user' message, and be last or precede an 'assistant' message"
        )
    })
}

fn role<'a>(model: Model<'_>, message: &'a Value, place: usize) -> Result<&'a str, String> {
    match string(message, "role") {
        Some(role @ "system") if model.takes_system_turns() => Ok(role),
        Some(role @ ("user" | "assistant")) => Ok(role),
        Some("system") => {
            Err("messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, \
             not \"system\" as an input message role."
                .to_owned())
        }
        Some(_) | None => Err(format!("messages.{place}.role: Input should be 'user' or 'assistant'")),
    }
}

fn blocks(message: &Value, place: usize) -> Result<Vec<Block<'_>>, String> {
    let path = format!("messages.{place}.content");
    match message.get("content") {
        Some(Value::String(text)) if !text.is_empty() => {
            Ok(vec![Block { path, kind: "text", text: Some(text), value: &Value::Null }])
        }
        Some(Value::Array(content)) if !content.is_empty() => {
            let block = |(index, value)| Block {
                path: format!("{path}.{index}"),
                kind: string(value, "type").unwrap_or_default(),
                text: string(value, "text"),
                value,
            };
            Ok(content.iter().enumerate().map(block).collect())
        }
        Some(Value::String(_) | Value::Array(_)) => Err(format!(
            "messages.{place}: all messages must have non-empty content except for the optional final assistant message"
        )),
        Some(_) | None => Err(format!("{path}: Field required")),
    }
}

/// Rejects empty texts (QuantumNous/new-api#1260).
pub(super) fn said(text: &str) -> Verdict {
    match text {
        "" => Err("messages: text content blocks must be non-empty".to_owned()),
        blank if blank.trim().is_empty() => Err("messages: text content blocks must contain non-whitespace text".to_owned()),
        _ => Ok(()),
    }
}
