//! Error events for Chat Completions clients.

use bytes::BytesMut;

use crate::error::GatewayError;
use crate::ids::RequestId;
use crate::sse::{self, Frame};
use crate::wire::error_object;

/// Appends the one event that ends a failed stream.
pub fn event(error: &GatewayError, request: RequestId, out: &mut BytesMut) {
    let body = error_object::body(error, request, error_object::CONVERSATION);
    sse::write_frame(&Frame { event: None, data: std::str::from_utf8(&body).unwrap_or_default() }, out);
}
