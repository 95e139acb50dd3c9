//! What OpenRouter, and the models behind it, reject in a conversation.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::json::{items, string};
use super::super::{signature, text};
use super::verdict::{Verdict, ensure};
use super::{gemini_contents, openrouter_media};

const LONGEST_ID: usize = 64;
const PARTS: [&str; 6] = ["text", "image_url", "file", "input_audio", "video_url", "refusal"];

/// Checks the conversation with this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    // The assistant's calls without an answer so far.
    let mut open: Vec<&str> = Vec::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (place, message) in items(body, "messages").enumerate() {
        let path = format!("messages[{place}]");
        let role = string(message, "role").unwrap_or_default();
        unlisted(model, role, message)?;
        if role == "tool" {
            answer(message, &path, &mut open)?;
            filled(model, message)?;
            continue;
        }
        unanswered(&open)?;
        match role {
            "system" | "user" => {}
            "assistant" => {
                empty(model, message, &path)?;
                blank(model, message, place)?;
                open = calls(message, &path)?;
                // Claude's rule. Otherwise a result could belong to either call.
                let unique = open.iter().all(|id| known.insert(id));
                ensure(unique, || format!("Invalid '{path}.tool_calls': ids of calls must be unique."))?;
                details(model, message, &path)?;
            }
            "developer" => ensure(model.starts_with("openai/"), || {
                format!("'{path}.role' does not support 'developer' with this model.")
            })?,
            other => {
                return Err(format!(
                    "Invalid value: '{other}'. Supported values are: 'system', 'assistant', 'user', 'tool', and 'developer'."
                ));
            }
        }
        content(model, message, &path)?;
    }
    unanswered(&open)?;
    opened(model, body)
}

/// Two vendors read results and the assistant's messages only as strings (OpenHands/software-agent-sdk#1312 for `MiniMax`,
/// Gitlawb/openclaude#774 for `DeepSeek`).
fn unlisted(model: &str, role: &str, message: &Value) -> Verdict {
    let reads_lists = !["deepseek/", "minimax/"].iter().any(|vendor| model.starts_with(vendor));
    let mut parts = items(message, "content").peekable();
    let is_listed = parts.peek().is_some() && parts.all(|part| string(part, "type") == Some("text"));
    ensure(reads_lists || !is_listed || !matches!(role, "assistant" | "tool"), || {
        format!("{role}.content: Input should be a valid string")
    })
}

/// Gemini requires contents (its API reference), and the chat template of Qwen's models requires a user message.
fn opened(model: &str, body: &Value) -> Verdict {
    let is_asked = items(body, "messages").any(|message| string(message, "role") == Some("user"));
    ensure(is_asked || !model.starts_with("google/"), || "contents is not specified".to_owned())?;
    ensure(is_asked || !model.starts_with("qwen/"), || "No user query found in messages.".to_owned())?;
    instructed(model, body)?;
    ended(model, body)
}

/// Qwen's and `MiniMax`'s models accept one system message, the first (anomalyco/opencode#42909, farion1231/cc-switch#1921;
/// MiniMax-AI/MiniMax-M2#51).
fn instructed(model: &str, body: &Value) -> Verdict {
    let refused = match model.split_once('/') {
        Some(("qwen", _)) => "System message must be at the beginning.",
        Some(("minimax", _)) => "invalid params, invalid chat setting (2013)",
        _ => return Ok(()),
    };
    let late = items(body, "messages").skip(1).any(|message| string(message, "role") == Some("system"));
    ensure(!late, || refused.to_owned())
}

/// Newer Gemini models reject a conversation that ends with the model (envoyproxy/ai-gateway#2686,
/// anomalyco/opencode#47034). OpenRouter moves instructions to the front.
fn ended(model: &str, body: &Value) -> Verdict {
    let last = items(body, "messages").filter(|message| string(message, "role") != Some("system")).last();
    let is_begun = last.is_some_and(|last| string(last, "role") == Some("assistant"));
    let refuses = model.strip_prefix("google/").is_some_and(gemini_contents::must_end_with_user);
    ensure(!(is_begun && refuses), || gemini_contents::ENDED.to_owned())?;
    // router-for-me/CLIProxyAPI#5322, NousResearch/hermes-agent#13010.
    let is_thought = last.is_some_and(|last| is_begun && !says(last));
    ensure(!(is_thought && is_claude(model)), || {
        "messages: The final block in an assistant message cannot be `thinking`.".to_owned()
    })
}

/// Whether an assistant message has text or calls.
fn says(message: &Value) -> bool {
    let texts =
        string(message, "content").into_iter().chain(items(message, "content").filter_map(|part| string(part, "text")));
    let refusals = string(message, "refusal").into_iter();
    texts.chain(refusals).any(|text| !text.trim().is_empty())
        || items(message, "content").any(|part| string(part, "type") != Some("text"))
        || items(message, "tool_calls").next().is_some()
}

/// An assistant message needs content (Moonshot: MoonshotAI/kimi-code#1985, AstrBotDevs/AstrBot#7200; OpenAI:
/// continuedev/continue#9838).
fn blank(model: &str, message: &Value, place: usize) -> Verdict {
    let has_thought = string(message, "reasoning").is_some() || items(message, "reasoning_details").next().is_some();
    let openai = model.starts_with("openai/") && has_thought && !says(message);
    ensure(!openai, || "Item of type 'reasoning' was provided without its required following item.".to_owned())?;
    ensure(!model.starts_with("moonshotai/") || says(message), || {
        format!("Invalid request: the message at position {place} with role 'assistant' must not be empty")
    })
}

fn unanswered(open: &[&str]) -> Verdict {
    ensure(open.is_empty(), || {
        format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The \
             following tool_call_ids did not have response messages: {}",
            open.join(", ")
        )
    })
}

/// Results are text (types of OpenAI's API; OpenHands/OpenHands#7700).
fn answer(message: &Value, path: &str, open: &mut Vec<&str>) -> Verdict {
    let id = string(message, "tool_call_id");
    let id = id.ok_or_else(|| format!("Missing required parameter: '{path}.tool_call_id'."))?;
    let place = open.iter().position(|call| *call == id);
    let place = place.ok_or_else(|| {
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
            .to_owned()
    })?;
    open.remove(place);
    let texts = match message.get("content") {
        Some(Value::String(_)) => true,
        Some(Value::Array(parts)) => parts.iter().all(|part| string(part, "type") == Some("text")),
        Some(_) | None => false,
    };
    ensure(texts, || format!("Invalid '{path}.content': messages with role 'tool' take text only."))
}

/// Moonshot rejects an empty text among the parts of a result (MoonshotAI/kimi-cli#1663).
fn filled(model: &str, result: &Value) -> Verdict {
    let is_empty = items(result, "content").any(|part| string(part, "text") == Some(""));
    ensure(!(is_empty && model.starts_with("moonshotai/")), || "Invalid request: text content is empty".to_owned())
}

/// OpenAI rejects an empty list of calls (openai/openai-python#2061, openai/openai-node#1341), and null for the older kind.
fn empty(model: &str, message: &Value, path: &str) -> Verdict {
    let openai = model.starts_with("openai/");
    let none = message.get("tool_calls").and_then(Value::as_array).is_some_and(Vec::is_empty);
    ensure(!(openai && none), || {
        format!(
            "Invalid '{path}.tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
    })?;
    ensure(!(openai && message.get("function_call").is_some_and(Value::is_null)), || {
        format!("Invalid type for '{path}.function_call': expected an object, but got null instead.")
    })
}

/// The ids of the message's calls, whose arguments are text (bytedance/deer-flow#4445).
fn calls<'a>(message: &'a Value, path: &str) -> Result<Vec<&'a str>, String> {
    let mut ids: Vec<&str> = Vec::new();
    for (place, call) in items(message, "tool_calls").enumerate() {
        let path = format!("{path}.tool_calls[{place}]");
        let id = string(call, "id").ok_or_else(|| format!("Missing required parameter: '{path}.id'."))?;
        ensure(id.len() <= LONGEST_ID, || {
            format!(
                "Invalid '{path}.id': string too long. Expected a string with maximum length {LONGEST_ID}, but got a string with \
                 length {} instead.",
                id.len()
            )
        })?;
        ensure(!id.is_empty() && !ids.contains(&id), || format!("Invalid '{path}.id': ids of calls must be unique."))?;
        ids.push(id);
        ensure(string(call, "type") == Some("function"), || format!("Missing required parameter: '{path}.type'."))?;
        let function = call.get("function").unwrap_or(&Value::Null);
        ensure(string(function, "name").is_some_and(|name| !name.is_empty()), || {
            format!("Missing required parameter: '{path}.function.name'.")
        })?;
        let arguments = string(function, "arguments").and_then(|text| serde_json::from_str(text).ok());
        ensure(arguments.is_some_and(|value: Value| value.is_object()), || {
            format!("Invalid '{path}.function.arguments': expected the text of a JSON object.")
        })?;
    }
    Ok(ids)
}

/// Checks the assistant's reasoning: it must be unchanged.
fn details(model: &str, message: &Value, path: &str) -> Verdict {
    let wrong = |what: &str| format!("Invalid '{path}.reasoning_details': {what}");
    let (mut told, mut step) = (String::new(), None);
    for entry in items(message, "reasoning_details") {
        // Azure serves OpenAI's models, too.
        let formats: &[&str] = match model.split('/').next() {
            Some("anthropic") => &["anthropic-claude-v1"],
            Some("google") => &["google-gemini-v1"],
            Some("openai") => &["openai-responses-v1", "azure-openai-responses-v1"],
            // Models that do not sign may leave the format out.
            Some(_) | None => &["unknown", ""],
        };
        ensure(formats.contains(&string(entry, "format").unwrap_or_default()), || wrong("the format is of another model."))?;
        let (text, sealed) = match string(entry, "type") {
            Some("reasoning.text") => (string(entry, "text"), string(entry, "signature")),
            Some("reasoning.summary") => (string(entry, "summary"), None),
            Some("reasoning.encrypted") => (None, Some(string(entry, "data").unwrap_or_default())),
            Some(_) | None => return Err(wrong("unknown type of entry.")),
        };
        told.push_str(text.unwrap_or_default());
        if let Some(sealed) = sealed {
            let issued =
                signature::read(sealed).filter(|issued| issued.is_of(model) || (issued.is_of_claude() && is_claude(model)));
            let issued = issued.ok_or_else(|| wrong("the signature is not valid."))?;
            ensure(step.is_none_or(|step| step == issued.step), || wrong("the entries are of different replies."))?;
            step = Some(issued.step);
        }
    }
    let fits = match step {
        Some(step) => text::is_thought(&told, step),
        None => told.is_empty(),
    };
    ensure(fits, || wrong("the entries must be returned as they were, and all of them."))
}

fn is_claude(model: &str) -> bool {
    model.starts_with("anthropic/")
}

/// The part types of this role. System messages are text (BerriAI/litellm#41427), and so are assistant messages of OpenAI
/// and Anthropic (their API references; openai/openai-node#1030, SEMOSS/Semoss#2323).
fn kinds(model: &str, role: &str) -> &'static [&'static str] {
    let strict = model.starts_with("openai/") || is_claude(model);
    match role {
        "system" | "developer" => &["text"],
        "assistant" if strict => &["text", "refusal"],
        _ => &PARTS,
    }
}

/// The URL of a picture is in an object (laurent22/joplin#16141).
fn content(model: &str, message: &Value, path: &str) -> Verdict {
    let role = string(message, "role").unwrap_or_default();
    let assistant = role == "assistant";
    match message.get("content") {
        Some(Value::String(_)) => return Ok(()),
        Some(Value::Array(parts)) if !parts.is_empty() => {}
        Some(Value::Null) | None if assistant => return Ok(()),
        Some(_) | None => {
            return Err(format!("Invalid type for '{path}.content': expected a string or an array of objects."));
        }
    }
    for (place, part) in items(message, "content").enumerate() {
        let path = format!("{path}.content[{place}]");
        let kind = string(part, "type").unwrap_or_default();
        let kinds = kinds(model, role);
        ensure(kinds.contains(&kind), || format!("Invalid value: '{kind}'. Supported values are: {}.", kinds.join(", ")))?;
        let needed = match kind {
            "text" => "/text",
            "image_url" => "/image_url/url",
            "file" => "/file/file_data",
            "input_audio" => "/input_audio/data",
            "video_url" => "/video_url/url",
            _ => "/refusal",
        };
        let given = part.pointer(needed).and_then(Value::as_str).is_some();
        ensure(given, || format!("Missing required parameter: '{path}{}'.", needed.replace('/', ".")))?;
        openrouter_media::check(model, kind, part)?;
    }
    Ok(())
}
