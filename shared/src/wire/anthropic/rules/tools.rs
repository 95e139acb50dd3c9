//! Tools that Claude accepts: stubs for tools that only the history contains, and the tool that replaces structured output.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::capability::Capabilities;
use crate::wire::claude_schema::{StrictTools, tool_input};
use crate::wire::names::{NameRule, Taken, ToolNames, spelled};

/// Name of the tool that replaces structured output, unless the client has a tool with this name.
const ANSWER_TOOL: &str = "json_output";
/// Description of that tool.
pub const ANSWER_DESCRIPTION: &str = "Gives the final answer. Call it exactly once, when the answer is complete.";

/// The tools to declare for these calls of a history, if the client declares none: a history with calls needs tools.
pub fn undeclared<'n>(calls: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut seen = HashSet::new();
    calls.filter(|name| seen.insert(*name)).collect()
}

/// Whether a tool may be strict after the earlier ones: only on models with structured output, and only with a schema within
/// its limits. The schema that is sent counts: its root becomes an object, which may be open.
pub fn is_strict(schema: &RawValue, capabilities: &Capabilities, strict: &mut StrictTools) -> bool {
    capabilities.structured_output && tool_input(schema).is_ok_and(|sent| strict.admits(&sent))
}

/// Longest tool name (wire formats, tools).
const LONGEST: usize = 128;

/// Tool names within `^[a-zA-Z0-9_-]{1,128}$`.
const NAMES: NameRule = NameRule {
    spell: |name| spelled(name, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'), LONGEST),
    longest: LONGEST,
};

/// Tool names that Claude accepts.
pub fn names<'n>(tools: impl Iterator<Item = &'n str>) -> ToolNames {
    ToolNames::under(NAMES, tools)
}

/// The instruction for a model that must be free to call the client's tools first.
pub fn answer_by_tool(name: &str) -> String {
    format!("Give the final answer by calling the tool {name}.")
}

/// The name of the tool that replaces structured output, different from the client's tools.
pub fn answer_name<'n>(tools: impl Iterator<Item = &'n str>) -> String {
    Taken::of(NAMES, tools.map(|name| (NAMES.spell)(name))).take(ANSWER_TOOL)
}
