//! Calls of tools that run at the provider, and their results. Claude rejects one without the other.

use std::collections::HashSet;

use super::blocks::{Block, Kind};
use crate::chat::request::{Message, Role};
use crate::document::Value;
use crate::wire::native::Forwarding;

/// Drops calls without a result and results without a call (platform.claude.com, server tools). A call next to one of the
/// client's tools runs when that tool's result comes, so it may wait for its own result at the end of a conversation.
pub(super) fn keep_paired<'d>(messages: &mut [Message<Block<'d>>], forwarding: &mut Forwarding<'d>) {
    let blocks = || messages.iter().flat_map(|message| &message.parts).filter(|block| block.is_sent());
    let ids = |is: fn(&str) -> bool| -> HashSet<String> {
        blocks().filter(|block| kind(block).is_some_and(|kind| is(&kind))).map(|block| block.id().to_owned()).collect()
    };
    let (called, answered) = (ids(is_call), ids(is_result));
    if called.is_empty() && answered.is_empty() {
        return;
    }
    let last = messages.iter().rposition(|message| message.role == Role::Assistant);
    for (at, message) in messages.iter_mut().enumerate() {
        let waits = Some(at) == last && message.parts.iter().any(|part| part.what() == Kind::Call);
        for block in message.parts.iter_mut().filter(|block| block.is_sent()) {
            let Some(kind) = kind(block) else { continue };
            let is_alone = is_call(&kind) && !answered.contains(block.id()) && !waits
                || is_result(&kind) && !called.contains(block.id());
            if is_alone {
                block.value().into_iter().for_each(|value| forwarding.drop(value));
                *block = block.clone().gone();
            }
        }
    }
}

fn kind<'d>(block: &Block<'d>) -> Option<std::borrow::Cow<'d, str>> {
    block.value()?.get("type").and_then(Value::as_text)
}

fn is_call(kind: &str) -> bool {
    kind == "server_tool_use"
}

fn is_result(kind: &str) -> bool {
    kind.ends_with("_tool_result")
}
