//! The Runtime API of one environment, version 2018-06-01, as custom runtimes use it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{get, post};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::sync::{Mutex, mpsc, watch};

use super::invocation::{Answer, Head, Invocation, Reply};

/// Separates the head of a streamed answer from its body.
const DELIMITER: [u8; 8] = [0; 8];

struct Api {
    waiting: Mutex<mpsc::Receiver<Invocation>>,
    /// The answers that are due, by the ids of their invocations.
    due: std::sync::Mutex<HashMap<String, Answer>>,
    polled: watch::Sender<bool>,
}

impl Api {
    fn due(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes of an environment that receives its events from `waiting`. `polled` becomes true with the first poll.
pub(super) fn router(waiting: mpsc::Receiver<Invocation>, polled: watch::Sender<bool>) -> Router {
    let api = Api { waiting: Mutex::new(waiting), due: std::sync::Mutex::default(), polled };
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(error_at_init))
        .with_state(Arc::new(api))
}

async fn next(State(api): State<Arc<Api>>) -> Response<Body> {
    api.polled.send_replace(true);
    let Some(invocation) = api.waiting.lock().await.recv().await else { return empty(StatusCode::GONE) };
    let Invocation { id, event, deadline_ms, answer } = invocation;
    api.due().insert(id.to_string(), answer);
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", id.to_string())
        .header("lambda-runtime-deadline-ms", deadline_ms.to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:local")
        .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0")
        .body(Body::from(event));
    response.unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Response<Body> {
    let answer = api.due().remove(&id);
    let Some(Answer { reply, ended }) = answer else { return empty(StatusCode::BAD_REQUEST) };
    let streaming = headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming");
    let whole = if streaming {
        stream(body.into_data_stream(), reply).await.is_ok()
    } else {
        let json = axum::body::to_bytes(body, usize::MAX).await;
        let buffered = json.ok().and_then(|json| Reply::buffered(&json));
        // The caller may have disconnected.
        let _ = reply.send(buffered.unwrap_or_else(Reply::failed));
        true
    };
    if whole {
        let _ = ended.send(());
    }
    empty(StatusCode::ACCEPTED)
}

/// Reads a streamed answer: the head as JSON, eight NULs, the body. It keeps reading after the client has disconnected.
async fn stream(mut body: BodyDataStream, reply: tokio::sync::oneshot::Sender<Reply>) -> io::Result<()> {
    let mut start = BytesMut::new();
    let (head, first) = loop {
        let chunk = body.next().await.ok_or(io::ErrorKind::UnexpectedEof)?.map_err(io::Error::other)?;
        start.extend_from_slice(&chunk);
        if let Some(at) = start.windows(DELIMITER.len()).position(|window| window == DELIMITER) {
            let head = start.split_to(at);
            let first = start.split_off(DELIMITER.len());
            break (head, first.freeze());
        }
    };
    let head: Head = serde_json::from_slice(&head)?;
    let (answer, pieces) = Reply::streamed(head);
    let _ = reply.send(answer);
    forward(first, &pieces).await;
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => forward(chunk, &pieces).await,
            Err(error) => {
                // The process died, so the client's connection breaks too.
                let _ = pieces.send(Err(io::ErrorKind::ConnectionReset.into())).await;
                return Err(io::Error::other(error));
            }
        }
    }
    Ok(())
}

async fn forward(chunk: Bytes, pieces: &mpsc::Sender<io::Result<Bytes>>) {
    if !chunk.is_empty() {
        // Lambda does not tell a function that its client has disconnected.
        let _ = pieces.send(Ok(chunk)).await;
    }
}

async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>, body: String) -> Response<Body> {
    eprintln!("a function failed: {body}");
    let answer = api.due().remove(&id);
    if let Some(Answer { reply, ended }) = answer {
        let _ = reply.send(Reply::failed());
        let _ = ended.send(());
    }
    empty(StatusCode::ACCEPTED)
}

async fn error_at_init(body: String) -> Response<Body> {
    eprintln!("a function failed to start: {body}");
    empty(StatusCode::ACCEPTED)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
