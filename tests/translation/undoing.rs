//! If the gateway changes a request, it reverts the change in the reply, streamed or not. The client must not see the change.

use bytes::BytesMut;
use gateway::translate::{Conversion, Delivery, Progress, Relay};
use gateway::wire::ClientFormat;
use gateway_tests::relaying::{catalog, context, frames};
use gateway_tests::sending::send;
use serde_json::{Value, json};

/// The content of a reply as the client gets it: a call or the answer. The provider calls this tool with these pieces of
/// arguments.
fn content(delivery: Delivery, request: &Value, tool: &str, pieces: &[&str]) -> (Vec<Value>, String) {
    let model = catalog().unwrap().resolve("claude-haiku-4.5").unwrap();
    let sent = send(ClientFormat::Messages, &request.to_string(), &model).unwrap();
    let mut relay = Relay::new(context(ClientFormat::Messages, delivery), sent.conversion);
    let block = json!({"type": "tool_use", "id": "toolu_1", "name": tool, "input": {}});
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "content": [], "usage": {"input_tokens": 3}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
    ];
    events.extend(pieces.iter().map(|piece| {
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}})
    }));
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ]);
    let (mut out, mut end) = (BytesMut::new(), Progress::Waiting);
    for event in events {
        let kind = event["type"].as_str().unwrap();
        end = relay.push(format!("event: {kind}\ndata: {event}\n\n").as_bytes(), &mut out);
    }
    assert_eq!(end, Progress::Finished);
    if delivery == Delivery::Whole {
        let whole: Value = serde_json::from_slice(&out).unwrap();
        return (whole["content"].as_array().unwrap().clone(), whole["stop_reason"].as_str().unwrap().to_owned());
    }
    collected(&out)
}

/// The blocks of a stream, and its stop reason.
fn collected(stream: &[u8]) -> (Vec<Value>, String) {
    let (mut block, mut json, mut stop) = (Value::Null, String::new(), String::new());
    for (_, data) in frames(stream) {
        let event: Value = serde_json::from_str(&data).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "content_block_start" => block = event["content_block"].clone(),
            "content_block_delta" => {
                json.push_str(&text(&event["delta"]["partial_json"]));
                json.push_str(&text(&event["delta"]["text"]));
            }
            "message_delta" => stop = text(&event["delta"]["stop_reason"]),
            _ => {}
        }
    }
    let field = if block["type"] == "text" { "text" } else { "input" };
    block[field] = if field == "text" { Value::from(json) } else { serde_json::from_str(&json).unwrap() };
    (vec![block], stop)
}

#[test]
fn calls_come_under_the_clients_names() {
    let tool =
        json!({"name": "sea.probe", "input_schema": {"type": "object", "properties": {"@depth": {"type": "integer"}}}});
    let request =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Dive."}], "tools": [tool]});
    for delivery in [Delivery::Streamed, Delivery::Whole] {
        let (content, stop) = content(delivery, &request, "sea_probe", &["", r#"{"_de"#, r#"pth": 3}"#]);
        let call = json!({"type": "tool_use", "id": "toolu_1", "name": "sea.probe", "input": {"@depth": 3}});
        assert_eq!((content, stop.as_str()), (vec![call], "tool_use"), "{delivery:?}");
    }
}

#[test]
fn an_answer_by_a_tool_comes_as_text() {
    let format =
        json!({"format": {"type": "json_schema", "schema": {"type": "object", "properties": {"sum": {"type": "integer"}}}}});
    let request =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Add."}], "output_config": format});
    for delivery in [Delivery::Streamed, Delivery::Whole] {
        for (pieces, text) in [(&["", r#"{"sum""#, ":4}"][..], r#"{"sum":4}"#), (&["null"], "{}"), (&[], "{}")] {
            let (content, stop) = content(delivery, &request, "json_output", pieces);
            let answer = json!({"type": "text", "text": text});
            assert_eq!((content, stop.as_str()), (vec![answer], "end_turn"), "{delivery:?} {pieces:?}");
        }
    }
}

/// The arguments of the call that a chat client gets, if a Claude model calls `probe` with these pieces of arguments.
fn chat_arguments(delivery: Delivery, conversion: Conversion, pieces: &[&str]) -> Value {
    let mut relay = Relay::new(context(ClientFormat::ChatCompletions, delivery), conversion);
    let block = json!({"type": "tool_use", "id": "toolu_1", "name": "probe", "input": {}});
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
    ];
    let delta = |piece: &&str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}});
    events.extend(pieces.iter().map(delta));
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ]);
    let mut out = BytesMut::new();
    for event in events {
        relay.push(format!("data: {event}\n\n").as_bytes(), &mut out);
    }
    let bodies: Vec<String> = match delivery {
        Delivery::Whole => vec![String::from_utf8(out.to_vec()).unwrap()],
        Delivery::Streamed => frames(&out).into_iter().map(|(_, data)| data).collect(),
    };
    let mut arguments = String::new();
    for body in bodies.iter().filter_map(|body| serde_json::from_str::<Value>(body).ok()) {
        let choice = &body["choices"][0];
        let said = choice.get("delta").or(choice.get("message")).unwrap_or(&Value::Null);
        arguments.push_str(said["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default());
    }
    serde_json::from_str(&arguments).unwrap()
}

#[test]
fn properties_that_claude_refuses_are_renamed_for_a_chat_client_too_and_come_back() {
    let properties = json!({"$depth": {"type": "integer"}, "sea[name]": {"type": "string"}, "n": {"type": "integer"}});
    let parameters = json!({"type": "object", "properties": properties, "required": ["$depth", "n"]});
    let arguments = r#"{"$depth":4,"sea[name]":"Baltic","n":1}"#;
    let called = json!([{"id": "c", "type": "function", "function": {"name": "probe", "arguments": arguments}}]);
    let request = json!({
        "model": "m", "tools": [{"type": "function", "function": {"name": "probe", "parameters": parameters}}],
        "messages": [
            {"role": "user", "content": "Dive."}, {"role": "assistant", "content": null, "tool_calls": called},
            {"role": "tool", "tool_call_id": "c", "content": "calm"},
        ],
    });
    for model in ["claude-opus-4.6", "claude-haiku-4.5"].map(|model| catalog().unwrap().resolve(model).unwrap()) {
        for delivery in [Delivery::Streamed, Delivery::Whole] {
            let sent = send(ClientFormat::ChatCompletions, &request.to_string(), &model).unwrap();
            let upstream: Value = serde_json::from_slice(&sent.body).unwrap();
            let schema = &upstream["tools"][0]["input_schema"];
            let renamed = json!({"_depth": {"type": "integer"}, "sea_name_": {"type": "string"}, "n": {"type": "integer"}});
            assert_eq!((&schema["properties"], &schema["required"]), (&renamed, &json!(["_depth", "n"])), "{}", model.id);
            let input = &upstream["messages"][1]["content"][0]["input"];
            assert_eq!(*input, json!({"_depth": 4, "sea_name_": "Baltic", "n": 1}), "{}", model.id);
            assert_eq!(sent.dropped, [""; 0], "{}", model.id);
            let pieces = ["", r#"{"_de"#, r#"pth":6,"sea_na"#, r#"me_":"North"}"#];
            let came = chat_arguments(delivery, sent.conversion, &pieces);
            assert_eq!(came, json!({"$depth": 6, "sea[name]": "North"}), "{} {delivery:?}", model.id);
        }
    }
}
