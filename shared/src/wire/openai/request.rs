//! A client's Chat Completions request: its shape, and which of its fields a provider of the same wire may see.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::GatewayError;
use crate::wire::raw::RawObject;
use crate::wire::shape::{self, AnyObject, Content, OneOrMany};
use crate::wire::{ClientRequest, Mode};

/// Top-level fields that pass to OpenRouter. Never what steers or prices the upstream call: route, models, provider, plugins,
/// service tier, web search. Sorted, so that a missing one is easy to see.
pub const FORWARDED: &[&str] = &[
    "cache_control",
    "frequency_penalty",
    "function_call",
    "functions",
    "include_reasoning",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "min_p",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safety_identifier",
    "seed",
    "stop",
    "structured_outputs",
    "temperature",
    "tool_choice",
    "tools",
    "top_a",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

/// Fields that the gateway itself acts on, so that leaving them out loses nothing.
pub const CONSUMED: &[&str] = &["model", "stream", "stream_options"];

#[derive(Deserialize)]
struct Shape {
    model: String,
    messages: Vec<Message>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    #[serde(rename = "temperature")]
    _temperature: Option<f64>,
    #[serde(rename = "top_p")]
    _top_p: Option<f64>,
    n: Option<u64>,
    stop: Option<OneOrMany>,
    tools: Option<Vec<AnyObject>>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct Message {
    role: Role,
    content: Option<Content>,
    #[serde(rename = "tool_calls")]
    _tool_calls: Option<Vec<AnyObject>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

/// Reads a request body; every fault is a 400 that names the path.
pub fn open(body: &str) -> Result<ClientRequest<'_>, GatewayError> {
    let shape: Shape = shape::parse(body)?;
    check(&shape)?;
    let fields = RawObject::parse(body).map_err(|error| GatewayError::internal(error.to_string()))?;
    let max_tokens = match (shape.max_completion_tokens, shape.max_tokens) {
        (Some(limit), _) => Some(("max_completion_tokens", limit)),
        (None, Some(limit)) => Some(("max_tokens", limit)),
        (None, None) => None,
    };
    Ok(ClientRequest {
        text: body,
        fields,
        model: shape.model,
        mode: if shape.stream == Some(true) { Mode::Streaming } else { Mode::Whole },
        max_tokens,
        include_usage: shape.stream_options.and_then(|options| options.include_usage) == Some(true),
    })
}

fn check(shape: &Shape) -> Result<(), GatewayError> {
    if shape.messages.is_empty() {
        return Err(GatewayError::invalid("messages", "messages: at least one message is required."));
    }
    shape::check_length(shape.messages.len(), shape::MAX_MESSAGES, "messages")?;
    shape::check_length(shape.tools.as_ref().map_or(0, Vec::len), shape::MAX_TOOLS, "tools")?;
    shape::check_length(shape.stop.as_ref().map_or(0, |stop| stop.count), shape::MAX_STOPS, "stop")?;
    if shape.n.is_some_and(|n| n != 1) {
        return Err(GatewayError::invalid("n", "n: only one choice per request is supported; send n requests instead."));
    }
    for (field, limit) in [("max_tokens", shape.max_tokens), ("max_completion_tokens", shape.max_completion_tokens)] {
        if limit == Some(0) {
            return Err(GatewayError::invalid(field, format!("{field}: must be at least 1.")));
        }
    }
    let empty = shape.messages.iter().position(|message| message.content.is_none() && message.role != Role::Assistant);
    if let Some(position) = empty {
        let path = format!("messages[{position}].content");
        return Err(GatewayError::invalid(path.clone(), format!("{path}: this field is required.")));
    }
    Ok(())
}

/// Whether a declared tool runs at the client. Others run, and cost, at the provider, at prices we do not know.
pub fn is_client_tool(tool: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Tag {
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    serde_json::from_str::<Tag>(tool.get()).is_ok_and(|tag| matches!(tag.kind.as_deref(), Some("function" | "custom")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str) -> (Option<String>, String) {
        let error = open(body).unwrap_err();
        (error.param().map(str::to_owned), error.message().to_owned())
    }

    #[test]
    fn wrong_shapes_name_their_path() {
        let with = |rest: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{rest}}}"#);
        for (body, param) in [
            (r#"{"messages":[]}"#.to_owned(), "model"),
            (r#"{"model":"m"}"#.to_owned(), "messages"),
            (r#"{"model":"m","messages":[]}"#.to_owned(), "messages"),
            (r#"{"model":"m","messages":[{"role":"robot","content":"hi"}]}"#.to_owned(), "messages[0].role"),
            (r#"{"model":"m","messages":[{"role":"user","content":null}]}"#.to_owned(), "messages[0].content"),
            (with(r#","max_tokens":0"#), "max_tokens"),
            (with(r#","max_tokens":-1"#), "max_tokens"),
            (with(r#","max_tokens":"many""#), "max_tokens"),
            (with(r#","stream":"yes""#), "stream"),
            (with(r#","n":2"#), "n"),
            (with(r#","stop":[1]"#), "stop[0]"),
            (with(r#","tools":["f"]"#), "tools[0]"),
            (with(r#","temperature":"hot""#), "temperature"),
        ] {
            assert_eq!(fault(&body).0.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn the_newer_token_limit_wins() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"max_completion_tokens":7}"#;
        assert_eq!(open(body).unwrap().max_tokens, Some(("max_completion_tokens", 7)));
    }

    #[test]
    fn the_list_of_forwarded_fields_is_sorted() {
        assert!(FORWARDED.is_sorted());
    }
}
