//! The HTTP endpoints: paths, methods, and what all endpoints share.

mod chat;
mod credits;
mod health;
mod models;
mod origin;
mod pages;
mod parameters;
mod paths;
mod requests;
mod serving;
mod usage;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{ALLOW, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Response};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};
use uuid::Uuid;

use crate::auth::ApiKey;
use crate::error::{ErrorKind, GatewayError};
use crate::gateway::Gateway;
use crate::ids::RequestId;
use crate::respond::{self, Body};
use crate::store::StoreError;
use crate::wire::ClientFormat;

use self::origin::Origin;
pub use pages::Page;
pub use paths::paths;
pub use serving::{serve_counts, serve_generation, serve_pages, serve_reads};

use serving::Answering;

/// The format of errors for paths without a format of their own (`docs/api.md`, Errors).
const OF_THE_CONTRACT: ClientFormat = ClientFormat::ChatCompletions;

/// The endpoint of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/responses/compact`
    Compact,
    /// `POST /v1/messages/count_tokens` and `POST /v1/responses/input_tokens`, by the format of their bodies.
    CountTokens(ClientFormat),
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{id}`, with the id from the path.
    Model(String),
    /// `GET /v1/usage`
    Usage,
    /// `GET /v1/requests`
    Requests,
    /// `GET /v1/requests/{id}`, with the id from the path.
    Request(String),
    /// `GET /v1/credits`
    Credits,
    /// `GET /health`
    Health,
    /// A page of the function `dashboard`, or what one requests.
    Page(Page),
    /// `/`, which clients probe.
    Root,
}

impl Endpoint {
    /// Finds the endpoint of a path, with `/v1` once, twice or not at all.
    pub fn of_path(path: &str) -> Option<Self> {
        paths::find(path)
    }

    /// The name of the function that serves it. Unknown paths and `/` go to `models`.
    pub const fn function(endpoint: Option<&Self>) -> &'static str {
        match endpoint {
            Some(Self::ChatCompletions) => "chat-completions",
            Some(Self::Messages) => "messages",
            Some(Self::Responses | Self::Compact) => "responses",
            Some(Self::CountTokens(_)) => "count-tokens",
            Some(Self::Usage | Self::Requests | Self::Request(_) | Self::Credits) => "usage",
            Some(Self::Health) => "health",
            Some(Self::Page(_)) => "dashboard",
            Some(Self::Models | Self::Model(_) | Self::Root) | None => "models",
        }
    }

    /// The format of the bodies that are posted to it; `None` for an endpoint that is only read.
    const fn posted(&self) -> Option<ClientFormat> {
        match self {
            Self::ChatCompletions => Some(ClientFormat::ChatCompletions),
            Self::Messages => Some(ClientFormat::Messages),
            Self::Responses | Self::Compact => Some(ClientFormat::Responses),
            Self::CountTokens(format) => Some(*format),
            Self::Models
            | Self::Model(_)
            | Self::Usage
            | Self::Requests
            | Self::Request(_)
            | Self::Credits
            | Self::Health
            | Self::Page(_)
            | Self::Root => None,
        }
    }

    /// The methods of the path, for `Allow` and preflight responses.
    const fn methods(&self) -> &'static str {
        if self.posted().is_some() { "POST, OPTIONS" } else { "GET, HEAD, OPTIONS" }
    }

    /// The format of the path's requests and errors.
    fn format(&self) -> ClientFormat {
        self.posted().unwrap_or(OF_THE_CONTRACT)
    }
}

/// A request in progress.
struct Call {
    id: RequestId,
    started: Instant,
    request: Request,
    endpoint: Option<Endpoint>,
    /// `None` if the call is refused because it did not come through the edge.
    origin: Option<Origin>,
}

impl Call {
    fn new(gateway: &Gateway, request: Request) -> Self {
        let endpoint = Endpoint::of_path(request.raw_http_path());
        let origin = origin::of(request.headers(), gateway.config.origin_secrets.as_ref());
        Self { id: RequestId::generate(), started: Instant::now(), request, endpoint, origin }
    }

    fn format(&self) -> ClientFormat {
        self.endpoint.as_ref().map_or(OF_THE_CONTRACT, Endpoint::format)
    }

    fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The key of a free request, within its rate of such requests.
    fn reader(&self, gateway: &Gateway) -> Result<ApiKey, GatewayError> {
        let key = ApiKey::from_headers(self.headers())?;
        gateway.admission.take_read(&key)?;
        Ok(key)
    }

    /// When the function is killed, as time since the epoch.
    fn deadline(&self) -> Duration {
        let context = self.request.lambda_context_ref();
        context.map_or(Duration::ZERO, |context| Duration::from_millis(context.deadline))
    }

    /// The caller's address, if it can be trusted.
    fn address(&self) -> Option<IpAddr> {
        let peer = match self.request.request_context_ref()? {
            // Function URLs, and API Gateway's REST interface.
            RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref(),
            RequestContext::ApiGatewayV1(context) => context.identity.source_ip.as_deref(),
            _ => None,
        };
        origin::caller(self.headers(), self.origin?, peer.and_then(|address| address.parse().ok()))
    }

    /// The span of a request's log lines, with Lambda's own id, which is also in the platform's lines.
    fn span(&self) -> tracing::Span {
        let id = self.request.lambda_context_ref().and_then(|context| Uuid::parse_str(&context.request_id).ok());
        tracing::info_span!("request", requestId = id.map(tracing::field::display))
    }

    fn log(&self, error: &GatewayError) {
        let (cause, code, param) = (error.reason(), error.code(), error.logged_param());
        // An alarm counts lines by this status.
        let (kind, http_status) = (error.kind(), error.status(self.format().error_words()).as_u16());
        if kind == ErrorKind::Internal {
            tracing::error!(request = %self.id, ?kind, code, param, http_status, %cause, "request failed");
        } else {
            tracing::info!(request = %self.id, ?kind, code, param, http_status, %cause, "request refused");
        }
    }

    async fn answer(&self, gateway: &Arc<Gateway>, answering: Answering) -> Response<Body> {
        if self.origin.is_none() {
            return self.refuse(&origin::refusal());
        }
        let Some(endpoint) = &self.endpoint else { return self.refuse(&self.unknown_path()) };
        let method = self.request.method();
        if method == Method::OPTIONS {
            return respond::preflight(endpoint.methods(), self.headers());
        }
        if *endpoint == Endpoint::Responses && asks_for_a_socket(self.headers()) {
            return self.refuse(&no_socket());
        }
        if !endpoint.methods().split(", ").any(|allowed| method == allowed) {
            let mut response = self.refuse(&wrong_method(method, endpoint.methods()));
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(endpoint.methods()));
            return response;
        }
        answering(gateway, self, endpoint).await.unwrap_or_else(|error| self.refuse(&error))
    }

    /// The error for a path without an endpoint, or with one of another function.
    fn unknown_path(&self) -> GatewayError {
        unknown_path(self.request.raw_http_path())
    }

    fn refuse(&self, error: &GatewayError) -> Response<Body> {
        self.log(error);
        respond::error(self.format(), error, self.id)
    }
}

/// The error for a table that gives no answer.
fn unanswered(error: &StoreError) -> GatewayError {
    GatewayError::unavailable(error.reason().clone())
}

fn unknown_path(path: &str) -> GatewayError {
    let path: String = path.chars().take(80).collect();
    GatewayError::new(ErrorKind::NotFound, format!("There is no endpoint at {path}."))
        .with_code("unknown_path")
        .with_hint("The endpoints are /v1/chat/completions, /v1/messages, /v1/responses, /v1/models, /v1/usage, /v1/requests, /v1/credits, /health and /dashboard; /docs describes them.")
}

/// Whether a client requests a WebSocket. Proxies may remove `Upgrade`, which is meant for the next hop only, but keep the
/// key of the handshake (RFC 6455, section 4.1).
fn asks_for_a_socket(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) || headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// Codex tries a WebSocket first. After this status it continues over HTTP at once.
fn no_socket() -> GatewayError {
    GatewayError::new(ErrorKind::UpgradeRequired, "WebSockets are not supported; send a POST request over HTTP.")
        .with_code("no_websocket")
        .with_header("upgrade", "HTTP/1.1")
}

fn wrong_method(method: &Method, allowed: &str) -> GatewayError {
    let method: String = method.as_str().chars().take(20).collect();
    GatewayError::new(ErrorKind::MethodNotAllowed, format!("{method} is not allowed here; use {allowed}."))
        .with_code("method_not_allowed")
}
