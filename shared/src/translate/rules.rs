//! The rules of a reply: what every client may rely on, whichever provider answered and whether its frames are forwarded or
//! encoded again.
//!
//! A finish reason follows from what the reply holds: calls mean `ToolCalls`, no call means not; the provider's word only chooses
//! between the rest. Every call has a name and an id of its own. Half a call is never told as a whole one: the end of a call whose
//! arguments are not a JSON object waits for the finish, and only the token limit excuses it. An answer that came as a call's
//! arguments is held to the same. An answer without content is a failed try.

use serde::de::IgnoredAny;

use crate::chat::{BlockStart, Delta, FinishReason, StreamEvent};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::wire::Identity;

/// What a client is told of a blocked reply about which the provider says nothing.
const BLOCKED: &str = "The provider blocked this reply.";

/// Whose ids a client gets for its tool calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallIds {
    /// The gateway's: ids of one wire mean nothing on another.
    Own,
    /// The provider's, as long as they are there and unique.
    Provider,
}

/// Checks one reply's events.
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
    /// The end of an incomplete call, and whatever came after it.
    held: Vec<StreamEvent>,
}

impl ReplyRules {
    /// The rules for a reply of that name.
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

    /// The end of an incomplete call, and what came after it, while they wait for the finish.
    pub fn held(&self) -> &[StreamEvent] {
        &self.held
    }

    /// True while anything waits.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes the next event and appends what may be told by now. `word` is the provider's own finish reason, as far as it is
    /// known, for the message of a failure. `NoAnswer` when the reply is none.
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

    /// The block of text that has just begun is an answer that the provider sends as a call's arguments: it is one JSON object.
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

    /// Whether arguments are `null`, which some providers send for none.
    fn means_none(&self, text: &str) -> bool {
        text.trim() == "null" && self.arguments.as_ref().is_some_and(String::is_empty)
    }

    fn piece(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(text) | Delta::Reasoning(text) => self.has_content |= !text.is_empty(),
            Delta::Signature(_) => self.has_content = true,
            Delta::Arguments(_) => {}
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

/// Whether arguments are one JSON object, or nothing, which is one for calls without any.
fn is_complete(arguments: &str) -> bool {
    let text = arguments.trim();
    text.is_empty() || (text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok())
}
