//! `POST /v1/messages/count_tokens`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use gateway::admission::issue_key;
use gateway::catalog::Catalog;
use gateway::document::Document;
use gateway::ids::{KeyId, ProviderId, UpstreamModel};
use gateway::store::items::{Limits, RouteName};
use gateway::wire::{Measured, WireFormat};
use gateway_tests::rich::PICTURE;
use gateway_tests::{Answer, Harness, generous, read};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

const COUNT: &str = "/v1/messages/count_tokens";

fn question(model: &str) -> Value {
    json!({"model": model, "system": "be brief", "messages": [{"role": "user", "content": "How many tokens is this?"}],
           "tools": [{"name": "look", "input_schema": {"type": "object"}}]})
}

#[tokio::test]
async fn claude_and_gemini_count_themselves_and_the_rest_is_estimated() -> Result<()> {
    let gateway = Harness::start().await?;
    for model in ["claude-opus-4.6", "gemini-2.5-flash"] {
        let counted = gateway.post("/v1/messages/count_tokens?beta=true", &question(model)).await?;
        assert_eq!(counted.status, 200, "{}", counted.body);
        let mut asked = question(model);
        asked["max_tokens"] = json!(64);
        let answered = gateway.post("/v1/messages", &asked).await?.json();
        assert_eq!(counted.json()["input_tokens"], answered["usage"]["input_tokens"], "{model}");
    }
    let estimated = gateway.post("/v1/messages/count_tokens", &question("gpt-5.2")).await?.json();
    let mut asked = question("gpt-5.2");
    asked["max_tokens"] = json!(64);
    let real = gateway.post("/v1/messages", &asked).await?.json()["usage"]["input_tokens"].as_u64().unwrap();
    assert!(estimated["input_tokens"].as_u64().unwrap() >= real, "{estimated} against {real}");
    Ok(())
}

#[tokio::test]
async fn input_tokens_of_responses_are_counted_like_the_same_messages() -> Result<()> {
    let gateway = Harness::start().await?;
    let picture = format!("data:image/png;base64,{PICTURE}");
    for model in ["claude-opus-4.6", "gemini-2.5-flash", "gpt-5.2", "kimi-k2.5"] {
        let body = json!({
            "model": model, "instructions": "be brief",
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "Look."}, {"type": "input_image", "image_url": picture}]}],
            "tools": [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}],
        });
        let counted = gateway.post("/v1/responses/input_tokens", &body).await?;
        assert_eq!(
            (counted.status, counted.json()["object"].as_str()),
            (200, Some("response.input_tokens")),
            "{}",
            counted.body
        );
        let tokens = counted.json()["input_tokens"].as_u64().unwrap();
        let answered = gateway.post("/v1/responses", &body).await?.json();
        let real = answered["usage"]["input_tokens"].as_u64().unwrap();
        let is_counted = model.starts_with("claude") || model.starts_with("gemini");
        assert!(if is_counted { tokens == real } else { tokens >= real }, "{model}: {tokens} against {real}");
    }
    let wrong = gateway.post("/v1/responses/input_tokens", &json!({"model": "gpt-5.2", "input": 7})).await?;
    assert_eq!((wrong.status, wrong.json()["error"]["param"].as_str()), (400, Some("input")), "{}", wrong.body);
    Ok(())
}

#[tokio::test]
async fn a_count_is_sent_without_what_counting_refuses_and_leaves_no_record() -> Result<()> {
    let gateway = Harness::start().await?;
    let mut body = question("claude-opus-4.6");
    body["messages"][0]["content"] = json!("count me [[sim:echo label=count]]");
    body["max_tokens"] = json!(64);
    body["temperature"] = json!(0.5);
    assert_eq!(gateway.post("/v1/messages/count_tokens", &body).await?.status, 200);
    let entry = gateway.journal("count").pop().unwrap();
    let sent: Value = serde_json::from_str(&entry.body)?;
    let expected =
        json!({"model": "claude-opus-4-6", "system": "be brief", "messages": body["messages"], "tools": body["tools"]});
    assert_eq!(sent, expected);
    assert!(entry.path.ends_with("/models/count-tokens:rawPredict"), "{}", entry.path);
    assert_eq!(gateway.usage().await?.total.requests, 0);
    Ok(())
}

#[tokio::test]
async fn wrong_counts_are_refused_in_anthropics_words() -> Result<()> {
    let gateway = Harness::start().await?;
    let answer = gateway.post("/v1/messages/count_tokens", &json!({"model": "claude-opus-4.6", "messages": []})).await?;
    assert_eq!((answer.status, answer.json()["type"].as_str()), (400, Some("error")));
    assert_eq!(answer.json()["error"]["param"], "messages");
    Ok(())
}

/// The estimated count.
fn estimated(body: &Value) -> u64 {
    let document = Document::parse(body.to_string(), &[]).unwrap();
    let model = Catalog::embedded().unwrap().resolve(body["model"].as_str().unwrap()).unwrap();
    Measured::of_document(WireFormat::Anthropic, &document, &model.capabilities.media).estimated_input()
}

#[tokio::test]
async fn a_count_that_its_provider_does_not_answer_is_estimated() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = scripted("claude-opus-4.6", "error status=529 label=down");
    let answer = gateway.post(COUNT, &body).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["input_tokens"], estimated(&body));
    assert_eq!(gateway.journal("down").len(), 3);
    Ok(())
}

/// A request whose count follows the script.
fn scripted(model: &str, script: &str) -> Value {
    let mut body = question(model);
    body["messages"][0]["content"] = json!(format!("count [[sim:{script}]]"));
    body
}

#[tokio::test]
async fn a_count_is_estimated_whatever_its_provider_says_instead() -> Result<()> {
    let gateway = Harness::start().await?;
    for script in [
        "error status=400",
        "error status=401",
        "error status=403",
        "error status=404",
        "error status=413",
        "error status=422",
        "error status=429 retry-after=30",
        "error status=500",
        "secret",
        "moderated",
        "html",
        "empty",
        "reset",
        "huge-event",
        "error status=402",
    ] {
        for model in ["claude-opus-4.6", "gemini-2.5-flash"] {
            let body = scripted(model, script);
            let answer = gateway.post(COUNT, &body).await?;
            assert_eq!(answer.status, 200, "{model} {script}: {}", answer.body);
            assert_eq!(answer.json(), json!({"input_tokens": estimated(&body)}), "{model} {script}");
        }
    }
    Ok(())
}

/// How long the gateway waits for a count.
const LONGEST: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_count_that_does_not_come_is_estimated_in_time() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = scripted("claude-opus-4.6", "silent ms=50000");
    let before = Instant::now();
    let answer = gateway.post(COUNT, &body).await?;
    assert_eq!((answer.status, answer.json()["input_tokens"].as_u64()), (200, Some(estimated(&body))), "{}", answer.body);
    assert!(before.elapsed() < generous(LONGEST), "{:?}", before.elapsed());
    Ok(())
}

#[tokio::test]
async fn what_only_some_routes_can_carry_is_counted_or_estimated_everywhere() -> Result<()> {
    let gateway = Harness::start().await?;
    let document = json!([{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]);
    let mut cases = vec![("a file", json!({"messages": [{"role": "user", "content": document}]}))];
    let servers = json!([{"type": "url", "url": "https://mcp.example/sse", "name": "notes"}]);
    for tool in [
        json!({"type": "mcp_toolset", "mcp_server_name": "notes", "default_config": {"enabled": true}}),
        json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 3}),
        json!({"type": "web_fetch_20250910", "name": "web_fetch"}),
        json!({"type": "code_execution_20250825", "name": "code_execution"}),
        json!({"type": "bash_20250124", "name": "bash"}),
        json!({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}),
        json!({"type": "computer_20250124", "name": "computer", "display_width_px": 800, "display_height_px": 600}),
        json!({"type": "memory_20250818", "name": "memory"}),
        json!({"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}),
        json!({"type": "of_next_year_20271231"}),
    ] {
        cases.push(("a tool", json!({"mcp_servers": servers, "tools": [tool, {"name": "f", "input_schema": {}}]})));
    }
    for model in ["claude-opus-4.6", "claude-haiku-4.5", "gemini-2.5-flash", "gpt-5.2"] {
        for (what, fields) in &cases {
            let mut body = question(model);
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let answer = gateway.post(COUNT, &body).await?;
            assert_eq!(answer.status, 200, "{model} {what} {fields}: {}", answer.body);
            assert!(answer.json()["input_tokens"].as_u64().unwrap() > 0);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_counting_endpoint_fails_and_works_apart_from_its_model() -> Result<()> {
    let gateway = Harness::start().await?;
    let upstream = |name: &str| UpstreamModel::parse(name).unwrap();
    let (opus, sonnet) = (upstream("claude-opus-4-6"), upstream("claude-sonnet-4-5@20250929"));
    let states = async || gateway.stack.support.store.route_states().await;
    for _ in 0..5 {
        // Each request has another key. Failures of a single key do not open a circuit.
        assert_eq!(gateway.post_as_another(COUNT, &scripted("claude-opus-4.6", "error status=503")).await?.status, 200);
        let mut body = scripted("claude-sonnet-4.5", "error status=503 on=claude");
        body["max_tokens"] = json!(64);
        assert_eq!(gateway.post_as_another("/v1/messages", &body).await?.status, 200);
    }
    let known = states().await?;
    let is_open = |name: RouteName| known.get(&name).is_some_and(|state| state.open_until > 0);
    assert!(is_open(RouteName::counting(ProviderId::VertexClaude, &opus)), "{known:?}");
    assert!(is_open(RouteName::new(ProviderId::VertexClaude, &sonnet)), "{known:?}");
    assert_eq!(known.len(), 2, "{known:?}");
    // Each of the other two routes is used as before.
    let mut body = scripted("claude-opus-4.6", "echo label=opus");
    body["max_tokens"] = json!(64);
    let answer = gateway.post("/v1/messages", &body).await?;
    assert_eq!((answer.status, answer.header("x-gateway-provider")), (200, "vertex-claude"), "{}", answer.body);
    let counted = gateway.post(COUNT, &scripted("claude-sonnet-4.5", "echo label=sonnet")).await?;
    assert_eq!((counted.status, gateway.journal("sonnet").len()), (200, 1));
    Ok(())
}

#[tokio::test]
async fn failed_counts_speak_against_no_provider() -> Result<()> {
    let gateway = Harness::start().await?;
    for _ in 0..5 {
        gateway.post_as_another(COUNT, &scripted("claude-opus-4.6", "error status=503")).await?;
    }
    let health = gateway.get("/health").await?;
    assert_eq!((health.status, &health.json()["providers"]["vertexClaude"]), (200, &json!(true)), "{}", health.body);
    Ok(())
}

async fn issued(gateway: &Harness, limits: Limits, prepaid: bool) -> Result<(SecretString, KeyId)> {
    Ok(issue_key(&gateway.stack.support.store, "counting", limits, prepaid).await?)
}

async fn count(gateway: &Harness, key: &SecretString, model: &str) -> Result<Answer> {
    let request = gateway.client.post(format!("{}{COUNT}", gateway.stack.url)).bearer_auth(key.expose_secret());
    read(request.header("content-type", "application/json").body(question(model).to_string())).await
}

fn error(answer: &Answer) -> (u16, Value, Value) {
    let error = &answer.json()["error"];
    (answer.status, error["type"].clone(), error["code"].clone())
}

#[tokio::test]
async fn counts_are_refused_for_models_that_the_key_may_not_use() -> Result<()> {
    let gateway = Harness::start().await?;
    let models = vec!["gpt-5.2".to_owned()];
    for limits in [Limits { models: models.clone(), ..Limits::standard() }, Limits { models, ..Limits::none() }] {
        let (key, _) = issued(&gateway, limits, false).await?;
        for _ in 0..2 {
            assert_eq!(count(&gateway, &key, "gpt-5.2").await?.status, 200);
            let refused = count(&gateway, &key, "claude-opus-4.6").await?;
            assert_eq!(error(&refused), (403, json!("permission_error"), json!("model_not_allowed")), "{}", refused.body);
        }
    }
    Ok(())
}

/// Waits until the current minute has enough time left, so that the rate's window does not end during the test.
async fn early_in_a_minute() {
    let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 60;
    if second > 45 {
        tokio::time::sleep(Duration::from_secs(61 - second)).await;
    }
}

#[tokio::test]
async fn counts_take_requests_of_the_keys_rate_and_no_tokens() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, id) = issued(&gateway, Limits { rpm: 2, tpm: 1, ..Limits::standard() }, false).await?;
    early_in_a_minute().await;
    for left in ["1", "0"] {
        let counted = count(&gateway, &key, "gpt-5.2").await?;
        assert_eq!(counted.status, 200, "{}", counted.body);
        for header in ["x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"] {
            assert_eq!(counted.header(header), left, "{header}");
        }
        assert_eq!(counted.header("x-ratelimit-remaining-tokens"), "1");
    }
    // The second refusal comes from memory.
    for _ in 0..2 {
        let refused = count(&gateway, &key, "gpt-5.2").await?;
        assert_eq!(error(&refused), (429, json!("rate_limit_error"), json!("requests_per_minute")), "{}", refused.body);
        assert_eq!(refused.json()["error"]["message"], "Too many requests, please try again later.");
        let wait: u64 = refused.header("retry-after").parse()?;
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(refused.header("x-ratelimit-limit-requests"), "2");
        assert_eq!(refused.header("anthropic-ratelimit-requests-remaining"), "0");
    }
    // A refusal by the rate must not refuse other kinds of requests.
    let models = gateway.client.get(format!("{}/v1/models", gateway.stack.url)).bearer_auth(key.expose_secret());
    assert_eq!(read(models).await?.status, 200);
    let stored = gateway.stack.support.store.key(&id).await?.context("the key")?;
    assert_eq!((stored.requests_left, stored.tokens_left, stored.holds.len()), (0, 1, 0));
    Ok(())
}

#[tokio::test]
async fn counts_of_a_key_without_a_limit_write_nothing() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, id) = issued(&gateway, Limits::none(), false).await?;
    let before = gateway.stack.support.store.key(&id).await?;
    assert_eq!(count(&gateway, &key, "gpt-5.2").await?.status, 200);
    assert_eq!(gateway.stack.support.store.key(&id).await?, before);
    Ok(())
}

#[tokio::test]
async fn counts_cost_nothing_and_need_no_balance() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, id) = issued(&gateway, Limits::standard(), true).await?;
    assert_eq!(count(&gateway, &key, "claude-opus-4.6").await?.status, 200);
    let stored = gateway.stack.support.store.key(&id).await?.context("the key")?;
    assert_eq!((stored.balance, stored.requests_left), (0, 599));
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_switched_off_counts_nothing_from_the_next_request() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, id) = issued(&gateway, Limits::standard(), false).await?;
    assert_eq!(count(&gateway, &key, "gpt-5.2").await?.status, 200);
    gateway.stack.support.store.disable_key(&id).await?;
    assert_eq!(error(&count(&gateway, &key, "gpt-5.2").await?), (401, json!("auth_error"), Value::Null));
    Ok(())
}
