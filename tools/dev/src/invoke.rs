//! Lambda's Invoke API, for `cargo lambda invoke` and other programs that send a function an event of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use crate::lambda::Lambda;

/// The route of an invocation.
pub(crate) const INVOCATIONS: &str = "/2015-03-31/functions/{name}/invocations";

/// A complete answer, as buffered functions return it. Streams are collected, because an invocation has one answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Whole {
    status_code: u16,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

/// Why there is no answer, in Lambda's format.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    error_message: String,
}

/// Sends the event to the function and returns its complete answer.
pub(crate) async fn answer(
    State(lambda): State<Arc<Lambda>>,
    Path(name): Path<String>,
    event: String,
) -> Result<Json<Whole>, (StatusCode, Json<Failure>)> {
    let failed = |error: anyhow::Error| (StatusCode::BAD_GATEWAY, Json(Failure { error_message: format!("{error:#}") }));
    invoked(&lambda, &name, event).await.map(Json).map_err(failed)
}

async fn invoked(lambda: &Lambda, name: &str, event: String) -> Result<Whole> {
    let mut reply = lambda.invoke(name, event).await?;
    let mut body = Vec::new();
    while let Some(piece) = reply.body.recv().await {
        body.extend_from_slice(&piece?);
    }
    let body = String::from_utf8(body).context("the body is not text")?;
    let (status_code, headers, cookies) = (reply.head.status_code, reply.head.headers, reply.head.cookies);
    Ok(Whole { status_code, headers, cookies, body, is_base64_encoded: false })
}
