//! The pieces of a streamed reply, in any wire format.

use super::journal::SimulatedUsage;

/// A streamed reply, and what ends it instead if it fails half-way.
#[derive(Debug)]
pub(super) struct Streamed {
    pub(super) frames: Vec<Frame>,
    pub(super) failure: Vec<Frame>,
}

/// One HTTP chunk.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: String,
    pub(super) kind: FrameKind,
    /// The usage that this frame reports.
    pub(super) reports: Option<SimulatedUsage>,
}

/// Whether a frame counts as a word in scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// One word of reasoning or text, or one piece of a call.
    Word,
    /// Other parts of the format.
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

/// Splits JSON text in two, so that it looks like pieces of a generated call.
pub(super) fn halves(text: &str) -> [String; 2] {
    let middle = text.chars().count().div_ceil(2);
    [text.chars().take(middle).collect(), text.chars().skip(middle).collect()]
}
