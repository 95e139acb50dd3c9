//! Names of tools, response schemas and speakers, as the vendors behind OpenRouter accept them.

use std::borrow::Cow;

use super::{is_gemini, is_kimi, is_qwen};
use crate::wire::names::{NameRule, PLAIN, with_checksum};

/// Longest name of a tool or of a schema.
const LONGEST_NAME: usize = 64;

/// Whether OpenAI accepts it as the name of a tool or of a schema.
pub(in crate::wire::openai) fn is_plain_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(is_plain)
}

/// How a model spells tool names. Alibaba rejects a tool named `search` (tailcallhq/forgecode#1580, through OpenRouter), and
/// Moonshot a name that does not begin with a letter (MoonshotAI/kimi-cli#2531).
pub(in crate::wire::openai) fn tool_name_rule(upstream: &str) -> NameRule {
    let spell_for_qwen = |name: &str| if name == RESERVED { format!("{name}_tool") } else { (PLAIN.spell)(name) };
    let spell_for_kimi = |name: &str| {
        let plain = (PLAIN.spell)(name);
        if begins_with_letter(&plain) { plain } else { format!("t{plain}").chars().take(LONGEST_NAME).collect() }
    };
    if is_qwen(upstream) {
        NameRule { spell: spell_for_qwen, ..PLAIN }
    } else if is_kimi(upstream) {
        NameRule { spell: spell_for_kimi, ..PLAIN }
    } else {
        PLAIN
    }
}

/// The tool name that Alibaba reserves.
const RESERVED: &str = "search";

fn begins_with_letter(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
}

/// Whether a model accepts a tool name as it is. For Gemini it begins with a letter or `_` (diegosouzapw/OmniRoute#13715).
pub(in crate::wire::openai) fn takes_tool_name(upstream: &str, name: &str) -> bool {
    let is_own = if is_qwen(upstream) {
        name != RESERVED
    } else if is_kimi(upstream) {
        begins_with_letter(name)
    } else {
        !is_gemini(upstream) || begins_with_letter(name) || name.starts_with('_')
    };
    is_own && is_plain_name(name)
}

const fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

/// The name of a response schema, as OpenAI accepts it: at most 64 letters, digits, `_` and `-` (its reference of
/// `json_schema`). Only models read it, so nothing is lost.
pub(in crate::wire::openai) fn schema_name(name: &str) -> Cow<'_, str> {
    if is_plain_name(name) {
        return Cow::Borrowed(name);
    }
    let name: String = name.chars().take(LONGEST_NAME).map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    if name.is_empty() { Cow::Borrowed("response") } else { Cow::Owned(name) }
}

/// A speaker's name as OpenAI accepts it: letters, digits, `_` and `-` (FlowiseAI/Flowise#2948). Another name is converted
/// and gets a checksum, so nothing is lost.
pub(in crate::wire::openai) fn speaker(name: &str) -> Cow<'_, str> {
    if is_plain_name(name) { Cow::Borrowed(name) } else { Cow::Owned(with_checksum(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_schema_is_plain() {
        let long = "x".repeat(70);
        for (name, written) in [("a-b_1", "a-b_1"), ("My Answer!", "My_Answer_"), ("", "response"), (&long, &long[..64])] {
            assert_eq!(schema_name(name), written);
        }
    }

    #[test]
    fn the_name_of_a_speaker_is_plain_and_tells_it_apart() {
        assert_eq!((speaker("Eva").as_ref(), speaker("Eva Ö").as_ref()), ("Eva", "Eva___daa94b69"));
        assert_ne!(speaker("李"), speaker("王"));
    }

    #[test]
    fn a_tool_begins_as_its_model_requires() {
        let spelled = |upstream, name: &str| {
            let spelled = (tool_name_rule(upstream).spell)(name);
            assert!(takes_tool_name(upstream, &spelled), "{upstream} {spelled}");
            (takes_tool_name(upstream, name), spelled)
        };
        for (upstream, name, expected) in [
            ("openai/gpt-5.2", "21st_magic", (true, "_21st_magic")),
            ("google/gemini-2.5-pro", "21st_magic", (false, "_21st_magic")),
            ("google/gemini-2.5-pro", "_own", (true, "_own")),
            ("moonshotai/kimi-k2.5", "21st_magic", (false, "t_21st_magic")),
            ("moonshotai/kimi-k2.5", "_own", (false, "t_own")),
            ("moonshotai/kimi-k2.5", "", (false, "t_")),
            ("moonshotai/kimi-k2.5", "own", (true, "own")),
            ("qwen/qwen3-coder", "search", (false, "search_tool")),
        ] {
            let (is_taken, spelling) = spelled(upstream, name);
            assert_eq!((is_taken, spelling.as_str()), expected, "{upstream} {name}");
        }
    }
}
