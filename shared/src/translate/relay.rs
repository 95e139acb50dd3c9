//! The whole streaming machine, free of I/O: upstream chunks in, client bytes out, usage observed on the way.

use bytes::BytesMut;

use super::conversion::Conversion;
use super::restore::Restore;
use crate::chat::{BlockStart, Delta, FinishReason, Origin, StreamEvent, Usage};
use crate::error::{GatewayError, UpstreamError, UpstreamErrorKind};
use crate::ids::RequestId;
use crate::sse::{Frame, FrameReader, SseError};
use crate::wire::{self, ClientFormat, EventDecoder, EventEncoder, FrameForwarder, Identity};

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

/// What a stream has shown so far: the ledger's source.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// The last usage reported; the counts are cumulative.
    pub usage: Option<Usage>,
    /// Bytes of generated text, reasoning and arguments.
    pub output_bytes: u64,
    /// The provider's id of the reply.
    pub upstream_id: String,
    /// Why the model stopped.
    pub finish: Option<FinishReason>,
    /// Gemini's signatures, each by the position of its tool call in the reply.
    pub signatures: Vec<(usize, String)>,
    calls: usize,
}

impl Meter {
    fn observe(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Start { id, usage, .. } => {
                self.upstream_id.clone_from(id);
                self.usage = Some(*usage).filter(|usage| !usage.is_empty());
            }
            StreamEvent::Delta(Delta::Text(text) | Delta::Reasoning(text) | Delta::Arguments(text)) => {
                self.output_bytes = self.output_bytes.saturating_add(text.len() as u64);
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Finish(reason) => self.finish = Some(reason.clone()),
            StreamEvent::BlockStart(BlockStart::ToolCall { .. }) => self.calls = self.calls.saturating_add(1),
            StreamEvent::Delta(Delta::Signature(signature)) if signature.origin == Origin::Gemini => {
                // A signature of a thought comes before any call; nothing has to keep it.
                self.signatures.extend(self.calls.checked_sub(1).map(|call| (call, signature.value.clone())));
            }
            StreamEvent::BlockStart(_) | StreamEvent::Delta(Delta::Signature(_)) | StreamEvent::BlockStop => {}
        }
    }
}

/// Relays one stream.
pub struct Relay {
    reader: FrameReader,
    machine: Machine,
}

/// Everything a frame goes through.
struct Machine {
    format: ClientFormat,
    request: RequestId,
    identity: Identity,
    decoder: Box<dyn EventDecoder>,
    outlet: Outlet,
    meter: Meter,
    /// Reused for every frame.
    events: Vec<StreamEvent>,
    started: bool,
}

/// What goes out: the original frames, or the events encoded again.
enum Outlet {
    Forward(Box<dyn FrameForwarder>),
    Encode { encoder: Box<dyn EventEncoder>, restore: Restore },
}

/// What a relay needs to know of its request.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The client's format.
    pub format: ClientFormat,
    /// Which request.
    pub request: RequestId,
    /// What the reply calls itself.
    pub identity: Identity,
    /// Whether a chat stream ends with a usage chunk.
    pub include_usage: bool,
    /// Input tokens to show until the provider has counted.
    pub estimated_input: u64,
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
    /// Relays a provider's stream to a client.
    pub fn new(stream: Stream, conversion: Conversion) -> Self {
        let Stream { format, request, identity, include_usage, estimated_input } = stream;
        let own = identity.clone();
        let (wire, outlet) = match conversion {
            Conversion::Forward => (format.native_wire(), Outlet::Forward(wire::forwarder(format, identity, include_usage))),
            Conversion::Translate { wire, restore } => {
                let encoder = wire::encoder(format, identity, include_usage, estimated_input);
                (wire, Outlet::Encode { encoder, restore })
            }
        };
        let machine = Machine {
            format,
            request,
            identity: own,
            decoder: wire::decoder(wire),
            outlet,
            meter: Meter::default(),
            events: Vec::new(),
            started: false,
        };
        Self { reader: FrameReader::default(), machine }
    }

    /// Takes a chunk of the upstream body; appends what the client shall get.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) -> Progress {
        if self.machine.meter.finish.is_some() {
            return Progress::Finished;
        }
        let Self { reader, machine } = self;
        let result = reader.read(chunk, |frame| machine.frame(&frame, out));
        machine.progress(result)
    }

    /// The upstream body has ended.
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

    /// Appends the one event that ends a failed stream.
    pub fn fail(&mut self, error: &GatewayError, out: &mut BytesMut) {
        if let Outlet::Encode { encoder, .. } = &mut self.machine.outlet {
            encoder.abandon(out);
        }
        wire::encode_error(self.machine.format, error, self.machine.request, out);
    }

    /// Appends a sign of life.
    pub fn ping(&self, out: &mut BytesMut) {
        wire::encode_ping(self.machine.format, out);
    }

    /// The signatures that the client cannot carry, by the ids it got for its tool calls.
    pub fn signatures(&self) -> Vec<(String, String)> {
        let Machine { format, meter, identity, .. } = &self.machine;
        if *format != ClientFormat::ChatCompletions {
            return Vec::new();
        }
        meter.signatures.iter().map(|(call, value)| (identity.call_id(*call), value.clone())).collect()
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
        self.close(out);
        Ok(())
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
        self.close(out);
        Ok(())
    }

    fn observe(&mut self) {
        for event in &self.events {
            self.started |= !matches!(event, StreamEvent::Start { .. } | StreamEvent::Usage(_));
            self.meter.observe(event);
        }
    }

    /// Encodes the frame's events, where events go out and not frames.
    fn encode(&mut self, out: &mut BytesMut) {
        if let Outlet::Encode { encoder, restore } = &mut self.outlet {
            for event in self.events.drain(..) {
                if let Some(event) = restore.apply(event) {
                    encoder.encode(&event, out);
                }
            }
        }
    }

    /// Writes the end of a forwarded stream once the finish was seen; an encoder writes its own.
    fn close(&mut self, out: &mut BytesMut) {
        if let (Outlet::Forward(forwarder), Some(_)) = (&mut self.outlet, &self.meter.finish) {
            forwarder.finish(self.meter.usage.as_ref(), out);
        }
    }

    fn progress(&self, result: Result<(), UpstreamError>) -> Progress {
        match result {
            Err(error) => Progress::Failed(error),
            Ok(()) if self.meter.finish.is_some() => Progress::Finished,
            Ok(()) if self.started => Progress::Flowing,
            Ok(()) => Progress::Waiting,
        }
    }
}
