//! The streaming machine, without I/O: upstream chunks in, client bytes out, usage metered on the way.

use bytes::BytesMut;

use super::characters::with_whole_characters;
use super::conversion::{Conversion, Forwarded};
use super::meter::{Meter, Metered, UsageReport};
use super::repeats::{Repeat, Repeats};
use super::restore::Restore;
use super::rules::{CallIds, ReplyRules};
use super::whole::{Folded, reply_of};
use crate::chat::{Delta, StreamEvent, Usage};
use crate::error::{GatewayError, UpstreamError, UpstreamErrorKind};
use crate::sse::{Frame, FrameReader, SseError};
use crate::wire::{
    self, Checked, Delivery, EventDecoder, EventEncoder, FrameForwarder, FrameUndoer, ReplyContext, WireFormat,
};

/// The state of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No content yet. Comments, pings and the start of a reply do not show whether content will come.
    Waiting,
    /// Content has come, and the reply is not complete yet.
    Flowing,
    /// Complete; the last bytes are written.
    Finished,
    /// Failed. Nothing was written about it yet: see [`Relay::fail`].
    Failed(UpstreamError),
}

/// Splits the cache writes of a usage by lifetime.
pub type CacheWrites = Box<dyn Fn(Usage) -> Usage + Send + Sync>;

/// Relays one reply. The [module](super) has an example.
pub struct Relay {
    reader: FrameReader,
    machine: Machine,
}

/// Everything that a frame passes: decoder, restore, rules, outlet.
struct Machine {
    context: ReplyContext,
    wire: WireFormat,
    decoder: Box<dyn EventDecoder>,
    /// Frames that need no reading.
    repeats: Repeats,
    /// What to undo in events; `None` if the formats are the same.
    restore: Option<Restore>,
    /// What to restore in frames, if the formats are the same and the request was changed.
    undoer: Option<Box<dyn FrameUndoer>>,
    rules: ReplyRules,
    outlet: Outlet,
    meter: Meter,
    /// Splits cache writes by lifetime, if the provider's usage does not.
    writes: Option<CacheWrites>,
    /// Writes errors and pings, and all other events unless frames are forwarded.
    encoder: Box<dyn EventEncoder>,
    /// The decoded events of a frame, and those that may be sent. Reused for every frame.
    events: Vec<StreamEvent>,
    checked: Vec<StreamEvent>,
    /// Number of events that waited before the frame.
    held_before: usize,
}

/// What is sent.
enum Outlet {
    /// The provider's frames.
    Forward(Box<dyn FrameForwarder>),
    /// The encoded events.
    Encode,
    /// The whole reply from the events, at its end.
    Collect(Vec<StreamEvent>),
    /// The whole reply from the frames, at its end.
    Fold(Folded),
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
    pub fn new(mut context: ReplyContext, conversion: Conversion) -> Self {
        let mut undoer = None;
        let (wire, outlet, restore, call_ids) = match conversion {
            Conversion::Forward(Forwarded { native, undo }) => {
                undoer = native.undoer(&undo);
                let outlet = match context.delivery {
                    Delivery::Streamed => Outlet::Forward(native.forwarder(context.clone())),
                    Delivery::Whole => Outlet::Fold(Folded { native, fold: native.fold(), body: None, events: Vec::new() }),
                };
                (native.wire(), outlet, None, CallIds::Provider)
            }
            Conversion::Translate { wire, restore } => {
                context.identity.function_calls = restore.function_calls;
                let outlet = match context.delivery {
                    Delivery::Streamed => Outlet::Encode,
                    Delivery::Whole => Outlet::Collect(Vec::new()),
                };
                (wire, outlet, Some(restore), CallIds::Own)
            }
        };
        let machine = Machine {
            wire,
            decoder: wire::decoder(wire),
            repeats: Repeats::new(wire, matches!(outlet, Outlet::Forward(_))),
            restore,
            undoer,
            rules: ReplyRules::new(context.identity.clone(), call_ids),
            outlet,
            meter: Meter::default(),
            writes: None,
            encoder: context.format.encoder(context.clone()),
            context,
            events: Vec::new(),
            checked: Vec::new(),
            held_before: 0,
        };
        Self { reader: FrameReader::default(), machine }
    }

    /// Sets the split of cache writes of the request. OpenAI's format counts all writes together (OpenRouter,
    /// `cache_write_tokens`).
    #[must_use]
    pub fn with_cache_writes(mut self, writes: CacheWrites) -> Self {
        if self.machine.wire == WireFormat::OpenAi {
            self.machine.writes = Some(writes);
        }
        self
    }

    /// Makes the relay parse every frame, also a frame that only repeats the previous frame with other text. Tests use this
    /// to check that both ways give the same result.
    #[must_use]
    pub fn reading_in_full(mut self) -> Self {
        self.machine.repeats = Repeats::never();
        self
    }

    /// Takes a chunk of an upstream stream and appends what the client receives for it.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) -> Progress {
        if self.machine.meter.finish.is_some() {
            return Progress::Finished;
        }
        let Self { reader, machine } = self;
        let result = reader.read(chunk, |frame| machine.frame(&frame, out));
        machine.progress(result)
    }

    /// Ends the upstream stream.
    pub fn end(&mut self, out: &mut BytesMut) -> Progress {
        if self.machine.meter.finish.is_some() {
            return Progress::Finished;
        }
        let Self { reader, machine } = self;
        // An incomplete event at the end is a cut, not an error of its own: what matters is whether the reply was complete
        // without it.
        let last = reader.end(|frame| if is_json(frame.data) { machine.frame(&frame, out) } else { Ok(()) });
        let result = last.and_then(|()| machine.end(out));
        machine.progress(result)
    }

    /// Processes an upstream reply that is one JSON object instead of a stream.
    pub fn whole(&mut self, body: &str, out: &mut BytesMut) -> Progress {
        if self.machine.meter.finish.is_some() {
            return Progress::Finished;
        }
        let before = out.len();
        let result = self.machine.whole(body, out);
        if result.is_err() {
            // A failed whole reply is known before anything was sent, so nothing of it is sent.
            out.truncate(before);
            let context = self.machine.context.clone();
            self.machine.encoder = context.format.encoder(context.clone());
        }
        self.machine.progress(result)
    }

    /// Appends the error for the client: the event that ends a failed stream, or the error as a body.
    pub fn fail(&mut self, error: &GatewayError, out: &mut BytesMut) {
        let Machine { context, encoder, .. } = &mut self.machine;
        match context.delivery {
            Delivery::Streamed => encoder.error(error, out),
            Delivery::Whole => {
                out.extend_from_slice(&context.format.error_body(error, context.request));
            }
        }
    }

    /// Appends a keep-alive: the format's own in a stream, white space before a body.
    pub fn ping(&self, out: &mut BytesMut) {
        match self.machine.context.delivery {
            Delivery::Streamed => self.machine.encoder.ping(out),
            Delivery::Whole => out.extend_from_slice(b" "),
        }
    }

    /// The signatures that the client cannot send back, by the ids of its tool calls.
    pub fn signatures(&self) -> Vec<(String, String)> {
        let Machine { context, meter, .. } = &self.machine;
        if context.format.carries_signatures() { Vec::new() } else { meter.signatures.clone() }
    }

    /// The usage that is charged so far.
    pub fn metered(&self) -> Metered {
        self.machine.meter.metered(self.machine.context.estimate)
    }

    /// The meter.
    pub fn meter(&self) -> &Meter {
        &self.machine.meter
    }
}

fn is_json(data: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(data).is_ok()
}

impl Machine {
    /// Processes a frame as the provider sent it.
    fn frame(&mut self, frame: &Frame<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        let Some(mut undoer) = self.undoer.take() else { return self.step(frame, out) };
        let result = undoer.undo(frame, &mut |frame| self.step(frame, out));
        if undoer.began_answer() {
            self.rules.expect_object();
        }
        self.undoer = Some(undoer);
        result
    }

    fn step(&mut self, frame: &Frame<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        let is_empty = frame.event.is_none() && frame.data.trim().is_empty();
        if self.meter.finish.is_some() || is_empty {
            return Ok(());
        }
        if let Some(repeat) = self.repeats.of(frame) {
            return self.repeat(frame, &repeat, out);
        }
        let data = with_whole_characters(frame.data);
        let frame = Frame { data: &data, ..*frame };
        let decoded = self.decoder.decode(&frame, &mut self.events);
        let checked = self.check();
        let (before, text) = (out.len(), self.sole_text().map(ToOwned::to_owned));
        self.tell(Some(&frame), decoded.and(checked), out)?;
        self.repeats.note(&frame, text.as_deref(), out.get(before..).unwrap_or_default());
        Ok(())
    }

    /// Takes a frame that differs from the one before it only in its text.
    fn repeat(&mut self, frame: &Frame<'_>, repeat: &Repeat<'_>, out: &mut BytesMut) -> Result<(), UpstreamError> {
        self.events.push(StreamEvent::Delta(Delta::Text(repeat.text.to_string())));
        let checked = self.check();
        let is_sole = checked.is_ok() && self.sole_text().is_some();
        let is_told = match &mut self.outlet {
            Outlet::Forward(_) if is_sole => {
                self.repeats.write(repeat, out);
                true
            }
            Outlet::Fold(folded) if is_sole => folded.add_text(&repeat.text, &mut self.checked),
            Outlet::Forward(_) | Outlet::Encode | Outlet::Collect(_) | Outlet::Fold(_) => false,
        };
        if is_told { Ok(()) } else { self.tell(Some(frame), checked, out) }
    }

    /// The text of a frame, if text is all that the frame says.
    fn sole_text(&self) -> Option<&str> {
        match self.checked.as_slice() {
            [StreamEvent::Delta(Delta::Text(text))] if !self.rules.is_holding() => Some(text),
            _ => None,
        }
    }

    fn end(&mut self, out: &mut BytesMut) -> Result<(), UpstreamError> {
        if self.meter.finish.is_some() {
            return Ok(());
        }
        let decoded = self.decoder.finish(&mut self.events);
        let checked = self.check();
        self.tell(None, decoded.and(checked), out)
    }

    /// Processes a whole reply as the frames of a stream. A provider's own whole reply needs no merging.
    fn whole(&mut self, body: &str, out: &mut BytesMut) -> Result<(), UpstreamError> {
        let mut body = with_whole_characters(body);
        if let Some(undoer) = &mut self.undoer {
            body = undoer.undo_whole(&body)?.into();
        }
        if let Outlet::Fold(folded) = &mut self.outlet {
            folded.body = Some(body.as_ref().to_owned());
        }
        wire::frames_of_whole(self.wire, &body, |frame| self.step(frame, out))?;
        self.end(out)
    }

    /// Meters the frame's events, and keeps those that the rules allow.
    fn check(&mut self) -> Result<(), UpstreamError> {
        let Self { context, decoder, restore, rules, meter, writes, events, checked, held_before, .. } = self;
        checked.clear();
        *held_before = rules.held().len();
        let word = decoder.finish_word();
        for event in events.iter_mut() {
            if let StreamEvent::Usage(usage) | StreamEvent::Start { usage, .. } = event {
                *usage = writes.as_ref().map_or(*usage, |writes| writes(*usage));
            }
            meter.observe(event, if word.is_some() { UsageReport::Final } else { UsageReport::Interim });
        }
        // A zero count does not replace an earlier count.
        let says_something = |event: &StreamEvent| !matches!(event, StreamEvent::Usage(usage) if usage.is_empty());
        for event in events.drain(..).filter(says_something) {
            let (before, event) = match restore {
                Some(restore) => (restore.release(&event), restore.apply(event)),
                None => (None, Some(event)),
            };
            for event in before.into_iter().chain(event) {
                let begins_answer =
                    matches!(event, StreamEvent::BlockStart(_)) && restore.as_ref().is_some_and(Restore::is_in_answer);
                let told = checked.len();
                let result = if matches!(event, StreamEvent::Finish(_)) && !meter.has_final_usage {
                    let usage = StreamEvent::Usage(meter.metered(context.estimate).usage);
                    rules.check(usage, "", checked).and_then(|()| rules.check(event, word.unwrap_or_default(), checked))
                } else {
                    rules.check(event, word.unwrap_or_default(), checked)
                };
                checked.iter().skip(told).for_each(|event| meter.note_told(event));
                result?;
                if begins_answer {
                    rules.expect_object();
                }
            }
        }
        Ok(())
    }

    /// Writes a frame's result. If the frame fails and events are encoded, the events before the failure are sent.
    fn tell(
        &mut self,
        frame: Option<&Frame<'_>>,
        result: Result<(), UpstreamError>,
        out: &mut BytesMut,
    ) -> Result<(), UpstreamError> {
        let held = self.rules.is_holding().then(|| self.rules.held().get(self.held_before..).unwrap_or_default());
        let checked = Checked { events: &self.checked, held };
        match &mut self.outlet {
            Outlet::Encode => self.checked.iter().for_each(|event| self.encoder.encode(event, out)),
            Outlet::Forward(forwarder) if result.is_ok() => forwarder.forward(frame, checked, out)?,
            Outlet::Forward(_) => {}
            Outlet::Collect(events) => events.append(&mut self.checked),
            Outlet::Fold(folded) => folded.add(frame, &mut self.checked)?,
        }
        result?;
        if self.meter.finish.is_some() {
            self.write_whole(out)?;
        }
        Ok(())
    }

    /// Writes the whole reply for a client that does not stream.
    fn write_whole(&mut self, out: &mut BytesMut) -> Result<(), UpstreamError> {
        let body = match &mut self.outlet {
            Outlet::Forward(_) | Outlet::Encode => return Ok(()),
            Outlet::Collect(events) => self.context.format.encode_whole(&reply_of(events)?, &self.context)?,
            Outlet::Fold(Folded { native, fold, body, events }) => {
                let body = body.take().map_or_else(|| fold.whole(), Ok)?;
                native.correct_whole(&body, &reply_of(events)?, &self.context)?
            }
        };
        out.extend_from_slice(&body);
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
