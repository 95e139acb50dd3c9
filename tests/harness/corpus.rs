//! Reads whole folders of requests and replies: the project's own fixtures, and recorded traffic if there is a folder of it.
//!
//! Recorded traffic is read in place: `GATEWAY_FIXTURES` names its folder, `../shared/fixtures` next to the project is used
//! otherwise. Without one, only the project's own fixtures are read, and a line says so.

use std::fs;
use std::path::{Path, PathBuf};

use gateway::chat::StreamEvent;
use gateway::wire::{self, ClientFormat, WireFormat};
use serde_json::Value;

use crate::project;

/// The folders of replies by wire format, the project's own and the recorded ones.
const FOLDERS: [(WireFormat, &str); 7] = [
    (WireFormat::OpenAi, "openrouter"),
    (WireFormat::OpenAi, "openai-chat"),
    (WireFormat::Anthropic, "vertex-claude"),
    (WireFormat::Anthropic, "anthropic"),
    (WireFormat::Gemini, "vertex-gemini"),
    (WireFormat::Gemini, "gemini-vertex"),
    (WireFormat::Gemini, "gemini-aistudio"),
];

fn recorded() -> Option<PathBuf> {
    let named = std::env::var("GATEWAY_FIXTURES").ok().map(PathBuf::from);
    let folder = named.unwrap_or_else(|| project().join("../shared/fixtures"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no recorded traffic at {}", folder.display());
    None
}

/// The list of fault cases, in the same folder as the recorded traffic.
fn cases() -> Option<PathBuf> {
    let folder = recorded()?.join("../cases");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no case book at {}", folder.display());
    None
}

/// A case of the case book: a request that other gateways handled wrongly.
pub struct Case {
    /// The client's format.
    pub format: ClientFormat,
    /// The file of the case.
    pub path: PathBuf,
    /// The exact text of the client's request. Its `model` is the first of `models`.
    pub text: String,
    /// The models that the case applies to.
    pub models: Vec<String>,
    /// Anthropic's betas that its headers ask for and that a route takes.
    pub betas: Vec<&'static str>,
    /// Whether the answer is a 400.
    pub is_refused: bool,
    /// The provider's answer, if the case is about an answer.
    pub reply: Option<CaseReply>,
}

/// A provider's answer that other gateways handled wrongly.
pub struct CaseReply {
    /// The provider's wire.
    pub wire: WireFormat,
    /// The stream, framed.
    pub stream: Vec<u8>,
    /// The same reply as one JSON object, if the provider has that form.
    pub whole: Option<String>,
}

/// Every case of the case book.
pub fn all_cases() -> Vec<Case> {
    let folders = [
        ("requests-chat", None),
        ("requests-messages", None),
        ("replies-openrouter", Some(WireFormat::OpenAi)),
        ("replies-gemini", Some(WireFormat::Gemini)),
        ("replies-claude", Some(WireFormat::Anthropic)),
    ];
    let Some(cases) = cases() else { return Vec::new() };
    let of =
        |(folder, wire)| files(&cases.join(folder), ".json").into_iter().map(move |(path, text)| case(path, &text, wire));
    folders.into_iter().flat_map(of).collect()
}

fn case(path: PathBuf, text: &str, wire: Option<WireFormat>) -> Case {
    let case: Value = serde_json::from_str(text).unwrap();
    let format = if case["client"] == "messages" { ClientFormat::Messages } else { ClientFormat::ChatCompletions };
    let models = case["models"].as_array().unwrap().iter().map(|model| model.as_str().unwrap().to_owned());
    let models: Vec<String> = models.collect();
    let request = case["request_text"].as_str().map_or_else(|| case["request"].to_string(), str::to_owned);
    let text = format!("{{\"model\":\"{}\",{}", models[0], request.strip_prefix('{').unwrap());
    let header = case["headers"]["anthropic-beta"].as_str().unwrap_or_default();
    let reply = wire.map(|wire| {
        let reply = &case["upstream_reply"];
        let frames = reply["stream"].as_array().unwrap().iter().map(|data| framed(wire, data));
        CaseReply { wire, stream: frames.collect::<String>().into_bytes(), whole: reply.get("whole").map(Value::to_string) }
    });
    let is_refused = case["expect"].as_str().unwrap().starts_with("400");
    Case { format, path, text, models, betas: format.betas(&[header]).accepted, is_refused, reply }
}

/// Converts an entry of a stream in the case book to a frame. Plain text is the end marker. Claude's frames also have an event
/// name.
fn framed(wire: WireFormat, data: &Value) -> String {
    match (wire, data) {
        (_, Value::String(sentinel)) => format!("data: {sentinel}\n\n"),
        (WireFormat::Anthropic, _) => format!("event: {}\ndata: {}\n\n", data["event"].as_str().unwrap(), data["data"]),
        _ => format!("data: {data}\n\n"),
    }
}

/// The requests of the case book, for tests that apply to every model.
pub fn case_requests() -> Vec<(ClientFormat, PathBuf, Value)> {
    // Texts that cannot be parsed into a JSON value are left out. Other tests read the text itself.
    let read = |case: Case| Some((case.format, case.path, serde_json::from_str(&case.text).ok()?));
    all_cases().into_iter().filter_map(read).collect()
}

fn files(folder: &Path, ending: &str) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Every available reply: its wire format, its file and its text.
fn replies(kind: &str, endings: &[&str]) -> Vec<(WireFormat, PathBuf, String)> {
    let (own, recorded) = (project().join("tests/fixtures/replies"), recorded());
    let mut all = Vec::new();
    for (wire, folder) in FOLDERS {
        let recorded = recorded.iter().map(|recorded| recorded.join(folder).join(kind));
        for folder in recorded.chain([own.join(folder)]) {
            let found = endings.iter().flat_map(|ending| files(&folder, ending));
            all.extend(found.map(|(path, text)| (wire, path, text)));
        }
    }
    all
}

/// Every stream; `.jsonl` files hold one `data` a line, with Anthropic's event names in `type`.
pub fn streams() -> Vec<(WireFormat, PathBuf, Vec<u8>)> {
    let framed = |line: &str| match serde_json::from_str::<Value>(line).unwrap()["type"].as_str() {
        Some(kind) => format!("event: {kind}\ndata: {line}\n\n"),
        None => format!("data: {line}\n\n"),
    };
    let read = |(wire, path, text): (WireFormat, PathBuf, String)| {
        let is_framed = path.extension().is_some_and(|extension| extension == "sse");
        let lines = text.lines().filter(|line| !line.is_empty());
        let stream = if is_framed { text.clone() } else { lines.map(framed).collect() };
        (wire, path, stream.into_bytes())
    };
    replies("stream", &[".sse", ".jsonl"]).into_iter().map(read).collect()
}

/// Every reply that is one JSON object and can be decoded, as its text and its events.
pub fn whole_replies() -> Vec<(WireFormat, PathBuf, String, Vec<StreamEvent>)> {
    let read = |(wire, path, body): (WireFormat, PathBuf, String)| {
        let events = wire::decode_whole(wire, &body).ok()?;
        Some((wire, path, body, events))
    };
    replies("unary", &[".json"]).into_iter().filter(is_reply).filter_map(read).collect()
}

/// Recorded streams of OpenAI's own Responses API, framed; `.jsonl` files hold one `data` a line.
pub fn recorded_responses() -> Vec<(PathBuf, String)> {
    let Some(recorded) = recorded() else { return Vec::new() };
    let framed = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        format!("event: {}\ndata: {line}\n\n", event["type"].as_str().unwrap())
    };
    let folder = recorded.join("openai-responses/stream");
    let lines = files(&folder, ".jsonl").into_iter().map(|(path, text)| {
        let framed = text.lines().filter(|line| !line.is_empty()).map(framed).collect();
        (path, framed)
    });
    files(&folder, ".sse").into_iter().chain(lines).collect()
}

/// Recorded whole replies of OpenAI's own Responses API.
pub fn recorded_whole_responses() -> Vec<(PathBuf, String)> {
    recorded().map_or_else(Vec::new, |recorded| files(&recorded.join("openai-responses/unary"), ".response.json"))
}

fn is_reply((_, path, _): &(WireFormat, PathBuf, String)) -> bool {
    !path.to_string_lossy().ends_with(".request.json")
}

/// Every available request: the project's own, those of recorded clients, and those that belong to recorded replies.
pub fn requests() -> Vec<(ClientFormat, PathBuf, Value)> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let own = project().join("tests/fixtures/requests");
    let mut all = Vec::new();
    let folders = [
        (ClientFormat::ChatCompletions, "chat-completions"),
        (ClientFormat::Messages, "messages"),
        (ClientFormat::Responses, "responses"),
    ];
    for (format, folder) in folders {
        // A request with a number that cannot be parsed is left to the golden files, which never parse it.
        let parsed = |(path, text): (PathBuf, String)| Some((format, path, serde_json::from_str(&text).ok()?));
        all.extend(files(&own.join(folder), ".json").into_iter().filter_map(parsed));
    }
    let Some(recorded) = recorded() else { return all };
    for client in ["claude-code", "codex", "langchain", "opencode", "sdk-js"] {
        for (path, text) in files(&recorded.join("clients").join(client), ".request.json") {
            let mut request = read(&text);
            let format = match request["path"].as_str().unwrap() {
                path if path.contains("/chat/completions") => ClientFormat::ChatCompletions,
                path if path.contains("/messages") => ClientFormat::Messages,
                path if path.contains("/responses") => ClientFormat::Responses,
                _ => continue,
            };
            all.push((format, path, request["body"].take()));
        }
    }
    let of_wire = |wire| match wire {
        WireFormat::OpenAi => Some(ClientFormat::ChatCompletions),
        WireFormat::Anthropic => Some(ClientFormat::Messages),
        WireFormat::Gemini => None,
    };
    let folders = FOLDERS.into_iter().filter_map(|(wire, folder)| Some((of_wire(wire)?, folder)));
    for (format, folder) in folders.chain([(ClientFormat::Responses, "openai-responses")]) {
        for kind in ["stream", "unary"] {
            for (path, text) in files(&recorded.join(folder).join(kind), ".request.json") {
                let mut body = read(&text);
                // Bodies to Vertex AI name their model in the URL.
                body.as_object_mut().unwrap().entry("model").or_insert(Value::from("m"));
                all.push((format, path, body));
            }
        }
    }
    all
}
