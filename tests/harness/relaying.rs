//! Runs streams and replies through the library, without network and clock.

use std::sync::Arc;

use bytes::BytesMut;
use gateway::catalog::Catalog;
use gateway::chat::{Grammar, StreamEvent};
use gateway::document::Document;
use gateway::error::{GatewayError, UpstreamError};
use gateway::ids::{KeyId, ModelId, RequestId};
use gateway::money::PicoUsd;
use gateway::sse::{FrameReader, SseError};
use gateway::translate::{Conversion, Delivery, Meter, Progress, Relay, ReplyContext, Restore};
use gateway::wire::names::ToolNames;
use gateway::wire::thoughts::ThoughtKeys;
use gateway::wire::{self, Asked, ClientFormat, Estimate, Identity, Native, WireFormat};

use crate::responses;

/// The id of the request in all tests of this module.
const REQUEST: &str = "req_01a204bff6e475219d9ea59fd53b6135";

/// The client formats.
pub const FORMATS: [ClientFormat; 3] = [ClientFormat::ChatCompletions, ClientFormat::Messages, ClientFormat::Responses];

/// The client formats that are also provider formats.
pub const NATIVE_FORMATS: [ClientFormat; 2] = [ClientFormat::ChatCompletions, ClientFormat::Messages];

/// The output of a stream for a client, and what the meter counted.
#[derive(Debug)]
pub struct Relayed {
    /// The bytes that the client receives.
    pub bytes: Vec<u8>,
    /// How the stream ended.
    pub end: Progress,
    /// What was counted.
    pub meter: Meter,
}

/// A fixed request id.
pub fn request() -> RequestId {
    RequestId::parse(REQUEST).unwrap_or_else(RequestId::generate)
}

/// The identity of replies to it.
pub fn identity(format: ClientFormat) -> Identity {
    Identity::new(request(), ModelId::new("the-model"), format)
}

/// Every wire.
pub const WIRES: [WireFormat; 3] = [WireFormat::OpenAi, WireFormat::Anthropic, WireFormat::Gemini];

/// The forwarding code of a format that is also a provider format.
pub fn native(format: ClientFormat) -> &'static dyn Native {
    format.native().unwrap()
}

/// The wire format that is the same as a client format.
pub fn native_wire(format: ClientFormat) -> WireFormat {
    native(format).wire()
}

/// The conversion between a client format and a wire format, for a client that reads reasoning.
pub fn conversion(format: ClientFormat, wire: WireFormat) -> Conversion {
    if let Some(native) = format.native().filter(|native| native.wire() == wire) {
        return Conversion::Forward(native.into());
    }
    Conversion::Translate { wire, restore: Restore::new(ToolNames::default(), None, true) }
}

/// An estimate of seven input tokens, without a limit on output.
pub const ESTIMATE: Estimate = Estimate { input: 7, output_limit: u64::MAX };

/// The request's data for a relay: seven input tokens, and a price of one dollar per million tokens.
pub fn context(format: ClientFormat, delivery: Delivery) -> ReplyContext {
    ReplyContext {
        format,
        request: request(),
        identity: identity(format),
        delivery,
        include_usage: true,
        estimate: ESTIMATE,
        cost: Arc::new(|usage| PicoUsd::new(u128::from(usage.total_input() + usage.output) * 1_000_000)),
        asked: asked(),
    }
}

/// What replies repeat from the request. Its client reads reasoning and keeps it.
pub fn asked() -> Asked {
    let body = Document::parse(r#"{"reasoning":{"summary":"auto"}}"#.to_owned(), &[]).ok().map(Arc::new);
    let secret = "0123456789abcdef0123456789abcdef".into();
    Asked { body, thoughts: Some(ThoughtKeys::new(&secret, None, KeyId::of_lookup_digest(&[1; 32]))), is_compaction: false }
}

/// Decodes a stream as a client does: its events, and whether it ended without an error.
pub fn client_events(format: ClientFormat, stream: &[u8]) -> (Vec<StreamEvent>, Result<(), UpstreamError>) {
    match format.native() {
        Some(native) => events(native.wire(), stream),
        None => responses::events_of_stream(&frames(stream)),
    }
}

/// Decodes a reply that is not streamed, as a client does.
pub fn client_reply(format: ClientFormat, body: &str) -> Result<Vec<StreamEvent>, UpstreamError> {
    match format.native() {
        Some(native) => wire::decode_whole(native.wire(), body),
        None => responses::events_of_whole(body),
    }
}

/// Whether a provider's frames are forwarded to the clients of a format.
pub fn is_forwarded(format: ClientFormat, wire: WireFormat) -> bool {
    format.native().is_some_and(|native| native.wire() == wire)
}

/// A provider's whole reply as the client of a format gets it whole, and what the meter saw.
pub fn whole_from(format: ClientFormat, wire: WireFormat, body: &str) -> Result<(String, Meter), UpstreamError> {
    whole_result(relay_whole(Delivery::Whole, format, wire, body))
}

/// A provider's stream as the client of a format gets it whole, and what the meter saw.
pub fn folded_from(format: ClientFormat, wire: WireFormat, stream: &[u8]) -> Result<(String, Meter), UpstreamError> {
    whole_result(relay_chunks(Delivery::Whole, format, wire, std::iter::once(stream)))
}

fn whole_result(relayed: Relayed) -> Result<(String, Meter), UpstreamError> {
    let Relayed { bytes, end, meter } = relayed;
    match end {
        Progress::Failed(error) => Err(error),
        Progress::Waiting | Progress::Flowing => Err(UpstreamError::truncated()),
        Progress::Finished => Ok((String::from_utf8_lossy(&bytes).into_owned(), meter)),
    }
}

/// Relays a provider's whole reply, and writes the error of a failed one.
pub fn relay_whole(delivery: Delivery, format: ClientFormat, wire: WireFormat, body: &str) -> Relayed {
    let mut relay = Relay::new(context(format, delivery), conversion(format, wire));
    let mut out = BytesMut::new();
    let end = relay.whole(body, &mut out);
    relayed(relay, end, out)
}

/// Relays chunks of a format's own wire to the end.
pub fn relay<'a>(format: ClientFormat, chunks: impl Iterator<Item = &'a [u8]>) -> Relayed {
    relay_from(format, native_wire(format), chunks)
}

/// Relays chunks to the end for a client that streams, and writes the error event of a broken stream as the pump does.
pub fn relay_from<'a>(format: ClientFormat, wire: WireFormat, chunks: impl Iterator<Item = &'a [u8]>) -> Relayed {
    relay_chunks(Delivery::Streamed, format, wire, chunks)
}

/// Relays chunks to the end, and writes the error of a broken stream.
pub fn relay_chunks<'a>(
    delivery: Delivery,
    format: ClientFormat,
    wire: WireFormat,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Relayed {
    drive(Relay::new(context(format, delivery), conversion(format, wire)), chunks)
}

/// The same with every frame read in full.
pub fn relay_in_full<'a>(
    delivery: Delivery,
    format: ClientFormat,
    wire: WireFormat,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Relayed {
    drive(Relay::new(context(format, delivery), conversion(format, wire)).reading_in_full(), chunks)
}

/// What a client gets of a stream, and what is metered of it, by a relay that may leave frames unread and by one that reads all.
pub fn told_both_ways(
    format: ClientFormat,
    wire: WireFormat,
    delivery: Delivery,
    stream: &[u8],
) -> [(String, Progress, Meter); 2] {
    let told = |relayed: Relayed| (String::from_utf8_lossy(&relayed.bytes).into_owned(), relayed.end, relayed.meter);
    [
        told(relay_chunks(delivery, format, wire, std::iter::once(stream))),
        told(relay_in_full(delivery, format, wire, std::iter::once(stream))),
    ]
}

fn drive<'a>(mut relay: Relay, chunks: impl Iterator<Item = &'a [u8]>) -> Relayed {
    let mut out = BytesMut::new();
    let mut end = Progress::Waiting;
    for chunk in chunks {
        end = relay.push(chunk, &mut out);
        if matches!(end, Progress::Finished | Progress::Failed(_)) {
            break;
        }
    }
    if !matches!(end, Progress::Finished | Progress::Failed(_)) {
        end = relay.end(&mut out);
    }
    relayed(relay, end, out)
}

fn relayed(mut relay: Relay, end: Progress, mut out: BytesMut) -> Relayed {
    if let Progress::Failed(error) = &end {
        relay.fail(&GatewayError::from(error.clone()), &mut out);
    }
    Relayed { bytes: out.to_vec(), end, meter: relay.meter().clone() }
}

/// The events of a stream, each checked against the grammar.
pub fn events(wire: WireFormat, stream: &[u8]) -> (Vec<StreamEvent>, Result<(), UpstreamError>) {
    let mut decoder = wire::decoder(wire);
    let (mut all, mut reader) = (Vec::new(), FrameReader::default());
    let mut decode = |frame: gateway::sse::Frame<'_>| decoder.decode(&frame, &mut all);
    let mut result = reader.read(stream, &mut decode);
    if result.is_ok() {
        result = reader.end(&mut decode);
    }
    if result.is_ok() {
        result = decoder.finish(&mut all);
    }
    (all, result)
}

/// The first broken rule of the event grammar, if any.
pub fn broken_rule(events: &[StreamEvent]) -> Option<String> {
    let mut grammar = Grammar::default();
    events
        .iter()
        .enumerate()
        .find_map(|(position, event)| grammar.check(event).err().map(|rule| format!("event {position}, {event:?}: {rule}")))
}

/// The frames of a stream: event name and data.
pub fn frames(stream: &[u8]) -> Vec<(Option<String>, String)> {
    let (mut frames, mut reader) = (Vec::new(), FrameReader::default());
    let mut keep = |frame: gateway::sse::Frame<'_>| {
        frames.push((frame.event.map(str::to_owned), frame.data.to_owned()));
        Ok::<(), SseError>(())
    };
    // What cannot be read any more is no frame.
    let _ = reader.read(stream, &mut keep).and_then(|()| reader.end(&mut keep));
    frames
}

/// The built-in catalogue, with the models of Gemini's older generation on Vertex, as an operator's own catalogue may have them: what
/// they are sent is still made.
pub fn catalog() -> Option<Catalog> {
    let mut text = include_str!("../../shared/src/catalog/models.toml").to_owned();
    for name in ["gemini-2.5-pro", "gemini-2.5-flash"] {
        let second = format!(r#"["openrouter", "google/{name}"]"#);
        text = text.replace(&format!("[{second}]"), &format!(r#"[["vertex-gemini", "{name}"], {second}]"#));
    }
    Catalog::parse(&text).ok()
}
