//! The three wires by name.

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

    /// The wire of that name.
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
}
