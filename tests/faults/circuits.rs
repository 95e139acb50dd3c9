//! Routes that are known to be broken, over many environments.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use gateway::ids::{ProviderId, UpstreamModel};
use gateway::store::items::{RouteName, RouteState};
use gateway_tests::{Harness, generous};
use serde_json::{Value, json};

use super::account::rested;

const CHAT: &str = "/v1/chat/completions";

fn asked(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": text}]})
}

fn claude(model: &str) -> Result<RouteName> {
    Ok(RouteName::new(ProviderId::VertexClaude, &UpstreamModel::parse(model).context("a model's name")?))
}

fn openrouter(model: &str) -> Result<RouteName> {
    Ok(RouteName::new(ProviderId::OpenRouter, &UpstreamModel::parse(model).context("a model's name")?))
}

/// Milliseconds since the epoch, so many from now.
fn at(offset: i64) -> Result<u64> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    Ok(u64::try_from(now + offset)?)
}

async fn state(gateway: &Harness, route: &RouteName) -> Result<RouteState> {
    Ok(gateway.stack.support.store.route_states().await?.get(route).copied().unwrap_or_default())
}

async fn set(gateway: &Harness, route: &RouteName, open_until: u64) -> Result<()> {
    let state = RouteState { failures: 5, open_until, cool_down: 10_000, ..RouteState::default() };
    assert!(gateway.stack.support.store.change_route(route, 0, state).await?);
    Ok(())
}

fn calls(gateway: &Harness, label: &str, provider: &str) -> usize {
    gateway.journal(label).iter().filter(|entry| entry.provider == provider).count()
}

#[tokio::test]
async fn five_failures_of_one_key_close_a_route_off_for_their_environment_alone() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = asked("claude-opus-4.6", "hi [[sim:error status=503 on=claude label=alone]]");
    for _ in 0..7 {
        assert_eq!(gateway.post(CHAT, &body).await?.status, 200);
        rested(&gateway).await?;
    }
    assert_eq!((calls(&gateway, "alone", "claude"), calls(&gateway, "alone", "openrouter")), (5, 7));
    let closed = state(&gateway, &claude("claude-opus-4-6")?).await?;
    assert_eq!(closed, RouteState { failures: 5, keys: 1, ..RouteState::default() });
    // The messages function is another process.
    as_messages(&gateway, "alone").await?;
    assert_eq!(calls(&gateway, "alone", "claude"), 6);
    Ok(())
}

/// Sends a request to the other function, whose process has never seen a failure. Its script always succeeds.
async fn as_messages(gateway: &Harness, label: &str) -> Result<()> {
    let body = asked("claude-opus-4.6", &format!("hi [[sim:echo label={label}]]"));
    assert_eq!(gateway.post("/v1/messages", &body).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn five_failures_in_a_row_of_two_keys_close_a_route_off_for_every_environment() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = asked("claude-opus-4.6", "hi [[sim:error status=503 on=claude label=down]]");
    assert_eq!(gateway.post_as_another(CHAT, &body).await?.status, 200);
    rested(&gateway).await?;
    for _ in 0..6 {
        assert_eq!(gateway.post(CHAT, &body).await?.status, 200);
        rested(&gateway).await?;
    }
    assert_eq!((calls(&gateway, "down", "claude"), calls(&gateway, "down", "openrouter")), (5, 7));
    let open = state(&gateway, &claude("claude-opus-4-6")?).await?;
    assert_eq!((open.failures, open.cool_down), (5, 10_000));
    as_messages(&gateway, "down").await?;
    assert_eq!(calls(&gateway, "down", "claude"), 5);
    Ok(())
}

#[tokio::test]
async fn a_success_in_between_keeps_a_route_open_to_all() -> Result<()> {
    let gateway = Harness::start().await?;
    for _ in 0..3 {
        for text in ["hi [[sim:error status=503 on=claude]]", "hi [[sim:error status=503 on=claude]]", "hi"] {
            assert_eq!(gateway.post(CHAT, &asked("claude-opus-4.6", text)).await?.status, 200);
        }
    }
    assert_eq!(state(&gateway, &claude("claude-opus-4-6")?).await?, RouteState::default());
    Ok(())
}

/// Sends a request eight times at once.
async fn eight(gateway: &Harness, body: &Value) -> Result<()> {
    let answers = futures_util::future::try_join_all((0..8).map(|_| gateway.post(CHAT, body))).await?;
    assert!(answers.iter().all(|answer| answer.status == 200));
    Ok(())
}

#[tokio::test]
async fn after_the_cool_down_one_request_of_many_is_the_probe() -> Result<()> {
    for (script, closed) in
        [("silent ms=2000", true), ("silent ms=2000 on=openrouter]] [[sim:error status=500 on=claude", false)]
    {
        let gateway = Harness::start().await?;
        let route = claude("claude-opus-4-6")?;
        set(&gateway, &route, at(-1)?).await?;
        // With all processes started, the others come while the probe is under way.
        eight(&gateway, &asked("gpt-5-nano", "start [[sim:silent ms=1000]]")).await?;
        eight(&gateway, &asked("claude-opus-4.6", &format!("hi [[sim:{script} label=probe]]"))).await?;
        assert_eq!(calls(&gateway, "probe", "claude"), 1, "{script}");
        let after = state(&gateway, &route).await?;
        assert_eq!((after.open_until == 0, after.cool_down), if closed { (true, 0) } else { (false, 20_000) }, "{script}");
    }
    Ok(())
}

#[tokio::test]
async fn a_probe_whose_request_shows_nothing_leaves_the_next_request_as_the_probe() -> Result<()> {
    let gateway = Harness::start().await?;
    let route = claude("claude-opus-4-6")?;
    set(&gateway, &route, at(-1)?).await?;
    let unanswered = asked("claude-opus-4.6", "hi [[sim:no-answer on=claude label=given-back]]");
    assert_eq!(gateway.post(CHAT, &unanswered).await?.header("x-gateway-provider"), "openrouter");
    rested(&gateway).await?;
    let next = gateway.post(CHAT, &asked("claude-opus-4.6", "hi")).await?;
    assert_eq!(next.header("x-gateway-provider"), "vertex-claude");
    assert_eq!(state(&gateway, &route).await?, RouteState::default());
    Ok(())
}

/// The shortest pause before a route is tried again.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

#[tokio::test]
async fn the_last_candidate_is_asked_once_and_fast_however_broken_it_is_said_to_be() -> Result<()> {
    let gateway = Harness::start().await?;
    let route = openrouter("openai/gpt-5.2")?;
    gateway.post(CHAT, &asked("gpt-5.2", "warm")).await?;
    set(&gateway, &route, at(60_000)?).await?;
    // The states are read again after five seconds.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (mut served, mut failed) = (Duration::MAX, Duration::MAX);
    for calls_so_far in 1..=5 {
        let started = Instant::now();
        assert_eq!(gateway.post(CHAT, &asked("gpt-5-mini", "hi")).await?.status, 200);
        served = served.min(started.elapsed());
        let started = Instant::now();
        let refused = gateway.post(CHAT, &asked("gpt-5.2", "hi [[sim:error status=503 label=broken]]")).await?;
        failed = failed.min(started.elapsed());
        assert_eq!((refused.status, calls(&gateway, "broken", "openrouter")), (503, calls_so_far));
    }
    // A failed request takes about as long as an answer and the write of the route's state. The gateway does not pause for a
    // retry.
    assert!(failed < 2 * served + SHORTEST_PAUSE, "{failed:?} after {served:?}");
    assert_eq!(gateway.post(CHAT, &asked("gpt-5.2", "hi")).await?.status, 200);
    assert_eq!(state(&gateway, &route).await?, RouteState::default());
    Ok(())
}

#[tokio::test]
async fn an_empty_account_is_left_alone_for_ten_minutes() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = asked("claude-opus-4.6", "hi [[sim:error status=402 on=claude label=broke]]");
    for _ in 0..2 {
        assert_eq!(gateway.post(CHAT, &body).await?.status, 200);
    }
    assert_eq!(calls(&gateway, "broke", "claude"), 1);
    assert_eq!(state(&gateway, &claude("claude-opus-4-6")?).await?.cool_down, 600_000);
    Ok(())
}

/// Longest time that a reading of the routes' states may take.
const LONGEST_READING: Duration = Duration::from_millis(300);

#[tokio::test]
async fn health_tells_what_all_environments_know() -> Result<()> {
    let gateway = Harness::start().await?;
    let health = async || {
        let started = Instant::now();
        let answer = gateway.get("/health").await?;
        assert!(started.elapsed() < generous(LONGEST_READING), "{:?}", started.elapsed());
        anyhow::Ok((answer.status, answer.json()))
    };
    gateway.get("/health").await?;
    set(&gateway, &claude("claude-opus-4-6")?, at(60_000)?).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let providers = json!({"vertexGemini": true, "vertexClaude": false, "openrouter": true});
    assert_eq!(health().await?, (200, json!({"status": "ok", "providers": providers})));
    set(&gateway, &openrouter("openai/gpt-5.2")?, at(60_000)?).await?;
    let gemini = RouteName::new(ProviderId::VertexGemini, &UpstreamModel::parse("gemini-2.5-pro").context("a name")?);
    set(&gateway, &gemini, at(60_000)?).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let providers = json!({"vertexGemini": false, "vertexClaude": false, "openrouter": false});
    assert_eq!(health().await?, (503, json!({"status": "unavailable", "providers": providers})));
    assert!(gateway.journal("").is_empty(), "no provider was called");
    Ok(())
}
