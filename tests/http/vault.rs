//! Signatures that chat clients cannot carry.

use anyhow::Result;
use gateway_tests::Harness;
use serde_json::{Value, json};

/// The content with the repeated call that Gemini was sent.
fn replayed(gateway: &Harness, label: &str) -> Value {
    let entry = gateway.journal(label).pop().unwrap();
    let body: Value = serde_json::from_str(&entry.body).unwrap();
    let parts = body["contents"][1]["parts"].as_array().unwrap().clone();
    parts.into_iter().find(|part| part.get("functionCall").is_some()).unwrap()
}

async fn first_call(gateway: &Harness, stream: bool, label: &str) -> Result<Value> {
    let body = json!({
        "model": "gemini-3-pro", "stream": stream,
        "messages": [{"role": "user", "content": format!("go [[sim:tool label={label}]]")}],
        "tools": [{"type": "function", "function": {"name": "look"}}],
    });
    let answer = gateway.post("/v1/chat/completions", &body).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    if !stream {
        return Ok(answer.json()["choices"][0]["message"]["tool_calls"][0].clone());
    }
    let chunks: Vec<Value> = answer.data().iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    let calls = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]);
    let first = calls.clone().find(|call| call["id"].is_string()).unwrap();
    let signed = calls.clone().find(|call| call["extra_content"].is_object()).unwrap();
    Ok(json!({"id": first["id"], "extra_content": signed["extra_content"]}))
}

#[tokio::test]
async fn a_client_that_keeps_only_id_name_and_arguments_gets_its_signature_back() -> Result<()> {
    let gateway = Harness::start().await?;
    for stream in [false, true] {
        let label = format!("vault-{stream}");
        let call = first_call(&gateway, stream, &label).await?;
        let signature = call["extra_content"]["google"]["thought_signature"].as_str().unwrap().to_owned();
        let id = call["id"].as_str().unwrap();
        assert!(id.len() <= 40 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{id}");
        let body = json!({
            "model": "gemini-3-pro",
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": null,
                 "tool_calls": [{"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": id, "content": "seen"},
                {"role": "user", "content": format!("and? [[sim:echo label={label}]]")},
            ],
            "tools": [{"type": "function", "function": {"name": "look"}}],
        });
        let answer = gateway.post("/v1/chat/completions", &body).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(replayed(&gateway, &label)["thoughtSignature"], signature, "stream={stream}");
    }
    Ok(())
}

#[tokio::test]
async fn another_keys_signature_is_not_found_and_the_documented_bypass_stands_in() -> Result<()> {
    let gateway = Harness::start().await?;
    let id = format!("call_{}0", "0a".repeat(16));
    let body = json!({
        "model": "gemini-3-pro",
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": null,
             "tool_calls": [{"id": id, "type": "function", "function": {"name": "look", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": id, "content": "seen"},
            {"role": "user", "content": "and? [[sim:echo label=bypass]]"},
        ],
    });
    let answer = gateway.post("/v1/chat/completions", &body).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(replayed(&gateway, "bypass")["thoughtSignature"], "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=");
    Ok(())
}
