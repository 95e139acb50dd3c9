//! The Responses API over HTTP: every model, a session that keeps its reasoning, and the other requests that clients try
//! first.

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway::catalog::Catalog;
use gateway_tests::relaying::frames;
use gateway_tests::responses::broken_order;
use gateway_tests::{Answer, Harness, read};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};

const RESPONSES: &str = "/v1/responses";

/// The response in an answer, streamed or not. It is an error if a stream breaks the order of events.
fn response(answer: &Answer) -> Result<Value> {
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
    if !answer.header("content-type").starts_with("text/event-stream") {
        return Ok(answer.json());
    }
    let frames = frames(answer.body.as_bytes());
    let broken = broken_order(&frames, true);
    ensure!(broken.is_none(), "{broken:?}");
    let (_, last) = frames.last().context("no event")?;
    Ok(serde_json::from_str::<Value>(last)?["response"].clone())
}

async fn asked(gateway: &Harness, body: &Value) -> Result<Value> {
    let answer = gateway.post(RESPONSES, body).await?;
    response(&answer).with_context(|| body.to_string())
}

fn items(response: &Value, kind: &str) -> Vec<Value> {
    response["output"].as_array().into_iter().flatten().filter(|item| item["type"] == kind).cloned().collect()
}

fn text(response: &Value) -> String {
    let messages = items(response, "message");
    messages.iter().filter_map(|message| message["content"][0]["text"].as_str()).collect()
}

/// A request that strict providers answer after this many tool calls.
fn ask(model: &str, streams: bool, steps: u32, fields: &Value) -> Value {
    let content = format!("Is it warm in Turku? [[sim:strict steps={steps}]]");
    let mut body = json!({
        "model": model, "stream": streams, "store": false, "input": [{"type": "message", "role": "user", "content": content}],
    });
    body.as_object_mut().into_iter().for_each(|body| body.extend(fields.as_object().cloned().unwrap_or_default()));
    body
}

fn tools() -> Value {
    let schema = json!({"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]});
    json!([{"type": "function", "name": "weather.look_up", "parameters": schema}])
}

/// The next request: the items of a response, and the results of its calls.
fn go_on(body: &mut Value, response: &Value) -> Result<()> {
    let mut more = response["output"].as_array().context("output")?.clone();
    let results = items(response, "function_call")
        .into_iter()
        .map(|call| json!({"type": "function_call_output", "call_id": call["call_id"], "output": "warm"}));
    more.extend(results.collect::<Vec<_>>());
    body["input"].as_array_mut().context("input")?.extend(more);
    Ok(())
}

/// Runs the test for one model and one kind of delivery: text, thinking, JSON, and a tool call with its result.
async fn play(gateway: &Harness, model: &str, streams: bool) -> Result<()> {
    let schema = json!({"type": "object", "properties": {"warm": {"type": "boolean"}}, "required": ["warm"], "additionalProperties": false});
    let form = json!({"text": {"format": {"type": "json_schema", "name": "weather", "schema": schema}}});
    for fields in [json!({}), json!({"reasoning": {"effort": "high", "summary": "auto"}}), form] {
        let body = ask(model, streams, 0, &fields);
        let response = asked(gateway, &body).await?;
        ensure!(!text(&response).is_empty(), "{body}: nothing is said in {response}");
        ensure!(response["status"] == "completed", "{body}: {response}");
    }
    let fields = json!({"tools": tools(), "reasoning": {"effort": "medium", "summary": "auto"}});
    let mut body = ask(model, streams, 2, &fields);
    for _ in 0..2 {
        let response = asked(gateway, &body).await?;
        let calls = items(&response, "function_call");
        ensure!(calls.first().is_some_and(|call| call["name"] == "weather.look_up"), "{model}: {response}");
        go_on(&mut body, &response)?;
    }
    let response = asked(gateway, &body).await?;
    ensure!(text(&response) == "done after 2 steps", "{model}: {response}");
    Ok(())
}

#[tokio::test]
async fn every_model_answers_with_text_thinking_json_and_tools() -> Result<()> {
    let gateway = Harness::start().await?;
    let catalog = Catalog::embedded()?;
    let models: Vec<&str> = catalog.models().map(|model| model.id.as_str()).collect();
    let plays = models.iter().flat_map(|model| [false, true].map(|streams| play(&gateway, model, streams)));
    stream::iter(plays).buffer_unordered(8).try_collect::<()>().await
}

/// The conversation that was sent to the provider in the last request with this label.
fn upstream(gateway: &Harness, label: &str) -> String {
    gateway.journal(label).pop().map(|entry| entry.body).unwrap_or_default()
}

/// A first turn in which Claude thinks and calls a tool, and the request that continues it.
async fn session(gateway: &Harness, label: &str) -> Result<(Value, String)> {
    let content = format!("go [[sim:strict steps=1 label={label}]]");
    let mut body = json!({
        "model": "claude-opus-4.6", "input": [{"role": "user", "content": content}], "tools": tools(),
        "reasoning": {"effort": "high"},
    });
    let response = asked(gateway, &body).await?;
    let thought = items(&response, "reasoning").pop().context("no thought")?;
    let kept = thought["encrypted_content"].as_str().context("nothing is kept")?.to_owned();
    go_on(&mut body, &response)?;
    Ok((body, kept))
}

#[tokio::test]
async fn a_session_keeps_its_thoughts_for_the_key_that_had_them() -> Result<()> {
    let gateway = Harness::start().await?;
    let (body, _) = session(&gateway, "own").await?;
    let answer = gateway.post(RESPONSES, &body).await?;
    assert_eq!((answer.status, answer.header("x-gateway-dropped")), (200, ""), "{}", answer.body);
    assert!(upstream(&gateway, "own").contains(r#""type":"thinking","thinking":""#));
    let answer = gateway.post_as_another(RESPONSES, &body).await?;
    assert_eq!((answer.status, answer.header("x-gateway-dropped")), (200, "input[1]"), "{}", answer.body);
    assert!(!upstream(&gateway, "own").contains(r#""type":"thinking","thinking":""#));
    Ok(())
}

#[tokio::test]
async fn a_thought_that_was_altered_is_dropped_and_named_and_the_session_goes_on() -> Result<()> {
    let gateway = Harness::start().await?;
    let (body, kept) = session(&gateway, "altered").await?;
    let end = if kept.ends_with('A') { "E" } else { "A" };
    let altered = format!("{}{end}", &kept[..kept.len() - 1]);
    let body: Value = serde_json::from_str(&body.to_string().replace(&kept, &altered))?;
    let answer = gateway.post(RESPONSES, &body).await?;
    assert_eq!((answer.status, answer.header("x-gateway-dropped")), (200, "input[1]"), "{}", answer.body);
    assert!(!upstream(&gateway, "altered").contains(r#""type":"thinking","thinking":""#));
    Ok(())
}

#[tokio::test]
async fn geminis_signatures_of_calls_come_back_from_the_vault() -> Result<()> {
    let gateway = Harness::start().await?;
    let content = "go [[sim:tool label=vault]]";
    let mut body = json!({"model": "gemini-3-pro", "input": [{"role": "user", "content": content}], "tools": tools()});
    let response = asked(&gateway, &body).await?;
    go_on(&mut body, &response)?;
    asked(&gateway, &body).await?;
    let sent: Value = serde_json::from_str(&upstream(&gateway, "vault"))?;
    let call = &sent["contents"][1]["parts"][0];
    // Google's documented bypass replaces a lost signature.
    assert_ne!(call["thoughtSignature"], "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=", "{call}");
    assert!(call["thoughtSignature"].is_string(), "{call}");
    Ok(())
}

#[tokio::test]
async fn a_stream_that_breaks_ends_in_a_failed_response() -> Result<()> {
    let gateway = Harness::start().await?;
    for (model, script) in [("gpt-5.2", "cut after=3"), ("claude-opus-4.6", "midstream-error after=3")] {
        let body = json!({"model": model, "stream": true, "input": format!("tell me a few words [[sim:{script}]]")});
        let answer = gateway.post(RESPONSES, &body).await?;
        let frames = frames(answer.body.as_bytes());
        assert_eq!(broken_order(&frames, true), None, "{model}");
        let names: Vec<&str> = frames.iter().filter_map(|(name, _)| name.as_deref()).collect();
        assert_eq!(names[names.len() - 2..], ["error", "response.failed"], "{model}");
        let failed: Value = serde_json::from_str(&frames.last().unwrap().1)?;
        assert!(failed["response"]["error"]["message"].as_str().is_some_and(|words| !words.is_empty()), "{failed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_failure_before_the_first_word_has_its_status_and_openais_form() -> Result<()> {
    let gateway = Harness::start().await?;
    for (body, status, code) in [
        (json!({"model": "gpt-5.2", "stream": true, "input": "hi [[sim:error status=400]]"}), 400, Value::Null),
        (json!({"model": "unknown-model", "input": "hi"}), 404, json!("model_not_found")),
        (json!({"model": "gpt-5.2", "input": "hi", "previous_response_id": "resp_1"}), 400, json!("unsupported")),
    ] {
        let answer = gateway.post(RESPONSES, &body).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.json()["error"]["message"].is_string(), "{}", answer.body);
        assert!(code.is_null() || answer.json()["error"]["code"] == code, "{}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn a_websocket_is_answered_at_once_so_that_clients_go_on_over_http() -> Result<()> {
    let gateway = Harness::start().await?;
    for path in ["/v1/responses", "/responses", "/v1//responses"] {
        let request = gateway.client.get(format!("{}{path}", gateway.stack.url));
        let request = request.header("connection", "upgrade").header("upgrade", "websocket");
        let answer = read(request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")).await?;
        assert_eq!((answer.status, answer.header("upgrade")), (426, "HTTP/1.1"), "{path}: {}", answer.body);
        assert_eq!(answer.json()["error"]["code"], "no_websocket", "{path}");
    }
    let plain = gateway.get(RESPONSES).await?;
    assert_eq!((plain.status, plain.header("allow")), (405, "POST, OPTIONS"));
    Ok(())
}

#[tokio::test]
async fn bodies_that_codex_compresses_are_read() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = json!({"model": "gpt-5.2", "input": "squeezed"}).to_string();
    let bytes = compress_to_vec(body.as_bytes(), CompressionLevel::Fastest);
    let request = gateway.request("POST", RESPONSES).header("content-encoding", "zstd");
    let answer = read(request.header("content-type", "application/json").body(bytes)).await?;
    assert!(text(&response(&answer)?).contains("squeezed"), "{}", answer.body);
    Ok(())
}
