//! What a wire could not carry of a request. Each client format says what its clients call it.

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
    /// How hard to think, where the client says that apart.
    Effort,
    /// Which tool must be called.
    ToolChoice,
    /// One call at a time.
    ParallelToolCalls,
    /// The form of the answer is asked for in words instead.
    ResponseFormat,
    /// How much the answer shall say.
    Verbosity,
    /// The client's name of its user.
    User,
}
