//! A thousand requests while providers fail at random. Counts how many succeed, and how many extra calls the gateway sends to
//! the providers.

use anyhow::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_tests::{Answer, Harness};
use serde_json::json;

const REQUESTS: usize = 1_000;
const AT_ONCE: usize = 8;

/// How many of a thousand requests, so many at once, succeed, and the upstream calls to the first and the second route.
async fn weather(script: &str, at_once: usize) -> Result<(usize, usize, usize)> {
    let gateway = Harness::start().await?;
    let content = format!("hi [[sim:{script} label=weather]]");
    let body = json!({"model": "claude-opus-4.6", "messages": [{"role": "user", "content": content}]});
    let answers = stream::iter((0..REQUESTS).map(|_| gateway.post("/v1/chat/completions", &body)));
    let answers: Vec<Answer> = answers.buffer_unordered(at_once).try_collect().await?;
    let calls = |provider: &str| gateway.journal("weather").iter().filter(|entry| entry.provider == provider).count();
    let total = gateway.usage().await?.total;
    let (succeeded, failed): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    // Details that explain an unexpected count.
    failed
        .iter()
        .take(5)
        .for_each(|answer| println!("{}: {:?} {}", answer.status, answer.headers.get("x-gateway-attempts"), answer.body));
    let succeeded = succeeded.len();
    assert_eq!((total.requests, total.requests - total.errors), (REQUESTS as u64, succeeded as u64));
    Ok((succeeded, calls("claude"), calls("openrouter")))
}

#[tokio::test]
async fn a_tenth_of_the_calls_failing_is_hardly_seen() -> Result<()> {
    // One after the other: the seed decides by the number of a call, and which request meets three failures in a row would
    // otherwise depend on the machine.
    let (succeeded, _, _) = weather("flaky percent=10 seed=7", 1).await?;
    assert!(succeeded >= 998, "{succeeded} of {REQUESTS}");
    Ok(())
}

#[tokio::test]
async fn a_first_route_that_is_down_is_hardly_seen() -> Result<()> {
    let (succeeded, first, _) = weather("error status=503 on=claude", AT_ONCE).await?;
    assert!(succeeded >= 999, "{succeeded} of {REQUESTS}");
    assert!(first <= 50, "{first} calls to the route that is down");
    Ok(())
}

#[tokio::test]
async fn an_outage_of_everything_is_not_made_worse() -> Result<()> {
    let (succeeded, first, second) = weather("error status=503", AT_ONCE).await?;
    assert_eq!(succeeded, 0);
    assert!(first + second <= REQUESTS * 12 / 10, "{first} + {second} calls");
    Ok(())
}
