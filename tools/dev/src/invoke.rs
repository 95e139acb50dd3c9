//! Lambda's Invoke API, for `cargo lambda invoke` and whatever else sends a function an event of its own.

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

/// A whole answer, as buffered functions give it. Streams are collected: an invocation has one answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Whole {
    status_code: u16,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

/// Why there is no answer, in Lambda's form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    error_message: String,
}

/// Gives the event to the function and answers with all that it answered.
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
