//! OpenRouter's chat completions.

use gateway::money::PicoUsd;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::frame::{Frame, Streamed, halves};
use super::ids;
use super::journal::{PICO_PER_MICRO, SimulatedUsage};
use super::json::{items, json, string, texts};
use super::model_request::{Mode, ModelRequest, Thinking, Tool};
use super::openrouter_shapes::{
    Annotation, Choice, Chunk, ChunkChoice, ChunkError, Completion, CompletionDetails, CostDetails, Delta, Detail, Function,
    Message, PromptDetails, ToolCall, Usage,
};
use super::refusal::Refusal;
use super::reply::{Call, Finish, Reply};
use super::transcript::Transcript;
use super::wire::Wire;

/// Reads a request body.
pub(super) fn read(body: &Value) -> Result<ModelRequest, Refusal> {
    let Some(model) = string(body, "model") else {
        return Err(Refusal::own(400, "Input required: specify \"model\""));
    };
    if items(body, "messages").next().is_none() {
        return Err(Refusal::own(400, "Input required: specify \"prompt\" or \"messages\""));
    }
    let mut transcript = Transcript::default();
    for message in items(body, "messages") {
        let texts = texts(message.get("content"));
        match string(message, "role") {
            Some("user") => transcript.user(&texts),
            Some("tool") => transcript.results(&[texts.concat()], &[]),
            Some(_) | None => transcript.other(&texts),
        }
    }
    let mode = if body.get("stream") == Some(&Value::Bool(true)) { Mode::Events } else { Mode::Whole };
    let request = ModelRequest::new(Wire::OpenRouter, mode, model, transcript).bounded_by(body);
    Ok(request.with_tools(tools(body)).with_thinking(thinking(body)))
}

fn thinking(body: &Value) -> Thinking {
    let Some(Value::Object(reasoning)) = body.get("reasoning") else {
        let asked = body.get("include_reasoning") == Some(&Value::Bool(true));
        return if asked { Thinking::Shown } else { Thinking::Hidden };
    };
    let is = |field: &str, wanted: bool| reasoning.get(field) == Some(&Value::Bool(wanted));
    let off = is("enabled", false) || is("exclude", true) || reasoning.get("effort").is_some_and(|effort| effort == "none");
    if off { Thinking::Hidden } else { Thinking::Shown }
}

fn tools(body: &Value) -> Vec<Tool> {
    let choice = body.get("tool_choice").unwrap_or(&Value::Null);
    if choice == "none" {
        return Vec::new();
    }
    let wanted = choice.pointer("/function/name");
    let functions = items(body, "tools").filter_map(|tool| tool.get("function"));
    let tool = |function: &Value| {
        let schema = function.get("parameters").cloned().unwrap_or_default();
        Some(Tool { name: string(function, "name")?.to_owned(), schema })
    };
    functions.filter(|function| wanted.is_none() || function.get("name") == wanted).filter_map(tool).collect()
}

/// A refusal by moderation. Its metadata distinguishes it from a rejected key.
pub(super) fn moderated() -> String {
    let message = "The input was flagged by moderation";
    let metadata =
        json!({ "reasons": ["simulated"], "flagged_input": "flagged words of the client", "provider_name": "Simulator" });
    json(&ErrorBody { error: Failure { message, code: 403, metadata: Some(metadata) }, user_id: "user_simulated" })
}

/// An error body.
pub(super) fn error(status: u16, message: &str) -> String {
    // Failures of the model contain the model's own message; rejections for a missing key or credit do not.
    let metadata = match status {
        400 | 408 | 429 | 500..=599 => Some(json!({ "provider_name": "Simulator", "raw": message })),
        _ => None,
    };
    json(&ErrorBody { error: Failure { message, code: status, metadata }, user_id: "user_simulated" })
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: Failure<'a>,
    user_id: &'a str,
}

#[derive(Serialize)]
struct Failure<'a> {
    message: &'a str,
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
}

/// The usage with the price that this wire adds: one millionth of a dollar per input token and five per output token, unless
/// the usage has its own price.
pub(super) fn priced(usage: SimulatedUsage) -> SimulatedUsage {
    let cost = usage.cost_pico_usd.unwrap_or((usage.input_tokens + 5 * usage.output_tokens).saturating_mul(PICO_PER_MICRO));
    SimulatedUsage { cost_pico_usd: Some(cost), ..usage }
}

/// The complete reply.
pub(super) fn whole(reply: &Reply) -> String {
    let calls =
        (!reply.calls.is_empty()).then(|| numbered(&reply.calls).map(|(index, call)| whole_call(index, call)).collect());
    let (vendor, thinking, text) = (vendor(&reply.model), reply.thinking(), reply.text());
    let thought = (!thinking.is_empty()).then_some(thinking.as_str());
    let message = Message {
        role: "assistant",
        content: reply.calls.is_empty().then_some(text.as_str()),
        refusal: None,
        reasoning: thought,
        reasoning_details: thought.map(|text| vendor.details(Some(text), Some(&reply.signature))),
        tool_calls: calls,
        annotations: annotations(reply),
    };
    let (finish_reason, native_finish_reason) = vendor.finish(reply.finish);
    let Identity { id, provider, model, created } = &Identity::new(reply);
    json(&Completion {
        id,
        provider,
        model,
        object: "chat.completion",
        created: *created,
        choices: [Choice { logprobs: None, finish_reason, native_finish_reason, index: 0, message }],
        system_fingerprint: None,
        usage: reply.told_usage().map(usage),
    })
}

/// The reply as a stream.
pub(super) fn streamed(reply: &Reply) -> Streamed {
    let stream = Stream { identity: Identity::new(reply), vendor: vendor(&reply.model) };
    let comment = || Frame::trapping(": OPENROUTER PROCESSING\n\n".to_owned());
    let mut frames = vec![comment(), comment(), Frame::trapping(stream.delta(Delta::default()))];
    for thought in &reply.thoughts {
        frames.push(Frame::word(stream.thought(Some(thought), None)));
    }
    if !reply.thoughts.is_empty() {
        frames.push(Frame::trapping(stream.thought(None, Some(&reply.signature))));
    }
    frames.extend(reply.words.iter().map(|word| Frame::word(stream.delta(Delta { content: word, ..Delta::default() }))));
    let annotations = annotations(reply);
    if !annotations.is_empty() {
        frames.push(Frame::trapping(stream.delta(Delta { annotations, ..Delta::default() })));
    }
    for (index, call) in numbered(&reply.calls) {
        let begun = Function { name: Some(&call.name), arguments: "" };
        frames.push(Frame::word(stream.call(index, Some(call_id()), begun)));
        for piece in halves(&call.arguments) {
            frames.push(Frame::word(stream.call(index, None, Function { name: None, arguments: &piece })));
        }
    }
    frames.push(Frame::trapping(stream.finish(reply.finish)));
    if let Some(told) = reply.told_usage() {
        frames.push(Frame::trapping(stream.usage(told)).reporting(Some(priced(told))));
    }
    frames.push(Frame::trapping(DONE.to_owned()));
    Streamed { frames, failure: stream.failing(502, "Simulated failure in mid-stream") }
}

/// The sources that the text cites.
fn annotations(reply: &Reply) -> Vec<Annotation> {
    let length = reply.text().chars().count() as u64;
    (1..=reply.sources).map(|number| Annotation::numbered(number, length)).collect()
}

/// A stream that contains only an error.
pub(super) fn failing(reply: &Reply, status: u16, message: &str) -> Vec<Frame> {
    Stream { identity: Identity::new(reply), vendor: vendor(&reply.model) }.failing(status, message)
}

const DONE: &str = "data: [DONE]\n\n";

/// The fields that are the same in each chunk of a stream.
struct Stream<'a> {
    identity: Identity<'a>,
    vendor: Vendor,
}

impl Stream<'_> {
    fn chunk(&self, choice: ChunkChoice<'_>, failure: Option<ChunkError<'_>>, usage: Option<Usage>) -> String {
        let Identity { id, provider, model, created } = &self.identity;
        let chunk = Chunk {
            id,
            provider,
            error: failure,
            model,
            object: "chat.completion.chunk",
            created: *created,
            choices: [choice],
            system_fingerprint: None,
            usage,
        };
        format!("data: {}\n\n", json(&chunk))
    }

    fn delta(&self, delta: Delta<'_>) -> String {
        self.chunk(ChunkChoice { delta, ..ChunkChoice::default() }, None, None)
    }

    fn thought(&self, text: Option<&str>, signature: Option<&str>) -> String {
        let details = self.vendor.details(text, signature);
        self.delta(Delta { reasoning: text, reasoning_details: Some(details), ..Delta::default() })
    }

    fn call(&self, index: u32, id: Option<String>, function: Function<'_>) -> String {
        let call = ToolCall { index, id, kind: "function", function };
        self.delta(Delta { tool_calls: Some(vec![call]), ..Delta::default() })
    }

    fn finish(&self, finish: Finish) -> String {
        let (plain, native) = self.vendor.finish(finish);
        let choice =
            ChunkChoice { finish_reason: Some(plain), native_finish_reason: Some(native), ..ChunkChoice::default() };
        self.chunk(choice, None, None)
    }

    fn usage(&self, told: SimulatedUsage) -> String {
        self.chunk(ChunkChoice::default(), None, Some(usage(told)))
    }

    fn failing(&self, code: u16, message: &str) -> Vec<Frame> {
        let choice = ChunkChoice { finish_reason: Some("error"), ..ChunkChoice::default() };
        let chunk = self.chunk(choice, Some(ChunkError { code, message }), None);
        vec![Frame::trapping(chunk), Frame::trapping(DONE.to_owned())]
    }
}

/// The vendor of a model. Some fields have the vendor's own words.
#[derive(Clone, Copy)]
enum Vendor {
    Anthropic,
    Google,
    OpenAi,
    Other,
}

fn vendor(model: &str) -> Vendor {
    match model.split('/').next() {
        Some("anthropic") => Vendor::Anthropic,
        Some("google") => Vendor::Google,
        Some("openai") => Vendor::OpenAi,
        Some(_) | None => Vendor::Other,
    }
}

impl Vendor {
    fn provider(self) -> &'static str {
        match self {
            Self::Anthropic => "Anthropic",
            Self::Google => "Google",
            Self::OpenAi => "OpenAI",
            Self::Other => "Simulator",
        }
    }

    fn finish(self, finish: Finish) -> (&'static str, &'static str) {
        match (finish, self) {
            (Finish::Stop, Self::Anthropic) => ("stop", "end_turn"),
            (Finish::Stop, Self::Google) => ("stop", "STOP"),
            (Finish::Stop, Self::OpenAi) => ("stop", "completed"),
            (Finish::Stop, Self::Other) => ("stop", "stop"),
            (Finish::Call, Self::Anthropic) => ("tool_calls", "tool_use"),
            (Finish::Call, Self::Google) => ("tool_calls", "STOP"),
            (Finish::Call, Self::OpenAi) => ("tool_calls", "completed"),
            (Finish::Call, Self::Other) => ("tool_calls", "tool_calls"),
            (Finish::Length, Self::Anthropic) => ("length", "max_tokens"),
            (Finish::Length, Self::Google) => ("length", "MAX_TOKENS"),
            (Finish::Length, Self::OpenAi) => ("length", "max_output_tokens"),
            (Finish::Length, Self::Other) => ("length", "length"),
        }
    }

    /// Reasoning in this vendor's form: Claude signs its text, the others add an encrypted entry.
    fn details<'a>(self, text: Option<&'a str>, signature: Option<&'a str>) -> Vec<Detail<'a>> {
        let format = match self {
            Self::Anthropic => "anthropic-claude-v1",
            Self::Google => "google-gemini-v1",
            Self::OpenAi => "openai-responses-v1",
            Self::Other => "unknown",
        };
        let blank =
            Detail { kind: "reasoning.text", text: None, summary: None, signature: None, data: None, format, index: 0 };
        match self {
            Self::Anthropic => vec![Detail { text, signature, ..blank }],
            Self::Google | Self::OpenAi | Self::Other => {
                let told = text.map(|told| match self {
                    Self::OpenAi => Detail { kind: "reasoning.summary", summary: Some(told), ..blank },
                    Self::Anthropic | Self::Google | Self::Other => Detail { text: Some(told), ..blank },
                });
                let sealed = signature.map(|data| Detail { kind: "reasoning.encrypted", data: Some(data), ..blank });
                told.into_iter().chain(sealed).collect()
            }
        }
    }
}

fn numbered(calls: &[Call]) -> impl Iterator<Item = (u32, &Call)> {
    (0..).zip(calls)
}

fn whole_call(index: u32, call: &Call) -> ToolCall<'_> {
    let function = Function { name: Some(&call.name), arguments: &call.arguments };
    ToolCall { index, id: Some(call_id()), kind: "function", function }
}

fn call_id() -> String {
    format!("call_{}", ids::random(24))
}

fn usage(told: SimulatedUsage) -> Usage {
    let written = told.written_tokens + told.written_1h_tokens;
    let cost = PicoUsd::new(priced(told).cost_pico_usd.unwrap_or_default().into());
    Usage {
        prompt_tokens: told.input_tokens,
        completion_tokens: told.output_tokens,
        total_tokens: told.input_tokens + told.output_tokens,
        // Raw text, because a float of this size would be written with an exponent.
        cost: RawValue::from_string(cost.to_string()).ok(),
        is_byok: false,
        prompt_tokens_details: PromptDetails {
            cached_tokens: told.cached_tokens,
            cache_write_tokens: (written > 0).then_some(written),
            audio_tokens: 0,
        },
        cost_details: CostDetails { upstream_inference_cost: None },
        completion_tokens_details: CompletionDetails { reasoning_tokens: told.reasoning_tokens },
    }
}

/// The ids of a reply.
struct Identity<'a> {
    id: String,
    provider: &'static str,
    model: &'a str,
    created: i64,
}

impl<'a> Identity<'a> {
    fn new(reply: &'a Reply) -> Self {
        let created = Timestamp::now().as_second();
        let id = format!("gen-{created}-{}", ids::random(20));
        Self { id, provider: vendor(&reply.model).provider(), model: &reply.model, created }
    }
}
