//! Which keys the gateway accepts.

use std::time::{Duration, Instant};

use anyhow::Result;
use gateway::admission::issue_key;
use gateway::auth::ApiKey;
use gateway::store::items::Limits;
use gateway_tests::{Answer, Harness, generous, options, read};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

fn without_request_id(answer: &Answer) -> Value {
    let mut body = answer.json();
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("request_id");
    }
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    body
}

async fn with_headers(gateway: &Harness, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let request = gateway.client.get(format!("{}{path}", gateway.stack.url));
    read(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn missing_foreign_mistyped_unknown_and_disabled_keys_are_all_unauthorized_and_a_hint_says_what_is_missing()
-> Result<()> {
    let gateway = Harness::start().await?;
    let store = &gateway.stack.support.store;
    let (disabled, id) = issue_key(store, "off", Limits::none(), false).await?;
    store.disable_key(&id).await?;
    let elsewhere = Harness::start().await?;
    let mut mistyped = gateway.stack.key().to_owned();
    mistyped.replace_range(20..21, if &mistyped[20..21] == "a" { "b" } else { "a" });
    let (missing, foreign, malformed) = ("No key was sent", "not a key of this gateway", "mistyped or cut off");
    let wrong = [
        (vec![], Some(missing)),
        (vec![("x-api-key", "sk-ant-foreign")], Some(foreign)),
        (vec![("authorization", "Bearer sk-foreign")], Some(foreign)),
        (vec![("x-api-key", mistyped.as_str())], Some(malformed)),
        // The answers must not show which keys exist.
        (vec![("x-api-key", elsewhere.stack.key())], None),
        (vec![("x-api-key", disabled.expose_secret())], None),
    ];
    for (headers, hint) in wrong {
        for _ in 0..2 {
            let answer = with_headers(&gateway, "/v1/models", &headers).await?;
            assert_eq!(answer.status, 401, "{headers:?}");
            let mut body = without_request_id(&answer);
            let told = body["error"].as_object_mut().and_then(|error| error.remove("hint"));
            assert_eq!(body, json!({"error": {"message": "Unauthorized", "type": "auth_error"}}), "{headers:?}");
            let told = told.as_ref().and_then(|hint| hint.as_str());
            assert!(
                told.is_some() == hint.is_some() && told.unwrap_or_default().contains(hint.unwrap_or_default()),
                "{told:?}"
            );
            assert_eq!(answer.header("x-should-retry"), "false");
        }
    }
    Ok(())
}

#[tokio::test]
async fn anthropic_clients_get_their_own_401_body() -> Result<()> {
    let gateway = Harness::start().await?;
    let request = gateway.client.post(format!("{}/v1/messages", gateway.stack.url)).body("{}");
    let answer = read(request).await?;
    assert_eq!(answer.status, 401);
    let hint = "No key was sent. Send yours in the header X-API-Key, or as Authorization: Bearer bk_...";
    let expected = json!({"type": "error", "error": {"message": "Unauthorized", "type": "auth_error", "hint": hint}});
    assert_eq!(without_request_id(&answer), expected);
    assert_eq!(answer.json()["request_id"], answer.header("request-id"));
    Ok(())
}

#[tokio::test]
async fn a_key_works_in_either_header_and_next_to_a_foreign_credential() -> Result<()> {
    let gateway = Harness::start().await?;
    let (key, bearer) = (gateway.stack.key(), format!("Bearer {}", gateway.stack.key()));
    for headers in [
        vec![("x-api-key", key)],
        vec![("authorization", bearer.as_str())],
        vec![("x-api-key", key), ("authorization", bearer.as_str())],
        vec![("x-api-key", "sk-foreign"), ("authorization", bearer.as_str())],
        vec![("x-api-key", key), ("authorization", "Bearer sk-foreign")],
    ] {
        assert_eq!(with_headers(&gateway, "/v1/models", &headers).await?.status, 200, "{headers:?}");
    }
    Ok(())
}

#[tokio::test]
async fn two_different_keys_are_a_400() -> Result<()> {
    let gateway = Harness::start().await?;
    let (other, _) = issue_key(&gateway.stack.support.store, "other", Limits::none(), false).await?;
    let bearer = format!("Bearer {}", other.expose_secret());
    let headers = [("x-api-key", gateway.stack.key()), ("authorization", bearer.as_str())];
    let answer = with_headers(&gateway, "/v1/models", &headers).await?;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["code"], "conflicting_keys");
    Ok(())
}

/// Longest time that reading a key may take when the table does not answer.
const LONGEST: Duration = Duration::from_secs(1);

#[tokio::test]
async fn with_the_table_out_of_reach_a_key_gets_503_and_never_401() -> Result<()> {
    let mut options = options()?;
    options.variables.push(("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), "http://127.0.0.1:1".to_owned()));
    let gateway = Harness::start_with(options).await?;
    let before = Instant::now();
    let answer = gateway.get("/v1/models").await?;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["error"]["type"], "upstream_error");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(before.elapsed() < generous(LONGEST), "{:?}", before.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_stored_key_is_its_digest_and_never_its_text() -> Result<()> {
    let gateway = Harness::start().await?;
    let key = ApiKey::parse(gateway.stack.key()).unwrap();
    let listed = gateway.stack.support.store.list_keys().await?;
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].id, listed[0].last4.as_str()), (key.id(), key.last4()));
    gateway.get("/v1/models").await?;
    let logs = gateway.stack.logs.lines().join("\n");
    assert!(!logs.contains(gateway.stack.key()));
    Ok(())
}
