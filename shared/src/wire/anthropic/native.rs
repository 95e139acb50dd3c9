//! Whether a Messages request fits a Claude model as it stands. One that does passes through untouched; one that does not goes
//! through the conversation, which knows each generation's rules, instead of being refused by Vertex AI.

pub mod reply;
pub mod stream;

use serde::Deserialize;

use crate::capability::{Capabilities, SamplingSupport, Thinking};
use crate::wire::raw::RawObject;

/// What Vertex AI refuses wherever it stands, in the two usual spellings. A quote of it inside a text costs a translation, no more.
const REFUSED: [&[u8]; 5] = [
    // The mark of another provider's signature (see `signature`).
    b"\"gw1.",
    // Unsigned thoughts, which another provider's model left behind.
    b"\"signature\":\"\"",
    b"\"signature\": \"\"",
    // Pictures and documents by URL are not fetched reliably.
    b"\"type\":\"url\"",
    b"\"type\": \"url\"",
];
/// Anthropic's limit.
const MAX_CACHE_MARKS: usize = 4;

#[derive(Deserialize)]
struct Role {
    role: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ThinkingIn {
    #[serde(rename = "type")]
    kind: String,
    budget_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputConfig {
    effort: Option<String>,
    format: Option<serde::de::IgnoredAny>,
}

/// True when Vertex AI takes the request for that model, which may generate so many tokens, without repair.
pub fn fits(text: &str, fields: &RawObject<'_>, (capabilities, most): (&Capabilities, u64)) -> bool {
    let marks = memchr::memmem::find_iter(text.as_bytes(), b"\"cache_control\"").count();
    marks <= MAX_CACHE_MARKS
        && REFUSED.iter().all(|refused| memchr::memmem::find(text.as_bytes(), refused).is_none())
        && sampling_fits(fields, capabilities)
        && thinking_fits(fields, capabilities, most)
        && output_fits(fields, capabilities)
        && roles_fit(fields, capabilities)
}

fn is_set(fields: &RawObject<'_>, name: &str) -> bool {
    fields.get(name).is_some_and(|value| value != "null")
}

fn sampling_fits(fields: &RawObject<'_>, capabilities: &Capabilities) -> bool {
    let (temperature, top_p, top_k) = (is_set(fields, "temperature"), is_set(fields, "top_p"), is_set(fields, "top_k"));
    match capabilities.sampling {
        SamplingSupport::All => true,
        SamplingSupport::One => !(temperature && top_p),
        SamplingSupport::Nothing => !(temperature || top_p || top_k),
    }
}

/// A budget must stay below the output limit, which may have been lowered after the budget was chosen.
fn thinking_fits(fields: &RawObject<'_>, capabilities: &Capabilities, most: u64) -> bool {
    let thinking: ThinkingIn = read(fields, "thinking");
    if thinking.budget_tokens.is_some_and(|budget| budget >= most) {
        return false;
    }
    match (capabilities.thinking, thinking.kind.as_str()) {
        (Thinking::Budget, "adaptive") | (Thinking::AdaptiveOnly, "enabled") => false,
        (_, _) => true,
    }
}

fn output_fits(fields: &RawObject<'_>, capabilities: &Capabilities) -> bool {
    let config: OutputConfig = read(fields, "output_config");
    let effort = config.effort.is_none_or(|effort| capabilities.efforts.contains(&effort));
    // The older place of the format is refused on Vertex AI.
    effort && !is_set(fields, "output_format") && (config.format.is_none() || capabilities.structured_output)
}

/// System messages between turns are refused by all Vertex models, a trailing assistant message by the newer ones.
fn roles_fit(fields: &RawObject<'_>, capabilities: &Capabilities) -> bool {
    let roles: Vec<Role> = read(fields, "messages");
    let ends_with_assistant = roles.last().is_some_and(|message| message.role == "assistant");
    roles.iter().all(|message| message.role != "system") && (capabilities.prefill || !ends_with_assistant)
}

fn read<'a, T: Deserialize<'a> + Default>(fields: &'a RawObject<'_>, name: &str) -> T {
    fields.get(name).and_then(|value| serde_json::from_str(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of a generation, as the catalogue gives them.
    fn generation(name: &str) -> Capabilities {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        match name {
            "claude-haiku-4.5" => Capabilities {
                thinking: Thinking::Budget,
                sampling: SamplingSupport::One,
                prefill: true,
                ..Capabilities::default()
            },
            "claude-opus-4.6" => Capabilities {
                thinking: Thinking::Adaptive,
                efforts: words(&["low", "medium", "high", "max"]),
                sampling: SamplingSupport::One,
                structured_output: true,
                ..Capabilities::default()
            },
            _ => Capabilities {
                thinking: Thinking::AdaptiveOnly,
                efforts: words(&["low", "medium", "high", "xhigh", "max"]),
                sampling: SamplingSupport::Nothing,
                structured_output: true,
                ..Capabilities::default()
            },
        }
    }

    fn fits_model(model: &str, rest: &str) -> bool {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}}]{rest}}}"#);
        fits(&body, &RawObject::parse(&body).unwrap(), (&generation(model), 32_000))
    }

    #[test]
    fn what_a_generation_refuses_does_not_fit_it() {
        for (model, rest, expected) in [
            ("claude-haiku-4.5", "", true),
            ("claude-haiku-4.5", r#","thinking":{"type":"enabled","budget_tokens":2048}"#, true),
            ("claude-haiku-4.5", r#","thinking":{"type":"enabled","budget_tokens":31999}"#, true),
            ("claude-haiku-4.5", r#","thinking":{"type":"enabled","budget_tokens":32000}"#, false),
            ("claude-haiku-4.5", r#","thinking":{"type":"adaptive"}"#, false),
            ("claude-haiku-4.5", r#","output_config":{"effort":"high"}"#, false),
            ("claude-haiku-4.5", r#","output_config":{"format":{"type":"json_schema"}}"#, false),
            ("claude-opus-4.6", r#","output_format":{"type":"json_schema","schema":{}}"#, false),
            ("claude-opus-4.6", r#","output_format":null"#, true),
            ("claude-haiku-4.5", r#","temperature":0.5,"top_p":0.5"#, false),
            ("claude-opus-4.6", r#","thinking":{"type":"adaptive"},"output_config":{"effort":"max"}"#, true),
            ("claude-opus-4.6", r#","output_config":{"effort":"xhigh"}"#, false),
            ("claude-opus-4.8", r#","thinking":{"type":"enabled","budget_tokens":2048}"#, false),
            ("claude-opus-4.8", r#","temperature":1"#, false),
            ("claude-opus-4.6", r#","x":"gw1.g.abc""#, false),
            ("claude-opus-4.6", r#","x":{"type":"url","url":"https://a.example/b.png"}"#, false),
            ("claude-opus-4.6", r#","signature": """#, false),
        ] {
            assert_eq!(fits_model(model, rest), expected, "{model} {rest}");
        }
    }

    #[test]
    fn system_messages_and_trailing_assistants_need_repair() {
        let check = |model: &str, role: &str| {
            let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}},{{"role":"{role}","content":"x"}}]}}"#);
            fits(&body, &RawObject::parse(&body).unwrap(), (&generation(model), 32_000))
        };
        assert!(check("claude-haiku-4.5", "assistant"));
        assert!(!check("claude-opus-4.6", "assistant"));
        assert!(!check("claude-opus-4.6", "system"));
    }
}
