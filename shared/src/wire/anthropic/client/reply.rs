//! Encodes a whole reply as one Messages object.

use serde_json::value::RawValue;

use super::super::signature::seal;
use super::super::usage::ClientUsage;
use super::stream::{Block, Location, Message, empty_object, stop};
use crate::chat::ChatResponse;
use crate::chat::request::{Origin, Part, ToolCall};
use crate::wire::ReplyContext;

/// Encodes a whole reply.
pub fn whole(reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
    let mut blocks = Vec::with_capacity(reply.parts.len());
    for (number, part) in reply.parts.iter().enumerate() {
        match part {
            Part::Text { text, .. } => {
                let own = reply.citations.iter().filter(|(of, _)| *of == number);
                let citations = own.map(|(_, citation)| Location::of(citation)).collect();
                blocks.push(Block::Text { text, citations });
            }
            Part::Reasoning { text, signature, .. } => {
                let signature = signature.as_ref().map(seal).unwrap_or_default();
                blocks.push(Block::Thinking { thinking: text, signature });
            }
            Part::RedactedReasoning { data, .. } => blocks.push(Block::RedactedThinking { data: seal(data) }),
            Part::ToolCall(call) => {
                let foreign = call.signature.as_ref().filter(|signature| signature.origin != Origin::Anthropic);
                blocks.extend(foreign.map(|signature| Block::Thinking { thinking: "", signature: seal(signature) }));
                blocks.push(tool_use(call));
            }
            Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } | Part::ToolResult(_) => {}
        }
    }
    let usage = reply.usage.unwrap_or_default();
    let identity = &context.identity;
    serde_json::to_vec(&Message {
        id: &identity.id,
        kind: "message",
        role: "assistant",
        model: identity.model.as_str(),
        content: blocks,
        stop: stop(&reply.finish, reply.refusal.as_deref()),
        usage: ClientUsage::new(&usage, Some(context.cost_of(&usage))),
    })
}

/// `input` must be an object. Arguments that the token limit cut off are not an object.
fn tool_use(call: &ToolCall) -> Block<'_> {
    let input = RawValue::from_string(call.arguments.0.clone()).ok().filter(|input| input.get().starts_with('{'));
    Block::ToolUse { id: &call.id, name: &call.name, input: input.unwrap_or_else(empty_object) }
}
