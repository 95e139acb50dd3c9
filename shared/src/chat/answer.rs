//! The format and length of an answer.

use super::request::JsonText;

/// How verbose an answer is (OpenAI, `verbosity`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// A short answer.
    Low,
    /// An answer of the usual length.
    Medium,
    /// A long answer.
    High,
}

impl Verbosity {
    /// The word for it, which is the same in all formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Parses a verbosity.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|verbosity| verbosity.as_str() == word)
    }
}

/// The format of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResponseFormat {
    /// Text without a fixed form.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// The schema.
        schema: JsonText,
    },
}

impl ResponseFormat {
    /// The schema of the answer.
    pub fn schema(&self) -> Option<&JsonText> {
        match self {
            Self::Text | Self::JsonObject => None,
            Self::JsonSchema { schema, .. } => Some(schema),
        }
    }
}
