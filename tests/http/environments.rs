//! What Lambda does to a function's process: one request at a time, freeze, kill.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use gateway_dev::lambda::MAX_CONCURRENCY;
use gateway_tests::{Harness, eventually, options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

fn chat(text: &str, stream: bool) -> Value {
    json!({"model": "gpt-5.2", "stream": stream, "messages": [{"role": "user", "content": text}]})
}

/// The process state letter of Linux: `T` is stopped.
fn state(pid: u32) -> Option<char> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    status.rsplit(") ").next()?.chars().next()
}

#[tokio::test]
async fn requests_at_once_get_environments_of_their_own_and_later_ones_reuse_them() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = chat("hi [[sim:silent ms=400]]", false);
    let calls = (0..4).map(|_| gateway.post("/v1/chat/completions", &body));
    let answers = futures_util::future::try_join_all(calls).await?;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(gateway.stack.lambda.pids("chat-completions").len(), 4);
    for _ in 0..4 {
        gateway.post("/v1/chat/completions", &chat("hi", true)).await?;
    }
    assert_eq!(gateway.stack.lambda.pids("chat-completions").len(), 4);
    Ok(())
}

#[tokio::test]
async fn one_process_serves_as_many_streams_at_once_as_lambda_tells_it() -> Result<()> {
    const STREAMS: usize = 64;
    let mut options = options()?;
    options.variables.push((MAX_CONCURRENCY.to_owned(), STREAMS.to_string()));
    let gateway = Harness::start_with(options).await?;
    // No stream ends before all have started.
    let body = chat("hi [[sim:silent ms=3000]]", true);
    let answers =
        futures_util::future::try_join_all((0..STREAMS).map(|_| gateway.post("/v1/chat/completions", &body))).await?;
    assert!(answers.iter().all(|answer| answer.data().last().map(String::as_str) == Some("[DONE]")));
    assert_eq!(gateway.stack.lambda.pids("chat-completions").len(), 1);
    Ok(())
}

#[tokio::test]
async fn warm_up_connects_and_fetches_the_token_before_the_first_request() -> Result<()> {
    let mut options = options()?;
    options.variables.push(("WARMUP".to_owned(), "1".to_owned()));
    let gateway = Harness::start_with(options).await?;
    // Any request starts the process; this one is refused before it needs a provider.
    gateway.post("/v1/messages", &json!({})).await?;
    let tokens = gateway.journal("").into_iter().filter(|entry| entry.provider == "token").count();
    assert_eq!(tokens, 1);
    assert!(
        !gateway.stack.logs.lines().iter().any(|line| line.contains("warm-up failed")),
        "{:?}",
        gateway.stack.logs.lines()
    );
    Ok(())
}

#[tokio::test]
async fn a_process_is_frozen_between_requests_with_its_record_already_stored() -> Result<()> {
    let gateway = Harness::start().await?;
    for round in 1..=3 {
        let answer = gateway.post("/v1/chat/completions", &chat("hi", true)).await?;
        assert_eq!(answer.data().last().map(String::as_str), Some("[DONE]"));
        let pids = gateway.stack.lambda.pids("chat-completions");
        assert_eq!(pids.len(), 1);
        eventually("the freeze", async || Ok(state(pids[0]) == Some('T'))).await?;
        assert_eq!(gateway.usage().await?.total.requests, round);
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_process_breaks_its_stream_and_the_next_request_is_served() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = chat("hi [[sim:long words=4000 pace=20]]", true);
    let request = gateway.request("POST", "/v1/chat/completions").header("content-type", "application/json");
    let mut response = request.body(body.to_string()).send().await?;
    response.chunk().await?;
    let pid = gateway.stack.lambda.pids("chat-completions")[0];
    kill_process(Pid::from_raw(i32::try_from(pid)?).unwrap(), Signal::KILL)?;
    let rest = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => assert!(!chunk.windows(6).any(|window| window == b"[DONE]")),
                end => return end.is_err(),
            }
        }
    });
    assert!(rest.await?, "the client must see that the stream broke");
    assert_eq!(gateway.post("/v1/chat/completions", &chat("hi", false)).await?.status, 200);
    Ok(())
}
