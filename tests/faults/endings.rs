//! Endings that a provider's fault alone does not cause: deadlines, clients that do not read, and panics. The tests check what
//! the ledger and the circuit record, and which error the client gets.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway::catalog::Catalog;
use gateway::chat::Usage;
use gateway::ids::RequestId;
use gateway::ledger;
use gateway::money::PicoUsd;
use gateway::pump::{CHANNEL_CHUNKS, Reply};
use gateway::store::items::{Record, TokenSource};
use gateway::wire::CostOf;
use gateway_dev::stack::Options;
use gateway_tests::{Answer, Harness, eventually, options};
use serde_json::{Value, json};

use crate::process::{Driven, Process};

const PATHS: [&str; 2] = ["/v1/chat/completions", "/v1/messages"];

fn asked(model: &str, script: &str, stream: bool) -> Value {
    let content = format!("hi [[sim:{script}]]");
    json!({"model": model, "max_tokens": 64, "stream": stream, "messages": [{"role": "user", "content": content}]})
}

/// A gateway whose requests end a second after they came.
async fn hurried() -> Result<Harness> {
    // Five seconds are kept for the last words and the ledger.
    Harness::start_with(Options { timeout: Duration::from_secs(6), ..options()? }).await
}

/// The record of a stream whose client begins to read after a pause.
async fn read_late(process: &Process, body: &Value, limit: Duration, pause: Duration) -> Result<Record> {
    let Driven { request, task, commit } = process.drive(body, None, limit).await?;
    let Reply::Stream(mut chunks) = commit.await?.map_err(|error| anyhow::anyhow!("{error:?}"))?.reply else {
        anyhow::bail!("a whole reply");
    };
    tokio::time::sleep(pause).await;
    while chunks.recv().await.is_some() {}
    task.await?;
    process.record(request).await
}

async fn record(gateway: &Harness, answer: &Answer) -> Result<Record> {
    let request = RequestId::parse(answer.header("x-request-id")).context("a request id")?;
    gateway.stack.support.store.record(&gateway.key_id()?, request).await?.context("a record")
}

#[tokio::test]
async fn a_deadline_after_content_charges_what_was_generated() -> Result<()> {
    let gateway = hurried().await?;
    for path in PATHS {
        for stream in [false, true] {
            let answer = gateway.post(path, &asked("claude-opus-4.6", "stall after=3 ms=9000", stream)).await?;
            let record = record(&gateway, &answer).await?;
            assert_eq!(record.status, 504, "{path} {stream}: {answer:?}");
            assert_eq!(record.source, TokenSource::Estimated, "{path} {stream}");
            let model = Catalog::embedded()?.resolve("claude-opus-4.6").ok().context("the model")?;
            assert!(record.usage.input > 0 && record.usage.output > 0, "{path} {stream}: {:?}", record.usage);
            assert_eq!(record.charged, ledger::cost(&record.usage, &model.tariff), "{path} {stream}");
            if stream {
                assert_eq!(answer.status, 200, "{path}");
                assert!(answer.body.contains("you are charged for what was generated"), "{path}: {}", answer.body);
            } else {
                assert_eq!((answer.status, answer.header("x-should-retry")), (504, "false"), "{path}");
                assert!(answer.header("x-gateway-attempts").starts_with("vertex-claude;504;"), "{path}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn checkpoints_are_priced_by_the_counts_that_they_name() -> Result<()> {
    let gateway = Harness::start().await?;
    let model = Catalog::embedded()?.resolve("claude-opus-4.6").ok().context("the model")?;
    for stream in [false, true] {
        let answer = gateway.post(PATHS[1], &asked("claude-opus-4.6", "no-usage pace=5", stream)).await?;
        let id = answer.header("x-request-id").to_owned();
        let of_request = |line: &String| line.contains("ledger.checkpoint") && line.contains(&id);
        eventually("the checkpoint", async || Ok(gateway.stack.logs.lines().iter().any(of_request))).await?;
        let lines = gateway.stack.logs.lines();
        let line: Value = serde_json::from_str(lines.iter().find(|line| of_request(line)).context("a checkpoint")?)?;
        let fields = line.get("fields").unwrap_or(&line);
        let count = |name: &str| fields[name].as_u64().unwrap_or_default();
        let usage = Usage { input: count("uncached_input"), output: count("output_tokens"), ..Usage::default() };
        assert!(usage.input > 0, "{line}");
        assert_eq!(fields["provider_cost_pico"], ledger::cost(&usage, &model.tariff).pico().to_string(), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn a_deadline_before_content_charges_nothing() -> Result<()> {
    let gateway = hurried().await?;
    for path in PATHS {
        for stream in [false, true] {
            let answer = gateway.post(path, &asked("claude-opus-4.6", "silent ms=9000", stream)).await?;
            assert_eq!((answer.status, answer.header("x-should-retry")), (504, "false"), "{path} {stream}");
            let record = record(&gateway, &answer).await?;
            assert_eq!((record.status, record.charged), (504, PicoUsd::ZERO), "{path} {stream}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_moderated_request_renews_nothing_and_blames_no_route() -> Result<()> {
    let gateway = Harness::start().await?;
    for stream in [false, true] {
        let answer = gateway.post(PATHS[0], &asked("gpt-5.2", "moderated", stream)).await?;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"]), (400, &json!("content_policy_violation")), "{answer:?}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.ends_with("The input was flagged by moderation (simulated)"), "{message}");
        assert_eq!(record(&gateway, &answer).await?.status, 403);
    }
    assert!(gateway.stack.support.store.route_states().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_reply_that_is_no_answer_blames_no_route() -> Result<()> {
    let gateway = Harness::start().await?;
    for script in ["no-answer", "broken-call after=3"] {
        for stream in [false, true] {
            gateway.post(PATHS[0], &asked("gpt-5.2", script, stream)).await?;
        }
    }
    assert!(gateway.stack.support.store.route_states().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_failure_ends_with_the_providers_words_before_and_in_a_stream() -> Result<()> {
    let gateway = Harness::start().await?;
    for path in PATHS {
        for (script, stream, words) in [
            ("error status=500", false, "The provider failed to answer this request: Simulated error 500"),
            ("error status=500", true, "The provider failed to answer this request: Simulated error 500"),
            ("midstream-error after=3", true, "The provider failed to answer this request: Simulated failure in mid-stream"),
        ] {
            let answer = gateway.post(path, &asked("gpt-5.2", script, stream)).await?;
            assert!(answer.body.contains(words), "{path} {script}: {}", answer.body);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_stops_reading_is_charged_for_what_was_generated() -> Result<()> {
    let process = Process::start().await?;
    let words = 40 * CHANNEL_CHUNKS;
    let mut body = asked("gpt-5-nano", &format!("long words={words} pace=1"), true);
    body["max_tokens"] = json!(words);
    let Driven { request, task, commit } = process.drive(&body, None, Duration::from_secs(3)).await?;
    let committed = commit.await?.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    task.await?;
    let record = process.record(request).await?;
    assert_eq!((record.status, record.source), (499, TokenSource::Estimated));
    let model = process.catalog.resolve("gpt-5-nano").ok().context("the model")?;
    assert!(record.usage.output > 0, "{:?}", record.usage);
    assert_eq!(record.charged, ledger::cost(&record.usage, &model.tariff));
    assert!(process.support.store.route_states().await?.is_empty(), "no fault of the route");
    drop(committed);
    Ok(())
}

#[tokio::test]
async fn a_provider_that_hangs_up_on_a_client_that_does_not_read_is_not_at_fault() -> Result<()> {
    let process = Process::start().await?;
    let words = 40 * CHANNEL_CHUNKS;
    let script = format!("cut after={} pace=1]] {} [[sim:echo", words - 10, "word ".repeat(words));
    let mut body = asked("gpt-5-nano", &script, true);
    body["max_tokens"] = json!(4 * words);
    // Shorter pauses are common, and a cut after them is the provider's.
    let record = read_late(&process, &body, Duration::from_mins(1), Duration::from_secs(11)).await?;
    assert_eq!((record.status, record.source), (499, TokenSource::Estimated));
    assert!(record.charged > PicoUsd::ZERO);
    assert!(process.support.store.route_states().await?.is_empty(), "no fault of the route");
    Ok(())
}

#[tokio::test]
async fn an_estimate_stays_within_what_was_held() -> Result<()> {
    let process = Process::start().await?;
    let word = "x".repeat(4_000);
    for stream in [false, true] {
        let body = asked("gpt-5-nano", &format!("no-usage]] {word} [[sim:no-usage"), stream);
        let Driven { request, task, commit } = process.drive(&body, None, Duration::from_secs(30)).await?;
        let committed = commit.await?.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        task.await?;
        let record = process.record(request).await?;
        assert_eq!((record.status, record.source, record.usage.output), (200, TokenSource::Estimated, 64), "{stream}");
        drop(committed);
    }
    Ok(())
}

#[tokio::test]
async fn upstreams_clock_stands_still_while_the_client_does_not_read() -> Result<()> {
    let process = Process::start().await?;
    let body = asked("gpt-5-nano", &format!("long words={}", 40 * CHANNEL_CHUNKS), true);
    let record = read_late(&process, &body, Duration::from_secs(30), Duration::from_secs(2)).await?;
    assert_eq!((record.status, record.source), (200, TokenSource::Upstream));
    Ok(())
}

#[tokio::test]
async fn a_panic_is_settled_and_charges_nothing() -> Result<()> {
    let process = Process::start().await?;
    for stream in [false, true] {
        let cost: CostOf = Arc::new(|_| panic!("a fault of our own"));
        let driven =
            process.drive(&asked("gpt-5-nano", "echo pace=20", stream), Some(cost), Duration::from_secs(30)).await?;
        let committed = driven.commit.await?;
        driven.task.await?;
        assert_eq!(committed.is_err(), !stream, "a stream had begun");
        let record = process.record(driven.request).await?;
        assert_eq!((record.status, record.charged), (500, PicoUsd::ZERO), "stream {stream}");
    }
    Ok(())
}
