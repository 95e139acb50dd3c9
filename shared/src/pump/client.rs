//! The client's side of a request: when it gets its status, and how it gets its body.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{CHANNEL_CHUNKS, CHUNK_BYTES, SILENCE};
use crate::dispatch::{AttemptLog, SharedAttemptLog};
use crate::error::GatewayError;
use crate::money::PicoUsd;
use crate::wire::{ClientFormat, Delivery};

/// What the handler waits for: status 200, or an earlier failure.
pub type Commit = oneshot::Receiver<Result<Committed, GatewayError>>;

/// A request whose response has begun.
#[derive(Debug)]
pub struct Committed {
    /// The attempts so far.
    pub log: AttemptLog,
    /// The response.
    pub reply: Reply,
}

/// A response with status 200.
#[derive(Debug)]
pub enum Reply {
    /// Chunks that come until the request is settled.
    Stream(mpsc::Receiver<Bytes>),
    /// The complete body. The request is settled.
    Whole {
        /// The JSON body.
        body: Bytes,
        /// The charge.
        charged: PicoUsd,
    },
}

/// Delivers the reply to the client.
pub(super) struct Client {
    format: ClientFormat,
    log: SharedAttemptLog,
    commit: Option<oneshot::Sender<Result<Committed, GatewayError>>>,
    /// `None` for a whole reply, which is sent with its status.
    stream: Option<Chunks>,
    /// Set while a chunk waits for the client to read.
    is_waiting: bool,
    /// A timer that ends at the next keep-alive or earlier. It lives as long as the request, and is set again only when it
    /// ends. A timer for each event would be the first timer due, which costs two calls to the kernel.
    alarm: Pin<Box<Sleep>>,
}

struct Chunks {
    sender: mpsc::Sender<Bytes>,
    /// A reserved place for the last chunk. It needs no reader, so a slow client never mistakes a cut for the end.
    last: Option<mpsc::OwnedPermit<Bytes>>,
    /// Kept until the status is sent.
    body: Option<mpsc::Receiver<Bytes>>,
    next_ping: Instant,
}

impl Client {
    pub(super) fn new(format: ClientFormat, delivery: Delivery, log: SharedAttemptLog) -> (Self, Commit) {
        let (commit, committed) = oneshot::channel();
        let next_ping = Instant::now() + SILENCE;
        let stream = match delivery {
            Delivery::Whole => None,
            Delivery::Streamed => {
                let (sender, body) = mpsc::channel(CHANNEL_CHUNKS.saturating_add(1));
                let last = sender.clone().try_reserve_owned().ok();
                Some(Chunks { sender, last, body: Some(body), next_ping })
            }
        };
        let alarm = Box::pin(sleep_until(next_ping));
        (Self { format, log, commit: Some(commit), stream, is_waiting: false, alarm }, committed)
    }

    /// Whether the client reads a stream whose status was sent. Then a failure is an event.
    pub(super) fn is_streaming(&self) -> bool {
        self.commit.is_none()
    }

    /// Whether a chunk waits for the client to read.
    pub(super) const fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Waits for upstream, and sends a keep-alive to a stream's client after each long silence.
    pub(super) async fn watch<T>(&mut self, upstream: impl Future<Output = T>) -> T {
        let mut upstream = std::pin::pin!(upstream);
        loop {
            tokio::select! {
                biased;
                result = &mut upstream => return result,
                () = &mut self.alarm => self.ping(),
            }
        }
    }

    /// Sends a keep-alive to a stream's client, if it is due. A client that has not read its data needs none, and upstream's
    /// time limit must not run while a keep-alive waits.
    fn ping(&mut self) {
        let now = Instant::now();
        if self.stream.as_ref().is_some_and(|stream| stream.next_ping <= now) {
            self.commit_stream();
        }
        let mut next = now + SILENCE;
        if let Some(stream) = &mut self.stream {
            if stream.next_ping <= now {
                let mut ping = BytesMut::new();
                self.format.ping(&mut ping);
                let _ = stream.sender.try_send(ping.freeze());
                stream.next_ping = next;
            }
            next = stream.next_ping;
        }
        self.alarm.as_mut().reset(next);
    }

    /// Sends status 200 to a stream's client. A whole reply gets its status at its end.
    pub(super) fn commit_stream(&mut self) {
        if let Some(body) = self.stream.as_mut().and_then(|stream| stream.body.take()) {
            self.tell(Ok(Reply::Stream(body)));
        }
    }

    /// Sends what a stream's client gets, in pieces; a whole reply stays in `out`. What is not sent at the deadline stays
    /// too. If the client is gone, the request continues, because it is paid for and must be metered.
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

    /// Sends the rest of a stream, whether its client reads now or later.
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

    /// The request is settled and failed: sends an HTTP status, unless a stream has begun.
    pub(super) fn refuse(&mut self, error: GatewayError) {
        self.tell(Err(error));
    }

    /// Informs the handler, once. If the handler is gone, the request is settled all the same.
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

    /// A stream's client that has received its status, and its body.
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
