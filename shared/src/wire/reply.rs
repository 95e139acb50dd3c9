//! What reading and writing a reply needs to know of its request, and what the reply side of a format does.

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

/// The price of a usage as the client is charged for it.
pub type CostOf = Arc<dyn Fn(&Usage) -> PicoUsd + Send + Sync>;

/// What a relay needs to know of its request.
#[derive(Clone)]
pub struct ReplyContext {
    /// The client's format.
    pub format: ClientFormat,
    /// Which request.
    pub request: RequestId,
    /// What the reply calls itself.
    pub identity: Identity,
    /// How the client gets the reply.
    pub delivery: Delivery,
    /// Whether a chat stream ends with a usage chunk.
    pub include_usage: bool,
    /// What is shown, and charged, where the provider counts nothing.
    pub estimate: Estimate,
    /// What a usage costs.
    pub cost: CostOf,
    /// The request, of which some formats repeat parts in their replies.
    pub asked: Asked,
}

/// What a reply takes from its request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The client's body; `None` where nobody asked in a client's format.
    pub body: Option<Arc<Document>>,
    /// What writes the thoughts that the client keeps; `None` where the deployment has no secret for it.
    pub thoughts: Option<ThoughtKeys>,
}

impl ReplyContext {
    /// What a usage costs the client.
    pub fn cost_of(&self, usage: &Usage) -> PicoUsd {
        (self.cost)(usage)
    }
}

/// Bounds of a usage that no provider counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of the prompt.
    pub input: u64,
    /// The most tokens that the reply may have, as they are held.
    pub output_limit: u64,
}

/// Provider frames to events. Pure: no clock, no network, no async.
pub trait EventDecoder: Send {
    /// Takes one frame; appends what it means.
    fn decode(&mut self, frame: &Frame<'_>, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError>;

    /// The stream has ended. `Truncated` when no finish marker came.
    fn finish(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), UpstreamError>;

    /// The provider's own word for how the reply ends, once it has said it.
    fn finish_word(&self) -> Option<&str>;
}

/// What a frame means, after the rules of replies.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    /// The events that may be told by now.
    pub events: &'a [StreamEvent],
    /// Those of the frame that wait for the finish, while the end of an incomplete call does. Frames wait with them.
    pub held: Option<&'a [StreamEvent]>,
}

/// Provider frames to a client of the same format. A frame changes only in: the reply's id and model (ours), usage as the
/// client's format wants it, and what the checked events contradict; what brings nothing is left out.
pub trait FrameForwarder: Send {
    /// Appends the frame as the client shall see it, if it shall, and what closes the stream when the events finish it. `None`
    /// is the end of the upstream stream.
    fn forward(&mut self, frame: Option<&Frame<'_>>, checked: Checked<'_>, out: &mut BytesMut) -> Result<(), UpstreamError>;
}

/// Events to client bytes, appended to a buffer that the caller reuses.
pub trait EventEncoder: Send {
    /// Appends what the client gets of an event.
    fn encode(&mut self, event: &StreamEvent, out: &mut BytesMut);

    /// Appends a sign of life.
    fn ping(&self, out: &mut BytesMut);

    /// The stream has failed: appends its last event. Nothing may follow it.
    fn error(&mut self, error: &GatewayError, out: &mut BytesMut);
}

/// A provider's frames to the whole reply that the same provider would have given.
pub trait FrameFold: Send {
    /// Takes the next frame.
    fn add(&mut self, frame: &Frame<'_>) -> Result<(), UpstreamError>;

    /// Takes a frame that differs from the last one in nothing but its text. False where the last one added anything else that
    /// grows: then the frame must be read.
    fn add_text(&mut self, text: &str) -> bool;

    /// The whole reply, as JSON.
    fn whole(&mut self) -> Result<String, UpstreamError>;
}

/// Provider frames as they would be if the request had gone out as the client wrote it.
pub trait FrameUndoer: Send {
    /// Calls `each` for every frame that the client's own request would have brought in the place of this one.
    fn undo(
        &mut self,
        frame: &Frame<'_>,
        each: &mut dyn FnMut(&Frame<'_>) -> Result<(), UpstreamError>,
    ) -> Result<(), UpstreamError>;

    /// Whether the last frame began the answer, which is one JSON object.
    fn began_answer(&mut self) -> bool;

    /// A whole reply likewise.
    fn undo_whole(&mut self, body: &str) -> Result<String, UpstreamError>;
}
