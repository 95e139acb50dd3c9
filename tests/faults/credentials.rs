//! Google's tokens: where they come from, and what happens when they do not.

use std::time::Duration;

use anyhow::Result;
use gateway_dev::simulator::external_account_json;
use gateway_dev::stack::{ORIGIN_PLACEHOLDER, SimulatorStart};
use gateway_tests::{Answer, Harness, options};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

fn asked(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

/// A gateway with these variables and the simulator, whatever the variables say.
async fn with(variables: &[(&str, &str)]) -> Result<Harness> {
    let mut options = options()?;
    options.simulator = SimulatorStart::Always;
    options.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Harness::start_with(options).await
}

fn calls(answer: &Answer) -> Vec<String> {
    let without_ms = |call: &str| call.rsplit_once(';').map(|(call, _)| call.to_owned()).unwrap_or_default();
    answer.header("x-gateway-attempts").split(", ").map(without_ms).collect()
}

/// How often the simulator was asked in that way.
fn exchanges(gateway: &Harness, scenario: &str) -> usize {
    gateway.journal("").iter().filter(|entry| entry.scenario == scenario).count()
}

#[tokio::test]
async fn f6_a_living_token_is_used_while_its_endpoint_is_down() -> Result<()> {
    let gateway = Harness::start().await?;
    let simulator = gateway.stack.support.simulator.clone().unwrap();
    // Within five minutes of its end a token is renewed before it is used.
    simulator.set_token_lifetime(200);
    assert_eq!(calls(&gateway.post(CHAT, &asked("gemini-3-flash")).await?), ["vertex-gemini;200"]);
    simulator.set_token_status(500);
    assert_eq!(calls(&gateway.post(CHAT, &asked("gemini-3-flash")).await?), ["vertex-gemini;200"]);
    Ok(())
}

#[tokio::test]
async fn f7_without_any_token_the_next_route_answers() -> Result<()> {
    let gateway = Harness::start().await?;
    gateway.stack.support.simulator.clone().unwrap().set_token_status(503);
    let answer = gateway.post(CHAT, &asked("gemini-3-flash")).await?;
    assert_eq!((answer.status, calls(&answer)), (200, vec!["vertex-gemini;502".to_owned(), "openrouter;200".to_owned()]));
    let alone = with(&[("OPENROUTER_API_KEY", "")]).await?;
    alone.stack.support.simulator.clone().unwrap().set_token_status(503);
    let refused = alone.post(CHAT, &asked("gemini-3-flash")).await?;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn f8_a_revoked_token_is_replaced_within_the_request() -> Result<()> {
    let gateway = Harness::start().await?;
    gateway.post(CHAT, &asked("gemini-3-flash")).await?;
    gateway.stack.support.simulator.clone().unwrap().revoke_tokens();
    let answer = gateway.post(CHAT, &asked("gemini-3-flash")).await?;
    assert_eq!(calls(&answer), ["vertex-gemini;401", "vertex-gemini;200"]);
    assert_eq!(exchanges(&gateway, "token"), 2);
    Ok(())
}

#[tokio::test]
async fn the_functions_role_buys_googles_tokens_with_and_without_impersonation() -> Result<()> {
    for (impersonate, exchanged) in [(false, 0), (true, 1)] {
        let json = external_account_json(ORIGIN_PLACEHOLDER, impersonate);
        let gateway = with(&[("GOOGLE_APPLICATION_CREDENTIALS_JSON", &json), ("AWS_SESSION_TOKEN", "session")]).await?;
        for model in ["gemini-3-flash", "gemini-3-pro"] {
            assert_eq!(calls(&gateway.post(CHAT, &asked(model)).await?), ["vertex-gemini;200"], "{impersonate}");
        }
        let seen = ["sts", "impersonate", "token", "refused"].map(|scenario| exchanges(&gateway, scenario));
        assert_eq!(seen, [1, exchanged, 0, 0], "{impersonate}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rotated_key_is_read_again_from_the_parameter_store() -> Result<()> {
    let variables = [
        ("OPENROUTER_API_KEY", ""),
        ("OPENROUTER_API_KEY_PARAMETER", "/gateway/openrouter"),
        ("AWS_ENDPOINT_URL_SSM", "{simulator}/ssm"),
    ];
    let gateway = with(&variables).await?;
    let simulator = gateway.stack.support.simulator.clone().unwrap();
    simulator.set_parameter("/gateway/openrouter", "sk-or-one");
    simulator.set_openrouter_key("sk-or-one");
    assert_eq!(calls(&gateway.post(CHAT, &asked("gpt-5.2")).await?), ["openrouter;200"]);
    assert_eq!(exchanges(&gateway, "get-parameter"), 1);
    simulator.set_parameter("/gateway/openrouter", "sk-or-two");
    simulator.set_openrouter_key("sk-or-two");
    assert_eq!(calls(&gateway.post(CHAT, &asked("gpt-5.2")).await?), ["openrouter;401", "openrouter;200"]);
    assert_eq!(calls(&gateway.post(CHAT, &asked("gpt-5.2")).await?), ["openrouter;200"]);
    assert_eq!(exchanges(&gateway, "get-parameter"), 2);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!gateway.stack.logs.lines().iter().any(|line| line.contains("sk-or-")), "a secret in the logs");
    Ok(())
}

#[tokio::test]
async fn a_provider_whose_token_cannot_be_had_is_unhealthy_at_once_and_healthy_again_with_the_next_one() -> Result<()> {
    let gateway = Harness::start().await?;
    let simulator = gateway.stack.support.simulator.clone().unwrap();
    simulator.set_token_status(503);
    gateway.post(CHAT, &asked("gemini-3-flash")).await?;
    let health = gateway.get("/health").await?.json();
    assert_eq!(health["providers"], json!({"vertexGemini": false, "vertexClaude": true, "openrouter": true}));
    simulator.set_token_status(200);
    assert_eq!(calls(&gateway.post(CHAT, &asked("gemini-3-flash")).await?), ["vertex-gemini;200"]);
    // Other environments read what is shared every five seconds.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(gateway.get("/health").await?.json()["providers"]["vertexGemini"], true);
    Ok(())
}

#[tokio::test]
async fn a_provider_that_refuses_connections_is_unhealthy_at_once() -> Result<()> {
    let gateway = with(&[("OPENROUTER_BASE_URL", "http://127.0.0.1:1/api/v1")]).await?;
    let answer = gateway.get("/health").await?;
    let providers = json!({"vertexGemini": true, "vertexClaude": true, "openrouter": false});
    assert_eq!((answer.status, &answer.json()["providers"]), (200, &providers));
    assert!(gateway.journal("").is_empty(), "no provider was called");
    let refused = "http://127.0.0.1:1";
    let gateway = with(&[("OPENROUTER_BASE_URL", refused), ("VERTEX_BASE_URL", refused)]).await?;
    let answer = gateway.get("/health").await?;
    assert_eq!((answer.status, &answer.json()["status"]), (503, &json!("unavailable")));
    Ok(())
}
