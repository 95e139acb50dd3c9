//! Gemini on Vertex AI, and the error format of Google's platform.

use jiff::{Timestamp, Unit};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::counting::count;
use super::frame::{Frame, Streamed};
use super::ids;
use super::journal::SimulatedUsage;
use super::json::{items, json, string};
use super::model_request::{Mode, ModelRequest, Thinking, Tool};
use super::refusal::Refusal;
use super::reply::{Call, Finish, Reply};
use super::transcript::Transcript;
use super::wire::Wire;

/// Reads a request body. As Google does, it accepts field names in camel case and in snake case.
pub(super) fn read(model: &str, mode: Mode, body: &Value) -> Result<ModelRequest, Refusal> {
    if items(body, "contents").next().is_none() {
        return Err(Refusal::own(400, "Unable to submit request because at least one contents field is required."));
    }
    let mut transcript = Transcript::default();
    if let Some(system) = either(body, "systemInstruction", "system_instruction") {
        transcript.other(&texts(system));
    }
    for content in items(body, "contents") {
        let texts = texts(content);
        let results: Vec<String> = items(content, "parts").filter_map(result).collect();
        match string(content, "role") {
            _ if !results.is_empty() => transcript.results(&results, &texts),
            Some("model") => transcript.other(&texts),
            Some(_) | None => transcript.user(&texts),
        }
    }
    let request = ModelRequest::new(Wire::Gemini, mode, model, transcript).bounded_by(body);
    Ok(request.with_tools(tools(body)).with_thinking(thinking(body)))
}

fn either<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake))
}

fn texts(content: &Value) -> Vec<&str> {
    let thought = |part: &&Value| part.get("thought") == Some(&Value::Bool(true));
    items(content, "parts").filter(|part| !thought(part)).filter_map(|part| string(part, "text")).collect()
}

fn result(part: &Value) -> Option<String> {
    let response = either(part, "functionResponse", "function_response")?.get("response")?;
    Some(string(response, "output").map_or_else(|| response.to_string(), str::to_owned))
}

fn thinking(body: &Value) -> Thinking {
    let visible = either(body, "generationConfig", "generation_config")
        .and_then(|config| either(config, "thinkingConfig", "thinking_config"))
        .and_then(|config| either(config, "includeThoughts", "include_thoughts"));
    if visible == Some(&Value::Bool(true)) { Thinking::Shown } else { Thinking::Hidden }
}

fn tools(body: &Value) -> Vec<Tool> {
    let calling = either(body, "toolConfig", "tool_config")
        .and_then(|config| either(config, "functionCallingConfig", "function_calling_config"))
        .unwrap_or(&Value::Null);
    if string(calling, "mode") == Some("NONE") {
        return Vec::new();
    }
    let wanted = either(calling, "allowedFunctionNames", "allowed_function_names").and_then(Value::as_array);
    let declarations = |tool| either(tool, "functionDeclarations", "function_declarations").and_then(Value::as_array);
    let allowed = |name: &str| wanted.is_none_or(|names| names.iter().any(|wanted| wanted == name));
    let tool = |function: &Value| {
        let schema =
            either(function, "parametersJsonSchema", "parameters_json_schema").or_else(|| function.get("parameters"));
        let name = string(function, "name").filter(|name| allowed(name))?;
        Some(Tool { name: name.to_owned(), schema: schema.cloned().unwrap_or_default() })
    };
    items(body, "tools").filter_map(declarations).flatten().filter_map(tool).collect()
}

/// An error body in Google's format.
pub(super) fn error(status: u16, message: &str) -> String {
    let name = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "UNKNOWN",
    };
    json(&json!({ "error": { "code": status, "message": message, "status": name } }))
}

/// An error as an event.
pub(super) fn failing(status: u16, message: &str) -> Frame {
    Frame::trapping(format!("data: {}\r\n\r\n", error(status, message)))
}

/// The answer to a request for the number of input tokens.
pub(super) fn counted(tokens: u64) -> String {
    json(&json!({ "totalTokens": tokens, "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": tokens }] }))
}

/// The complete reply.
pub(super) fn whole(reply: &Reply) -> String {
    let mut parts = Vec::new();
    if !reply.thoughts.is_empty() {
        parts.push(Part { text: Some(reply.thinking()), thought: Some(true), ..Part::default() });
    }
    if reply.calls.is_empty() {
        parts.push(Part { text: Some(reply.text()), thought_signature: text_signature(reply), ..Part::default() });
    }
    parts.extend(call_parts(reply));
    json(&Identity::new(reply).response(parts, Some(reply.finish), reply.told_usage()))
}

/// The reply as a stream of events or as a growing array.
pub(super) fn streamed(reply: &Reply, mode: Mode) -> Streamed {
    let mut stream =
        Stream { identity: Identity::new(reply), mode, tells: reply.tells_usage, frames: Vec::new(), told: reply.usage };
    stream.told = SimulatedUsage { output_tokens: 0, reasoning_tokens: 0, ..stream.told };
    if mode == Mode::Array {
        stream.chunk(Part { text: Some(String::new()), ..Part::default() }, None);
    }
    for thought in &reply.thoughts {
        stream.told.reasoning_tokens += count(thought);
        stream.told.output_tokens += count(thought);
        stream.word(Part { text: Some(thought.clone()), thought: Some(true), ..Part::default() });
    }
    for word in &reply.words {
        stream.told.output_tokens += count(word);
        stream.word(Part { text: Some(word.clone()), ..Part::default() });
    }
    for part in call_parts(reply) {
        stream.told = reply.usage;
        stream.word(part);
    }
    // The signature of reasoning before text comes last, on a part without text.
    let thought_signature = text_signature(reply);
    stream.told = reply.usage;
    stream.chunk(Part { text: Some(String::new()), thought_signature, ..Part::default() }, Some(reply.finish));
    let failure = error(503, "Simulated failure in mid-stream");
    match mode {
        Mode::Array => {
            stream.frames.push(Frame::trapping("]".to_owned()));
            Streamed { frames: stream.frames, failure: vec![Frame::trapping(format!(",\r\n{failure}]"))] }
        }
        Mode::Events | Mode::Whole | Mode::Count => {
            Streamed { frames: stream.frames, failure: vec![Frame::trapping(format!("data: {failure}\r\n\r\n"))] }
        }
    }
}

/// The signature of a reply that is text.
fn text_signature(reply: &Reply) -> Option<String> {
    (reply.calls.is_empty() && (reply.thought || reply.gemini_3)).then(|| reply.signature.clone())
}

/// Only the first call of a reply is signed.
fn call_parts(reply: &Reply) -> impl Iterator<Item = Part<'_>> {
    reply.calls.iter().enumerate().map(|(place, call)| Part {
        function_call: function_call(reply, call),
        thought_signature: (place == 0).then(|| reply.signature.clone()),
        ..Part::default()
    })
}

fn function_call<'a>(reply: &Reply, call: &'a Call) -> Option<FunctionCall<'a>> {
    let id = reply.gemini_3.then(|| ids::random(8));
    Some(FunctionCall { id, name: &call.name, args: RawValue::from_string(call.arguments.clone()).ok()? })
}

/// The chunks written so far and the usage up to here.
struct Stream<'a> {
    identity: Identity<'a>,
    mode: Mode,
    tells: bool,
    told: SimulatedUsage,
    frames: Vec<Frame>,
}

impl Stream<'_> {
    fn word(&mut self, part: Part<'_>) {
        let (bytes, told) = self.written(part, None);
        self.frames.push(Frame::word(bytes).reporting(told));
    }

    fn chunk(&mut self, part: Part<'_>, finish: Option<Finish>) {
        let (bytes, told) = self.written(part, finish);
        self.frames.push(Frame::trapping(bytes).reporting(told));
    }

    fn written(&self, part: Part<'_>, finish: Option<Finish>) -> (String, Option<SimulatedUsage>) {
        let told = self.tells.then_some(self.told);
        let data = json(&self.identity.response(vec![part], finish, told));
        let bytes = match self.mode {
            Mode::Array if self.frames.is_empty() => format!("[{data}"),
            Mode::Array => format!(",\r\n{data}"),
            Mode::Events | Mode::Whole | Mode::Count => format!("data: {data}\r\n\r\n"),
        };
        (bytes, told)
    }
}

/// The ids of a reply.
struct Identity<'a> {
    model: &'a str,
    response_id: String,
    create_time: String,
}

impl<'a> Identity<'a> {
    fn new(reply: &'a Reply) -> Self {
        let now = Timestamp::now();
        let create_time = now.round(Unit::Microsecond).unwrap_or(now).to_string();
        Self { model: &reply.model, response_id: ids::random(22), create_time }
    }

    fn response<'b>(
        &'b self,
        parts: Vec<Part<'b>>,
        finish: Option<Finish>,
        told: Option<SimulatedUsage>,
    ) -> GenerateContentResponse<'b> {
        let finish_reason = finish.map(|finish| match finish {
            Finish::Stop | Finish::Call => "STOP",
            Finish::Length => "MAX_TOKENS",
        });
        GenerateContentResponse {
            candidates: [Candidate { content: Content { role: "model", parts }, finish_reason }],
            usage_metadata: told.map(usage),
            model_version: self.model,
            create_time: &self.create_time,
            response_id: &self.response_id,
        }
    }
}

fn usage(told: SimulatedUsage) -> Usage {
    let modality = |token_count| [Modality { modality: "TEXT", token_count }];
    let candidates = told.output_tokens.saturating_sub(told.reasoning_tokens);
    Usage {
        prompt_token_count: told.input_tokens,
        candidates_token_count: candidates,
        cached_content_token_count: (told.cached_tokens > 0).then_some(told.cached_tokens),
        total_token_count: told.input_tokens + told.output_tokens,
        traffic_type: "ON_DEMAND",
        prompt_tokens_details: modality(told.input_tokens),
        candidates_tokens_details: modality(candidates),
        thoughts_token_count: (told.reasoning_tokens > 0).then_some(told.reasoning_tokens),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerateContentResponse<'a> {
    candidates: [Candidate<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<Usage>,
    model_version: &'a str,
    create_time: &'a str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Content<'a> {
    role: &'a str,
    parts: Vec<Part<'a>>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    name: &'a str,
    args: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    prompt_token_count: u64,
    candidates_token_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_content_token_count: Option<u64>,
    total_token_count: u64,
    traffic_type: &'static str,
    prompt_tokens_details: [Modality; 1],
    candidates_tokens_details: [Modality; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    thoughts_token_count: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Modality {
    modality: &'static str,
    token_count: u64,
}
