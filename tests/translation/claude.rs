//! Messages requests to Claude on Vertex AI. Parts that its models would refuse are edited in place, lost fields are named as
//! dropped, and all other bytes stay the same.

mod history;
mod media;
mod members;
mod places;
mod references;
mod results;
mod settings;
mod shapes;
mod thoughts;
mod tools;

use gateway::wire::ClientFormat;
use gateway_tests::corpus::requests;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::{Sent, send_along};
use serde_json::{Value, json};

use super::requests::MODELS;

fn sent(format: ClientFormat, model: &str, betas: &[&str], body: &str) -> Result<Sent, gateway::error::GatewayError> {
    let model = catalog().unwrap().resolve(model).unwrap();
    send_along(format, body, &model, &model.routes[0], betas)
}

/// A request with these fields in addition to the required ones.
fn with(fields: &Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 6000, "messages": [{"role": "user", "content": "What is new?"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

/// Checks the body that is sent to a model, and the fields that are named as dropped. The values are given by JSON pointer. A
/// null means that there must be no value.
struct Expected<'a> {
    models: &'a [&'a str],
    betas: &'a [&'a str],
    fields: Value,
    sent: Vec<(&'a str, Value)>,
    dropped: &'a [&'a str],
}

const ALL: &[&str] = &["claude-haiku-4.5", "claude-opus-4.5", "claude-opus-4.6", "claude-opus-4.8"];

fn check(cases: Vec<Expected<'_>>) {
    for Expected { models, betas, fields, sent: expected, dropped } in cases {
        for model in models {
            let place = format!("{model}: {fields}");
            let seen = sent(ClientFormat::Messages, model, betas, &with(&fields).to_string()).unwrap();
            let body: Value = serde_json::from_slice(&seen.body).unwrap();
            for (pointer, value) in &expected {
                assert_eq!(body.pointer(pointer).unwrap_or(&Value::Null), value, "{pointer} for {place}\n{body}");
            }
            assert_eq!(seen.dropped, dropped, "{place}\n{body}");
            assert_eq!(again(model, betas, &seen.body), seen.body, "a second time: {place}");
        }
    }
}

/// The body that is sent if an upstream body comes in again as a client's request.
pub fn again(model: &str, betas: &[&str], body: &[u8]) -> Vec<u8> {
    let body = std::str::from_utf8(body).unwrap();
    let body = format!("{{\"model\":\"m\",{}", body.trim_start().strip_prefix('{').unwrap());
    let again = sent(ClientFormat::Messages, model, betas, &body).unwrap();
    assert_eq!(again.dropped, [""; 0], "{body}");
    again.body
}

fn user(content: &Value) -> Value {
    json!({"role": "user", "content": content})
}

fn assistant(content: &Value) -> Value {
    json!({"role": "assistant", "content": content})
}

fn call(id: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "probe", "input": {"depth": 3}})
}

fn result(id: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": "calm"})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn probe() -> Value {
    json!({"name": "probe", "input_schema": {"type": "object", "properties": {"depth": {"type": "integer"}}}})
}

#[test]
fn addresses_and_files_are_refused_by_their_path_so_that_another_route_is_tried() {
    for (source, path) in [
        (json!({"type": "url", "url": "https://a.example/b.png"}), "messages[0].content[1]"),
        (json!({"type": "file", "file_id": "f"}), "messages[0].content[1]"),
    ] {
        let body = with(&json!({"messages": [user(&json!([text("See."), {"type": "image", "source": source}]))]}));
        let error = sent(ClientFormat::Messages, "claude-opus-4.6", &[], &body.to_string()).unwrap_err();
        assert_eq!((error.code(), error.param()), (Some("unsupported"), Some(path)), "{source}");
    }
}

#[test]
fn a_request_that_needs_nothing_is_sent_byte_for_byte() {
    let body = r#"{ "messages" : [ {"role":"user", "content":[{"type":"text","text":"\u0041sk"}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"Eq==","x_new": [1e400]},{"type":"text","text":"Aye."}]},
      {"role":"user","content":"Dive"}, {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"probe","input":{"n" : 9007199254740993}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":""}]}, {"role":"user","content":"Go"} ],
      "tools" : [{"name":"probe","input_schema":{"type" : "object"},"eager_input_streaming":true}], "max_tokens" : 900 }"#;
    let request = format!("{{\"model\":\"m\",{}", body.strip_prefix('{').unwrap());
    for model in ALL {
        let seen = sent(ClientFormat::Messages, model, &[], &request).unwrap();
        assert_eq!(String::from_utf8(seen.body).unwrap(), body, "{model}");
        assert_eq!(seen.dropped, [""; 0]);
    }
}

#[test]
fn what_was_repaired_once_needs_no_repair() {
    let mut seen = 0;
    for (format, place, body) in requests() {
        for model in MODELS.iter().filter(|model| model.id.as_str().starts_with("claude")) {
            if format != ClientFormat::Messages {
                continue;
            }
            let Ok(once) = sent(format, model.id.as_str(), &[], &body.to_string()) else { continue };
            assert_eq!(again(model.id.as_str(), &[], &once.body), once.body, "{} for {}", place.display(), model.id);
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen}");
}

/// Checks that a Messages client and a chat client get the same dropped fields, each with the names of its own format.
fn check_alike(cases: Vec<(&str, [Value; 2], [&str; 2])>) {
    for (model, [messages, chat], [named, chat_named]) in cases {
        let seen = |format, body: &Value| sent(format, model, &[], &with(body).to_string()).unwrap().dropped.join(",");
        assert_eq!(seen(ClientFormat::Messages, &messages), named, "{model} {messages}");
        assert_eq!(seen(ClientFormat::ChatCompletions, &chat), chat_named, "{model} {chat}");
    }
}

#[test]
fn forwarded_and_translated_requests_lose_the_same_settings() {
    let same = |fields: Value| [fields.clone(), fields];
    let stops = [json!({"stop_sequences": ["\n"]}), json!({"stop": ["\n"]})];
    check_alike(vec![
        ("claude-haiku-4.5", same(json!({"temperature": 0.5, "top_p": 0.5})), ["top_p"; 2]),
        ("claude-opus-4.6", same(json!({"temperature": 1.5})), ["temperature"; 2]),
        ("claude-opus-4.6", same(json!({"top_p": 1.5})), ["top_p"; 2]),
        ("claude-opus-4.8", same(json!({"top_k": 3})), ["top_k"; 2]),
        ("claude-opus-4.6", stops, ["stop_sequences", "stop"]),
        ("claude-haiku-4.5", same(json!({"max_tokens": 99_000_000})), ["max_tokens"; 2]),
    ]);
}

#[test]
fn the_form_of_an_answer_is_handled_alike_where_it_is_forwarded_and_where_it_is_translated() {
    let dictionary = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let odd = json!({"type": "object", "properties": {"@sum": {"type": "integer"}}});
    let tool = json!({"name": "json_output", "input_schema": {"type": "object", "properties": {}}});
    let function = json!({"type": "function", "function": {"name": "json_output"}});
    for (model, schema) in [("claude-opus-4.6", dictionary), ("claude-haiku-4.5", odd)] {
        let messages = json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}, "tools": [tool]});
        let format = json!({"type": "json_schema", "json_schema": {"name": "response", "schema": schema}});
        let chat = json!({"response_format": format, "tools": [function]});
        let seen = |format, body: &Value| -> Value {
            serde_json::from_slice(&sent(format, model, &[], &with(body).to_string()).unwrap().body).unwrap()
        };
        let (forwarded, translated) = (seen(ClientFormat::Messages, &messages), seen(ClientFormat::ChatCompletions, &chat));
        for member in ["system", "tools", "tool_choice", "output_config"] {
            assert_eq!(forwarded.get(member), translated.get(member), "{member} for {model}");
        }
    }
}

#[test]
fn forwarded_and_translated_requests_lose_thinking_for_the_same_reasons() {
    let function = json!({"type": "function", "function": {"name": "probe", "parameters": {"type": "object"}}});
    let schema = json!({"name": "probe", "input_schema": {"type": "object"}});
    let called = json!([{"id": "a", "type": "function", "function": {"name": "probe", "arguments": "{}"}}]);
    let chat_turn = json!([
        {"role": "user", "content": "Go"}, {"role": "assistant", "tool_calls": called},
        {"role": "tool", "tool_call_id": "a", "content": "x"},
    ]);
    let turn = json!([user(&json!("Go")), assistant(&json!([call("a")])), user(&json!([result("a")]))]);
    let budget = json!({"type": "enabled", "budget_tokens": 2000});
    let small = [json!({"max_tokens": 900, "thinking": budget}), json!({"max_tokens": 900, "reasoning_effort": "low"})];
    let forced = [
        json!({"thinking": budget, "tools": [schema], "tool_choice": {"type": "any"}}),
        json!({"reasoning_effort": "low", "tools": [function], "tool_choice": "required"}),
    ];
    let unsigned = [
        json!({"thinking": budget, "tools": [schema], "messages": turn}),
        json!({"reasoning_effort": "low", "tools": [function], "messages": chat_turn}),
    ];
    let named = ["thinking", "reasoning_effort"];
    let haiku = "claude-haiku-4.5";
    check_alike(vec![
        (haiku, small, named),
        (haiku, forced, named),
        (haiku, unsigned, named),
        ("claude-opus-4.6", [json!({"messages": turn}), json!({"messages": chat_turn})], [""; 2]),
    ]);
}
