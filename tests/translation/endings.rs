//! Conversations that end with a message of the assistant, and system instructions that are not the first message.

use serde_json::{Value, json};

use crate::odd_requests::taken_everywhere;
use crate::upstream::{CHAT, MESSAGES, RESPONSES, check, user};

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
