//! What a provider would make of a body, without a server between: for tests that have many bodies.

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
    /// What the provider says of a body that it refuses, for a model by its name there.
    pub fn refusal(self, model: &str, body: &Value) -> Option<String> {
        strict::check_body(self.wire(), model, "", body).err()
    }

    /// The usage of a reply that takes so many percent of the output that the body allows, at its dearest: nothing is read from a
    /// cache, and everything is written where the body marks that.
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
