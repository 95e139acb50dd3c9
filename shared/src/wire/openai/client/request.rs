//! A client's Chat Completions request: its shape, and its conversation.
//!
//! `reading.rs` finds fields that nothing reads; the caller names dropped top-level fields.

mod checks;
mod messages;
mod reading;
mod tools;

use std::sync::Arc;

use std::collections::HashMap;

use crate::chat::request::{Amount, ChatRequest, Effort, Place, Reasoning, ResponseFormat, Sampling, ToolChoice, Verbosity};
use crate::document::{Document, Kind, Pattern, Value};
use crate::error::GatewayError;
use crate::wire::request::{
    self, MAX_STOPS, MAX_TOOLS, Tools, check_objects, optional_list, optional_text, required_text, text_at,
};
use crate::wire::{ClientFormat, ClientRequest, Mode, OutputLimit, unread};

pub(in crate::wire::openai) use messages::detail;
pub use messages::{call_ids, file, file_data, image_url, part, unknown_part, video_url};
pub use reading::TOOL;
pub use tools::{choice as tool_choice, is_client_tool, is_flat_custom, name as tool_name};

/// Values whose field names are the client's own.
pub const OWN_NAMES: &[Pattern] = &[
    &["metadata"],
    &["tools", "*", "function", "parameters"],
    &["tools", "*", "parameters"],
    &["tools", "*", "input_schema"],
    &["functions", "*", "parameters"],
    &["response_format", "json_schema", "schema"],
    &["response_format", "schema"],
    &["messages", "*", "tool_calls", "*", "function", "arguments"],
    &["messages", "*", "content", "*", "input"],
    &["logit_bias"],
];

/// Top-level fields that the conversation holds or the gateway uses. Sorted.
pub const CARRIED: &[&str] = &[
    "frequency_penalty",
    "function_call",
    "functions",
    "include_reasoning",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "n",
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
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "user",
    "verbosity",
];

const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// Reads a request body. Every error is a 400 that names the path.
pub fn open(document: Arc<Document>) -> Result<ClientRequest, GatewayError> {
    let body = document.root();
    let model = request::text_field(body, "model")?;
    for message in request::messages(body)? {
        check_message(message)?;
    }
    let [stream, stop, n] = body.fields(["stream", "stop", "n"])?;
    check_tools(body)?;
    stop.map_or(Ok(()), |stop| stops(stop).map(drop))?;
    if let Some(n) = n.filter(|n| n.as_whole_number() != Some(1)) {
        return Err(n.wrong("only one choice per request is supported; send n requests instead"));
    }
    checks::check_settings(body)?;
    request::check_mark(body)?;
    let streams = stream.map_or(Ok(false), Value::flag)?;
    let include_usage = includes_usage(body)?;
    let max_tokens = output_limit(body)?;
    let mode = if streams { Mode::Streaming } else { Mode::Whole };
    let format = ClientFormat::ChatCompletions;
    Ok(ClientRequest { include_usage, ..ClientRequest::new(format, document, model, mode, max_tokens) })
}

/// Whether a stream must end with a usage chunk.
pub fn includes_usage(body: Value<'_>) -> Result<bool, GatewayError> {
    match body.get("stream_options").map(|options| options.fields(["include_usage"])).transpose()? {
        Some([Some(include)]) => include.flag(),
        Some([None]) | None => Ok(false),
    }
}

/// Positions of fields in messages, tools and settings that nothing reads.
pub fn unread_in(body: Value<'_>) -> Vec<Place> {
    unread::places(body, reading::BODY)
}

fn check_tools(body: Value<'_>) -> Result<(), GatewayError> {
    let [tools, functions, choice, older_choice] = body.fields(["tools", "functions", "tool_choice", "function_call"])?;
    for declared in [tools, functions] {
        let entries = optional_list(declared, MAX_TOOLS)?;
        check_objects(&entries)?;
        let functions = entries.iter().filter_map(|tool| tool.get("function"));
        entries.iter().copied().chain(functions).try_for_each(|tool| {
            checks::check_function(tool)?;
            request::check_mark(tool)
        })?;
        let nested = entries.iter().filter_map(|tool| tool.get("function").or_else(|| tool.get("custom")));
        nested.into_iter().try_for_each(|nested| text_at(nested, &["name"]).map(drop))?;
        entries.iter().copied().try_for_each(tools::check_has_function)?;
    }
    declared_tools(tools, functions)?;
    let mut declared = optional_list(tools, MAX_TOOLS)?;
    choice.map_or(Ok(()), |choice| tools::check_choice(choice, &declared))?;
    declared.extend(optional_list(functions, MAX_TOOLS)?);
    older_choice.filter(|_| choice.is_none()).map_or(Ok(()), |choice| tools::check_choice(choice, &declared))
}

/// Whether the client declares functions only in the old form, so that it expects a call as `function_call`.
pub fn knows_function_call(body: Value<'_>) -> bool {
    let declares = |list: &str| body.get(list).is_some_and(|list| list.elements().next().is_some());
    declares("functions") && !declares("tools")
}

/// The declarations of both lists, each name once. The older list may repeat the tools.
fn declared_tools<'d>(tools: Option<Value<'d>>, functions: Option<Value<'d>>) -> Result<Vec<Value<'d>>, GatewayError> {
    let distinct = |list| Ok::<_, GatewayError>(Tools::of(optional_list(list, MAX_TOOLS)?, tool_name)?.distinct);
    let (mut declared, older) = (distinct(tools)?, distinct(functions)?);
    if older.is_empty() {
        return Ok(declared);
    }
    let known: HashMap<_, _> = declared.iter().filter_map(|tool| Some((tool_name(*tool)?.as_text()?, *tool))).collect();
    for function in older {
        let name = tool_name(function);
        match name.and_then(Value::as_text).and_then(|name| known.get(&name)) {
            None => declared.push(function),
            Some(tool) if tool.get("function").unwrap_or(*tool).meaning() == function.meaning() => {}
            Some(_) => return Err(name.unwrap_or(function).wrong("tools declares it with different content")),
        }
    }
    Ok(declared)
}

/// The output limit. If both field names are used, the newer one counts.
fn output_limit(body: Value<'_>) -> Result<Option<OutputLimit>, GatewayError> {
    let limit = |field: &'static str| {
        let tokens = body.get(field).map(request::output_limit).transpose()?;
        Ok::<_, GatewayError>(tokens.map(|tokens| OutputLimit { field, tokens }))
    };
    let older = limit("max_tokens")?;
    Ok(limit("max_completion_tokens")?.or(older))
}

fn check_message(message: Value<'_>) -> Result<(), GatewayError> {
    let [role, content, calls, name, details] =
        message.fields(["role", "content", "tool_calls", "name", "reasoning_details"])?;
    request::check_mark(message)?;
    details.map_or(Ok(()), |details| details.list().map(drop))?;
    name.map_or(Ok(()), |name| name.text().map(drop))?;
    let role = role.ok_or_else(|| message.missing("role"))?;
    let word = role.text()?;
    if !ROLES.contains(&word.as_ref()) {
        return Err(role.wrong("use system, developer, user, assistant, tool or function"));
    }
    match content {
        Some(content) => messages::check(content)?,
        None if word == "assistant" => {}
        None => return Err(message.missing("content")),
    }
    calls.map_or(Ok(()), |calls| calls.list()?.try_for_each(check_call))
}

fn check_call(call: Value<'_>) -> Result<(), GatewayError> {
    let [kind, function, custom] = call.fields(["type", "function", "custom"])?;
    let place = if kind.is_some_and(|kind| kind.is("custom")) { "custom" } else { "function" };
    let called = function.or(custom).ok_or_else(|| call.missing(place))?;
    text_at(called, &["name"]).map(drop)
}

/// Reads one string or a list of strings.
fn stops(stop: Value<'_>) -> Result<Vec<String>, GatewayError> {
    match stop.kind() {
        Kind::Text => Ok(vec![required_text(stop)?]),
        Kind::List => {
            let stops = optional_list(Some(stop), MAX_STOPS)?;
            stops.into_iter().map(required_text).collect()
        }
        Kind::Null | Kind::Flag | Kind::Number | Kind::Object => Err(stop.expected("a string or a list of strings")),
    }
}

/// Decodes the conversation of a request whose shape was checked.
pub fn decode(body: Value<'_>) -> Result<ChatRequest, GatewayError> {
    let [tools, functions, choice, function_call, parallel, user, safety] = body.fields([
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "user",
        "safety_identifier",
    ])?;
    let mut declared = Vec::new();
    for tool in declared_tools(tools, functions)? {
        declared.extend(tools::definition(tool)?);
    }
    // If both limits are set, the newer one counts.
    let older_limit = body.get("max_completion_tokens").and_then(|_| body.get("max_tokens"));
    let mut left_out: Vec<_> = older_limit.into_iter().map(Value::place).collect();
    left_out.extend(unread_in(body));
    left_out.extend(second_amounts(body).map(Value::place));
    left_out.extend(messages::silent_names(body));
    left_out.extend(request::thinking_left_out(body));
    left_out.extend(unknown_format(body).map(Value::place));
    let chosen = choice.or(function_call);
    let tool_choice = chosen.map_or(Ok(ToolChoice::Auto), tools::choice)?;
    let tool_choice = request::followable(tool_choice, &declared, chosen, &mut left_out);
    let one_at_a_time = choice.filter(|choice| asks_one_at_a_time(*choice)).map(|_| false);
    let verbosity = verbosity(body, &mut left_out)?;
    let messages = request::messages(body)?.into_iter().map(|message| messages::message(message, &mut left_out));
    Ok(ChatRequest {
        messages: messages.collect::<Result<_, _>>()?,
        tools: declared,
        tool_choice,
        parallel_tool_calls: parallel.map(Value::flag).transpose()?.or(one_at_a_time),
        max_tokens: output_limit(body)?.map(|limit| limit.tokens),
        sampling: sampling(body)?,
        reasoning: reasoning(body)?,
        response_format: body.get("response_format").map_or(Ok(ResponseFormat::Text), response_format)?,
        verbosity,
        user: optional_text(user.or(safety))?,
        left_out,
    })
}

/// Reads the verbosity. A word that means "none" is added to `left_out`.
fn verbosity(body: Value<'_>, left_out: &mut Vec<Place>) -> Result<Option<Verbosity>, GatewayError> {
    let Some(word) = body.get("verbosity") else { return Ok(None) };
    let verbosity = Verbosity::parse(&word.text()?);
    left_out.extend(verbosity.is_none().then(|| word.place()));
    Ok(verbosity)
}

/// Whether a tool choice in Anthropic's form allows only one call at a time.
pub fn asks_one_at_a_time(choice: Value<'_>) -> bool {
    choice.get("disable_parallel_tool_use").is_some_and(|flag| matches!(flag.flag(), Ok(true)))
}

fn seed(seed: Option<Value<'_>>) -> Result<Option<i64>, GatewayError> {
    seed.map(|seed| seed.as_integer().ok_or_else(|| seed.expected("a whole number"))).transpose()
}

fn sampling(body: Value<'_>) -> Result<Sampling, GatewayError> {
    let [temperature, top_p, top_k, seed, frequency, presence, stop] =
        body.fields(["temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "stop"])?;
    let number = |value: Option<Value<'_>>| value.map(Value::number).transpose();
    Ok(Sampling {
        temperature: number(temperature)?,
        top_p: number(top_p)?,
        top_k: request::top_k(top_k)?,
        seed: self::seed(seed)?,
        frequency_penalty: number(frequency)?,
        presence_penalty: number(presence)?,
        stop: stop.map_or_else(|| Ok(Vec::new()), stops)?,
    })
}

/// Reads the response format. Some clients omit the level `json_schema`.
fn response_format(format: Value<'_>) -> Result<ResponseFormat, GatewayError> {
    let [kind, described] = format.fields(["type", "json_schema"])?;
    let kind = required_text(kind.ok_or_else(|| format.missing("type"))?)?;
    let [name, schema] = described.unwrap_or(format).fields(["name", "schema"])?;
    Ok(match (kind.as_str(), schema) {
        ("json_schema", Some(schema)) => ResponseFormat::JsonSchema {
            name: optional_text(name)?.unwrap_or_else(|| "response".to_owned()),
            schema: schema.json(),
        },
        ("json_object" | "json_schema", _) => ResponseFormat::JsonObject,
        _ => ResponseFormat::Text,
    })
}

/// A response format that the conversation cannot hold.
pub fn unknown_format(body: Value<'_>) -> Option<Value<'_>> {
    let format = body.get("response_format")?;
    let is_known = |kind: Value<'_>| ["text", "json_object", "json_schema"].iter().any(|known| kind.is(known));
    (!format.get("type").is_some_and(is_known)).then_some(format)
}

/// Reasoning settings that lose against another one: of two efforts the outer one counts, and an effort counts before a
/// budget. OpenRouter rejects both together, unless two efforts are equal (its references of `reasoning_effort` and of
/// reasoning tokens). Anthropic's field is read only if there is no other.
pub fn second_amounts(body: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let [outer, inner] = [body.get("reasoning_effort"), body.at(&["reasoning", "effort"])];
    let other = inner.filter(|inner| outer.is_some_and(|outer| outer.as_text() != inner.as_text()));
    let budget = outer.or(inner).and_then(|_| body.at(&["reasoning", "max_tokens"]));
    let counts = ["reasoning", "reasoning_effort"].iter().any(|field| body.get(field).is_some_and(|value| !value.is_null()));
    let amount = outer.or(inner).map(|word| !word.is("none")).or(body.at(&["reasoning", "max_tokens"]).map(|_| true));
    let enabled = body.at(&["reasoning", "enabled"]);
    let enabled = enabled.filter(|flag| amount.is_some_and(|thinks| flag.flag().is_ok_and(|flag| flag != thinks)));
    let asks = |thinking: &Value<'_>| thinking.get("type").is_some_and(|kind| !kind.is("disabled"));
    let thinking = body.get("thinking").filter(|thinking| counts && asks(thinking));
    other.into_iter().chain(budget).chain(enabled).chain(thinking)
}

/// Reads the reasoning settings. Reasoning is shown to a client that sets any field that asks for it. Anthropic's `thinking`
/// counts only if OpenAI's and OpenRouter's fields are not set.
pub fn reasoning(body: Value<'_>) -> Result<Reasoning, GatewayError> {
    let [effort, asked, include, thinking] =
        body.fields(["reasoning_effort", "reasoning", "include_reasoning", "thinking"])?;
    if let (None, None, Some(thinking)) = (effort, asked, thinking) {
        return request::thinking(thinking, None);
    }
    let [inner_effort, budget, enabled, exclude] =
        asked.map_or(Ok([None; 4]), |asked| asked.fields(["effort", "max_tokens", "enabled", "exclude"]))?;
    let flag = |value: Option<Value<'_>>| value.map(Value::flag).transpose();
    let (include, excluded) = (flag(include)?, flag(exclude)?);
    let word = effort.or(inner_effort);
    let excluded = excluded == Some(true) || include == Some(false);
    let visible = !excluded && (word.is_some() || asked.is_some() || include == Some(true));
    let budget = budget.map(Value::whole_number).transpose()?;
    let amount = match (word, budget) {
        (Some(word), _) if word.is("none") => Amount::Off,
        (Some(word), _) => {
            let unknown = || word.wrong("use none, minimal, low, medium, high, xhigh or max");
            Amount::Effort(Effort::parse(&word.text()?).ok_or_else(unknown)?)
        }
        (None, Some(budget)) => Amount::Budget(budget),
        (None, None) => match flag(enabled)? {
            Some(false) => Amount::Off,
            Some(true) => Amount::Effort(Effort::Medium),
            None => Amount::Default,
        },
    };
    // Without reasoning there is nothing to show, and providers reject the wish to see it.
    Ok(Reasoning { amount, visible: visible && amount != Amount::Off })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(body: &str) -> Result<ClientRequest, GatewayError> {
        open(Arc::new(Document::parse(body.to_owned(), OWN_NAMES)?))
    }

    #[test]
    fn wrong_shapes_name_their_path_in_jsons_words() {
        let with = |rest: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{rest}}}"#);
        let message = |message: &str| format!(r#"{{"model":"m","messages":[{message}]}}"#);
        for (body, param, reason) in [
            (r#"{"messages":[]}"#.to_owned(), "model", "this field is required"),
            (r#"{"model":"m"}"#.to_owned(), "messages", "this field is required"),
            (message(""), "messages", "at least one message is required"),
            (message("\"hi\""), "messages[0]", "expected an object, got a string"),
            (message(r#"{"content":"hi"}"#), "messages[0].role", "this field is required"),
            (
                message(r#"{"role":"robot","content":"hi"}"#),
                "messages[0].role",
                "use system, developer, user, assistant, tool or function",
            ),
            (message(r#"{"role":"user","content":null}"#), "messages[0].content", "this field is required"),
            (
                message(r#"{"role":"user","content":5}"#),
                "messages[0].content",
                "expected text or a list of content parts, got a number",
            ),
            (
                message(r#"{"role":"user","content":[{"text":"a"}]}"#),
                "messages[0].content[0].type",
                "this field is required",
            ),
            (
                message(r#"{"role":"user","content":[{"type":"image_url","image_url":7}]}"#),
                "messages[0].content[0].image_url",
                "expected an object with url, got a number",
            ),
            (
                message(r#"{"role":"user","content":[{"type":"text","text":{}}]}"#),
                "messages[0].content[0].text",
                "expected a string, got an object",
            ),
            (
                message(r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"arguments":"{}"}}]}"#),
                "messages[0].tool_calls[0].function.name",
                "this field is required",
            ),
            (with(r#","max_tokens":0"#), "max_tokens", "must be at least 1"),
            (with(r#","max_tokens":-1"#), "max_tokens", "expected a whole number of 0 or more"),
            (with(r#","max_tokens":"many""#), "max_tokens", "expected a whole number, got a string"),
            (with(r#","stream":"yes""#), "stream", "expected true or false, got a string"),
            (with(r#","n":2"#), "n", "only one choice per request is supported; send n requests instead"),
            (with(r#","stop":[1]"#), "stop[0]", "expected a string, got a number"),
            (with(r#","stop":{}"#), "stop", "expected a string or a list of strings, got an object"),
            (with(r#","tools":["f"]"#), "tools[0]", "expected an object, got a string"),
            (with(r#","temperature":"hot""#), "temperature", "expected a number, got a string"),
        ] {
            let error = opened(&body).unwrap_err();
            assert_eq!((error.param(), error.message()), (Some(param), &*format!("{param}: {reason}.")), "{body}");
        }
    }

    #[test]
    fn a_call_has_what_its_type_says() {
        for (kind, place) in [("function", "function"), ("custom", "custom"), ("", "function")] {
            let call = format!(r#"{{"id":"a","type":"{kind}"}}"#);
            let body = format!(r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{call}]}}]}}"#);
            let path = format!("messages[0].tool_calls[0].{place}");
            assert_eq!(opened(&body).unwrap_err().param(), Some(&*path), "{kind}");
        }
    }

    #[test]
    fn the_newer_token_limit_wins() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"max_completion_tokens":7}"#;
        assert_eq!(opened(body).unwrap().max_tokens, Some(OutputLimit { field: "max_completion_tokens", tokens: 7 }));
    }
}
