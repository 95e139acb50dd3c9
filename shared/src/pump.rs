//! The task of a request, streamed or whole. It owns the upstream call, the relay and the settlement, and feeds the HTTP
//! body.
//!
//! A stream's status is withheld until the first content, or 15 s, so that an earlier failure can still become an HTTP
//! status or be replaced by another route. A later failure is one error event. A whole reply is sent with its status at its
//! end. Until then an attempt that fails after its first content can still be replaced.
//!
//! The ledger is always written before the body ends, because Lambda may freeze the process then. If the client leaves,
//! the provider's reply is still read to its end. If the client does not read, the provider's reply is not read either, and
//! the provider's time limit pauses.

mod client;
mod kept;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout_at};

use self::client::Client;
use self::kept::{Kept, too_large};
use crate::dispatch::{Dispatch, PreparedRequest, ReplyReader, Upstreams};
use crate::ending::{Ended, Ending, Received, conclude};
use crate::error::{GatewayError, UpstreamError};
use crate::ledger::{self, Announced, Checkpoint, Pricing, RequestFacts};
use crate::providers::transport::MAX_REPLY_BYTES;
use crate::providers::{ReplyForm, UpstreamReply};
use crate::store::Store;
use crate::translate::{Progress, Relay};
use crate::wire::{Delivery, Estimate, ReplyContext, upstream_error};

pub use client::{Commit, Committed, Reply};

/// Longest wait before a stream's status is sent, and longest silence after that. Proxies and SDKs give up later.
pub const SILENCE: Duration = Duration::from_secs(15);
/// Number of chunks that wait for a slow client before reading upstream pauses.
pub const CHANNEL_CHUNKS: usize = 64;
/// Maximum size of a chunk. All waiting chunks together have at most one mebibyte.
const CHUNK_BYTES: usize = 16 * 1024;
/// If the client does not read for this long, the provider may close the connection. Shorter pauses are common.
const STALL: Duration = Duration::from_secs(10);
/// The gateway may notice the closed connection this much later, because it first reads what had arrived before.
const AFTER_STALL: Duration = Duration::from_secs(30);
/// Interval between the checkpoints of a long reply.
const CHECKPOINT: Duration = Duration::from_secs(5);

/// Everything that a request needs until its end.
pub struct Pump {
    facts: RequestFacts,
    context: ReplyContext,
    store: Store,
    /// When the request must have ended, so that the ledger can be written before the process is killed.
    deadline: Instant,
    client: Client,
    /// The reply of the attempt that is being delivered.
    received: Option<Received>,
    kept: Kept,
    /// The candidate in the request's first log line.
    announced: Announced,
    next_checkpoint: Instant,
    /// When the client last read again after a long pause.
    stalled: Option<Instant>,
    out: BytesMut,
}

/// The result of reading a reply: the next chunk, its end, or a failure.
type Read = Result<Option<Bytes>, UpstreamError>;

/// Reads a reply to its first content.
struct Opening<'a> {
    context: &'a ReplyContext,
    /// The prices by which the context shows a cost.
    pricing: Pricing,
}

/// A reply up to its first content.
struct Opened {
    /// The rest of a stream.
    rest: Option<UpstreamReply>,
    relay: Relay,
    kept: Kept,
    /// What the client gets so far.
    out: BytesMut,
    progress: Progress,
}

impl ReplyReader for Opening<'_> {
    type Read = Opened;

    async fn read(&self, prepared: &PreparedRequest, reply: UpstreamReply) -> Result<Opened, UpstreamError> {
        let Self { context, pricing: shown } = self;
        let input = ledger::uncounted_input(prepared.body_bytes(), context.estimate.input);
        // Another candidate may have a lower limit, which fits its prices.
        let estimate = Estimate { input, output_limit: prepared.output_limit() };
        let mut context = ReplyContext { estimate, ..(*context).clone() };
        let pricing = shown.by(&prepared.candidate);
        if pricing != *shown {
            context.cost = Arc::new(move |usage| pricing.charge(usage));
        }
        let kept = Kept::new(context.delivery);
        let (longest, tariff) = (prepared.cache_writes(), prepared.candidate.tariff);
        let mixed = prepared.mixes_cache_writes().then_some(tariff);
        let writes = Box::new(move |usage| ledger::with_writes_of(usage, longest, mixed.as_ref()));
        let relay = Relay::new(context, prepared.conversion.clone()).with_cache_writes(writes);
        let (out, progress) = (BytesMut::new(), Progress::Waiting);
        let opened = Opened { rest: None, relay, kept, out, progress };
        match reply.form {
            ReplyForm::Stream => opened.read_first_content(reply).await,
            ReplyForm::Json => opened.read_json(&reply.text().await?),
        }
    }
}

impl Opened {
    async fn read_first_content(mut self, mut reply: UpstreamReply) -> Result<Self, UpstreamError> {
        loop {
            self.progress = take_in(&mut self.relay, &mut self.kept, reply.chunk().await, &mut self.out);
            match self.progress {
                Progress::Waiting => {}
                Progress::Failed(error) => return Err(error),
                Progress::Flowing | Progress::Finished => return Ok(Self { rest: Some(reply), ..self }),
            }
        }
    }

    /// Reads a reply that is one JSON object, whether or not it was requested that way.
    fn read_json(mut self, body: &str) -> Result<Self, UpstreamError> {
        if let Some(error) = upstream_error::decode_instead_of_reply(body) {
            return Err(error);
        }
        match self.relay.whole(body, &mut self.out) {
            Progress::Failed(error) => Err(error),
            Progress::Waiting | Progress::Flowing => Err(UpstreamError::truncated()),
            progress @ Progress::Finished => Ok(Self { progress, ..self }),
        }
    }
}

impl Pump {
    /// A pump for a dispatched request with this deadline, and what the handler waits for.
    pub fn new(
        facts: RequestFacts,
        context: ReplyContext,
        store: Store,
        dispatch: &Dispatch,
        deadline: Instant,
    ) -> (Self, Commit) {
        let (client, committed) = Client::new(context.format, context.delivery, dispatch.log());
        let (kept, next_checkpoint, out) = (Kept::new(context.delivery), Instant::now(), BytesMut::new());
        let announced = Announced::of(&dispatch.prepared().candidate);
        let (received, stalled) = (None, None);
        let pump =
            Self { facts, context, store, deadline, client, received, kept, announced, next_checkpoint, stalled, out };
        (pump, committed)
    }

    /// Runs to the end: makes attempts, relays, writes the last event, settles, closes the body. A panic is handled like any
    /// other ending.
    pub async fn run(mut self, upstreams: &Upstreams, mut dispatch: Dispatch) {
        let delivered = timeout_at(self.deadline, self.deliver(upstreams, &mut dispatch));
        let ending = match AssertUnwindSafe(delivered).catch_unwind().await {
            Ok(Ok(Ok(()))) => Ending::Complete,
            Ok(Ok(Err(error))) => Ending::failed(error, self.stalled.is_some_and(|again| again.elapsed() < AFTER_STALL)),
            Ok(Err(_)) => catch_unwind(AssertUnwindSafe(|| self.cut())).unwrap_or(Ending::Panicked),
            Err(_) => Ending::Panicked,
        };
        self.finish(upstreams, dispatch, &ending).await;
    }

    /// Makes attempts until a reply is delivered.
    async fn deliver(&mut self, upstreams: &Upstreams, dispatch: &mut Dispatch) -> Result<(), UpstreamError> {
        let context = self.context.clone();
        let pricing = Pricing::of(&self.facts, &dispatch.prepared().candidate);
        let opening = Opening { context: &context, pricing };
        loop {
            let opened = self.client.watch(dispatch.run(upstreams, &opening)).await?;
            match (self.relay(dispatch, opened).await, context.delivery) {
                // Nothing of it has reached the client.
                (Err(error), Delivery::Whole) => {
                    self.received.iter_mut().for_each(|received| received.has_failed = true);
                    self.client.watch(Box::pin(dispatch.resume(upstreams, error))).await?;
                }
                (result, Delivery::Whole | Delivery::Streamed) => return result,
            }
            self.received = None;
        }
    }

    /// Relays one attempt's reply from its first content to its end.
    async fn relay(&mut self, dispatch: &mut Dispatch, opened: Opened) -> Result<(), UpstreamError> {
        let Opened { mut rest, relay, kept, out, mut progress } = opened;
        (self.out, self.kept) = (out, kept);
        let first_event = std::time::Instant::now();
        self.received = Some(Received { relay, first_event, has_failed: false });
        if self.context.delivery == Delivery::Streamed {
            dispatch.answered();
            self.client.commit_stream();
        }
        let mut last_event = Instant::now();
        let mut has_event = true;
        loop {
            self.checkpoint(dispatch);
            let ready = Instant::now();
            self.client.send(&mut self.out).await;
            if ready.elapsed() >= STALL {
                self.stalled = Some(Instant::now());
            }
            if has_event {
                last_event = Instant::now();
            }
            match (progress, &mut rest) {
                (Progress::Finished, _) => return Ok(()),
                (Progress::Failed(error), _) => return Err(error),
                (Progress::Waiting | Progress::Flowing, None) => return Err(UpstreamError::truncated()),
                (Progress::Waiting | Progress::Flowing, Some(reply)) => {
                    let read = self.client.watch(reply.chunk_after(last_event)).await;
                    has_event = !matches!(&read, Ok(Some(chunk)) if is_comment(chunk));
                    progress = self.take_in(read)?;
                    progress = self.take_in_at_hand(reply, progress).await?;
                }
            }
        }
    }

    /// Logs a checkpoint of the reply, at its first event and then every few seconds.
    fn checkpoint(&mut self, dispatch: &Dispatch) {
        if let Some(received) = self.received.as_ref().filter(|_| self.next_checkpoint <= Instant::now()) {
            self.next_checkpoint = Instant::now() + CHECKPOINT;
            let (candidate, attempts) = (&dispatch.prepared().candidate, dispatch.calls());
            let usage = received.metered().usage;
            let checkpoint = Checkpoint { candidate, announced: &self.announced, attempts, usage };
            ledger::log_checkpoint(&self.facts, &checkpoint);
        }
    }

    /// Relays what was read. A whole reply is kept until its end, up to a maximum size.
    fn take_in(&mut self, read: Read) -> Result<Progress, UpstreamError> {
        let Some(Received { relay, .. }) = &mut self.received else { return Ok(Progress::Waiting) };
        let progress = take_in(relay, &mut self.kept, read, &mut self.out);
        let is_kept = self.context.delivery == Delivery::Whole;
        if is_kept && relay.meter().generated_bytes > MAX_REPLY_BYTES as u64 {
            return Err(too_large());
        }
        Ok(progress)
    }

    /// Relays everything that has already arrived, so that events that arrive together are sent together. A write costs more
    /// than an event.
    async fn take_in_at_hand(
        &mut self,
        reply: &mut UpstreamReply,
        mut progress: Progress,
    ) -> Result<Progress, UpstreamError> {
        while progress == Progress::Flowing
            && !self.out.is_empty()
            && self.out.len() < CHUNK_BYTES
            && let Some(read) = reply.chunk_at_hand().await
        {
            progress = self.take_in(read)?;
        }
        Ok(progress)
    }

    /// The ending of a request whose deadline has come. A reply counts as complete if it has its finish reason: it may still
    /// lack the provider's end marker, and the client may not have read all of it.
    fn cut(&mut self) -> Ending {
        let current = self.received.as_mut().filter(|received| !received.has_failed);
        let is_finished = current.is_some_and(|received| received.relay.end(&mut self.out) == Progress::Finished);
        match (is_finished, self.client.is_waiting()) {
            (true, _) => Ending::Complete,
            (false, true) => Ending::ClientStopped,
            (false, false) => Ending::deadline(self.received.as_ref()),
        }
    }

    async fn finish(mut self, upstreams: &Upstreams, mut dispatch: Dispatch, ending: &Ending) {
        let error = ending.error();
        if let Some(error) = error.as_ref().filter(|_| self.client.is_streaming()) {
            self.say(ending, error);
        }
        self.client.send_last(&mut self.out);
        let ended = Ended::new(ending, &self.facts, self.received.as_ref());
        let record = Box::pin(conclude(upstreams, &self.store, &mut dispatch, ended)).await;
        match error {
            Some(error) => self.client.refuse(error),
            None => self.client.complete(self.out.freeze(), record.charged),
        }
        // Dropping the client here ends a stream's body.
    }

    /// Writes the one event that ends a failed stream.
    fn say(&mut self, ending: &Ending, error: &GatewayError) {
        let (request, model) = (self.facts.request, &self.facts.model.id);
        let (fault, cause) = (ending.verdict().fault, error.reason());
        tracing::warn!(%request, %model, ?fault, %cause, "stream broken");
        if *ending == Ending::Panicked {
            // A relay that panicked may have written half an event.
            self.out.clear();
        }
        match &mut self.received {
            Some(received) if *ending != Ending::Panicked => received.relay.fail(error, &mut self.out),
            Some(_) | None => self.context.format.encoder(self.context.clone()).error(error, &mut self.out),
        }
    }
}

/// Relays the next chunk, or the end. After a read error the reply may still be complete: a provider may close the
/// connection after its finish reason, before the end marker.
fn take_in(relay: &mut Relay, kept: &mut Kept, read: Read, out: &mut BytesMut) -> Progress {
    match read {
        Ok(Some(chunk)) => kept.add(&chunk).map_or_else(Progress::Failed, |()| relay.push(&chunk, out)),
        Ok(None) => relay.end(out),
        Err(error) => match relay.end(out) {
            Progress::Finished => Progress::Finished,
            Progress::Waiting | Progress::Flowing | Progress::Failed(_) => Progress::Failed(error),
        },
    }
}

/// Whether a chunk contains only comments. Proxies send them to keep a connection alive, whether the model works or not.
fn is_comment(chunk: &[u8]) -> bool {
    // Almost every chunk starts with something else, and then the rest need not be searched.
    let may_be = chunk.first().is_none_or(|first| matches!(first, b':' | b'\n' | b'\r'));
    may_be && chunk.split(|byte| matches!(byte, b'\n' | b'\r')).all(|line| line.first().is_none_or(|first| *first == b':'))
}
