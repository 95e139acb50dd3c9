//! The client's side of a request: when it learns its status, and how it gets its body.

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::{CHANNEL_CHUNKS, LAST_WORDS, SILENCE};
use crate::dispatch::{AttemptLog, SharedAttemptLog};
use crate::error::GatewayError;
use crate::money::PicoUsd;
use crate::wire::{ClientFormat, Delivery};

/// What the handler waits for: the status is 200 from here on, or the failure that came before that.
pub type Commit = oneshot::Receiver<Result<Committed, GatewayError>>;

/// A request whose answer has begun.
#[derive(Debug)]
pub struct Committed {
    /// Where the request was when its answer began.
    pub log: AttemptLog,
    /// The answer.
    pub reply: Reply,
}

/// An answer of status 200.
#[derive(Debug)]
pub enum Reply {
    /// Chunks that come as long as the request is not settled.
    Stream(mpsc::Receiver<Bytes>),
    /// All of it. The request is settled.
    Whole {
        /// The body, which is JSON.
        body: Bytes,
        /// What the client is charged for it.
        charged: PicoUsd,
    },
}

/// Hands over what a request gives.
pub(super) struct Client {
    format: ClientFormat,
    log: SharedAttemptLog,
    commit: Option<oneshot::Sender<Result<Committed, GatewayError>>>,
    /// `None` for a whole reply, which goes out with its status.
    stream: Option<Chunks>,
    /// Set while a chunk waits for the client to read.
    is_waiting: bool,
}

struct Chunks {
    sender: mpsc::Sender<Bytes>,
    /// Until the status goes out.
    body: Option<mpsc::Receiver<Bytes>>,
    next_ping: Instant,
}

impl Client {
    pub(super) fn new(format: ClientFormat, delivery: Delivery, log: SharedAttemptLog) -> (Self, Commit) {
        let (commit, committed) = oneshot::channel();
        let stream = match delivery {
            Delivery::Whole => None,
            Delivery::Streamed => {
                let (sender, body) = mpsc::channel(CHANNEL_CHUNKS);
                Some(Chunks { sender, body: Some(body), next_ping: Instant::now() + SILENCE })
            }
        };
        (Self { format, log, commit: Some(commit), stream, is_waiting: false }, committed)
    }

    /// Whether the client reads a stream whose status is out: then a failure is an event.
    pub(super) fn is_streaming(&self) -> bool {
        self.commit.is_none()
    }

    /// Whether a chunk waits for the client to read.
    pub(super) const fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Waits for something from upstream, with a sign of life to a stream's client whenever it was silent for too long.
    pub(super) async fn watch<T>(&mut self, upstream: impl Future<Output = T>) -> T {
        let mut upstream = std::pin::pin!(upstream);
        loop {
            let Some(next_ping) = self.stream.as_ref().map(|stream| stream.next_ping) else { return upstream.await };
            tokio::select! {
                biased;
                result = &mut upstream => return result,
                () = sleep_until(next_ping) => self.ping(),
            }
        }
    }

    /// A client that has not read what it got needs no sign of life, and upstream's clock must not run while one waits for it.
    fn ping(&mut self) {
        self.commit_stream();
        if let Some(stream) = &mut self.stream {
            let mut ping = BytesMut::new();
            self.format.ping(&mut ping);
            let _ = stream.sender.try_send(ping.freeze());
            stream.next_ping = Instant::now() + SILENCE;
        }
    }

    /// From here on a stream's client has status 200. A whole reply has it at its end.
    pub(super) fn commit_stream(&mut self) {
        if let Some(body) = self.stream.as_mut().and_then(|stream| stream.body.take()) {
            self.tell(Ok(Reply::Stream(body)));
        }
    }

    /// Hands over what a stream's client shall get; a whole reply stays where it is. A client that is gone is no reason to stop:
    /// its request is paid for and must be metered.
    pub(super) async fn send(&mut self, out: &mut BytesMut) {
        let Some(stream) = &mut self.stream else { return };
        if !out.is_empty() {
            self.is_waiting = true;
            let _ = stream.sender.send(out.split().freeze()).await;
            self.is_waiting = false;
        }
        stream.next_ping = Instant::now() + SILENCE;
    }

    /// Hands over the last event of a failed stream, to a client that reads it soon.
    pub(super) async fn send_last(&mut self, out: &mut BytesMut) {
        let _ = timeout(LAST_WORDS, self.send(out)).await;
    }

    /// The request is settled and its reply complete.
    pub(super) fn complete(&mut self, body: Bytes, charged: PicoUsd) {
        self.tell(Ok(Reply::Whole { body, charged }));
    }

    /// The request is settled and has failed: an HTTP status, unless a stream has begun.
    pub(super) fn refuse(&mut self, error: GatewayError) {
        self.tell(Err(error));
    }

    /// Tells the handler, once. One that is gone cannot be told; the request is settled all the same.
    fn tell(&mut self, told: Result<Reply, GatewayError>) {
        let Some(commit) = self.commit.take() else { return };
        let log = self.log.read();
        let _ = commit.send(match told {
            Ok(reply) => Ok(Committed { log, reply }),
            Err(error) => Err(log.headers().into_iter().fold(error, |error, (name, value)| error.with_header(name, value))),
        });
    }
}
