//! `bk requests`, `bk usage` and `bk migrate`: what is recorded, as operators read it.

use anyhow::{Context as _, Result};
use gateway::ids::KeyId;
use gateway::ledger::Timestamp;
use gateway::store::items::Record;
use gateway_tests::Harness;
use serde_json::{Value, json};

use crate::bk::{answer, bk, bk_fed, chat, created, text};

#[tokio::test]
async fn a_request_is_found_by_the_id_of_its_response_with_and_without_its_key() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &[]).await?;
    let reply = chat(&gateway, &key, "claude-opus-4.6", "record me").await?;
    let request = reply.header("x-request-id").to_owned();
    let found = answer(&gateway, &["requests", "show", &request, "--key", &id]).await?;
    assert_eq!(found, answer(&gateway, &["requests", "show", &request]).await?);
    let usage = reply.json()["usage"].clone();
    assert_eq!((&found["id"], &found["key"], &found["status"]), (&json!(request), &json!(id), &json!(200)));
    assert_eq!((&found["format"], &found["model"]), (&json!("chat_completions"), &json!("claude-opus-4.6")));
    assert_eq!((&found["provider"], &found["source"]), (&json!(reply.header("x-gateway-provider")), &json!("upstream")));
    assert_eq!(
        (&found["tokens"]["input"], &found["tokens"]["output"]),
        (&usage["prompt_tokens"], &usage["completion_tokens"])
    );
    assert_eq!((&found["attemptLog"], &found["tag"]), (&json!(reply.header("x-gateway-attempts")), &json!(null)));
    let pico =
        usage["prompt_tokens"].as_u64().unwrap() * 5_000_000 + usage["completion_tokens"].as_u64().unwrap() * 25_000_000;
    let charged = format!("0.{pico:012}");
    let raw = text(&bk(&gateway, &["requests", "show", &request, "--json"]).await?.stdout);
    assert!(raw.contains(&format!("\"chargedUsd\":{}", charged.trim_end_matches('0'))), "{raw} {charged}");
    let printed = text(&bk(&gateway, &["requests", "show", &request]).await?.stdout);
    assert!(printed.contains(&format!("charged   {} USD", charged.trim_end_matches('0'))), "{printed}");
    Ok(())
}

#[tokio::test]
async fn a_request_that_left_no_record_is_said_to_have_none() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, _) = created(&gateway, &[]).await?;
    let refused = gateway.get("/v1/models").await?.header("x-request-id").to_owned();
    for (arguments, code, words) in [
        (vec!["requests", "show", refused.as_str()], 1, "there is no record of"),
        (vec!["requests", "show", refused.as_str(), "--key", id.as_str()], 1, "there is no record of"),
        (vec!["requests", "show", "req_1"], 2, "32 hex digits"),
        (vec!["requests", "show", refused.as_str(), "--key", "x"], 1, "there is no key x;"),
    ] {
        let output = bk(&gateway, &arguments).await?;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
    Ok(())
}

#[tokio::test]
async fn usage_adds_up_by_model_and_by_day() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &[]).await?;
    for model in ["gpt-5.2", "claude-opus-4.6", "gpt-5.2"] {
        assert_eq!(chat(&gateway, &key, model, "count me").await?.status, 200);
    }
    let by_model = answer(&gateway, &["usage", &id, "--days", "2"]).await?;
    let names = |report: &Value| -> Vec<(String, u64)> {
        let lines = report["lines"].as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| (line["name"].as_str().unwrap().to_owned(), line["requests"].as_u64().unwrap())).collect()
    };
    assert_eq!(names(&by_model), [("claude-opus-4.6".to_owned(), 1), ("gpt-5.2".to_owned(), 2)]);
    let by_day = answer(&gateway, &["usage", &id, "--days", "2", "--by", "day"]).await?;
    assert_eq!(names(&by_day).iter().map(|(_, requests)| requests).sum::<u64>(), 3);
    assert_eq!((&by_model["total"], &by_model["days"]), (&by_day["total"], &json!(2)));
    assert_eq!(by_model["total"]["requests"], 3);
    let books = answer(&gateway, &["credits", "show", &id]).await?;
    assert_eq!(by_model["total"]["chargedUsd"], books["chargedUsd"]);
    let none = answer(&gateway, &["usage", &id, "--days", "1", "--until", "yesterday"]).await?;
    assert_eq!(none["total"]["requests"], 0);
    let printed = text(&bk(&gateway, &["usage", &id]).await?.stdout);
    assert!(
        printed.lines().count() == 4 && printed.lines().last().is_some_and(|line| line.starts_with("total ")),
        "{printed}"
    );
    for (arguments, code) in [(vec!["usage", "0000000000000000"], 1), (vec!["usage", id.as_str(), "--days", "91"], 2)] {
        assert_eq!(bk(&gateway, &arguments).await?.status.code(), Some(code), "{arguments:?}");
    }
    Ok(())
}

#[tokio::test]
async fn there_is_nothing_to_migrate() -> Result<()> {
    let gateway = Harness::start().await?;
    created(&gateway, &[]).await?;
    assert_eq!(answer(&gateway, &["migrate"]).await?, json!({"version": 1, "keys": 2, "migrated": 0}));
    let printed = text(&bk(&gateway, &["migrate"]).await?.stdout);
    assert_eq!(printed, "schema version 1, 2 keys: nothing to migrate\n");
    Ok(())
}

#[tokio::test]
async fn a_bill_is_compared_with_the_records_by_day_and_model() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &[]).await?;
    for model in ["gpt-5.2", "kimi-k2.5", "claude-opus-4.6"] {
        assert_eq!(chat(&gateway, &key, model, "bill me").await?.status, 200);
    }
    let key_id = KeyId::parse(&id).context("an id")?;
    let records = gateway.stack.support.store.records(&key_id, Timestamp::UNIX_EPOCH).await?;
    let through = |provider: &'static str| records.iter().filter(move |record| record.provider == provider);
    let day = gateway::ledger::day_of(records[0].request);
    let month = day.strftime("%Y-%m").to_string();
    let line = |record: &Record, cost: &str| format!("{},{day} 10:00:00,{cost},some/slug-20260101\n", record.upstream_id);
    let head = "generation_id,created_at,cost_total,model_permaslug\n";
    let exact: String = through("openrouter").map(|record| line(record, &record.provider_cost.to_string())).collect();
    let ask = ["ledger", "invoice", "--provider", "openrouter", "--month", &month, "--json"];
    let output = bk_fed(&gateway, &format!("{head}{exact}"), &ask).await?;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let models: Vec<&str> = told["days"].as_array().unwrap().iter().filter_map(|row| row["model"].as_str()).collect();
    assert_eq!(models, ["moonshotai/kimi-k2.5", "openai/gpt-5.2"]);
    assert_eq!((&told["total"]["requests"], &told["total"]["difference"]), (&json!(2), &json!("+0.00 %")));
    let more = format!("{head}{exact}gen-other,{day} 11:00:00,7.5,openai/gpt-5.2-20251211\n");
    let output = bk_fed(&gateway, &more, &ask).await?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the sums differ by more than 0.5 %"), "{}", text(&output.stderr));
    let output = bk_fed(&gateway, "a,b\n1,2\n", &["ledger", "invoice", "--provider", "vertex", "--month", &month]).await?;
    assert!(text(&output.stderr).contains("no column for the day"), "{}", text(&output.stderr));
    Ok(())
}
