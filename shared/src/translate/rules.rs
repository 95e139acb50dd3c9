//! The rules of a reply: what every client can rely on, whichever provider answered, and whether frames are forwarded or
//! encoded.
//!
//! The finish reason follows from the content. A reply with calls has the reason `ToolCalls`, and a reply without calls
//! never has it. The provider's reason decides only between the other reasons. Every call has a name and a unique id. An
//! incomplete call is never sent as a complete one: if its arguments are not a JSON object, the end of the call waits for
//! the finish reason. The attempt then fails, unless the finish reason is the token limit. The same applies to an answer
//! that came as a call's arguments. An answer without content is a failed attempt.

use serde::de::IgnoredAny;

use crate::chat::{BlockStart, Delta, FinishReason, StreamEvent};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::Identity;

/// Sent for a blocked reply if the provider gives no reason.
const BLOCKED: &str = "The provider blocked this reply.";

/// Whose ids a client gets for its tool calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallIds {
    /// The gateway's: ids of one format mean nothing in another.
    Own,
    /// The provider's, if they exist and are unique.
    Provider,
}

/// Checks the events of one reply.
#[derive(Debug)]
pub struct ReplyRules {
    identity: Identity,
    call_ids: CallIds,
    seen_ids: Vec<String>,
    /// The open call's arguments so far, or the text of an answer that came as arguments.
    arguments: Option<String>,
    is_answer: bool,
    has_content: bool,
    has_refusal: bool,
    /// The end of an incomplete call, and what came after it.
    held: Vec<StreamEvent>,
}

impl ReplyRules {
    /// The rules for a reply with this identity.
    pub fn new(identity: Identity, call_ids: CallIds) -> Self {
        Self {
            identity,
            call_ids,
            seen_ids: Vec::new(),
            arguments: None,
            is_answer: false,
            has_content: false,
            has_refusal: false,
            held: Vec::new(),
        }
    }

    /// The end of an incomplete call, and what came after it, while they wait for the finish reason.
    pub fn held(&self) -> &[StreamEvent] {
        &self.held
    }

    /// True while anything waits.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Checks the next event, and appends what may be sent now. `word` is the provider's finish reason so far, for error
    /// messages. Fails with `NoAnswer` if the reply is not an answer.
    pub fn check(&mut self, event: StreamEvent, word: &str, checked: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        let mut is_held = self.is_holding();
        let event = match event {
            StreamEvent::Finish(reason) => return self.finish(reason, word, checked),
            StreamEvent::BlockStart(block) => StreamEvent::BlockStart(self.begin(block)?),
            StreamEvent::Delta(Delta::Arguments(text) | Delta::Text(text)) if self.means_none(&text) => return Ok(()),
            StreamEvent::Delta(delta) => {
                self.piece(&delta);
                StreamEvent::Delta(delta)
            }
            StreamEvent::BlockStop => {
                let arguments = self.arguments.take();
                let is_empty = arguments.as_ref().is_some_and(|arguments| arguments.trim().is_empty());
                if std::mem::take(&mut self.is_answer) && is_empty {
                    self.has_content = true;
                    let none = StreamEvent::Delta(Delta::Text("{}".to_owned()));
                    if is_held { &mut self.held } else { &mut *checked }.push(none);
                }
                is_held |= arguments.is_some_and(|arguments| !is_complete(&arguments));
                event
            }
            StreamEvent::Refusal(_) => {
                self.has_refusal = true;
                event
            }
            StreamEvent::Start { .. } | StreamEvent::Usage(_) => event,
        };
        if is_held { &mut self.held } else { checked }.push(event);
        Ok(())
    }

    /// The block of text that has just begun is an answer in a call's arguments: one JSON object.
    pub fn expect_object(&mut self) {
        (self.arguments, self.is_answer) = (Some(String::new()), true);
    }

    fn begin(&mut self, block: BlockStart) -> Result<BlockStart, UpstreamError> {
        match block {
            BlockStart::ToolCall { name, .. } if name.is_empty() => {
                Err(failed("the provider sent a tool call without a name"))
            }
            BlockStart::ToolCall { id, name } => {
                let is_usable = self.call_ids == CallIds::Provider && !id.is_empty() && !self.seen_ids.contains(&id);
                let id = if is_usable { id } else { self.identity.call_id(self.seen_ids.len()) };
                self.seen_ids.push(id.clone());
                (self.has_content, self.arguments) = (true, Some(String::new()));
                Ok(BlockStart::ToolCall { id, name })
            }
            BlockStart::RedactedReasoning { .. } | BlockStart::Opaque => {
                self.has_content = true;
                Ok(block)
            }
            BlockStart::Text | BlockStart::Reasoning => Ok(block),
        }
    }

    /// Whether arguments are `null`, which some providers send for a call without arguments.
    fn means_none(&self, text: &str) -> bool {
        text.trim() == "null" && self.arguments.as_ref().is_some_and(String::is_empty)
    }

    fn piece(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(text) | Delta::Reasoning(text) => self.has_content |= !text.is_empty(),
            Delta::Signature(_) => self.has_content = true,
            Delta::Arguments(_) | Delta::Citation(_) => {}
        }
        if let (Delta::Text(text) | Delta::Arguments(text), Some(arguments)) = (delta, &mut self.arguments) {
            arguments.push_str(text);
        }
    }

    fn finish(&mut self, reason: FinishReason, word: &str, checked: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        let reason = match (reason, self.seen_ids.is_empty()) {
            (FinishReason::Stop | FinishReason::StopSequence(_), false) => FinishReason::ToolCalls,
            (FinishReason::Stop | FinishReason::ToolCalls, true) if self.has_refusal && !self.has_content => {
                FinishReason::ContentFilter
            }
            (FinishReason::ToolCalls, true) => FinishReason::Stop,
            (reason, _) => reason,
        };
        if self.is_holding() && reason != FinishReason::Length {
            return Err(failed("the provider sent a tool call whose arguments are not complete"));
        }
        checked.append(&mut self.held);
        match &reason {
            FinishReason::Stop | FinishReason::ToolCalls if !self.has_content => {
                return Err(failed(format!("the model ended with {word} and without an answer")));
            }
            FinishReason::ContentFilter if !self.has_content && !self.has_refusal => {
                checked.push(StreamEvent::Refusal(BLOCKED.to_owned()));
            }
            FinishReason::Stop
            | FinishReason::StopSequence(_)
            | FinishReason::Length
            | FinishReason::ToolCalls
            | FinishReason::ContentFilter
            | FinishReason::Paused => {}
        }
        checked.push(StreamEvent::Finish(reason));
        Ok(())
    }
}

fn failed(message: impl Into<String>) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::NoAnswer, message)
}

/// Whether arguments are one JSON object, or empty, which counts as one.
fn is_complete(arguments: &str) -> bool {
    let text = arguments.trim();
    text.is_empty() || (text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok())
}
