//! References to tools: what a search found, and what an instruction adds or removes.

use super::blocks::Block;
use super::reading::Reader;
use crate::chat::request::Message;
use crate::document::Value;
use crate::wire::native::Forwarding;

/// Replaces the references in a result if no tool of them is declared.
pub(super) const GONE: &str = "The tools that were found are not available now.";

/// Whether a block is a reference to a tool.
pub(super) fn is_reference(block: Value<'_>) -> bool {
    block.get("type").is_some_and(|kind| kind.is("tool_reference"))
}

/// Drops changes of the tools from a message that does not stay a system message: they have no other place.
pub(super) fn drop_changes<'d>(message: &mut Message<Block<'d>>, forwarding: &mut Forwarding<'d>) {
    for part in message.parts.iter_mut().filter(|part| part.is_sent()) {
        let kind = |value: Value<'d>| value.get("type").and_then(Value::as_text);
        let change = part.value().filter(|value| matches!(kind(*value).as_deref(), Some("tool_addition" | "tool_removal")));
        if let Some(change) = change {
            forwarding.drop(change);
            *part = part.clone().gone();
        }
    }
}

impl<'d> Reader<'_, 'd> {
    /// Whether a reference, whose `member` is the tool's name, is to a declared tool. Claude rejects others
    /// (anthropics/claude-code#81863). Sets the provider's name of the tool.
    pub(super) fn refers(&mut self, reference: Value<'d>, member: &str) -> bool {
        let Some(name) = reference.get(member).and_then(Value::as_text) else { return false };
        if !self.declared.contains(name.as_ref()) {
            return false;
        }
        let sent = self.names.outward(&name);
        if sent != name {
            self.forwarding.edits.set(reference, member, &sent);
        }
        true
    }

    /// Drops what a search found and the request does not declare.
    pub(super) fn found(&mut self, content: Option<Value<'d>>) {
        let found = content.and_then(|content| content.get("tool_references"));
        for reference in found.into_iter().flat_map(Value::elements) {
            if !self.refers(reference, "tool_name") {
                self.forwarding.drop(reference);
            }
        }
    }

    /// Whether Claude accepts a change of the tools here: the change must name a declared tool. A definition in place of the
    /// name needs a beta that is not sent (platform.claude.com, mid-conversation tool changes: `inline-tools-2026-09-15`),
    /// and no rule for tools would apply to the definition.
    pub(super) fn changes_tools(&mut self, change: Value<'d>) -> bool {
        self.takes_tool_changes && change.get("tool").is_some_and(|tool| is_reference(tool) && self.refers(tool, "name"))
    }
}
