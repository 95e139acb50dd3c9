//! The full count of a request: everything that a model reads of it.

use serde_json::{Map, Value};

use super::super::wire::Wire;
use super::family::Family;
use super::{media, tokenizer};

/// Cost of a message in addition to its content: its role and its delimiters.
const MESSAGE: u64 = 4;
/// What Claude is told about tools in general (platform.claude.com, tool use: 346 tokens with `auto`, 313 with a forced
/// call).
const CLAUDE_TOOLS: u64 = 346;
/// Members that a model never reads.
const UNSEEN: [&str; 21] = [
    "type",
    "id",
    "role",
    "cache_control",
    "signature",
    "thoughtSignature",
    "thought_signature",
    "tool_use_id",
    "tool_call_id",
    "media_type",
    "mimeType",
    "mime_type",
    "detail",
    "format",
    "index",
    "is_error",
    "strict",
    "caller",
    "annotations",
    "encrypted_content",
    "file_id",
];
/// Members whose values a model reads as JSON.
const AS_JSON: [&str; 13] = [
    "input",
    "args",
    "response",
    "input_schema",
    "parameters",
    "parametersJsonSchema",
    "parameters_json_schema",
    "schema",
    "responseSchema",
    "responseJsonSchema",
    "response_schema",
    "response_json_schema",
    "input_examples",
];

/// The tokens of a request to this model.
pub(super) fn of(wire: Wire, model: &str, body: &Value) -> u64 {
    let scale = Scale { family: Family::of(model) };
    let roots: &[&str] = match wire {
        Wire::Claude => &["system", "messages", "tools", "output_config"],
        Wire::OpenRouter => &["messages", "tools", "response_format"],
        Wire::Gemini => {
            &["systemInstruction", "system_instruction", "contents", "tools", "generationConfig", "generation_config"]
        }
    };
    let content: u64 = roots.iter().filter_map(|root| Some(scale.member(root, body.get(*root)?))).sum();
    let list = |name: &str| body.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    let messages = u64::try_from(list("messages") + list("contents") + 1).unwrap_or(u64::MAX);
    let claude = wire == Wire::Claude || model.starts_with("anthropic/");
    let tools = if claude && list("tools") > 0 { CLAUDE_TOOLS } else { 0 };
    content + MESSAGE * messages + tools
}

struct Scale {
    family: Family,
}

impl Scale {
    fn member(&self, name: &str, value: &Value) -> u64 {
        match value {
            _ if UNSEEN.contains(&name) => 0,
            Value::String(text) => tokenizer::tokens(text),
            _ if AS_JSON.contains(&name) => tokenizer::tokens(&value.to_string()),
            Value::Array(list) => list.iter().map(|value| self.member("", value)).sum(),
            Value::Object(object) => self.object(name, object),
            Value::Number(_) | Value::Bool(_) | Value::Null => 0,
        }
    }

    fn object(&self, name: &str, object: &Map<String, Value>) -> u64 {
        let text = |field: &str| object.get(field).and_then(Value::as_str);
        let (media, data) = (text("media_type").or(text("mimeType")).or(text("mime_type")), text("data"));
        match (name, media, data) {
            // A text document.
            ("source", Some("text/plain"), Some(data)) if text("type") == Some("text") => tokenizer::tokens(data),
            ("source" | "inlineData" | "inline_data", media, Some(data)) => {
                media::inline(self.family, media.unwrap_or_default(), data)
            }
            ("input_audio", _, Some(data)) => media::inline(self.family, "audio/x", data),
            ("source", _, None) if text("url").is_some() => media::linked(self.family, true),
            ("fileData" | "file_data", media, _) => {
                media::linked(self.family, media.is_none_or(|kind| kind.starts_with("image/")))
            }
            ("image_url", ..) => self.address(text("url").unwrap_or_default(), "image/x"),
            ("video_url", ..) => self.address(text("url").unwrap_or_default(), "video/x"),
            ("file", ..) => {
                let name = tokenizer::tokens(text("filename").unwrap_or_default());
                name + self.address(text("file_data").unwrap_or_default(), "application/pdf")
            }
            _ => self.members(object),
        }
    }

    fn members(&self, object: &Map<String, Value>) -> u64 {
        // Reasoning that occurs twice is read once.
        let twice = |name: &str| {
            matches!(name, "reasoning" | "reasoning_content") && object.get("reasoning_details").is_some_and(Value::is_array)
        };
        object.iter().filter(|(name, _)| !twice(name)).map(|(name, value)| self.member(name, value)).sum()
    }

    /// The content of a data URL, or the content at another URL.
    fn address(&self, address: &str, media_type: &str) -> u64 {
        match address.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
            Some((kind, data)) => media::inline(self.family, if kind.is_empty() { media_type } else { kind }, data),
            None if address.starts_with("http") || address.starts_with("gs:") => {
                media::linked(self.family, media_type.starts_with("image"))
            }
            // Base64 alone.
            None => media::inline(self.family, media_type, address),
        }
    }
}
