//! What Claude on Vertex refuses in a conversation.

use serde_json::Value;

use super::super::json::{items, string};
use super::super::{signature, text};
use super::claude_model::Model;
use super::claude_turns::{Block, Turn, said, turns};
use super::verdict::{Verdict, ensure, extra, is_name};

const MOST_BREAKPOINTS: usize = 4;
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Checks the conversation; `thinking` is the type that the request asks for.
pub(super) fn check(model: Model<'_>, thinking: Option<&str>, body: &Value) -> Verdict {
    for (place, message) in items(body, "messages").enumerate() {
        extra(Some(message), &format!("messages.{place}"), &["role", "content"])?;
    }
    for block in items(body, "system") {
        said(string(block, "text").unwrap_or_default()).map_err(|wrong| wrong.replacen("messages", "system", 1))?;
    }
    let turns = turns(body)?;
    ensure(turns.first().is_some_and(|turn| turn.role == "user"), || {
        "messages: first message must use the \"user\" role".to_owned()
    })?;
    for block in turns.iter().flat_map(|turn| &turn.blocks) {
        content(block)?;
    }
    breakpoints(body)?;
    pairs(&turns)?;
    thoughts(&turns, thinking)?;
    ending(model, &turns)
}

fn content(block: &Block<'_>) -> Verdict {
    let Block { path, kind, value, .. } = block;
    let known: &[&str] = match *kind {
        "text" => &["type", "text", "cache_control", "citations"],
        "image" => &["type", "source", "cache_control"],
        "document" => &["type", "source", "title", "context", "citations", "cache_control"],
        "thinking" => &["type", "thinking", "signature"],
        "redacted_thinking" => &["type", "data"],
        "tool_use" => &["type", "id", "name", "input", "cache_control", "caller"],
        "tool_result" => &["type", "tool_use_id", "content", "is_error", "cache_control"],
        "search_result" => &["type", "source", "title", "content", "citations", "cache_control"],
        // What the provider's own tools left behind is its own affair.
        own if own.starts_with("server_") || own.ends_with("_tool_result") || own == "compaction" => return Ok(()),
        other => {
            return Err(format!("{path}: Input tag '{other}' found using 'type' does not match any of the expected tags"));
        }
    };
    extra(Some(value), &format!("{path}.{kind}"), known)?;
    match *kind {
        "text" => said(block.text.unwrap_or_default()),
        "image" | "document" => source(path, kind, value),
        "thinking" => thought(block),
        "redacted_thinking" => ensure(signature::read(block.string("data")).is_some(), || {
            format!("{path}: Invalid `data` in `redacted_thinking` block")
        }),
        "tool_use" => call(block),
        "tool_result" => result(block),
        _ => Ok(()),
    }
}

fn call(block: &Block<'_>) -> Verdict {
    let path = &block.path;
    ensure(is_name(block.string("id"), "_-", usize::MAX), || {
        format!("{path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    })?;
    ensure(is_name(block.string("name"), "_-", 200), || {
        format!("{path}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'")
    })?;
    ensure(block.value.get("input").is_some_and(Value::is_object), || {
        format!("{path}.tool_use.input: Input should be a valid dictionary")
    })
}

fn result(block: &Block<'_>) -> Verdict {
    let path = &block.path;
    ensure(is_name(block.string("tool_use_id"), "_-", usize::MAX), || {
        format!("{path}.tool_result.tool_use_id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    })?;
    for (place, value) in items(block.value, "content").enumerate() {
        let kind = string(value, "type").unwrap_or_default();
        let path = format!("{path}.tool_result.content.{place}");
        ensure(matches!(kind, "text" | "image" | "document" | "search_result" | "tool_reference"), || {
            format!("{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
        })?;
        if kind != "tool_reference" {
            content(&Block { path, kind, text: string(value, "text"), value })?;
        }
    }
    Ok(())
}

fn source(path: &str, kind: &str, block: &Value) -> Verdict {
    let source = block.get("source").unwrap_or(&Value::Null);
    let path = format!("{path}.{kind}.source");
    let media = string(source, "media_type").unwrap_or_default();
    match (string(source, "type"), kind) {
        (Some("base64"), "image") => {
            ensure(IMAGES.contains(&media), || {
                format!("{path}.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'")
            })?;
            base64(source, &path)
        }
        (Some("base64"), _) => {
            ensure(media == "application/pdf", || format!("{path}.base64.media_type: Input should be 'application/pdf'"))?;
            base64(source, &path)
        }
        (Some("text"), "document") => {
            ensure(media == "text/plain", || format!("{path}.text.media_type: Input should be 'text/plain'"))
        }
        (Some("content"), "document") => Ok(()),
        (Some("url"), _) => Err(format!("{path}: URL sources are not supported on this endpoint")),
        (_, _) => Err(format!("{path}: Input tag found using 'type' does not match any of the expected tags")),
    }
}

fn base64(source: &Value, path: &str) -> Verdict {
    let data = string(source, "data").unwrap_or_default();
    ensure(is_name(data, "+/=", usize::MAX), || format!("{path}.base64.data: Invalid base64 data"))
}

fn thought(block: &Block<'_>) -> Verdict {
    let path = &block.path;
    let issued = signature::read(block.string("signature")).filter(signature::Issued::is_of_claude);
    let issued = issued.ok_or_else(|| format!("{path}: Invalid `signature` in `thinking` block"))?;
    ensure(text::is_thought(block.string("thinking"), issued.step), || {
        format!(
            "{path}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks \
             must remain as they were in the original response."
        )
    })
}

fn breakpoints(body: &Value) -> Verdict {
    let mut all = Vec::new();
    for list in ["tools", "system"] {
        all.extend(items(body, list).filter_map(|block| block.get("cache_control")));
    }
    for block in items(body, "messages").flat_map(|message| items(message, "content")) {
        all.extend(items(block, "content").filter_map(|inner| inner.get("cache_control")));
        all.extend(block.get("cache_control"));
    }
    all.extend(body.get("cache_control"));
    all.retain(|mark| !mark.is_null());
    ensure(all.len() <= MOST_BREAKPOINTS, || {
        format!("A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {}.", all.len())
    })?;
    let lasting: Vec<bool> = all.iter().map(|mark| string(mark, "ttl") == Some("1h")).collect();
    ensure(lasting.is_sorted_by(|earlier, later| *earlier || !later), || {
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in \
         the following order: `tools`, `system`, `messages`."
            .to_owned()
    })
}

/// Each call is answered right after it, and nothing else is.
fn pairs(turns: &[Turn<'_>]) -> Verdict {
    let mut called: Vec<&str> = Vec::new();
    let mut place = 0;
    for turn in turns {
        let results: Vec<&str> = turn.results().map(|block| block.string("tool_use_id")).collect();
        if let Some(missing) = called.iter().find(|id| !results.contains(id)) {
            return Err(format!(
                "messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing}. Each \
                 `tool_use` block must have a corresponding `tool_result` block in the next message."
            ));
        }
        for block in turn.blocks.iter().filter(|block| block.kind == "tool_result") {
            let id = block.string("tool_use_id");
            ensure(called.contains(&id), || {
                format!(
                    "{}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a \
                     corresponding `tool_use` block in the previous message.",
                    block.path
                )
            })?;
            ensure(results.iter().filter(|result| **result == id).count() <= 1, || {
                format!(
                    "{}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}",
                    block.path
                )
            })?;
        }
        (called, place) = (turn.calls(), turn.place);
        let unique = called.iter().enumerate().all(|(place, id)| !called.iter().take(place).any(|earlier| earlier == id));
        ensure(unique, || format!("messages.{place}: `tool_use` ids must be unique"))?;
    }
    match called.first() {
        Some(missing) => Err(format!(
            "messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing}. Each \
             `tool_use` block must have a corresponding `tool_result` block in the next message."
        )),
        None => Ok(()),
    }
}

/// What the reasoning in the last turn of the assistant must be like.
fn thoughts(turns: &[Turn<'_>], thinking: Option<&str>) -> Verdict {
    let Some(last) = turns.iter().rfind(|turn| turn.role == "assistant") else { return Ok(()) };
    match thinking {
        Some("adaptive") => Ok(()),
        Some("enabled") => match last.blocks.first() {
            Some(first) if !last.calls().is_empty() && !first.is_thought() && answers(turns) => Err(format!(
                "{}.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` is enabled, a final \
                 `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and \
                 `tool_result` blocks).",
                first.path, first.kind
            )),
            Some(_) | None => Ok(()),
        },
        Some(_) | None => match last.blocks.iter().find(|block| block.is_thought()) {
            Some(block) => Err(format!(
                "{}: When thinking is disabled, an `assistant` message in the final position cannot contain `{}`. To use \
                 thinking blocks, enable `thinking` in your request.",
                block.path, block.kind
            )),
            None => Ok(()),
        },
    }
}

/// True if the conversation ends with results of tools: the loop is still going on.
fn answers(turns: &[Turn<'_>]) -> bool {
    turns.last().is_some_and(|turn| turn.results().next().is_some())
}

fn ending(model: Model<'_>, turns: &[Turn<'_>]) -> Verdict {
    let Some(last) = turns.last().filter(|turn| turn.role == "assistant") else { return Ok(()) };
    ensure(model.takes_prefill(), || {
        "This model does not support assistant message prefill. The conversation must end with a user message.".to_owned()
    })?;
    let text = last.blocks.last().and_then(|block| block.text).unwrap_or_default();
    ensure(text == text.trim_end(), || "messages: final assistant content cannot end with trailing whitespace".to_owned())
}
