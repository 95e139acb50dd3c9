//! A whole reply, and how it ends.

use super::event::Citation;
use super::request::Part;
use super::usage::Usage;

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model finished its answer. Some providers also report a stop sequence like this.
    Stop,
    /// A stop sequence of the request; the sequence, if the provider reports it.
    StopSequence(Option<String>),
    /// The output reached its limit of tokens.
    Length,
    /// It waits for the results of its tool calls.
    ToolCalls,
    /// The provider or the model refused.
    ContentFilter,
    /// A server-side tool paused the turn. The client sends the history back to continue (Anthropic `pause_turn`).
    Paused,
}

impl FinishReason {
    /// Its name in records and logs: OpenAI's word, if there is one.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::StopSequence(_) => "stop_sequence",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Paused => "paused",
        }
    }
}

/// A complete reply.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatResponse {
    /// The provider's id.
    pub id: String,
    /// The content: text, reasoning and tool calls, in order.
    pub parts: Vec<Part>,
    /// The sources that a text cites, each with the position of that text in `parts`.
    pub citations: Vec<(usize, Citation)>,
    /// Why there is no answer: the text of the provider that blocked it, or of the model that refused.
    pub refusal: Option<String>,
    /// Why the model stopped.
    pub finish: FinishReason,
    /// The usage, if the provider reported it.
    pub usage: Option<Usage>,
}
