//! What a reply needs from its request, and the traits for the reply side of a format.

use std::sync::Arc;

use bytes::BytesMut;

use super::thoughts::ThoughtKeys;
use super::{ClientFormat, Identity};
use crate::chat::{StreamEvent, Usage};
use crate::document::Document;
use crate::error::{GatewayError, UpstreamError};
use crate::ids::RequestId;
use crate::money::PicoUsd;
use crate::sse::Frame;

/// How the client gets its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As server-sent events, while it is generated.
    Streamed,
    /// As one JSON body, once it is complete.
    Whole,
}

/// Returns the amount that the client is charged for a usage.
pub type CostOf = Arc<dyn Fn(&Usage) -> PicoUsd + Send + Sync>;

/// What a relay needs to know about its request.
#[derive(Clone)]
pub struct ReplyContext {
    /// The client's format.
    pub format: ClientFormat,
    /// The request's id.
    pub request: RequestId,
    /// The reply's id and model name.
    pub identity: Identity,
    /// How the client gets the reply.
    pub delivery: Delivery,
    /// Whether a chat stream ends with a usage chunk.
    pub include_usage: bool,
    /// Shown and charged if the provider counts nothing.
    pub estimate: Estimate,
    /// Computes the charge of a usage.
    pub cost: CostOf,
    /// The request, of which some formats repeat parts in their replies.
    pub asked: Asked,
}

/// What a reply takes from its request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The client's body; `None` if there is no client, as in a probe.
    pub body: Option<Arc<Document>>,
    /// Writes the reasoning that the client keeps; `None` if the deployment has no secret for it.
    pub thoughts: Option<ThoughtKeys>,
    /// Whether the reply is a summary that replaces the conversation.
    pub is_compaction: bool,
}

impl ReplyContext {
    /// The charge of a usage.
    pub fn cost_of(&self, usage: &Usage) -> PicoUsd {
        (self.cost)(usage)
    }
}

/// Bounds of a usage that no provider counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of the prompt.
    pub input: u64,
    /// Maximum tokens of the reply, as held.
    pub output_limit: u64,
}

/// Decodes provider frames to events. Pure: no clock, no network, no async.
pub trait EventDecoder: Send {
    /// Decodes one frame and appends its events.
    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError>;

    /// Ends the stream. Fails with `Truncated` if no finish marker came.
    fn finish(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError>;

    /// The provider's finish reason, once it has come.
    fn finish_word(&self) -> Option<&str>;
}

/// A frame's events, after the reply rules.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    /// Events that may be sent now.
    pub events: &'a [StreamEvent],
    /// Events of the frame that wait for the finish reason, because a call is incomplete. Frames wait with them.
    pub held: Option<&'a [StreamEvent]>,
}

/// Sends provider frames to a client of the same format. A frame changes only in the reply's id and model (those of
/// [`Identity`]), in the usage (the client format's shape), and where the checked events contradict it. A frame without
/// content is dropped.
pub trait FrameForwarder: Send {
    /// Appends the frame as the client gets it, if at all, and what closes the stream if the events finish it. `None` is the
    /// end of the upstream stream.
    fn forward(&mut self, frame: Option<&Frame<'_>>, checked: Checked<'_>, out: &mut BytesMut) -> Result<(), UpstreamError>;
}

/// Encodes events as client bytes, appended to a buffer that the caller reuses.
pub trait EventEncoder: Send {
    /// Appends an event.
    fn encode(&mut self, event: &StreamEvent, out: &mut BytesMut);

    /// Appends a keep-alive.
    fn ping(&self, out: &mut BytesMut);

    /// Appends the last event of a failed stream. Nothing may follow it.
    fn error(&mut self, error: &GatewayError, out: &mut BytesMut);
}

/// Merges a provider's frames to the whole reply that the provider would have sent.
pub trait FrameFold: Send {
    /// Adds the next frame.
    fn add(&mut self, frame: &Frame<'_>) -> Result<(), UpstreamError>;

    /// Takes a frame that differs from the previous frame only in its text. Returns false if the frame must be parsed,
    /// because the previous frame also added something else that grows.
    fn add_text(&mut self, text: &str) -> bool;

    /// The whole reply, as JSON.
    fn whole(&mut self) -> Result<String, UpstreamError>;
}

/// Restores provider frames to what they would be if the client's request had been sent unchanged.
pub trait FrameUndoer: Send {
    /// Calls `each` for every restored frame.
    fn undo(
        &mut self,
        frame: &Frame<'_>,
        each: &mut dyn FnMut(&Frame<'_>) -> Result<(), UpstreamError>,
    ) -> Result<(), UpstreamError>;

    /// Whether the last frame began the answer, which is one JSON object.
    fn began_answer(&mut self) -> bool;

    /// Restores a whole reply.
    fn undo_whole(&mut self, body: &str) -> Result<String, UpstreamError>;
}
