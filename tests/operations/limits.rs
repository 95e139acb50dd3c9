//! Limits that `bk` sets, tested with clients of the real functions.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use gateway_tests::{Answer, Harness, eventually, read};
use serde_json::{Value, json};

use crate::bk::{answer, bk, chat, created, get};

const MODEL: &str = "gpt-5.2";

/// Waits until the current minute has enough time left, so that the rate's window does not end during the test.
async fn early_in_a_minute() {
    let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 60;
    if second > 45 {
        tokio::time::sleep(Duration::from_secs(61 - second)).await;
    }
}

fn error(answer: &Answer) -> (u16, String, String) {
    let error = &answer.json()["error"];
    let field = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (answer.status, field("type"), field("code"))
}

fn refusal(status: u16, kind: &str, code: &str) -> (u16, String, String) {
    (status, kind.to_owned(), code.to_owned())
}

#[tokio::test]
async fn requests_beyond_the_rate_are_a_429_that_says_when_to_come_back() -> Result<()> {
    let gateway = Harness::start().await?;
    let (_, key) = created(&gateway, &["--rpm", "2", "--tpm", "100000"]).await?;
    early_in_a_minute().await;
    for left in ["1", "0"] {
        let answer = chat(&gateway, &key, MODEL, "hi").await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        for family in ["x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"] {
            assert_eq!(answer.header(family), left);
        }
    }
    // The second refusal comes from the function's memory.
    for _ in 0..2 {
        let answer = chat(&gateway, &key, MODEL, "hi").await?;
        assert_eq!(error(&answer), refusal(429, "rate_limit_error", "requests_per_minute"), "{}", answer.body);
        assert_eq!(answer.json()["error"]["message"], "Too many requests, please try again later.");
        assert_eq!(answer.header("x-should-retry"), "true");
        let wait: u64 = answer.header("retry-after").parse()?;
        assert!((1..=60).contains(&wait), "{wait}");
        for (header, value) in [
            ("x-ratelimit-limit-requests", "2"),
            ("x-ratelimit-remaining-requests", "0"),
            ("anthropic-ratelimit-requests-limit", "2"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("x-ratelimit-limit-tokens", "100000"),
            ("anthropic-ratelimit-tokens-limit", "100000"),
        ] {
            assert_eq!(answer.header(header), value, "{header}");
        }
        let reset: u64 = answer.header("x-ratelimit-reset-requests").trim_end_matches('s').parse()?;
        assert!(reset.abs_diff(wait) <= 1, "{reset} {wait}");
        assert!(answer.header("anthropic-ratelimit-requests-reset").ends_with(":00Z"));
    }
    Ok(())
}

#[tokio::test]
async fn the_wait_of_a_remembered_refusal_runs_down() -> Result<()> {
    let gateway = Harness::start().await?;
    let (_, key) = created(&gateway, &["--rpm", "1"]).await?;
    early_in_a_minute().await;
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);
    let wait = async || -> Result<u64> { Ok(chat(&gateway, &key, MODEL, "hi").await?.header("retry-after").parse()?) };
    let before = wait().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = wait().await?;
    assert!(after + 2 <= before && after > 0, "{before} {after}");
    Ok(())
}

#[tokio::test]
async fn a_raised_rate_counts_from_the_next_request() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--rpm", "1"]).await?;
    early_in_a_minute().await;
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);
    answer(&gateway, &["keys", "limit", &id, "--rpm", "5"]).await?;
    let raised = chat(&gateway, &key, MODEL, "hi").await?;
    assert_eq!((raised.status, raised.header("x-ratelimit-remaining-requests")), (200, "4"));
    Ok(())
}

#[tokio::test]
async fn tokens_beyond_the_rate_are_a_429_and_a_prompt_that_never_fits_a_400() -> Result<()> {
    let gateway = Harness::start().await?;
    let (_, key) = created(&gateway, &["--tpm", "5000"]).await?;
    early_in_a_minute().await;
    let first = chat(&gateway, &key, MODEL, "hi").await?;
    assert_eq!((first.status, first.header("x-gateway-dropped")), (200, "max_tokens"), "the output limit is lowered");
    let never = chat(&gateway, &key, MODEL, &"word ".repeat(4_000)).await?;
    assert_eq!(error(&never), refusal(400, "invalid_request_error", "tokens_per_minute"), "{}", never.body);
    Ok(())
}

#[tokio::test]
async fn models_that_are_not_allowed_are_a_403() -> Result<()> {
    let gateway = Harness::start().await?;
    let (_, key) = created(&gateway, &["--models", "openai/gpt-5.2"]).await?;
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);
    let answer = chat(&gateway, &key, "claude-opus-4.6", "hi").await?;
    assert_eq!(error(&answer), refusal(403, "permission_error", "model_not_allowed"), "{}", answer.body);
    assert_eq!(answer.json()["error"]["hint"], "This key may use gpt-5.2.");
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200, "a refused model says nothing about another one");
    Ok(())
}

#[tokio::test]
async fn addresses_that_are_not_allowed_are_a_403_that_holds_nothing() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, away) = created(&gateway, &["--cidrs", "203.0.113.0/24", "--balance", "1"]).await?;
    let (_, here) = created(&gateway, &["--cidrs", "203.0.113.0/24,127.0.0.0/8,::1"]).await?;
    let answered = chat(&gateway, &away, MODEL, "hi").await?;
    assert_eq!(error(&answered), refusal(403, "permission_error", "address_not_allowed"), "{}", answered.body);
    let books = answer(&gateway, &["credits", "show", &id]).await?;
    assert_eq!((&books["balanceUsd"], &books["heldUsd"], &books["balanced"]), (&json!(1), &json!(0), &json!(true)));
    assert_eq!(chat(&gateway, &here, MODEL, "hi").await?.status, 200);
    // The request is sent twice. The second answer comes from the function's memory.
    for path in ["/v1/models", "/v1/models", "/v1/usage", "/v1/credits"] {
        let refused = get(&gateway, &away, path).await?;
        assert_eq!(error(&refused), refusal(403, "permission_error", "address_not_allowed"), "{path}: {}", refused.body);
        assert_eq!(get(&gateway, &here, path).await?.status, 200, "{path}");
    }
    let count = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let request = gateway.client.post(format!("{}/v1/messages/count_tokens", gateway.stack.url)).bearer_auth(&away);
    assert_eq!(read(request.body(count.to_string())).await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn a_balance_that_is_too_small_is_a_402_until_it_is_granted() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--balance", "0.000001"]).await?;
    let answered = chat(&gateway, &key, MODEL, "hi").await?;
    assert_eq!(error(&answered), refusal(402, "insufficient_credits", "insufficient_balance"), "{}", answered.body);
    let message = answered.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with("The balance does not cover this request: it needs at least 0.0"), "{message}");
    assert!(message.ends_with(" USD, and 0.000001 USD is left."), "{message}");
    assert_eq!((answered.header("retry-after"), answered.header("x-should-retry")), ("", "false"));
    assert_eq!(answered.header("x-ratelimit-limit-requests"), "600");
    assert!(bk(&gateway, &["credits", "grant", &id, "5"]).await?.status.success());
    // A refusal is remembered for two seconds.
    eventually("the granted money can be spent", async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(chat(&gateway, &key, MODEL, "hi").await?.status == 200)
    })
    .await
}

#[tokio::test]
async fn requests_at_once_are_limited() -> Result<()> {
    let gateway = Harness::start().await?;
    let (_, key) = created(&gateway, &["--max-concurrent", "1"]).await?;
    let (slow, quick) = tokio::try_join!(chat(&gateway, &key, MODEL, "hi [[sim:silent ms=5000 label=slow]]"), async {
        eventually("the slow one runs", async || Ok(!gateway.journal("slow").is_empty())).await?;
        chat(&gateway, &key, MODEL, "hi").await
    })?;
    assert_eq!(slow.status, 200, "{}", slow.body);
    assert_eq!(error(&quick), refusal(429, "rate_limit_error", "concurrency"), "{}", quick.body);
    assert_eq!(quick.header("retry-after"), "1");
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_expired_key_is_refused() -> Result<()> {
    let gateway = Harness::start().await?;
    // The process is already started, so the key is valid long enough for a run of the command line and one request.
    gateway.get("/v1/credits").await?;
    let (_, key) = created(&gateway, &["--expires", "6s"]).await?;
    assert_eq!(get(&gateway, &key, "/v1/credits").await?.status, 200);
    tokio::time::sleep(Duration::from_secs(7)).await;
    for path in ["/v1/credits", "/v1/models"] {
        let answer = get(&gateway, &key, path).await?;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &Value::Null), "{path}");
    }
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 401);
    Ok(())
}

/// The output limit and the thinking budget that were sent to the provider.
fn asked_for(gateway: &Harness, label: &str) -> (u64, u64) {
    let body: Value = serde_json::from_str(&gateway.journal(label).pop().expect("a call").body).unwrap();
    (body["max_tokens"].as_u64().unwrap(), body["thinking"]["budget_tokens"].as_u64().unwrap())
}

#[tokio::test]
async fn an_output_limit_that_is_lowered_takes_the_budget_for_thinking_with_it() -> Result<()> {
    early_in_a_minute().await;
    let gateway = Harness::start().await?;
    let (_, key) = created(&gateway, &["--tpm", "20000"]).await?;
    let say = |label: &str| json!([{"role": "user", "content": format!("hi [[sim:strict steps=0 label={label}]]")}]);
    let thinking = json!({"type": "enabled", "budget_tokens": 31_999});
    let native = json!({"model": "claude-haiku-4.5", "max_tokens": 32_000, "thinking": thinking, "messages": say("native")});
    let translated =
        json!({"model": "claude-opus-4.5", "max_tokens": 32_000, "reasoning_effort": "xhigh", "messages": say("chat")});
    for (path, body, label) in [("/v1/messages", native, "native"), ("/v1/chat/completions", translated, "chat")] {
        let request = gateway.client.post(format!("{}{path}", gateway.stack.url)).bearer_auth(&key);
        let answer = read(request.header("content-type", "application/json").body(body.to_string())).await?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let (limit, budget) = asked_for(&gateway, label);
        assert!(limit < 20_000 && budget <= limit - 1_024, "{path}: {budget} of {limit}");
    }
    Ok(())
}
