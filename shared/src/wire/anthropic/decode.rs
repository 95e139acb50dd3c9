//! A Messages request as the canonical conversation.
//!
//! Loss list: `citations` settings, `title` of search results, `caller` and `eager_input_streaming` of tools have no place in the
//! conversation; the caller names dropped top-level fields.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::request::BILLING_HEADER;
use super::signature;
use crate::chat::request::{
    Amount, ChatRequest, Effort, JsonText, Message, Part, Reasoning, ResponseFormat, Role, Sampling, Source, ToolCall,
    ToolChoice, ToolDefinition, ToolResult,
};
use crate::error::GatewayError;
use crate::wire::media;
use crate::wire::shape::{self, CacheControl, TextOrList, unsupported_part};

/// Top-level fields that the conversation carries, or that the gateway acts on. Sorted.
pub const CARRIED: &[&str] = &[
    "anthropic_beta",
    "anthropic_version",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

#[derive(Deserialize)]
struct Body {
    max_tokens: Option<u64>,
    system: Option<TextOrList<Block>>,
    messages: Vec<MessageIn>,
    tools: Option<Vec<ToolIn>>,
    tool_choice: Option<Choice>,
    thinking: Option<ThinkingIn>,
    output_config: Option<OutputConfig>,
    /// The older place of `output_config.format`.
    output_format: Option<FormatIn>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    #[serde(default)]
    stop_sequences: Option<Vec<String>>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct MessageIn {
    role: String,
    content: TextOrList<Block>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    /// An object in most kinds of blocks, an address in search results.
    source: Option<Box<RawValue>>,
    title: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Box<RawValue>>,
    tool_use_id: Option<String>,
    /// Text or blocks in most kinds of blocks, an object in results of server-side tools.
    content: Option<Box<RawValue>>,
    is_error: Option<bool>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
struct SourceIn {
    #[serde(rename = "type")]
    kind: String,
    media_type: Option<String>,
    data: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
struct ToolIn {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: String,
    description: Option<String>,
    input_schema: Option<Box<RawValue>>,
    strict: Option<bool>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Deserialize)]
struct ThinkingIn {
    #[serde(rename = "type")]
    kind: String,
    budget_tokens: Option<u64>,
    display: Option<String>,
}

#[derive(Deserialize)]
struct OutputConfig {
    effort: Option<String>,
    format: Option<FormatIn>,
}

#[derive(Deserialize)]
struct FormatIn {
    schema: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

/// Reads a request whose shape was checked.
pub fn decode(body: &str) -> Result<ChatRequest, GatewayError> {
    let body: Body = shape::parse(body)?;
    let mut messages = Vec::with_capacity(body.messages.len().saturating_add(1));
    if let Some(system) = body.system {
        let mut parts = blocks(system, "system")?;
        parts.retain(|part| !matches!(part, Part::Text { text, .. } if text.starts_with(BILLING_HEADER)));
        messages.push(Message { role: Role::System, parts });
    }
    for (position, message) in body.messages.into_iter().enumerate() {
        let role = match message.role.as_str() {
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => Role::User,
        };
        messages.push(Message { role, parts: blocks(message.content, &format!("messages[{position}].content"))? });
    }
    let one_at_a_time = body.tool_choice.as_ref().and_then(|choice| choice.disable_parallel_tool_use);
    let (effort, format) = body.output_config.map_or((None, None), |config| (config.effort, config.format));
    Ok(ChatRequest {
        messages,
        tools: body.tools.unwrap_or_default().into_iter().map(tool).collect(),
        tool_choice: body.tool_choice.map_or(ToolChoice::Auto, choice),
        parallel_tool_calls: one_at_a_time.map(|disabled| !disabled),
        max_tokens: body.max_tokens,
        sampling: Sampling {
            temperature: body.temperature,
            top_p: body.top_p,
            top_k: body.top_k,
            stop: body.stop_sequences.unwrap_or_default(),
            ..Sampling::default()
        },
        reasoning: reasoning(body.thinking, effort.as_deref())?,
        response_format: match format.or(body.output_format).and_then(|format| format.schema) {
            Some(schema) => {
                ResponseFormat::JsonSchema { name: "response".to_owned(), schema: JsonText(schema.get().to_owned()) }
            }
            None => ResponseFormat::Text,
        },
        user: body.metadata.and_then(|metadata| metadata.user_id),
    })
}

fn blocks(content: TextOrList<Block>, path: &str) -> Result<Vec<Part>, GatewayError> {
    match content {
        TextOrList::Text(text) => Ok(vec![Part::Text { text, cache: None }]),
        TextOrList::List(blocks) => {
            let mut parts = Vec::with_capacity(blocks.len());
            for (position, block) in blocks.into_iter().enumerate() {
                parts.extend(self::block(block, &format!("{path}[{position}]"))?);
            }
            Ok(parts)
        }
    }
}

/// Server-side blocks of another model's history mean nothing to a different one: they become nothing.
fn block(block: Block, path: &str) -> Result<Option<Part>, GatewayError> {
    let cache = block.cache_control.map(|control| control.mark());
    let missing =
        |field: &str| GatewayError::invalid(format!("{path}.{field}"), format!("{path}.{field}: this field is required."));
    let part = match block.kind.as_str() {
        "text" | "mid_conv_system" => Part::Text { text: block.text.ok_or_else(|| missing("text"))?, cache },
        "image" => Part::Image { source: source(&block.source.ok_or_else(|| missing("source"))?, path)?, cache },
        "document" => {
            let source = source(&block.source.ok_or_else(|| missing("source"))?, path)?;
            Part::Document { source, title: block.title, cache }
        }
        "thinking" => {
            let signature = block.signature.filter(|value| !value.is_empty()).map(signature::open);
            Part::Reasoning { text: block.thinking.unwrap_or_default(), signature }
        }
        "redacted_thinking" => Part::RedactedReasoning { data: signature::open(block.data.ok_or_else(|| missing("data"))?) },
        "tool_use" => {
            let input = block.input.map_or_else(String::new, |input| input.get().to_owned());
            Part::ToolCall(ToolCall {
                id: block.id.ok_or_else(|| missing("id"))?,
                name: block.name.ok_or_else(|| missing("name"))?,
                arguments: shape::arguments_object(input),
                signature: None,
            })
        }
        "tool_result" => {
            let content = nested(block.content.as_deref(), path)?;
            let call_id = block.tool_use_id.ok_or_else(|| missing("tool_use_id"))?;
            Part::ToolResult(ToolResult { call_id, content, is_error: block.is_error == Some(true), cache })
        }
        "search_result" => {
            let content = nested(block.content.as_deref(), path)?;
            Part::Text { text: texts(&content), cache }
        }
        "server_tool_use" | "mcp_tool_use" | "compaction" | "tool_reference" => return Ok(None),
        kind if kind.ends_with("_tool_result") => return Ok(None),
        other => {
            return Err(unsupported_part(path, &format!("a block of type {}", other.chars().take(40).collect::<String>())));
        }
    };
    Ok(Some(part))
}

/// The blocks inside a block.
fn nested(content: Option<&RawValue>, path: &str) -> Result<Vec<Part>, GatewayError> {
    let path = format!("{path}.content");
    match content {
        Some(content) => blocks(shape::parse_at(content.get(), &path)?, &path),
        None => Ok(Vec::new()),
    }
}

fn texts(parts: &[Part]) -> String {
    let text = |part: &Part| if let Part::Text { text, .. } = part { Some(text.clone()) } else { None };
    parts.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

fn source(source: &RawValue, path: &str) -> Result<Source, GatewayError> {
    let source: SourceIn = shape::parse_at(source.get(), &format!("{path}.source"))?;
    match (source.kind.as_str(), source.data, source.url) {
        ("base64", Some(data), _) => Ok(media::inline(&source.media_type.unwrap_or_default(), &data)),
        ("text", Some(data), _) => Ok(Source::Text(data)),
        ("url", _, Some(url)) => Ok(Source::Url(url)),
        ("file", _, _) => Err(unsupported_part(path, "a file by id; send its data instead")),
        _ => {
            Err(GatewayError::invalid(format!("{path}.source"), format!("{path}.source: needs base64 data, text or a url.")))
        }
    }
}

fn tool(tool: ToolIn) -> ToolDefinition {
    let schema = tool.input_schema.map(|schema| JsonText(schema.get().to_owned()));
    let typed = tool.kind.as_deref().and_then(super::typed_tools::schema);
    ToolDefinition {
        name: tool.name,
        description: tool.description,
        schema: schema.or_else(|| typed.map(|schema| JsonText(schema.to_owned()))),
        strict: tool.strict == Some(true),
        cache: tool.cache_control.map(|control| control.mark()),
    }
}

fn choice(choice: Choice) -> ToolChoice {
    match (choice.kind.as_str(), choice.name) {
        ("none", _) => ToolChoice::None,
        ("any", _) => ToolChoice::Required,
        ("tool", Some(name)) => ToolChoice::Named(name),
        _ => ToolChoice::Auto,
    }
}

/// Thoughts are shown unless thinking is off or its display omitted.
fn reasoning(thinking: Option<ThinkingIn>, effort: Option<&str>) -> Result<Reasoning, GatewayError> {
    let unknown =
        || GatewayError::invalid("output_config.effort", "output_config.effort: use low, medium, high, xhigh or max.");
    let effort = effort.map(|word| Effort::parse(word).ok_or_else(unknown)).transpose()?;
    let Some(ThinkingIn { kind, budget_tokens, display }) = thinking else {
        return Ok(Reasoning { amount: effort.map_or(Amount::Default, Amount::Effort), visible: false });
    };
    let amount = match (kind.as_str(), budget_tokens) {
        ("disabled", _) => Amount::Off,
        ("enabled", Some(budget)) => Amount::Budget(budget),
        _ => Amount::Adaptive(effort),
    };
    Ok(Reasoning { amount, visible: amount != Amount::Off && display.as_deref() != Some("omitted") })
}
