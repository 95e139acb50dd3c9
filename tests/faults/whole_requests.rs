//! Faults that need their own set-up: unreachable addresses, deadlines, frozen environments.

use std::time::{Duration, Instant};

use anyhow::Result;
use gateway_tests::{Answer, Harness, options};
use serde_json::{Value, json};

fn chat(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

async fn with(variables: &[(&str, &str)]) -> Result<Harness> {
    let mut options = options()?;
    options.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Harness::start_with(options).await
}

fn statuses(answer: &Answer) -> Vec<String> {
    answer.header("x-gateway-attempts").split(", ").filter_map(|call| call.split(';').nth(1)).map(str::to_owned).collect()
}

#[tokio::test]
async fn f12_a_closed_port_and_a_broken_handshake_go_elsewhere() -> Result<()> {
    let server = Harness::start().await?;
    // A port that speaks plain HTTP breaks a TLS handshake.
    let plain = server.stack.url.replace("http://", "https://");
    for base in ["http://127.0.0.1:1", plain.as_str(), "http://nowhere.invalid"] {
        let gateway = with(&[("VERTEX_BASE_URL", base)]).await?;
        let answer = gateway.post("/v1/chat/completions", &chat("claude-opus-4.6", "hi", true)).await?;
        assert_eq!(answer.header("x-gateway-provider"), "openrouter", "{base}: {answer:?}");
        assert_eq!(statuses(&answer), ["502", "200"], "{base}");
        assert!(answer.streamed_text().ends_with("You said: \"hi\""));
    }
    Ok(())
}

#[tokio::test]
async fn f13_f25_a_request_ends_before_its_function_is_killed() -> Result<()> {
    let mut options = options()?;
    // Five seconds are kept for the last words and the ledger: as many are left for the answer, the process's start included.
    let killed = Duration::from_secs(10);
    options.timeout = killed;
    let gateway = Harness::start_with(options).await?;
    let started = Instant::now();
    let silent = "hi [[sim:silent ms=60000]]";
    let stalled = "hi [[sim:stall after=3 ms=60000]]";
    let (whole, streamed, broken) = tokio::try_join!(
        async { gateway.post("/v1/chat/completions", &chat("gpt-5.2", silent, false)).await },
        async { gateway.post("/v1/chat/completions", &chat("gpt-5-mini", silent, true)).await },
        async { gateway.post("/v1/chat/completions", &chat("gpt-5-nano", stalled, true)).await },
    )?;
    assert!(started.elapsed() < killed, "{:?}", started.elapsed());
    for answer in [&whole, &streamed] {
        assert_eq!((answer.status, statuses(answer)), (504, vec!["504".to_owned()]), "{answer:?}");
    }
    assert_eq!(broken.status, 200);
    let last: Value = serde_json::from_str(broken.data().last().unwrap())?;
    assert_eq!(last["error"]["type"], "upstream_error", "{last}");
    let total = gateway.usage().await?.total;
    assert_eq!((total.requests, total.errors), (3, 3));
    Ok(())
}

#[tokio::test]
async fn f33_a_connection_that_died_while_frozen_costs_one_free_retry() -> Result<()> {
    let gateway = Harness::start().await?;
    for round in 0..3 {
        let answer = gateway.post("/v1/chat/completions", &chat("gpt-5.2", "hi [[sim:close]]", round == 1)).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let total = gateway.usage().await?.total;
    assert_eq!((total.requests, total.errors), (3, 0));
    Ok(())
}

#[tokio::test]
async fn what_a_route_cannot_carry_goes_to_one_that_can_and_is_refused_where_none_can() -> Result<()> {
    let picture = json!([{"type": "text", "text": "hi"},
                         {"type": "image_url", "image_url": {"url": "https://pictures.example/cat.png"}}]);
    let body = json!({"model": "claude-opus-4.6", "messages": [{"role": "user", "content": picture}]});
    let gateway = Harness::start().await?;
    let carried = gateway.post("/v1/chat/completions", &body).await?;
    assert_eq!((carried.status, carried.header("x-gateway-attempts").starts_with("openrouter;200;")), (200, true));
    let lone = with(&[("OPENROUTER_API_KEY", "")]).await?;
    let refused = lone.post("/v1/chat/completions", &body).await?;
    let error = &refused.json()["error"];
    assert_eq!(
        (refused.status, &error["code"], &error["param"]),
        (400, &json!("unsupported"), &json!("messages[0].content[1]"))
    );
    assert!(lone.journal("").is_empty(), "nothing was sent");
    Ok(())
}
