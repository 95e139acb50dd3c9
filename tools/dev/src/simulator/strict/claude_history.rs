//! What Claude on Vertex rejects in a conversation.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::json::{items, string};
use super::super::{signature, text};
use super::claude_media;
use super::claude_model::Model;
use super::claude_server_tools;
use super::claude_turns::{Block, Turn, said, turns};
use super::verdict::{Verdict, ensure, extra, is_name};

const MOST_BREAKPOINTS: usize = 4;

/// Checks the conversation. `thinking` is the type that the request asks for.
pub(super) fn check(model: Model<'_>, thinking: Option<&str>, body: &Value) -> Verdict {
    for (place, message) in items(body, "messages").enumerate() {
        extra(Some(message), &format!("messages.{place}"), &["role", "content"])?;
    }
    system(body)?;
    let turns = turns(model, body)?;
    // docs.cloud.google.com, request fields of Claude.
    ensure(turns.first().is_some_and(|turn| turn.role == "user"), || {
        "messages: first message must use the \"user\" role".to_owned()
    })?;
    for turn in &turns {
        for block in &turn.blocks {
            belongs(block, turn.role)?;
            content(block)?;
        }
    }
    breakpoints(body)?;
    pairs(&turns)?;
    claude_server_tools::pairs(&turns)?;
    claude_server_tools::citations(body)?;
    claude_server_tools::sources(body)?;
    claude_server_tools::references(body)?;
    thoughts(&turns, thinking)?;
    thoughts_first(&turns, thinking)?;
    ending(model, thinking, &turns)
}

/// The system prompt is text (API reference, `system`; BerriAI/litellm#41427 has a picture in it).
fn system(body: &Value) -> Verdict {
    for (place, block) in items(body, "system").enumerate() {
        ensure(string(block, "type") == Some("text"), || format!("system.{place}.type: Input should be 'text'"))?;
        extra(Some(block), &format!("system.{place}"), &["type", "text", "cache_control", "citations"])?;
        said(string(block, "text").unwrap_or_default()).map_err(|wrong| wrong.replacen("messages", "system", 1))?;
    }
    Ok(())
}

/// Only user messages contain pictures, documents and results, and only assistant messages contain calls (API reference;
/// SEMOSS/Semoss#2323).
fn belongs(block: &Block<'_>, role: &str) -> Verdict {
    let of = match block.kind {
        "image" | "document" | "tool_result" => "user",
        "tool_use" => "assistant",
        _ => role,
    };
    ensure(of == role, || format!("{}: `{}` blocks can only be in `{of}` messages", block.path, block.kind))
}

/// Reasoning has no cache mark (platform.claude.com, prompt caching; Wei-Shaw/sub2api#225), so only a few members are
/// allowed.
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
        // Blocks of the provider's own tools are not checked. MCP servers need a beta that Vertex does not accept
        // (platform.claude.com, MCP connector; praxis-proxy/ai#638).
        own if !own.starts_with("mcp_")
            && (own.starts_with("server_") || own.ends_with("_tool_result") || own == "compaction") =>
        {
            return Ok(());
        }
        other => {
            return Err(format!("{path}: Input tag '{other}' found using 'type' does not match any of the expected tags"));
        }
    };
    extra(Some(value), &format!("{path}.{kind}"), known)?;
    match *kind {
        "text" => said(block.text.unwrap_or_default()),
        "image" | "document" => claude_media::source(path, kind, value),
        "search_result" => found(path, value),
        "thinking" => thought(block),
        "redacted_thinking" => ensure(signature::read(block.string("data")).is_some(), || {
            format!("{path}: Invalid `data` in `redacted_thinking` block")
        }),
        "tool_use" => call(block),
        "tool_result" => result(block),
        _ => Ok(()),
    }
}

/// Parts of a block have no cache mark (platform.claude.com, prompt caching, what cannot be cached).
fn found(path: &str, value: &Value) -> Verdict {
    // platform.claude.com, search results: at least one text, and nothing else.
    ensure(items(value, "content").next().is_some(), || {
        format!("{path}.search_result.content: List should have at least 1 item")
    })?;
    let is_text = |block: &Value| string(block, "type") == Some("text");
    ensure(items(value, "content").all(is_text), || format!("{path}.search_result.content: Input should be 'text'"))?;
    for (place, block) in items(value, "content").enumerate() {
        extra(Some(block), &format!("{path}.search_result.content.{place}"), &["type", "text", "citations"])?;
        said(string(block, "text").unwrap_or_default())?;
    }
    Ok(())
}

/// The input is an object (API reference), not text.
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
    // bytedance/trae-agent#231, UKGovernmentBEIS/inspect_ai#169.
    let says = items(block.value, "content").next().is_some()
        || string(block.value, "content").is_some_and(|said| !said.trim().is_empty());
    let has_failed = block.value.get("is_error") == Some(&Value::Bool(true));
    ensure(says || !has_failed, || format!("{path}.tool_result: content cannot be empty if `is_error` is true"))?;
    // vellum-ai/vellum-assistant#18387.
    let is_text = |value: &Value| string(value, "type") == Some("text");
    ensure(!has_failed || items(block.value, "content").all(is_text), || {
        format!("{path}.tool_result: all content must be type \"text\" if \"is_error\" is true")
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

/// Reasoning comes back with its signature, and unchanged (ENTERPILOT/GoModel#964, openclaw/openclaw#15681).
fn thought(block: &Block<'_>) -> Verdict {
    let path = &block.path;
    let signed = block.value.get("signature").is_some_and(|signature| !signature.is_null());
    ensure(signed, || format!("{path}.thinking.signature: Field required"))?;
    let issued = signature::read(block.string("signature")).filter(signature::Issued::is_of_claude);
    let issued = issued.ok_or_else(|| format!("{path}: Invalid `signature` in `thinking` block"))?;
    ensure(text::is_thought(block.string("thinking"), issued.step), || {
        format!(
            "{path}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks \
             must remain as they were in the original response."
        )
    })
}

/// Four at most (platform.claude.com, prompt caching), including nested ones (anthropics/claude-agent-sdk-typescript#432).
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
    for mark in &all {
        ensure(string(mark, "type") == Some("ephemeral"), || "cache_control.type: Input should be 'ephemeral'".to_owned())?;
        let ttl = mark.get("ttl").is_none_or(|ttl| ttl == "5m" || ttl == "1h");
        ensure(ttl, || "cache_control.ephemeral.ttl: Input should be '5m' or '1h'".to_owned())?;
    }
    let lasting: Vec<bool> = all.iter().map(|mark| string(mark, "ttl") == Some("1h")).collect();
    ensure(lasting.is_sorted_by(|earlier, later| *earlier || !later), || {
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in \
         the following order: `tools`, `system`, `messages`."
            .to_owned()
    })?;
    whole(body)
}

/// The mark of the whole request has the lifetime of the mark of its last block (platform.claude.com, prompt caching,
/// automatic caching).
pub(super) fn whole(body: &Value) -> Verdict {
    let lasts = |mark: &Value| string(mark, "ttl") == Some("1h");
    let last = items(body, "messages").last().and_then(|message| items(message, "content").last());
    let own = last.and_then(|block| block.get("cache_control")).filter(|mark| mark.is_object());
    let whole = body.get("cache_control").filter(|mark| mark.is_object());
    ensure(own.zip(whole).is_none_or(|(own, whole)| lasts(own) == lasts(whole)), || {
        "cache_control: the last block has an explicit cache_control with a different TTL".to_owned()
    })
}

/// Each call is answered directly after it, with no other results (anthropics/claude-code#8210). An id names one call of the
/// whole conversation.
fn pairs(turns: &[Turn<'_>]) -> Verdict {
    let mut known: BTreeSet<&str> = BTreeSet::new();
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
        ensure(called.iter().all(|id| known.insert(id)), || format!("messages.{place}: `tool_use` ids must be unique"))?;
    }
    match called.first() {
        Some(missing) => Err(format!(
            "messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing}. Each \
             `tool_use` block must have a corresponding `tool_result` block in the next message."
        )),
        None => Ok(()),
    }
}

/// With a reasoning budget, a turn that contains reasoning begins with it (anthropics/claude-code#20705,
/// OpenHands/software-agent-sdk#738).
fn thoughts_first(turns: &[Turn<'_>], thinking: Option<&str>) -> Verdict {
    let has_thought = |turn: &&Turn<'_>| turn.blocks.iter().any(Block::is_thought);
    for first in turns.iter().filter(has_thought).filter_map(|turn| turn.blocks.first()) {
        ensure(thinking != Some("enabled") || first.is_thought(), || {
            format!(
                "{}: If an assistant message contains any thinking blocks, the first block must be `thinking` or \
                 `redacted_thinking`. Found `{}`.",
                first.path, first.kind
            )
        })?;
    }
    Ok(())
}

/// The rules for reasoning in the last assistant turn (platform.claude.com, thinking; Kilo-Org/kilocode#5219).
fn thoughts(turns: &[Turn<'_>], thinking: Option<&str>) -> Verdict {
    let Some(last) = turns.iter().rfind(|turn| turn.role == "assistant") else { return Ok(()) };
    match thinking {
        Some("adaptive" | "between_tools") => Ok(()),
        Some("enabled") => match last.blocks.first() {
            Some(first) if !last.calls().is_empty() && !first.is_thought() && answers(turns) => Err(format!(
                "{}.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` is enabled, a final \
                 `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and \
                 `tool_result` blocks).",
                first.path, first.kind
            )),
            Some(_) | None => Ok(()),
        },
        // Reasoning of turns that the user has answered is ignored.
        Some(_) | None => match last.blocks.iter().find(|block| block.is_thought()) {
            Some(block) if is_last(last, turns) || answers(turns) => Err(format!(
                "{}: When thinking is disabled, an `assistant` message in the final position cannot contain `{}`. To use \
                 thinking blocks, enable `thinking` in your request.",
                block.path, block.kind
            )),
            Some(_) | None => Ok(()),
        },
    }
}

fn is_last(turn: &Turn<'_>, turns: &[Turn<'_>]) -> bool {
    turns.last().is_some_and(|last| last.place == turn.place)
}

/// Whether the conversation ends with tool results, so that the tool loop continues.
fn answers(turns: &[Turn<'_>]) -> bool {
    turns.last().is_some_and(|turn| turn.results().next().is_some())
}

/// platform.claude.com, what is new in 4.6. White space: the prompt factory of BerriAI/litellm.
fn ending(model: Model<'_>, thinking: Option<&str>, turns: &[Turn<'_>]) -> Verdict {
    let Some(last) = turns.last().filter(|turn| turn.role == "assistant") else { return Ok(()) };
    ensure(model.takes_prefill(), || {
        "This model does not support assistant message prefill. The conversation must end with a user message.".to_owned()
    })?;
    // platform.claude.com, extended thinking: no prefill with reasoning.
    ensure(!matches!(thinking, Some("enabled" | "adaptive")), || {
        "messages: final assistant content is not supported when thinking is enabled".to_owned()
    })?;
    let text = last.blocks.last().and_then(|block| block.text).unwrap_or_default();
    ensure(text == text.trim_end(), || "messages: final assistant content cannot end with trailing whitespace".to_owned())
}
