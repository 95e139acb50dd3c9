//! The three wire formats by name.

use serde_json::Value;

/// A provider's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    OpenRouter,
    Claude,
    Gemini,
}

impl Wire {
    /// The provider's name in the journal.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenRouter => "openrouter",
            Self::Claude => "claude",
            Self::Gemini => "gemini",
        }
    }

    /// The wire with that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::OpenRouter, Self::Claude, Self::Gemini].into_iter().find(|wire| wire.name() == name)
    }

    /// The wire's name in answers.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::OpenRouter => "OpenRouter",
            Self::Claude => "Claude",
            Self::Gemini => "Gemini",
        }
    }

    /// The output limit of a body: the lower one if it has two.
    pub(super) fn output_limit(self, body: &Value) -> Option<u64> {
        let place = match self {
            Self::OpenRouter | Self::Claude => Some(body),
            Self::Gemini => body.get("generationConfig").or_else(|| body.get("generation_config")),
        };
        let names: &[&str] = match self {
            Self::OpenRouter => &["max_tokens", "max_completion_tokens"],
            Self::Claude => &["max_tokens"],
            Self::Gemini => &["maxOutputTokens", "max_output_tokens"],
        };
        names.iter().filter_map(|name| place?.get(*name)?.as_u64()).min()
    }
}
