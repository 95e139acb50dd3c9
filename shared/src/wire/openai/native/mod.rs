//! Forwarding between a client and a provider that both use Chat Completions.

mod calls;
mod dialects;
mod history;
mod media;
mod members;
pub mod reply;
pub mod request;
mod settings;
mod shapes;
pub mod stream;
mod thinking;
mod values;

use crate::chat::ChatResponse;
use crate::document::Value;
use crate::error::GatewayError;
use crate::wire::native::{Forwarding, Undo};
use crate::wire::target::Target;
use crate::wire::{ClientRequest, FrameFold, FrameForwarder, FrameUndoer, Native, ReplyContext, WireFormat};

/// Forwarded Chat Completions.
#[derive(Clone, Copy, Debug)]
pub struct ChatCompletionsWire;

impl Native for ChatCompletionsWire {
    fn wire(&self) -> WireFormat {
        WireFormat::OpenAi
    }

    fn takes(&self, body: Value<'_>, target: &Target<'_>) -> bool {
        !request::needs_translation(body, target)
    }

    fn forward<'d>(
        &self,
        request: &'d ClientRequest,
        target: &Target<'_>,
        _betas: &[&str],
    ) -> Result<Forwarding<'d>, GatewayError> {
        request::forward(request, target)
    }

    /// Forwarding renames nothing.
    fn undoer(&self, _undo: &Undo) -> Option<Box<dyn FrameUndoer>> {
        None
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
