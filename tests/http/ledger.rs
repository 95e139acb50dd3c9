//! The ledger after processes died and records were lost. Tests reconcile, replay and verify with real processes.

use std::process::{Output, Stdio};

use anyhow::{Context as _, Result};
use gateway::admission::{Terms, issue};
use gateway::catalog::Catalog;
use gateway::ledger::{Reconciled, Replay, Replayed, Timestamp, reconcile, verify};
use gateway::money::PicoUsd;
use gateway::store::Store;
use gateway::store::items::{Limits, Place, Record, ReleaseWrite};
use gateway_dev::stack::TABLE;
use gateway_tests::{Harness, binary, eventually, plant_dead_hold};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

fn chat(text: &str, stream: bool) -> Value {
    json!({"model": "gpt-5-nano", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

async fn records(gateway: &Harness) -> Result<Vec<Record>> {
    Ok(gateway.stack.support.store.records(&gateway.key_id()?, Timestamp::UNIX_EPOCH).await?)
}

async fn violations(store: &Store) -> Result<Vec<String>> {
    let verified = verify(store, &Catalog::embedded()?, |_| {}).await?;
    Ok(verified.violations.into_iter().map(|violation| format!("{} {}", violation.law, violation.what)).collect())
}

async fn bk(gateway: &Harness, arguments: &[&str], input: &str) -> Result<Output> {
    let mut child = Command::new(binary("bk")?)
        .args(arguments)
        .env_clear()
        .envs([("TABLE_NAME", TABLE), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
        .env("AWS_ENDPOINT_URL_DYNAMODB", &gateway.stack.support.database.endpoint)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes()).await?;
    Ok(child.wait_with_output().await?)
}

#[tokio::test]
async fn requests_leave_no_hold_and_an_exact_ledger() -> Result<()> {
    let gateway = Harness::start().await?;
    for (text, stream) in
        [("hi", false), ("hi", true), ("hi [[sim:error status=400]]", true), ("hi [[sim:cut after=2]]", true)]
    {
        gateway.post("/v1/chat/completions", &chat(text, stream)).await?;
    }
    // The request is refused after its admission, because no route can carry it.
    let audio = json!([{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]);
    let body = json!({"model": "claude-opus-4.6", "messages": [{"role": "user", "content": audio}]});
    gateway.post("/v1/messages", &body).await?;
    let key = gateway.stack.support.store.key(&gateway.key_id()?).await?.context("the key")?;
    assert!(key.holds.is_empty() && key.expired.is_empty(), "{:?}", key.holds);
    let records = records(&gateway).await?;
    assert_eq!(records.iter().map(|record| record.status).collect::<Vec<_>>(), [200, 200, 400, 502]);
    let charged: u128 = records.iter().map(|record| record.charged.pico()).sum();
    assert_eq!(10_i128.pow(30) - key.balance, i128::try_from(charged)?);
    assert!(violations(&gateway.stack.support.store).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn reconcile_gives_a_dead_request_a_record_that_charges_nothing() -> Result<()> {
    let gateway = Harness::start().await?;
    let (store, key) = (&gateway.stack.support.store, gateway.key_id()?);
    let request = plant_dead_hold(store, &key).await?;
    assert!(violations(store).await?[0].starts_with("L6"), "an unresolved expired hold is found");
    gateway.stack.lambda.invoke("reconcile", "{}".to_owned()).await?;
    eventually("the hold is gone", async || Ok(store.key(&key).await?.context("the key")?.holds.is_empty())).await?;
    assert_eq!(
        reconcile(store, &Catalog::embedded()?, Timestamp::now()).await?,
        Reconciled { keys: 1, ..Reconciled::default() }
    );
    let stored = store.key(&key).await?.context("the key")?;
    assert_eq!(stored.balance, 10_i128.pow(30));
    let record = records(&gateway).await?.pop().context("a record")?;
    assert_eq!((record.request, &*record.finish, record.charged.pico()), (request, "interrupted", 0));
    assert_eq!(record.model, "gpt-5-nano", "the hold's tag of it is resolved");
    assert!(violations(store).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_killed_process_leaves_lines_from_which_its_record_is_made() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = chat("hi [[sim:long words=4000 pace=20]]", true);
    let request = gateway.request("POST", "/v1/chat/completions").header("content-type", "application/json");
    let mut response = request.body(body.to_string()).send().await?;
    response.chunk().await?;
    let is_written = |kind: &str| gateway.stack.logs.lines().iter().any(|line| line.contains(kind));
    eventually("the lines", async || Ok(is_written("ledger.intent") && is_written("ledger.checkpoint"))).await?;
    let pid = gateway.stack.lambda.pids("chat-completions")[0];
    kill_process(Pid::from_raw(i32::try_from(pid)?).context("a process")?, Signal::KILL)?;
    while let Ok(Some(_)) = response.chunk().await {}
    let lines = gateway.stack.logs.lines();
    let of_kind = |kind: &str| lines.iter().filter(|line| line.contains(kind)).count();
    assert_eq!((of_kind("ledger.intent"), of_kind("ledger.checkpoint") > 0, of_kind("ledger.final")), (1, true, 0));
    let mut replay = Replay::default();
    assert!(lines.iter().filter(|line| replay.read(line)).count() >= 2);
    // Its hold has not expired, so according to the log it is still running.
    let store = &gateway.stack.support.store;
    assert_eq!(
        replay.run(store, &Catalog::embedded()?, Timestamp::now(), |_| {}).await?,
        Replayed { running: 1, ..Replayed::default() }
    );
    assert_eq!(store.key(&gateway.key_id()?).await?.context("the key")?.holds.len(), 1);
    assert!(violations(store).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_final_line_makes_the_record_that_the_table_never_took_and_twice_changes_nothing() -> Result<()> {
    let gateway = Harness::start().await?;
    gateway.post("/v1/chat/completions", &chat("hi", true)).await?;
    let lines = gateway.stack.logs.lines().join("\n");
    // The same key in an empty table: every record of it is missing there.
    let other = Harness::start().await?;
    let first = bk(&other, &["ledger", "replay", "--json"], &lines).await?;
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(String::from_utf8_lossy(&first.stdout).trim(), r#"{"settled":1,"running":0,"failed":0}"#);
    bk(&other, &["ledger", "replay"], &lines).await?;
    let replayed = other.stack.support.store.records(&gateway.key_id()?, Timestamp::UNIX_EPOCH).await?;
    let original = records(&gateway).await?;
    assert_eq!(replayed.iter().map(Record::item).collect::<Vec<_>>(), original.iter().map(Record::item).collect::<Vec<_>>());
    let verified = bk(&gateway, &["ledger", "verify", "--json"], "").await?;
    let verified: Value = serde_json::from_slice(&verified.stdout)?;
    assert_eq!((&verified["records"], &verified["violations"]), (&json!(1), &json!([])));
    Ok(())
}

#[tokio::test]
async fn a_key_that_spent_more_than_was_granted_is_named_by_verify() -> Result<()> {
    let gateway = Harness::start().await?;
    let store = &gateway.stack.support.store;
    let terms =
        Terms { name: "poor".to_owned(), limits: Limits::none(), prepaid: true, balance: PicoUsd::new(1_000_000_000_000) };
    let (_, key) = issue(store, terms).await?;
    let request = plant_dead_hold(store, &key).await?;
    let hold = store.key(&key).await?.context("the key")?.holds.remove(&request).context("the hold")?;
    let refund = -2_000_000_000_000;
    let place = Place::Holds;
    store.release(&ReleaseWrite { key: key.clone(), request, place, hold, refund, tokens: None, mark: None }).await?;
    let verified = bk(&gateway, &["ledger", "verify", "--json"], "").await?;
    assert_eq!(verified.status.code(), Some(1));
    let verified: Value = serde_json::from_slice(&verified.stdout)?;
    let of_l5: Vec<&Value> =
        verified["violations"].as_array().context("a list")?.iter().filter(|v| v["law"] == "L5").collect();
    let what = "the balance is -1.000000000077 USD: more was held or charged than was granted";
    let how = "differed twice in the same way, with nothing written between the readings";
    assert_eq!(of_l5, [&json!({"law": "L5", "key": key.to_string(), "what": what, "how": how})]);
    Ok(())
}
