//! Members of messages and tools. OpenAI and Mistral reject unknown ones (adamrushy/OpenAISwift#99,
//! `nomtek/mistralai_client_dart#44`).

use serde_json::{Map, Value};

use super::super::json::{items, string};
use super::verdict::{Verdict, ensure, is_name};

/// Checks the members of a request to this model.
pub(super) fn check(model: &str, body: &Value) -> Verdict {
    if !model.starts_with("openai/") && !model.starts_with("mistralai/") {
        return Ok(());
    }
    for (place, message) in items(body, "messages").enumerate() {
        let path = format!("messages.{place}");
        let own = match string(message, "role") {
            Some("assistant") => {
                "annotations audio cache_control content function_call name reasoning reasoning_content reasoning_details refusal role \
                 tool_calls"
            }
            Some("tool") => "cache_control content name role tool_call_id",
            Some(_) | None => "cache_control content name role",
        };
        only(message, own, &path)?;
        // FlowiseAI/Flowise#2948.
        let is_plain = string(message, "name").is_none_or(|name| is_name(name, "_-", 64));
        ensure(is_plain || !model.starts_with("openai/"), || {
            format!("Invalid '{path}.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.")
        })?;
        for (place, part) in items(message, "content").enumerate() {
            self::part(part, &format!("{path}.content.{place}"))?;
        }
        for (place, call) in items(message, "tool_calls").enumerate() {
            let path = format!("{path}.tool_calls.{place}");
            only(call, "custom function id index type", &path)?;
            inner(call, "function", "arguments name", &path)?;
        }
    }
    for (place, tool) in items(body, "tools").enumerate() {
        let path = format!("tools.{place}");
        only(tool, "cache_control custom function type", &path)?;
        inner(tool, "function", "description name parameters strict", &path)?;
    }
    if let Some(format) = body.get("response_format") {
        only(format, "json_schema type", "response_format")?;
        inner(format, "json_schema", "description name schema strict", "response_format")?;
    }
    Ok(())
}

fn part(part: &Value, path: &str) -> Verdict {
    let own = "cache_control file image_url input_audio prompt_cache_breakpoint refusal text type video_url";
    only(part, own, path)?;
    inner(part, "image_url", "detail url", path)?;
    inner(part, "file", "file_data file_id filename", path)?;
    inner(part, "input_audio", "data format", path)
}

fn inner(value: &Value, name: &str, own: &str, path: &str) -> Verdict {
    value.get(name).map_or(Ok(()), |inner| only(inner, own, &format!("{path}.{name}")))
}

fn only(value: &Value, own: &str, path: &str) -> Verdict {
    let mut names = value.as_object().into_iter().flat_map(Map::keys);
    match names.find(|name| !own.split_whitespace().any(|own| own == name.as_str())) {
        Some(name) => {
            ensure(false, || format!("Additional properties are not allowed ('{name}' was unexpected) - '{path}'"))
        }
        None => Ok(()),
    }
}
