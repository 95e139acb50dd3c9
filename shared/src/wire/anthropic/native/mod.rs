//! Forwarding between a client and a provider that both use Messages.

pub mod reply;
pub mod request;
pub mod stream;
mod undo;

use crate::chat::ChatResponse;
use crate::error::GatewayError;
use crate::wire::native::{Forwarding, Undo};
use crate::wire::target::Target;
use crate::wire::{ClientRequest, FrameFold, FrameForwarder, FrameUndoer, Native, ReplyContext, WireFormat};

/// Forwarded Messages.
#[derive(Clone, Copy, Debug)]
pub struct MessagesWire;

impl Native for MessagesWire {
    fn wire(&self) -> WireFormat {
        WireFormat::Anthropic
    }

    fn forward<'d>(
        &self,
        request: &'d ClientRequest,
        target: &Target<'_>,
        betas: &[&str],
    ) -> Result<Forwarding<'d>, GatewayError> {
        request::forward(request, target, betas)
    }

    fn undoer(&self, undo: &Undo) -> Option<Box<dyn FrameUndoer>> {
        (!undo.is_empty()).then(|| Box::new(undo::Undoer::new(undo.clone())) as Box<dyn FrameUndoer>)
    }

    fn forwarder(&self, context: ReplyContext) -> Box<dyn FrameForwarder> {
        Box::new(stream::Forwarder::new(context))
    }

    fn fold(&self) -> Box<dyn FrameFold> {
        Box::new(reply::Fold::default())
    }

    fn correct_whole(&self, body: &str, reply: &ChatResponse, context: &ReplyContext) -> Result<Vec<u8>, serde_json::Error> {
        reply::corrected(body, reply, context)
    }
}
