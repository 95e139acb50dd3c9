//! How each wire format writes an answer: errors, complete replies and streams.

use super::frame::{Frame, Streamed};
use super::journal::SimulatedUsage;
use super::json::json;
use super::model_request::Mode;
use super::reply::Reply;
use super::wire::Wire;
use super::{claude, gemini, openrouter};

impl Wire {
    /// An error in the wire's own format.
    pub(super) fn error(self, status: u16, message: &str, request_id: &str) -> String {
        match self {
            Self::OpenRouter => openrouter::error(status, message),
            Self::Claude => claude::error(status, message, request_id),
            Self::Gemini => gemini::error(status, message),
        }
    }

    /// A refusal by moderation. Only OpenRouter has its own format.
    pub(super) fn moderated(self, request_id: &str) -> String {
        match self {
            Self::OpenRouter => openrouter::moderated(),
            Self::Claude | Self::Gemini => self.error(403, "Simulated moderation", request_id),
        }
    }

    /// The status and body of a call that fails half-way before anything was sent.
    pub(super) fn late_failure(self, request_id: &str) -> (u16, String) {
        match self {
            Self::OpenRouter => (200, openrouter::error(502, "Simulated failure in mid-stream")),
            Self::Claude => (529, claude::error(529, "Overloaded", request_id)),
            Self::Gemini => (503, gemini::error(503, "Simulated failure in mid-stream")),
        }
    }

    /// The complete reply.
    pub(super) fn whole(self, reply: &Reply) -> String {
        match self {
            Self::OpenRouter => openrouter::whole(reply),
            Self::Claude => claude::whole(reply),
            Self::Gemini => gemini::whole(reply),
        }
    }

    /// The reply as a stream.
    pub(super) fn streamed(self, reply: &Reply, mode: Mode) -> Streamed {
        match self {
            Self::OpenRouter => openrouter::streamed(reply),
            Self::Claude => claude::streamed(reply),
            Self::Gemini => gemini::streamed(reply, mode),
        }
    }

    /// A stream that contains only the wire's own error.
    pub(super) fn failing(self, reply: &Reply, status: u16, message: &str) -> Vec<Frame> {
        match self {
            Self::OpenRouter => openrouter::failing(reply, status, message),
            Self::Claude => vec![claude::failing(status, message)],
            Self::Gemini => vec![gemini::failing(status, message)],
        }
    }

    /// The answer to a request for the number of input tokens.
    pub(super) fn counted(self, tokens: u64) -> String {
        match self {
            Self::OpenRouter | Self::Claude => json(&claude::Counted { input_tokens: tokens }),
            Self::Gemini => gemini::counted(tokens),
        }
    }

    /// The usage that the wire reports at the end of the reply.
    pub(super) fn reported(self, reply: &Reply) -> Option<SimulatedUsage> {
        match self {
            Self::OpenRouter => reply.told_usage().map(openrouter::priced),
            Self::Claude | Self::Gemini => reply.told_usage(),
        }
    }
}
