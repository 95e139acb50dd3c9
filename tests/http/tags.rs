//! The client's own labels for its requests.

use anyhow::{Context as _, Result};
use gateway::ids::{KeyId, RequestId, Tag};
use gateway::ledger::{Days, Summary, Timestamp};
use gateway::money::PicoUsd;
use gateway::store::Store;
use gateway::store::items::{MOST_TAGS, Record};
use gateway_dev::database::Emulator;
use gateway_dev::stack::TABLE;
use gateway_tests::rows::busy_record;
use gateway_tests::{Answer, Harness, read};
use serde_json::{Value, json};

async fn ask(gateway: &Harness, header: Option<&str>, body: &Value) -> Result<Answer> {
    let mut request = gateway.request("POST", "/v1/chat/completions").body(body.to_string());
    if let Some(tag) = header {
        request = request.header("x-gateway-tag", tag);
    }
    read(request).await
}

fn chat(model: &str, metadata: &Value) -> Value {
    json!({"model": model, "max_tokens": 64, "metadata": metadata, "messages": [{"role": "user", "content": "hi"}]})
}

/// Name and requests of each group.
fn groups(usage: &Value, name: &str) -> Vec<(Value, u64)> {
    let groups = usage["data"].as_array().unwrap().iter();
    let mut groups: Vec<_> = groups.map(|group| (group[name].clone(), group["requests"].as_u64().unwrap())).collect();
    groups.sort_by_key(|(name, _)| name.to_string());
    groups
}

#[tokio::test]
async fn a_tag_from_a_header_or_from_metadata_is_kept_with_the_record_and_usage_is_counted_by_it() -> Result<()> {
    let gateway = Harness::start().await?;
    let claude = "claude-opus-4.6";
    for (header, body, tag) in [
        (Some("team-a"), chat("gpt-5.2", &json!(null)), json!("team-a")),
        (None, chat("gpt-5.2", &json!({"tag": "team-a"})), json!("team-a")),
        (None, chat(claude, &json!({"tag": "search/v2"})), json!("search/v2")),
        (Some("team-a"), chat("gpt-5.2", &json!({"tag": "team-b"})), json!("team-a")),
        (Some(""), chat("gpt-5.2", &json!({"tag": ""})), json!(null)),
    ] {
        let answer = ask(&gateway, header, &body).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let record = gateway.get(&format!("/v1/requests/{}", answer.header("x-request-id"))).await?.json();
        assert_eq!(record["tag"], tag, "{header:?} {body}");
    }
    let usage = gateway.get("/v1/usage?days=2&group_by=tag").await?.json();
    assert_eq!(usage["groupBy"], "tag");
    assert_eq!(groups(&usage, "tag"), [(json!("search/v2"), 1), (json!("team-a"), 3), (json!(null), 1)]);
    let plain = gateway.get("/v1/usage?days=2").await?.json();
    for total in ["totalRequests", "totalCost", "totalInputTokens", "totalOutputTokens", "totalErrors"] {
        assert_eq!(usage[total], plain[total], "{total}");
    }
    Ok(())
}

#[tokio::test]
async fn a_tag_is_the_gateways_own_and_no_route_names_it_as_dropped() -> Result<()> {
    let gateway = Harness::start().await?;
    let message = |metadata: Value| {
        json!({"model": "claude-opus-4.6", "max_tokens": 64, "metadata": metadata,
            "messages": [{"role": "user", "content": "hi [[sim:echo label=tagged]]"}]})
    };
    for (path, body, dropped) in [
        ("/v1/messages", message(json!({"tag": "a", "user_id": "u"})), ""),
        ("/v1/messages", message(json!({"tag": "a", "other": "u"})), "metadata.other"),
        ("/v1/chat/completions", message(json!({"tag": "a"})), ""),
        ("/v1/chat/completions", message(json!({"tag": "a", "other": "u"})), "metadata"),
    ] {
        let answer = gateway.post(path, &body).await?;
        assert_eq!((answer.status, answer.header("x-gateway-dropped")), (200, dropped), "{path} {body}");
    }
    for entry in gateway.journal("tagged") {
        assert!(!entry.body.contains("\"tag\""), "{}", entry.body);
    }
    Ok(())
}

#[tokio::test]
async fn a_tag_that_cannot_be_kept_is_a_400_that_names_its_place() -> Result<()> {
    let gateway = Harness::start().await?;
    let long = "x".repeat(65);
    for (header, metadata, param) in [
        (Some("a b"), json!(null), "x-gateway-tag"),
        (Some(&*long), json!(null), "x-gateway-tag"),
        (None, json!({"tag": "a#b"}), "metadata.tag"),
        (None, json!({"tag": 5}), "metadata.tag"),
        (None, json!({"tag": long}), "metadata.tag"),
    ] {
        let answer = ask(&gateway, header, &chat("gpt-5.2", &metadata)).await?;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["param"].as_str()), (400, Some(param)), "{metadata}: {}", answer.body);
    }
    Ok(())
}

/// A record of now under a tag.
fn record(key: &KeyId, number: usize, tag: &str) -> Result<Record> {
    let started = Timestamp::now().as_millisecond();
    let request = RequestId::parse(&format!("req_{started:012x}70008000{number:012x}")).context("an id")?;
    Ok(Record { tag: Tag::parse(tag), ..busy_record(key, request, "gpt-5.2", PicoUsd::new(7)) })
}

#[tokio::test]
async fn a_key_has_32_tags_a_day_whichever_process_meets_them_and_others_count_together() -> Result<()> {
    let emulator = Emulator::start(None, TABLE).await?;
    let key = KeyId::parse("0123456789abcdef").context("an id")?;
    let stores = [(); 3].map(|()| Store::local(TABLE, &emulator.endpoint));
    let most = MOST_TAGS + 8;
    for round in 0..2 {
        for number in 0..most {
            // Each tag comes from another process in each round.
            let store = &stores[(number + round) % stores.len()];
            store.put_record(&record(&key, round * most + number, &format!("t{number}"))?).await?;
        }
    }
    let days = Days::parse(Some("2")).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let summary = Summary::read(&stores[0], &key, days, Timestamp::now()).await?;
    let counts = summary.by_tag.iter().map(|(tag, usage)| (tag.as_ref().map_or("", Tag::as_str).to_owned(), usage.requests));
    let expected = (0..MOST_TAGS).map(|number| (format!("t{number}"), 2)).chain([("other".to_owned(), 16)]);
    let (mut counts, mut expected): (Vec<_>, Vec<_>) = (counts.collect(), expected.collect());
    counts.sort();
    expected.sort();
    assert_eq!(counts, expected);
    assert_eq!(summary.total.requests, 2 * u64::try_from(most)?);
    Ok(())
}
