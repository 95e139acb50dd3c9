//! Messages events to a client of the same format.

use bytes::BytesMut;
use serde::Deserialize;

use crate::chat::Usage;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::sse::{self, Frame};
use crate::wire::raw::RawObject;
use crate::wire::{FrameForwarder, Identity};

/// Forwards one stream.
#[derive(Debug)]
pub struct Forwarder {
    identity: Identity,
    begun: bool,
}

#[derive(Deserialize)]
struct MessageStart<'a> {
    #[serde(borrow)]
    message: RawObject<'a>,
}

impl Forwarder {
    /// Forwards under that identity.
    pub fn new(identity: Identity) -> Self {
        Self { identity, begun: false }
    }

    /// `message_start` with our id and model.
    fn renamed(&self, data: &str) -> Result<Vec<u8>, serde_json::Error> {
        let mut start = RawObject::parse(data)?;
        let mut message = serde_json::from_str::<MessageStart<'_>>(data)?.message;
        message.set("id", &self.identity.id)?;
        message.set("model", self.identity.model.as_str())?;
        start.set("message", &message)?;
        start.to_json()
    }
}

impl FrameForwarder for Forwarder {
    fn forward(&mut self, frame: &Frame<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        let is_start = frame.event == Some("message_start");
        if is_start && self.begun {
            return Ok(());
        }
        if !is_start {
            sse::write_frame(frame, out);
            return Ok(());
        }
        self.begun = true;
        let data = self.renamed(frame.data);
        let data = data.map_err(|error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string()))?;
        sse::write_frame(&Frame { event: frame.event, data: std::str::from_utf8(&data).unwrap_or_default() }, out);
        Ok(())
    }

    fn finish(&mut self, _usage: Option<&Usage>, _out: &mut BytesMut) {}
}
