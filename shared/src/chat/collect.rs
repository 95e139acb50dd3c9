//! Collects a reply's events to the whole reply.

use super::event::{BlockStart, Delta, StreamEvent};
use super::request::{JsonText, Part, Place, ToolCall};
use super::response::{ChatResponse, FinishReason};

/// The reply of the events, or `None` if they do not finish it.
pub fn collect(events: impl IntoIterator<Item = StreamEvent>) -> Option<ChatResponse> {
    let mut reply = ChatResponse {
        id: String::new(),
        parts: Vec::new(),
        citations: Vec::new(),
        refusal: None,
        finish: FinishReason::Stop,
        usage: None,
    };
    for event in events {
        match event {
            StreamEvent::Start { id, usage, .. } => {
                reply.id = id;
                reply.usage = Some(usage).filter(|usage| !usage.is_empty());
            }
            StreamEvent::BlockStart(block) => reply.parts.extend(open(block)),
            StreamEvent::Delta(Delta::Citation(citation)) => {
                reply.citations.push((reply.parts.len().saturating_sub(1), citation));
            }
            StreamEvent::Delta(delta) => reply.parts.last_mut().into_iter().for_each(|part| extend(part, &delta)),
            StreamEvent::BlockStop => {}
            StreamEvent::Usage(last) => reply.usage = Some(last),
            StreamEvent::Refusal(words) => reply.refusal.get_or_insert_default().push_str(&words),
            StreamEvent::Finish(finish) => return Some(ChatResponse { finish, ..reply }),
        }
    }
    None
}

/// The part that a block begins; `None` for a block that only its own format knows.
fn open(block: BlockStart) -> Option<Part> {
    Some(match block {
        BlockStart::Text => Part::Text { text: String::new(), cache: None },
        BlockStart::Reasoning => Part::Reasoning { text: String::new(), signature: None, place: Place::default() },
        BlockStart::RedactedReasoning { data } => Part::RedactedReasoning { data, place: Place::default() },
        BlockStart::ToolCall { id, name } => {
            Part::ToolCall(ToolCall { id, name, arguments: JsonText(String::new()), signature: None, place: Place::NOWHERE })
        }
        BlockStart::Opaque => return None,
    })
}

/// Adds a piece to the last part, to which it belongs by the grammar.
fn extend(part: &mut Part, delta: &Delta) {
    match (part, delta) {
        (Part::Text { text, .. }, Delta::Text(piece)) | (Part::Reasoning { text, .. }, Delta::Reasoning(piece)) => {
            text.push_str(piece);
        }
        (Part::ToolCall(call), Delta::Arguments(piece)) => call.arguments.0.push_str(piece),
        (Part::Reasoning { signature, .. }, Delta::Signature(signed)) => *signature = Some(signed.clone()),
        (Part::ToolCall(call), Delta::Signature(signed)) => call.signature = Some(signed.clone()),
        (_, Delta::Text(_) | Delta::Reasoning(_) | Delta::Arguments(_) | Delta::Signature(_) | Delta::Citation(_)) => {}
    }
}
