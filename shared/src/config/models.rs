//! Which models a deployment serves, by patterns of their names.

use super::ConfigError;

/// Everything, or any part of a name, in a pattern; and everything in a key's list of models.
const ANY: char = '*';

/// The models that a deployment serves: those that a pattern allows, or all where none does, without those that one denies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelRules {
    allowed: Vec<String>,
    denied: Vec<String>,
}

impl ModelRules {
    /// Reads two comma lists of ids, in which `*` stands for any part of one.
    pub fn new(allowed: Option<&str>, denied: Option<&str>) -> Self {
        let list = |text: Option<&str>| {
            let patterns = text.unwrap_or_default().split(',').map(|pattern| pattern.trim().to_ascii_lowercase());
            patterns.filter(|pattern| !pattern.is_empty()).collect()
        };
        Self { allowed: list(allowed), denied: list(denied) }
    }

    /// Whether a model is served. A pattern means it by its id alone or behind its vendor's name, so that `openai/*` is all of
    /// that vendor's.
    pub fn allow(&self, vendor: &str, id: &str) -> bool {
        let (id, full) = (id.to_ascii_lowercase(), format!("{vendor}/{id}").to_ascii_lowercase());
        let is_in = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &id) || matches(pattern, &full));
        (self.allowed.is_empty() || is_in(&self.allowed)) && !is_in(&self.denied)
    }
}

/// Whether the open catalogue is on. Without OpenRouter nobody could serve its models.
pub(super) fn open_catalog(read: &dyn Fn(&str) -> Option<String>, has_openrouter: bool) -> Result<bool, ConfigError> {
    let wrong = |reason: &str| Err(ConfigError::new("OPEN_CATALOG", reason));
    match read("OPEN_CATALOG").as_deref() {
        None | Some("false") => Ok(false),
        Some("true") if has_openrouter => Ok(true),
        Some("true") => wrong("is true, but OPENROUTER_API_KEY and OPENROUTER_API_KEY_PARAMETER are not set"),
        Some(_) => wrong("must be true or false"),
    }
}

/// Whether a pattern is a whole text. Each piece between stars is taken where it is found first: that leaves most for the others.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once(ANY) else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once(ANY).unwrap_or(("", rest));
    for piece in middle.split(ANY).filter(|piece| !piece.is_empty()) {
        match text.split_once(piece) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_part_of_a_name() {
        for (pattern, text, expected) in [
            ("gpt-5.2", "gpt-5.2", true),
            ("gpt-5.2", "gpt-5.2-codex", false),
            ("*", "", true),
            ("gpt-*", "gpt-5.2", true),
            ("gpt-*", "not-gpt-5", false),
            ("*-mini", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini-2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a**c", "ac", true),
            ("aa*aa", "aaa", false),
            ("*x*", "axb", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_open_catalogue_is_off_unless_asked_for_and_needs_openrouter() {
        for (value, has_openrouter, expected) in [
            (None, true, Ok(false)),
            (Some("false"), false, Ok(false)),
            (Some("true"), true, Ok(true)),
            (Some("true"), false, Err("OPEN_CATALOG")),
            (Some("yes"), true, Err("OPEN_CATALOG")),
        ] {
            let on = open_catalog(&|_| value.map(str::to_owned), has_openrouter).map_err(|error| error.variable);
            assert_eq!(on, expected, "{value:?}");
        }
    }

    #[test]
    fn what_is_denied_is_not_served_even_if_it_is_allowed() {
        for (allowed, denied, vendor, id, expected) in [
            (None, None, "openai", "gpt-5.2", true),
            (Some("claude-*"), None, "openai", "gpt-5.2", false),
            (Some("claude-*, GPT-5.2"), None, "openai", "gpt-5.2", true),
            (Some("openai/*"), Some("*-nano"), "openai", "gpt-5-nano", false),
            (Some("openai/*"), Some("*-nano"), "openai", "gpt-5-mini", true),
            (None, Some("openai/*"), "openai", "openai/gpt-9", false),
            (None, Some("openai/*"), "anthropic", "claude-opus-4.6", true),
            (Some(" , "), Some(""), "openai", "gpt-5.2", true),
        ] {
            assert_eq!(ModelRules::new(allowed, denied).allow(vendor, id), expected, "{allowed:?} {denied:?} {id}");
        }
    }
}
