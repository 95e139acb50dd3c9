//! Retired models, and the error messages of their providers.

use super::refusal::Refusal;
use super::wire::Wire;

/// The name prefixes that Vertex rejects, because Google and Anthropic have retired the models there (docs.cloud.google.com,
/// model lifecycle, November 2026: the 2.5 models on 2026-10-20, 3 Pro's preview in March).
const ON_VERTEX: [&str; 6] =
    ["gemini-1.", "gemini-2.0-", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-3-pro-preview", "claude-3-"];
/// Models that are no longer on `OpenRouter`'s list (November 2026).
const ON_OPENROUTER: [&str; 3] = ["google/gemini-1.5-", "google/gemini-3-pro-preview", "anthropic/claude-3-"];

/// Rejects a model that is retired at this provider.
pub(super) fn check(wire: Wire, model: &str) -> Result<(), Refusal> {
    let is_among = |retired: &[&str]| retired.iter().any(|start| model.starts_with(start));
    let publisher = match wire {
        Wire::OpenRouter if is_among(&ON_OPENROUTER) => {
            return Err(Refusal::own(400, &format!("{model} is not a valid model ID")));
        }
        Wire::Gemini if is_among(&ON_VERTEX) => "google",
        Wire::Claude if is_among(&ON_VERTEX) => "anthropic",
        Wire::OpenRouter | Wire::Gemini | Wire::Claude => return Ok(()),
    };
    Err(Refusal::google(
        404,
        &format!(
            "Publisher Model `projects/simulated/locations/global/publishers/{publisher}/models/{model}` was not found or your \
             project does not have access to it. Please ensure you are using a valid model version."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_names_are_refused_and_the_present_ones_are_not() {
        for (wire, model, is_served) in [
            (Wire::Gemini, "gemini-3-pro-preview", false),
            (Wire::Gemini, "gemini-3.1-pro-preview", true),
            (Wire::Gemini, "gemini-2.5-flash", false),
            (Wire::OpenRouter, "google/gemini-2.5-flash", true),
            (Wire::OpenRouter, "google/gemini-3-pro-preview", false),
            (Wire::Claude, "claude-sonnet-4-5@20250929", true),
        ] {
            assert_eq!(check(wire, model).is_ok(), is_served, "{model}");
        }
    }
}
