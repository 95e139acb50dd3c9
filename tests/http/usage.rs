//! The usage that a client reads.

use anyhow::{Context as _, Result};
use gateway::admission::issue_key;
use gateway::catalog::Catalog;
use gateway::ids::{KeyId, RequestId};
use gateway::ledger::Timestamp;
use gateway::money::PicoUsd;
use gateway::store::items::{Item, Limits, Record, iso_day, number, text};
use gateway_dev::stack::TABLE;
use gateway_tests::rows::{busy_record, client, put_all};
use gateway_tests::{Harness, eventually, options, read};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

#[tokio::test]
async fn usage_shows_exactly_the_requests_made_and_their_tokens() -> Result<()> {
    let gateway = Harness::start().await?;
    let mut tokens = (0, 0);
    let chat = json!({"model": "gpt-5.2", "messages": user("count me")});
    for _ in 0..2 {
        let usage = gateway.post("/v1/chat/completions", &chat).await?.json()["usage"].clone();
        tokens.0 += usage["prompt_tokens"].as_u64().unwrap();
        tokens.1 += usage["completion_tokens"].as_u64().unwrap();
    }
    let message = json!({"model": "claude-opus-4.6", "max_tokens": 64, "messages": user("count me"), "stream": true});
    let streamed = gateway.post("/v1/messages", &message).await?;
    let claude = gateway
        .post("/v1/messages", &json!({"model": "claude-opus-4.6", "max_tokens": 64, "messages": user("count me")}))
        .await?;
    assert_eq!(streamed.status, 200);
    let claude = claude.json()["usage"].clone();
    // Streamed and whole count the same.
    tokens.0 += 2 * claude["input_tokens"].as_u64().unwrap();
    tokens.1 += 2 * claude["output_tokens"].as_u64().unwrap();

    let usage = gateway.get("/v1/usage?days=1").await?.json();
    assert_eq!(usage["object"], "usage_summary");
    assert_eq!((&usage["days"], &usage["totalRequests"]), (&json!(1), &json!(4)));
    assert_eq!((usage["totalInputTokens"].as_u64(), usage["totalOutputTokens"].as_u64()), (Some(tokens.0), Some(tokens.1)));
    let models: Vec<(&str, u64)> = usage["byModel"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["model"].as_str().unwrap(), line["requests"].as_u64().unwrap()))
        .collect();
    assert_eq!(models, [("claude-opus-4.6", 2), ("gpt-5.2", 2)]);
    assert_eq!(usage["byDay"].as_array().map(Vec::len), Some(1));
    let date = usage["endDate"].as_str().unwrap();
    assert!(date.ends_with("T00:00:00.000Z") && date.len() == 24, "{date}");
    Ok(())
}

#[tokio::test]
async fn the_record_is_stored_before_the_body_ends() -> Result<()> {
    let gateway = Harness::start().await?;
    for round in 1..=5 {
        let body = json!({"model": "gpt-5.2", "stream": true, "messages": user("hi")});
        gateway.post("/v1/chat/completions", &body).await?;
        assert_eq!(gateway.usage().await?.total.requests, round);
    }
    Ok(())
}

#[tokio::test]
async fn the_charge_is_tokens_times_price_and_openrouters_own_cost_stays_inside() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = json!({"model": "gpt-5.2", "messages": user("price me")});
    let answer = gateway.post("/v1/chat/completions", &body).await?;
    assert!(!answer.body.contains("cost_details") && !answer.body.contains("is_byok"), "{}", answer.body);
    let usage = answer.json()["usage"].clone();
    let (input, output) = (usage["prompt_tokens"].as_u64().unwrap(), usage["completion_tokens"].as_u64().unwrap());
    let total = gateway.usage().await?.total;
    // 1.75 and 14 dollars per million tokens; the simulator's own price is 1 and 5 micro-dollars per token.
    assert_eq!(total.charged.pico(), u128::from(input * 1_750_000 + output * 14_000_000));
    let charged = total.charged.to_string();
    assert_eq!((usage["cost"].to_string(), answer.header("x-gateway-cost-usd")), (charged.clone(), charged.as_str()));
    assert_eq!(total.usage.provider_cost.unwrap().pico(), u128::from(input * 1_000_000 + output * 5_000_000));
    Ok(())
}

#[tokio::test]
async fn a_key_sees_its_own_usage_only() -> Result<()> {
    let gateway = Harness::start().await?;
    gateway.post("/v1/chat/completions", &json!({"model": "gpt-5.2", "messages": user("hi")})).await?;
    let (other, _) = issue_key(&gateway.stack.support.store, "other", Limits::none(), false).await?;
    let request = gateway.client.get(format!("{}/v1/usage?key=all&id=all", gateway.stack.url));
    let answer = read(request.header("x-api-key", other.expose_secret())).await?;
    let usage = answer.json();
    assert_eq!((&usage["totalRequests"], &usage["totalCost"], &usage["byModel"]), (&json!(0), &json!(0), &json!([])));
    assert_eq!(usage["days"], 30);
    Ok(())
}

#[tokio::test]
async fn days_outside_one_to_ninety_are_a_400() -> Result<()> {
    let gateway = Harness::start().await?;
    for days in ["0", "91", "-3", "x", "1.5", ""] {
        let answer = gateway.get(&format!("/v1/usage?days={days}")).await?;
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some("days")), "{days}");
    }
    assert_eq!(gateway.get("/v1/usage?days=90").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_single_earlier_day_can_be_read() -> Result<()> {
    let gateway = Harness::start().await?;
    let key = gateway.key_id()?;
    let records = [record_of(&key, "one", (1, 0))?, record_of(&key, "one", (0, 0))?, record_of(&key, "two", (2, 0))?];
    put_all(&gateway.stack.support.database.endpoint, &records.each_ref().map(rollup_of)).await?;
    let yesterday = iso_day(records[0].started());
    let usage = gateway.get(&format!("/v1/usage?days=1&until={yesterday}")).await?.json();
    assert_eq!((&usage["totalRequests"], &usage["byDay"][0]["day"]), (&1.into(), &Value::from(yesterday.clone())));
    assert_eq!(usage["startDate"], format!("{yesterday}T00:00:00.000Z"));
    let usage = gateway.get(&format!("/v1/usage?days=2&until={yesterday}")).await?.json();
    assert_eq!(usage["totalRequests"], 2);
    let answer = gateway.get("/v1/usage?until=2026-02-30").await?;
    assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some("until")));
    Ok(())
}

#[tokio::test]
async fn credits_tell_a_keys_limits_and_what_is_left_of_them() -> Result<()> {
    let gateway = Harness::start().await?;
    let limits = Limits { rpm: 10, max_concurrent: 4, ..Limits::none() };
    let (key, _) = issue_key(&gateway.stack.support.store, "limited", limits, false).await?;
    let ask = |request: reqwest::RequestBuilder| read(request.bearer_auth(key.expose_secret()));
    let credits = async || {
        let answer = ask(gateway.client.get(format!("{}/v1/credits", gateway.stack.url))).await?;
        Ok::<_, anyhow::Error>(answer.json()["limits"].clone())
    };
    let before = credits().await?;
    assert_eq!(before["requestsPerMinute"], json!({"limit": 10, "left": 10}));
    assert_eq!(before["tokensPerMinute"], json!(null));
    assert_eq!(before["concurrentRequests"], json!({"limit": 4, "left": 4}));
    let body = json!({"model": "gpt-5.2", "messages": user("hi")}).to_string();
    let answer = ask(gateway.client.post(format!("{}/v1/chat/completions", gateway.stack.url)).body(body)).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let after = credits().await?;
    // The minute may have ended meanwhile.
    if after["resetsAt"] == before["resetsAt"] {
        assert_eq!(after["requestsPerMinute"], json!({"limit": 10, "left": 9}));
    }
    assert_eq!(after["concurrentRequests"], json!({"limit": 4, "left": 4}));
    Ok(())
}

/// A record of this day, hour and shard. Its id is a version 7 UUID of that time and ends with the shard.
fn record_of(key: &KeyId, model: &str, (days_ago, shard): (i64, u8)) -> Result<Record> {
    let started = Timestamp::now().as_millisecond() - days_ago * 86_400_000;
    let request = RequestId::parse(&format!("req_{started:012x}7000800000000000000{shard:x}")).context("an id")?;
    let cost = PicoUsd::new(11_000_000_000_007 + u128::from(shard) + u128::try_from(days_ago)?);
    Ok(busy_record(key, request, model, cost))
}

/// The rollup that a record alone makes.
fn rollup_of(record: &Record) -> Item {
    let mut item = record.rollup_key(None);
    item.extend(record.rollup_additions().into_iter().map(|(name, value)| (name.to_owned(), value)));
    item.extend([("v".to_owned(), number(1)), ("ttl".to_owned(), number(record.rollup_ttl()))]);
    item
}

#[tokio::test]
async fn ninety_days_of_twenty_models_in_eight_shards_come_from_two_pages_and_add_up() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, catalog) = (gateway.key_id()?, Catalog::embedded()?);
    // The longest names of the catalogue, and one as long as OpenRouter's list has them.
    let mut names: Vec<String> = catalog.models().map(|model| model.id.to_string()).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.insert(0, "nousresearch/deephermes-3-mistral-24b-preview".to_owned());
    names.resize(20, "one-more".to_owned());
    let (mut items, mut charged) = (Vec::new(), 0);
    for (days_ago, name, shard) in
        (0..90).flat_map(|day| names.iter().flat_map(move |name| (0..8).map(move |shard| (day, name, shard))))
    {
        let record = record_of(&key, name, (days_ago, shard))?;
        charged += record.charged.pico();
        items.push(rollup_of(&record));
    }
    let endpoint = &gateway.stack.support.database.endpoint;
    put_all(endpoint, &items).await?;
    let client = client(endpoint);
    let pages = client
        .query()
        .table_name(TABLE)
        .key_condition_expression("pk = :pk AND begins_with(sk, :day)")
        .expression_attribute_values(":pk", text(format!("K#{key}")))
        .expression_attribute_values(":day", text("D#"));
    let mut pages = pages.into_paginator().send();
    let mut count = 0;
    while pages.next().await.transpose()?.is_some() {
        count += 1;
    }
    assert!(count <= 2, "{count} pages");
    let usage = gateway.get("/v1/usage?days=90").await?.json();
    assert_eq!(usage["totalRequests"], 90 * 20 * 8);
    assert_eq!(usage["totalCost"].to_string(), PicoUsd::new(charged).to_string());
    Ok(())
}

#[tokio::test]
async fn a_key_reads_what_costs_nothing_so_often_a_minute_and_then_waits() -> Result<()> {
    let mut options = options()?;
    options.variables.retain(|(name, _)| name != "READS_PER_MINUTE");
    options.variables.push(("READS_PER_MINUTE".to_owned(), "3".to_owned()));
    let gateway = Harness::start_with(options).await?;
    let (other, _) = issue_key(&gateway.stack.support.store, "other", Limits::none(), false).await?;
    for (function, [first, second]) in
        [("usage", ["/v1/usage", "/v1/credits"]), ("models", ["/v1/models", "/v1/models/gpt-5.2"])]
    {
        // One environment counts all requests: each request waits until it is free.
        let is_free = async || Ok(gateway.stack.lambda.idle(function) == gateway.stack.lambda.pids(function).len());
        for path in [first, second, first] {
            assert_eq!(gateway.get(path).await?.status, 200, "{path}");
            eventually("a free environment", is_free).await?;
        }
        for path in [first, second] {
            let refused = gateway.get(path).await?;
            assert_eq!(refused.status, 429, "{path}: {}", refused.body);
            let wait: u64 = refused.header("retry-after").parse()?;
            assert!((1..=20).contains(&wait), "{path}: {wait}");
            eventually("a free environment", is_free).await?;
            let error = &refused.json()["error"];
            assert_eq!((&error["type"], &error["code"]), (&json!("rate_limit_error"), &json!("reads_per_minute")), "{path}");
            let request = gateway.client.get(format!("{}{path}", gateway.stack.url)).bearer_auth(other.expose_secret());
            assert_eq!(read(request).await?.status, 200, "{path}: another key");
            eventually("a free environment", is_free).await?;
        }
    }
    assert_eq!(gateway.get("/health").await?.status, 200);
    Ok(())
}
