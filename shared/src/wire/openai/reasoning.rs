//! Reasoning in OpenRouter's form: `reasoning_details`, which clients send back unchanged.
//!
//! An entry is `reasoning.text` (with a signature if the provider signs), `reasoning.summary` or `reasoning.encrypted`.
//! `format` names its owner.

use serde::{Deserialize, Serialize};

use crate::chat::request::Place;
use crate::chat::{Origin, Part, Signature};

/// One entry of `reasoning_details`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Detail {
    /// `reasoning.text`, `reasoning.summary` or `reasoning.encrypted`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A summary of the reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The provider's signature of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Data that only the provider can read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The provider's id of the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The format, which names its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Its number in the reply.
    #[serde(default)]
    pub index: u64,
}

const ANTHROPIC: &str = "anthropic-claude-v1";
const GEMINI: &str = "google-gemini-v1";

/// Whether `reasoning_details` entries have this type. There are three, and others are rejected (openrouter.ai, reasoning
/// tokens).
pub fn is_kind_of_detail(kind: &str) -> bool {
    matches!(kind, "reasoning.text" | "reasoning.summary" | "reasoning.encrypted")
}

/// The format of the entry that returns a signature.
pub fn format_of(signature: &Signature) -> Option<String> {
    match signature.origin {
        Origin::Anthropic => Some(ANTHROPIC.to_owned()),
        Origin::Gemini => Some(GEMINI.to_owned()),
        Origin::OpenRouter => serde_json::from_str::<Detail>(&signature.value).ok()?.format,
    }
}

/// The part for an entry; `None` if the entry is empty.
pub fn part_of(detail: Detail, place: Place) -> Option<Part> {
    let says = |value: Option<String>| value.filter(|value| !value.is_empty());
    let detail = Detail { signature: says(detail.signature), data: says(detail.data), ..detail };
    let origin = origin_of(detail.format.as_deref());
    match (detail.kind.as_str(), detail.signature.clone(), detail.data.clone()) {
        (_, _, Some(data)) if origin != Origin::OpenRouter => {
            Some(Part::RedactedReasoning { data: Signature { origin, value: data }, place })
        }
        ("reasoning.text", Some(value), _) if origin != Origin::OpenRouter => Some(Part::Reasoning {
            text: detail.text.unwrap_or_default(),
            signature: Some(Signature { origin, value }),
            place,
        }),
        (_, None, None) => {
            let text = words(&detail).to_owned();
            (!text.is_empty()).then_some(Part::Reasoning { text, signature: None, place })
        }
        // Entries of other vendors are sent back whole.
        _ if !is_kind_of_detail(&detail.kind) => None,
        _ => {
            let value = serde_json::to_string(&detail).ok()?;
            Some(Part::RedactedReasoning { data: Signature { origin: Origin::OpenRouter, value }, place })
        }
    }
}

/// The owner of an entry with this format.
fn origin_of(format: Option<&str>) -> Origin {
    match format {
        Some(ANTHROPIC) => Origin::Anthropic,
        Some(GEMINI) => Origin::Gemini,
        Some(_) | None => Origin::OpenRouter,
    }
}

/// The text of an entry.
pub fn words(detail: &Detail) -> &str {
    detail.text.as_deref().or(detail.summary.as_deref()).unwrap_or_default()
}

/// The entry for signed or unreadable reasoning.
pub fn detail_of(text: Option<String>, signature: Signature, index: u64) -> Option<Detail> {
    let format = match signature.origin {
        Origin::Anthropic => ANTHROPIC,
        Origin::Gemini => GEMINI,
        Origin::OpenRouter => return serde_json::from_str(&signature.value).ok(),
    };
    let (format, text_kind) = (Some(format.to_owned()), text.is_some());
    let kind = if text_kind { "reasoning.text" } else { "reasoning.encrypted" }.to_owned();
    let (signature, data) = if text_kind { (Some(signature.value), None) } else { (None, Some(signature.value)) };
    Some(Detail { kind, text, signature, data, format, index, ..Detail::default() })
}
