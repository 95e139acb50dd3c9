//! Streams: exact events, exactly one end, and a record whatever happens.

use std::time::{Duration, Instant};

use anyhow::Result;
use gateway::money::PicoUsd;
use gateway_tests::{Answer, Harness, eventually, options};
use serde_json::{Value, json};

fn chat(text: &str) -> Value {
    json!({"model": "gpt-5.2", "stream": true, "messages": [{"role": "user", "content": text}]})
}

fn message(text: &str) -> Value {
    json!({"model": "claude-opus-4.6", "max_tokens": 64, "stream": true, "messages": [{"role": "user", "content": text}]})
}

fn parsed(answer: &Answer) -> Vec<Value> {
    answer.data().iter().filter_map(|data| serde_json::from_str(data).ok()).collect()
}

#[tokio::test]
async fn a_chat_stream_has_our_id_one_finish_and_done() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post("/v1/chat/completions", &chat("hi")).await?;
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let chunks = parsed(&answer);
    let id = format!("chatcmpl-{}", answer.header("request-id").trim_start_matches("req_"));
    for chunk in &chunks {
        assert_eq!(
            (&chunk["id"], &chunk["model"], &chunk["object"]),
            (&json!(id), &json!("gpt-5.2"), &json!("chat.completion.chunk"))
        );
        assert_eq!(chunk.get("usage"), None, "usage was not requested");
        assert_eq!(chunk["choices"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let finishes: Vec<&Value> =
        chunks.iter().map(|chunk| &chunk["choices"][0]["finish_reason"]).filter(|f| !f.is_null()).collect();
    assert_eq!(finishes, [&json!("stop")]);
    assert_eq!(answer.data().last().map(String::as_str), Some("[DONE]"));
    assert!(!answer.body.contains("OPENROUTER PROCESSING"));
    assert!(answer.streamed_text().ends_with("You said: \"hi\""), "{}", answer.streamed_text());
    Ok(())
}

#[tokio::test]
async fn a_usage_chunk_comes_last_when_asked_for_and_equals_the_whole_replys_usage() -> Result<()> {
    let gateway = Harness::start().await?;
    let mut body = chat("hi");
    body["stream_options"] = json!({"include_usage": true});
    let streamed = parsed(&gateway.post("/v1/chat/completions", &body).await?);
    let last = streamed.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    body["stream"] = json!(false);
    let whole = gateway.post("/v1/chat/completions", &body).await?.json();
    assert_eq!(last["usage"], whole["usage"]);
    // 1.75 and 14 dollars per million tokens.
    let tokens = |field: &str| last["usage"][field].as_u64().unwrap();
    let pico = tokens("prompt_tokens") * 1_750_000 + tokens("completion_tokens") * 14_000_000;
    assert_eq!(last["usage"]["cost"].to_string(), PicoUsd::new(pico.into()).to_string());
    Ok(())
}

#[tokio::test]
async fn a_message_stream_has_anthropics_events_in_order_under_our_id() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post("/v1/messages", &message("hi")).await?;
    let mut events = answer.events();
    events.dedup();
    let expected = [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(events, expected);
    let start = &parsed(&answer)[0]["message"];
    assert_eq!(start["id"], format!("msg_{}", answer.header("request-id").trim_start_matches("req_")));
    assert_eq!(start["model"], "claude-opus-4.6");
    assert!(answer.streamed_text().ends_with("You said: \"hi\""));
    Ok(())
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_one_error_and_never_cleanly() -> Result<()> {
    let gateway = Harness::start().await?;
    for scenario in ["cut after=3", "midstream-error after=3"] {
        let text = format!("hi [[sim:{scenario}]]");
        let chat = gateway.post("/v1/chat/completions", &chat(&text)).await?;
        assert_eq!((chat.status, chat.complete), (200, true), "{scenario}");
        let last: Value = serde_json::from_str(chat.data().last().unwrap())?;
        assert!(last["error"]["message"].is_string(), "{scenario}: {last}");
        assert_eq!(chat.body.matches("\"error\"").count(), 1, "{scenario}");
        assert!(!chat.body.contains("[DONE]"), "{scenario}");
        let message = gateway.post("/v1/messages", &message(&text)).await?;
        assert_eq!(message.events().last().map(String::as_str), Some("error"), "{scenario}");
        assert_eq!(message.events().iter().filter(|event| *event == "error").count(), 1);
        assert!(!message.body.contains("message_stop"), "{scenario}");
    }
    let usage = gateway.usage().await?.total;
    assert_eq!((usage.requests, usage.errors, usage.charged.pico()), (4, 4, 0));
    Ok(())
}

#[tokio::test]
async fn a_reply_without_usage_is_recorded_by_estimate() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post("/v1/chat/completions", &chat("hi [[sim:no-usage]]")).await?;
    assert_eq!(answer.data().last().map(String::as_str), Some("[DONE]"));
    let usage = gateway.usage().await?.total;
    assert_eq!(usage.requests, 1);
    assert!(usage.usage.total_input() > 0 && usage.usage.output > 0, "{usage:?}");
    let estimated = gateway.stack.logs.lines().iter().any(|line| line.contains("\"source\":\"estimated\""));
    assert!(estimated);
    Ok(())
}

#[tokio::test]
async fn silence_is_broken_every_15_seconds_and_commits_the_status() -> Result<()> {
    let gateway = Harness::start().await?;
    let began = Instant::now();
    let text = "hi [[sim:silent ms=18000]]";
    let (chat_body, message_body) = (chat(text), message(text));
    let chat = gateway.post("/v1/chat/completions", &chat_body);
    let message = gateway.post("/v1/messages", &message_body);
    let (chat, message) = tokio::try_join!(chat, message)?;
    assert!(began.elapsed() >= Duration::from_secs(18));
    assert!(chat.body.starts_with(": ping\n\n"), "{}", chat.body);
    assert_eq!(chat.data().last().map(String::as_str), Some("[DONE]"));
    assert!(message.body.starts_with("event: ping\ndata: {\"type\": \"ping\"}\n\n"), "{}", message.body);
    assert_eq!(message.events().last().map(String::as_str), Some("message_stop"));
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_is_settled_to_the_last_token() -> Result<()> {
    let gateway = Harness::start().await?;
    for (path, body, label) in [
        ("/v1/chat/completions", chat("hi [[sim:long words=200 pace=5 label=left-chat]]"), "left-chat"),
        ("/v1/messages", message("hi [[sim:long words=200 pace=5 label=left-message]]"), "left-message"),
    ] {
        let before = gateway.usage().await?.total;
        let request = gateway.request("POST", path).header("content-type", "application/json").body(body.to_string());
        let mut response = request.send().await?;
        response.chunk().await?;
        drop(response);
        eventually("the record", async || Ok(gateway.usage().await?.total.requests == before.requests + 1)).await?;
        let after = gateway.usage().await?.total;
        let entry = gateway.journal(label).pop().unwrap();
        assert!(entry.finished, "upstream was read to its end");
        let served = entry.usage.unwrap();
        assert_eq!(after.usage.output - before.usage.output, served.output_tokens);
        assert_eq!(after.usage.total_input() - before.usage.total_input(), served.input_tokens);
        assert_eq!(after.errors, 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_with_an_error_before_its_function_is_killed() -> Result<()> {
    let mut options = options()?;
    // Five seconds of it are kept for the last words and the ledger.
    let killed = Duration::from_secs(10);
    options.timeout = killed;
    let gateway = Harness::start_with(options).await?;
    let began = Instant::now();
    let answer = gateway.post("/v1/messages", &message("hi [[sim:stall after=3 ms=60000]]")).await?;
    assert!(began.elapsed() < killed, "{:?}", began.elapsed());
    assert!(answer.complete);
    assert_eq!(answer.events().last().map(String::as_str), Some("error"));
    let usage = gateway.usage().await?.total;
    assert_eq!((usage.requests, usage.errors), (1, 1));
    Ok(())
}
