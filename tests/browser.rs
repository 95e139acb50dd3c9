//! The pages in a real Chromium (`tests/browser/`).

use anyhow::{Context as _, Result};
use gateway::admission::{Terms, issue, issue_key};
use gateway::auth;
use gateway::ids::{KeyId, RequestId};
use gateway::ledger::Timestamp;
use gateway::money::PicoUsd;
use gateway::store::Store;
use gateway::store::items::{Limits, Record};
use gateway_tests::rows::{busy_record, put_all};
use gateway_tests::{Harness, project};
use ring::rand::SystemRandom;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::process::Command;

/// A name that is in no catalogue. It contains markup, which a page must show as text.
const MARKUP: &str = "<img src=x onerror=alert(1)>";

fn record(key: &KeyId, days_ago: i64, model: &str, number: usize) -> Result<Record> {
    let started = Timestamp::now().as_millisecond() - days_ago * 86_400_000;
    let request = RequestId::parse(&format!("req_{started:012x}70008000{number:012x}")).context("an id")?;
    Ok(busy_record(key, request, model, PicoUsd::new(1_234_567_890 + u128::try_from(number)?)))
}

/// Sends requests: successful ones, a failed one, one that changed its route, and one for a model whose name contains markup.
async fn use_key(gateway: &Harness) -> Result<()> {
    for script in ["", "", "[[sim:error status=400]]", "[[sim:error status=500 on=claude]]"] {
        let content = format!("Say <script>alert(1)</script> {script}");
        let body =
            json!({"model": "claude-opus-4.6", "max_tokens": 256, "messages": [{"role": "user", "content": content}]});
        gateway.post("/v1/chat/completions", &body).await?;
    }
    gateway.stack.support.store.put_record(&record(&gateway.key_id()?, 0, MARKUP, 1)?).await?;
    Ok(())
}

/// A prepaid key with usage of twenty models over ninety days.
async fn busy_key(store: &Store, endpoint: &str) -> Result<SecretString> {
    let terms = Terms {
        name: "busy".to_owned(),
        limits: Limits::standard(),
        prepaid: true,
        balance: PicoUsd::new(7_000_000_000_000),
    };
    let (text, id) = issue(store, terms).await?;
    let mut items = Vec::new();
    for day in 0..90 {
        for model in 0..20 {
            let record = record(&id, day, &format!("vendor/model-{model}"), items.len())?;
            let mut item = record.rollup_key(None);
            item.extend(record.rollup_additions().into_iter().map(|(name, value)| (name.to_owned(), value)));
            items.push(item);
        }
    }
    put_all(endpoint, &items).await?;
    Ok(text)
}

/// Runs a file of tests in the browser, if it is installed. The tests get these variables in addition to the environment.
async fn in_the_browser(file: &str, gateway: &Harness, variables: &[(&str, &str)]) -> Result<()> {
    let tools = project().join(".tools/browser");
    if !tools.join("installed").exists() {
        println!("skipped: Chromium is not installed (`make test-browser`)");
        return Ok(());
    }
    let output = Command::new("node")
        .arg("--test")
        .arg(project().join("tests/browser").join(file))
        .env("BROWSER_TOOLS", tools.canonicalize()?)
        .env("GATEWAY_URL", &gateway.stack.url)
        .envs(variables.iter().copied())
        .output()
        .await
        .context("start node")?;
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", report.lines().filter(|line| line.starts_with("# ")).collect::<Vec<_>>().join("\n"));
    Ok(())
}

#[tokio::test]
async fn the_dashboard_shows_a_key_its_usage_and_keeps_it_in_the_tab() -> Result<()> {
    let gateway = Harness::start().await?;
    use_key(&gateway).await?;
    let support = &gateway.stack.support;
    let busy = busy_key(&support.store, &support.database.endpoint).await?;
    let (empty, _) = issue_key(&support.store, "empty", Limits::none(), false).await?;
    let (unknown, _) = auth::mint(&SystemRandom::new()).context("no random numbers")?;
    let keys = [
        ("GATEWAY_KEY", gateway.stack.key()),
        ("BUSY_KEY", busy.expose_secret()),
        ("EMPTY_KEY", empty.expose_secret()),
        ("UNKNOWN_KEY", unknown.expose_secret()),
    ];
    in_the_browser("dashboard.test.mjs", &gateway, &keys).await
}

#[tokio::test]
async fn the_reference_is_readable_for_everyone_in_every_window() -> Result<()> {
    in_the_browser("docs.test.mjs", &Harness::start().await?, &[]).await
}
