//! The providers' HTTP client: sends, limits the time of each phase, and classifies failures. All providers share one TLS
//! configuration and one connection pool.

use std::error::Error;
use std::future::poll_fn;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use crate::config::UpstreamLimits;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::http_client::{self, Connections};
use crate::reason::Reason;
use crate::wire::{Mode, upstream_error};

const CONNECT: Duration = Duration::from_secs(3);
/// A reply that was requested whole is a single chunk, so it may take as long as a whole request.
const WHOLE: Duration = Duration::from_mins(14);
const TOKEN: Duration = Duration::from_secs(3);
/// A list of models is half a megabyte, and no client waits for it.
const LIST: Duration = Duration::from_secs(30);
const COUNT: Duration = Duration::from_secs(5);
/// Connections survive a frozen environment only for a while.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Maximum size of a whole reply.
pub const MAX_REPLY_BYTES: usize = 20 * 1024 * 1024;
/// Maximum size of an error body.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// One upstream call.
#[derive(Debug)]
pub struct UpstreamCall {
    /// The URL.
    pub url: Url,
    /// The bearer token.
    pub token: SecretString,
    /// A header of this call only.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// How the reply is requested.
    pub mode: Mode,
    /// Time limit of its response head.
    pub limit: Duration,
}

/// Sends calls.
#[derive(Default)]
pub struct Transport {
    limits: UpstreamLimits,
    /// Created with the first call, because a function that only lists models needs no TLS.
    client: OnceLock<reqwest::Client>,
}

/// A reply with status 200 whose body was not read yet.
#[derive(Debug)]
pub struct UpstreamReply {
    /// The form of the body.
    pub form: ReplyForm,
    response: reqwest::Response,
    idle: Duration,
    /// Maximum time between events while comments come.
    patience: Duration,
}

/// The form of a reply's body, by its content type. A provider may answer in another form than requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyForm {
    /// Server-sent events.
    Stream,
    /// One JSON value.
    Json,
}

impl ReplyForm {
    /// The form for a content type; `None` if it is not a reply, such as an HTML page of a front end.
    fn of(content_type: &str) -> Option<Self> {
        match content_type {
            stream if stream.starts_with("text/event-stream") => Some(Self::Stream),
            json if json.starts_with("application/json") => Some(Self::Json),
            _ => None,
        }
    }
}

impl Transport {
    /// A client with these limits. Nothing is created or sent yet.
    pub const fn new(limits: UpstreamLimits) -> Self {
        Self { limits, client: OnceLock::new() }
    }

    /// Time limit of a call until the first content of a stream, or until the end of a whole reply. `first_event` is the
    /// model's own limit, unless the configuration sets one for all.
    pub const fn limit(&self, mode: Mode, first_event: Duration) -> Duration {
        match mode {
            Mode::Streaming => match self.limits.first_event {
                Some(limit) => limit,
                None => first_event,
            },
            Mode::Whole => WHOLE,
            Mode::Count => COUNT,
        }
    }

    /// Sends a call and waits for the head of the reply. Every status except 200 is a failure with the provider's message.
    pub async fn send(&self, call: UpstreamCall) -> Result<UpstreamReply, UpstreamError> {
        let UpstreamCall { url, token, header, body, mode, limit } = call;
        let accept = match mode {
            Mode::Streaming => "text/event-stream",
            Mode::Whole | Mode::Count => "application/json",
        };
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, bearer(&token)?);
        headers.extend(header);
        let request = self.client()?.post(url).headers(headers).body(body);
        let response = within(limit, request.send()).await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(refusal(response).await);
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        match (ReplyForm::of(content_type), mode) {
            (Some(form), Mode::Streaming | Mode::Whole) | (Some(form @ ReplyForm::Json), Mode::Count) => {
                let idle = self.limits.idle;
                Ok(UpstreamReply { form, response, idle, patience: limit.max(idle) })
            }
            (Some(ReplyForm::Stream), Mode::Count) | (None, _) => {
                let unreadable = format!("the reply has content type {content_type:?}");
                Err(UpstreamError::new(UpstreamErrorKind::Malformed, unreadable))
            }
        }
    }

    /// Posts a body and returns the reply's text, for token endpoints and AWS services. Takes at most three seconds.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: String) -> Result<String, UpstreamError> {
        let request = self.client()?.post(url.clone()).headers(headers).body(body);
        let exchange = async {
            let response = within(TOKEN, request.send()).await?;
            if !response.status().is_success() {
                return Err(refusal(response).await);
            }
            limited_text(response, MAX_ERROR_BYTES, TOKEN).await
        };
        let late = |_| UpstreamError::new(UpstreamErrorKind::Timeout, format!("no data within {} s", TOKEN.as_secs()));
        timeout(TOKEN, exchange).await.map_err(late)?
    }

    /// Gets a public document. The head and each piece have half a minute.
    pub async fn get(&self, url: Url) -> Result<String, UpstreamError> {
        let response = within(LIST, self.client()?.get(url).send()).await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(refusal(response).await);
        }
        limited_text(response, MAX_REPLY_BYTES, LIST).await
    }

    /// Opens a connection to a host before the first call. Its response does not matter.
    pub async fn warm_up(&self, url: &Url) -> Result<(), UpstreamError> {
        let mut origin = url.clone();
        origin.set_path("/");
        origin.set_query(None);
        within(CONNECT, self.client()?.head(origin).send()).await.map(drop)
    }

    fn client(&self) -> Result<&reqwest::Client, UpstreamError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = build().map_err(|cause| UpstreamError::new(UpstreamErrorKind::Connect, cause))?;
        Ok(self.client.get_or_init(|| client))
    }
}

fn build() -> Result<reqwest::Client, String> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    http_client::build(roots, Connections { connect: CONNECT, idle: POOL_IDLE }).map_err(|error| error.to_string())
}

impl UpstreamReply {
    /// The next piece of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        within(self.idle, self.response.chunk()).await
    }

    /// The next piece of the body, if it is available without waiting. If it was not read yet, the connection runs once to
    /// deliver it.
    pub async fn chunk_at_hand(&mut self) -> Option<Result<Option<Bytes>, UpstreamError>> {
        let mut chunk = self.response.chunk().now_or_never();
        if chunk.is_none() {
            turn().await;
            chunk = self.response.chunk().now_or_never();
        }
        chunk.map(|chunk| chunk.map_err(|error| sort(&error)))
    }

    /// The next piece of a stream whose last event arrived at `last_event`. Comments show that the connection is alive. They
    /// allow a silence as long as before the first event, and no longer.
    pub async fn chunk_after(&mut self, last_event: Instant) -> Result<Option<Bytes>, UpstreamError> {
        let patience = self.patience;
        let late = |_| UpstreamError::new(UpstreamErrorKind::Timeout, format!("no event within {} s", patience.as_secs()));
        timeout_at(last_event + patience, self.chunk()).await.map_err(late)?
    }

    /// The complete body as text.
    pub async fn text(self) -> Result<String, UpstreamError> {
        limited_text(self.response, MAX_REPLY_BYTES, WHOLE).await
    }
}

/// Lets every other task that is ready run once. Unlike tokio's `yield_now` it does not ask the kernel for new events, which
/// costs as much as an event.
async fn turn() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Reads the error of a refusal.
async fn refusal(response: reqwest::Response) -> UpstreamError {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = limited_text(response, MAX_ERROR_BYTES, TOKEN).await.unwrap_or_default();
    upstream_error::decode(status, retry_after.as_deref(), &body)
}

/// The whole body as text, within a maximum size and a time limit for each piece.
async fn limited_text(mut response: reqwest::Response, limit: usize, time: Duration) -> Result<String, UpstreamError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = within(time, response.chunk()).await? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(UpstreamError::new(UpstreamErrorKind::TooLarge, format!("the body exceeds {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    let malformed = |_| UpstreamError::new(UpstreamErrorKind::Malformed, "the body is not UTF-8");
    String::from_utf8(body.into()).map_err(malformed)
}

fn bearer(token: &SecretString) -> Result<HeaderValue, UpstreamError> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
    let mut value =
        value.map_err(|_| UpstreamError::new(UpstreamErrorKind::Credential, "the token cannot be a header value"))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn within<T>(limit: Duration, call: impl Future<Output = reqwest::Result<T>>) -> Result<T, UpstreamError> {
    match timeout(limit, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(sort(&error)),
        Err(_) => Err(UpstreamError::new(UpstreamErrorKind::Timeout, format!("no data within {} s", limit.as_secs()))),
    }
}

/// The innermost cause of an error: the outer errors only say where it happened.
fn innermost<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

fn sort(error: &reqwest::Error) -> UpstreamError {
    let kind = if error.is_connect() {
        UpstreamErrorKind::Connect
    } else if error.is_timeout() {
        UpstreamErrorKind::Timeout
    } else if error.is_body() || error.is_decode() {
        UpstreamErrorKind::Truncated
    } else {
        UpstreamErrorKind::Reset
    };
    let reason = if kind == UpstreamErrorKind::Truncated {
        Reason::transport(innermost(error)).at("the connection ended inside the reply")
    } else {
        Reason::transport(error)
    };
    UpstreamError::new(kind, reason.to_string()).because(reason)
}
