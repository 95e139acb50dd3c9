//! Features of a request that a provider may refuse although its model has them. Only the provider can tell: it cannot
//! verify reasoning that it signed elsewhere, or a schema is too complex to be compiled. The request succeeds without them.

use std::sync::Arc;

use crate::catalog::{Candidate, Model};
use crate::error::{UpstreamError, UpstreamErrorKind};

/// A feature that a second attempt omits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// The model's earlier reasoning, signed or encrypted.
    PastReasoning,
    /// Schemas that the model must follow exactly: of the answer, and of strict tools.
    Schemas,
}

/// Phrases with which providers refuse a feature, in lower case.
const PHRASES: [(&str, Feature); 9] = [
    // OpenAI: openai/codex#8145, Wei-Shaw/sub2api#2863, anomalyco/opencode#4608 (through OpenRouter).
    ("invalid_encrypted_content", Feature::PastReasoning),
    ("could not be verified", Feature::PastReasoning),
    // xAI.
    ("could not decrypt the provided encrypted_content", Feature::PastReasoning),
    // Anthropic (microsoft/vscode#322138). It says the same about the `data` of a `redacted_thinking` block.
    ("in `thinking` block", Feature::PastReasoning),
    ("in `redacted_thinking` block", Feature::PastReasoning),
    ("blocks in the latest assistant message cannot be modified", Feature::PastReasoning),
    // Google: "Thought signature is not valid", "Corrupted thought signature".
    ("thought signature", Feature::PastReasoning),
    // Anthropic: anthropics/anthropic-sdk-python#1185, anthropics/anthropic-sdk-typescript#885.
    ("compiled grammar is too large", Feature::Schemas),
    // Google: "The specified schema produces a constraint that has too many states for serving."
    ("too many states for serving", Feature::Schemas),
];

impl Feature {
    /// The feature that a provider refused; `None` for other failures.
    pub(super) fn refused_by(error: &UpstreamError) -> Option<Self> {
        if error.kind != UpstreamErrorKind::Refused(400) {
            return None;
        }
        let message = error.message.to_ascii_lowercase();
        PHRASES.iter().find(|(phrase, _)| message.contains(phrase)).map(|(_, feature)| *feature)
    }

    /// The same route, as if its model did not have the feature.
    pub(super) fn removed_from(self, candidate: &Candidate) -> Candidate {
        let mut model = Model::clone(&candidate.model);
        match self {
            Self::PastReasoning => model.capabilities.refuses_past_reasoning = true,
            Self::Schemas => {
                model.capabilities.refuses_schemas = true;
                model.capabilities.structured_output = false;
            }
        }
        Candidate { model: Arc::new(model), ..candidate.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::upstream_error::decode;

    #[test]
    fn a_refused_feature_is_known_by_the_providers_message() {
        let refused = |status, message: &str| {
            let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
            Feature::refused_by(&decode(status, None, &body))
        };
        for (message, feature) in [
            ("The encrypted content for item rs_1 could not be verified.", Some(Feature::PastReasoning)),
            ("Could not decrypt the provided encrypted_content.", Some(Feature::PastReasoning)),
            ("messages.1.content.0: Invalid `signature` in `thinking` block", Some(Feature::PastReasoning)),
            ("messages.1.content.0: Invalid `data` in `redacted_thinking` block", Some(Feature::PastReasoning)),
            ("Unable to submit request because Thought signature is not valid", Some(Feature::PastReasoning)),
            ("Corrupted thought signature.", Some(Feature::PastReasoning)),
            ("The compiled grammar is too large, which would cause performance issues.", Some(Feature::Schemas)),
            ("The specified schema produces a constraint that has too many states for serving.", Some(Feature::Schemas)),
            ("messages.0: wrong", None),
        ] {
            assert_eq!(refused(400, message), feature, "{message}");
            assert_eq!(refused(500, message), None, "{message}");
        }
    }
}
