//! A whole Messages reply for a client of the same format.

use serde_json::value::{RawValue, to_raw_value};

use super::super::client::stream::{empty_object, stop};
use super::super::provider::reply::is_true_word;
use super::super::usage::shown;
use crate::chat::ChatResponse;
use crate::chat::request::{Part, ToolCall};
use crate::error::UpstreamError;
use crate::sse::Frame;
use crate::wire::fold::Tree;
use crate::wire::raw::RawObject;
use crate::wire::shape::Text;
use crate::wire::{FrameFold, ReplyContext};

/// Merges a stream into the whole reply. Every block start adds a block, whatever its number. A delta's fields merge into
/// the last block with its number, or into the last block if none has it. Two kinds of delta have fields that differ from
/// the block's: pieces of JSON become `input` when the block ends, and each citation is added to `citations`.
#[derive(Debug, Default)]
pub struct Fold {
    message: Tree,
    blocks: Vec<Tree>,
    /// The blocks' own numbers.
    numbers: Vec<Option<usize>>,
    /// The index of the block, if the last frame only added a piece of text to it.
    text_of: Option<usize>,
}

/// The events that make up a reply. Others may contain anything.
const FOLDED: [&str; 5] =
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"];

/// Holds the pieces of a block's input until it ends.
const PARTIAL: &str = "partial_json";

impl FrameFold for Fold {
    fn add(&mut self, frame: &Frame<'_>) -> Result<(), UpstreamError> {
        if frame.event.is_some_and(|event| !FOLDED.contains(&event)) {
            return Ok(());
        }
        self.text_of = None;
        let mut event = Tree::read(frame.data)?;
        let kind = event.take("type");
        let kind = kind.as_ref().and_then(Tree::text).or(frame.event).unwrap_or_default();
        match kind {
            "message_start" => self.start(event),
            "content_block_start" => {
                if let Some(block) = event.take("content_block") {
                    self.blocks.push(block);
                    self.numbers.push(event.index());
                }
            }
            "content_block_delta" => self.piece(event),
            "content_block_stop" => self.end_block(&event),
            "message_delta" => self.end(event),
            _ => {}
        }
        Ok(())
    }

    fn add_text(&mut self, text: &str) -> bool {
        let block = self.text_of.and_then(|place| self.blocks.get_mut(place));
        block.and_then(|block| block.get_mut("text")).is_some_and(|words| words.append(text))
    }

    fn whole(&mut self) -> Result<String, UpstreamError> {
        self.message.set("content", Tree::List(std::mem::take(&mut self.blocks)));
        Ok(serde_json::to_string(&self.message)?)
    }
}

impl Fold {
    fn start(&mut self, mut event: Tree) {
        if matches!(&self.message, Tree::Object(fields) if fields.is_empty())
            && let Some(message) = event.take("message")
        {
            self.message = message;
        }
    }

    fn piece(&mut self, mut event: Tree) {
        let Some(mut delta) = event.take("delta") else { return };
        drop(delta.take("type"));
        let is_text = delta.growing() == 1 && delta.get("text").is_some_and(|text| text.growing() == 1);
        let place = self.place_of(&event);
        self.text_of = place.filter(|_| is_text);
        let Some(block) = place.and_then(|place| self.blocks.get_mut(place)) else { return };
        if let Some(citation) = delta.take("citation") {
            if block.get("citations").is_none_or(Tree::is_null) {
                block.set("citations", Tree::List(Vec::new()));
            }
            delta.set("citations", Tree::List(vec![citation]));
        }
        block.merge(delta);
    }

    /// Parses the pieces of a block's input. Incomplete JSON is left out.
    fn end_block(&mut self, event: &Tree) {
        self.place_of(event).and_then(|place| self.blocks.get_mut(place)).into_iter().for_each(close);
    }

    fn place_of(&self, event: &Tree) -> Option<usize> {
        let index = event.index();
        let known = self.numbers.iter().rposition(|number| index.is_some() && *number == index);
        known.or_else(|| self.numbers.len().checked_sub(1))
    }

    fn end(&mut self, mut event: Tree) {
        self.blocks.iter_mut().for_each(close);
        for (name, value) in event.take("delta").unwrap_or_default().into_fields() {
            self.message.replace(&name, value);
        }
        // Counts are cumulative, also in lists.
        let usage = event.take("usage").filter(|usage| !usage.is_null());
        match (self.message.get_mut("usage"), usage) {
            (Some(known), Some(usage)) => {
                usage.into_fields().into_iter().for_each(|(name, count)| known.replace(&name, count));
            }
            (None, Some(usage)) => self.message.set("usage", usage),
            (_, None) => {}
        }
        for (name, value) in event.into_fields() {
            self.message.replace(&name, value);
        }
    }
}

fn close(block: &mut Tree) {
    let Some(partial) = block.take(PARTIAL) else { return };
    let input = partial.text().filter(|text| !text.trim().is_empty());
    if let Some(Ok(input @ Tree::Object(_))) = input.map(Tree::read) {
        block.set("input", input);
    }
}

/// Corrects a reply for its client: the gateway's id and model replace the provider's, the usage shows the charge, and what
/// contradicts the checked reply changes. Everything else stays as the provider wrote it.
pub fn corrected(body: &str, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
    let mut fields = RawObject::parse(body)?;
    let reported = fields.get("usage").map(ToOwned::to_owned);
    let reported: Option<RawObject<'_>> = reported.as_deref().map_or(Ok(None), serde_json::from_str)?;
    let usage = reply.usage.unwrap_or_default();
    let usage = to_raw_value(&shown(reported, &usage, context.cost_of(&usage))?)?;
    let word = fields.get("stop_reason").and_then(|word| serde_json::from_str::<String>(word).ok());
    let written = fields.get("content").unwrap_or("null").to_owned();
    fields.set("id", &context.identity.id)?;
    fields.set("model", context.identity.model.as_str())?;
    fields.set("usage", &usage)?;
    if !word.is_some_and(|word| is_true_word(&word, &reply.finish)) {
        fields.set("stop_reason", &stop(&reply.finish, None).stop_reason)?;
    }
    let mut blocks = serde_json::from_str::<Option<Vec<RawObject<'_>>>>(&written)?;
    if correct_calls(blocks.as_deref_mut().unwrap_or_default(), reply)? || blocks.is_none() {
        fields.set("content", &blocks.unwrap_or_default())?;
    }
    fields.to_json()
}

/// Corrects the ids and inputs of calls. Returns true if anything was wrong.
fn correct_calls(blocks: &mut [RawObject<'_>], reply: &ChatResponse) -> Result<bool, serde_json::Error> {
    let is_call = |block: &&mut RawObject<'_>| block.get("type") == Some("\"tool_use\"");
    let mut is_changed = false;
    for (block, call) in blocks.iter_mut().filter(is_call).zip(calls(reply)) {
        let id = block.get("id").and_then(|id| serde_json::from_str::<Text<'_>>(id).ok());
        if id.is_none_or(|id| id.0 != call.id) {
            block.set("id", &call.id)?;
            is_changed = true;
        }
        if !block.get("input").is_some_and(|input| input.starts_with('{')) {
            let input = RawValue::from_string(call.arguments.0.clone()).ok().filter(|input| input.get().starts_with('{'));
            block.set("input", &input.unwrap_or_else(empty_object))?;
            is_changed = true;
        }
    }
    Ok(is_changed)
}

fn calls(reply: &ChatResponse) -> impl Iterator<Item = &ToolCall> {
    reply.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None })
}
