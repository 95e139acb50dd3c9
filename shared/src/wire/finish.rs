//! Keeps the finish reason of a reply until the reply ends, in formats without block boundaries: those of OpenRouter and
//! Gemini. The end closes the open block. Each format's provider side translates its own words to [`FinishReason`].

use crate::chat::{Blocks, FinishReason, StreamEvent};
use crate::error::UpstreamError;

/// The finish reason of one reply, and whether its end was reported.
#[derive(Debug, Default)]
pub(super) struct Finish {
    provided: Option<(String, FinishReason)>,
    is_reported: bool,
}

impl Finish {
    /// Stores the provider's word and the finish reason that it means. Replaces an earlier one.
    pub(super) fn set(&mut self, word: String, reason: FinishReason) {
        self.provided = Some((word, reason));
    }

    /// The finish reason in the provider's own word, if it has come.
    pub(super) fn provider_word(&self) -> Option<&str> {
        self.provided.as_ref().map(|(word, _)| word.as_str())
    }

    /// The finish reason in the canonical form, if it has come.
    pub(super) fn reason(&self) -> Option<&FinishReason> {
        self.provided.as_ref().map(|(_, reason)| reason)
    }

    /// Whether [`Self::report`] was successful. No event may follow it.
    pub(super) fn is_reported(&self) -> bool {
        self.is_reported
    }

    /// Closes the open block and adds the finish event, once. Fails if no finish reason has come: the reply is truncated.
    pub(super) fn report(&mut self, blocks: &mut Blocks, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError> {
        if self.is_reported {
            return Ok(());
        }
        let (_, reason) = self.provided.clone().ok_or_else(UpstreamError::truncated)?;
        self.is_reported = true;
        blocks.close(events);
        events.push(StreamEvent::Finish(reason));
        Ok(())
    }
}
