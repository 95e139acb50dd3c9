//! Regular expressions in schemas. OpenAI and DeepSeek reject a whole request for one that their own engine cannot compile.

use serde_json::Value;

use crate::wire::schema_ref::{Schema, children_mut, say_limits};

/// The letters that every engine accepts after a backslash.
const ESCAPES: &str = "bBdDsSwWfnrtvux";

/// Whether a pattern is free of what these vendors cannot compile: character properties and other escapes of single engines
/// (anthropics/claude-code#92964), lookaround and named groups (tombii/better-ccflare#357).
fn is_portable(pattern: &str) -> bool {
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        let follows = |text: &str| rest.as_str().starts_with(text);
        if letter == '(' && follows("?") && !follows("?:") {
            return false;
        }
        if letter == '\\' {
            let escaped = rest.next();
            let is_known = escaped.is_some_and(|escaped| !escaped.is_ascii_alphabetic() || ESCAPES.contains(escaped));
            if !is_known || escaped == Some('u') && rest.as_str().starts_with('{') {
                return false;
            }
        }
    }
    true
}

/// Moves the patterns that are not portable, at any depth, into the descriptions of their schemas. Returns whether it
/// changed anything.
pub(super) fn say_patterns(schema: &mut Schema) -> bool {
    let mut limits = Vec::new();
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str).filter(|pattern| !is_portable(pattern)) {
        limits.push(format!("pattern {pattern}"));
        schema.remove("pattern");
    }
    limits.extend(say_names(schema));
    let mut changed = !limits.is_empty();
    say_limits(schema, &limits);
    for child in children_mut(schema) {
        changed |= say_patterns(child);
    }
    changed
}

/// Removes the patterns of property names that are not portable, and returns them in words. Then the object allows all
/// properties, because a closed object would exclude those that the patterns allow.
fn say_names(schema: &mut Schema) -> Vec<String> {
    let Some(Value::Object(named)) = schema.get_mut("patternProperties") else { return Vec::new() };
    let gone: Vec<String> = named.keys().filter(|pattern| !is_portable(pattern)).cloned().collect();
    named.retain(|pattern, _| is_portable(pattern));
    if gone.is_empty() {
        return gone;
    }
    if named.is_empty() {
        schema.remove("patternProperties");
    }
    schema.retain(|keyword, value| keyword != "additionalProperties" || *value != Value::Bool(false));
    gone.into_iter().map(|pattern| format!("names of properties match {pattern}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portable_patterns_are_those_that_every_engine_compiles() {
        for pattern in ["^a$", r"\d{4}-\d{2}", r"^[\w.+-]+@[^\s@]+$", r"^(?:a|b)\.\/\\p$", r"\u00e9"] {
            assert!(is_portable(pattern), "{pattern}");
        }
        for pattern in
            [r"^\p{L}$", r"[^\P{Cc}]", "^(?=.*@).+$", "^(?!a)", "(?<=a)b", "(?<year>a)", r"\u{1F600}", r"\Aa\z", "a\\"]
        {
            assert!(!is_portable(pattern), "{pattern}");
        }
    }
}
