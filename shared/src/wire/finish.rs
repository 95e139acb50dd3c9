//! The end of a reply on wires without block boundaries: the finish reason comes before the end, where whatever is open is closed.

use crate::chat::{Blocks, FinishReason, StreamEvent};
use crate::error::UpstreamError;

/// The finish of one reply.
#[derive(Debug, Default)]
pub(super) struct Finish {
    said: Option<(String, FinishReason)>,
    is_told: bool,
}

impl Finish {
    /// Takes the provider's word and what it means, in place of an earlier one.
    pub(super) fn note(&mut self, word: String, reason: FinishReason) {
        self.said = Some((word, reason));
    }

    /// The provider's word, once it has come.
    pub(super) fn word(&self) -> Option<&str> {
        self.said.as_ref().map(|(word, _)| word.as_str())
    }

    /// What the word means.
    pub(super) fn reason(&self) -> Option<&FinishReason> {
        self.said.as_ref().map(|(_, reason)| reason)
    }

    /// Whether the end was told: nothing may follow.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Tells the end, once. A reply that ends without a finish reason is truncated.
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
