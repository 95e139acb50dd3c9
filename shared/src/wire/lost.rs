//! Settings of a request that a route does not support. Each client format maps them to its own field names.

/// A setting that was dropped or changed.
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
    /// How much to reason.
    Reasoning,
    /// The effort, if the client sets it separately.
    Effort,
    /// Which tool must be called.
    ToolChoice,
    /// Whether calls may be parallel.
    ParallelToolCalls,
    /// The response format was replaced by an instruction.
    ResponseFormat,
    /// The verbosity.
    Verbosity,
    /// The client's user id.
    User,
}
