//! The end of a reply in formats without block boundaries: the finish reason comes before the end, and the end closes the
//! open block.

use crate::chat::{Blocks, FinishReason, StreamEvent};
use crate::error::UpstreamError;

/// The finish of one reply.
#[derive(Debug, Default)]
pub(super) struct Finish {
    said: Option<(String, FinishReason)>,
    is_told: bool,
}

impl Finish {
    /// Stores the provider's finish reason and its meaning. Replaces an earlier one.
    pub(super) fn note(&mut self, word: String, reason: FinishReason) {
        self.said = Some((word, reason));
    }

    /// The provider's finish reason, if it has come.
    pub(super) fn word(&self) -> Option<&str> {
        self.said.as_ref().map(|(word, _)| word.as_str())
    }

    /// The meaning of the finish reason.
    pub(super) fn reason(&self) -> Option<&FinishReason> {
        self.said.as_ref().map(|(_, reason)| reason)
    }

    /// Whether the end was reported. Nothing may follow it.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Reports the end once. A reply without a finish reason is truncated.
    pub(super) fn tell(&mut self, blocks: &mut Blocks, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        if self.is_told {
            return Ok(());
        }
        let (_, reason) = self.said.clone().ok_or_else(UpstreamError::truncated)?;
        self.is_told = true;
        blocks.close(events);
        events.push(StreamEvent::Finish(reason));
        Ok(())
    }
}
