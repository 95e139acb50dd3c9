//! A model's reply before any wire has seen it.

use super::journal::SimulatedUsage;

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Call,
    Length,
}

/// A tool call; the arguments are JSON text.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// An answer before any wire has seen it.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) model: String,
    /// The words of the reasoning, each with the space before it.
    pub(super) thoughts: Vec<String>,
    /// The words of the answer, each with the space before it.
    pub(super) words: Vec<String>,
    /// True if there was reasoning, told or not.
    pub(super) thought: bool,
    pub(super) calls: Vec<Call>,
    /// True if it is of a Gemini 3, which gives its calls ids and signs even a text without reasoning.
    pub(super) gemini_3: bool,
    /// The opaque signature that providers attach to reasoning and to tool calls.
    pub(super) signature: String,
    pub(super) finish: Finish,
    pub(super) usage: SimulatedUsage,
    /// False if the script wants no word about usage.
    pub(super) tells_usage: bool,
}

impl Reply {
    pub(super) fn text(&self) -> String {
        self.words.concat()
    }

    pub(super) fn thinking(&self) -> String {
        self.thoughts.concat()
    }

    /// The usage to report, if the script lets it be told.
    pub(super) fn told_usage(&self) -> Option<SimulatedUsage> {
        self.tells_usage.then_some(self.usage)
    }
}
