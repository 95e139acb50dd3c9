//! `POST /v1/chat/completions`, `POST /v1/messages`, `POST /v1/responses`, compaction and token counting.

use std::sync::Arc;

use http::Response;

use super::Call;
use crate::error::GatewayError;
use crate::flow::Incoming;
use crate::gateway::Gateway;
use crate::respond::Body;
use crate::wire::ClientFormat;

pub(super) async fn handle(
    gateway: &Arc<Gateway>,
    call: &Call,
    format: ClientFormat,
) -> Result<Response<Body>, GatewayError> {
    gateway.chat(format, incoming(call)).await
}

pub(super) async fn compact(gateway: &Arc<Gateway>, call: &Call) -> Result<Response<Body>, GatewayError> {
    gateway.compact(incoming(call)).await
}

pub(super) async fn count(
    gateway: &Arc<Gateway>,
    call: &Call,
    format: ClientFormat,
) -> Result<Response<Body>, GatewayError> {
    gateway.count(format, incoming(call)).await
}

fn incoming(call: &Call) -> Incoming<'_> {
    let body = match call.request.body() {
        lambda_http::Body::Text(text) => text.clone().into(),
        lambda_http::Body::Binary(bytes) => bytes.clone().into(),
        lambda_http::Body::Empty | _ => bytes::Bytes::new(),
    };
    Incoming {
        id: call.id,
        started: call.started,
        headers: call.headers(),
        body,
        address: call.address(),
        deadline: call.deadline(),
    }
}
