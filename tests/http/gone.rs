//! Models that a provider no longer serves, and the models that serve their requests instead.

use anyhow::{Context as _, Result};
use gateway::catalog::Catalog;
use gateway::ids::{ProviderId, UpstreamModel};
use gateway::ledger::{self, Timestamp, verify};
use gateway::money::PicoUsd;
use gateway::store::items::{Record, RouteName, RouteState};
use gateway_dev::stack::Options;
use gateway_tests::{Answer, Harness, options};
use serde_json::{Value, json};

use crate::catalog::{entry, with_entries};

const CHAT: &str = "/v1/chat/completions";

/// A request with this marker for the simulator.
fn ask(model: &str, marker: &str) -> Value {
    json!({"model": model, "max_tokens": 90, "messages": [{"role": "user", "content": format!("hi {marker}")}]})
}

fn status_and_model(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.header("x-gateway-model"))
}

async fn last_record(gateway: &Harness) -> Result<Record> {
    let records = gateway.stack.support.store.records(&gateway.key_id()?, Timestamp::UNIX_EPOCH).await?;
    records.into_iter().last().context("a record")
}

async fn state_of(gateway: &Harness, provider: ProviderId, upstream: &str) -> Result<Option<RouteState>> {
    let route = RouteName::new(provider, &UpstreamModel::parse(upstream).context("a name")?);
    Ok(gateway.stack.support.store.route_states().await?.get(&route).copied())
}

/// Options with Vertex AI, unlike those of `with_entries`.
fn with_vertex(mut options: Options) -> Options {
    options.variables.retain(|(name, _)| name != "GOOGLE_APPLICATION_CREDENTIALS_JSON");
    options
}

#[tokio::test]
async fn a_route_whose_model_is_gone_is_left_alone_for_an_hour_and_its_provider_is_healthy() -> Result<()> {
    let routes = "[[\"vertex-gemini\", \"gemini-3-pro-preview\"], [\"openrouter\", \"x/older\"]]";
    let (_file, options) = with_entries("gone-route", &[entry("older", routes, "")])?;
    let gateway = Harness::start_with(with_vertex(options)).await?;
    let first = gateway.post(CHAT, &ask("older", "")).await?;
    assert_eq!(status_and_model(&first), (200, "x/older"), "{}", first.body);
    assert!(first.header("x-gateway-attempts").starts_with("vertex-gemini;404;"), "{first:?}");
    let second = gateway.post(CHAT, &ask("older", "")).await?;
    assert!(second.header("x-gateway-attempts").starts_with("openrouter;200;"), "{second:?}");
    let state = state_of(&gateway, ProviderId::VertexGemini, "gemini-3-pro-preview").await?.context("a state")?;
    assert_eq!((state.is_gone, state.cool_down), (true, 3_600_000));
    assert_eq!(gateway.get("/health").await?.json()["providers"]["vertexGemini"], true);
    Ok(())
}

#[tokio::test]
async fn another_404_goes_elsewhere_and_is_not_remembered() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post(CHAT, &ask("claude-opus-4.6", "[[sim:error status=404 on=claude]]")).await?;
    assert_eq!(status_and_model(&answer), (200, "anthropic/claude-opus-4.6"), "{}", answer.body);
    assert_eq!(state_of(&gateway, ProviderId::VertexClaude, "claude-opus-4-6").await?, None);
    Ok(())
}

#[tokio::test]
async fn the_client_hears_of_it_only_when_no_route_is_left() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post(CHAT, &ask("gpt-5.2", "[[sim:error status=404]]")).await?;
    assert_eq!((answer.status, answer.header("x-should-retry")), (404, "false"));
    let error = &answer.json()["error"];
    assert_eq!((&error["code"], &error["param"]), (&json!("model_not_served"), &json!("model")));
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("No provider of this gateway serves the model at the moment: "), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_model_of_the_contract_falls_back_to_its_replacement_which_is_shown_recorded_and_charged() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post(CHAT, &ask("gpt-5-nano", "[[sim:error status=404 times=1]]")).await?;
    assert_eq!(status_and_model(&answer), (200, "openai/gpt-6-luna"), "{}", answer.body);
    assert_eq!(answer.json()["model"], "gpt-5-nano");
    assert_eq!(answer.header("x-model-replacement"), "gpt-6-luna");
    let record = last_record(&gateway).await?;
    let names = (record.model.as_str(), record.served_model.as_str(), record.upstream_model.as_str());
    assert_eq!(names, ("gpt-5-nano", "gpt-6-luna", "openai/gpt-6-luna"));
    let catalog = Catalog::embedded()?;
    let luna = catalog.resolve("gpt-6-luna").ok().context("the model")?;
    assert_eq!(record.charged, ledger::cost(&record.usage, &luna.tariff));
    assert_eq!(PicoUsd::parse_usd(&answer.json()["usage"]["cost"].to_string()), Some(record.charged));
    let verified = verify(&gateway.stack.support.store, &catalog, |_| {}).await?;
    assert!(verified.violations.is_empty(), "{:?}", verified.violations);
    Ok(())
}

#[tokio::test]
async fn a_trouble_of_the_moment_is_no_reason_for_another_model() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post(CHAT, &ask("gpt-5-nano", "[[sim:error status=529]]")).await?;
    assert_eq!(status_and_model(&answer), (503, "openai/gpt-5-nano"));
    Ok(())
}

#[tokio::test]
async fn a_model_without_a_configured_route_is_served_by_its_replacements() -> Result<()> {
    let mut options = options()?;
    options.variables.push(("OPENROUTER_API_KEY".to_owned(), String::new()));
    let gateway = Harness::start_with(options).await?;
    let answer = gateway.post(CHAT, &ask("gemini-2.5-flash", "")).await?;
    assert_eq!(status_and_model(&answer), (200, "gemini-3.5-flash-lite"), "{}", answer.body);
    Ok(())
}

#[tokio::test]
async fn other_models_fall_back_where_the_deployment_says_so() -> Result<()> {
    let lines = "deprecated = \"2026-11-30\"\nreplacement = \"gpt-5.2\"";
    let gone = format!("{lines}\ngone = true");
    let entries = [
        entry("old-1", "[[\"openrouter\", \"google/gemini-3-pro-preview\"]]", lines),
        entry("older-1", "[[\"openrouter\", \"x/older-1\"]]", &gone),
    ];
    let (_file, options) = with_entries("fallback", &entries)?;
    for (setting, expected) in [
        (None, [(404, "google/gemini-3-pro-preview"), (410, "")]),
        (Some("replacement"), [(200, "openai/gpt-5.2"), (200, "openai/gpt-5.2")]),
    ] {
        let mut options = options.clone();
        options.variables.extend(setting.map(|value| ("MODEL_FALLBACK".to_owned(), value.to_owned())));
        let gateway = Harness::start_with(options).await?;
        for (model, expected) in ["old-1", "older-1"].into_iter().zip(expected) {
            let answer = gateway.post(CHAT, &ask(model, "")).await?;
            assert_eq!(status_and_model(&answer), expected, "{setting:?} {model}: {}", answer.body);
        }
    }
    Ok(())
}
