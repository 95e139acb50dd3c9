//! Names and ids under the rules of a wire, the same way out and back.

mod properties;

use std::collections::{HashMap, HashSet};

pub use properties::{PropertyNames, is_claude_property};

use crate::chat::request::ToolDefinition;

/// Longest tool name that every wire takes.
const MAX_NAME: usize = 64;

/// How a wire wants names spelled.
#[derive(Clone, Copy, Debug)]
pub struct NameRule {
    /// The spelling of a name: always the same for the same name, and a name that fits gives itself.
    pub spell: fn(&str) -> String,
    /// The most bytes of a name.
    pub longest: usize,
}

impl NameRule {
    /// A name that is not taken: the wanted one under this rule, or that with a number.
    pub fn free(self, wanted: &str, taken: &HashSet<String>) -> String {
        let wanted = (self.spell)(wanted);
        let numbered = (2_u32..).map(|number| {
            let suffix = format!("_{number}");
            let kept: String = wanted.chars().take(self.longest.saturating_sub(suffix.len())).collect();
            kept + &suffix
        });
        std::iter::once(wanted.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default()
    }
}

/// Letters, digits, `_` and `-`, beginning with a letter or `_`, at most 64: what every wire takes.
const PLAIN: NameRule = NameRule { spell: plain, longest: MAX_NAME };

/// Names of tools and of their properties as a wire takes them, and back.
#[derive(Clone, Debug)]
pub struct ToolNames {
    rule: NameRule,
    /// Client's name to the wire's, where they differ.
    outward: HashMap<String, String>,
    /// The wire's name to the client's, where they differ.
    back: HashMap<String, String>,
    /// The properties that are renamed, by the wire's name of their tool.
    properties: HashMap<String, PropertyNames>,
}

impl Default for ToolNames {
    fn default() -> Self {
        Self { rule: PLAIN, outward: HashMap::new(), back: HashMap::new(), properties: HashMap::new() }
    }
}

impl ToolNames {
    /// Names for these tools: letters, digits, `_` and `-`, beginning with a letter or `_`, at most 64; collisions get a number.
    pub fn new(tools: &[ToolDefinition]) -> Self {
        Self::under(PLAIN, tools.iter().map(|tool| tool.name.as_str()))
    }

    /// Names for tools of these names under a rule; collisions get a number.
    pub fn under<'n>(rule: NameRule, tools: impl Iterator<Item = &'n str>) -> Self {
        let tools: Vec<&str> = tools.collect();
        let mut names = Self { rule, ..Self::default() };
        let (fit, others): (Vec<&str>, Vec<&str>) = tools.into_iter().partition(|name| *name == (rule.spell)(name));
        let mut taken: HashSet<String> = fit.into_iter().map(str::to_owned).collect();
        for name in others {
            if !names.outward.contains_key(name) {
                let free = rule.free(name, &taken);
                taken.insert(free.clone());
                names.back.insert(free.clone(), name.to_owned());
                names.outward.insert(name.to_owned(), free);
            }
        }
        names
    }

    /// Renames the properties of a tool's arguments, too.
    pub fn with_properties(&mut self, tool: &str, properties: PropertyNames) {
        self.properties.insert(self.outward(tool), properties);
    }

    /// The wire's name of a tool, declared or only seen in the history.
    pub fn outward(&self, name: &str) -> String {
        self.outward.get(name).cloned().unwrap_or_else(|| (self.rule.spell)(name))
    }

    /// The client's name of a tool.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.back.get(name).map_or(name, String::as_str)
    }

    /// The renamed properties of a tool, by the client's name of it.
    pub fn properties(&self, tool: &str) -> Option<&PropertyNames> {
        self.properties.get(&self.outward(tool))
    }

    /// The renamed properties of a tool, by the wire's name of it.
    pub fn properties_back(&self, tool: &str) -> Option<&PropertyNames> {
        self.properties.get(tool)
    }

    /// Whether every name is the client's own.
    pub fn is_empty(&self) -> bool {
        self.back.is_empty() && self.properties.is_empty()
    }
}

/// A name of the characters that are taken, the others as `_`, of so many at most.
pub fn spelled(name: &str, taken: fn(char) -> bool, longest: usize) -> String {
    let spelled: String = name.chars().map(|c| if taken(c) { c } else { '_' }).take(longest).collect();
    if spelled.is_empty() { "_".to_owned() } else { spelled }
}

/// Letters, digits, `_` and `-`, beginning with a letter or `_`, at most 64.
fn plain(name: &str) -> String {
    let mut plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' }).collect();
    if !plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        plain.insert(0, '_');
    }
    plain.truncate(MAX_NAME);
    plain
}

/// A tool call's id under the strictest rule (`^[a-zA-Z0-9_-]+$`, at most 64), the same for a call and its result.
pub fn call_id(id: &str) -> String {
    let plain: String = id.chars().map(|c| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' }).collect();
    if plain.len() <= MAX_NAME && !plain.is_empty() {
        return plain;
    }
    // Other gateways hide signatures in ids. What is cut off still has to tell ids apart.
    with_checksum(id)
}

/// The beginning of a name in letters, digits, `_` and `-`, and a checksum that tells it from others: at most 57 characters.
pub(super) fn with_checksum(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
    let kept: String = name.chars().take(48).map(plain).collect();
    format!("{kept}_{:08x}", crc32fast::hash(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> ToolDefinition {
        ToolDefinition { name: name.to_owned(), description: None, schema: None, strict: None, cache: None }
    }

    #[test]
    fn names_fit_come_back_and_never_collide() {
        let tools =
            [tool("mcp__server.tool/x"), tool("mcp__server_tool_x"), tool("mcp__server:tool/x"), tool("9lives"), tool("ok")];
        let names = ToolNames::new(&tools);
        let sent: Vec<String> = tools.iter().map(|tool| names.outward(&tool.name)).collect();
        assert_eq!(sent, ["mcp__server_tool_x_2", "mcp__server_tool_x", "mcp__server_tool_x_3", "_9lives", "ok"]);
        for (tool, sent) in tools.iter().zip(&sent) {
            assert_eq!(names.original(sent), tool.name);
        }
    }

    #[test]
    fn ids_fit_and_long_ones_stay_apart() {
        assert_eq!(call_id("functions.get_weather:0"), "functions_get_weather_0");
        let long = |end: &str| call_id(&format!("call_{}{end}", "x".repeat(600)));
        assert_ne!(long("a"), long("b"));
        assert!(long("a").len() <= 64);
    }
}
