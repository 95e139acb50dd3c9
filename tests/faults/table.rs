//! The fault catalogue. Each row is tested with both client formats, streamed and not streamed.

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway::catalog::Catalog;
use gateway::ids::RequestId;
use gateway::ledger::verify;
use gateway_tests::{Answer, Harness, options};
use serde_json::{Value, json};

/// Which models a row uses: with a second route, or without. There are four of each, one per cell, so that no cell opens the
/// circuit that another cell uses.
#[derive(Clone, Copy)]
enum Routes {
    /// Vertex Claude, then OpenRouter.
    Two,
    /// OpenRouter alone.
    One,
    /// Vertex Gemini, then OpenRouter.
    Gemini,
}

impl Routes {
    const fn models(self) -> [&'static str; 4] {
        match self {
            Self::Two => ["claude-opus-4.6", "claude-opus-4.5", "claude-sonnet-4.5", "claude-haiku-4.5"],
            Self::One => ["gpt-5.2", "gpt-5-mini", "gpt-5-nano", "gpt-5.2-codex"],
            Self::Gemini => ["gemini-3-pro", "gemini-3-flash", "gemini-3.8-flash", "gemini-3.5-flash-lite"],
        }
    }
}

/// What a client receives in the end.
#[derive(Clone, Copy)]
enum Seen {
    /// A complete answer.
    Reply,
    /// These HTTP statuses: OpenAI's clients, Anthropic's clients.
    Refusal(u16, u16),
    /// A stream that ends with an error event.
    BrokenStream,
}

/// One fault. The texts in `whole` and `streamed` are the expected attempts, as `x-gateway-attempts` lists them.
struct Row {
    name: &'static str,
    routes: Routes,
    script: &'static str,
    whole: (Seen, &'static str),
    streamed: (Seen, &'static str),
}

impl Row {
    fn is_of_silence(&self) -> bool {
        ["silent", "stall", "comments"].iter().any(|scenario| self.script.starts_with(scenario))
    }
}

const FAILED_OVER: &str = "vertex-claude;500 openrouter;200";

/// A row whose outcome is the same whole and streamed.
const fn row(name: &'static str, routes: Routes, script: &'static str, seen: Seen, calls: &'static str) -> Row {
    Row { name, routes, script, whole: (seen, calls), streamed: (seen, calls) }
}

use Routes::{Gemini, One, Two};
use Seen::{BrokenStream, Refusal, Reply};

const ROWS: &[Row] = &[
    row("F8 a refused token is renewed once", Two, "error status=401 times=1", Reply, "vertex-claude;401 vertex-claude;200"),
    row("F8 a refused key is not the caller's 401", One, "error status=401", Refusal(502, 502), "openrouter;401"),
    row(
        "F8 403 goes elsewhere",
        Two,
        "error status=403 on=claude",
        Reply,
        "vertex-claude;403 vertex-claude;403 openrouter;200",
    ),
    row("F9 400 is the client's own", Two, "error status=400", Refusal(400, 400), "vertex-claude;400"),
    row("F9 404 goes elsewhere", Two, "error status=404 on=claude", Reply, "vertex-claude;404 openrouter;200"),
    row("F9 413 is the client's own", Two, "error status=413", Refusal(413, 413), "vertex-claude;413"),
    row("F9 422 is the client's own", Two, "error status=422", Refusal(400, 400), "vertex-claude;422"),
    row("F10 429 goes elsewhere", Two, "error status=429 on=claude", Reply, "vertex-claude;429 openrouter;200"),
    row("F10 a short wait is waited", One, "error status=429 retry-after=1 times=1", Reply, "openrouter;429 openrouter;200"),
    row("F10 a long wait is the client's", One, "error status=429 retry-after=30", Refusal(429, 429), "openrouter;429"),
    row("F11 500 goes elsewhere", Two, "error status=500 on=claude", Reply, FAILED_OVER),
    row("F11 529 goes elsewhere", Two, "error status=529 on=claude", Reply, "vertex-claude;529 openrouter;200"),
    row(
        "F11 the third call may succeed",
        One,
        "error status=500 times=2",
        Reply,
        "openrouter;500 openrouter;500 openrouter;200",
    ),
    row(
        "F11 two retries are all",
        One,
        "error status=500",
        Refusal(502, 502),
        "openrouter;500 openrouter;500 openrouter;500",
    ),
    row("F11 503 stays 503", One, "error status=503", Refusal(503, 503), "openrouter;503 openrouter;503 openrouter;503"),
    row("F11 504 stays 504", One, "error status=504", Refusal(504, 504), "openrouter;504 openrouter;504 openrouter;504"),
    row(
        "F11 529 is Anthropic's own",
        One,
        "error status=529",
        Refusal(503, 529),
        "openrouter;529 openrouter;529 openrouter;529",
    ),
    row("F12 one broken connection is replaced", Two, "reset times=1", Reply, "vertex-claude;502 vertex-claude;200"),
    row(
        "F12 broken connections go elsewhere",
        Two,
        "reset on=claude",
        Reply,
        "vertex-claude;502 vertex-claude;502 openrouter;200",
    ),
    row("F13 silence goes elsewhere", Two, "silent ms=8000 on=claude", Reply, "vertex-claude;504 openrouter;200"),
    row("F13 silence is retried once", One, "silent ms=8000", Refusal(504, 504), "openrouter;504 openrouter;504"),
    row("F14 a web page is no reply", Two, "html on=claude", Reply, "vertex-claude;502 openrouter;200"),
    row("F14 an empty body is no reply", Two, "empty on=claude", Reply, "vertex-claude;502 openrouter;200"),
    row("F14 a web page is retried", One, "html times=1", Reply, "openrouter;502 openrouter;200"),
    row(
        "F14 F15 an error inside a 200 goes elsewhere",
        Two,
        "error-event status=529 on=claude",
        Reply,
        "vertex-claude;529 openrouter;200",
    ),
    row(
        "F15 an error as first event is an HTTP status",
        One,
        "error-event status=529",
        Refusal(503, 529),
        "openrouter;529 openrouter;529 openrouter;529",
    ),
    row(
        "F15 a rate limit as first event reaches the client if no other provider answers",
        One,
        "error-event status=429",
        Refusal(429, 429),
        "openrouter;429 openrouter;429 openrouter;429",
    ),
    row(
        "F15 a rate limit as first event goes elsewhere",
        Two,
        "error-event status=429 on=claude",
        Reply,
        "vertex-claude;429 openrouter;200",
    ),
    Row {
        name: "F16 a stalled stream says so, a whole reply goes elsewhere",
        routes: Two,
        script: "stall after=3 ms=8000 on=claude",
        whole: (Reply, "vertex-claude;504 openrouter;200"),
        streamed: (BrokenStream, "vertex-claude;200"),
    },
    Row {
        name: "F17 a cut after content breaks a stream, a whole reply goes elsewhere",
        routes: Two,
        script: "cut after=3 on=claude",
        whole: (Reply, "vertex-claude;502 openrouter;200"),
        streamed: (BrokenStream, "vertex-claude;200"),
    },
    Row {
        name: "F18 an event that is no JSON",
        routes: Two,
        script: "malformed after=3 on=claude",
        whole: (Reply, "vertex-claude;502 openrouter;200"),
        streamed: (BrokenStream, "vertex-claude;200"),
    },
    row("F19 an event without an end", Two, "huge-event on=claude", Reply, "vertex-claude;502 openrouter;200"),
    row("F19 comments are no events", Two, "comments ms=8000 on=claude", Reply, "vertex-claude;504 openrouter;200"),
    row("F21 what is unknown is ignored", Two, "strange", Reply, "vertex-claude;200"),
    row("F21 what is unknown is ignored", One, "strange", Reply, "openrouter;200"),
    Row {
        name: "F22 an error after content",
        routes: Two,
        script: "midstream-error after=3",
        whole: (Refusal(502, 502), "vertex-claude;529 openrouter;502 openrouter;502 openrouter;502"),
        streamed: (BrokenStream, "vertex-claude;200"),
    },
    row("a JSON answer to a stream request is read", Two, "json", Reply, "vertex-claude;200"),
    row("a JSON answer to a stream request is read", One, "json", Reply, "openrouter;200"),
    row("a JSON answer to a stream request is read", Gemini, "json", Reply, "vertex-gemini;200"),
    row("an empty stop goes elsewhere", Two, "no-answer on=claude", Reply, "vertex-claude;502 openrouter;200"),
    row("an empty stop goes elsewhere", Gemini, "no-answer on=gemini", Reply, "vertex-gemini;502 openrouter;200"),
    row("an empty stop is retried once", One, "no-answer", Refusal(502, 502), "openrouter;502 openrouter;502"),
    row("a broken call before content", Gemini, "broken-call after=0 on=gemini", Reply, "vertex-gemini;502 openrouter;200"),
    Row {
        name: "a broken call after content",
        routes: Gemini,
        script: "broken-call after=3 on=gemini",
        whole: (Reply, "vertex-gemini;502 openrouter;200"),
        streamed: (BrokenStream, "vertex-gemini;200"),
    },
    Row {
        name: "cut arguments",
        routes: Two,
        script: "broken-call after=3 on=claude",
        whole: (Reply, "vertex-claude;502 openrouter;200"),
        streamed: (BrokenStream, "vertex-claude;200"),
    },
    row("moderation is the request's own", One, "moderated", Refusal(400, 400), "openrouter;403"),
];

/// The client's format and mode of a cell.
#[derive(Clone, Copy)]
struct Cell {
    path: &'static str,
    stream: bool,
}

const CELLS: [Cell; 4] = [
    Cell { path: "/v1/chat/completions", stream: false },
    Cell { path: "/v1/chat/completions", stream: true },
    Cell { path: "/v1/messages", stream: false },
    Cell { path: "/v1/messages", stream: true },
];

/// The calls of a response, without their durations.
fn calls(answer: &Answer) -> String {
    let without_ms = |call: &str| call.rsplit_once(';').map(|(call, _)| call.to_owned()).unwrap_or_default();
    answer.header("x-gateway-attempts").split(", ").map(without_ms).collect::<Vec<_>>().join(" ")
}

fn is_error_event(data: &str) -> bool {
    serde_json::from_str::<Value>(data).is_ok_and(|event| event.get("error").is_some_and(|error| !error.is_null()))
}

/// The differences between an answer and the expected one. Empty if there are none.
fn difference(answer: &Answer, cell: Cell, seen: Seen) -> Option<String> {
    let last = match cell.path {
        "/v1/messages" => answer.events().last().is_some_and(|event| event == "message_stop"),
        _ => answer.data().last().is_some_and(|data| data == "[DONE]"),
    };
    let errors = answer.data().iter().filter(|data| is_error_event(data)).count();
    let complete = if cell.stream { last && errors == 0 } else { answer.body.contains("You said") };
    let refusal = |status: u16| answer.status == status && answer.json()["error"]["message"].is_string();
    let right = match (seen, cell.path) {
        (Reply, _) => answer.status == 200 && complete,
        (Refusal(status, _), "/v1/chat/completions") | (Refusal(_, status), _) => refusal(status),
        (BrokenStream, _) => answer.status == 200 && errors == 1 && !last && answer.complete,
    };
    (!right).then(|| format!("{} {}", answer.status, answer.body))
}

/// The faults in an answer's headers. Every answer must name its provider and model, and a reply that is not streamed must
/// name the cost that its record charges.
async fn headers(gateway: &Harness, answer: &Answer, cell: Cell) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for name in ["x-gateway-provider", "x-gateway-model"] {
        faults.extend(answer.header(name).is_empty().then(|| format!("no {name}")));
    }
    let request = RequestId::parse(answer.header("x-request-id")).context("a request id")?;
    let record = gateway.stack.support.store.record(&gateway.key_id()?, request).await?.context("no record")?;
    let priced = !cell.stream && answer.status == 200;
    let expected = if priced { record.charged.to_string() } else { String::new() };
    if answer.header("x-gateway-cost-usd") != expected {
        faults.push(format!("costs {:?} and charges {}", answer.header("x-gateway-cost-usd"), record.charged));
    }
    Ok(faults)
}

/// Runs a row for one kind of client.
async fn play(gateway: &Harness, row: &Row, cell: Cell, model: &str) -> Result<Vec<String>> {
    let (seen, expected) = if cell.stream { row.streamed } else { row.whole };
    let before = gateway.usage().await?.total;
    let script = format!("hello [[sim:{} label={model}]]", row.script);
    let body = json!({"model": model, "max_tokens": 64, "stream": cell.stream,
                      "messages": [{"role": "user", "content": script}]});
    let answer = gateway.post(cell.path, &body).await?;
    let mut faults = Vec::new();
    faults.extend(difference(&answer, cell, seen));
    if calls(&answer) != expected {
        faults.push(format!("attempts {}, expected {expected}", calls(&answer)));
    }
    let asked = gateway.journal(model).len();
    if asked != expected.split(' ').count() {
        faults.push(format!("{asked} upstream calls"));
    }
    let after = gateway.usage().await?.total;
    let delivered = matches!(seen, Reply);
    let (requests, errors) = (after.requests - before.requests, after.errors - before.errors);
    if (requests, errors, after.charged > before.charged) != (1, u64::from(!delivered), delivered) {
        faults.push(format!("ledger: {requests} requests, {errors} errors, charged {:?}", after.charged));
    }
    faults.extend(headers(gateway, &answer, cell).await?);
    let place = format!("{} [{} stream={}]", row.name, cell.path, cell.stream);
    Ok(faults.into_iter().map(|fault| format!("{place}: {fault}")).collect())
}

/// Runs a row for each kind of client, on a separate stack.
async fn play_row(row: &Row) -> Result<Vec<String>> {
    let mut options = options()?;
    // A time limit may end a request only if silence is the fault. A slow machine must not have the same effect.
    if row.is_of_silence() {
        let limits = ["FIRST_EVENT_TIMEOUT_MS", "IDLE_TIMEOUT_MS"].map(|name| (name.to_owned(), "2000".to_owned()));
        options.variables.extend(limits);
    }
    let gateway = Harness::start_with(options).await?;
    let mut faults = Vec::new();
    for (cell, model) in CELLS.into_iter().zip(row.routes.models()) {
        faults.extend(play(&gateway, row, cell, model).await?);
    }
    let verified = verify(&gateway.stack.support.store, &Catalog::embedded()?, |_| {}).await?;
    faults.extend(verified.violations.iter().map(|violation| format!("{}: {violation:?}", row.name)));
    // These words come from the simulator's error messages. A real provider's message might quote the client's text, so none
    // may be in the log.
    let said = |line: &&String| line.contains("Simulated") || line.contains("flagged");
    faults.extend(gateway.stack.logs.lines().iter().find(said).map(|line| format!("{}: in the log: {line}", row.name)));
    Ok(faults)
}

async fn play_all(rows: &[Row]) -> Result<()> {
    let played: Vec<Vec<String>> = stream::iter(rows).map(play_row).buffer_unordered(4).try_collect().await?;
    let faults = played.concat();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[tokio::test]
async fn faults_before_an_answer() -> Result<()> {
    play_all(&ROWS[..ROWS.len() / 2]).await
}

#[tokio::test]
async fn faults_in_an_answer() -> Result<()> {
    play_all(&ROWS[ROWS.len() / 2..]).await
}
