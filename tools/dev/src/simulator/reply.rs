//! A model's reply, before it is written in a wire format.

use super::journal::SimulatedUsage;

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Call,
    Length,
}

/// A tool call. The arguments are JSON text.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// An answer, before it is written in a wire format.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) model: String,
    /// The words of the reasoning, each with the space before it.
    pub(super) thoughts: Vec<String>,
    /// The words of the answer, each with the space before it.
    pub(super) words: Vec<String>,
    /// Whether there was reasoning, visible or not.
    pub(super) thought: bool,
    pub(super) calls: Vec<Call>,
    /// Whether the model is a Gemini 3, which gives its calls ids and also signs text without reasoning.
    pub(super) gemini_3: bool,
    /// The signature that providers attach to reasoning and tool calls.
    pub(super) signature: String,
    /// The number of sources that the text cites.
    pub(super) sources: u64,
    pub(super) finish: Finish,
    pub(super) usage: SimulatedUsage,
    /// False if the script hides the usage.
    pub(super) tells_usage: bool,
}

impl Reply {
    pub(super) fn text(&self) -> String {
        self.words.concat()
    }

    pub(super) fn thinking(&self) -> String {
        self.thoughts.concat()
    }

    /// The usage to report, unless the script hides it.
    pub(super) fn told_usage(&self) -> Option<SimulatedUsage> {
        self.tells_usage.then_some(self.usage)
    }
}
