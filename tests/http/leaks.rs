//! No output of a function may contain a key, a secret or a client's text, wherever the text is in the request and however the
//! request ends. The tests use the most verbose log level, and a table that fails from time to time.

use anyhow::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_dev::proxy::{Action, Rule};
use gateway_dev::stack::Options;
use gateway_tests::leaks::leaks;
use gateway_tests::{Answer, Harness, options, read, rich};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const COUNT: &str = "/v1/messages/count_tokens";
const RESPONSES: &str = "/v1/responses";
/// One model for each wire format.
const MODELS: [&str; 3] = ["gpt-5-nano", "claude-opus-4.6", "gemini-2.5-flash"];
/// The simulator's reactions: an answer, and two refusals that quote the request.
const SCRIPTS: [&str; 3] = ["", "[[sim:secret]]", "[[sim:strict]]"];
const AT_ONCE: usize = 8;

/// A word that occurs nowhere else.
fn canary() -> String {
    format!("canary{:016x}", fastrand::u64(..))
}

async fn gateway() -> Result<Harness> {
    let mut options = Options { fault_proxy: true, ..options()? };
    options.variables.retain(|(name, _)| name != "RUST_LOG");
    options.variables.push(("RUST_LOG".to_owned(), "trace".to_owned()));
    let gateway = Harness::start_with(options).await?;
    let proxy = gateway.stack.support.proxy.as_ref().expect("these options have a proxy");
    for (seed, action) in (0..).zip([Action::Throttle, Action::InternalError, Action::TransactionConflict, Action::Refuse]) {
        proxy.add(Rule::any(action).sometimes(2, seed));
    }
    Ok(gateway)
}

/// Fails if a text of a client is in the logs, or if there are no logs.
fn check(gateway: &Harness, canary: &str) {
    let lines = gateway.stack.logs.lines();
    assert!(lines.iter().any(|line| line.contains("request refused")), "a log without a refusal proves nothing");
    let found = leaks(&lines, &[canary]);
    assert!(found.is_empty(), "{} lines, such as {:#?}", found.len(), &found[..found.len().min(5)]);
}

/// Variants of a body at one place. The value is replaced by the word, by a list with it, and by an object with it as a name.
/// In a fourth variant an object gets one more field, and another value becomes null.
fn with_word_at(body: &Value, place: &str, word: &str) -> Vec<Value> {
    let mut changed = Vec::new();
    for other in [json!(word), json!([word]), json!({word: word}), json!(null)] {
        let mut body = body.clone();
        if let Some(there) = body.pointer_mut(place) {
            match there {
                Value::Object(members) if other.is_null() => drop(members.insert(word.to_owned(), json!(word))),
                there => *there = other,
            }
        }
        changed.push(body);
    }
    changed
}

fn rich_body(path: &str, model: &str, word: &str, script: &str) -> Value {
    match path {
        CHAT => rich::chat(model, word, script),
        RESPONSES => rich::responses(model, word, script),
        _ => rich::messages(model, word, script),
    }
}

/// All bodies with the word at each place in turn. Some bodies are cut off.
fn bodies(word: &str) -> Vec<(&'static str, String)> {
    let mut bodies = Vec::new();
    for (number, (path, model)) in [CHAT, MESSAGES, COUNT, RESPONSES].into_iter().zip(MODELS.into_iter().cycle()).enumerate()
    {
        let script = SCRIPTS[number % SCRIPTS.len()];
        let whole = rich_body(path, model, word, script);
        for model in MODELS {
            for script in SCRIPTS {
                bodies.push((path, rich_body(path, model, word, script).to_string()));
            }
        }
        for place in rich::places(&whole) {
            bodies.extend(with_word_at(&whole, &place, word).into_iter().map(|body| (path, body.to_string())));
        }
        let text = whole.to_string();
        bodies.extend((1..12).map(|part| (path, text[..text.len() * part / 12].to_owned())));
    }
    bodies
}

#[tokio::test]
async fn no_word_of_a_body_is_in_any_log_wherever_it_stands() -> Result<()> {
    let (gateway, canary) = (gateway().await?, canary());
    // A valid key in the wrong field.
    let word = format!("{canary} {}", gateway.stack.key());
    let mut bodies = bodies(&word);
    bodies.extend([CHAT, MESSAGES, COUNT, RESPONSES].map(|path| {
        (
            path,
            json!({"model": gateway.stack.key(), "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})
                .to_string(),
        )
    }));
    let asked = stream::iter(bodies).map(|(path, body)| {
        let request = gateway.request("POST", path).header("content-type", "application/json");
        read(request.body(body))
    });
    let answers: Vec<Answer> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
    for status in [200, 400, 404] {
        assert!(answers.iter().any(|answer| answer.status == status), "none was answered with {status}");
    }
    check(&gateway, &canary);
    Ok(())
}

#[tokio::test]
async fn no_word_of_a_path_a_query_or_a_header_is_in_any_log() -> Result<()> {
    let (gateway, canary) = (gateway().await?, canary());
    let key = gateway.stack.key().to_owned();
    let words = [canary.clone(), key.clone(), format!("{key}{canary}"), format!("Bearer {canary}")];
    let body = rich::messages("claude-opus-4.6", "hi", "").to_string();
    let mut requests = Vec::new();
    for word in &words {
        let escaped = word.replace(' ', "%20");
        for path in
            ["/v1/models/{}", "/v1/usage?days={}", "/v1/usage?{}=1", "/{}", "/v1/chat/{}", "/v1/models?{}", "/health?{}"]
        {
            requests.push(gateway.request("GET", &path.replace("{}", &escaped)));
        }
        for header in [
            "x-api-key",
            "authorization",
            "anthropic-beta",
            "anthropic-version",
            "content-type",
            "content-encoding",
            "user-agent",
            "origin",
            "x-forwarded-for",
            "x-amzn-trace-id",
            "traceparent",
            "cookie",
        ] {
            for (method, path) in [("POST", MESSAGES), ("POST", CHAT), ("GET", "/v1/usage"), ("GET", "/v1/credits")] {
                let body = if method == "POST" { body.clone() } else { String::new() };
                requests.push(gateway.request(method, path).header(header, word).body(body));
            }
        }
        requests.push(gateway.request("OPTIONS", CHAT).header("access-control-request-headers", word));
    }
    requests.push(gateway.request(&canary.to_uppercase(), CHAT));
    let odd = HeaderValue::from_bytes(&[canary.as_bytes(), b"\xff\xfe"].concat())?;
    requests.push(gateway.request("POST", CHAT).header("anthropic-beta", odd.clone()).body(body.clone()));
    requests.push(gateway.request("GET", "/v1/models").header("x-api-key", odd));
    let asked = stream::iter(requests).map(read).buffer_unordered(AT_ONCE);
    let answers: Vec<Answer> = asked.try_collect().await?;
    assert!(answers.iter().all(|answer| answer.status < 600));
    check(&gateway, &canary);
    Ok(())
}
