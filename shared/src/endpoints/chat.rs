//! `POST /v1/chat/completions` and `POST /v1/messages`.

use std::sync::Arc;

use http::Response;

use super::Call;
use crate::auth::ApiKey;
use crate::body;
use crate::error::GatewayError;
use crate::flow::{Gateway, Incoming};
use crate::respond::Body;
use crate::wire::ClientFormat;

pub(super) async fn handle(
    gateway: &Arc<Gateway>,
    call: &Call,
    format: ClientFormat,
) -> Result<Response<Body>, GatewayError> {
    // A body is not decompressed for a caller without a well-formed key.
    ApiKey::from_headers(call.headers())?;
    let bytes = match call.request.body() {
        lambda_http::Body::Text(text) => text.clone().into(),
        lambda_http::Body::Binary(bytes) => bytes.clone().into(),
        lambda_http::Body::Empty | _ => bytes::Bytes::new(),
    };
    let incoming = Incoming {
        id: call.id,
        started: call.started,
        headers: call.headers(),
        body: body::read(call.headers(), bytes)?,
        deadline: call.deadline(),
    };
    gateway.chat(format, incoming).await
}
