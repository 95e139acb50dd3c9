//! Renames tools, properties and ids to what a provider format accepts, and back.

mod properties;

use std::collections::HashMap;

pub use properties::{PropertyNames, is_claude_property};

use crate::chat::request::ToolDefinition;
use crate::chat::unique::Unique;

/// Longest tool name that every provider accepts.
const MAX_NAME: usize = 64;

/// The naming rule of a provider.
#[derive(Clone, Copy, Debug)]
pub struct NameRule {
    /// Returns a valid spelling of a name. It is deterministic, and returns valid names unchanged.
    pub spell: fn(&str) -> String,
    /// Longest name in bytes.
    pub longest: usize,
}

/// Length of the longest number, with its `_`.
const LONGEST_SUFFIX: usize = 11;

/// The names that are taken under a rule.
#[derive(Debug)]
pub struct Taken {
    rule: NameRule,
    names: Unique,
}

impl Taken {
    /// These names are taken.
    pub fn of(rule: NameRule, names: impl IntoIterator<Item = String>) -> Self {
        Self { rule, names: Unique::of(names) }
    }

    /// Takes a free name: the wanted one under the rule, or the same with a number.
    pub fn take(&mut self, wanted: &str) -> String {
        let Self { rule, names } = self;
        let wanted = (rule.spell)(wanted);
        if names.take(&wanted) {
            return wanted;
        }
        names.take_numbered(rule.cut(&wanted, LONGEST_SUFFIX), |number| {
            let suffix = format!("_{number}");
            rule.cut(&wanted, suffix.len()) + &suffix
        })
    }
}

impl NameRule {
    /// A name that leaves room for a suffix of this length.
    fn cut(self, wanted: &str, suffix: usize) -> String {
        wanted.chars().take(self.longest.saturating_sub(suffix)).collect()
    }
}

/// Letters, digits, `_` and `-`, beginning with a letter or `_`, at most 64: every provider accepts this.
pub const PLAIN: NameRule = NameRule { spell: plain, longest: MAX_NAME };

/// Names of tools and their properties for a provider, and back.
#[derive(Clone, Debug)]
pub struct ToolNames {
    rule: NameRule,
    /// Client name to provider name, where they differ.
    outward: HashMap<String, String>,
    /// Provider name to client name, where they differ.
    back: HashMap<String, String>,
    /// Renamed properties, by the provider's name of their tool.
    properties: HashMap<String, PropertyNames>,
}

impl Default for ToolNames {
    fn default() -> Self {
        Self { rule: PLAIN, outward: HashMap::new(), back: HashMap::new(), properties: HashMap::new() }
    }
}

impl ToolNames {
    /// Names for these tools: letters, digits, `_` and `-`, beginning with a letter or `_`, at most 64. Collisions get a
    /// number.
    pub fn new(tools: &[ToolDefinition]) -> Self {
        Self::under(PLAIN, tools.iter().map(|tool| tool.name.as_str()))
    }

    /// Names for tools under a rule. Collisions get a number.
    pub fn under<'n>(rule: NameRule, tools: impl Iterator<Item = &'n str>) -> Self {
        let tools: Vec<&str> = tools.collect();
        let mut names = Self { rule, ..Self::default() };
        let (fit, others): (Vec<&str>, Vec<&str>) = tools.into_iter().partition(|name| *name == (rule.spell)(name));
        let mut taken = Taken::of(rule, fit.into_iter().map(str::to_owned));
        for name in others {
            if !names.outward.contains_key(name) {
                let free = taken.take(name);
                names.back.insert(free.clone(), name.to_owned());
                names.outward.insert(name.to_owned(), free);
            }
        }
        names
    }

    /// Adds the renamed properties of a tool's arguments.
    pub fn with_properties(&mut self, tool: &str, properties: PropertyNames) {
        self.properties.insert(self.outward(tool), properties);
    }

    /// The provider's name of a tool, whether declared or only used in the history.
    pub fn outward(&self, name: &str) -> String {
        self.outward.get(name).cloned().unwrap_or_else(|| (self.rule.spell)(name))
    }

    /// The client's name of a tool.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.back.get(name).map_or(name, String::as_str)
    }

    /// The renamed properties of a tool, by the client's tool name.
    pub fn properties(&self, tool: &str) -> Option<&PropertyNames> {
        self.properties.get(&self.outward(tool))
    }

    /// The renamed properties of a tool, by the provider's tool name.
    pub fn properties_back(&self, tool: &str) -> Option<&PropertyNames> {
        self.properties.get(tool)
    }

    /// Whether no name was changed.
    pub fn is_empty(&self) -> bool {
        self.back.is_empty() && self.properties.is_empty()
    }
}

/// Replaces invalid characters of a name by `_`, and cuts it at `longest`.
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
    // Other gateways hide signatures in ids. The checksum keeps ids different after the cut.
    with_checksum(id)
}

/// The beginning of a name in letters, digits, `_` and `-`, with a checksum that makes it unique: at most 57 characters.
pub(super) fn with_checksum(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
    let kept: String = name.chars().take(48).map(plain).collect();
    format!("{kept}_{:08x}", checksum(name))
}

/// A checksum that tells names apart.
pub(super) fn checksum(name: &str) -> u32 {
    crc32fast::hash(name.as_bytes())
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
