//! Creates HTTP responses, and the headers that every response has.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use http_body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::config::AllowedOrigins;
use crate::error::{ErrorKind, GatewayError};
use crate::ids::RequestId;
use crate::reason::Reason;
use crate::wire::ClientFormat;

/// Response headers that browser scripts may read.
const EXPOSED: &str = "x-request-id, request-id, retry-after, x-should-retry, x-gateway-provider, x-gateway-model, \
                       x-gateway-attempts, x-gateway-cost-usd, x-gateway-dropped, x-model-deprecated, x-model-replacement, \
                       x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, \
                       x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens, \
                       anthropic-ratelimit-requests-limit, anthropic-ratelimit-requests-remaining, \
                       anthropic-ratelimit-requests-reset, anthropic-ratelimit-tokens-limit, \
                       anthropic-ratelimit-tokens-remaining, anthropic-ratelimit-tokens-reset";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// How long a browser may remember a preflight answer, in seconds.
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("86400");

/// A response's body. It cannot fail, because the Lambda runtime would write a body error as text into the client's stream
/// and continue.
#[derive(Debug)]
pub enum Body {
    /// The complete body; `None` once taken.
    Whole(Option<Bytes>),
    /// Chunks from the pump. It ends when the pump has finished everything, including the ledger.
    Stream(mpsc::Receiver<Bytes>),
}

impl Body {
    /// An empty body.
    pub const fn empty() -> Self {
        Self::Whole(None)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(chunks) => chunks.poll_recv(context).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }
}

/// A JSON response from serialised bytes.
pub fn json_bytes(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Some(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A JSON response.
pub fn json<T: Serialize>(value: &T) -> Result<Response<Body>, GatewayError> {
    let body = serde_json::to_vec(value).map_err(|error| GatewayError::internal(Reason::json(&error)))?;
    Ok(json_bytes(StatusCode::OK, body))
}

/// A stream of server-sent events. `no-transform` and `x-accel-buffering` keep proxies from collecting it.
pub fn event_stream(chunks: mpsc::Receiver<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// An error in the client's format, with headers that tell SDKs whether to retry.
pub fn error(format: ClientFormat, error: &GatewayError, request: RequestId) -> Response<Body> {
    let mut response = json_bytes(error.status(format.error_words()), format.error_body(error, request));
    let headers = response.headers_mut();
    let retry = if error.is_retryable() { "true" } else { "false" };
    headers.insert("x-should-retry", HeaderValue::from_static(retry));
    let waits = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Overloaded);
    if let Some(wait) = error.retry_after().filter(|_| waits) {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    for (name, value) in error.headers() {
        set_header(&mut response, name, value);
    }
    response
}

/// Sets a header to any text. Characters that a header cannot contain become `?`.
pub fn set_header(response: &mut Response<Body>, name: &'static str, value: &str) {
    let visible = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let value: String = value.chars().map(visible).collect();
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// Adds what every response has: the request's id under both names, the CORS headers, and a ban on caching and sniffing.
pub fn finish(response: &mut Response<Body>, request: RequestId, origins: &AllowedOrigins, asked: &HeaderMap) {
    let id = request.to_string();
    set_header(response, "x-request-id", &id);
    set_header(response, "request-id", &id);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    match origins {
        AllowedOrigins::Any => drop(headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))),
        AllowedOrigins::Listed(listed) => {
            add_vary(headers, "origin");
            let origin = asked.get(ORIGIN).filter(|origin| listed.iter().any(|allowed| *origin == allowed.as_str()));
            if let Some(origin) = origin {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            }
        }
    }
}

/// The response to a CORS preflight: the path's methods, and any headers that the script wants to send.
pub fn preflight(methods: &'static str, asked: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
    // `*` would not cover `Authorization`.
    if let Some(wanted) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        add_vary(headers, "access-control-request-headers");
    }
    response
}

/// Adds to `Vary` within one line, because Lambda's prelude has one value per header.
fn add_vary(headers: &mut HeaderMap, name: &'static str) {
    let known = headers.get(VARY).and_then(|value| value.to_str().ok());
    let value = known.map_or_else(|| name.to_owned(), |known| format!("{known}, {name}"));
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(VARY, value);
    }
}
