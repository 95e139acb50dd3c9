//! Generates `ROUTES.md`: the parts of a request that each route supports. The test prepares a request for each cell. `make
//! golden` rewrites the file.

use std::fmt::Write as _;
use std::fs;

use gateway::catalog::{Model, Route};
use gateway::wire::ClientFormat;
use gateway_tests::project;
use gateway_tests::relaying::{FORMATS, catalog};
use gateway_tests::rich::PICTURE;
use gateway_tests::sending::send_along;
use serde_json::{Value, json};

/// One model of each generation whose rules differ. Its first route is tested.
const MODELS: [&str; 7] =
    ["gpt-5.2", "qwen3-coder", "claude-opus-4.6", "claude-haiku-4.5", "claude-opus-4.8", "gemini-3-pro", "gemini-2.5-flash"];
const PDF: &str = "JVBERi0xLjQKJcfs";

/// A feature, and the fields that request it in each format. `None` if the format has no such field.
type Feature = (&'static str, Option<Value>, Option<Value>, Option<Value>);

fn sampling() -> Vec<Feature> {
    let all = |name, value: Value| (name, Some(value.clone()), Some(value.clone()), Some(value));
    let top_k = json!({"top_k": 5});
    let flex = json!({"service_tier": "flex"});
    vec![
        all("temperature", json!({"temperature": 0.5})),
        all("top_p", json!({"top_p": 0.5})),
        ("top_k", Some(top_k.clone()), Some(top_k), None),
        ("seed", Some(json!({"seed": 1})), None, None),
        ("frequency penalty (`frequency_penalty`)", Some(json!({"frequency_penalty": 0.5})), None, None),
        (
            "stop sequences (`stop`, `stop_sequences`)",
            Some(json!({"stop": ["END"]})),
            Some(json!({"stop_sequences": ["END"]})),
            None,
        ),
        (
            "log probabilities (`logprobs`, `top_logprobs`)",
            Some(json!({"logprobs": true})),
            None,
            Some(json!({"top_logprobs": 2})),
        ),
        (
            "end user (`user`, `metadata.user_id`, `safety_identifier`)",
            Some(json!({"user": "u"})),
            Some(json!({"metadata": {"user_id": "u"}})),
            Some(json!({"safety_identifier": "u"})),
        ),
        ("service tier (`service_tier`)", Some(flex.clone()), Some(json!({"service_tier": "auto"})), Some(flex)),
    ]
}

fn tools() -> Vec<Feature> {
    let chat = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let messages = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let responses = json!([{"type": "function", "name": "f", "parameters": {"type": "object"}}]);
    vec![
        ("tools", Some(json!({"tools": chat})), Some(json!({"tools": messages})), Some(json!({"tools": responses}))),
        (
            "forced tool call (`tool_choice`)",
            Some(json!({"tools": chat, "tool_choice": "required"})),
            Some(json!({"tools": messages, "tool_choice": {"type": "any"}})),
            Some(json!({"tools": responses, "tool_choice": "required"})),
        ),
        (
            "only one tool call (`parallel_tool_calls: false`, `disable_parallel_tool_use`)",
            Some(json!({"tools": chat, "parallel_tool_calls": false})),
            Some(json!({"tools": messages, "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}})),
            Some(json!({"tools": responses, "parallel_tool_calls": false})),
        ),
        (
            "tools of the provider (web search)",
            Some(json!({"tools": [{"type": "web_search"}]})),
            Some(json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]})),
            Some(json!({"tools": [{"type": "web_search"}]})),
        ),
    ]
}

fn answers() -> Vec<Feature> {
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    vec![
        (
            "structured output (JSON schema)",
            Some(json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}})),
            Some(json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}})),
            Some(json!({"text": {"format": {"type": "json_schema", "name": "a", "schema": schema}}})),
        ),
        (
            "thinking by effort (`reasoning_effort`, `effort`)",
            Some(json!({"reasoning_effort": "high"})),
            Some(json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}})),
            Some(json!({"reasoning": {"effort": "high"}})),
        ),
        (
            "thinking by budget (`budget_tokens`)",
            None,
            Some(json!({"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 2048}})),
            None,
        ),
        ("verbosity", Some(json!({"verbosity": "low"})), None, Some(json!({"text": {"verbosity": "low"}}))),
    ]
}

/// The same object as a content part of this type.
fn with_type(object: &Value, kind: &str) -> Value {
    let mut part = object.clone();
    part["type"] = kind.into();
    part
}

fn media() -> Vec<Feature> {
    let user = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    let input = |part: Value| json!({"input": [{"role": "user", "content": [part]}]});
    let image = |source: Value| json!([{"type": "image", "source": source}]);
    let url = |url: &str| json!([{"type": "image_url", "image_url": {"url": url}}]);
    let file = json!({"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{PDF}")});
    let sound = json!({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": PDF});
    vec![
        (
            "inline pictures",
            Some(user(url(&format!("data:image/png;base64,{PICTURE}")))),
            Some(user(image(json!({"type": "base64", "media_type": "image/png", "data": PICTURE})))),
            Some(input(json!({"type": "input_image", "image_url": format!("data:image/png;base64,{PICTURE}")}))),
        ),
        (
            "pictures by URL",
            Some(user(url("https://a.example/b.png"))),
            Some(user(image(json!({"type": "url", "url": "https://a.example/b.png"})))),
            Some(input(json!({"type": "input_image", "image_url": "https://a.example/b.png"}))),
        ),
        (
            "inline PDFs",
            Some(user(json!([{"type": "file", "file": file}]))),
            Some(user(json!([{"type": "document", "source": pdf}]))),
            Some(input(with_type(&file, "input_file"))),
        ),
        ("audio", Some(user(json!([sound]))), None, Some(input(sound))),
    ]
}

fn verdict(format: ClientFormat, model: &Model, extra: &Value) -> &'static str {
    let mut body = json!({"model": model.id.as_str()});
    match format {
        ClientFormat::ChatCompletions => body["messages"] = json!([{"role": "user", "content": "hi"}]),
        ClientFormat::Messages => {
            (body["messages"], body["max_tokens"]) = (json!([{"role": "user", "content": "hi"}]), json!(60_000));
        }
        ClientFormat::Responses => body["input"] = json!("hi"),
    }
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    let along = |route: &Route| send_along(format, &body.to_string(), model, route, &[]);
    let mut routes = model.routes.iter().map(along);
    match routes.next() {
        Some(Ok(outbound)) if outbound.dropped.is_empty() => "yes",
        Some(Ok(_)) => "listed",
        Some(Err(_)) if routes.any(|sent| sent.is_ok()) => "next",
        Some(Err(_)) | None => "400",
    }
}

fn page() -> String {
    let catalog = catalog().unwrap();
    let mut page =
        "# What each route supports\n\nGenerated by `tests/routes.rs`; `make golden` rewrites it. A column is the first \
        route of a model, a row is a part of a request.\n\n\
        - *yes*: the part is forwarded or translated.\n\
        - *listed*: the part is left out or changed, and listed in `x-gateway-dropped`.\n\
        - *next*: this route does not support the part, so the model's next configured route takes the request.\n\
        - *400*: no route supports the part; the error names it.\n"
            .to_owned();
    for format in FORMATS {
        writeln!(page, "\n## From {}\n", format.name().replace('_', " ")).unwrap();
        writeln!(page, "| | {} |", MODELS.join(" | ")).unwrap();
        writeln!(page, "|---|{}", "---|".repeat(MODELS.len())).unwrap();
        for (feature, chat, messages, responses) in [sampling(), tools(), answers(), media()].concat() {
            let asked = match format {
                ClientFormat::ChatCompletions => chat,
                ClientFormat::Messages => messages,
                ClientFormat::Responses => responses,
            };
            let Some(asked) = asked else { continue };
            let cells = MODELS.map(|model| verdict(format, &catalog.resolve(model).unwrap(), &asked));
            writeln!(page, "| {feature} | {} |", cells.join(" | ")).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_routes_is_what_the_routes_do() {
    let path = project().join("tests/ROUTES.md");
    let page = page();
    if std::env::var_os("ROUTES_UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), page, "run `make golden` and read the diff");
}
