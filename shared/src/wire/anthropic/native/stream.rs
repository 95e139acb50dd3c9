//! Forwards Messages events to a client of the same format.
//!
//! `message_delta` waits for `message_stop`. Before that, the gateway does not know how the reply ends and what it costs.
//! The end of an incomplete call, and what follows it, waits as well.

use bytes::{BufMut as _, BytesMut};
use serde::Deserialize;

use super::super::client::stream::{Encoder, stop};
use super::super::provider::reply::is_true_word;
use super::super::usage::shown;
use crate::chat::{BlockStart, FinishReason, StreamEvent, Usage};
use crate::error::UpstreamError;
use crate::sse::{self, Frame};
use crate::wire::raw::RawObject;
use crate::wire::shape::Text;
use crate::wire::{Checked, EventEncoder as _, FrameForwarder, ReplyContext};

/// Forwards one stream.
pub struct Forwarder {
    context: ReplyContext,
    begun: bool,
    /// Whether a block has begun and not ended.
    open: bool,
    /// Frames that wait for the finish reason, as the client will get them.
    held: BytesMut,
    /// The data of `message_delta` with the stop reason.
    last_delta: Option<String>,
    /// The data of `message_stop`.
    stop: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
}

#[derive(Deserialize)]
struct MessageStart<'a> {
    #[serde(borrow)]
    message: RawObject<'a>,
}

#[derive(Deserialize)]
struct BlockStartShape<'a> {
    #[serde(borrow)]
    content_block: RawObject<'a>,
}

#[derive(Deserialize)]
struct MessageDelta<'a> {
    #[serde(borrow)]
    delta: Option<RawObject<'a>>,
    #[serde(borrow)]
    usage: Option<RawObject<'a>>,
}

#[derive(Deserialize)]
struct StopShape<'a> {
    #[serde(borrow)]
    delta: Option<StopReason<'a>>,
}

#[derive(Deserialize)]
struct StopReason<'a> {
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
}

impl Forwarder {
    /// Forwards the reply to a request.
    pub fn new(context: ReplyContext) -> Self {
        Self { context, begun: false, open: false, held: BytesMut::new(), last_delta: None, stop: None, usage: None }
    }

    fn frame(&mut self, frame: &Frame<'_>, checked: Checked<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        let tag;
        let kind = if let Some(event) = frame.event {
            event
        } else {
            tag = serde_json::from_str::<Tag<'_>>(frame.data)?.kind.0;
            tag.as_ref()
        };
        let out = if checked.held.is_some() { &mut self.held } else { out };
        let patched = match kind {
            "message_start" if self.begun => return Ok(()),
            "message_start" => {
                self.begun = true;
                Some(renamed(frame.data, &self.context)?)
            }
            "content_block_start" => {
                self.open = true;
                with_call_id(frame.data, checked)?
            }
            // Clients look a block up by its number, and a block that never began has none.
            "content_block_stop" if !std::mem::take(&mut self.open) => return Ok(()),
            "message_delta" if says_stop(frame.data)? => {
                self.last_delta = Some(frame.data.to_owned());
                return Ok(());
            }
            // The end is written with the finish reason.
            "message_stop" => {
                self.stop = Some(frame.data.to_owned());
                return Ok(());
            }
            _ => None,
        };
        let data = patched.as_deref().unwrap_or(frame.data);
        sse::write_frame(&Frame { event: Some(kind), data }, out);
        Ok(())
    }

    fn close(&mut self, finish: &FinishReason, out: &mut BytesMut) -> Result<(), UpstreamError> {
        out.extend_from_slice(&self.held.split());
        let usage = self.usage.unwrap_or_default();
        let Some(data) = self.last_delta.take() else {
            // The provider ended without a finish reason.
            let mut encoder = Encoder::new(self.context.clone());
            encoder.encode(&StreamEvent::Usage(usage), out);
            encoder.encode(&StreamEvent::Finish(finish.clone()), out);
            return Ok(());
        };
        let mut event = RawObject::parse(&data)?;
        let MessageDelta { delta, usage: reported } = serde_json::from_str(&data)?;
        let mut delta = delta.unwrap_or_default();
        let word = delta.get("stop_reason").and_then(|word| serde_json::from_str::<Text<'_>>(word).ok());
        if !word.is_some_and(|word| is_true_word(&word.0, finish)) {
            delta.set("stop_reason", &stop(finish, None).stop_reason)?;
            event.set("delta", &delta)?;
        }
        event.set("usage", &shown(reported, &usage, self.context.cost_of(&usage))?)?;
        write("message_delta", &event, out)?;
        let data = self.stop.take();
        let data = data.as_deref().unwrap_or(r#"{"type":"message_stop"}"#);
        sse::write_frame(&Frame { event: Some("message_stop"), data }, out);
        Ok(())
    }
}

fn write(name: &str, event: &RawObject<'_>, out: &mut BytesMut) -> Result<(), serde_json::Error> {
    let mut data = BytesMut::new().writer();
    serde_json::to_writer(&mut data, event)?;
    let data = data.into_inner();
    sse::write_frame(&Frame { event: Some(name), data: std::str::from_utf8(&data).unwrap_or_default() }, out);
    Ok(())
}

fn text(object: &RawObject<'_>) -> Result<String, serde_json::Error> {
    object.to_json().map(|json| String::from_utf8_lossy(&json).into_owned())
}

/// Replaces id and model in a `message_start`. Removes the provider's price, which the client must not see.
fn renamed(data: &str, context: &ReplyContext) -> Result<String, serde_json::Error> {
    let mut start = RawObject::parse(data)?;
    let mut message = serde_json::from_str::<MessageStart<'_>>(data)?.message;
    let usage = message.get("usage").map(ToOwned::to_owned);
    message.set("id", &context.identity.id)?;
    message.set("model", context.identity.model.as_str())?;
    if let Some(usage) = usage {
        let mut usage = RawObject::parse(&usage)?;
        super::super::usage::remove_cost(&mut usage);
        message.set("usage", &usage)?;
    }
    start.set("message", &message)?;
    text(&start)
}

/// The start of a call's block, if its id must change.
fn with_call_id(data: &str, checked: Checked<'_>) -> Result<Option<String>, serde_json::Error> {
    let call_id = checked.events.iter().chain(checked.held.unwrap_or_default()).find_map(|event| {
        if let StreamEvent::BlockStart(BlockStart::ToolCall { id, .. }) = event { Some(id) } else { None }
    });
    let Some(id) = call_id else { return Ok(None) };
    let mut block = serde_json::from_str::<BlockStartShape<'_>>(data)?.content_block;
    let written = block.get("id").and_then(|id| serde_json::from_str::<Text<'_>>(id).ok());
    if written.is_some_and(|written| written.0 == *id) {
        return Ok(None);
    }
    let mut start = RawObject::parse(data)?;
    block.set("id", id)?;
    start.set("content_block", &block)?;
    text(&start).map(Some)
}

/// Whether a `message_delta` has a stop reason.
fn says_stop(data: &str) -> Result<bool, serde_json::Error> {
    let StopShape { delta } = serde_json::from_str(data)?;
    Ok(delta.and_then(|delta| delta.stop_reason).is_some_and(|reason| !reason.0.is_empty()))
}

impl FrameForwarder for Forwarder {
    fn forward(&mut self, frame: Option<&Frame<'_>>, checked: Checked<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        if let Some(frame) = frame {
            self.frame(frame, checked, out)?;
        }
        for event in checked.events {
            match event {
                StreamEvent::Usage(usage) => self.usage = Some(*usage),
                StreamEvent::Finish(finish) => self.close(finish, out)?,
                StreamEvent::Start { .. }
                | StreamEvent::BlockStart(_)
                | StreamEvent::Delta(_)
                | StreamEvent::BlockStop
                | StreamEvent::Refusal(_) => {}
            }
        }
        Ok(())
    }
}
