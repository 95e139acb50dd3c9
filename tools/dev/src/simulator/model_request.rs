//! A request to a model after its wire has been read: what the simulator needs to know to answer it.

use serde_json::Value;

use super::counting::input_tokens;
use super::journal::SimulatedUsage;
use super::session::Turn;
use super::transcript::Transcript;
use super::wire::Wire;

/// How the answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// In one piece.
    Whole,
    /// As server-sent events.
    Events,
    /// As one JSON array that grows (Gemini without `alt=sse`).
    Array,
    /// Only the number of input tokens.
    Count,
}

/// Whether the request wants to see the reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It does not ask for any.
    #[default]
    Hidden,
    /// It wants the signature without the text.
    Sealed,
    /// It wants the text.
    Shown,
}

/// A tool that may be called.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) schema: Value,
}

/// A request to a model, whichever wire it came by.
#[derive(Clone, Debug)]
pub(super) struct ModelRequest {
    pub(super) wire: Wire,
    pub(super) mode: Mode,
    pub(super) model: String,
    pub(super) input_tokens: u64,
    /// The most output tokens that the request itself allows.
    pub(super) output_limit: Option<u64>,
    /// The usage to report instead of what is counted.
    pub(super) dearest: Option<SimulatedUsage>,
    /// The text of the last user message that has any.
    pub(super) user_text: String,
    /// The text of the last user message that has a marker.
    pub(super) marked_text: String,
    /// What the tools answered, if the last message says that.
    pub(super) tool_result: Option<String>,
    /// How many results of tools the whole conversation holds.
    pub(super) tool_results: usize,
    /// The tools that may be called, in the order of their declaration.
    pub(super) tools: Vec<Tool>,
    pub(super) thinking: Thinking,
    /// What a session says to it.
    pub(super) turn: Option<Turn>,
}

impl ModelRequest {
    pub(super) fn new(wire: Wire, mode: Mode, model: &str, transcript: Transcript) -> Self {
        Self {
            wire,
            mode,
            model: model.to_owned(),
            input_tokens: input_tokens(transcript.bytes),
            output_limit: None,
            dearest: None,
            user_text: transcript.user_text,
            marked_text: transcript.marked_text,
            tool_result: transcript.tool_result,
            tool_results: transcript.tool_results,
            tools: Vec::new(),
            thinking: Thinking::Hidden,
            turn: None,
        }
    }

    pub(super) fn with_tools(mut self, tools: Vec<Tool>) -> Self {
        self.tools = tools;
        self
    }

    pub(super) fn with_output_limit(mut self, limit: Option<u64>) -> Self {
        self.output_limit = limit;
        self
    }

    pub(super) fn with_thinking(mut self, thinking: Thinking) -> Self {
        self.thinking = thinking;
        self
    }
}
