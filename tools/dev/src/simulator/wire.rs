//! The three wires behind one name, and what is common to their streams.

use serde::Serialize;

use super::journal::SimulatedUsage;
use super::question::Mode;
use super::text::Reply;
use super::{claude, gemini, openrouter};

/// A provider's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    OpenRouter,
    Claude,
    Gemini,
}

impl Wire {
    /// The provider's name in the journal.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenRouter => "openrouter",
            Self::Claude => "claude",
            Self::Gemini => "gemini",
        }
    }

    /// The wire of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::OpenRouter, Self::Claude, Self::Gemini].into_iter().find(|wire| wire.name() == name)
    }

    /// The wire's name in answers.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::OpenRouter => "OpenRouter",
            Self::Claude => "Claude",
            Self::Gemini => "Gemini",
        }
    }

    /// An error in the wire's own shape.
    pub(super) fn error(self, status: u16, message: &str, request_id: &str) -> String {
        match self {
            Self::OpenRouter => openrouter::error(status, message),
            Self::Claude => claude::error(status, message, request_id),
            Self::Gemini => gemini::error(status, message),
        }
    }

    /// The status and body of a call that fails half-way although nothing of it has been sent.
    pub(super) fn late_failure(self, request_id: &str) -> (u16, String) {
        match self {
            Self::OpenRouter => (200, openrouter::error(502, "Simulated failure in mid-stream")),
            Self::Claude => (529, claude::error(529, "Overloaded", request_id)),
            Self::Gemini => (503, gemini::error(503, "Simulated failure in mid-stream")),
        }
    }

    /// The reply in one piece.
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

    /// A stream that holds nothing but the wire's own error.
    pub(super) fn failing(self, reply: &Reply, status: u16, message: &str) -> Vec<Frame> {
        match self {
            Self::OpenRouter => openrouter::failing(reply, status, message),
            Self::Claude => vec![claude::failing(status, message)],
            Self::Gemini => vec![gemini::failing(status, message)],
        }
    }

    /// The answer to a question for the number of input tokens.
    pub(super) fn counted(self, tokens: u64) -> String {
        match self {
            Self::OpenRouter | Self::Claude => json(&claude::Counted { input_tokens: tokens }),
            Self::Gemini => gemini::counted(tokens),
        }
    }

    /// What the wire reports when the whole reply has been told.
    pub(super) fn reported(self, reply: &Reply) -> Option<SimulatedUsage> {
        match self {
            Self::OpenRouter => reply.told_usage().map(openrouter::priced),
            Self::Claude | Self::Gemini => reply.told_usage(),
        }
    }
}

/// A streamed reply, and what ends it instead if it is to fail half-way.
#[derive(Debug)]
pub(super) struct Streamed {
    pub(super) frames: Vec<Frame>,
    pub(super) failure: Vec<Frame>,
}

/// What leaves as one HTTP chunk.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: String,
    pub(super) kind: FrameKind,
    /// The usage that this frame tells.
    pub(super) reports: Option<SimulatedUsage>,
}

/// Whether a frame counts as a word in scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// One word of reasoning or text, or one piece of a call.
    Word,
    /// The format's own trappings.
    Trapping,
}

impl Frame {
    pub(super) fn word(bytes: String) -> Self {
        Self { bytes, kind: FrameKind::Word, reports: None }
    }

    pub(super) fn trapping(bytes: String) -> Self {
        Self { bytes, kind: FrameKind::Trapping, reports: None }
    }

    pub(super) fn reporting(self, usage: Option<SimulatedUsage>) -> Self {
        Self { reports: usage, ..self }
    }
}

/// JSON text. Our own structs always serialise, hence no error to hand on.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Cuts JSON text in two, so that it looks like pieces of a generated call.
pub(super) fn halves(text: &str) -> [String; 2] {
    let middle = text.chars().count().div_ceil(2);
    [text.chars().take(middle).collect(), text.chars().skip(middle).collect()]
}
