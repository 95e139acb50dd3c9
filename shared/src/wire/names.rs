//! Names and ids under the rules of a wire, the same way out and back.

use std::collections::{HashMap, HashSet};

use crate::chat::request::ToolDefinition;

/// Longest tool name that every wire takes.
const MAX_NAME: usize = 64;

/// Tool names as a wire takes them, and back.
#[derive(Clone, Debug, Default)]
pub struct ToolNames {
    /// Client's name to the wire's, where they differ.
    outward: HashMap<String, String>,
    /// The wire's name to the client's, where they differ.
    back: HashMap<String, String>,
}

impl ToolNames {
    /// Names for these tools: letters, digits, `_` and `-`, beginning with a letter or `_`, at most 64; collisions get a number.
    pub fn new(tools: &[ToolDefinition]) -> Self {
        let mut names = Self::default();
        let mut taken: HashSet<String> =
            tools.iter().map(|tool| tool.name.clone()).filter(|name| *name == plain(name)).collect();
        for tool in tools.iter().filter(|tool| tool.name != plain(&tool.name)) {
            let base = plain(&tool.name);
            let numbered = (2_u32..).map(|number| {
                let suffix = format!("_{number}");
                let kept: String = base.chars().take(MAX_NAME.saturating_sub(suffix.len())).collect();
                kept + &suffix
            });
            let free = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
            taken.insert(free.clone());
            names.back.insert(free.clone(), tool.name.clone());
            names.outward.insert(tool.name.clone(), free);
        }
        names
    }

    /// The wire's name of a tool, declared or only seen in the history.
    pub fn outward(&self, name: &str) -> String {
        self.outward.get(name).cloned().unwrap_or_else(|| plain(name))
    }

    /// The client's name of a tool.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.back.get(name).map_or(name, String::as_str)
    }
}

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
    let kept: String = plain.chars().take(48).collect();
    format!("{kept}_{:08x}", crc32fast::hash(id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> ToolDefinition {
        ToolDefinition { name: name.to_owned(), description: None, schema: None, strict: false, cache: None }
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
