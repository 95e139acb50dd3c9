//! What Claude rejects in blocks of its own tools, and in content that may be cited.

use serde_json::Value;

use super::super::json::{items, string};
use super::claude_turns::{Block, Turn};
use super::verdict::{Verdict, ensure};

const COMPACTION: &str = "compact-2026-01-12";

/// A call of a server tool has a result, and the reverse (platform.claude.com, server tools). If a client call is next to it
/// at the end of the conversation, its result may still be missing.
pub(super) fn pairs(turns: &[Turn<'_>]) -> Verdict {
    let blocks = || turns.iter().flat_map(|turn| &turn.blocks);
    let is_result = |block: &&Block<'_>| block.kind.ends_with("_tool_result");
    let last = turns.iter().rposition(|turn| turn.role == "assistant");
    for (at, turn) in turns.iter().enumerate() {
        let waits = Some(at) == last && !turn.calls().is_empty();
        for call in turn.blocks.iter().filter(|block| block.kind == "server_tool_use") {
            let (id, name) = (call.string("id"), call.string("name"));
            let is_answered = blocks().filter(is_result).any(|result| result.string("tool_use_id") == id);
            ensure(waits || is_answered, || {
                format!("{}: `{name}` tool use with id `{id}` was found without a corresponding result block", call.path)
            })?;
        }
    }
    for result in blocks().filter(is_result) {
        let id = result.string("tool_use_id");
        let is_called = blocks().any(|block| block.kind == "server_tool_use" && block.string("id") == id);
        ensure(is_called, || format!("{}: unexpected `tool_use_id` found in `{}` blocks: {id}", result.path, result.kind))?;
    }
    Ok(())
}

/// Citations are requested for all content that may be cited, or for none (platform.claude.com, citations).
pub(super) fn citations(body: &Value) -> Verdict {
    let blocks = || items(body, "messages").flat_map(|message| items(message, "content"));
    let nested =
        blocks().filter(|block| string(block, "type") == Some("tool_result")).flat_map(|block| items(block, "content"));
    let citable = blocks().chain(nested).filter(|block| matches!(string(block, "type"), Some("document" | "search_result")));
    let asked: Vec<bool> = citable.map(|block| block.pointer("/citations/enabled") == Some(&Value::Bool(true))).collect();
    ensure(asked.iter().all(|asked| *asked) || !asked.contains(&true), || {
        "messages: citations must be enabled on all or none of the documents and search results".to_owned()
    })
}

/// A reference is to a declared tool (anthropics/claude-code#81863, Yeachan-Heo/oh-my-claudecode#483).
pub(super) fn references(body: &Value) -> Verdict {
    let blocks = || items(body, "messages").flat_map(|message| items(message, "content"));
    let is_reference = |value: &&Value| string(value, "type") == Some("tool_reference");
    let given = blocks().flat_map(|block| items(block, "content")).filter(is_reference);
    let found = blocks().filter_map(|block| block.get("content")).flat_map(|content| items(content, "tool_references"));
    let changed = blocks().filter_map(|block| block.get("tool")).filter(is_reference);
    let names = given.chain(found).filter_map(|reference| string(reference, "tool_name"));
    let mut names = names.chain(changed.filter_map(|reference| string(reference, "name")));
    let is_declared = |name: &str| items(body, "tools").any(|tool| string(tool, "name") == Some(name));
    match names.find(|name| !is_declared(name)) {
        Some(name) => Err(format!("Tool reference '{name}' not found in available tools")),
        None => Ok(()),
    }
}

/// A definition in a message needs its beta (platform.claude.com, mid-conversation tool changes).
pub(super) fn inline_tools(betas: &[&str], body: &Value) -> Verdict {
    let mut tools =
        items(body, "messages").flat_map(|message| items(message, "content")).filter_map(|block| block.get("tool"));
    let has_one = tools.any(|tool| string(tool, "type") == Some("tool_definition"));
    ensure(!has_one || betas.iter().any(|beta| beta.starts_with("inline-tools-")), || {
        "messages: tool_addition.tool: Input tag 'tool_definition' does not match any of the expected tags".to_owned()
    })
}

/// A source of a web search comes back with its index (platform.claude.com, web search tool).
pub(super) fn sources(body: &Value) -> Verdict {
    let blocks = items(body, "messages").flat_map(|message| items(message, "content"));
    let mut sources = blocks.flat_map(|block| items(block, "citations"));
    let is_found = |source: &Value| string(source, "type") == Some("web_search_result_location");
    let lacks_index = sources.any(|source| is_found(source) && string(source, "encrypted_index").is_none_or(str::is_empty));
    ensure(!lacks_index, || "messages: citations: `encrypted_index` is not valid".to_owned())
}

/// A summary requires its beta (platform.claude.com, compaction).
pub(super) fn compaction(betas: &[&str], body: &Value) -> Verdict {
    let mut blocks = items(body, "messages").flat_map(|message| items(message, "content"));
    let has_one = blocks.any(|block| string(block, "type") == Some("compaction"));
    ensure(!has_one || betas.contains(&COMPACTION), || format!("messages: `compaction` blocks need the beta {COMPACTION}"))
}
