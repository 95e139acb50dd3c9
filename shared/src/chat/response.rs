//! A whole reply, and how it ends.

use super::request::Part;
use super::usage::Usage;

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// A stop sequence of the request came up; the sequence, where the wire tells it.
    StopSequence(Option<String>),
    /// The token limit.
    Length,
    /// It waits for the results of its tool calls.
    ToolCalls,
    /// The provider or the model refused.
    ContentFilter,
    /// A server-side tool paused the turn; the client sends the history back to go on (Anthropic `pause_turn`).
    Paused,
}

impl FinishReason {
    /// The name in records and logs, in OpenAI's words where they have one.
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

/// A reply that is complete.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatResponse {
    /// The provider's id.
    pub id: String,
    /// What the model said: text, reasoning and tool calls, in order.
    pub parts: Vec<Part>,
    /// Why there is no answer, in the words of the provider that blocked it or of the model that refused it.
    pub refusal: Option<String>,
    /// Why it stopped.
    pub finish: FinishReason,
    /// What it consumed, when the provider said so.
    pub usage: Option<Usage>,
}
