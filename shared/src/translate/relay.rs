//! The whole streaming machine, free of I/O: upstream chunks in, client bytes out, usage observed on the way.

use bytes::BytesMut;

use super::conversion::Conversion;
use super::meter::Meter;
use super::restore::Restore;
use crate::chat::{Part, StreamEvent, collect};
use crate::error::{GatewayError, UpstreamError, UpstreamErrorKind};
use crate::sse::{Frame, FrameReader, SseError};
use crate::wire::{self, ClientFormat, Delivery, EventDecoder, EventEncoder, FrameForwarder, ReplyContext, WireFormat};

/// How far a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No content yet: comments, pings, and the announcement of a reply say nothing about whether one will come.
    Waiting,
    /// Content has come.
    Flowing,
    /// Complete: the last bytes are written.
    Finished,
    /// Broken. Nothing was written about it yet: see [`Relay::fail`].
    Failed(UpstreamError),
}

/// Relays one reply.
pub struct Relay {
    reader: FrameReader,
    machine: Machine,
}

/// Everything a frame goes through.
struct Machine {
    context: ReplyContext,
    wire: WireFormat,
    decoder: Box<dyn EventDecoder>,
    /// What to undo; `None` where the formats are the same.
    restore: Option<Restore>,
    outlet: Outlet,
    meter: Meter,
    /// Reused for every frame.
    events: Vec<StreamEvent>,
}

/// What goes out: the original frames, the events encoded again, or the whole reply at its end.
enum Outlet {
    Forward(Box<dyn FrameForwarder>),
    Encode(Box<dyn EventEncoder>),
    Collect(Vec<StreamEvent>),
}

impl From<SseError> for UpstreamError {
    fn from(error: SseError) -> Self {
        let kind = match error {
            SseError::TooLarge => UpstreamErrorKind::TooLarge,
            SseError::NotUtf8 => UpstreamErrorKind::Malformed,
        };
        Self::new(kind, error.to_string())
    }
}

impl Relay {
    /// Relays a provider's reply to a client.
    pub fn new(context: ReplyContext, conversion: Conversion) -> Self {
        let (wire, restore) = match conversion {
            Conversion::Forward => (context.format.native_wire(), None),
            Conversion::Translate { wire, restore } => (wire, Some(restore)),
        };
        let ReplyContext { format, identity, include_usage, estimated_input, .. } = context.clone();
        let outlet = match (context.delivery, &restore) {
            (Delivery::Whole, _) => Outlet::Collect(Vec::new()),
            (Delivery::Streamed, None) => Outlet::Forward(wire::forwarder(format, identity, include_usage)),
            (Delivery::Streamed, Some(_)) => Outlet::Encode(wire::encoder(format, identity, include_usage, estimated_input)),
        };
        let (decoder, meter, events) = (wire::decoder(wire), Meter::default(), Vec::new());
        let machine = Machine { context, wire, decoder, restore, outlet, meter, events };
        Self { reader: FrameReader::default(), machine }
    }

    /// Takes a chunk of an upstream stream; appends what the client shall get of it.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) -> Progress {
        if self.machine.meter.finish.is_some() {
            return Progress::Finished;
        }
        let Self { reader, machine } = self;
        let result = reader.read(chunk, |frame| machine.frame(&frame, out));
        machine.progress(result)
    }

    /// The upstream stream has ended.
    pub fn end(&mut self, out: &mut BytesMut) -> Progress {
        if self.machine.meter.finish.is_some() {
            return Progress::Finished;
        }
        let Self { reader, machine } = self;
        // Half an event at the end is a cut, not nonsense: whether the reply was complete without it decides.
        let last = reader.end(|frame| if is_json(frame.data) { machine.frame(&frame, out) } else { Ok(()) });
        let result = last.and_then(|()| machine.end(out));
        machine.progress(result)
    }

    /// Takes an upstream's answer that is one JSON object instead of a stream.
    pub fn whole(&mut self, body: &str, out: &mut BytesMut) -> Progress {
        let result = self.machine.whole(body, out);
        self.machine.progress(result)
    }

    /// Appends the one event that ends a failed stream.
    pub fn fail(&mut self, error: &GatewayError, out: &mut BytesMut) {
        if let Outlet::Encode(encoder) = &mut self.machine.outlet {
            encoder.abandon(out);
        }
        wire::encode_error(self.machine.context.format, error, self.machine.context.request, out);
    }

    /// Appends a sign of life.
    pub fn ping(&self, out: &mut BytesMut) {
        wire::encode_ping(self.machine.context.format, out);
    }

    /// The signatures that the client cannot carry, by the ids it got for its tool calls.
    pub fn signatures(&self) -> Vec<(String, String)> {
        let Machine { context, meter, .. } = &self.machine;
        if context.format != ClientFormat::ChatCompletions {
            return Vec::new();
        }
        meter.signatures.iter().map(|(call, value)| (context.identity.call_id(*call), value.clone())).collect()
    }

    /// What was observed.
    pub fn meter(&self) -> &Meter {
        &self.machine.meter
    }
}

fn is_json(data: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(data).is_ok()
}

impl Machine {
    fn frame(&mut self, frame: &Frame<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        if self.meter.finish.is_some() {
            return Ok(());
        }
        self.events.clear();
        let decoded = self.decoder.decode(frame, &mut self.events);
        self.observe();
        self.encode(out);
        decoded?;
        if let Outlet::Forward(forwarder) = &mut self.outlet {
            forwarder.forward(frame, out)?;
        }
        self.close(out)
    }

    fn end(&mut self, out: &mut BytesMut) -> Result<(), UpstreamError> {
        if self.meter.finish.is_some() {
            return Ok(());
        }
        self.events.clear();
        let finished = self.decoder.finish(&mut self.events);
        self.observe();
        self.encode(out);
        finished?;
        self.close(out)
    }

    fn whole(&mut self, body: &str, out: &mut BytesMut) -> Result<(), UpstreamError> {
        let identity = &self.context.identity;
        if let (Outlet::Collect(_), None) = (&self.outlet, &self.restore) {
            out.extend_from_slice(&wire::forward_whole(self.context.format, body, identity)?);
            self.events = wire::decode_whole(self.wire, body)?;
            self.observe();
            return Ok(());
        }
        if let Outlet::Forward(_) = &self.outlet {
            let ReplyContext { format, include_usage, estimated_input, .. } = self.context;
            self.outlet = Outlet::Encode(wire::encoder(format, identity.clone(), include_usage, estimated_input));
        }
        self.events = wire::decode_whole(self.wire, body)?;
        self.observe();
        self.encode(out);
        self.close(out)
    }

    /// Takes note of the frame's events. A usage that comes with the finish marker, or after it, is the last one.
    fn observe(&mut self) {
        for event in &self.events {
            self.meter.observe(event);
        }
        let has_usage = |event: &StreamEvent| matches!(event, StreamEvent::Usage(usage) if !usage.is_empty());
        let at_end = self.decoder.has_finish() || self.meter.finish.is_some();
        self.meter.has_final_usage |= at_end && self.events.iter().any(has_usage);
    }

    /// Encodes or keeps the frame's events, where events go out and not frames.
    fn encode(&mut self, out: &mut BytesMut) {
        let usage = self.meter.metered(self.context.estimated_input).usage;
        let needs_usage = !self.meter.has_final_usage;
        for event in self.events.drain(..) {
            let event = match &mut self.restore {
                Some(restore) => restore.apply(event),
                None => Some(event),
            };
            let is_finish = matches!(event, Some(StreamEvent::Finish(_)));
            let estimate = (is_finish && needs_usage).then_some(StreamEvent::Usage(usage));
            for event in estimate.into_iter().chain(event) {
                match &mut self.outlet {
                    Outlet::Forward(_) => {}
                    Outlet::Encode(encoder) => encoder.encode(&event, out),
                    Outlet::Collect(events) => events.push(event),
                }
            }
        }
    }

    /// Writes the end of a reply once the finish was seen; an encoder writes its own.
    fn close(&mut self, out: &mut BytesMut) -> Result<(), UpstreamError> {
        if self.meter.finish.is_none() {
            return Ok(());
        }
        match &mut self.outlet {
            Outlet::Forward(forwarder) => {
                let usage = self.meter.metered(self.context.estimated_input).usage;
                forwarder.finish(Some(&usage), out);
            }
            Outlet::Encode(_) => {}
            Outlet::Collect(events) => {
                let mut reply = collect(events.drain(..)).ok_or_else(UpstreamError::truncated)?;
                // A thought without words and without a signature says nothing.
                reply.parts.retain(|part| !matches!(part, Part::Reasoning { text, signature: None } if text.is_empty()));
                let body = wire::encode_whole(self.context.format, &reply, &self.context.identity);
                let malformed =
                    |error: serde_json::Error| UpstreamError::new(UpstreamErrorKind::Malformed, error.to_string());
                out.extend_from_slice(&body.map_err(malformed)?);
            }
        }
        Ok(())
    }

    fn progress(&self, result: Result<(), UpstreamError>) -> Progress {
        match result {
            Err(error) => Progress::Failed(error),
            Ok(()) if self.meter.finish.is_some() => Progress::Finished,
            Ok(()) if self.meter.has_content => Progress::Flowing,
            Ok(()) => Progress::Waiting,
        }
    }
}
