//! What a wire could not carry of a request, and what the client calls it.

use super::ClientFormat;

/// A field of the conversation that was left out or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The temperature.
    Temperature,
    /// Nucleus sampling.
    TopP,
    /// Top-k sampling.
    TopK,
    /// The seed.
    Seed,
    /// The frequency penalty.
    FrequencyPenalty,
    /// The presence penalty.
    PresencePenalty,
    /// One or more stop sequences.
    Stop,
    /// The output limit was lowered or raised.
    MaxTokens,
    /// How much to think.
    Reasoning,
    /// One call at a time.
    ParallelToolCalls,
    /// The form of the answer is asked for in words instead.
    ResponseFormat,
    /// The client's name of its user.
    User,
}

impl Lost {
    /// The field's path in the client's own request.
    pub const fn path(self, format: ClientFormat) -> &'static str {
        let (chat, messages) = match self {
            Self::Temperature => ("temperature", "temperature"),
            Self::TopP => ("top_p", "top_p"),
            Self::TopK => ("top_k", "top_k"),
            Self::Seed => ("seed", "seed"),
            Self::FrequencyPenalty => ("frequency_penalty", "frequency_penalty"),
            Self::PresencePenalty => ("presence_penalty", "presence_penalty"),
            Self::Stop => ("stop", "stop_sequences"),
            Self::MaxTokens => ("max_tokens", "max_tokens"),
            Self::Reasoning => ("reasoning_effort", "thinking"),
            Self::ParallelToolCalls => ("parallel_tool_calls", "tool_choice.disable_parallel_tool_use"),
            Self::ResponseFormat => ("response_format", "output_config.format"),
            Self::User => ("user", "metadata.user_id"),
        };
        match format {
            ClientFormat::ChatCompletions => chat,
            ClientFormat::Messages => messages,
        }
    }
}
