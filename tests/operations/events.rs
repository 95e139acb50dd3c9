//! The events in `events/` and their answers: a request for every endpoint, and one for every error that a single request can
//! cause.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};
use gateway::endpoints::Endpoint;
use gateway_dev::stack::FUNCTIONS;
use gateway_tests::{Harness, project};
use serde_json::Value;
use tokio::process::Command;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const EVENTS: &str = "text/event-stream";

/// The expected answer to an event.
pub struct Expectation {
    /// The file's name, without `.json`.
    pub event: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The start of `content-type`.
    pub kind: &'static str,
    /// Part of the body.
    pub part: &'static str,
}

const fn expect(event: &'static str, status: u16, kind: &'static str, part: &'static str) -> Expectation {
    Expectation { event, status, kind, part }
}

/// Every event.
pub const EXPECTED: &[Expectation] = &[
    expect("chat-completions", 200, JSON, r#""object":"chat.completion""#),
    expect("chat-completions-gzip", 200, JSON, r#""object":"chat.completion""#),
    expect("chat-completions-stream", 200, EVENTS, "data: [DONE]"),
    expect("messages", 200, JSON, r#""type":"message""#),
    expect("messages-stream", 200, EVENTS, "event: message_stop"),
    expect("responses", 200, JSON, r#""object":"response""#),
    expect("responses-stream", 200, EVENTS, "event: response.completed"),
    expect("count-tokens", 200, JSON, r#""input_tokens":"#),
    expect("compact", 200, JSON, r#""object":"response.compaction""#),
    expect("input-tokens", 200, JSON, r#""object":"response.input_tokens""#),
    expect("models", 200, JSON, r#""object":"list""#),
    expect("model", 200, JSON, r#""object":"model""#),
    expect("usage", 200, JSON, r#""object":"usage_summary""#),
    expect("usage-by-tag", 200, JSON, r#""groupBy":"tag""#),
    expect("requests", 200, JSON, r#"{"object":"list","data":["#),
    expect("credits", 200, JSON, r#""balanceUsd":"#),
    expect("dashboard", 200, HTML, "<title>Gateway dashboard</title>"),
    expect("dashboard-charts", 200, HTML, r#"<section class="cards""#),
    expect("openapi", 200, JSON, r#""openapi":"3.1.1""#),
    expect("docs", 200, HTML, "<title>API reference</title>"),
    expect("llms", 200, TEXT, "### POST /v1/chat/completions"),
    expect("health", 200, JSON, r#""status":"ok""#),
    // The type that the runtime adds, because a streamed answer always has one.
    expect("preflight", 204, "application/octet-stream", ""),
    expect("root", 200, JSON, ""),
    expect("error-400-invalid-json", 400, JSON, r#""type":"invalid_request_error""#),
    expect("error-400-missing-field", 400, JSON, r#""param":"messages""#),
    expect("error-400-missing-field-messages", 400, JSON, r#""type":"invalid_request_error""#),
    expect("error-400-usage-days", 400, JSON, r#""param":"days""#),
    expect("error-400-requests-limit", 400, JSON, r#""param":"limit""#),
    expect("error-401-no-key", 401, JSON, r#"{"error":{"message":"Unauthorized","type":"auth_error""#),
    expect("error-401-no-key-messages", 401, JSON, r#""type":"auth_error""#),
    expect("error-401-no-key-models", 401, JSON, r#""type":"auth_error""#),
    expect("error-401-wrong-key-count-tokens", 401, JSON, r#""type":"auth_error""#),
    expect("error-404-unknown-model", 404, JSON, r#""code":"model_not_found""#),
    expect("error-404-unknown-model-messages", 404, JSON, r#""type":"not_found_error""#),
    expect("error-404-unknown-path", 404, JSON, r#""code":"unknown_path""#),
    expect("error-404-unknown-request", 404, JSON, r#""code":"request_not_found""#),
    expect("error-405-wrong-method", 405, JSON, r#""code":"method_not_allowed""#),
    expect("error-405-wrong-method-health", 405, JSON, r#""code":"method_not_allowed""#),
    expect("error-413-too-large", 413, JSON, r#""type":"request_too_large""#),
    expect("error-415-unknown-encoding", 415, JSON, r#""type":"invalid_request_error""#),
    expect("error-426-websocket", 426, JSON, r#""code":"no_websocket""#),
    expect("error-429-provider", 429, JSON, r#""type":"rate_limit_error""#),
    expect("error-502-provider", 502, JSON, r#""type":"upstream_error""#),
    expect("error-502-provider-messages", 502, JSON, r#""type":"error""#),
    expect("error-529-provider-messages", 529, JSON, r#""type":"overloaded_error""#),
    expect("error-in-stream", 200, EVENTS, r#"data: {"error":"#),
    expect("error-in-messages-stream", 200, EVENTS, "event: error"),
    expect("error-in-responses-stream", 200, EVENTS, "event: response.failed"),
];

/// The text of an event with a key inserted, and its function.
pub fn event(name: &str, key: &str) -> (String, &'static str) {
    let text = fs::read_to_string(project().join("events").join(format!("{name}.json"))).unwrap();
    let path = serde_json::from_str::<Value>(&text).unwrap()["rawPath"].as_str().unwrap().to_owned();
    (text.replace("${GATEWAY_KEY}", key), Endpoint::function(Endpoint::of_path(&path).as_ref()))
}

/// Fails unless an answer in Lambda's form is the expected one.
pub fn check(expected: &Expectation, answer: &Value) {
    let body = answer["body"].as_str().unwrap_or_default();
    let kind = answer["headers"]["content-type"].as_str().unwrap_or_default();
    assert_eq!(answer["statusCode"], expected.status, "{}: {body}", expected.event);
    assert!(kind.starts_with(expected.kind), "{}: {kind}", expected.event);
    assert!(body.contains(expected.part), "{}: {body}", expected.event);
    assert!(answer["headers"]["x-request-id"].as_str().unwrap().starts_with("req_"), "{}", expected.event);
}

#[test]
fn every_event_has_an_expectation_and_every_function_an_event() {
    let files = fs::read_dir(project().join("events")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(files, EXPECTED.iter().map(|expected| format!("{}.json", expected.event)).collect());
    let functions: BTreeSet<&str> = EXPECTED.iter().map(|expected| event(expected.event, "").1).collect();
    assert_eq!(functions, BTreeSet::from(FUNCTIONS));
}

/// The status in an event's name. People and `tools/sam.sh` rely on it.
fn promised(name: &str) -> u16 {
    match name.strip_prefix("error-").and_then(|rest| rest.split('-').next()) {
        Some(status) => status.parse().unwrap_or(200),
        None if name == "preflight" => 204,
        None => 200,
    }
}

#[test]
fn every_event_is_named_after_its_status() {
    for expected in EXPECTED {
        assert_eq!(promised(expected.event), expected.status, "{}", expected.event);
    }
}

#[tokio::test]
async fn the_script_that_prepares_events_knows_their_functions_and_puts_the_key_in() -> Result<()> {
    let file = std::env::temp_dir().join(format!("prepared-{}.json", std::process::id()));
    for expected in EXPECTED {
        let (event, function) = event(expected.event, "bk_key");
        let mut script = Command::new("python3");
        script.arg(project().join("tools/event.py")).arg(expected.event).arg(&file).env("GATEWAY_KEY", "bk_key");
        let output = script.output().await?;
        assert_eq!(String::from_utf8(output.stdout)?.trim(), function, "{}", expected.event);
        assert_eq!(fs::read_to_string(&file)?, event, "{}", expected.event);
    }
    fs::remove_file(file)?;
    Ok(())
}

#[tokio::test]
async fn every_event_is_answered_as_expected_through_the_invoke_api() -> Result<()> {
    let gateway = Harness::start().await?;
    for expected in EXPECTED {
        let (event, function) = event(expected.event, gateway.stack.key());
        let url = format!("{}/2015-03-31/functions/{function}/invocations", gateway.stack.url);
        let answer: Value = serde_json::from_str(&gateway.client.post(url).body(event).send().await?.text().await?)?;
        check(expected, &answer);
    }
    Ok(())
}

#[tokio::test]
async fn cargo_lambda_invoke_sends_the_events() -> Result<()> {
    let program = project().join(".tools/lambda/bin/cargo-lambda");
    anyhow::ensure!(program.exists(), "cargo-lambda is not installed: run `make tools` first");
    let gateway = Harness::start().await?;
    let port = gateway.stack.url.rsplit(':').next().context("the URL has a port")?.to_owned();
    let folder = tempfile(&gateway)?;
    for expected in EXPECTED {
        let (event, function) = event(expected.event, gateway.stack.key());
        fs::write(&folder, event)?;
        let arguments = ["lambda", "invoke", function, "--invoke-address", "127.0.0.1", "--invoke-port", &port];
        let output = Command::new(&program).args(arguments).arg("--data-file").arg(&folder).output().await?;
        let printed = String::from_utf8(output.stdout)?;
        assert!(output.status.success(), "{}: {}", expected.event, String::from_utf8_lossy(&output.stderr));
        check(expected, &serde_json::from_str(&printed).with_context(|| printed.clone())?);
    }
    fs::remove_file(folder)?;
    Ok(())
}

/// A file name that no other run uses.
fn tempfile(gateway: &Harness) -> Result<std::path::PathBuf> {
    let port = gateway.stack.url.rsplit(':').next().context("the URL has a port")?;
    Ok(std::env::temp_dir().join(format!("event-{}-{port}.json", std::process::id())))
}
