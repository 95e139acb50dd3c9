//! One request to an environment.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Number of response pieces that wait for a slow client.
const WAITING_PIECES: usize = 64;

/// A piece of a response's body, or the error that a broken connection is for the client.
pub(crate) type Piece = io::Result<Bytes>;

/// Status and headers of an answer, as functions write them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The HTTP status.
    pub status_code: u16,
    /// One value per header.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `Set-Cookie` values.
    #[serde(default)]
    pub cookies: Vec<String>,
}

/// A function's answer: the head, and the body as it arrives.
#[derive(Debug)]
pub struct Reply {
    /// Status and headers.
    pub head: Head,
    /// The body.
    pub body: mpsc::Receiver<io::Result<Bytes>>,
}

/// The complete answer of a buffered function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Buffered {
    #[serde(flatten)]
    head: Head,
    /// Where API Gateway's REST interface looks for headers.
    #[serde(default)]
    multi_value_headers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// An event that waits until a process fetches it.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: Uuid,
    pub(super) event: String,
    /// Milliseconds since the epoch.
    pub(super) deadline_ms: u128,
    pub(super) answer: Answer,
}

/// Receives the answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) reply: oneshot::Sender<Reply>,
    /// Fires at the end of the response.
    pub(super) ended: oneshot::Sender<()>,
}

impl Invocation {
    pub(super) fn new(event: String, timeout: Duration) -> (Self, oneshot::Receiver<Reply>, oneshot::Receiver<()>) {
        let (reply, replied) = oneshot::channel();
        let (ended, has_ended) = oneshot::channel();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline_ms = (now + timeout).as_millis();
        let invocation = Self { id: Uuid::new_v4(), event, deadline_ms, answer: Answer { reply, ended } };
        (invocation, replied, has_ended)
    }
}

impl Reply {
    /// A streamed answer, and the sender of its body.
    pub(super) fn streamed(head: Head) -> (Self, mpsc::Sender<Piece>) {
        let (pieces, body) = mpsc::channel(WAITING_PIECES);
        (Self { head, body }, pieces)
    }

    /// The answer of a buffered function, from its JSON.
    pub(crate) fn buffered(json: &[u8]) -> Option<Self> {
        let Buffered { mut head, multi_value_headers, body, is_base64_encoded } = serde_json::from_slice(json).ok()?;
        head.headers.extend(multi_value_headers.into_iter().map(|(name, values)| (name, values.join(", "))));
        let body = body.unwrap_or_default();
        let body = if is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
        Some(Self::whole(head, body))
    }

    /// The answer of a function URL if its function fails.
    pub(super) fn failed() -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let head = Head { status_code: 502, headers, cookies: Vec::new() };
        Self::whole(head, br#"{"message":"Internal Server Error"}"#.to_vec())
    }

    /// An answer whose body is complete.
    pub(crate) fn whole(head: Head, body: Vec<u8>) -> Self {
        let (reply, pieces) = Self::streamed(head);
        if !body.is_empty() {
            // The channel is new, so there is room.
            drop(pieces.try_send(Ok(body.into())));
        }
        reply
    }
}
