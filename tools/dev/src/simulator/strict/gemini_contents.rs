//! What Gemini on Vertex rejects in a conversation.

use serde_json::Value;

use super::super::json::string;
use super::super::{picture, signature};
use super::gemini_config;
use super::gemini_fields::{get, list};
use super::verdict::{Verdict, ensure, is_name};

/// Google documents this signature for calls without one, for example calls of another model.
const BYPASS: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// The refusal of a conversation that ends with the model.
pub(super) const ENDED: &str = "Requests ending with a model turn are not supported.";

/// Whether a model rejects a conversation that ends with its own turn: from 3.5 Flash-Lite on (envoyproxy/ai-gateway#2686,
/// LibreChat-AI/agents#323).
pub(super) fn must_end_with_user(model: &str) -> bool {
    gemini_config::generation(model) >= (3, 5)
}

/// Checks the conversation with this model, which is a Gemini 3 or an older one.
pub(super) fn check(model: &str, newer: bool, body: &Value) -> Verdict {
    let contents: Vec<&Value> = list(body, "contents").collect();
    let role = |content: &Value| string(content, "role").map(str::to_owned);
    for (place, content) in contents.iter().enumerate() {
        ensure(matches!(string(content, "role"), Some("user" | "model")), || {
            "Please use a valid role: user, model.".to_owned()
        })?;
        filled(content)?;
        responses_alone(content)?;
        for (index, part) in list(content, "parts").enumerate() {
            self::part(part, newer, &format!("contents[{place}].parts[{index}]"))?;
            get(part, "inlineData").map_or(Ok(()), |data| kind(model, data))?;
        }
    }
    ensure(contents.first().and_then(|content| role(content)).as_deref() == Some("user"), || {
        "Please ensure that multiturn requests start with a user turn.".to_owned()
    })?;
    let is_begun = contents.last().and_then(|content| role(content)).as_deref() == Some("model");
    ensure(!(is_begun && must_end_with_user(model)), || ENDED.to_owned())?;
    pairs(&contents)?;
    signatures(model, newer, &contents)
}

fn filled(content: &Value) -> Verdict {
    let mut parts = list(content, "parts").peekable();
    ensure(parts.peek().is_some(), || {
        "Unable to submit request because it must include at least one parts field, which describes the prompt input."
            .to_owned()
    })?;
    let said = parts.any(|part| get(part, "text").is_none_or(|text| text != "") || get(part, "thoughtSignature").is_some());
    ensure(said, || {
        "Unable to submit request because it has an empty text parameter. Add a value to the parameter and try again."
            .to_owned()
    })
}

/// A content with function responses contains nothing else (router-for-me/CLIProxyAPI#5607, deepnoodle-ai/dive#287).
fn responses_alone(content: &Value) -> Verdict {
    let (responses, all) = (responses(content).len(), list(content, "parts").count());
    ensure(responses == 0 || responses == all, || {
        "Please ensure that the number of function response parts is equal to the number of function call parts of the \
         function call turn."
            .to_owned()
    })
}

fn part(part: &Value, newer: bool, path: &str) -> Verdict {
    const KINDS: [&str; 7] =
        ["text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult"];
    let kinds = KINDS.iter().filter(|kind| get(part, kind).is_some()).count();
    ensure(kinds <= 1, || format!("Invalid value at '{path}' (oneof), oneof field 'data' is already set."))?;
    ensure(kinds == 1 || get(part, "thoughtSignature").is_some(), || {
        format!("{path}.data: required oneof field 'data' must have one initialized field")
    })?;
    for (kind, name) in [("functionCall", "function_call"), ("functionResponse", "function_response")] {
        if let Some(value) = get(part, kind) {
            ensure(newer || value.get("id").is_none(), || super::gemini_fields::unknown("id", &format!("{path}.{name}")))?;
            ensure(string(value, "name").is_some_and(|name| !name.is_empty()), || {
                format!("{path}.{name}.name: Name cannot be empty.")
            })?;
        }
    }
    if let Some(response) = get(part, "functionResponse") {
        ensure(response.get("response").is_some(), || format!("{path}.function_response.response: missing field."))?;
        ensure(newer || response.get("parts").is_none(), || {
            "Unable to submit request because multimodal function responses are not supported by this model.".to_owned()
        })?;
    }
    if let Some(data) = get(part, "inlineData") {
        let given = string(data, "data").is_some_and(|data| is_name(data, "+/=_-", usize::MAX));
        ensure(given, || format!("Invalid value at '{path}.inline_data.data' (TYPE_BYTES), Base64 decoding failed"))?;
        image(data)?;
    }
    if let Some(file) = get(part, "fileData") {
        let address = get(file, "fileUri").and_then(Value::as_str).unwrap_or_default();
        ensure(["gs://", "https://", "http://"].iter().any(|start| address.starts_with(start)), || {
            format!("Unable to submit request because the fileUri `{address}` is not valid.")
        })?;
    }
    for data in [get(part, "inlineData"), get(part, "fileData")].into_iter().flatten() {
        ensure(get(data, "mimeType").and_then(Value::as_str).is_some_and(|kind| kind.contains('/')), || {
            "Unable to submit request because it must have a mimeType parameter.".to_owned()
        })?;
    }
    Ok(())
}

/// Bytes that are declared as a picture must be one. HEIC and HEIF are accepted without a check.
fn image(data: &Value) -> Verdict {
    let kind = get(data, "mimeType").and_then(Value::as_str).unwrap_or_default();
    let known = matches!(kind, "image/png" | "image/jpeg" | "image/webp" | "image/gif");
    let bytes = string(data, "data").and_then(picture::decoded).unwrap_or_default();
    ensure(!known || picture::read(&bytes).is_some(), || "Provided image is not valid.".to_owned())
}

/// File types that Gemini reads (docs.cloud.google.com, pages of image and document understanding). One model also reads
/// Office files.
fn kind(model: &str, data: &Value) -> Verdict {
    let kind = get(data, "mimeType").and_then(Value::as_str).unwrap_or_default();
    let known = match kind.split_once('/') {
        Some(("image", _)) => {
            matches!(kind, "image/png" | "image/jpeg" | "image/jpg" | "image/webp" | "image/heic" | "image/heif")
        }
        Some(("application", "pdf") | ("text" | "audio" | "video", _)) => true,
        Some(("application", office)) => {
            office.starts_with("vnd.openxmlformats-officedocument.") && model.contains("hydrogen")
        }
        Some(_) | None => false,
    };
    ensure(known, || {
        format!("Unable to submit request because it has a mimeType parameter with value {kind}, which is not supported.")
    })
}

fn calls(content: &Value) -> Vec<&Value> {
    list(content, "parts").filter_map(|part| get(part, "functionCall")).collect()
}

fn responses(content: &Value) -> Vec<&Value> {
    list(content, "parts").filter_map(|part| get(part, "functionResponse")).collect()
}

/// The next turn answers each call of a turn.
fn pairs(contents: &[&Value]) -> Verdict {
    let after = contents.iter().skip(1).copied().map(Some).chain([None]);
    let before = [None].into_iter().chain(contents.iter().copied().map(Some));
    for ((content, after), before) in contents.iter().zip(after).zip(before) {
        let called = calls(content);
        if string(content, "role") == Some("user") {
            let orphans = !responses(content).is_empty() && before.is_none_or(|before| calls(before).is_empty());
            ensure(!orphans, || {
                "Please ensure that function response turn comes immediately after a function call turn.".to_owned()
            })?;
        }
        if called.is_empty() {
            continue;
        }
        let follows =
            string(content, "role") == Some("model") && before.is_some_and(|before| string(before, "role") == Some("user"));
        ensure(follows, || {
            "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
                .to_owned()
        })?;
        let answered = after.map(responses).unwrap_or_default();
        ensure(called.len() == answered.len(), || {
            "Please ensure that the number of function response parts is equal to the number of function call parts of the \
             function call turn."
                .to_owned()
        })?;
        for (call, answer) in called.iter().zip(&answered) {
            let same = |field: &str| string(call, field) == string(answer, field);
            ensure(same("name") && (answer.get("id").is_none() || same("id")), || {
                "Please ensure that function response parts match the function call parts of the function call turn by name and \
                 order."
                    .to_owned()
            })?;
        }
    }
    Ok(())
}

fn signatures(model: &str, newer: bool, contents: &[&Value]) -> Verdict {
    let asks = |content: &&Value| {
        string(content, "role") == Some("user") && list(content, "parts").any(|part| get(part, "text").is_some())
    };
    let turn = contents.iter().rposition(asks).unwrap_or(0);
    for (place, content) in contents.iter().enumerate() {
        let mut called = false;
        for part in list(content, "parts") {
            let signature = get(part, "thoughtSignature").and_then(Value::as_str);
            let call = get(part, "functionCall");
            if let Some(signature) = signature {
                let known = signature == BYPASS || signature::read(signature).is_some_and(|issued| issued.is_of(model));
                // The simulator signs only the first call of a reply. A signature on another call is misplaced.
                ensure(known && !(call.is_some() && called), || "Corrupted thought signature.".to_owned())?;
            }
            let needed = newer && place > turn && call.is_some() && !called;
            ensure(!needed || signature.is_some(), || {
                let name = call.and_then(|call| string(call, "name")).unwrap_or_default();
                format!(
                    "Unable to submit request because function call `default_api:{name}` in the {}. content block is missing a \
                     `thought_signature`.",
                    place + 1
                )
            })?;
            called |= call.is_some();
        }
    }
    Ok(())
}
