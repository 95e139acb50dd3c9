//! The upstream calls of a request, as records and headers list them.

use std::fmt;

use crate::ids::ProviderId;

/// One upstream call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The provider.
    pub provider: ProviderId,
    /// The provider's status, or the status of the failure.
    pub status: u16,
    /// The duration in milliseconds: to the first content of a stream, or to the end of a whole reply.
    pub ms: u128,
}

/// `openrouter;200;340ms`.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, status, ms } = self;
        write!(f, "{provider};{status};{ms}ms")
    }
}

impl Attempt {
    /// Parses one attempt; `None` for anything else, such as an unknown provider.
    fn parse(text: &str) -> Option<Self> {
        let (provider, rest) = text.split_once(';')?;
        let (status, ms) = rest.split_once(';')?;
        let ms = ms.strip_suffix("ms")?.parse().ok()?;
        Some(Self { provider: ProviderId::parse(provider)?, status: status.parse().ok()?, ms })
    }

    /// The attempts in order: `vertex-claude;529;12ms, openrouter;200;340ms`.
    pub fn list_to_text(attempts: &[Self]) -> String {
        attempts.iter().map(Self::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Parses such a list. Invalid attempts are left out.
    pub fn list_from_text(text: &str) -> Vec<Self> {
        text.split(", ").filter_map(Self::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_attempts_is_read_as_it_was_written() {
        let attempts = [
            Attempt { provider: ProviderId::VertexClaude, status: 529, ms: 12 },
            Attempt { provider: ProviderId::OpenRouter, status: 200, ms: 340 },
        ];
        let text = Attempt::list_to_text(&attempts);
        assert_eq!(text, "vertex-claude;529;12ms, openrouter;200;340ms");
        assert_eq!(Attempt::list_from_text(&text), attempts);
        assert_eq!(Attempt::list_from_text(""), []);
        assert_eq!(Attempt::list_from_text("gone;200;1ms, openrouter;200;2ms").len(), 1);
    }
}
