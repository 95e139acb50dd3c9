//! Compares the roles with the running functions. The table rights that the template grants must be exactly those that the
//! function's calls need.

use std::collections::BTreeSet;

use anyhow::Result;
use gateway_dev::proxy::{Action, FaultProxy, Rule};
use gateway_dev::stack::{Options, TABLE};
use gateway_tests::{Harness, eventually, options, plant_dead_hold};
use serde_json::{Value, json};

use crate::parsed::{functions, role};

/// A gateway with every optional part switched on (warm-up, open catalogue), behind a proxy that records every table call.
async fn observed() -> Result<Harness> {
    let mut options = Options { fault_proxy: true, ..options()? };
    let variables = [("WARMUP", "1"), ("OPEN_CATALOG", "true")];
    options.variables.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Harness::start_with(options).await
}

fn proxy(gateway: &Harness) -> &FaultProxy {
    gateway.stack.support.proxy.as_ref().expect("these options have a proxy")
}

/// The rights that the recorded calls needed. A transaction needs the rights of the writes in it.
fn needed(gateway: &Harness) -> BTreeSet<String> {
    let mut rights = BTreeSet::new();
    for call in proxy(gateway).calls() {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        if call.operation == "TransactWriteItems" {
            for write in body["TransactItems"].as_array().unwrap() {
                rights.extend(write.as_object().unwrap().keys().map(|kind| match kind.as_str() {
                    "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                    kind => format!("dynamodb:{kind}Item"),
                }));
            }
        } else {
            rights.insert(format!("dynamodb:{}", call.operation));
        }
        assert!(call.body.contains(TABLE), "{}: another table", call.operation);
    }
    rights
}

/// What the template grants on the table: the first statement of each role.
fn granted(function: &str) -> BTreeSet<String> {
    let actions = role(&functions()[function].1)["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"].clone();
    let actions = if actions.is_array() { actions } else { json!([actions]) };
    actions.as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned()).collect()
}

fn expect_rights(function: &str, gateway: &Harness) {
    assert_eq!(needed(gateway), granted(function), "{function}");
    // No other function was started, so all calls come from this one.
    for (other, _) in functions().into_iter().filter(|(name, _)| name != function) {
        assert!(gateway.stack.lambda.pids(&other).is_empty(), "{other}");
    }
}

/// Drops the answer to the next settlement's transaction, so that the function must read the record.
fn lose_a_settlement(gateway: &Harness) {
    proxy(gateway).add(Rule::on("TransactWriteItems", Action::CommitAndDrop).times(1));
}

/// A request whose first route fails, so that the function writes the route's state.
fn failing(model: &str) -> Value {
    json!({"model": model, "max_tokens": 256, "messages": [{"role": "user", "content": "hi [[sim:error status=500 on=claude]]"}]})
}

/// Converts a Chat Completions request to a Responses request.
fn as_input(mut body: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    let messages = fields.remove("messages").unwrap();
    drop(fields.remove("max_tokens"));
    fields.insert("input".to_owned(), messages);
    body
}

/// Sends requests that cause every kind of table call: an earlier tool call (the vault is read), a new signed one (the vault
/// is written), a route that fails, and a settlement whose answer is lost.
async fn expect_rights_of_inference(function: &str, path: &str, tool: Value, history: &[Value]) -> Result<()> {
    let gateway = observed().await?;
    lose_a_settlement(&gateway);
    let mut messages = history.to_vec();
    messages.push(json!({"role": "user", "content": "go [[sim:tool]]"}));
    let tools = json!({
        "model": "gemini-3-pro", "max_tokens": 512, "stream": true, "tools": [tool], "messages": messages,
    });
    for body in [tools, failing("claude-opus-4.6")].map(|body| if function == "responses" { as_input(body) } else { body }) {
        let answer = gateway.post(path, &body).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    expect_rights(function, &gateway);
    Ok(())
}

#[tokio::test]
async fn chat_completions_needs_what_it_may() -> Result<()> {
    let tool = json!({"type": "function", "function": {"name": "look"}});
    // The gateway finds the signature of an earlier call by the id that it gave to the call.
    let id = format!("call_{}0", "0a".repeat(16));
    let call = json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let history = [
        json!({"role": "user", "content": "look"}),
        json!({"role": "assistant", "tool_calls": [call]}),
        json!({"role": "tool", "tool_call_id": id, "content": "seen"}),
        json!({"role": "assistant", "content": "I have looked."}),
    ];
    expect_rights_of_inference("chat-completions", "/v1/chat/completions", tool, &history).await
}

#[tokio::test]
async fn messages_needs_what_it_may() -> Result<()> {
    let tool = json!({"name": "look", "input_schema": {"type": "object"}});
    expect_rights_of_inference("messages", "/v1/messages", tool, &[]).await
}

#[tokio::test]
async fn responses_needs_what_it_may() -> Result<()> {
    let tool = json!({"type": "function", "name": "look"});
    let id = format!("call_{}0", "0a".repeat(16));
    let history = [
        json!({"role": "user", "content": "look"}),
        json!({"type": "function_call", "call_id": id, "name": "look", "arguments": "{}"}),
        json!({"type": "function_call_output", "call_id": id, "output": "seen"}),
        json!({"role": "assistant", "content": "I have looked."}),
    ];
    expect_rights_of_inference("responses", "/v1/responses", tool, &history).await
}

#[tokio::test]
async fn count_tokens_needs_what_it_may() -> Result<()> {
    let gateway = observed().await?;
    let answer = gateway.post("/v1/messages/count_tokens", &failing("claude-opus-4.6")).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    expect_rights("count-tokens", &gateway);
    Ok(())
}

#[tokio::test]
async fn endpoints_that_only_read_need_what_they_may() -> Result<()> {
    for (function, paths) in [
        ("models", &["/v1/models", "/"][..]),
        ("usage", &["/v1/usage", "/v1/requests", "/v1/credits"][..]),
        ("dashboard", &["/dashboard", "/dashboard/charts", "/openapi.json", "/docs", "/llms.txt"][..]),
        ("health", &["/health"][..]),
    ] {
        let gateway = observed().await?;
        for path in paths {
            assert_eq!(gateway.get(path).await?.status, 200, "{path}");
        }
        expect_rights(function, &gateway);
    }
    Ok(())
}

#[tokio::test]
async fn reconcile_needs_what_it_may() -> Result<()> {
    let gateway = observed().await?;
    plant_dead_hold(&gateway.stack.support.store, &gateway.key_id()?).await?;
    gateway.stack.lambda.invoke("reconcile", "{}".to_owned()).await?;
    eventually("the list", async || Ok(proxy(&gateway).count("BatchWriteItem") > 0)).await?;
    expect_rights("reconcile", &gateway);
    Ok(())
}
