//! Requests and replies by the folder: the project's own fixtures, and recorded traffic where a folder of it is at hand.
//!
//! Recorded traffic is read in place: `GATEWAY_FIXTURES` names its folder, `../shared/fixtures` beside the project is looked at
//! otherwise. Without one, only the project's own fixtures are read, and a line says so.

use std::fs;
use std::path::{Path, PathBuf};

use gateway::chat::StreamEvent;
use gateway::wire::{self, ClientFormat, WireFormat};
use serde_json::Value;

use crate::project;

/// The folders of replies, our own and recorded, by wire.
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

/// The case book of faults, which lies beside the recorded traffic.
fn cases() -> Option<PathBuf> {
    let folder = recorded()?.join("../cases");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no case book at {}", folder.display());
    None
}

/// Every request of the case book, for the first of its models.
pub fn case_requests() -> Vec<(ClientFormat, PathBuf, Value)> {
    let folders = ["requests-chat", "requests-messages", "replies-openrouter", "replies-gemini", "replies-claude"];
    let Some(cases) = cases() else { return Vec::new() };
    let read = |(path, text): (PathBuf, String)| {
        let mut case: Value = serde_json::from_str(&text).ok()?;
        let format = if case["client"] == "messages" { ClientFormat::Messages } else { ClientFormat::ChatCompletions };
        let mut request = case["request"].take();
        request.as_object_mut()?.insert("model".to_owned(), case["models"][0].take());
        Some((format, path, request))
    };
    folders.iter().flat_map(|folder| files(&cases.join(folder), ".json")).filter_map(read).collect()
}

fn files(folder: &Path, ending: &str) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Every reply at hand: its wire, where it is, and its text.
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

/// Every whole reply that is one, as its text and its events.
pub fn whole_replies() -> Vec<(WireFormat, PathBuf, String, Vec<StreamEvent>)> {
    let read = |(wire, path, body): (WireFormat, PathBuf, String)| {
        let events = wire::decode_whole(wire, &body).ok()?;
        Some((wire, path, body, events))
    };
    replies("unary", &[".json"]).into_iter().filter(is_reply).filter_map(read).collect()
}

fn is_reply((_, path, _): &(WireFormat, PathBuf, String)) -> bool {
    !path.to_string_lossy().ends_with(".request.json")
}

/// Every request at hand: our own, those of recorded clients, and those that recorded replies were asked for with.
pub fn requests() -> Vec<(ClientFormat, PathBuf, Value)> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let own = project().join("tests/fixtures/requests");
    let mut all = Vec::new();
    for (format, folder) in [(ClientFormat::ChatCompletions, "chat-completions"), (ClientFormat::Messages, "messages")] {
        // A number that no tree can hold is for the golden files, which never parse it.
        let parsed = |(path, text): (PathBuf, String)| Some((format, path, serde_json::from_str(&text).ok()?));
        all.extend(files(&own.join(folder), ".json").into_iter().filter_map(parsed));
    }
    let Some(recorded) = recorded() else { return all };
    for client in ["claude-code", "langchain", "opencode", "sdk-js"] {
        for (path, text) in files(&recorded.join("clients").join(client), ".request.json") {
            let mut request = read(&text);
            let format = match request["path"].as_str().unwrap() {
                path if path.contains("/chat/completions") => ClientFormat::ChatCompletions,
                path if path.contains("/messages") => ClientFormat::Messages,
                _ => continue,
            };
            all.push((format, path, request["body"].take()));
        }
    }
    for (wire, folder) in FOLDERS {
        let format = match wire {
            WireFormat::OpenAi => ClientFormat::ChatCompletions,
            WireFormat::Anthropic => ClientFormat::Messages,
            WireFormat::Gemini => continue,
        };
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
