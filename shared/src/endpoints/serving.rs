//! What each function answers. A function contains only the code of its own endpoints, because a cold start reads its
//! binary.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Method, Response};
use lambda_http::Request;
use tracing::Instrument as _;

use super::{Call, Endpoint, chat, credits, health, models, pages, requests, usage};
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::respond::{self, Body};

/// On the heap, like every large future.
type Answer<'a> = BoxFuture<'a, Result<Response<Body>, GatewayError>>;

/// Answers the endpoints of a function. The others do not exist there.
pub(super) type Answering = for<'a> fn(&'a Arc<Gateway>, &'a Call, &'a Endpoint) -> Answer<'a>;

/// Answers a request of `chat-completions`, `messages` or `responses`. Never fails: every failure, even a panic, becomes a
/// response. The same is true of the other functions of this module.
pub async fn serve_generation(gateway: Arc<Gateway>, request: Request) -> Response<Body> {
    serve(gateway, request, generation).await
}

/// Answers a request of `count-tokens`.
pub async fn serve_counts(gateway: Arc<Gateway>, request: Request) -> Response<Body> {
    serve(gateway, request, counts).await
}

/// Answers a request of `models`, `usage` or `health`.
pub async fn serve_reads(gateway: Arc<Gateway>, request: Request) -> Response<Body> {
    serve(gateway, request, reads).await
}

/// Answers a request of `dashboard`.
pub async fn serve_pages(gateway: Arc<Gateway>, request: Request) -> Response<Body> {
    serve(gateway, request, pages).await
}

async fn serve(gateway: Arc<Gateway>, request: Request, answering: Answering) -> Response<Body> {
    let call = Call::new(&gateway, request);
    let answered = AssertUnwindSafe(call.answer(&gateway, answering)).catch_unwind().instrument(call.span()).await;
    let mut response = answered.unwrap_or_else(|_| {
        let error = GatewayError::internal("the handler panicked");
        call.log(&error);
        respond::error(call.format(), &error, call.id)
    });
    respond::finish(&mut response, call.id, &gateway.config.allowed_origins, call.request.headers());
    if call.request.method() == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

fn generation<'a>(gateway: &'a Arc<Gateway>, call: &'a Call, endpoint: &'a Endpoint) -> Answer<'a> {
    Box::pin(async move {
        match endpoint {
            Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::Responses => {
                chat::handle(gateway, call, endpoint.format()).await
            }
            Endpoint::Compact => chat::compact(gateway, call).await,
            Endpoint::CountTokens(_)
            | Endpoint::Models
            | Endpoint::Model(_)
            | Endpoint::Usage
            | Endpoint::Requests
            | Endpoint::Request(_)
            | Endpoint::Credits
            | Endpoint::Health
            | Endpoint::Page(_)
            | Endpoint::Root => Err(call.unknown_path()),
        }
    })
}

fn counts<'a>(gateway: &'a Arc<Gateway>, call: &'a Call, endpoint: &'a Endpoint) -> Answer<'a> {
    Box::pin(async move {
        let Endpoint::CountTokens(format) = endpoint else { return Err(call.unknown_path()) };
        chat::count(gateway, call, *format).await
    })
}

fn reads<'a>(gateway: &'a Arc<Gateway>, call: &'a Call, endpoint: &'a Endpoint) -> Answer<'a> {
    Box::pin(async move {
        match endpoint {
            Endpoint::Models => models::list(gateway, call).await,
            Endpoint::Model(id) => models::one(gateway, call, id).await,
            Endpoint::Usage => usage::handle(gateway, call).await,
            Endpoint::Requests => requests::list(gateway, call).await,
            Endpoint::Request(id) => requests::one(gateway, call, id).await,
            Endpoint::Credits => credits::handle(gateway, call).await,
            Endpoint::Health => health::handle(gateway).await,
            Endpoint::Root => models::root(),
            Endpoint::ChatCompletions
            | Endpoint::Messages
            | Endpoint::Responses
            | Endpoint::Compact
            | Endpoint::CountTokens(_)
            | Endpoint::Page(_) => Err(call.unknown_path()),
        }
    })
}

fn pages<'a>(gateway: &'a Arc<Gateway>, call: &'a Call, endpoint: &'a Endpoint) -> Answer<'a> {
    Box::pin(async move {
        let Endpoint::Page(page) = endpoint else { return Err(call.unknown_path()) };
        pages::handle(gateway, call, *page).await
    })
}
