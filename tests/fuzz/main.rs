//! Sends mutated requests to every endpoint. A client must always get an answer in its own format, and never an error of the
//! gateway itself. `FUZZ_SEED` and `FUZZ_REQUESTS` repeat a run. The seed of a request is the seed of the run plus the number
//! of the request.

mod mutate;

use std::fs;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, stream};
use gateway::endpoints::Endpoint;
use gateway::wire::ClientFormat;
use gateway_tests::memory::{LARGEST, largest};
use gateway_tests::{Answer, Harness, corpus, project, read, rich};
use reqwest::header::HeaderValue;
use serde_json::Value;

use mutate::{Odd, Sample, odd};

const REQUESTS: u64 = 2_000;
const AT_ONCE: usize = 8;
/// One model for each wire format.
const MODELS: [&str; 3] = ["gpt-5-nano", "claude-opus-4.6", "gemini-2.5-flash"];
/// The simulator's reactions: an answer, a provider's strict checks, a tool call, and failures.
const SCRIPTS: [&str; 5] = ["", "[[sim:strict]]", "[[sim:tool]]", "[[sim:secret]]", "[[sim:error status=503]]"];

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// The requests of the events and fixtures, and those that use every part of their format.
fn samples() -> Result<Vec<Sample>> {
    let post = |path: &str, body: Value| Sample { method: "POST".to_owned(), path: path.to_owned(), body: Some(body) };
    let mut samples = Vec::new();
    for model in MODELS {
        for script in SCRIPTS {
            samples.push(post("/v1/chat/completions", rich::chat(model, "word", script)));
            samples.push(post("/v1/messages", rich::messages(model, "word", script)));
            samples.push(post("/v1/responses", rich::responses(model, "word", script)));
        }
        samples.push(post("/v1/messages/count_tokens", rich::messages(model, "word", "")));
    }
    for (number, (format, path, mut body)) in corpus::requests().into_iter().enumerate() {
        if path.starts_with(project()) {
            body["model"] = MODELS[number % MODELS.len()].into();
            let path = match format {
                ClientFormat::ChatCompletions => "/v1/chat/completions",
                ClientFormat::Messages => "/v1/messages",
                ClientFormat::Responses => "/v1/responses",
            };
            samples.push(post(path, body));
        }
    }
    for entry in fs::read_dir(project().join("events"))? {
        let event: Value = serde_json::from_str(&fs::read_to_string(entry?.path())?)?;
        let text = |place: &str| event.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        let query = text("/rawQueryString");
        let query = if query.is_empty() { query } else { format!("?{query}") };
        let body = serde_json::from_str(&text("/body")).ok();
        samples.push(Sample { method: text("/requestContext/http/method"), path: text("/rawPath") + &query, body });
    }
    // The order must be the same on every machine. Otherwise a seed could not repeat a request.
    samples.sort_by_key(|sample| format!("{sample:?}"));
    Ok(samples)
}

async fn send(gateway: &Harness, odd: &Odd) -> Result<Answer> {
    let mut request = gateway.request(&odd.method, &odd.path).body(odd.body.clone());
    for (name, value) in &odd.headers {
        request = request.header(*name, HeaderValue::from_bytes(value)?);
    }
    read(request).await
}

/// Fails if a client of this path could not understand the answer.
fn check(odd: &Odd, answer: &Answer) -> Result<()> {
    ensure!(answer.complete, "the connection broke");
    ensure!(answer.status != 500, "a fault of the gateway's");
    ensure!(answer.header("x-request-id").starts_with("req_"), "no answer of the gateway's");
    ensure!(answer.header("x-gateway-dropped").len() <= 2_000, "a list of what was dropped that is too long");
    if answer.status < 400 || odd.method == "HEAD" {
        return Ok(());
    }
    let body: Value = serde_json::from_str(&answer.body).context("no JSON")?;
    ensure!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "no message");
    ensure!(body["error"]["type"].is_string(), "no type");
    let path = odd.path.split('?').next().unwrap_or_default();
    if matches!(Endpoint::of_path(path), Some(Endpoint::Messages | Endpoint::CountTokens(ClientFormat::Messages))) {
        ensure!(body["type"] == "error", "not in the client's format");
    }
    Ok(())
}

#[tokio::test]
async fn every_odd_request_gets_an_answer_in_its_clients_format_and_none_is_a_fault_of_the_gateways() -> Result<()> {
    let seed = variable("FUZZ_SEED").unwrap_or(1);
    let requests = variable("FUZZ_REQUESTS").unwrap_or(REQUESTS);
    println!("FUZZ_SEED={seed} FUZZ_REQUESTS={requests}");
    let gateway = Harness::start().await?;
    let samples = samples()?;
    let played = stream::iter(seed..seed + requests).map(async |seed| {
        let odd = odd(&samples, seed);
        let said = match send(&gateway, &odd).await {
            Ok(answer) => check(&odd, &answer).with_context(|| format!("{} {}", answer.status, answer.body)),
            Err(error) => Err(error.context("no answer")),
        };
        let shown: String = String::from_utf8_lossy(&odd.body).chars().take(2_000).collect();
        said.err().map(|error| format!("FUZZ_SEED={seed} FUZZ_REQUESTS=1: {error:#}\n{} {} {shown}", odd.method, odd.path))
    });
    let faults: Vec<String> = played.buffer_unordered(AT_ONCE).filter_map(async |fault| fault).collect().await;
    assert!(faults.is_empty(), "{} of {requests}, such as\n{}", faults.len(), faults[..faults.len().min(5)].join("\n\n"));

    let lines = gateway.stack.logs.lines();
    let panics: Vec<&String> = lines.iter().filter(|line| line.contains("panic")).collect();
    assert!(panics.is_empty(), "{panics:#?}");
    let largest = largest(&gateway)?;
    println!("{largest:?}");
    assert!(largest.bytes < LARGEST, "{largest:?}");
    Ok(())
}
