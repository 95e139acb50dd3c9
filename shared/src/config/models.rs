//! Which models a deployment serves, by patterns.

use super::ConfigError;

/// Matches any text in a pattern; in a key's list of models it means all.
const ANY: char = '*';

/// The served models: those that a pattern allows (all without such patterns), except those that another pattern denies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelRules {
    allowed: Vec<String>,
    denied: Vec<String>,
}

impl ModelRules {
    /// Parses two comma lists of ids, in which `*` matches any text.
    pub fn new(allowed: Option<&str>, denied: Option<&str>) -> Self {
        let list = |text: Option<&str>| {
            let patterns = text.unwrap_or_default().split(',').map(|pattern| pattern.trim().to_ascii_lowercase());
            patterns.filter(|pattern| !pattern.is_empty()).collect()
        };
        Self { allowed: list(allowed), denied: list(denied) }
    }

    /// Whether a model is served. A pattern matches its id alone or after its vendor's name, so `openai/*` matches all of
    /// OpenAI's models.
    pub fn allow(&self, vendor: &str, id: &str) -> bool {
        let (id, full) = (id.to_ascii_lowercase(), format!("{vendor}/{id}").to_ascii_lowercase());
        let is_in = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &id) || matches(pattern, &full));
        (self.allowed.is_empty() || is_in(&self.allowed)) && !is_in(&self.denied)
    }
}

/// Whether the open catalogue is on. It needs OpenRouter.
pub(super) fn open_catalog(read: &dyn Fn(&str) -> Option<String>, has_openrouter: bool) -> Result<bool, ConfigError> {
    let wrong = |reason: &str| Err(ConfigError::new("OPEN_CATALOG", reason));
    match read("OPEN_CATALOG").as_deref() {
        None | Some("false") => Ok(false),
        Some("true") if has_openrouter => Ok(true),
        Some("true") => wrong("is true, but OPENROUTER_API_KEY and OPENROUTER_API_KEY_PARAMETER are not set"),
        Some(_) => wrong("must be true or false"),
    }
}

/// Whether a pattern matches a whole text. Each piece between two stars is matched at its first occurrence. So the longest
/// possible rest of the text is left for the next pieces.
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
