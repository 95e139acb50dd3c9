//! What a Responses client gets of a reply.

use std::sync::Arc;

use bytes::BytesMut;
use gateway::chat::{BlockStart, Delta, FinishReason, StreamEvent, Usage, collect};
use gateway::document::Document;
use gateway::error::{ErrorKind, GatewayError};
use gateway::translate::{Conversion, Delivery, Relay, Restore};
use gateway::wire::names::ToolNames;
use gateway::wire::{Asked, WireFormat};
use gateway_tests::relaying::{asked, context, frames, request};
use gateway_tests::responses::{broken_order, events_of_stream};
use serde_json::{Value, json};

use super::super::replies::said;
use super::super::upstream::RESPONSES;

/// What the client of a request gets of a stream of `OpenRouter`'s: the items of its reply, whole and streamed alike.
fn output(asked: &Asked, stream: &str) -> Vec<Value> {
    let told = |delivery| {
        let mut context = context(RESPONSES, delivery);
        context.asked = asked.clone();
        let restore = Restore::new(ToolNames::default(), None, true);
        let mut relay = Relay::new(context, Conversion::Translate { wire: WireFormat::OpenAi, restore });
        let mut out = BytesMut::new();
        relay.push(stream.as_bytes(), &mut out);
        out.to_vec()
    };
    let streamed = frames(&told(Delivery::Streamed));
    assert_eq!(broken_order(&streamed, true), None);
    let whole: Value = serde_json::from_slice(&told(Delivery::Whole)).unwrap();
    let end: Value = serde_json::from_str(&streamed.last().unwrap().1).unwrap();
    assert_eq!(end["response"]["output"], whole["output"]);
    whole["output"].as_array().unwrap().clone()
}

/// A request's body with that field.
fn body(name: &str, value: &Value) -> Option<Arc<Document>> {
    Document::parse(json!({ name: value }).to_string(), &[]).ok().map(Arc::new)
}

/// Chunks with these deltas, and their end.
fn chunks(deltas: &[Value], finish: &str) -> String {
    let frame = |delta: &Value, finish: &Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    let told: String = deltas.iter().map(|delta| frame(delta, &Value::Null)).collect();
    format!("{told}{}data: [DONE]\n\n", frame(&json!({}), &json!(finish)))
}

/// The item of a reply of one call, to a client that declares these tools.
fn item(tools: &Value, name: &str, arguments: &str) -> Value {
    let call = json!({"index": 0, "id": "x", "type": "function", "function": {"name": name, "arguments": arguments}});
    let asked = Asked { body: body("tools", tools), ..asked() };
    output(&asked, &chunks(&[json!({"tool_calls": [call]})], "tool_calls")).remove(0)
}

/// A declared tool, its name to other models, the arguments that a model calls it with, and what the call's item has.
type Call = (Value, &'static str, &'static str, Value);

fn calls_of_functions_and_texts() -> Vec<Call> {
    let group = json!({"type": "namespace", "name": "screen", "tools": [{"type": "function", "name": "show"}]});
    vec![
        (
            json!({"type": "function", "name": "f"}),
            "f",
            "",
            json!({"type": "function_call", "name": "f", "arguments": "{}"}),
        ),
        (
            group,
            "screen__show",
            "{}",
            json!({"type": "function_call", "namespace": "screen", "name": "show", "arguments": "{}"}),
        ),
        (
            json!({"type": "custom", "name": "patch"}),
            "patch",
            r#"{"input":"*** Begin\n"}"#,
            json!({"type": "custom_tool_call", "name": "patch", "input": "*** Begin\n"}),
        ),
        (
            json!({"type": "custom", "name": "patch"}),
            "patch",
            r#"{"diff":"x"}"#,
            json!({"type": "custom_tool_call", "name": "patch", "input": r#"{"diff":"x"}"#}),
        ),
    ]
}

fn calls_of_typed_tools() -> Vec<Call> {
    vec![
        (
            json!({"type": "local_shell"}),
            "local_shell",
            "{\"command\":\n[\"ls\"],\"timeout_ms\":5}",
            json!({"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 5}}),
        ),
        (
            json!({"type": "local_shell"}),
            "local_shell",
            r#"{"command":"ls -a | wc"}"#,
            json!({"type": "local_shell_call", "action": {"type": "exec", "command": ["bash", "-lc", "ls -a | wc"], "env": {}}}),
        ),
        (
            json!({"type": "shell", "environment": {"type": "local"}}),
            "shell",
            "{\"commands\":\n[\"ls\"]}",
            json!({"type": "shell_call", "action": {"commands": ["ls"]}}),
        ),
        (
            json!({"type": "apply_patch"}),
            "apply_patch",
            r#"{"type":"delete_file","path":"a"}"#,
            json!({"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}}),
        ),
        (
            json!({"type": "tool_search", "execution": "client"}),
            "tool_search",
            r#"{"query":"a"}"#,
            json!({"type": "tool_search_call", "execution": "client", "arguments": {"query": "a"}}),
        ),
    ]
}

#[test]
fn a_call_comes_back_in_the_form_of_its_tool() {
    for (tool, name, arguments, expected) in calls_of_functions_and_texts().into_iter().chain(calls_of_typed_tools()) {
        let item = item(&json!([tool]), name, arguments);
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(item[field], *value, "{field} of {item}");
        }
        assert_eq!(
            (&item["status"], item["call_id"].as_str().is_some_and(|id| id.starts_with("call_"))),
            (&json!("completed"), true)
        );
    }
}

/// The items of a reply that thinks and answers, to a client that asked in that way, with or without a secret.
fn thinking(reasoning: &Value, has_secret: bool) -> Vec<Value> {
    let asked = Asked { body: body("reasoning", reasoning), thoughts: asked().thoughts.filter(|_| has_secret), ..asked() };
    output(&asked, &chunks(&[json!({"reasoning": "hm"}), json!({"content": "hi"})], "stop"))
}

#[test]
fn thoughts_are_shown_to_those_who_ask_and_kept_where_there_is_a_secret() {
    let shown = json!([{"type": "summary_text", "text": "hm"}]);
    for (reasoning, has_secret, summary, is_kept) in [
        (json!({"summary": "auto"}), true, Some(&shown), true),
        (json!({"generate_summary": "concise"}), false, Some(&shown), false),
        (json!({"effort": "high"}), true, Some(&json!([])), true),
        (json!({"effort": "high"}), false, None, false),
    ] {
        let output = thinking(&reasoning, has_secret);
        let thought = output.iter().find(|item| item["type"] == "reasoning");
        assert_eq!(thought.map(|thought| &thought["summary"]), summary, "{reasoning}");
        assert_eq!(thought.is_some_and(|thought| thought["encrypted_content"].is_string()), is_kept, "{reasoning}");
        assert_eq!(output.last().unwrap()["content"][0]["text"], "hi", "{reasoning}");
    }
}

#[test]
fn a_stream_that_breaks_tells_its_error_in_both_forms_and_then_that_it_failed() {
    let mut encoder = RESPONSES.encoder(context(RESPONSES, Delivery::Streamed));
    let mut out = BytesMut::new();
    let error = GatewayError::new(ErrorKind::InvalidRequest, "prompt is too long: 2 tokens > 1 maximum")
        .with_code("context_length_exceeded")
        .with_param("input");
    encoder.error(&error, &mut out);
    let frames = frames(&out);
    assert_eq!(broken_order(&frames, true), None);
    let names: Vec<&str> = frames.iter().filter_map(|(name, _)| name.as_deref()).collect();
    assert_eq!(names, ["response.created", "response.in_progress", "error", "response.failed"]);
    let event: Value = serde_json::from_str(&frames[2].1).unwrap();
    let (code, message) = (json!("context_length_exceeded"), json!("prompt is too long: 2 tokens > 1 maximum"));
    for place in [&event, &event["error"]] {
        assert_eq!((&place["code"], &place["message"], &place["param"]), (&code, &message, &json!("input")), "{place}");
    }
    let failed: Value = serde_json::from_str(&frames[3].1).unwrap();
    assert_eq!(failed["response"]["error"], json!({"code": code, "message": message}));
    assert_eq!(event["error"]["request_id"], request().to_string());
}

#[test]
fn a_reply_repeats_its_request_and_says_that_nothing_is_stored() {
    let body = json!({
        "instructions": "Be brief.", "metadata": {"trip": "north"}, "temperature": 0.5, "tools": [{"type": "function", "name": "f"}],
        "tool_choice": "required", "parallel_tool_calls": false, "max_output_tokens": 9, "reasoning": {"effort": "low"},
        "text": {"verbosity": "low"}, "store": true, "truncation": "auto", "prompt_cache_key": "k", "user": "u",
    });
    let mut context = context(RESPONSES, Delivery::Whole);
    context.asked.body = Document::parse(body.to_string(), &[]).ok().map(Arc::new);
    let events = [StreamEvent::Finish(FinishReason::Stop)];
    let reply = collect(events).unwrap();
    let told: Value = serde_json::from_slice(&RESPONSES.encode_whole(&reply, &context).unwrap()).unwrap();
    let repeated = [
        "instructions",
        "metadata",
        "temperature",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "user",
    ];
    for name in repeated {
        assert_eq!(told[name], body[name], "{name}");
    }
    assert_eq!(told["reasoning"], json!({"effort": "low", "summary": null}));
    assert_eq!(told["text"], json!({"format": {"type": "text"}, "verbosity": "low"}));
    assert_eq!(
        (&told["store"], &told["truncation"], &told["background"]),
        (&json!(false), &json!("disabled"), &json!(false))
    );
}

#[test]
fn a_value_too_long_to_be_repeated_three_times_is_not() {
    for (length, is_repeated) in [(65_534, true), (65_535, false)] {
        let mut context = context(RESPONSES, Delivery::Whole);
        context.asked.body = body("instructions", &json!("x".repeat(length)));
        let reply = collect([StreamEvent::Finish(FinishReason::Stop)]).unwrap();
        let told: Value = serde_json::from_slice(&RESPONSES.encode_whole(&reply, &context).unwrap()).unwrap();
        assert_eq!(told["instructions"].is_string(), is_repeated, "{length}");
    }
}

#[test]
fn the_token_limit_cuts_the_last_item_alone() {
    let text = |text: &str| {
        let block = BlockStart::Text;
        [StreamEvent::BlockStart(block), StreamEvent::Delta(Delta::Text(text.to_owned())), StreamEvent::BlockStop]
    };
    let start = StreamEvent::Start { id: String::new(), model: String::new(), usage: Usage::default() };
    let end = StreamEvent::Finish(FinishReason::Length);
    let events: Vec<StreamEvent> = [start].into_iter().chain(text("a")).chain(text("b")).chain([end]).collect();
    let (mut encoder, mut out) = (RESPONSES.encoder(context(RESPONSES, Delivery::Streamed)), BytesMut::new());
    for event in &events {
        encoder.encode(event, &mut out);
    }
    let frames = frames(&out);
    assert_eq!(broken_order(&frames, true), None);
    let (again, _) = events_of_stream(&frames);
    assert_eq!(said(&again), [("text".to_owned(), "ab".to_owned())]);
    let end: Value = serde_json::from_str(&frames.last().unwrap().1).unwrap();
    let statuses: Vec<&str> =
        end["response"]["output"].as_array().unwrap().iter().filter_map(|item| item["status"].as_str()).collect();
    assert_eq!(statuses, ["completed", "incomplete"]);
    assert_eq!(end["response"]["incomplete_details"]["reason"], "max_output_tokens");
}

#[test]
fn usage_has_its_details_also_where_they_are_none() {
    let usage = Usage { input: 5, cache_read: 2, output: 3, reasoning: 1, ..Usage::default() };
    for (usage, details) in [(usage, (2, 1)), (Usage::default(), (0, 0))] {
        let events = [StreamEvent::Usage(usage), StreamEvent::Finish(FinishReason::Stop)];
        let reply = collect(events).unwrap();
        let told = RESPONSES.encode_whole(&reply, &context(RESPONSES, Delivery::Whole)).unwrap();
        let told = &serde_json::from_slice::<Value>(&told).unwrap()["usage"];
        assert_eq!(told["input_tokens_details"]["cached_tokens"], details.0);
        assert_eq!(told["output_tokens_details"]["reasoning_tokens"], details.1);
        assert_eq!(told["total_tokens"], usage.total_input() + usage.output);
    }
}
