//! Collects a reply that the client receives as a whole.

use crate::chat::{ChatResponse, Part, StreamEvent, collect};
use crate::error::UpstreamError;
use crate::sse::Frame;
use crate::wire::{FrameFold, Native};

/// The provider's whole reply, as much as has arrived.
pub(super) struct Folded {
    pub(super) native: &'static dyn Native,
    pub(super) fold: Box<dyn FrameFold>,
    /// The reply if it arrived as one JSON object; then nothing is merged.
    pub(super) body: Option<String>,
    pub(super) events: Vec<StreamEvent>,
}

impl Folded {
    /// Takes a frame that differs from the previous frame only in its text. Returns false if the frame must be parsed.
    pub(super) fn add_text(&mut self, text: &str, checked: &mut Vec<StreamEvent>) -> bool {
        let is_added = self.body.is_none() && self.fold.add_text(text);
        if is_added {
            self.events.append(checked);
        }
        is_added
    }

    pub(super) fn add(&mut self, frame: Option<&Frame<'_>>, checked: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        self.events.append(checked);
        match frame.filter(|_| self.body.is_none()) {
            Some(frame) => self.fold.add(frame),
            None => Ok(()),
        }
    }
}

/// The reply made from the events.
pub(super) fn reply_of(events: &mut Vec<StreamEvent>) -> Result<ChatResponse, UpstreamError> {
    let mut reply = collect(events.drain(..)).ok_or_else(UpstreamError::truncated)?;
    // Reasoning without text and signature is empty.
    reply.parts.retain(|part| !matches!(part, Part::Reasoning { text, signature: None, .. } if text.is_empty()));
    Ok(reply)
}
