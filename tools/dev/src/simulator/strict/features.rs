//! Features that a provider refuses in some requests although its model has them: earlier reasoning that it cannot verify,
//! and schemas that are too complex to be compiled.

use serde_json::Value;

use super::verdict::{Verdict, ensure};
use crate::simulator::json::{items, string};
use crate::simulator::wire::Wire;

/// Google's value for a call without a signature (ai.google.dev, thought signatures).
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// A feature that a provider refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Feature {
    /// The model's earlier reasoning.
    PastReasoning,
    /// Schemas that the model must follow exactly.
    Schemas,
}

impl Feature {
    /// Rejects a body that has the feature.
    pub(super) fn check(self, wire: Wire, body: &Value) -> Verdict {
        match self {
            Self::PastReasoning => past_reasoning(wire, body),
            Self::Schemas => schemas(wire, body),
        }
    }
}

/// Rejects reasoning that the provider signed or encrypted earlier, in the words of OpenAI (openai/codex#8145;
/// anomalyco/opencode#4608 through OpenRouter), Anthropic (microsoft/vscode#322138) and Google.
fn past_reasoning(wire: Wire, body: &Value) -> Verdict {
    let (turns, parts) = match wire {
        Wire::OpenRouter => ("messages", "reasoning_details"),
        Wire::Claude => ("messages", "content"),
        Wire::Gemini => ("contents", "parts"),
    };
    let is_signed = |part: &Value| match wire {
        Wire::OpenRouter => string(part, "data").or(string(part, "signature")).is_some(),
        Wire::Claude => matches!(string(part, "type"), Some("thinking" | "redacted_thinking")),
        Wire::Gemini => string(part, "thoughtSignature").is_some_and(|signature| signature != NO_SIGNATURE),
    };
    let words = match wire {
        Wire::OpenRouter => "The encrypted content for item rs_1 could not be verified.",
        Wire::Claude => "messages.1.content.0: Invalid `signature` in `thinking` block",
        Wire::Gemini => "Unable to submit request because Thought signature is not valid",
    };
    let has_any = items(body, turns).flat_map(|turn| items(turn, parts)).any(is_signed);
    ensure(!has_any, || words.to_owned())
}

/// Rejects schemas that the model must follow exactly, in the words of Anthropic (anthropics/anthropic-sdk-python#1185) and
/// Google.
fn schemas(wire: Wire, body: &Value) -> Verdict {
    let has = |path: &str| body.pointer(path).is_some_and(Value::is_object);
    let is_strict =
        |tool: &Value| ["/strict", "/function/strict"].iter().any(|path| tool.pointer(path) == Some(&true.into()));
    let has_any = match wire {
        Wire::OpenRouter => has("/response_format/json_schema") || items(body, "tools").any(is_strict),
        Wire::Claude => has("/output_config/format") || items(body, "tools").any(is_strict),
        Wire::Gemini => has("/generationConfig/responseSchema") || has("/generationConfig/responseJsonSchema"),
    };
    let words = match wire {
        Wire::OpenRouter | Wire::Claude => {
            "The compiled grammar is too large, which would cause performance issues. Simplify your tool schemas or reduce the \
             number of strict tools."
        }
        Wire::Gemini => "The specified schema produces a constraint that has too many states for serving.",
    };
    ensure(!has_any, || words.to_owned())
}
