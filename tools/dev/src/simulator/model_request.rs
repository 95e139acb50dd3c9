//! A request to a model in any wire format: what the simulator needs for its answer.

use serde_json::Value;

use super::answer_form::AnswerForm;
use super::counting::input_tokens;
use super::journal::SimulatedUsage;
use super::session::Turn;
use super::transcript::Transcript;
use super::wire::Wire;

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Complete.
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
    /// No reasoning is requested.
    #[default]
    Hidden,
    /// The signature without the text.
    Sealed,
    /// The text.
    Shown,
}

/// A tool that may be called.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) schema: Value,
}

/// A request to a model, in any wire format.
#[derive(Clone, Debug)]
pub(super) struct ModelRequest {
    pub(super) wire: Wire,
    pub(super) mode: Mode,
    pub(super) model: String,
    pub(super) input_tokens: u64,
    /// The output limit of the request.
    pub(super) output_limit: Option<u64>,
    pub(super) answer_form: AnswerForm,
    /// The usage to report instead of the counted one.
    pub(super) dearest: Option<SimulatedUsage>,
    /// Whether the usage costs what the lists say.
    pub(super) is_listed: bool,
    /// The text of the last user message that has text.
    pub(super) user_text: String,
    /// The text of the last user message that has a marker.
    pub(super) marked_text: String,
    /// The tool results, if the last message has any.
    pub(super) tool_result: Option<String>,
    /// The number of tool results in the whole conversation.
    pub(super) tool_results: usize,
    /// The declared tools, in order.
    pub(super) tools: Vec<Tool>,
    pub(super) thinking: Thinking,
    /// The session's reply to it.
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
            answer_form: AnswerForm::Text,
            dearest: None,
            is_listed: false,
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

    /// With the output limit and the form of the answer that a body sets.
    pub(super) fn bounded_by(mut self, body: &Value) -> Self {
        self.output_limit = self.wire.output_limit(body);
        self.answer_form = AnswerForm::of(self.wire, body);
        self
    }

    pub(super) fn with_thinking(mut self, thinking: Thinking) -> Self {
        self.thinking = thinking;
        self
    }
}
