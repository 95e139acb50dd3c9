//! Tools as Claude takes them: stubs for those that only the history knows, and the tool that stands for structured output.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::capability::Capabilities;
use crate::wire::claude_schema::StrictTools;
use crate::wire::names::{NameRule, ToolNames, spelled};

/// The tool that stands for structured output on models without a mode for it, unless the client has one of that name.
const ANSWER_TOOL: &str = "json_output";
/// What that tool says of itself.
pub const ANSWER_DESCRIPTION: &str = "Gives the final answer. Call it exactly once, when the answer is complete.";

/// The tools to declare beside these calls of a history, where the client declares none: a history with calls needs tools.
pub fn undeclared<'n>(calls: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut seen = HashSet::new();
    calls.filter(|name| seen.insert(*name)).collect()
}

/// Whether a strict tool may say so beside those before it: with structured output only, and only with a schema within its limits.
pub fn is_strict(schema: &RawValue, capabilities: &Capabilities, strict: &mut StrictTools) -> bool {
    capabilities.structured_output && strict.admits(schema)
}

/// Longest name of a tool (wire formats, tools).
const LONGEST: usize = 128;

/// Tool names within `^[a-zA-Z0-9_-]{1,128}$`.
const NAMES: NameRule = NameRule {
    spell: |name| spelled(name, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'), LONGEST),
    longest: LONGEST,
};

/// Names of tools as Claude takes them.
pub fn names<'n>(tools: impl Iterator<Item = &'n str>) -> ToolNames {
    ToolNames::under(NAMES, tools)
}

/// What is said where the model must stay free to call the client's tools first.
pub fn answer_by_tool(name: &str) -> String {
    format!("Give the final answer by calling the tool {name}.")
}

/// The name of the tool that stands for structured output beside the client's own tools.
pub fn answer_name<'n>(tools: impl Iterator<Item = &'n str>) -> String {
    NAMES.free(ANSWER_TOOL, &tools.map(|name| (NAMES.spell)(name)).collect())
}
