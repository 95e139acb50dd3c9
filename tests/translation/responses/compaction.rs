//! A conversation that is replaced by a summary, and goes on from it.

use std::sync::Arc;

use gateway::chat::request::{Message, Role};
use gateway::chat::turns::text;
use gateway::ids::KeyId;
use gateway::translate::{Conversion, Delivery, Relay, Restore};
use gateway::wire::names::ToolNames;
use gateway::wire::thoughts::ThoughtKeys;
use gateway::wire::{self, WireFormat};
use gateway_tests::relaying::{asked, context};
use serde_json::{Value, json};

use super::super::upstream::RESPONSES;

/// The summary of a conversation, as a client gets it of a model that answers with this text.
fn compacted(body: &Value, answer: &str) -> Value {
    answered(body, &json!({"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}))
}

/// What a client gets of a model that answers with this choice.
fn answered(body: &Value, choice: &Value) -> Value {
    let request = wire::open_compaction(body.to_string()).unwrap();
    let mut context = context(RESPONSES, Delivery::Whole);
    context.asked.body = Some(Arc::clone(&request.document));
    context.asked.is_compaction = request.is_compaction;
    let restore = Restore::new(ToolNames::default(), None, true);
    let mut relay = Relay::new(context, Conversion::Translate { wire: WireFormat::OpenAi, restore });
    let mut out = bytes::BytesMut::new();
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 2});
    let reply = json!({"id": "gen-1", "choices": [choice], "usage": usage});
    relay.whole(&reply.to_string(), &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn message(role: &str, content: &Value) -> Value {
    json!({"type": "message", "role": role, "content": content})
}

/// The messages that a model gets of this input, and whether anything was left out.
fn read(input: &Value, thoughts: Option<&ThoughtKeys>) -> (Vec<Message>, bool) {
    let body = json!({"model": "m", "input": input}).to_string();
    let request = wire::open_request(RESPONSES, body).unwrap();
    let conversation = wire::decode_request(&request, thoughts).unwrap();
    (conversation.messages, !conversation.left_out.is_empty())
}

#[test]
fn the_model_is_asked_for_a_summary_after_the_conversation_and_calls_nothing() {
    let tool = json!({"type": "function", "name": "f"});
    let body = json!({"model": "m", "input": "hi", "tools": [tool], "tool_choice": "required", "stream": true,
        "text": {"format": {"type": "json_object"}}});
    let request = wire::open_compaction(body.to_string()).unwrap();
    let sent: Value = serde_json::from_str(&request.body().json().0).unwrap();
    assert_eq!(sent["input"][0], message("user", &json!("hi")));
    assert_eq!((sent["input"].as_array().unwrap().len(), &sent["input"][1]["role"]), (2, &json!("user")));
    assert_eq!((&sent["tool_choice"], sent.get("stream"), sent.get("text")), (&json!("none"), None, None));
    assert_eq!((request.is_compaction, request.mode), (true, wire::Mode::Whole));
    for (body, param) in [
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": 7}), "input"),
        (json!({"model": "m", "input": []}), "input"),
    ] {
        assert_eq!(wire::open_compaction(body.to_string()).unwrap_err().param(), Some(param));
    }
    let kept = json!({"model": "m", "input": "hi", "previous_response_id": "resp_1"});
    assert_eq!(wire::open_compaction(kept.to_string()).unwrap_err().param(), Some("previous_response_id"));
}

#[test]
fn a_conversation_becomes_its_prompts_and_a_summary() {
    let parts = json!([{"type": "input_text", "text": "second"}]);
    let input = json!([
        message("developer", &json!("Calmly.")),
        message("user", &json!("first")),
        message("assistant", &json!("noted")),
        message("user", &parts)
    ]);
    let body = compacted(&json!({"model": "m", "input": input}), "Both were noted.");
    assert_eq!((&body["object"], &body["usage"]["total_tokens"]), (&json!("response.compaction"), &json!(5)));
    let output = body["output"].as_array().unwrap();
    let told: Vec<(&str, &str)> = output[..3]
        .iter()
        .map(|item| (item["role"].as_str().unwrap(), item["content"][0]["text"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("developer", "Calmly."), ("user", "first"), ("user", "second")]);
    assert_eq!((&output[3]["type"], output.len()), (&json!("compaction"), 4));
}

#[test]
fn a_summary_is_read_by_the_deployment_and_the_key_that_it_was_written_for() {
    let body = compacted(&json!({"model": "m", "input": "first"}), "It was noted.");
    let input = json!([body["output"][0], body["output"][1], message("user", &json!("go on"))]);
    let keys = asked().thoughts.unwrap();
    let told = |texts: &[&str]| -> Vec<Message> {
        texts.iter().map(|said| Message { role: Role::User, parts: vec![text(said)] }).collect()
    };
    let summary = "Summary of the conversation so far:\nIt was noted.";
    assert_eq!(read(&input, Some(&keys)), (told(&["first", summary, "go on"]), false));
    let secret = "0123456789abcdef0123456789abcdef".into();
    let other = ThoughtKeys::new(&secret, None, KeyId::of_lookup_digest(&[2; 32]));
    for keys in [Some(&other), None] {
        assert_eq!(read(&input, keys), (told(&["first", "go on"]), true));
    }
    let mut altered = input;
    let content = altered[1]["encrypted_content"].as_str().unwrap().replacen('a', "b", 1);
    altered[1]["encrypted_content"] = json!(content);
    assert_eq!(read(&altered, Some(&keys)), (told(&["first", "go on"]), true));
}

#[test]
fn a_conversation_without_a_summary_stays_as_it_is() {
    let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
    let result = json!({"type": "function_call_output", "call_id": "a", "output": "x"});
    let input = json!([message("user", &json!("first")), call, result]);
    let tool = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    for choice in [
        json!({"message": {"content": "Both we"}, "finish_reason": "length"}),
        json!({"message": {"content": "Bo"}, "finish_reason": "content_filter"}),
        json!({"message": {"content": null, "refusal": "No."}, "finish_reason": "stop"}),
        json!({"message": {"content": null, "reasoning": "Hm."}, "finish_reason": "stop"}),
        json!({"message": {"content": null, "tool_calls": tool}, "finish_reason": "tool_calls"}),
    ] {
        let body = answered(&json!({"model": "m", "input": input}), &choice);
        assert_eq!((&body["output"], &body["usage"]["total_tokens"]), (&input, &json!(5)), "{choice}");
    }
}
