//! `POST /v1/messages/count_tokens`.

use anyhow::Result;
use gateway::document::Document;
use gateway::ledger::Sizes;
use gateway_tests::Harness;
use serde_json::{Value, json};

fn question(model: &str) -> Value {
    json!({"model": model, "system": "be brief", "messages": [{"role": "user", "content": "How many tokens is this?"}],
           "tools": [{"name": "look", "input_schema": {"type": "object"}}]})
}

#[tokio::test]
async fn claude_and_gemini_count_themselves_and_the_rest_is_estimated() -> Result<()> {
    let gateway = Harness::start().await?;
    for model in ["claude-opus-4.6", "gemini-2.5-flash"] {
        let counted = gateway.post("/v1/messages/count_tokens?beta=true", &question(model)).await?;
        assert_eq!(counted.status, 200, "{}", counted.body);
        let mut asked = question(model);
        asked["max_tokens"] = json!(64);
        let answered = gateway.post("/v1/messages", &asked).await?.json();
        assert_eq!(counted.json()["input_tokens"], answered["usage"]["input_tokens"], "{model}");
    }
    let estimated = gateway.post("/v1/messages/count_tokens", &question("gpt-5.2")).await?.json();
    let mut asked = question("gpt-5.2");
    asked["max_tokens"] = json!(64);
    let real = gateway.post("/v1/messages", &asked).await?.json()["usage"]["input_tokens"].as_u64().unwrap();
    assert!(estimated["input_tokens"].as_u64().unwrap() >= real, "{estimated} against {real}");
    Ok(())
}

#[tokio::test]
async fn a_count_is_sent_without_what_counting_refuses_and_leaves_no_record() -> Result<()> {
    let gateway = Harness::start().await?;
    let mut body = question("claude-opus-4.6");
    body["messages"][0]["content"] = json!("count me [[sim:echo label=count]]");
    body["max_tokens"] = json!(64);
    body["temperature"] = json!(0.5);
    assert_eq!(gateway.post("/v1/messages/count_tokens", &body).await?.status, 200);
    let entry = gateway.journal("count").pop().unwrap();
    let sent: Value = serde_json::from_str(&entry.body)?;
    let expected =
        json!({"model": "claude-opus-4-6", "system": "be brief", "messages": body["messages"], "tools": body["tools"]});
    assert_eq!(sent, expected);
    assert!(entry.path.ends_with("/models/count-tokens:rawPredict"), "{}", entry.path);
    assert_eq!(gateway.usage().await?.total.requests, 0);
    Ok(())
}

#[tokio::test]
async fn wrong_counts_are_refused_in_anthropics_words() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post("/v1/messages/count_tokens", &json!({"model": "claude-opus-4.6", "messages": []})).await?;
    assert_eq!((answer.status, answer.json()["type"].as_str()), (400, Some("error")));
    assert_eq!(answer.json()["error"]["param"], "messages");
    Ok(())
}

#[tokio::test]
async fn a_count_that_its_provider_does_not_answer_is_estimated() -> Result<()> {
    let gateway = Harness::start().await?;
    let mut body = question("claude-opus-4.6");
    body["messages"][0]["content"] = json!("[[sim:error status=529 label=down]]");
    let answer = gateway.post("/v1/messages/count_tokens", &body).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let document = Document::parse(body.to_string(), &[]).unwrap();
    assert_eq!(answer.json()["input_tokens"], Sizes::of(&document).estimated_input());
    assert_eq!(gateway.journal("down").len(), 3);
    Ok(())
}
