//! Results of tools, and what they contain.

use gateway::wire::ClientFormat;
use serde_json::{Value, json};

use super::super::upstream::PNG;
use super::{ALL, Expected, assistant, call, check, probe, result, sent, text, user, with};

/// A conversation whose last message holds this result.
fn answered(result: &Value) -> Value {
    json!({"tools": [probe()], "messages": [user(&json!("Go")), assistant(&json!([call("a")])), user(&json!([result]))]})
}

/// A result with these members too.
fn holding(members: &Value) -> Value {
    let mut result = result("a");
    let object = result.as_object_mut().unwrap();
    object.remove("content");
    object.extend(members.as_object().unwrap().clone());
    result
}

#[test]
fn a_result_that_reports_an_error_says_something() {
    const FAILED: &str = "The tool failed without a message.";
    let at = "/messages/2/content/0";
    let case = |members: Value, content: Value, dropped| {
        let mut expected = holding(&json!({"is_error": true}));
        expected["content"] = content;
        let fields = answered(&holding(&members));
        Expected { models: ALL, betas: &[], fields, sent: vec![(at, expected)], dropped }
    };
    let thought = json!({"type": "thinking", "thinking": "", "signature": "Eq=="});
    let mut cases = vec![
        case(json!({"is_error": true}), json!(FAILED), &[][..]),
        case(json!({"is_error": true, "content": [thought]}), json!(FAILED), &["messages[2].content[0].content[0]"]),
        case(json!({"is_error": true, "content": "calm"}), json!("calm"), &[]),
    ];
    let blank = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": " "}});
    for silent in
        [json!([blank]), json!(null), json!(""), json!(" \n"), json!([]), json!([text("")]), json!([text(" "), text("\n")])]
    {
        cases.push(case(json!({"is_error": true, "content": silent}), json!(FAILED), &[]));
    }
    let silent = holding(&json!({"is_error": false, "content": ""}));
    let kept = vec![(at, silent.clone())];
    cases.push(Expected { models: ALL, betas: &[], fields: answered(&silent), sent: kept, dropped: &[] });
    check(cases);
    let called = json!({"id": "a", "type": "function", "function": {"name": "probe", "arguments": "{}"}});
    let failed = holding(&json!({"is_error": true, "content": [blank]}));
    let messages = json!([user(&json!("Go")), {"role": "assistant", "tool_calls": [called]}, user(&json!([failed]))]);
    let function = json!({"type": "function", "function": {"name": "probe", "parameters": {"type": "object"}}});
    let body = with(&json!({"tools": [function], "messages": messages})).to_string();
    let body = sent(ClientFormat::ChatCompletions, ALL[0], &[], &body).unwrap().body;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body.pointer(at), Some(&holding(&json!({"is_error": true, "content": [text(FAILED)]}))), "{body}");
}

#[test]
fn a_failed_result_with_other_blocks_than_texts_reports_its_failure_in_words() {
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}});
    let failed = |content: Value| holding(&json!({"is_error": true, "content": content}));
    let said = |blocks: &[&Value]| {
        let words = text("The tool failed. Its result:");
        holding(&json!({"content": std::iter::once(&words).chain(blocks.iter().copied()).collect::<Vec<_>>()}))
    };
    let case = |content: Value, sent: Value| Expected {
        models: ALL,
        betas: &[],
        fields: answered(&failed(content)),
        sent: vec![("/messages/2/content/0", sent)],
        dropped: &[],
    };
    check(vec![
        case(json!([picture]), said(&[&picture])),
        case(json!([text("calm"), picture]), said(&[&text("calm"), &picture])),
        case(json!([text(" "), picture]), said(&[&picture])),
        case(json!([text("calm")]), failed(json!([text("calm")]))),
    ]);
    let called = json!({"id": "a", "type": "function", "function": {"name": "probe", "arguments": "{}"}});
    let messages = json!([
        user(&json!("Go")), {"role": "assistant", "tool_calls": [called]}, user(&json!([failed(json!([picture]))]))
    ]);
    let function = json!({"type": "function", "function": {"name": "probe", "parameters": {"type": "object"}}});
    let body = with(&json!({"tools": [function], "messages": messages})).to_string();
    let body = sent(ClientFormat::ChatCompletions, ALL[0], &[], &body).unwrap().body;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body.pointer("/messages/2/content/0"), Some(&said(&[&picture])), "{body}");
}
