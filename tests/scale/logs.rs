//! How many bytes a request writes to the logs. These bytes are most of the logs' cost.

use anyhow::{Context as _, Result};
use gateway_tests::{Harness, eventually, project};
use serde_json::{Value, json};

/// What Lambda writes about an invocation itself, in JSON: its start and its report (AWS, log levels of system logs: INFO).
const OF_LAMBDA: u64 = 900;
/// The number of checkpoints of a stream with this length in seconds: one at its first event, and one every five seconds.
const CHECKPOINTS: [(&str, u64); 2] = [("10", 3), ("30", 7)];
const REQUESTS: u64 = 10;

/// Bytes of the functions' log lines so far, and how many of them are the last of a request.
fn logged(gateway: &Harness) -> (u64, u64) {
    let lines = gateway.stack.logs.lines();
    let bytes = lines.iter().map(|line| line.len() as u64 + 1).sum();
    (bytes, lines.iter().filter(|line| line.contains("ledger.final")).count() as u64)
}

#[tokio::test]
async fn a_streamed_request_writes_no_more_log_than_its_costs_are_computed_from() -> Result<()> {
    let gateway = Harness::start().await?;
    let ask = json!({"model": "claude-opus-4.6", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    gateway.post("/v1/chat/completions", &ask).await?;
    eventually("the first request is settled", async || Ok(logged(&gateway).1 == 1)).await?;
    let (before, _) = logged(&gateway);
    for _ in 0..REQUESTS {
        assert_eq!(gateway.post("/v1/chat/completions", &ask).await?.status, 200);
    }
    eventually("all are settled", async || Ok(logged(&gateway).1 == REQUESTS + 1)).await?;
    let own = (logged(&gateway).0 - before) / REQUESTS;
    let lines = gateway.stack.logs.lines();
    let checkpoint =
        lines.iter().rfind(|line| line.contains("ledger.checkpoint")).context("no checkpoint")?.len() as u64 + 1;
    println!("{own} bytes of log for a streamed request, {checkpoint} of them for a checkpoint");
    let sizes: Value = serde_json::from_str(&std::fs::read_to_string(project().join("tools/deploy/cost.json"))?)?;
    for (seconds, checkpoints) in CHECKPOINTS {
        let computed = sizes["a_request"]["log_bytes"][seconds].as_u64().context("no size")?;
        let written = own + (checkpoints - 1) * checkpoint + OF_LAMBDA;
        assert!(
            (computed * 9 / 10..=computed).contains(&written),
            "{seconds} s: {written} bytes, and {computed} are computed with"
        );
    }
    Ok(())
}
