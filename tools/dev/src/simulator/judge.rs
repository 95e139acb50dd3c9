//! How a provider would answer a body, computed without a server: for tests with many bodies.

use serde_json::Value;

use super::journal::SimulatedUsage;
use super::wire::Wire;
use super::{dearest, strict};

/// A provider that judges bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// OpenRouter's Chat Completions.
    OpenRouter,
    /// Claude on Vertex AI.
    Claude,
    /// Gemini on Vertex AI.
    Gemini,
}

impl Judge {
    /// The error with which the provider refuses a body, for a model by the provider's name.
    pub fn refusal(self, model: &str, body: &Value) -> Option<String> {
        strict::check_body(self.wire(), model, "", body).err()
    }

    /// The most expensive usage of a reply that takes this percentage of the output that the body allows: nothing is read
    /// from a cache, and everything that the body marks is written to a cache.
    pub fn usage(self, model: &str, body: &Value, percent: u64) -> SimulatedUsage {
        dearest::of_body(self.wire(), model, self.wire().output_limit(body), body, percent)
    }

    fn wire(self) -> Wire {
        match self {
            Self::OpenRouter => Wire::OpenRouter,
            Self::Claude => Wire::Claude,
            Self::Gemini => Wire::Gemini,
        }
    }
}
