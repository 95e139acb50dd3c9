//! What an answer shall be like.

use super::request::JsonText;

/// How much an answer says (OpenAI, `verbosity`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Little.
    Low,
    /// As usual.
    Medium,
    /// Much.
    High,
}

impl Verbosity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The verbosity of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|verbosity| verbosity.as_str() == word)
    }
}

/// What the answer shall look like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResponseFormat {
    /// Text.
    #[default]
    Text,
    /// Some JSON object.
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
    /// The schema that the answer shall follow.
    pub fn schema(&self) -> Option<&JsonText> {
        match self {
            Self::Text | Self::JsonObject => None,
            Self::JsonSchema { schema, .. } => Some(schema),
        }
    }
}
