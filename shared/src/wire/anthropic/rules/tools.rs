//! Tools as Claude takes them: stubs for those that only the history knows, and the tool that stands for structured output.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::capability::Capabilities;
use crate::wire::anthropic::schema;
use crate::wire::names::{ToolNames, spelled};

/// The tool that stands for structured output on models without a mode for it.
pub const ANSWER_TOOL: &str = "json_output";
/// What that tool says of itself.
pub const ANSWER_DESCRIPTION: &str = "Gives the final answer. Call it exactly once, when the answer is complete.";
/// What is said where the model must stay free to call the client's tools first.
pub const ANSWER_BY_TOOL: &str = "Give the final answer by calling the tool json_output.";
/// What pictures and documents behind an address are refused with: Vertex does not fetch them reliably.
pub const NO_ADDRESSES: &str = "Claude models on this route do not take pictures or documents by URL; send them inline.";

/// The tools to declare beside these calls of a history, where the client declares none: a history with calls needs tools.
pub fn undeclared<'n>(calls: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut seen = HashSet::new();
    calls.filter(|name| seen.insert(*name)).collect()
}

/// Whether a strict tool may say so: with structured output only, and only with a schema within its limits.
pub fn is_strict(schema: &RawValue, capabilities: &Capabilities) -> bool {
    capabilities.structured_output && schema::allows_strict(schema)
}

/// Tool names within `^[a-zA-Z0-9_-]{1,64}$`.
pub fn names<'n>(tools: impl Iterator<Item = &'n str>) -> ToolNames {
    ToolNames::under(|name| spelled(name, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')), tools)
}
