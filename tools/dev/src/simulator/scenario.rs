//! What the simulator can do.
//!
//! To add a fault, add a variant. The compiler then requires its name here and its behaviour in `stage`.

use std::time::Duration;

use super::settings::Settings;
use super::strict::features::Feature;

/// One scripted behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// Repeats the user's message.
    Echo,
    /// Calls the first declared tool.
    Tool,
    /// Reasons before it answers.
    Thinking,
    /// Fails with `status` before any other byte.
    Error { status: u16, retry_after: Option<u64> },
    /// Breaks the connection after this many words.
    Cut { after: usize },
    /// Sends the wire's own error event after this many words.
    MidstreamError { after: usize },
    /// Sends nothing for a while, not even a response head.
    Silent { pause: Duration },
    /// Pauses after this many words.
    Stall { after: usize, pause: Duration },
    /// Never reports usage.
    NoUsage,
    /// Answers 200 with a web page.
    Html,
    /// Answers 200 with nothing.
    Empty,
    /// Fails with a message that the gateway must not show to the client.
    Secret,
    /// Answers with this many words of at least this many bytes, with usage or without.
    Long { words: usize, bytes: usize, tells_usage: bool },
    /// Stops in the middle because of the output limit.
    Truncated,
    /// Breaks the connection instead of an answer.
    Reset,
    /// Answers 200 with only the wire's own error.
    ErrorEvent { status: u16 },
    /// Sends data that is not JSON after this many words.
    Malformed { after: usize },
    /// Sends only comments for a while after the response head.
    Comments { pause: Duration },
    /// Sends one event that is far too long.
    HugeEvent,
    /// Adds unknown content, which every client must ignore.
    Strange,
    /// Fails this percentage of requests, always the same ones for the same seed.
    Flaky { percent: u64, seed: u64 },
    /// Ends without any content.
    NoAnswer,
    /// Ends with an invalid tool call after this many words.
    BrokenCall { after: usize },
    /// Answers with one JSON body, streamed or not.
    Json,
    /// Rejects the request by moderation.
    Moderated,
    /// Closes the connection after the answer without announcing it.
    Close,
    /// Reports the most expensive usage that the body allows, with this percentage of the output.
    Dearest { percent: u64 },
    /// Rejects requests with this feature.
    Without(Feature),
    /// Rejects what the real provider rejects; otherwise plays a loop of this many tool results, with the first few at once.
    Strict { steps: usize, parallel: usize },
}

impl Scenario {
    /// One of each, with its default settings.
    pub(super) const ALL: [Self; 30] = [
        Self::Echo,
        Self::Tool,
        Self::Thinking,
        Self::Error { status: 500, retry_after: None },
        Self::Cut { after: 3 },
        Self::MidstreamError { after: 3 },
        Self::Silent { pause: Duration::from_secs(1) },
        Self::Stall { after: 3, pause: Duration::from_secs(1) },
        Self::NoUsage,
        Self::Html,
        Self::Empty,
        Self::Secret,
        Self::Long { words: 1_000, bytes: 0, tells_usage: true },
        Self::Truncated,
        Self::Reset,
        Self::ErrorEvent { status: 529 },
        Self::Malformed { after: 3 },
        Self::Comments { pause: Duration::from_secs(1) },
        Self::HugeEvent,
        Self::Strange,
        Self::Flaky { percent: 50, seed: 0 },
        Self::NoAnswer,
        Self::BrokenCall { after: 3 },
        Self::Json,
        Self::Moderated,
        Self::Close,
        Self::Dearest { percent: 100 },
        Self::Without(Feature::PastReasoning),
        Self::Without(Feature::Schemas),
        Self::Strict { steps: 5, parallel: 1 },
    ];

    /// The NAME in the marker.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Tool => "tool",
            Self::Thinking => "thinking",
            Self::Error { .. } => "error",
            Self::Cut { .. } => "cut",
            Self::MidstreamError { .. } => "midstream-error",
            Self::Silent { .. } => "silent",
            Self::Stall { .. } => "stall",
            Self::NoUsage => "no-usage",
            Self::Html => "html",
            Self::Empty => "empty",
            Self::Secret => "secret",
            Self::Long { .. } => "long",
            Self::Truncated => "truncated",
            Self::Reset => "reset",
            Self::ErrorEvent { .. } => "error-event",
            Self::Malformed { .. } => "malformed",
            Self::Comments { .. } => "comments",
            Self::HugeEvent => "huge-event",
            Self::Strange => "strange",
            Self::Flaky { .. } => "flaky",
            Self::NoAnswer => "no-answer",
            Self::BrokenCall { .. } => "broken-call",
            Self::Json => "json",
            Self::Moderated => "moderated",
            Self::Close => "close",
            Self::Dearest { .. } => "dearest",
            Self::Without(Feature::PastReasoning) => "unverified",
            Self::Without(Feature::Schemas) => "complex",
            Self::Strict { .. } => "strict",
        }
    }

    pub(super) fn named(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.name() == name)
            .ok_or_else(|| format!("unknown simulator scenario `{name}`; known: {}", known()))
    }

    pub(super) fn with(self, settings: &mut Settings<'_>) -> Result<Self, String> {
        Ok(match self {
            Self::Error { status, retry_after } => Self::Error {
                status: settings.status("status")?.unwrap_or(status),
                retry_after: settings.number("retry-after")?.or(retry_after),
            },
            Self::Cut { after } => Self::Cut { after: settings.count("after")?.unwrap_or(after) },
            Self::MidstreamError { after } => Self::MidstreamError { after: settings.count("after")?.unwrap_or(after) },
            Self::Silent { pause } => Self::Silent { pause: settings.pause("ms")?.unwrap_or(pause) },
            Self::Stall { after, pause } => Self::Stall {
                after: settings.count("after")?.unwrap_or(after),
                pause: settings.pause("ms")?.unwrap_or(pause),
            },
            Self::Long { words, bytes, tells_usage } => Self::Long {
                words: settings.count("words")?.unwrap_or(words),
                bytes: settings.count("bytes")?.unwrap_or(bytes),
                tells_usage: settings.number("usage")?.map_or(tells_usage, |told| told > 0),
            },
            Self::ErrorEvent { status } => Self::ErrorEvent { status: settings.status("status")?.unwrap_or(status) },
            Self::Malformed { after } => Self::Malformed { after: settings.count("after")?.unwrap_or(after) },
            Self::Comments { pause } => Self::Comments { pause: settings.pause("ms")?.unwrap_or(pause) },
            Self::BrokenCall { after } => Self::BrokenCall { after: settings.count("after")?.unwrap_or(after) },
            Self::Flaky { percent, seed } => Self::Flaky {
                percent: settings.number("percent")?.unwrap_or(percent),
                seed: settings.number("seed")?.unwrap_or(seed),
            },
            Self::Dearest { percent } => Self::Dearest { percent: settings.number("percent")?.unwrap_or(percent) },
            Self::Strict { steps, parallel } => Self::Strict {
                steps: settings.count("steps")?.unwrap_or(steps),
                parallel: settings.count("parallel")?.unwrap_or(parallel).max(1),
            },
            Self::Echo
            | Self::Tool
            | Self::Thinking
            | Self::NoUsage
            | Self::Html
            | Self::Empty
            | Self::Secret
            | Self::Reset
            | Self::HugeEvent
            | Self::Strange
            | Self::NoAnswer
            | Self::Json
            | Self::Moderated
            | Self::Close
            | Self::Without(_)
            | Self::Truncated => self,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::named(scenario.name()), Ok(scenario));
        }
    }

    #[test]
    fn unknown_scenario_is_refused_with_the_known_names() {
        let refused = Scenario::named("eco").unwrap_err();
        assert!(refused.contains("`eco`") && refused.contains("echo, tool, thinking"), "{refused}");
    }
}
