//! The Responses API: recorded traffic of OpenAI, and the order of events.

mod compaction;
mod replies;
mod requests;
mod thoughts;

use std::path::Path;

use gateway_tests::corpus::{recorded_responses, recorded_whole_responses};
use gateway_tests::relaying::frames;
use gateway_tests::responses::{broken_order, events_of_stream, events_of_whole};
use serde_json::{Value, json};

use super::replies::check_encoded;
use super::upstream::RESPONSES;

/// Streams whose order differs from OpenAI's. One was invented, one is from a provider that changes the ids of items at the
/// end, and one was shortened by hand.
const NOT_OPENAIS: [&str; 3] = ["agw-stream", "vai-github-copilot-id-rotation", "vai-openai-phase-1"];

fn is_openais(path: &Path) -> bool {
    !NOT_OPENAIS.iter().any(|name| path.to_string_lossy().contains(name))
}

/// Every response of a recording. A recording may contain several requests. The responses of the API's first year have no
/// sequence numbers.
fn responses_of(stream: &str) -> Vec<Vec<(Option<String>, String)>> {
    let mut responses: Vec<Vec<(Option<String>, String)>> = Vec::new();
    for (name, data) in frames(stream.as_bytes()) {
        if name.as_deref() == Some("response.created") || responses.is_empty() {
            responses.push(Vec::new());
        }
        let response = responses.last_mut().unwrap();
        // Some streams end with `[DONE]`, like Chat Completions.
        let Ok(mut event) = serde_json::from_str::<Value>(&data) else { continue };
        event.as_object_mut().unwrap().entry("sequence_number").or_insert(response.len().into());
        response.push((name, event.to_string()));
    }
    responses
}

#[test]
fn recorded_streams_keep_the_order() {
    for (path, stream) in recorded_responses().into_iter().filter(|(path, _)| is_openais(path)) {
        for response in responses_of(&stream) {
            assert_eq!(broken_order(&response, true), None, "{}", path.display());
        }
    }
}

#[test]
fn recorded_replies_are_encoded_as_what_they_say() {
    let streamed = recorded_responses().into_iter().flat_map(|(path, stream)| {
        responses_of(&stream).into_iter().map(move |response| (path.clone(), events_of_stream(&response).0))
    });
    let whole = recorded_whole_responses().into_iter().filter_map(|(path, body)| Some((path, events_of_whole(&body).ok()?)));
    for (path, events) in streamed.chain(whole) {
        check_encoded(RESPONSES, &events, &path.display().to_string());
    }
}

/// Makes a stream from events in a short notation. Each gets its number in order.
fn stream(events: &[Value]) -> Vec<(Option<String>, String)> {
    let numbered = events.iter().enumerate().map(|(number, event)| {
        let mut event = event.clone();
        event["sequence_number"] = number.into();
        (None, event.to_string())
    });
    numbered.collect()
}

fn response(kind: &str, fields: &Value) -> Value {
    let mut response = json!({"id": "resp_1", "status": kind, "output": []});
    for (name, value) in fields.as_object().unwrap() {
        response[name] = value.clone();
    }
    json!({"type": format!("response.{kind}"), "response": response})
}

#[test]
fn the_order_names_each_rule_that_a_stream_breaks() {
    let created = || response("created", &json!({}));
    let message = |content: Value| json!({"type": "message", "id": "msg_1", "content": content});
    let of_item = |kind: &str, fields: &Value| {
        let mut event =
            json!({"type": format!("response.{kind}"), "output_index": 0, "item_id": "msg_1", "content_index": 0});
        fields.as_object().unwrap().iter().for_each(|(name, value)| event[name] = value.clone());
        event
    };
    let added = || of_item("output_item.added", &json!({"item": message(json!([]))}));
    let part = || of_item("content_part.added", &json!({}));
    let said = || json!([{"type": "output_text", "text": "hi"}]);
    let done = || of_item("output_item.done", &json!({"item": message(said())}));
    let whole = [
        created(),
        added(),
        part(),
        of_item("output_text.delta", &json!({"delta": "hi"})),
        of_item("output_text.done", &json!({"text": "hi"})),
        of_item("content_part.done", &json!({})),
        done(),
        response("completed", &json!({"output": [message(said())]})),
    ];
    assert_eq!(broken_order(&stream(&whole), true), None);
    let without = |left_out: usize| {
        let mut events = whole.to_vec();
        drop(events.remove(left_out));
        events
    };
    for (events, rule) in [
        (vec![created(), created()], "the response is created twice"),
        (without(0), "an item before the response is created"),
        (without(1), "an event of no item"),
        (without(2), "a piece of no part"),
        (without(3), "a text that is not its deltas"),
        (without(5), "an item is done before its parts"),
        (without(6), "an end before an item is done"),
        (vec![created(), response("failed", &json!({}))], "a failure without a message"),
        (vec![created(), response("completed", &json!({"id": "resp_2"}))], "a response of another id"),
        (vec![created(), response("completed", &json!({"output": [message(said())]}))], "the end has other items"),
        (vec![created(), response("completed", &json!({})), created()], "an event after the end"),
        (vec![created()], "no end"),
    ] {
        let broken = broken_order(&stream(&events), true).unwrap_or_default();
        assert!(broken.contains(rule), "{rule}: {broken}");
    }
}
