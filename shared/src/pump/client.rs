//! The client's side of a request: when it learns its status, and how it gets its body.

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{CHANNEL_CHUNKS, CHUNK_BYTES, SILENCE};
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
    /// The place of the last words: they need no reader, so that a slow one never takes a cut for an end.
    last: Option<mpsc::OwnedPermit<Bytes>>,
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
                let (sender, body) = mpsc::channel(CHANNEL_CHUNKS.saturating_add(1));
                let last = sender.clone().try_reserve_owned().ok();
                Some(Chunks { sender, last, body: Some(body), next_ping: Instant::now() + SILENCE })
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

    /// Hands over what a stream's client shall get, in pieces; a whole reply stays where it is. What is not handed over when the
    /// deadline comes stays in `out`. A client that is gone is no reason to stop: its request is paid for and must be metered.
    pub(super) async fn send(&mut self, out: &mut BytesMut) {
        let Some(stream) = &mut self.stream else { return };
        while !out.is_empty() {
            self.is_waiting = true;
            let place = stream.sender.reserve().await;
            self.is_waiting = false;
            let piece = out.split_to(out.len().min(CHUNK_BYTES)).freeze();
            if let Ok(place) = place {
                place.send(piece);
            }
            stream.next_ping = Instant::now() + SILENCE;
        }
    }

    /// Hands over the rest of a stream, whether its client reads now or later.
    pub(super) fn send_last(&mut self, out: &mut BytesMut) {
        let Some(stream) = &mut self.stream else { return };
        if let Some(place) = stream.last.take().filter(|_| !out.is_empty()) {
            drop(place.send(out.split().freeze()));
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::civil::Date;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::catalog::{Candidate, Catalog};

    /// A stream's client that has its status, and its body.
    async fn streaming() -> (Client, mpsc::Receiver<Bytes>) {
        let model = Catalog::embedded().unwrap().resolve("gpt-5-nano").unwrap();
        let candidate = Candidate::new(&model, &model.routes[0], Date::constant(2026, 11, 26), false);
        let log = AttemptLog { candidate, dropped: Vec::new(), attempts: Vec::new() };
        let (mut client, commit) =
            Client::new(ClientFormat::ChatCompletions, Delivery::Streamed, SharedAttemptLog::new(log));
        client.commit_stream();
        let Reply::Stream(body) = commit.await.unwrap().unwrap().reply else { panic!("a whole reply") };
        (client, body)
    }

    async fn read(mut body: mpsc::Receiver<Bytes>) -> Vec<Bytes> {
        let mut chunks = Vec::new();
        while let Some(chunk) = body.recv().await {
            chunks.push(chunk);
        }
        chunks
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_slow_client_when_time_is_up_is_handed_over_with_the_last_words() {
        let (mut client, body) = streaming().await;
        for _ in 0..CHANNEL_CHUNKS {
            client.send(&mut BytesMut::from("word ")).await;
        }
        let mut out = BytesMut::from("unread ");
        timeout(Duration::from_secs(1), client.send(&mut out)).await.unwrap_err();
        assert!(client.is_waiting());
        out.extend_from_slice(b"end");
        client.send_last(&mut out);
        drop(client);
        let chunks = read(body).await;
        assert_eq!((chunks.len(), &*chunks[CHANNEL_CHUNKS]), (CHANNEL_CHUNKS + 1, &b"unread end"[..]));
    }

    #[tokio::test]
    async fn a_large_piece_goes_out_in_small_ones() {
        let (mut client, body) = streaming().await;
        client.send(&mut BytesMut::zeroed(2 * CHUNK_BYTES + 1)).await;
        drop(client);
        let lengths: Vec<usize> = read(body).await.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [CHUNK_BYTES, CHUNK_BYTES, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_sends_without_result_does_not_put_off_the_sign_of_life() {
        let (mut client, body) = streaming().await;
        for _ in 0..4 {
            client.watch(sleep(SILENCE / 3)).await;
            client.send(&mut BytesMut::new()).await;
        }
        drop(client);
        assert_eq!(read(body).await.len(), 1);
    }
}
