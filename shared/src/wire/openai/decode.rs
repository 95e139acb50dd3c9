//! A Chat Completions request as the canonical conversation.
//!
//! Loss list: `name` of messages, `image_url.detail`, log probabilities and logit bias have no place in the conversation; the
//! caller names dropped top-level fields.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::reasoning::{Detail, part_of};
use super::tools::{Choice, FunctionIn, ToolIn, choice, definition, tool};
use crate::chat::request::{
    Amount, CacheMark, ChatRequest, Effort, JsonText, Message, Origin, Part, Reasoning, ResponseFormat, Role, Sampling,
    Signature, ToolCall, ToolChoice, ToolResult,
};
use crate::error::GatewayError;
use crate::wire::media;
use crate::wire::shape::{self, CacheControl, TextOrList, unsupported_part};

/// Top-level fields that the conversation carries, or that the gateway acts on. Sorted.
pub const CARRIED: &[&str] = &[
    "frequency_penalty",
    "function_call",
    "functions",
    "include_reasoning",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "user",
];

#[derive(Deserialize)]
struct Body {
    messages: Vec<MessageIn>,
    tools: Option<Vec<ToolIn>>,
    functions: Option<Vec<FunctionIn>>,
    tool_choice: Option<Choice>,
    function_call: Option<Choice>,
    parallel_tool_calls: Option<bool>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    seed: Option<i64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    stop: Option<TextOrList<String>>,
    response_format: Option<FormatIn>,
    reasoning_effort: Option<String>,
    reasoning: Option<ReasoningIn>,
    include_reasoning: Option<bool>,
    user: Option<String>,
    safety_identifier: Option<String>,
}

#[derive(Deserialize)]
struct MessageIn {
    role: String,
    content: Option<TextOrList<PartIn>>,
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallIn>>,
    function_call: Option<CallFunction>,
    tool_call_id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    reasoning_details: Option<Vec<Detail>>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
struct PartIn {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<ImageUrl>,
    file: Option<FileIn>,
    input_audio: Option<AudioIn>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Deserialize)]
struct FileIn {
    filename: Option<String>,
    file_data: Option<String>,
}

#[derive(Deserialize)]
struct AudioIn {
    data: String,
    format: String,
}

#[derive(Deserialize)]
struct CallIn {
    id: Option<String>,
    function: Option<CallFunction>,
    custom: Option<CustomCall>,
    extra_content: Option<ExtraContent>,
}

#[derive(Deserialize)]
struct CallFunction {
    name: String,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct CustomCall {
    name: String,
    input: String,
}

#[derive(Deserialize)]
struct ExtraContent {
    google: Option<GoogleExtra>,
}

#[derive(Deserialize)]
struct GoogleExtra {
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct FormatIn {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<SchemaIn>,
}

#[derive(Deserialize)]
struct SchemaIn {
    name: Option<String>,
    schema: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct ReasoningIn {
    effort: Option<String>,
    max_tokens: Option<u64>,
    enabled: Option<bool>,
    exclude: Option<bool>,
}

/// Reads a request whose shape was checked.
pub fn decode(body: &str) -> Result<ChatRequest, GatewayError> {
    let body: Body = shape::parse(body)?;
    let reasoning = reasoning(&body)?;
    let sampling = Sampling {
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k,
        seed: body.seed,
        frequency_penalty: body.frequency_penalty,
        presence_penalty: body.presence_penalty,
        stop: match body.stop {
            Some(TextOrList::Text(stop)) => vec![stop],
            Some(TextOrList::List(stops)) => stops,
            None => Vec::new(),
        },
    };
    let mut messages = Vec::with_capacity(body.messages.len());
    for (position, message) in body.messages.into_iter().enumerate() {
        messages.push(self::message(message, position)?);
    }
    let functions = body.functions.unwrap_or_default().into_iter().map(|function| definition(function, None));
    let tools = body.tools.unwrap_or_default().into_iter().filter_map(tool).chain(functions).collect();
    Ok(ChatRequest {
        messages,
        tools,
        tool_choice: body.tool_choice.or(body.function_call).map_or(ToolChoice::Auto, choice),
        parallel_tool_calls: body.parallel_tool_calls,
        max_tokens: body.max_completion_tokens.or(body.max_tokens),
        sampling,
        reasoning,
        response_format: body.response_format.map_or(ResponseFormat::Text, response_format),
        user: body.user.or(body.safety_identifier),
    })
}

fn message(message: MessageIn, position: usize) -> Result<Message, GatewayError> {
    let cache = message.cache_control.as_ref().map(CacheControl::mark);
    let path = format!("messages[{position}]");
    let mut parts: Vec<Part> = message.reasoning_details.into_iter().flatten().filter_map(part_of).collect();
    parts.extend(content(message.content, &path)?);
    parts.extend(message.refusal.map(|text| Part::Text { text, cache: None }));
    let legacy = message.function_call.map(|function| CallIn {
        id: None,
        function: Some(function),
        custom: None,
        extra_content: None,
    });
    let calls = message.tool_calls.into_iter().flatten().chain(legacy);
    parts.extend(calls.filter_map(|call| tool_call(call, message.name.as_deref())).map(Part::ToolCall));
    if let (Some(mark), Some(last)) = (cache, parts.last_mut()) {
        // Some clients mark the message instead of its last part.
        set_cache(last, mark);
    }
    let role = match message.role.as_str() {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        "tool" | "function" => {
            let call_id = message.tool_call_id.or(message.name).unwrap_or_default();
            let result = ToolResult { call_id, content: parts, is_error: false, cache };
            return Ok(Message { role: Role::User, parts: vec![Part::ToolResult(result)] });
        }
        _ => Role::User,
    };
    Ok(Message { role, parts })
}

fn content(content: Option<TextOrList<PartIn>>, path: &str) -> Result<Vec<Part>, GatewayError> {
    match content {
        None => Ok(Vec::new()),
        Some(TextOrList::Text(text)) => Ok(vec![Part::Text { text, cache: None }]),
        Some(TextOrList::List(parts)) => {
            let parts = parts.into_iter().enumerate();
            parts.map(|(position, part)| self::part(part, &format!("{path}.content[{position}]"))).collect()
        }
    }
}

fn part(part: PartIn, path: &str) -> Result<Part, GatewayError> {
    let cache = part.cache_control.as_ref().map(CacheControl::mark);
    let missing =
        |field: &str| GatewayError::invalid(format!("{path}.{field}"), format!("{path}.{field}: this field is required."));
    match part.kind.as_str() {
        "text" | "input_text" | "output_text" => Ok(Part::Text { text: part.text.ok_or_else(|| missing("text"))?, cache }),
        "refusal" => Ok(Part::Text { text: part.refusal.ok_or_else(|| missing("refusal"))?, cache }),
        "image_url" => {
            let url = part.image_url.ok_or_else(|| missing("image_url"))?.url;
            Ok(Part::Image { source: media::source_of_url(url), cache })
        }
        "file" => {
            let file = part.file.ok_or_else(|| missing("file"))?;
            let data = file.file_data.ok_or_else(|| unsupported_part(path, "a file by id; send file_data instead"))?;
            Ok(Part::Document { source: media::source_of_url(data), title: file.filename, cache })
        }
        "input_audio" => {
            let AudioIn { data, format } = part.input_audio.ok_or_else(|| missing("input_audio"))?;
            Ok(Part::Audio { format, data })
        }
        other => Err(unsupported_part(path, &format!("a part of type {}", other.chars().take(40).collect::<String>()))),
    }
}

fn set_cache(part: &mut Part, mark: CacheMark) {
    match part {
        Part::Text { cache, .. } | Part::Image { cache, .. } | Part::Document { cache, .. } => *cache = Some(mark),
        Part::ToolResult(result) => result.cache = Some(mark),
        Part::Audio { .. } | Part::Reasoning { .. } | Part::RedactedReasoning { .. } | Part::ToolCall(_) => {}
    }
}

fn tool_call(call: CallIn, legacy_id: Option<&str>) -> Option<ToolCall> {
    let (name, arguments) = match (call.function, call.custom) {
        (Some(function), _) => (function.name, function.arguments.unwrap_or_default()),
        (None, Some(custom)) => {
            let input = serde_json::to_string(&custom.input).unwrap_or_default();
            (custom.name, format!("{{\"input\":{input}}}"))
        }
        (None, None) => return None,
    };
    let signature = call.extra_content.and_then(|extra| extra.google?.thought_signature);
    Some(ToolCall {
        id: call.id.or_else(|| legacy_id.map(str::to_owned)).unwrap_or_else(|| name.clone()),
        name,
        arguments: shape::arguments_object(arguments),
        signature: signature.map(|value| Signature { origin: Origin::Gemini, value }),
    })
}

fn response_format(format: FormatIn) -> ResponseFormat {
    match (format.kind.as_str(), format.json_schema) {
        ("json_schema", Some(SchemaIn { name, schema: Some(schema) })) => ResponseFormat::JsonSchema {
            name: name.unwrap_or_else(|| "response".to_owned()),
            schema: JsonText(schema.get().to_owned()),
        },
        ("json_object" | "json_schema", _) => ResponseFormat::JsonObject,
        _ => ResponseFormat::Text,
    }
}

/// Thoughts are shown to a client that asked for any of the fields that say so.
fn reasoning(body: &Body) -> Result<Reasoning, GatewayError> {
    let asked = body.reasoning.as_ref();
    let word = body.reasoning_effort.as_deref().or_else(|| asked.and_then(|asked| asked.effort.as_deref()));
    let excluded = asked.is_some_and(|asked| asked.exclude == Some(true)) || body.include_reasoning == Some(false);
    let visible = !excluded && (word.is_some() || asked.is_some() || body.include_reasoning == Some(true));
    let budget = asked.and_then(|asked| asked.max_tokens);
    let amount = match (word, budget) {
        (Some("none"), _) => Amount::Off,
        (Some(word), _) => {
            let unknown = || {
                GatewayError::invalid(
                    "reasoning_effort",
                    "reasoning_effort: use none, minimal, low, medium, high, xhigh or max.",
                )
            };
            Amount::Effort(Effort::parse(word).ok_or_else(unknown)?)
        }
        (None, Some(budget)) => Amount::Budget(budget),
        (None, None) => match asked.and_then(|asked| asked.enabled) {
            Some(false) => Amount::Off,
            Some(true) => Amount::Effort(Effort::Medium),
            None => Amount::Default,
        },
    };
    // Without thinking there is nothing to show, and asking for it is refused.
    Ok(Reasoning { amount, visible: visible && amount != Amount::Off })
}
