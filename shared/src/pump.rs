//! One task per streamed request: owns the upstream call, the relay and the settlement, and feeds the HTTP body through a
//! bounded channel.
//!
//! The status is withheld until the first content, or 15 s, so that a failure before it can still be an HTTP status or another
//! route's success. After that a failure is one error event. Whatever happens, the ledger is written before the channel closes: on
//! Lambda the process may freeze the moment the body has ended. A client that leaves changes nothing: upstream is read to its end.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::dispatch::{AttemptLog, Dispatch, PreparedRequest, ReplyReader, SharedAttemptLog, Upstreams};
use crate::error::{GatewayError, UpstreamError, UpstreamErrorKind};
use crate::ledger::{self, Outcome, RequestFacts};
use crate::providers::UpstreamReply;
use crate::store::Store;
use crate::translate::{Progress, Relay, ReplyContext};
use crate::vault;
use crate::wire;

/// Longest wait before the status goes out, and longest silence after that. Proxies and SDKs give up on longer ones.
pub const SILENCE: Duration = Duration::from_secs(15);
/// Chunks that wait for a slow client before reading upstream pauses.
pub const CHANNEL_CHUNKS: usize = 64;
/// How long a client that does not read may hold up the end of its stream.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often a long stream tells the log how far it is.
const CHECKPOINT: Duration = Duration::from_secs(5);

/// What the handler waits for: where the request was when its stream began, or the failure that came before that.
pub type Commit = oneshot::Receiver<Result<AttemptLog, GatewayError>>;

/// Everything a streamed request needs until its end.
pub struct Pump {
    facts: RequestFacts,
    stream: ReplyContext,
    store: Store,
    /// When the stream must have ended, so that the ledger can be written before the process is killed.
    deadline: Instant,
    /// The relay of the attempt that is being delivered.
    relay: Option<Relay>,
    log: SharedAttemptLog,
    chunks: mpsc::Sender<Bytes>,
    commit: Option<oneshot::Sender<Result<AttemptLog, GatewayError>>>,
    next_ping: Instant,
    next_checkpoint: Instant,
    first_event: Option<std::time::Instant>,
    out: BytesMut,
}

/// Reads a stream to its first content.
struct Opening<'a>(&'a ReplyContext);

/// A stream whose first content is there.
struct Opened {
    reply: UpstreamReply,
    relay: Relay,
    /// What the client shall get so far.
    out: BytesMut,
    progress: Progress,
}

impl ReplyReader for Opening<'_> {
    type Read = Opened;

    async fn read(&self, prepared: &PreparedRequest, mut reply: UpstreamReply) -> Result<Opened, UpstreamError> {
        let stream = ReplyContext { estimated_input: ledger::estimated_tokens(prepared.body_bytes()), ..self.0.clone() };
        let (mut relay, mut out) = (Relay::new(stream, prepared.conversion.clone()), BytesMut::new());
        loop {
            let progress = match reply.chunk().await? {
                Some(chunk) => relay.push(&chunk, &mut out),
                None => relay.end(&mut out),
            };
            match progress {
                Progress::Waiting => {}
                Progress::Failed(error) => return Err(error),
                progress @ (Progress::Flowing | Progress::Finished) => return Ok(Opened { reply, relay, out, progress }),
            }
        }
    }
}

impl Pump {
    /// A pump, what the handler waits for, and the channel that becomes the body.
    pub fn new(
        facts: RequestFacts,
        stream: ReplyContext,
        store: Store,
        (log, deadline): (SharedAttemptLog, Instant),
    ) -> (Self, Commit, mpsc::Receiver<Bytes>) {
        let (chunks, body) = mpsc::channel(CHANNEL_CHUNKS);
        let (commit, committed) = oneshot::channel();
        let pump = Self {
            facts,
            stream,
            store,
            deadline,
            relay: None,
            log,
            chunks,
            commit: Some(commit),
            next_ping: Instant::now() + SILENCE,
            next_checkpoint: Instant::now(),
            first_event: None,
            out: BytesMut::new(),
        };
        (pump, committed, body)
    }

    /// Runs to the end: relays, writes the last event, settles, closes the body. Panics on the way become an error event.
    pub async fn run(mut self, upstreams: &Upstreams, mut dispatch: Dispatch) {
        let relayed = timeout_at(self.deadline, self.relay_all(upstreams, &mut dispatch));
        let result = match AssertUnwindSafe(relayed).catch_unwind().await {
            Ok(Ok(result)) => result.map_err(Failure::Upstream),
            Ok(Err(_)) => Err(Failure::OutOfTime),
            Err(_) => Err(Failure::Panic),
        };
        self.finish(upstreams, dispatch, result.err()).await;
    }

    async fn relay_all(&mut self, upstreams: &Upstreams, dispatch: &mut Dispatch) -> Result<(), UpstreamError> {
        let stream = self.stream.clone();
        let opening = Opening(&stream);
        let Opened { mut reply, relay, out, mut progress } = self.watch(dispatch.run(upstreams, &opening)).await?;
        self.first_event = Some(std::time::Instant::now());
        (self.relay, self.out) = (Some(relay), out);
        self.commit();
        loop {
            self.checkpoint(dispatch.prepared().body_bytes());
            self.deliver().await;
            match progress {
                Progress::Finished => return Ok(()),
                Progress::Failed(error) => return Err(error),
                Progress::Waiting | Progress::Flowing => {}
            }
            let chunk = self.watch(reply.chunk()).await?;
            progress = self.take_in(chunk.as_ref());
        }
    }

    /// Tells the log how far the stream is, at its first event and then every few seconds.
    fn checkpoint(&mut self, input_bytes: u64) {
        if self.next_checkpoint <= Instant::now() {
            self.next_checkpoint = Instant::now() + CHECKPOINT;
            ledger::log_checkpoint(&self.facts, &self.outcome(0, &self.log.read(), input_bytes));
        }
    }

    /// Relays the next chunk, or the end.
    fn take_in(&mut self, chunk: Option<&Bytes>) -> Progress {
        match (&mut self.relay, chunk) {
            (Some(relay), Some(chunk)) => relay.push(chunk, &mut self.out),
            (Some(relay), None) => relay.end(&mut self.out),
            (None, _) => Progress::Waiting,
        }
    }

    /// Waits for something from upstream, with a sign of life to the client whenever it was silent for too long.
    async fn watch<T>(&mut self, upstream: impl Future<Output = T>) -> T {
        let mut upstream = std::pin::pin!(upstream);
        loop {
            tokio::select! {
                biased;
                result = &mut upstream => return result,
                () = sleep_until(self.next_ping) => {
                    self.commit();
                    wire::encode_ping(self.stream.format, &mut self.out);
                    self.deliver().await;
                }
            }
        }
    }

    /// From here on the client has status 200.
    fn commit(&mut self) {
        if let Some(commit) = self.commit.take() {
            // A handler that is gone cannot be told; the request is settled all the same.
            let _ = commit.send(Ok(self.log.read()));
        }
    }

    /// Hands over what is written. A client that is gone is no reason to stop: its request is paid for and must be metered.
    async fn deliver(&mut self) {
        if !self.out.is_empty() {
            let _ = self.chunks.send(self.out.split().freeze()).await;
        }
        self.next_ping = Instant::now() + SILENCE;
    }

    async fn finish(mut self, upstreams: &Upstreams, mut dispatch: Dispatch, failure: Option<Failure>) {
        let broken = failure.as_ref().and_then(Failure::upstream).filter(|_| self.relay.is_some());
        dispatch.judge(upstreams, failure.is_none(), broken);
        let log = self.log.read();
        let status = failure.as_ref().map_or(200, Failure::status);
        let error =
            failure.map(|failure| GatewayError::from(failure).with_header("x-gateway-attempts", log.attempts_text()));
        if let (Some(error), None) = (&error, &self.commit) {
            self.say(error).await;
        }
        let record = ledger::record(&self.facts, self.outcome(status, &log, dispatch.prepared().body_bytes()));
        let signatures = self.relay.as_ref().map(Relay::signatures).unwrap_or_default();
        let kept = vault::remember(&self.store, &self.facts.key, &signatures);
        futures_util::join!(ledger::settle(&self.store, &self.facts, &record), kept, dispatch.share());
        if let (Some(error), Some(commit)) = (error, self.commit.take()) {
            let _ = commit.send(Err(error));
        }
        // Dropping the sender here ends the body.
    }

    /// Writes the one event that ends a failed stream.
    async fn say(&mut self, error: &GatewayError) {
        let cause = error.cause().unwrap_or(error.message());
        tracing::warn!(request = %self.facts.request, model = %self.facts.model.id, cause, "stream broken");
        match &mut self.relay {
            Some(relay) => relay.fail(error, &mut self.out),
            None => wire::encode_error(self.stream.format, error, self.stream.request, &mut self.out),
        }
        let _ = timeout_at(Instant::now() + LAST_WORDS, self.deliver()).await;
    }

    fn outcome(&self, status: u16, log: &AttemptLog, input_bytes: u64) -> Outcome {
        let meter = self.relay.as_ref().map(Relay::meter).cloned().unwrap_or_default();
        Outcome {
            status,
            provider: log.route.provider,
            attempts: log.calls(),
            input_bytes,
            finish: meter.finish,
            usage: meter.usage,
            output_bytes: meter.generated_bytes,
            upstream_id: meter.upstream_id,
            first_event: self.first_event,
        }
    }
}

/// Why a stream did not come to its end.
enum Failure {
    Upstream(UpstreamError),
    OutOfTime,
    Panic,
}

impl Failure {
    fn status(&self) -> u16 {
        match self {
            Self::Upstream(error) => error.status(),
            Self::OutOfTime => 504,
            Self::Panic => 500,
        }
    }

    const fn upstream(&self) -> Option<&UpstreamError> {
        match self {
            Self::Upstream(error) => Some(error),
            Self::OutOfTime | Self::Panic => None,
        }
    }
}

impl From<Failure> for GatewayError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Upstream(error) => error.into(),
            Failure::OutOfTime => out_of_time().into(),
            Failure::Panic => Self::internal("the pump panicked"),
        }
    }
}

/// The failure of a request that would outlive its function.
pub fn out_of_time() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Timeout, "the function's own time limit is near")
}
