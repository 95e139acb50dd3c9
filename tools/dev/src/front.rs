//! The function-URL front: one base URL for all functions. It turns a request into a version 2.0 event, as AWS does, and the
//! function's answer into an HTTP response.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use gateway::endpoints::Endpoint;
use serde::Serialize;
use uuid::Uuid;

use crate::invoke::{self, INVOCATIONS};
use crate::lambda::{Lambda, Reply};
use crate::remote::Remote;
use crate::terminal::{Arrived, Terminal};

/// Lambda's size limit for an event, which is the request as JSON.
const MAX_EVENT_BYTES: usize = 6_291_556;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    headers: BTreeMap<&'a str, String>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'static str,
    http: HttpContext<'a>,
    request_id: String,
    route_key: &'static str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpContext<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: String,
    user_agent: &'a str,
}

/// What runs the functions.
#[derive(Clone, Debug)]
pub enum Functions {
    /// Functions that this process starts and calls.
    Own(Arc<Lambda>),
    /// Functions that another program runs, such as SAM's containers.
    Remote(Remote),
}

impl Functions {
    async fn invoke(&self, function: &str, event: String) -> Result<Reply> {
        match self {
            Self::Own(lambda) => lambda.invoke(function, event).await,
            Self::Remote(remote) => remote.invoke(function, event).await,
        }
    }
}

/// The state that all requests to the front share.
#[derive(Clone, Debug)]
struct Front {
    functions: Functions,
    terminal: Option<Terminal>,
}

/// A front for these functions, with Lambda's own API. Requests are shown on the terminal.
pub fn router(lambda: Arc<Lambda>, terminal: Option<Terminal>) -> Router {
    let api = Router::new().route(INVOCATIONS, post(invoke::answer)).with_state(Arc::clone(&lambda));
    serving(Front { functions: Functions::Own(lambda), terminal }).merge(api)
}

/// A front for these functions only.
pub fn front(functions: Functions) -> Router {
    serving(Front { functions, terminal: None })
}

fn serving(front: Front) -> Router {
    Router::new().fallback(answer).with_state(front)
}

async fn answer(
    State(Front { functions, terminal }): State<Front>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let arrived = Arrived::now(parts.method.as_str(), parts.uri.path());
    let unanswered = |status: StatusCode, message: &str| {
        if let Some(terminal) = &terminal {
            terminal.unanswered(&arrived, status.as_u16(), message);
        }
        plain(status, message)
    };
    let too_large = || {
        let message = "Request must be smaller than 6291556 bytes for the InvokeFunction operation";
        unanswered(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    let Ok(body) = axum::body::to_bytes(body, MAX_EVENT_BYTES).await else { return too_large() };
    let function = Endpoint::function(Endpoint::of_path(parts.uri.path()).as_ref());
    let reply = match event(&parts, client, &body) {
        Ok(event) if event.len() > MAX_EVENT_BYTES => return too_large(),
        Ok(event) => functions.invoke(function, event).await,
        Err(error) => Err(error),
    };
    match reply {
        Ok(reply) => respond(match &terminal {
            Some(terminal) => terminal.follow(arrived, reply),
            None => reply,
        }),
        Err(error) => {
            eprintln!("{function}: {error:#}");
            unanswered(StatusCode::BAD_GATEWAY, "Internal Server Error")
        }
    }
}

/// A request as a function URL's event.
pub(crate) fn event(parts: &Parts, client: SocketAddr, body: &Bytes) -> Result<String> {
    let headers = headers(&parts.headers, client);
    let (path, now) = (parts.uri.path(), jiff::Timestamp::now());
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // As on AWS, only bodies with a text type stay text.
    let is_text = ["application/json", "text/"].iter().any(|kind| header("content-type").starts_with(kind));
    let text = std::str::from_utf8(body).ok().filter(|_| is_text && header("content-encoding").is_empty());
    let http = HttpContext {
        method: parts.method.as_str(),
        path,
        protocol: "HTTP/1.1",
        source_ip: client.ip().to_string(),
        user_agent: header("user-agent"),
    };
    let request_context = RequestContext {
        account_id: "anonymous",
        api_id: "local",
        domain_name: header("host"),
        domain_prefix: "local",
        http,
        request_id: Uuid::new_v4().to_string(),
        route_key: "$default",
        stage: "$default",
        time: now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        time_epoch: now.as_millisecond(),
    };
    let event = Event {
        version: "2.0",
        route_key: "$default",
        raw_path: path,
        raw_query_string: parts.uri.query().unwrap_or_default(),
        headers,
        request_context,
        is_base64_encoded: text.is_none() && !body.is_empty(),
        body: (!body.is_empty()).then(|| text.map_or_else(|| STANDARD.encode(body), str::to_owned)),
    };
    Ok(serde_json::to_string(&event)?)
}

/// Lower-case names, multiple values joined by commas, and the headers that AWS adds.
fn headers(headers: &HeaderMap, client: SocketAddr) -> BTreeMap<&str, String> {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined.entry(name.as_str()).and_modify(|list| list.extend([",", &*value])).or_insert_with(|| value.to_string());
    }
    let peer = client.ip().to_string();
    let forwarded = joined.entry("x-forwarded-for").or_default();
    *forwarded = if forwarded.is_empty() { peer } else { format!("{forwarded}, {peer}") };
    joined.insert("x-forwarded-proto", "http".to_owned());
    joined
}

fn respond(reply: Reply) -> Response<Body> {
    let Reply { head, mut body } = reply;
    let pieces = futures_util::stream::poll_fn(move |context| body.poll_recv(context));
    let mut response = Response::new(Body::from_stream(pieces.boxed()));
    *response.status_mut() = StatusCode::from_u16(head.status_code).unwrap_or(StatusCode::BAD_GATEWAY);
    let set_cookies = head.cookies.into_iter().map(|cookie| ("set-cookie".to_owned(), cookie));
    for (name, value) in head.headers.into_iter().chain(set_cookies) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// An answer of AWS itself, not of a function.
fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{{\"Message\":\"{message}\"}}")));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}
