//! Tests every model with every client format, streamed and not streamed, against providers with strict checks: text,
//! thinking, JSON, and a tool call with its result.

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway::catalog::Catalog;
use gateway_tests::{Answer, Harness};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// A request of this format with these additional fields.
fn ask(path: &str, model: &str, streams: bool, steps: u32, fields: &Value) -> Value {
    let text = format!("Is it warm in Turku? [[sim:strict steps={steps}]]");
    let mut body = json!({"model": model, "stream": streams, "messages": [{"role": "user", "content": text}]});
    if path == MESSAGES {
        body["max_tokens"] = json!(8_000);
    }
    body.as_object_mut().into_iter().for_each(|body| body.extend(fields.as_object().cloned().unwrap_or_default()));
    body
}

fn thinking(path: &str) -> Value {
    if path == CHAT {
        json!({"reasoning_effort": "high"})
    } else {
        json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}})
    }
}

fn form(path: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"warm": {"type": "boolean"}}, "required": ["warm"], "additionalProperties": false});
    if path == CHAT {
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}}})
    } else {
        json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}})
    }
}

fn tools(path: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]});
    if path == CHAT {
        json!({"tools": [{"type": "function", "function": {"name": "weather.look_up", "parameters": schema}}]})
    } else {
        json!({"tools": [{"name": "weather.look_up", "input_schema": schema}]})
    }
}

/// The message of a reply in the client's format, streamed or not.
fn message(path: &str, streams: bool, answer: &Answer) -> Result<Value> {
    if !streams {
        return Ok(if path == CHAT { answer.json()["choices"][0]["message"].clone() } else { answer.json() });
    }
    let events = answer.body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let events: Vec<Value> = events.map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok(if path == CHAT { folded_chunks(&events) } else { folded_events(&events) })
}

fn folded_chunks(chunks: &[Value]) -> Value {
    let (mut text, mut calls) = (String::new(), Vec::<Value>::new());
    for delta in chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]) {
        text.push_str(delta["content"].as_str().unwrap_or_default());
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            let arguments = piece["function"]["arguments"].as_str().unwrap_or_default();
            if piece["id"].is_string() {
                calls.push(piece.clone());
            } else if let Some(call) = calls.last_mut() {
                let so_far = call["function"]["arguments"].as_str().unwrap_or_default();
                call["function"]["arguments"] = json!(format!("{so_far}{arguments}"));
            }
        }
    }
    calls.iter_mut().filter_map(Value::as_object_mut).for_each(|call| drop(call.remove("index")));
    json!({"role": "assistant", "content": text, "tool_calls": calls})
}

fn folded_events(events: &[Value]) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    let mut arguments = String::new();
    for event in events {
        match event["type"].as_str() {
            Some("content_block_start") => blocks.push(event["content_block"].clone()),
            Some("content_block_delta") => {
                let delta = &event["delta"];
                for field in ["text", "thinking", "signature"] {
                    let Some(piece) = delta[field].as_str() else { continue };
                    if let Some(block) = blocks.last_mut() {
                        block[field] = json!(format!("{}{piece}", block[field].as_str().unwrap_or_default()));
                    }
                }
                arguments.push_str(delta["partial_json"].as_str().unwrap_or_default());
            }
            Some("content_block_stop") => {
                let input = std::mem::take(&mut arguments);
                if let Some(block) = blocks.last_mut().filter(|block| block["type"] == "tool_use") {
                    block["input"] = serde_json::from_str(&input).unwrap_or(json!({}));
                }
            }
            _ => {}
        }
    }
    json!({"role": "assistant", "content": blocks})
}

/// The text of a message, and the name and id of its first call.
fn said(path: &str, message: &Value) -> (String, Option<(String, String)>) {
    let owned = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if path == CHAT {
        let call = message["tool_calls"].get(0).map(|call| (owned(&call["function"]["name"]), owned(&call["id"])));
        return (owned(&message["content"]), call);
    }
    let blocks = message["content"].as_array().cloned().unwrap_or_default();
    let text = blocks.iter().filter(|block| block["type"] == "text").map(|block| owned(&block["text"])).collect();
    let call = blocks.iter().find(|block| block["type"] == "tool_use");
    (text, call.map(|call| (owned(&call["name"]), owned(&call["id"]))))
}

async fn answered(gateway: &Harness, path: &str, body: &Value) -> Result<Value> {
    let answer = gateway.post(path, body).await?;
    ensure!(answer.status == 200, "{path} {body}: {}", answer.body);
    message(path, body["stream"] == true, &answer)
}

/// Runs the test for one model, one format and one kind of delivery.
async fn play(gateway: &Harness, path: &str, model: &str, streams: bool) -> Result<()> {
    for fields in [json!({}), thinking(path), form(path)] {
        let body = ask(path, model, streams, 0, &fields);
        let message = answered(gateway, path, &body).await?;
        let (text, _) = said(path, &message);
        ensure!(!text.is_empty(), "{path} {body}: nothing is said in {message}");
    }
    let mut body = ask(path, model, streams, 1, &tools(path));
    let message = answered(gateway, path, &body).await?;
    let (name, id) = said(path, &message).1.with_context(|| format!("{path} {model}: no call in {message}"))?;
    ensure!(name == "weather.look_up", "{path} {model}: the client's tool comes back as {name}");
    let result = if path == CHAT {
        json!({"role": "tool", "tool_call_id": id, "content": "warm"})
    } else {
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "warm"}]})
    };
    let message = json!({"role": "assistant", "content": message["content"], "tool_calls": message["tool_calls"]});
    let mut turns = vec![message, result];
    turns[0].as_object_mut().into_iter().for_each(|turn| turn.retain(|_, value| !value.is_null()));
    body["messages"].as_array_mut().context("messages")?.extend(turns);
    let message = answered(gateway, path, &body).await?;
    let (text, _) = said(path, &message);
    ensure!(text == "done after 1 steps", "{path} {model}: {message}");
    Ok(())
}

#[tokio::test]
async fn every_model_answers_every_format_with_text_thinking_json_and_tools() -> Result<()> {
    let gateway = Harness::start().await?;
    let catalog = Catalog::embedded()?;
    let models: Vec<&str> = catalog.models().map(|model| model.id.as_str()).collect();
    let ways = [(CHAT, false), (CHAT, true), (MESSAGES, false), (MESSAGES, true)];
    let plays = models.iter().flat_map(|model| ways.map(|(path, streams)| play(&gateway, path, model, streams)));
    stream::iter(plays).buffer_unordered(8).try_collect::<()>().await
}
