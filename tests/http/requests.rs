//! A key's own requests, as it lists them.

use anyhow::{Context as _, Result};
use gateway::admission::issue_key;
use gateway::ids::{KeyId, RequestId};
use gateway::ledger::Timestamp;
use gateway::money::PicoUsd;
use gateway::store::items::{Limits, Record};
use gateway_tests::rows::{busy_record, put_all};
use gateway_tests::{Harness, read};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

fn ask(model: &str, script: &str) -> Value {
    json!({"model": model, "max_tokens": 256, "messages": [{"role": "user", "content": format!("hi {script}")}]})
}

/// The ids of a page.
fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_is_shown_as_it_was_answered_with_each_of_its_attempts() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = ask("claude-opus-4.6", "[[sim:error status=500 on=claude]]");
    let answer = gateway.post("/v1/chat/completions", &body).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.header("x-request-id");
    let shown = gateway.get(&format!("/v1/requests/{id}")).await?.json();
    let attempts: Vec<String> = shown["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| {
            let provider = attempt["provider"].as_str().unwrap();
            format!("{provider};{};{}ms", attempt["status"], attempt["duration_ms"])
        })
        .collect();
    assert_eq!(attempts.join(", "), answer.header("x-gateway-attempts"));
    assert_eq!(attempts.len(), 2);
    let usage = &answer.json()["usage"];
    for (field, expected) in [
        ("/id", json!(id)),
        ("/object", json!("request")),
        ("/model", json!("claude-opus-4.6")),
        ("/served_model", json!("claude-opus-4.6")),
        ("/provider", json!(answer.header("x-gateway-provider"))),
        ("/upstream_model", json!(answer.header("x-gateway-model"))),
        ("/attempt_count", json!(2)),
        ("/status", json!(200)),
        ("/finish_reason", json!("stop")),
        ("/tag", json!(null)),
        ("/usage/input_tokens", usage["prompt_tokens"].clone()),
        ("/usage/output_tokens", usage["completion_tokens"].clone()),
        ("/usage/estimated", json!(false)),
        ("/cost_usd", usage["cost"].clone()),
    ] {
        assert_eq!(shown.pointer(field), Some(&expected), "{field}: {shown}");
    }
    assert!(shown["first_token_ms"].as_u64() <= shown["duration_ms"].as_u64(), "{shown}");
    // What the provider was paid is the operator's.
    assert!(!shown.to_string().contains("provider_cost"), "{shown}");
    let reply = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(gateway.get(&format!("/v1/requests/{reply}")).await?.json(), shown);
    Ok(())
}

#[tokio::test]
async fn requests_are_listed_newest_first_and_page_by_page() -> Result<()> {
    let gateway = Harness::start().await?;
    let mut sent = Vec::new();
    for _ in 0..5 {
        let answer = gateway.post("/v1/chat/completions", &ask("gpt-5.2", "")).await?;
        sent.insert(0, answer.header("x-request-id").to_owned());
    }
    let (mut path, mut pages) = ("/v1/requests?limit=2".to_owned(), Vec::new());
    loop {
        let page = gateway.get(&path).await?.json();
        let listed = ids(&page);
        assert_eq!(page["object"], "list");
        assert_eq!(
            (page["first_id"].as_str(), page["last_id"].as_str()),
            (Some(&*listed[0]), listed.last().map(|id| &**id))
        );
        assert_eq!(page["has_more"], json!(page["next_before"].is_string()));
        pages.push(listed);
        let Some(next) = page["next_before"].as_str() else { break };
        path = format!("/v1/requests?limit=2&before={next}");
    }
    assert_eq!(pages, sent.chunks(2).map(<[String]>::to_vec).collect::<Vec<_>>());
    assert_eq!(ids(&gateway.get("/v1/requests").await?.json()), sent);
    let none = gateway.get(&format!("/v1/requests?before={}", sent[4])).await?.json();
    let expected =
        json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false, "next_before": null});
    assert_eq!(none, expected);
    Ok(())
}

#[tokio::test]
async fn a_list_is_narrowed_by_model_and_by_status() -> Result<()> {
    let gateway = Harness::start().await?;
    let (ok, failing) = ("", "[[sim:error status=400]]");
    let mut sent = Vec::new();
    for (model, script) in [("gpt-5.2", ok), ("gpt-5.2", failing), ("claude-opus-4.6", ok), ("claude-opus-4.6", failing)] {
        let answer = gateway.post("/v1/chat/completions", &ask(model, script)).await?;
        sent.push((answer.header("x-request-id").to_owned(), answer.status));
    }
    assert_eq!(sent.iter().map(|(_, status)| *status).collect::<Vec<_>>(), [200, 400, 200, 400]);
    for (query, expected) in [
        ("model=gpt-5.2", &[1, 0][..]),
        ("status=ok", &[2, 0]),
        ("status=200", &[2, 0]),
        ("status=error", &[3, 1]),
        ("status=400&model=claude-opus-4.6", &[3]),
        ("status=429", &[]),
        ("model=unknown", &[]),
    ] {
        let page = gateway.get(&format!("/v1/requests?{query}")).await?.json();
        let expected: Vec<String> = expected.iter().map(|number| sent[*number].0.clone()).collect();
        assert_eq!((ids(&page), &page["has_more"]), (expected, &json!(false)), "{query}");
    }
    let by_status = gateway.get("/v1/usage?days=2&group_by=status").await?.json();
    let mut groups: Vec<(Value, Value)> = by_status["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["status"].clone(), group["requests"].clone()))
        .collect();
    groups.sort_by_key(|(status, _)| status.as_u64());
    assert_eq!(groups, [(json!(200), json!(2)), (json!(400), json!(2))]);
    Ok(())
}

#[tokio::test]
async fn usage_is_grouped_by_model_and_by_day_with_the_time_that_answers_took() -> Result<()> {
    let gateway = Harness::start().await?;
    for model in ["gpt-5.2", "gpt-5.2", "claude-opus-4.6"] {
        assert_eq!(gateway.post("/v1/chat/completions", &ask(model, "")).await?.status, 200);
    }
    let plain = gateway.get("/v1/usage?days=2").await?.json();
    assert!(plain.get("groupBy").is_none() && plain.get("data").is_none(), "{plain}");
    for (group, list, name) in [("model", "byModel", "model"), ("day", "byDay", "day")] {
        let mut grouped = gateway.get(&format!("/v1/usage?days=2&group_by={group}")).await?.json();
        assert!(grouped.get("byModel").is_none() && grouped.get("byDay").is_none(), "{grouped}");
        for line in grouped["data"].as_array_mut().unwrap() {
            let line = line.as_object_mut().unwrap();
            let (whole, first) = (line.remove("averageDurationMs"), line.remove("averageFirstTokenMs"));
            let (whole, first) = (whole.and_then(|ms| ms.as_u64()), first.and_then(|ms| ms.as_u64()));
            assert!(first.is_some() && first <= whole, "{name}: {first:?} {whole:?}");
        }
        assert_eq!(grouped["data"], plain[list], "{group}");
    }
    Ok(())
}

#[tokio::test]
async fn bad_parameters_are_a_400_that_names_them_and_says_what_to_send() -> Result<()> {
    let gateway = Harness::start().await?;
    for (path, param, rule) in [
        ("/v1/requests?limit=0", "limit", "from 1 to 100"),
        ("/v1/requests?limit=101", "limit", "from 1 to 100"),
        ("/v1/requests?limit=x", "limit", "from 1 to 100"),
        ("/v1/requests?before=yesterday", "before", "the id of a request"),
        ("/v1/requests?status=bad", "status", "ok, error, or an HTTP status"),
        ("/v1/requests?status=99", "status", "ok, error, or an HTTP status"),
        ("/v1/requests?model=", "model", "GET /v1/models"),
        ("/v1/usage?group_by=key", "group_by", "model, day, tag or status"),
        ("/v1/usage?group_by=", "group_by", "model, day, tag or status"),
    ] {
        let answer = gateway.get(path).await?;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["param"].as_str()), (400, Some(param)), "{path}: {}", answer.body);
        assert!(error["message"].as_str().unwrap().contains(rule), "{path}: {}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn a_key_sees_its_own_requests_only() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post("/v1/chat/completions", &ask("gpt-5.2", "")).await?;
    let (other, _) = issue_key(&gateway.stack.support.store, "other", Limits::none(), false).await?;
    let as_other = async |path: &str| {
        let request = gateway.client.get(format!("{}{path}", gateway.stack.url));
        read(request.header("x-api-key", other.expose_secret())).await
    };
    assert_eq!(as_other("/v1/requests").await?.json()["data"], json!([]));
    for id in [answer.header("x-request-id"), "req_1", "everything"] {
        let refused = as_other(&format!("/v1/requests/{id}")).await?;
        assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (404, Some("request_not_found")), "{id}");
    }
    Ok(())
}

/// A record of that moment, in milliseconds since the epoch.
fn record_of(key: &KeyId, started: i64, status: u16) -> Result<Record> {
    let request = RequestId::parse(&format!("req_{started:012x}70008000000000000000")).context("an id")?;
    Ok(Record { status, ..busy_record(key, request, "gpt-5.2", PicoUsd::new(1)) })
}

#[tokio::test]
async fn what_is_rare_among_many_is_found_page_by_page_and_each_page_looks_at_so_many() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, now) = (gateway.key_id()?, Timestamp::now().as_millisecond());
    // One failure, older than 2,500 answers.
    let mut items = Vec::new();
    for number in 0..2_500 {
        items.push(record_of(&key, now - number, 200)?.item());
    }
    let failed = record_of(&key, now - 100_000, 502)?;
    items.push(failed.item());
    put_all(&gateway.stack.support.database.endpoint, &items).await?;
    let first = gateway.get("/v1/requests?status=error").await?.json();
    assert_eq!((ids(&first), &first["has_more"]), (Vec::new(), &json!(true)));
    let next = first["next_before"].as_str().context("a cursor")?;
    let second = gateway.get(&format!("/v1/requests?status=error&before={next}")).await?.json();
    assert_eq!((ids(&second), &second["has_more"]), (vec![failed.request.to_string()], &json!(false)));
    Ok(())
}
