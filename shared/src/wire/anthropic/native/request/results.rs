//! The content of tool results and of search results.

use super::blocks::text_block;
use super::reading::{Reader, Spot};
use super::references::{GONE, is_reference};
use crate::document::{Entry, Kind, Value};
use crate::error::GatewayError;
use crate::wire::anthropic::rules::history::{FAILED, FAILED_WITH};

impl<'d> Reader<'_, 'd> {
    /// Reads the content of a result. Empty content is removed, and that of an error or of references is replaced.
    pub(super) fn result_content(&mut self, block: Value<'d>, content: Option<Value<'d>>) -> Result<(), GatewayError> {
        let is_gone = self.nested(content, Spot::Result)?;
        let is_empty = is_gone || content.is_none_or(|content| content.is_blank() || is_list_of_none(content));
        let has_failed = block.get("is_error").is_some_and(|failed| matches!(failed.flag(), Ok(true)));
        if is_gone && content.is_some_and(|content| content.elements().any(is_reference)) {
            self.forwarding.edits.set(block, "content", GONE);
        } else if is_empty && has_failed {
            self.forwarding.edits.set(block, "content", FAILED);
        } else if let Some(content) = content.filter(|content| is_gone || content.is_blank() && !content.is("")) {
            self.forwarding.edits.remove(content);
        } else if let Some(content) = content.filter(|_| has_failed) {
            self.say_failed(block, content);
        }
        Ok(())
    }

    /// Reports the failure of a result in words if the result contains other blocks than texts.
    fn say_failed(&mut self, result: Value<'d>, content: Value<'d>) {
        let edits = &mut self.forwarding.edits;
        if content.elements().filter(|block| !edits.removes(*block)).all(is_text) {
            return;
        }
        let own = content.elements().map(Entry::Own);
        let entries = std::iter::once(Entry::New(text_block(FAILED_WITH))).chain(own).collect();
        edits.arrange(content, entries);
        edits.remove_field(result, "is_error");
    }

    /// Drops everything except texts from a search result (platform.claude.com, search results). Returns whether a text is
    /// left.
    pub(super) fn keep_texts(&mut self, found: Value<'d>) -> bool {
        let content = found.get("content").into_iter().flat_map(Value::elements);
        let (texts, others): (Vec<_>, Vec<_>) = content.partition(|block| is_text(*block));
        for block in others {
            self.forwarding.drop(block);
        }
        texts.into_iter().any(|block| !block.get("text").is_some_and(Value::is_blank))
    }

    /// Replaces a search result that has no text by a text of its title and its source, as a translation does. Returns false
    /// if it has neither.
    pub(super) fn say_source(&mut self, found: Value<'d>) -> bool {
        let named = ["title", "source"].into_iter().filter_map(|name| found.get(name)?.as_text());
        let words = named.filter(|name| !name.trim().is_empty()).collect::<Vec<_>>().join("\n");
        if words.is_empty() {
            return false;
        }
        let edits = &mut self.forwarding.edits;
        edits.set(found, "type", "text");
        edits.set(found, "text", &words);
        let is_of_text = |name: &str| matches!(name, "type" | "text" | "cache_control");
        found.members().filter(|(name, _)| !is_of_text(name)).for_each(|(_, value)| edits.remove(value));
        true
    }
}

/// Whether a block is a text.
fn is_text(block: Value<'_>) -> bool {
    block.get("type").is_some_and(|kind| kind.is("text"))
}

fn is_list_of_none(content: Value<'_>) -> bool {
    content.kind() == Kind::List && content.elements().next().is_none()
}
