//! The functions behind an edge such as `CloudFront`. They answer only its calls, and take the client's address from it.

use anyhow::Result;
use gateway_tests::{Answer, Harness, eventually, options, read};
use serde_json::{Value, json};

use crate::bk::created;

const CURRENT: &str = "current-secret-of-the-edge-0123456789";
const PREVIOUS: &str = "previous-secret-of-the-edge-0123456789";
const HEADER: &str = "x-gateway-origin-secret";

async fn behind_an_edge() -> Result<Harness> {
    let mut options = options()?;
    let variables = [("ORIGIN_SECRET", CURRENT), ("ORIGIN_SECRET_PREVIOUS", PREVIOUS)];
    options.variables.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Harness::start_with(options).await
}

/// A chat request with headers of its own.
async fn chat(gateway: &Harness, key: &str, text: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let body = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": text}]});
    let request = gateway.client.post(format!("{}/v1/chat/completions", gateway.stack.url)).bearer_auth(key);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    read(request.header("content-type", "application/json").body(body.to_string())).await
}

#[tokio::test]
async fn a_call_that_does_not_come_through_the_edge_is_a_403_whatever_it_asks_for() -> Result<()> {
    let gateway = behind_an_edge().await?;
    for (method, path) in [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/messages"),
        ("GET", "/v1/models"),
        ("GET", "/health"),
        ("OPTIONS", "/v1/messages"),
        ("GET", "/v1/nothing"),
    ] {
        for secret in [None, Some("wrong"), Some("")] {
            let request = gateway.request(method, path);
            let answer = read(secret.into_iter().fold(request, |request, secret| request.header(HEADER, secret))).await?;
            let body = answer.json();
            let error = &body["error"];
            assert_eq!(answer.status, 403, "{method} {path} {secret:?}");
            assert_eq!((&error["type"], &error["code"]), (&json!("permission_error"), &json!("direct_call")));
            assert_eq!(body["type"] == "error", path == "/v1/messages", "{body}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn both_secrets_of_a_rotation_are_answered_and_no_provider_sees_them() -> Result<()> {
    let gateway = behind_an_edge().await?;
    for secret in [CURRENT, PREVIOUS] {
        let answer = chat(&gateway, gateway.stack.key(), "hi [[sim:echo label=edge]]", &[(HEADER, secret)]).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let health = read(gateway.request("GET", "/health").header(HEADER, secret)).await?;
        assert_eq!(health.status, 200);
    }
    let journal = format!("{:?}", gateway.stack.support.simulator.as_ref().unwrap().journal());
    for seen in [journal, gateway.stack.logs.lines().join("\n")] {
        assert!(!seen.is_empty() && !seen.contains("secret-of-the-edge"), "{seen}");
    }
    Ok(())
}

#[tokio::test]
async fn behind_the_edge_a_key_is_held_to_the_address_that_the_edge_saw() -> Result<()> {
    let gateway = behind_an_edge().await?;
    let (_, key) = created(&gateway, &["--cidrs", "203.0.113.0/24"]).await?;
    for (client_claims, viewer, status) in [
        ("198.51.100.1", "203.0.113.7:4711", 200),
        ("203.0.113.7", "198.51.100.1:4711", 403),
        ("203.0.113.7", "2001:db8::7:4711", 403),
    ] {
        let seen = through_cloudfront(client_claims, viewer);
        let headers: Vec<(&str, &str)> = seen.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = chat(&gateway, &key, "hi", &headers).await?;
        assert_eq!(answer.status, status, "{client_claims} {viewer}: {}", answer.body);
    }
    Ok(())
}

/// The headers of a call by a viewer who claims another address. `CloudFront` adds its secret and the viewer's address, and
/// replaces what the client sent. It appends the viewer to `x-forwarded-for`, of which Lambda keeps the leftmost value.
fn through_cloudfront(client_claims: &str, viewer: &str) -> Vec<(&'static str, String)> {
    let viewers_ip = viewer.rsplit_once(':').map_or(viewer, |(address, _)| address);
    let forwarded_for = format!("{client_claims}, {viewers_ip}");
    let leftmost = forwarded_for.split(',').next().unwrap_or_default().to_owned();
    vec![(HEADER, CURRENT.to_owned()), ("cloudfront-viewer-address", viewer.to_owned()), ("x-forwarded-for", leftmost)]
}

#[tokio::test]
async fn behind_an_edge_that_does_not_name_its_viewer_a_key_with_networks_is_refused() -> Result<()> {
    let gateway = behind_an_edge().await?;
    let (_, bound) = created(&gateway, &["--cidrs", "203.0.113.0/24"]).await?;
    let (_, free) = created(&gateway, &[]).await?;
    let headers = [(HEADER, CURRENT), ("x-forwarded-for", "203.0.113.7")];
    assert_eq!(chat(&gateway, &bound, "hi", &headers).await?.status, 403);
    assert_eq!(chat(&gateway, &free, "hi", &headers).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn without_an_edge_no_client_can_claim_an_address() -> Result<()> {
    let gateway = Harness::start().await?;
    let (_, key) = created(&gateway, &["--cidrs", "203.0.113.0/24"]).await?;
    let headers = [(HEADER, CURRENT), ("cloudfront-viewer-address", "203.0.113.7:4711"), ("x-forwarded-for", "203.0.113.7")];
    assert_eq!(chat(&gateway, &key, "hi", &headers).await?.status, 403);
    Ok(())
}

/// The log lines that the alarm for server errors counts. The alarm's own pattern selects them.
fn statuses(gateway: &Harness) -> Vec<u64> {
    let lines = gateway.stack.logs.lines();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line["http_status"].as_u64()).collect()
}

#[tokio::test]
async fn every_refusal_is_one_log_line_with_its_status() -> Result<()> {
    let gateway = Harness::start().await?;
    assert_eq!(gateway.get("/v1/nothing").await?.status, 404);
    let failing = chat(&gateway, gateway.stack.key(), "hi [[sim:error status=500]]", &[]).await?;
    assert_eq!(chat(&gateway, gateway.stack.key(), "hi", &[]).await?.status, 200);
    let expected = vec![404, u64::from(failing.status)];
    assert_eq!(failing.status, 502);
    eventually("both refusals are logged", async || Ok(statuses(&gateway).len() >= 2)).await?;
    assert_eq!(statuses(&gateway), expected);
    Ok(())
}
