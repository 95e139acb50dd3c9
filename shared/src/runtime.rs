//! The runtime of the functions. `lambda_runtime` polls for events; the answers of the functions that stream are sent from
//! here.
//!
//! `lambda_runtime` 1.5 builds its own HTTP client, which leaves Nagle's algorithm on. It writes the head of an answer, its
//! prelude, the delimiter and each event separately. A small segment then waits until the previous one is acknowledged,
//! which the other side may delay by 40 ms. The first event and the end of every answer were late by that time. Here the
//! connection has `TCP_NODELAY`. Head, prelude and first event are one write, and later events that come together are also
//! one write.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE, TRANSFER_ENCODING};
use http::{Method, Response};
use http_body::Frame;
use hyper_util::client::legacy::connect::HttpConnector;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use lambda_http::lambda_runtime::layers::TracingLayer;
use lambda_http::lambda_runtime::{LambdaInvocation, MetadataPrelude, Runtime};
use lambda_http::request::LambdaRequest;
use lambda_http::tower::layer::layer_fn;
use lambda_http::{Error, LambdaEvent, Request, RequestExt as _, Service, run_concurrent, service_fn};
use lambda_runtime_api_client::{PooledClient, body, build_request};
use serde::de::IgnoredAny;

use crate::endpoints;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::respond::Body;

/// Separates the prelude of a streamed answer from its body (AWS, "Building a custom runtime", response streaming).
const DELIMITER: [u8; 8] = [0; 8];
/// The header that identifies an invocation for the Runtime API. It is sent back unchanged.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// An error that ends a function. `main` prints an error's `Debug`, which is the text for people here.
pub struct Fault(Error);

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// Answers events with whole answers of `serve` until the process ends. Fails if the Runtime API is unreachable.
pub async fn buffered<S, A>(gateway: Arc<Gateway>, serve: S) -> Result<(), Fault>
where
    S: Fn(Arc<Gateway>, Request) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let handler = move |request: Request| {
        let answer = serve(Arc::clone(&gateway), request);
        async move { Ok::<_, Infallible>(answer.await) }
    };
    Ok(run_concurrent(service_fn(handler)).await?)
}

/// Answers events with streamed answers until the process ends. Fails if the Runtime API is unreachable.
pub async fn stream(gateway: Arc<Gateway>) -> Result<(), Fault> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Arc::new(PooledClient::builder().with_connector(connector).build());
    // Receives the events that cannot be read, and reports them.
    let unread = service_fn(|_: LambdaEvent<IgnoredAny>| async {
        Err::<(), Error>("an event of neither a function URL nor API Gateway".into())
    });
    let streaming = layer_fn(move |unread| Streaming { gateway: Arc::clone(&gateway), client: Arc::clone(&client), unread });
    Ok(Runtime::new(unread).layer(streaming).layer(TracingLayer::new()).run_concurrent().await?)
}

/// Answers events over its own connections. Events that cannot be read go to `lambda_runtime`'s service.
#[derive(Clone)]
struct Streaming<S> {
    gateway: Arc<Gateway>,
    client: Arc<PooledClient>,
    unread: S,
}

impl<S> Service<LambdaInvocation> for Streaming<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = Error;
    type Future = BoxFuture<'static, Result<(), Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.unread.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let Some(event) = read(&invocation.body) else { return Box::pin(self.unread.call(invocation)) };
        let (gateway, client) = (Arc::clone(&self.gateway), Arc::clone(&self.client));
        Box::pin(async move {
            let LambdaInvocation { parts, context, body } = invocation;
            drop(body);
            let uri = format!("/2018-06-01/runtime/invocation/{}/response", context.request_id);
            let response = endpoints::serve_generation(gateway, event.with_lambda_context(context)).await;
            let answer = answer(&uri, parts.headers.get(INVOCATION_ID), response)?;
            // For Lambda this invocation is over. The next one may work, and the process may still be settling this one.
            match client.call(answer).await.map(|reply| reply.status()) {
                Ok(status) if status.is_success() => {}
                Ok(status) => tracing::error!(runtime_status = status.as_u16(), "the Runtime API refused a response"),
                Err(error) => {
                    tracing::error!(cause = %Reason::transport(&*error), "a response did not reach the Runtime API");
                }
            }
            Ok(())
        })
    }
}

/// An event as a request. Function URLs send version 2.0, which is tried first; API Gateway's REST interface sends 1.0.
/// Neither can be read as the other, because each lacks required fields of the other.
pub fn read(event: &[u8]) -> Option<Request> {
    if let Ok(event) = serde_json::from_slice::<ApiGatewayV2httpRequest>(event) {
        return Some(LambdaRequest::ApiGatewayV2(event).into());
    }
    let event = serde_json::from_slice::<ApiGatewayProxyRequest>(event).ok()?;
    Some(LambdaRequest::ApiGatewayV1(event).into())
}

/// The request that sends an answer to the Runtime API.
fn answer(uri: &str, id: Option<&HeaderValue>, response: Response<Body>) -> Result<http::Request<body::Body>, Error> {
    let (parts, body) = response.into_parts();
    let mut headers = parts.headers;
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    let cookies = headers.get_all(SET_COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let cookies = cookies.collect();
    headers.remove(SET_COOKIE);
    let mut start = BytesMut::from(&*serde_json::to_vec(&MetadataPrelude { status_code: parts.status, headers, cookies })?);
    start.put_slice(&DELIMITER);
    let mut request = build_request()
        .method(Method::POST)
        .uri(uri)
        .header(TRANSFER_ENCODING, "chunked")
        .header("lambda-runtime-function-response-mode", "streaming")
        .header(CONTENT_TYPE, "application/vnd.awslambda.http-integration-response");
    if let Some(id) = id {
        request = request.header(INVOCATION_ID, id);
    }
    Ok(request.body(body::Body::new(Started { start: Some(start), body }))?)
}

/// A body after its prelude. The part that is available immediately is sent in one piece with the prelude.
struct Started {
    start: Option<BytesMut>,
    body: Body,
}

impl http_body::Body for Started {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let polled = http_body::Body::poll_frame(Pin::new(&mut self.body), context);
        let Some(mut start) = self.start.take() else { return polled };
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(first) = frame.data_ref()
        {
            start.extend_from_slice(first);
        }
        Poll::Ready(Some(Ok(Frame::data(start.freeze()))))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http::StatusCode;
    use http_body::Body as _;
    use tokio::sync::mpsc;

    use super::*;
    use crate::respond;

    fn frame(body: &mut Started) -> Poll<Option<String>> {
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
        polled.map(|frame| frame.map(|frame| String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap()))
    }

    fn started(body: Body) -> Started {
        Started { start: Some(BytesMut::from("{}\0")), body }
    }

    #[test]
    fn prelude_and_first_event_are_one_piece_and_each_later_event_is_one() {
        let (events, receiver) = mpsc::channel(2);
        let mut body = started(Body::Stream(receiver));
        events.try_send(Bytes::from_static(b"a")).unwrap();
        assert_eq!(frame(&mut body), Poll::Ready(Some("{}\0a".to_owned())));
        assert_eq!(frame(&mut body), Poll::Pending);
        events.try_send(Bytes::from_static(b"b")).unwrap();
        assert_eq!(frame(&mut body), Poll::Ready(Some("b".to_owned())));
        drop(events);
        assert_eq!(frame(&mut body), Poll::Ready(None));
    }

    #[test]
    fn prelude_waits_for_no_event() {
        let (events, receiver) = mpsc::channel(1);
        let mut body = started(Body::Stream(receiver));
        assert_eq!(frame(&mut body), Poll::Ready(Some("{}\0".to_owned())));
        drop(events);
        assert_eq!(frame(&mut body), Poll::Ready(None));
    }

    #[test]
    fn prelude_of_an_empty_body_is_sent() {
        let mut body = started(Body::empty());
        assert_eq!(frame(&mut body), Poll::Ready(Some("{}\0".to_owned())));
        assert_eq!(frame(&mut body), Poll::Ready(None));
    }

    #[test]
    fn an_answer_says_how_it_is_sent_and_for_which_invocation() {
        let response = respond::json_bytes(StatusCode::CREATED, "{}");
        let request = answer("/x", Some(&HeaderValue::from_static("7")), response).unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("lambda-runtime-function-response-mode"), "streaming");
        assert_eq!(header("content-type"), "application/vnd.awslambda.http-integration-response");
        assert_eq!(header("lambda-runtime-invocation-id"), "7");
    }
}
