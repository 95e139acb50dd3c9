//! One task per streamed request: owns the upstream call, the relay and the settlement, and feeds the HTTP body through a
//! bounded channel.
//!
//! The status is withheld until the first upstream event, or 15 s, so that a failure before it can still be an HTTP status.
//! After that a failure is one error event. Whatever happens, the ledger is written before the channel closes: on Lambda the
//! process may freeze the moment the body has ended. A client that leaves changes nothing: upstream is read to its end.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{GatewayError, UpstreamError, UpstreamErrorKind};
use crate::ledger::{self, Outcome, RequestFacts};
use crate::providers::{Transport, UpstreamCall};
use crate::store::Store;
use crate::translate::{Progress, Relay};
use crate::vault;

/// Longest wait before the status goes out, and longest silence after that. Proxies and SDKs give up on longer ones.
pub const SILENCE: Duration = Duration::from_secs(15);
/// Chunks that wait for a slow client before reading upstream pauses.
pub const CHANNEL_CHUNKS: usize = 64;
/// How long a client that does not read may hold up the end of its stream.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the handler waits for: the commit, or the failure that came before it.
pub type Commit = oneshot::Receiver<Result<Committed, GatewayError>>;

/// The stream has begun.
#[derive(Clone, Copy, Debug)]
pub struct Committed {
    /// Milliseconds since the request came in.
    pub after_ms: u128,
}

/// Everything a streamed request needs until its end.
pub struct Pump {
    facts: RequestFacts,
    relay: Relay,
    store: Store,
    /// When the stream must have ended, so that the ledger can be written before the process is killed.
    deadline: Option<Instant>,
    chunks: mpsc::Sender<Bytes>,
    commit: Option<oneshot::Sender<Result<Committed, GatewayError>>>,
    next_ping: Instant,
    first_event: Option<std::time::Instant>,
    out: BytesMut,
}

impl Pump {
    /// A pump, what the handler waits for, and the channel that becomes the body.
    pub fn new(
        facts: RequestFacts,
        relay: Relay,
        store: Store,
        deadline: Option<Instant>,
    ) -> (Self, Commit, mpsc::Receiver<Bytes>) {
        let (chunks, body) = mpsc::channel(CHANNEL_CHUNKS);
        let (commit, committed) = oneshot::channel();
        let pump = Self {
            facts,
            relay,
            store,
            deadline,
            chunks,
            commit: Some(commit),
            next_ping: Instant::now() + SILENCE,
            first_event: None,
            out: BytesMut::new(),
        };
        (pump, committed, body)
    }

    /// Runs to the end: relays, writes the last event, settles, closes the body. Panics on the way become an error event.
    pub async fn run(mut self, transport: &Transport, call: UpstreamCall) {
        let deadline = self.deadline;
        let relayed = AssertUnwindSafe(async {
            match deadline {
                Some(at) => timeout_at(at, self.relay_all(transport, call)).await.unwrap_or_else(|_| Err(out_of_time())),
                None => self.relay_all(transport, call).await,
            }
        });
        let result = match relayed.catch_unwind().await {
            Ok(result) => result.map_err(|error| (error.status(), GatewayError::from(error))),
            Err(_) => Err((500, GatewayError::internal("the pump panicked"))),
        };
        self.finish(result).await;
    }

    async fn relay_all(&mut self, transport: &Transport, call: UpstreamCall) -> Result<(), UpstreamError> {
        let mut upstream = self.watch(transport.send(call)).await?;
        loop {
            let chunk = self.watch(upstream.chunk()).await?;
            let progress = match &chunk {
                Some(chunk) => self.relay.push(chunk, &mut self.out),
                None => self.relay.end(&mut self.out),
            };
            match progress {
                Progress::Failed(error) => {
                    // What came before the failure in the same chunk still belongs to the client, once it has a status.
                    if self.commit.is_none() {
                        self.deliver().await;
                    }
                    return Err(error);
                }
                Progress::Waiting => {}
                Progress::Flowing | Progress::Finished => {
                    self.first_event.get_or_insert_with(std::time::Instant::now);
                    self.commit();
                    self.deliver().await;
                }
            }
            if progress == Progress::Finished {
                return Ok(());
            }
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
                    self.relay.ping(&mut self.out);
                    self.deliver().await;
                }
            }
        }
    }

    /// From here on the client has status 200.
    fn commit(&mut self) {
        if let Some(commit) = self.commit.take() {
            // A handler that is gone cannot be told; the request is settled all the same.
            let _ = commit.send(Ok(Committed { after_ms: self.facts.started.elapsed().as_millis() }));
        }
    }

    /// Hands over what is written. A client that is gone is no reason to stop: its request is paid for and must be metered.
    async fn deliver(&mut self) {
        if !self.out.is_empty() {
            let _ = self.chunks.send(self.out.split().freeze()).await;
        }
        self.next_ping = Instant::now() + SILENCE;
    }

    async fn finish(mut self, result: Result<(), (u16, GatewayError)>) {
        let (status, failure) = match result {
            Ok(()) => (200, None),
            Err((status, error)) => (status, Some(error)),
        };
        if let Some(error) = &failure {
            log_failure(&self.facts, error);
        }
        if let (Some(error), None) = (&failure, &self.commit) {
            self.relay.fail(error, &mut self.out);
            let _ = timeout_at(Instant::now() + LAST_WORDS, self.deliver()).await;
        }
        let meter = self.relay.meter().clone();
        let outcome = Outcome {
            status,
            finish: meter.finish,
            usage: meter.usage,
            output_bytes: meter.output_bytes,
            upstream_id: meter.upstream_id,
            first_event: self.first_event,
        };
        let record = ledger::record(&self.facts, outcome);
        let signatures = self.relay.signatures();
        let kept = vault::remember(&self.store, &self.facts.key, &signatures);
        futures_util::join!(ledger::settle(&self.store, &record), kept);
        if let (Some(error), Some(commit)) = (failure, self.commit.take()) {
            let _ = commit.send(Err(error));
        }
        // Dropping the sender here ends the body.
    }
}

/// Logs a failed upstream call, once, where it is handled.
pub fn log_failure(facts: &RequestFacts, error: &GatewayError) {
    tracing::warn!(
        request = %facts.request,
        provider = %facts.provider,
        model = %facts.model.id,
        kind = ?error.kind(),
        cause = error.cause().unwrap_or(error.message()),
        "upstream call failed"
    );
}

/// The failure of a request that would outlive its function.
pub fn out_of_time() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Timeout, "the function's own time limit is near")
}
