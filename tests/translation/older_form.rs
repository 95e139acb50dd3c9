//! Clients that declare functions in OpenAI's older form: what is sent upstream, and what these clients receive.

use bytes::BytesMut;
use gateway::translate::{Delivery, Progress, Relay};
use gateway_tests::relaying::{catalog, context, frames};
use gateway_tests::sending::send;
use serde_json::{Value, json};

use super::upstream::{CHAT, function, schema, sent, user};

const GPT: &str = "gpt-5.2";

#[test]
fn functions_of_the_older_form_are_tools() {
    let request = json!({
        "functions": [{"name": "look", "parameters": schema()}],
        "function_call": {"name": "look"},
        "messages": [
            user(json!("Go.")),
            {"role": "assistant", "content": null, "function_call": {"name": "look", "arguments": "{\"a\":1}"}},
            {"role": "function", "name": "look", "content": "seen"},
        ],
    });
    let (body, dropped) = sent(CHAT, GPT, request);
    assert_eq!(dropped, [""; 0]);
    assert_eq!(body["tools"], json!([function("look")]));
    assert_eq!(body["tool_choice"], json!({"type": "function", "function": {"name": "look"}}));
    assert_eq!(
        body["messages"][1]["tool_calls"],
        json!([{"id": "look", "type": "function", "function": {"name": "look", "arguments": "{\"a\":1}"}}])
    );
    assert_eq!(body["messages"][2], json!({"role": "tool", "tool_call_id": "look", "content": "seen"}));
}

/// A reply with a tool call, as a client of the older form receives it: the calls of all its frames, and the finish reason.
fn older_form(delivery: Delivery, model: &str, stream: &str) -> (String, String, String) {
    let request = json!({"model": model, "functions": [{"name": "look"}], "messages": [user(json!("Go."))]});
    let sent = send(CHAT, &request.to_string(), &catalog().unwrap().resolve(model).unwrap()).unwrap();
    let mut relay = Relay::new(context(CHAT, delivery), sent.conversion);
    let mut out = BytesMut::new();
    relay.push(stream.as_bytes(), &mut out);
    assert_eq!(relay.end(&mut out), Progress::Finished, "{model}");
    let bodies: Vec<String> = match delivery {
        Delivery::Streamed => frames(&out).into_iter().map(|(_, data)| data).collect(),
        Delivery::Whole => vec![String::from_utf8(out.to_vec()).unwrap()],
    };
    let (mut name, mut arguments, mut finish) = (String::new(), String::new(), String::new());
    for body in bodies.iter().filter_map(|body| serde_json::from_str::<Value>(body).ok()) {
        let choice = &body["choices"][0];
        let said = choice.get("delta").or(choice.get("message")).unwrap_or(&Value::Null);
        assert!(said.get("tool_calls").is_none(), "{body}");
        name.push_str(said["function_call"]["name"].as_str().unwrap_or_default());
        arguments.push_str(said["function_call"]["arguments"].as_str().unwrap_or_default());
        finish.push_str(choice["finish_reason"].as_str().unwrap_or_default());
    }
    (name, arguments, finish)
}

#[test]
fn a_client_of_the_older_form_gets_a_function_call() {
    let openai = concat!(
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
    );
    let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"look\",\"args\":{\"a\":1}}}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":1}}\n\n";
    let expected = || ("look".to_owned(), "{\"a\":1}".to_owned(), "function_call".to_owned());
    for delivery in [Delivery::Streamed, Delivery::Whole] {
        assert_eq!(older_form(delivery, GPT, openai), expected(), "{delivery:?}");
        assert_eq!(older_form(delivery, "gemini-2.5-flash", gemini), expected(), "{delivery:?}");
    }
}

#[test]
fn a_function_of_the_older_form_may_repeat_a_tool_but_not_with_another_meaning() {
    let request = |parameters: Value| {
        json!({
            "tools": [function("look")],
            "functions": [{"name": "look", "parameters": parameters}],
            "messages": [user(json!("Go."))],
        })
    };
    for (model, pointer) in [("claude-opus-4.6", "/tools"), ("gemini-3-flash", "/tools/0/functionDeclarations")] {
        let (body, _) = sent(CHAT, model, request(schema()));
        assert_eq!(body.pointer(pointer).and_then(Value::as_array).map(Vec::len), Some(1), "{body}");
    }
    let mut other = request(json!({"type": "object"}));
    other["model"] = json!("m");
    let error = gateway::wire::open_request(CHAT, other.to_string()).err().unwrap();
    assert_eq!(error.message(), "functions[0].name: tools declares it with different content.");
}

#[test]
fn a_tool_of_type_function_has_a_function() {
    let request = json!({"model": "m", "messages": [user(json!("Go."))], "tools": [{"type": "function"}]});
    let error = gateway::wire::open_request(CHAT, request.to_string()).err().unwrap();
    assert_eq!(error.param(), Some("tools[0].function"));
}
