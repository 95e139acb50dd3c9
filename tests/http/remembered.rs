//! How a refusal affects the next request, which comes a moment later to the same process.

use std::time::{Duration, Instant};

use anyhow::Result;
use gateway::admission::{Terms, issue};
use gateway::ids::{GrantId, KeyId};
use gateway::money::{PicoUsd, SignedPicoUsd};
use gateway::store::items::{CreditGrant, Limits};
use gateway_tests::{Answer, Harness, eventually, generous, read};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

const SMALL: (&str, usize) = ("gpt-5-nano", 1);
/// A request with at most ten thousand prompt tokens. Its hold is 0.05 dollars.
const LARGE: (&str, usize) = ("claude-opus-4.6", 4_000);
/// The same request for a model that the key may not use.
const FORBIDDEN: (&str, usize) = ("claude-opus-4.5", 4_000);
/// A hundredth of a dollar.
const GRANTED: PicoUsd = PicoUsd::new(10_000_000_000);

async fn prepaid(gateway: &Harness) -> Result<(SecretString, KeyId)> {
    let models = [SMALL.0, LARGE.0].map(str::to_owned).to_vec();
    let limits = Limits { models, ..Limits::standard() };
    let terms = Terms { name: "prepaid".to_owned(), limits, prepaid: true, balance: GRANTED };
    Ok(issue(&gateway.stack.support.store, terms).await?)
}

async fn ask(gateway: &Harness, key: &SecretString, (model, words): (&str, usize)) -> Result<Answer> {
    let body = json!({"model": model, "max_tokens": 64,
                      "messages": [{"role": "user", "content": "word ".repeat(words)}]});
    let request = gateway.client.post(format!("{}/v1/chat/completions", gateway.stack.url));
    let request = request.bearer_auth(key.expose_secret()).header("content-type", "application/json");
    read(request.body(body.to_string())).await
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_request_that_the_balance_does_not_cover_refuses_no_smaller_one_and_no_endpoint_that_is_free() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, _) = prepaid(&gateway).await?;
    let refused = ask(&gateway, &key, LARGE).await?;
    assert_eq!(code(&refused), (402, "insufficient_balance".to_owned()), "{}", refused.body);
    let message = refused.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with("The balance does not cover this request: it needs at least 0.0"), "{message}");
    assert!(message.ends_with(" USD, and 0.01 USD is left."), "{message}");
    let affordable = ask(&gateway, &key, SMALL).await?;
    assert_eq!(affordable.status, 200, "{}", affordable.body);
    assert_eq!(code(&ask(&gateway, &key, LARGE).await?), (402, "insufficient_balance".to_owned()));
    for path in ["/v1/models", "/v1/usage", "/v1/credits"] {
        let request = gateway.client.get(format!("{}{path}", gateway.stack.url)).bearer_auth(key.expose_secret());
        assert_eq!(read(request).await?.status, 200, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_model_that_is_not_allowed_is_a_403_right_after_a_402() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, _) = prepaid(&gateway).await?;
    assert_eq!(ask(&gateway, &key, LARGE).await?.status, 402);
    assert_eq!(code(&ask(&gateway, &key, FORBIDDEN).await?), (403, "model_not_allowed".to_owned()));
    assert_eq!(ask(&gateway, &key, LARGE).await?.status, 402);
    Ok(())
}

/// How long a refusal for the balance is remembered.
const REMEMBERED: Duration = Duration::from_secs(2);

#[tokio::test]
async fn granted_money_can_be_spent_two_seconds_after_a_refusal() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, id) = prepaid(&gateway).await?;
    assert_eq!(ask(&gateway, &key, LARGE).await?.status, 402);
    let amount = SignedPicoUsd::from(PicoUsd::new(1_000_000_000_000));
    let grant = CreditGrant { key: id, id: GrantId::generate(), amount, note: "more".to_owned() };
    gateway.stack.support.store.grant(&grant).await?;
    let before = Instant::now();
    eventually("the granted money can be spent", async || Ok(ask(&gateway, &key, LARGE).await?.status == 200)).await?;
    assert!(before.elapsed() < generous(REMEMBERED), "{:?}", before.elapsed());
    Ok(())
}
