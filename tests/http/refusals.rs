//! Wrong requests, and requests that a provider refuses. The client gets a clear error in its own format, and pays nothing.

use anyhow::Result;
use gateway_tests::Harness;
use serde_json::{Value, json};

fn chat(text: &str) -> Value {
    json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": text}]})
}

fn message(text: &str) -> Value {
    json!({"model": "claude-opus-4.6", "max_tokens": 64, "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn wrong_requests_name_the_field_and_cost_nothing() -> Result<()> {
    let gateway = Harness::start().await?;
    for (path, body, status, param, code) in [
        ("/v1/chat/completions", json!([]), 400, None, None),
        ("/v1/chat/completions", json!({"messages": []}), 400, Some("model"), None),
        ("/v1/chat/completions", json!({"model": "gpt-5.2", "messages": "hi"}), 400, Some("messages"), None),
        ("/v1/messages", json!({"model": "claude-opus-4.6", "messages": []}), 400, Some("max_tokens"), None),
        (
            "/v1/messages",
            json!({"model": "gpt-5.2", "max_tokens": 1, "messages": [{"role": "user", "content": [
                {"type": "document", "source": {"type": "file", "file_id": "f"}}]}]}),
            400,
            Some("messages[0].content[0]"),
            Some("unsupported"),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": 4}]}]}),
            400,
            Some("messages[0].content[0].image_url"),
            None,
        ),
        (
            "/v1/chat/completions",
            json!({"model": "gemini-3-pro", "messages": [{"role": "user", "content": "hi"}],
                "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "f", "description": "g"}}]}),
            400,
            Some("tools[1].function.name"),
            None,
        ),
    ] {
        let answer = gateway.post(path, &body).await?;
        let error = &answer.json()["error"];
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert_eq!(error["type"], "invalid_request_error", "{body}");
        assert_eq!((error["param"].as_str(), error["code"].as_str()), (param, code), "{body}");
    }
    let broken = gateway.request("POST", "/v1/messages").header("content-type", "application/json").body("{\"model\":");
    let answer = gateway_tests::read(broken).await?;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (400, Some("invalid_json")));
    assert!(gateway.journal("").is_empty());
    assert_eq!(gateway.usage().await?.total.requests, 0);
    Ok(())
}

#[tokio::test]
async fn an_unknown_model_is_a_404_that_names_the_nearest() -> Result<()> {
    let gateway = Harness::start().await?;
    for (path, mut body) in [("/v1/chat/completions", chat("hi")), ("/v1/messages", message("hi"))] {
        body["model"] = json!("claude-opus-4.66");
        let answer = gateway.post(path, &body).await?;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["code"].as_str()), (404, Some("model_not_found")), "{path}");
        assert_eq!(error["type"], "not_found_error");
        assert!(error["message"].as_str().unwrap().contains("claude-opus-4.6"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_providers_refusal_becomes_the_callers_status_whole_and_streamed() -> Result<()> {
    let gateway = Harness::start().await?;
    for (upstream, chat_status, messages_status) in [
        (400, 400, 400),
        (401, 502, 502),
        (403, 502, 502),
        (429, 429, 429),
        (500, 502, 502),
        (503, 503, 503),
        (529, 503, 529),
    ] {
        for stream in [false, true] {
            let text = format!("hi [[sim:error status={upstream} retry-after=7]]");
            for (path, mut body, expected) in
                [("/v1/chat/completions", chat(&text), chat_status), ("/v1/messages", message(&text), messages_status)]
            {
                body["stream"] = json!(stream);
                let answer = gateway.post(path, &body).await?;
                assert_eq!(answer.status, expected, "{upstream} {path} stream={stream}: {}", answer.body);
                assert!(answer.json()["error"]["message"].is_string());
                let waits = matches!(expected, 429 | 503 | 529);
                assert_eq!(answer.header("retry-after"), if waits { "7" } else { "" }, "{upstream} {path}");
                let retries = if matches!(upstream, 400 | 401 | 403) { "false" } else { "true" };
                assert_eq!(answer.header("x-should-retry"), retries, "{upstream} {path}");
            }
        }
    }
    let usage = gateway.usage().await?.total;
    assert_eq!((usage.requests, usage.errors, usage.charged.pico()), (28, 28, 0));
    Ok(())
}

#[tokio::test]
async fn a_rate_limit_that_comes_as_the_first_event_is_a_429_that_says_when_to_come_back() -> Result<()> {
    let gateway = Harness::start().await?;
    for stream in [false, true] {
        let text = "hi [[sim:error-event status=429]]";
        for (path, mut body) in [("/v1/chat/completions", chat(text)), ("/v1/messages", message(text))] {
            body["stream"] = json!(stream);
            let answer = gateway.post(path, &body).await?;
            assert_eq!(answer.status, 429, "{path} stream={stream}: {}", answer.body);
            assert_eq!(answer.json()["error"]["type"], "rate_limit_error", "{path} stream={stream}");
            assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 0), "{path} {:?}", answer.headers);
            assert!(answer.header("x-gateway-attempts").contains(";429;"), "{path} {:?}", answer.headers);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_reply_that_is_none_is_a_502() -> Result<()> {
    let gateway = Harness::start().await?;
    for scenario in ["html", "empty"] {
        for stream in [false, true] {
            let text = format!("hi [[sim:{scenario}]]");
            for (path, mut body) in [("/v1/chat/completions", chat(&text)), ("/v1/messages", message(&text))] {
                body["stream"] = json!(stream);
                let answer = gateway.post(path, &body).await?;
                assert_eq!(answer.status, 502, "{scenario} {path} stream={stream}: {}", answer.body);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_providers_internals_never_reach_the_caller() -> Result<()> {
    let gateway = Harness::start().await?;
    for (path, body) in [("/v1/chat/completions", chat("hi [[sim:secret]]")), ("/v1/messages", message("hi [[sim:secret]]"))]
    {
        let answer = gateway.post(path, &body).await?;
        assert_eq!(answer.status, 400);
        for internal in ["sk-or-leaked", "internal.example", "simulated-project"] {
            assert!(!answer.body.contains(internal), "{path}: {}", answer.body);
        }
    }
    Ok(())
}

#[tokio::test]
async fn logs_hold_no_key_no_provider_secret_and_no_prompt() -> Result<()> {
    let gateway = Harness::start().await?;
    let canary = "canary-in-the-prompt";
    gateway.post("/v1/chat/completions", &chat(canary)).await?;
    gateway.post("/v1/messages", &message(&format!("{canary} [[sim:error status=500]]"))).await?;
    let logs = gateway.stack.logs.lines().join("\n");
    assert!(logs.contains("ledger.final"), "{logs}");
    for secret in [canary, gateway.stack.key(), gateway_dev::simulator::OPENROUTER_KEY, "ya29.sim", "PRIVATE KEY"] {
        assert!(!logs.contains(secret), "{secret} is in the logs");
    }
    for line in logs.lines().filter(|line| line.contains("ledger.")) {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not JSON: {line}");
    }
    Ok(())
}
