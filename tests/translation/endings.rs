//! Conversations that end with a message of the assistant, and system instructions that are not the first message.

use serde_json::{Value, json};

use crate::odd_requests::taken_everywhere;
use crate::openrouter_claude::through;
use crate::upstream::{CHAT, MESSAGES, RESPONSES, check, function, user};

fn reply() -> Value {
    json!({"role": "assistant", "content": "b"})
}

fn rule(text: &str) -> Value {
    json!({"role": "system", "content": text})
}

#[test]
fn the_user_asks_for_the_rest_where_a_model_does_not_continue_an_answer() {
    let begun = json!({"messages": [user(json!("hi")), reply()]});
    for (model, rest) in [
        ("mistral-large-4", json!({"/messages/2": user(json!("Continue."))})),
        ("gemini-3.8-flash", json!({"/contents/2": {"role": "user", "parts": [{"text": "Continue."}]}})),
        ("gemini-3.1-pro", json!({"/contents/2": null})),
        ("deepseek-v4-pro", json!({"/messages/2": null})),
    ] {
        check(CHAT, model, &begun, rest.clone(), &[]);
        check(MESSAGES, model, &begun, rest, &[]);
    }
}

#[test]
fn an_answer_before_blank_messages_and_instructions_is_begun_too() {
    let blank =
        [user(json!("")), user(json!([])), user(json!("  ")), rule("x"), json!({"role": "developer", "content": "x"})];
    for last in blank {
        let body = json!({"model": "m", "messages": [user(json!("hi")), reply(), last]});
        taken_everywhere(CHAT, &body.to_string());
    }
    let input = json!([user(json!("hi")), reply()]);
    taken_everywhere(RESPONSES, &json!({"model": "m", "input": input}).to_string());
}

#[test]
fn qwen_and_minimax_get_their_instructions_in_one_message_before_all_others() {
    let developer = json!({"role": "developer", "content": "second"});
    let body = json!({"messages": [rule("first"), developer, user(json!("hi")), reply(), rule("late"), user(json!("go"))]});
    let texts = |texts: [&str; 2]| texts.map(|text| json!({"type": "text", "text": text}));
    let expected = json!({
        "/messages/0": {"role": "system", "content": texts(["first", "second"])},
        "/messages/1": user(json!("hi")),
        "/messages/3": user(json!(texts(["<system-reminder>\nlate\n</system-reminder>", "go"]))),
        "/messages/4": null,
    });
    for model in ["qwen3.8-max", "minimax-m3"] {
        check(CHAT, model, &body, expected.clone(), &[]);
    }
    let alone = json!({"messages": [rule("first"), user(json!("hi"))]});
    check(CHAT, "qwen3.8-max", &alone, json!({"/messages": alone["messages"]}), &[]);
}

#[test]
fn reasoning_without_an_answer_is_not_sent_where_it_is_rejected() {
    let detail = |format: &str| json!([{"type": "reasoning.text", "text": "hm", "signature": "c2ln", "format": format}]);
    let alone =
        |details: Value| json!({"role": "assistant", "content": "", "reasoning": "hm", "reasoning_details": details});
    let history = |alone: Value| json!({"messages": [user(json!("hi")), alone, user(json!("go"))]});
    let left = json!({"/messages/0": user(json!("hi")), "/messages/1": user(json!("go"))});
    let named = "messages[1].reasoning_details[0]";
    check(CHAT, "gpt-5.2", &history(alone(detail("openai-responses-v1"))), left.clone(), &[named]);
    check(CHAT, "kimi-k2.5", &history(alone(detail("unknown"))), left.clone(), &[named]);
    let unsigned = json!({"role": "assistant", "content": null, "reasoning_content": "hm"});
    check(CHAT, "deepseek-v4-pro", &history(unsigned), left.clone(), &["messages[1].reasoning_content"]);
    let thought = json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""}]});
    let merged = json!({"/messages/0": user(json!("hi\n\ngo")), "/messages/1": null});
    check(MESSAGES, "kimi-k2.5", &history(thought.clone()), merged, &["messages[1].content[0]"]);
    let input =
        [("message", "hi"), ("message", "go")].map(|(kind, text)| json!({"type": kind, "role": "user", "content": text}));
    let [first, last] = input;
    let reasoning = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]});
    for body in
        [json!({"model": "m", "input": [first, reasoning, last]}), json!({"model": "m", "input": [first, reasoning]})]
    {
        taken_everywhere(RESPONSES, &body.to_string());
    }
    for turns in
        [vec![user(json!("hi")), thought.clone()], vec![user(json!("hi")), reply(), thought.clone(), user(json!("go"))]]
    {
        taken_everywhere(MESSAGES, &json!({"model": "m", "max_tokens": 9, "messages": turns}).to_string());
    }
}

#[test]
fn empty_entries_of_reasoning_details_are_not_sent() {
    let turn = |details: Value| json!([user(json!("a")), {"role": "assistant", "content": "b", "reasoning_details": details}, user(json!("c"))]);
    let details = json!([
        {"type": "reasoning.text"},
        {"type": "reasoning.text", "text": "x"},
        {"type": "reasoning.summary", "summary": "y", "format": "unknown"},
        {"type": "reasoning.encrypted", "data": "", "format": "unknown"},
    ]);
    let sent = json!([
        {"type": "reasoning.text", "text": "x"},
        {"type": "reasoning.summary", "summary": "y", "format": "unknown"},
    ]);
    check(CHAT, "kimi-k3.1-pro", &json!({"messages": turn(details)}), json!({"/messages": turn(sent)}), &[]);
}

#[test]
fn claude_keeps_reasoning_within_a_conversation_and_loses_it_at_the_end() {
    let details = json!([{"type": "reasoning.text", "text": "hm", "signature": "c2ln", "format": "anthropic-claude-v1"}]);
    let alone = json!({"role": "assistant", "content": null, "reasoning_details": details});
    let (model, first, next) = ("claude-haiku-4.5", user(json!("hi")), user(json!("go")));
    let within = json!({"model": "m", "messages": [first, alone, next]});
    let (body, named) = through(CHAT, model, &within);
    assert_eq!((&body["messages"], named.len()), (&within["messages"], 0));
    let (body, named) = through(CHAT, model, &json!({"model": "m", "messages": [first, alone]}));
    assert_eq!(body["messages"], json!([first]));
    assert_eq!(named, ["messages[1].reasoning_details[0]"]);
}

#[test]
fn signed_reasoning_after_the_last_word_does_not_sign_a_tool_turn() {
    let signed = json!([{"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1"}]);
    let call = json!({"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let history = |details: &Value| {
        json!([user(json!("Hi.")), {"role": "assistant", "content": null, "tool_calls": [call], "reasoning_details": details},
            {"role": "tool", "tool_call_id": "a", "content": "x"},
            {"role": "assistant", "content": "", "reasoning_details": signed}])
    };
    let body = |details: &Value| {
        json!({"model": "m", "max_tokens": 9000, "messages": history(details), "tools": [function("look")],
            "reasoning_effort": "high"})
    };
    let (sent, named) = through(CHAT, "claude-haiku-4.5", &body(&json!([])));
    assert_eq!(sent.get("reasoning_effort"), None);
    assert!(named.contains(&"reasoning_effort".to_owned()), "{named:?}");
    let (sent, _) = through(CHAT, "claude-haiku-4.5", &body(&signed));
    assert_eq!(sent["reasoning_effort"], "high");
}
