//! The response object: every whole reply is one, and every stream begins and ends with one.

use serde::Serialize;
use serde_json::value::RawValue;

use super::item::{Item, Status, on_one_line};
use super::request::summary;
use crate::chat::{FinishReason, Usage};
use crate::document::Value;
use crate::money::PicoUsd;
use crate::wire::ReplyContext;

/// A response.
#[derive(Serialize)]
pub(super) struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: Status,
    background: bool,
    error: Option<Failure<'a>>,
    incomplete_details: Option<Incomplete>,
    model: &'a str,
    output: &'a [Item],
    previous_response_id: Option<()>,
    store: bool,
    #[serde(flatten)]
    echo: &'a Echo,
    usage: Option<UsageOut>,
}

/// Why a response failed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Failure<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
}

/// Why a response is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Incomplete {
    reason: &'static str,
}

/// Fields of the request that a response repeats, with OpenAI's own defaults.
#[derive(Debug, Serialize)]
pub(super) struct Echo {
    instructions: Raw,
    max_output_tokens: Raw,
    metadata: Raw,
    parallel_tool_calls: Raw,
    prompt_cache_key: Raw,
    reasoning: Thinking,
    safety_identifier: Raw,
    temperature: Raw,
    text: TextOut,
    tool_choice: Raw,
    tools: Raw,
    top_p: Raw,
    truncation: &'static str,
    user: Raw,
}

type Raw = Box<RawValue>;

#[derive(Debug, Serialize)]
struct Thinking {
    effort: Raw,
    summary: Raw,
}

#[derive(Debug, Serialize)]
struct TextOut {
    format: Raw,
    verbosity: Raw,
}

impl Echo {
    /// The repeated fields of a request, if there is one.
    pub(super) fn of(body: Option<Value<'_>>) -> Self {
        let field = |path: &[&str], default: &str| raw(body.and_then(|body| body.at(path)), default);
        Self {
            instructions: field(&["instructions"], "null"),
            max_output_tokens: field(&["max_output_tokens"], "null"),
            metadata: field(&["metadata"], "{}"),
            parallel_tool_calls: field(&["parallel_tool_calls"], "true"),
            prompt_cache_key: field(&["prompt_cache_key"], "null"),
            reasoning: Thinking {
                effort: field(&["reasoning", "effort"], "null"),
                summary: raw(body.and_then(|body| body.get("reasoning")).and_then(summary), "null"),
            },
            safety_identifier: field(&["safety_identifier"], "null"),
            temperature: field(&["temperature"], "1.0"),
            text: TextOut {
                format: field(&["text", "format"], r#"{"type":"text"}"#),
                verbosity: field(&["text", "verbosity"], "\"medium\""),
            },
            tool_choice: field(&["tool_choice"], "\"auto\""),
            tools: field(&["tools"], "[]"),
            top_p: field(&["top_p"], "1.0"),
            truncation: "disabled",
            user: field(&["user"], "null"),
        }
    }
}

/// Longest value that is repeated, in bytes: a stream shows its response three times.
const LONGEST_ECHO: u64 = 64 * 1024;

/// A value as the client wrote it. A value that is too long is shown as missing.
fn raw(value: Option<Value<'_>>, default: &str) -> Raw {
    let value = value.filter(|value| value.bytes() <= LONGEST_ECHO);
    value.map_or_else(|| on_one_line(default), |value| on_one_line(&value.json().0))
}

/// Usage in OpenAI's form. Its details are always present, because clients require them.
#[derive(Serialize)]
pub(super) struct UsageOut {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
    /// The client's charge in dollars, in `OpenRouter`'s field.
    cost: PicoUsd,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl UsageOut {
    pub(super) fn of(usage: &Usage, context: &ReplyContext) -> Self {
        Self {
            input_tokens: usage.total_input(),
            input_tokens_details: InputDetails { cached_tokens: usage.cache_read, cache_write_tokens: usage.cache_write() },
            output_tokens: usage.output,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning },
            total_tokens: usage.total_input().saturating_add(usage.output),
            cost: context.cost_of(usage),
        }
    }
}

/// The state of a response.
#[derive(Clone, Copy)]
pub(super) struct State<'a> {
    pub(super) status: Status,
    pub(super) output: &'a [Item],
    pub(super) usage: Option<&'a Usage>,
    pub(super) incomplete: Option<Incomplete>,
    pub(super) error: Option<Failure<'a>>,
}

impl State<'_> {
    /// A response that has just begun.
    pub(super) const BEGUN: Self =
        Self { status: Status::InProgress, output: &[], usage: None, incomplete: None, error: None };
}

impl<'a> Response<'a> {
    /// The response to a request in a state.
    pub(super) fn new(context: &'a ReplyContext, echo: &'a Echo, state: State<'a>) -> Self {
        let State { status, output, usage, incomplete, error } = state;
        Self {
            id: &context.identity.id,
            object: "response",
            created_at: context.identity.created,
            status,
            background: false,
            error,
            incomplete_details: incomplete,
            model: context.identity.model.as_str(),
            output,
            previous_response_id: None,
            store: false,
            echo,
            usage: usage.map(|usage| UsageOut::of(usage, context)),
        }
    }
}

/// Why a reply with this finish reason is incomplete; `None` if it is complete.
pub(super) fn incomplete(finish: &FinishReason) -> Option<Incomplete> {
    match finish {
        FinishReason::Length => Some(Incomplete { reason: "max_output_tokens" }),
        FinishReason::ContentFilter => Some(Incomplete { reason: "content_filter" }),
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::ToolCalls | FinishReason::Paused => None,
    }
}

/// The status of a reply with this finish reason.
pub(super) fn status(finish: &FinishReason) -> Status {
    if incomplete(finish).is_some() { Status::Incomplete } else { Status::Completed }
}

/// Whether a client wants to see reasoning. Hidden reasoning is kept all the same.
pub(super) fn shows_thoughts(body: Option<Value<'_>>) -> bool {
    let asked = body.and_then(|body| body.get("reasoning")).and_then(summary);
    asked.is_some_and(|word| !word.is("none"))
}
