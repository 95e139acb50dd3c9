//! The turns of a conversation with Claude behind OpenRouter: call ids, results, reasoning and cache marks.

use serde_json::{Value, json};

use super::openrouter_claude::through;
use super::upstream::{CHAT, MESSAGES, check, tool, user};

/// A Messages request with a tool loop of one call.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn looped(id: &str, thought: Option<Value>, result: Value) -> Value {
    let call = json!({"type": "tool_use", "id": id, "name": "look", "input": {}});
    let blocks: Vec<Value> = thought.into_iter().chain([call]).collect();
    let mut answer = json!({"type": "tool_result", "tool_use_id": id});
    answer.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
    json!({"model": "m", "max_tokens": 3000, "tools": [tool("look")],
        "messages": [user(json!("Hi.")), {"role": "assistant", "content": blocks}, user(json!([answer]))]})
}

/// A chat request with a tool loop of one call, and these fields.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn chat_loop(id: &str, fields: Value) -> Value {
    let call = json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let tools =
        json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]);
    let mut body = json!({"model": "m", "max_tokens": 9000, "tools": tools, "messages": [
        user(json!("Hi.")), {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": id, "content": "1"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[test]
fn ids_of_other_vendors_get_claudes_letters() {
    let (forwarded, _) = through(CHAT, "claude-opus-4.8", &chat_loop("functions.look:0", json!({})));
    let (translated, _) = through(MESSAGES, "claude-opus-4.8", &looped("functions.look:0", None, json!({"content": "1"})));
    for body in [forwarded, translated] {
        let ids = ["/messages/1/tool_calls/0/id", "/messages/2/tool_call_id"].map(|place| body.pointer(place).cloned());
        assert_eq!(ids, [Some(json!("functions_look_0")), Some(json!("functions_look_0"))], "{body}");
    }
}

#[test]
fn an_empty_result_is_an_empty_text_without_a_mark() {
    let mark = json!({"type": "ephemeral"});
    for result in [
        json!({"content": "", "cache_control": mark}),
        json!({"content": [{"type": "text", "text": "", "cache_control": mark}]}),
        json!({"content": "\n\t"}),
        json!({}),
    ] {
        let (body, _) = through(MESSAGES, "claude-opus-4.8", &looped("a", None, result));
        assert_eq!(body["messages"][2], json!({"role": "tool", "content": "", "tool_call_id": "a"}));
    }
    let mut body = chat_loop("a", json!({}));
    body["messages"][2]["content"] = json!([{"type": "text", "text": " ", "cache_control": mark}]);
    let (body, named) = through(CHAT, "claude-opus-4.8", &body);
    assert_eq!(body["messages"][2]["content"], "");
    assert_eq!(named, ["messages[2].content[0].cache_control"]);
}

#[test]
fn a_turn_that_goes_on_without_reasoning_has_no_thought() {
    let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"});
    let body = looped("a", Some(thought), json!({"content": "1"}));
    let mut forced = body.clone();
    forced["thinking"] = json!({"type": "enabled", "budget_tokens": 2000});
    forced["tool_choice"] = json!({"type": "any"});
    for (body, dropped) in [(&body, &["messages[1].content[0]"][..]), (&forced, &["messages[1].content[0]", "thinking"])] {
        let (body, named) = through(MESSAGES, "claude-haiku-4.5", body);
        assert_eq!((body.get("reasoning"), body.pointer("/messages/1/reasoning_details")), (None, None), "{body}");
        assert_eq!(named, dropped);
    }
    let mut chat = chat_loop("a", json!({}));
    chat["messages"][1]["reasoning_details"] =
        json!([{"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1"}]);
    let (silent, named) = through(CHAT, "claude-opus-4.8", &chat);
    assert_eq!(silent.pointer("/messages/1/reasoning_details"), None);
    assert_eq!(named, ["messages[1].reasoning_details[0]"]);
    chat["reasoning"] = json!({"effort": "high"});
    let (thinking, named) = through(CHAT, "claude-opus-4.8", &chat);
    assert_eq!(thinking["messages"][1]["reasoning_details"], chat["messages"][1]["reasoning_details"]);
    assert_eq!(named, [""; 0]);
}

#[test]
fn a_model_that_always_reasons_is_told_its_effort_by_the_verbosity_in_a_bare_tool_turn() {
    for (asked, verbosity, dropped) in [
        (json!({"reasoning": {"effort": "high"}}), json!("high"), &[][..]),
        (json!({"reasoning_effort": "medium"}), json!("medium"), &[]),
        (json!({"reasoning": {"max_tokens": 2000}}), json!("low"), &[]),
        (json!({"reasoning": {"enabled": false}}), json!("low"), &["reasoning"]),
        (json!({}), Value::Null, &[]),
    ] {
        let (body, named) = through(CHAT, "claude-opus-5.5", &chat_loop("a", asked.clone()));
        assert_eq!((body.get("reasoning"), body.get("reasoning_effort")), (None, None), "{body}");
        assert_eq!(body.get("verbosity").unwrap_or(&Value::Null), &verbosity, "{asked}");
        assert_eq!(named, dropped, "{asked}");
    }
    let mut translated = looped("a", None, json!({"content": "1"}));
    translated["output_config"] = json!({"effort": "high"});
    let (body, _) = through(MESSAGES, "claude-opus-5.5", &translated);
    assert_eq!((body.get("reasoning"), &body["verbosity"]), (None, &json!("high")), "{body}");
}

#[test]
fn the_mark_of_a_request_does_not_last_shorter_than_that_of_its_last_block() {
    let marked = |whole: Value| {
        let block = json!({"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}});
        json!({"model": "m", "cache_control": whole, "messages": [user(json!([block]))]})
    };
    let (short, long) = (json!({"type": "ephemeral"}), json!({"type": "ephemeral", "ttl": "1h"}));
    for (whole, sent, dropped) in [(&short, Value::Null, &["cache_control"][..]), (&long, long.clone(), &[])] {
        check(MESSAGES, "claude-opus-4.8", &marked(whole.clone()), json!({"/cache_control": sent}), dropped);
        let (body, named) = through(CHAT, "claude-opus-4.8", &marked(whole.clone()));
        assert_eq!(body.get("cache_control").unwrap_or(&Value::Null), &sent);
        assert_eq!(named, dropped);
    }
}
