//! Claude on Vertex AI: Anthropic's messages with Google's authentication.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::frame::{Frame, Streamed, halves};
use super::ids;
use super::journal::SimulatedUsage;
use super::json::{items, json, string, texts};
use super::model_request::{Mode, ModelRequest, Thinking, Tool};
use super::refusal::Refusal;
use super::reply::{Finish, Reply};
use super::transcript::Transcript;
use super::wire::Wire;

/// Reads a request body. `method` is the part of the path after the colon.
pub(super) fn read(model: &str, method: &str, body: &Value) -> Result<ModelRequest, Refusal> {
    let mode = mode(model, method, body)?;
    let mut transcript = Transcript::default();
    transcript.other(&texts(body.get("system")));
    for message in items(body, "messages") {
        let texts = texts(message.get("content"));
        let results: Vec<String> = items(message, "content").filter_map(result).collect();
        match string(message, "role") {
            Some("user") if results.is_empty() => transcript.user(&texts),
            Some("user") => transcript.results(&results, &texts),
            Some(_) | None => transcript.other(&texts),
        }
    }
    let model = if mode == Mode::Count { string(body, "model").unwrap_or_default() } else { model };
    let request = ModelRequest::new(Wire::Claude, mode, model, transcript).bounded_by(body);
    Ok(request.with_tools(tools(body)).with_thinking(thinking(body)))
}

/// Checks what this endpoint requires and Anthropic's own API does not.
fn mode(model: &str, method: &str, body: &Value) -> Result<Mode, Refusal> {
    let counting = model == "count-tokens";
    let streaming = body.get("stream") == Some(&Value::Bool(true));
    let wrong = |message: &str| Err(Refusal::own(400, message));
    if items(body, "messages").next().is_none() {
        return wrong("messages: Field required");
    }
    match (counting, body.get("model")) {
        (true, None) => return wrong("model: Field required"),
        (false, Some(_)) => return wrong("model: Extra inputs are not permitted"),
        (true, Some(_)) | (false, None) => {}
    }
    if counting {
        return Ok(Mode::Count);
    }
    match string(body, "anthropic_version") {
        Some("vertex-2023-10-16") => {}
        Some(other) => return wrong(&format!("anthropic_version: \"{other}\" is not supported on this endpoint")),
        None => return wrong("anthropic_version: Field required"),
    }
    if body.get("max_tokens").and_then(Value::as_u64).is_none() {
        return wrong("max_tokens: Field required");
    }
    match (method, streaming) {
        ("streamRawPredict", true) => Ok(Mode::Events),
        ("rawPredict", false) => Ok(Mode::Whole),
        ("streamRawPredict", false) => wrong("stream: must be true for streamRawPredict"),
        (_, _) => wrong("stream: must not be true for rawPredict"),
    }
}

fn result(block: &Value) -> Option<String> {
    (string(block, "type") == Some("tool_result")).then(|| texts(block.get("content")).concat())
}

fn thinking(body: &Value) -> Thinking {
    match (body.pointer("/thinking/type").and_then(Value::as_str), body.pointer("/thinking/display")) {
        (Some("enabled" | "adaptive"), Some(Value::String(display))) if display == "omitted" => Thinking::Sealed,
        (Some("enabled" | "adaptive"), _) => Thinking::Shown,
        (_, _) => Thinking::Hidden,
    }
}

fn tools(body: &Value) -> Vec<Tool> {
    let choice = body.get("tool_choice").unwrap_or(&Value::Null);
    if string(choice, "type") == Some("none") {
        return Vec::new();
    }
    let wanted = choice.get("name");
    // The provider runs tools without a schema.
    let tools = items(body, "tools").filter(|tool| wanted.is_none() || tool.get("name") == wanted);
    let tool = |tool: &Value| {
        let schema = tool.get("input_schema")?.clone();
        Some(Tool { name: string(tool, "name")?.to_owned(), schema })
    };
    tools.filter_map(tool).collect()
}

/// An error of the model. Errors of the platform have Google's format.
pub(super) fn error(status: u16, message: &str, request_id: &str) -> String {
    let failure = Failure { kind: kind(status), message };
    json(&ErrorBody { kind: "error", error: failure, request_id })
}

/// An error as an event.
pub(super) fn failing(status: u16, message: &str) -> Frame {
    Frame::trapping(Event::Error { error: Failure { kind: kind(status), message } }.written(0))
}

fn kind(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

/// The complete reply.
pub(super) fn whole(reply: &Reply) -> String {
    let mut content = Vec::new();
    if reply.thought {
        content.push(Block::Thinking { thinking: reply.thinking(), signature: reply.signature.clone() });
    }
    if reply.calls.is_empty() {
        content.push(Block::Text { text: reply.text() });
    }
    for call in &reply.calls {
        content.push(Block::ToolUse { id: tool_id(), name: &call.name, input: raw(&call.arguments) });
    }
    json(&Message {
        stop_reason: Some(stop_reason(reply)),
        content,
        usage: reply.told_usage().map(usage),
        ..Message::begun(reply)
    })
}

/// The reply as a stream.
pub(super) fn streamed(reply: &Reply) -> Streamed {
    // The start reports all of the input and the first output token.
    let begun = reply.told_usage().map(|told| SimulatedUsage { output_tokens: 1, reasoning_tokens: 0, ..told });
    let message = Message { usage: begun.map(usage), ..Message::begun(reply) };
    let mut events = Events::default();
    events.frame(&Event::MessageStart { message }, begun);
    events.frame(&Event::Ping, None);
    if reply.thought {
        events.start(Block::Thinking { thinking: String::new(), signature: String::new() });
        for thinking in &reply.thoughts {
            events.word(Delta::ThinkingDelta { thinking });
        }
        events.delta(Delta::SignatureDelta { signature: &reply.signature });
        events.stop();
    }
    if reply.calls.is_empty() {
        events.start(Block::Text { text: String::new() });
        for text in &reply.words {
            events.word(Delta::TextDelta { text });
        }
        events.stop();
    }
    for call in &reply.calls {
        events.start(Block::ToolUse { id: tool_id(), name: &call.name, input: raw("{}") });
        events.word(Delta::InputJsonDelta { partial_json: "" });
        // A call without arguments is reported by the empty piece alone.
        let pieces = if call.arguments == "{}" { Vec::new() } else { halves(&call.arguments).to_vec() };
        for piece in &pieces {
            events.word(Delta::InputJsonDelta { partial_json: piece });
        }
        events.stop();
    }
    let delta = End { stop_reason: stop_reason(reply), stop_sequence: None };
    events.frame(&Event::MessageDelta { delta, usage: reply.told_usage().map(final_usage) }, reply.told_usage());
    events.frame(&Event::MessageStop, None);
    Streamed { frames: events.frames, failure: vec![failing(529, "Overloaded")] }
}

fn stop_reason(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Stop => "end_turn",
        Finish::Call => "tool_use",
        Finish::Length => "max_tokens",
    }
}

/// JSON text written by this module, so it is always valid.
fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn tool_id() -> String {
    format!("toolu_vrtx_01{}", ids::random(22))
}

fn usage(told: SimulatedUsage) -> Usage {
    let cache_creation = Some(CacheCreation {
        ephemeral_5m_input_tokens: told.written_tokens,
        ephemeral_1h_input_tokens: told.written_1h_tokens,
    });
    Usage { cache_creation, ..final_usage(told) }
}

/// The usage at the end of a stream, which does not itemise the cache.
fn final_usage(told: SimulatedUsage) -> Usage {
    let thinking_tokens = told.reasoning_tokens;
    let written = told.written_tokens + told.written_1h_tokens;
    Usage {
        // This format counts cache reads and writes separately.
        input_tokens: told.input_tokens.saturating_sub(told.cached_tokens + written),
        cache_creation_input_tokens: written,
        cache_read_input_tokens: told.cached_tokens,
        cache_creation: None,
        output_tokens: told.output_tokens,
        output_tokens_details: (thinking_tokens > 0).then_some(OutputDetails { thinking_tokens }),
    }
}

/// The events written so far.
#[derive(Default)]
struct Events {
    frames: Vec<Frame>,
    index: u32,
}

impl Events {
    fn frame(&mut self, event: &Event<'_>, reports: Option<SimulatedUsage>) {
        self.frames.push(Frame::trapping(event.written(self.frames.len())).reporting(reports));
    }

    fn word(&mut self, delta: Delta<'_>) {
        let event = Event::ContentBlockDelta { index: self.index, delta };
        self.frames.push(Frame::word(event.written(self.frames.len())));
    }

    fn delta(&mut self, delta: Delta<'_>) {
        self.frame(&Event::ContentBlockDelta { index: self.index, delta }, None);
    }

    fn start(&mut self, content_block: Block<'_>) {
        self.frame(&Event::ContentBlockStart { index: self.index, content_block }, None);
    }

    fn stop(&mut self) {
        self.frame(&Event::ContentBlockStop { index: self.index }, None);
        self.index += 1;
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart {
        message: Message<'a>,
    },
    Ping,
    ContentBlockStart {
        index: u32,
        content_block: Block<'a>,
    },
    ContentBlockDelta {
        index: u32,
        delta: Delta<'a>,
    },
    ContentBlockStop {
        index: u32,
    },
    MessageDelta {
        delta: End<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    MessageStop,
    Error {
        error: Failure<'a>,
    },
}

impl Event<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::Ping => "ping",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
            Self::Error { .. } => "error",
        }
    }

    /// The lines of an event. Vertex pads some JSON before the last brace, depending on the position in the stream.
    fn written(&self, place: usize) -> String {
        let data = json(self);
        let open = data.strip_suffix('}').unwrap_or(&data);
        let padding = if place.is_multiple_of(3) { 0 } else { place * 7 % 15 };
        format!("event: {}\ndata: {open}{}}}\n\n", self.name(), " ".repeat(padding))
    }
}

#[derive(Serialize)]
struct Message<'a> {
    model: String,
    id: String,
    #[serde(rename = "type")]
    kind: &'a str,
    role: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'a str>,
    stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

impl Message<'_> {
    fn begun(reply: &Reply) -> Self {
        Self {
            // The path writes a version with `@`, the reply with a hyphen.
            model: reply.model.trim_end_matches("@default").replace('@', "-"),
            id: format!("msg_vrtx_01{}", ids::random(22)),
            kind: "message",
            role: "assistant",
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: None,
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: String },
    Thinking { thinking: String, signature: String },
    ToolUse { id: String, name: &'a str, input: Box<RawValue> },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the wire calls each of them a delta")]
enum Delta<'a> {
    TextDelta { text: &'a str },
    ThinkingDelta { thinking: &'a str },
    SignatureDelta { signature: &'a str },
    InputJsonDelta { partial_json: &'a str },
}

#[derive(Serialize)]
struct End<'a> {
    stop_reason: &'a str,
    stop_sequence: Option<&'a str>,
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<CacheCreation>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Serialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    error: Failure<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Failure<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
}

/// The answer to a request for the number of input tokens.
#[derive(Serialize)]
pub(super) struct Counted {
    pub(super) input_tokens: u64,
}
