//! Pictures and documents: what Claude takes in another form gets that, and what it cannot read is refused by its path.

use gateway::wire::ClientFormat;
use serde_json::{Value, json};

use super::super::upstream::{PDF, PNG};
use super::{ALL, Expected, check, sent, text, user, with};

/// `a,b` in base64, and bytes that are no text.
const CSV: &str = "YSxi";
const BYTES: &str = "//4=";

fn block(kind: &str, source: &Value) -> Value {
    json!({"type": kind, "source": source})
}

fn base64(media_type: &str, data: &str) -> Value {
    json!({"type": "base64", "media_type": media_type, "data": data})
}

fn url(url: &str) -> Value {
    json!({"type": "url", "url": url})
}

fn messages(block: &Value) -> Value {
    json!({"messages": [user(&json!([block, text("Read it.")]))]})
}

/// A block that a client sends and the one that Claude gets.
fn shapes() -> Vec<(Value, Value)> {
    let plain = json!({"type": "text", "media_type": "text/plain", "data": "a,b"});
    let (png, pdf) = (base64("image/png", PNG), base64("application/pdf", PDF));
    let data = |media_type: &str, data: &str| format!("data:{media_type};base64,{data}");
    vec![
        (block("document", &base64("text/csv", CSV)), block("document", &plain)),
        (block("document", &url(&data("text/csv", CSV))), block("document", &plain)),
        (block("document", &json!({"type": "text", "media_type": "text/csv", "data": "a,b"})), block("document", &plain)),
        (block("image", &url(&data("image/png", PNG))), block("image", &png)),
        (block("image", &base64("image/jpeg", &data("image/png", PNG))), block("image", &png)),
        (block("document", &base64("image/png", PNG)), block("image", &png)),
        (block("image", &base64("application/pdf", PDF)), block("document", &pdf)),
        (block("image", &base64("image/webp", PNG)), block("image", &png)),
    ]
}

#[test]
fn sources_get_the_form_that_claude_takes() {
    let case = |(given, expected): (Value, Value)| Expected {
        models: ALL,
        betas: &[],
        fields: messages(&given),
        sent: vec![("/messages/0/content/0", expected)],
        dropped: &[],
    };
    check(shapes().into_iter().map(case).collect());
}

#[test]
fn a_picture_that_came_as_a_document_loses_its_title_by_name() {
    let mut given = block("document", &base64("image/png", PNG));
    given["title"] = json!("Chart");
    check(vec![Expected {
        models: ALL,
        betas: &[],
        fields: messages(&given),
        sent: vec![("/messages/0/content/0", block("image", &base64("image/png", PNG)))],
        dropped: &["messages[0].content[0].title"],
    }]);
}

#[test]
fn blocks_of_messages_in_chat_requests_become_the_same() {
    for (given, expected) in shapes() {
        let body = with(&messages(&given)).to_string();
        let seen = sent(ClientFormat::ChatCompletions, "claude-opus-4.6", &[], &body).unwrap();
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(body["messages"][0]["content"][0], expected, "{given}");
        assert_eq!(seen.dropped, [""; 0], "{given}");
    }
}

#[test]
fn other_kinds_are_refused_by_their_path_forwarded_or_translated() {
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    for given in [
        block("image", &base64("image/bmp", BYTES)),
        block("image", &url(&format!("data:image/svg+xml;base64,{CSV}"))),
        block("document", &base64(word, BYTES)),
        block("document", &base64("text/plain", BYTES)),
    ] {
        let body = with(&messages(&given)).to_string();
        for format in [ClientFormat::Messages, ClientFormat::ChatCompletions] {
            let error = sent(format, "claude-opus-4.6", &[], &body).unwrap_err();
            assert_eq!((error.code(), error.param()), (Some("unsupported"), Some("messages[0].content[0]")), "{given}");
        }
    }
}

#[test]
fn a_title_has_as_many_letters_as_claude_takes() {
    let long = "\u{e9}".repeat(501);
    let cut = "\u{e9}".repeat(500);
    let titled = |members: &Value| {
        let mut document = block("document", &base64("application/pdf", PDF));
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        document
    };
    let case = |given: &Value, sent: &Value, dropped| Expected {
        models: ALL,
        betas: &[],
        fields: messages(&titled(given)),
        sent: vec![("/messages/0/content/0", titled(sent))],
        dropped,
    };
    check(vec![
        case(&json!({"title": "", "context": ""}), &json!({}), &[]),
        case(&json!({"title": "a", "context": "b"}), &json!({"title": "a", "context": "b"}), &[]),
        case(&json!({"title": long}), &json!({"title": cut}), &["messages[0].content[0].title"]),
    ]);
    for (name, expected, dropped) in
        [("", None, ""), ("a.pdf", Some("a.pdf"), ""), (&long, Some(&*cut), "messages[0].content[0]")]
    {
        let file = json!({"filename": name, "file_data": format!("data:application/pdf;base64,{PDF}")});
        let body = with(&messages(&json!({"type": "file", "file": file}))).to_string();
        let seen = sent(ClientFormat::ChatCompletions, ALL[0], &[], &body).unwrap();
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(body.pointer("/messages/0/content/0/title").and_then(Value::as_str), expected, "{name}");
        assert_eq!(seen.dropped.join(","), dropped, "{name}");
    }
}
