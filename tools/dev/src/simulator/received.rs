//! A request as it arrived.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::connection::Line;
use super::ids;
use super::refusal::Refusal;

/// More than any client may send to the gateway.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// A request as it arrived, and its id.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) at_ms: u64,
    pub(super) request_id: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    /// Its connection.
    pub(super) line: Line,
    body: Bytes,
}

impl Received {
    /// Reads the whole body. A body that breaks off or is too long counts as empty, which no endpoint accepts.
    pub(super) async fn read(request: Request) -> Self {
        let (head, body) = request.into_parts();
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let joined = headers.entry(name.as_str().to_owned()).or_default();
            if !joined.is_empty() {
                joined.push_str(", ");
            }
            joined.push_str(&value);
        }
        let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
        Self {
            at_ms: u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default(),
            request_id: format!("req_vrtx_011C{}", ids::random(20)),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            line: head.extensions.get::<ConnectInfo<Line>>().map(|ConnectInfo(line)| line.clone()).unwrap_or_default(),
            body,
        }
    }

    pub(super) fn authorization(&self) -> &str {
        self.headers.get("authorization").map(String::as_str).unwrap_or_default()
    }

    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as a JSON object.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
            Ok(_) => Err(Refusal::own(400, "Invalid JSON payload received. The body is not an object.")),
            Err(wrong) => Err(Refusal::own(400, &format!("Invalid JSON payload received. {wrong}"))),
        }
    }
}
