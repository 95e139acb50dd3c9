//! Every part of a request must be sent, or named with its path. The rules of a target must name the same parts for forwarded
//! and translated requests.

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway::catalog::{Catalog, Model, Route};
use gateway::document::Document;
use gateway::translate::outbound::Destination;
use gateway::wire::target::{OutputBounds, Target};
use gateway::wire::{self, ClientFormat, WireFormat};
use gateway_tests::corpus::{case_requests, requests};
use gateway_tests::sending::{Sent, send_to, wire_of};
use serde_json::Value;

use super::requests::{holds, holds_text};

/// Calls `each` for every available request, and for every model and route that accepts it.
fn for_all(mut each: impl FnMut(&str, ClientFormat, &Value, (&Model, &Route), &Sent)) {
    let catalog = Catalog::embedded().unwrap();
    for (format, path, body) in requests().into_iter().chain(case_requests()) {
        let text = body.to_string();
        for model in catalog.models() {
            for route in &model.routes {
                let to = Destination { model, route, wire: wire_of(route.provider), output: OutputBounds::NONE };
                if let Ok(sent) = send_to(format, &text, to, &[]) {
                    let place = format!("{} for {} at {}", path.display(), model.id, route.provider);
                    each(&place, format, &body, (model, route), &sent);
                }
            }
        }
    }
}

/// The texts in a request's messages, each with the path of its part.
fn said(value: &Value, path: &str, all: &mut Vec<(String, String)>) {
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(number, item)| said(item, &format!("{path}[{number}]"), all));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                match (name.as_str(), value) {
                    ("text" | "content" | "thinking" | "data" | "url" | "file_data", Value::String(text)) => {
                        all.push((path, text.clone()));
                    }
                    ("input" | "metadata" | "cache_control", _) => {}
                    _ => said(value, &path, all),
                }
            }
        }
        _ => {}
    }
}

/// A path as a JSON pointer.
fn pointer(path: &str) -> String {
    format!("/{}", path.replace(['[', '.'], "/").replace(']', ""))
}

/// The part of a text that must be sent in any case: without surrounding white space, and without the prefix of inline data.
pub fn essence(text: &str) -> &str {
    let text = if text.starts_with("data:") { text.split_once(',').map_or(text, |(_, data)| data) } else { text };
    text.trim()
}

/// Whether a text is sent in decoded form, as happens with text files.
fn is_decoded(sent: &Value, text: &str) -> bool {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).is_some_and(|text| holds_text(sent, text.trim()))
}

/// The number of texts in a request's conversation, and those that are neither sent nor named.
pub fn texts_and_lost(body: &Value, sent: &Sent) -> (usize, Vec<String>) {
    let told: Value = serde_json::from_slice(&sent.body).unwrap();
    let mut all = Vec::new();
    said(&body["messages"], "messages", &mut all);
    said(&body["system"], "system", &mut all);
    said(&body["input"], "input", &mut all);
    let is_named = |path: &str| sent.dropped.iter().any(|dropped| is_within(path, dropped) || dropped.starts_with("and "));
    // For Gemini the signature alone is sent for a reasoning block.
    let is_sealed = |path: &str| {
        let seal = path.strip_suffix(".thinking").and_then(|block| body.pointer(&pointer(block))?["signature"].as_str());
        seal.is_some_and(|seal| holds_text(&told, seal.trim_start_matches("gw1.g.")))
    };
    let is_lost = |(path, text): &&(String, String)| {
        let text = essence(text);
        // A tool result that is JSON is sent as JSON.
        let json = serde_json::from_str::<Value>(text).ok();
        let is_json = json.is_some_and(|json| holds(&told, &json));
        let is_sent = text.is_empty() || holds_text(&told, text) || is_decoded(&told, text) || is_json;
        !is_sent && !is_named(path) && !is_sealed(path)
    };
    let lost =
        all.iter().filter(is_lost).map(|(path, text)| format!("{path}: {}", text.chars().take(60).collect::<String>()));
    (all.iter().filter(|(_, text)| !essence(text).is_empty()).count(), lost.collect())
}

/// Whether a path is equal to another one, or inside it.
fn is_within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[test]
fn every_part_is_sent_or_named_by_its_path() {
    let (mut lost, mut seen) = (BTreeSet::new(), 0);
    for_all(|place, _, body, _, sent| {
        let (texts, unsaid) = texts_and_lost(body, sent);
        seen += texts;
        lost.extend(unsaid.into_iter().map(|unsaid| format!("{unsaid} of {place}")));
    });
    assert!(lost.is_empty(), "{} lost:\n{}", lost.len(), lost.into_iter().take(40).collect::<Vec<_>>().join("\n"));
    assert!(seen > 1_000, "only {seen} texts");
}

/// The parts that a translation to a wire format names, also if this is the client's own format.
fn named_by_translation(
    format: ClientFormat,
    body: &str,
    wire: WireFormat,
    target: &Target<'_>,
) -> Option<BTreeSet<String>> {
    let request = wire::open_request(format, body.to_owned()).ok()?;
    let conversation = wire::decode_request(&request, None).ok()?;
    let decoded = conversation.left_out.clone();
    let encoded = wire::encode_request(wire, conversation, target).ok()?;
    let document: &Arc<Document> = &request.document;
    let places = decoded.into_iter().chain(encoded.left_out).filter_map(|place| document.path_of(place));
    Some(encoded.lost.into_iter().map(|lost| format.path_of(lost, request.body()).to_owned()).chain(places).collect())
}

/// The parts of the conversation and its settings that forwarding names, and that a translation to the same wire format does
/// not name. `None` if the request is not forwarded, or cannot be translated.
pub fn unnamed_by_translation(format: ClientFormat, body: &Value, to: Destination<'_>, sent: &Sent) -> Option<Vec<String>> {
    format.native().filter(|native| native.wire() == to.wire)?;
    let translated = named_by_translation(format, &body.to_string(), to.wire, &to.target())?;
    // Fields that a translation cannot carry are named separately, as are the vendor's own tools and the choice of such a
    // tool.
    let carried = format.carried_fields();
    let is_of_a_rule = |path: &&String| {
        let field = path.split(['.', '[']).next().unwrap_or_default();
        carried.contains(&field) && !["tools", "tool_choice"].contains(&field) && !path.starts_with("and ")
    };
    let is_silent = |path: &&String| !translated.iter().any(|named| is_within(path, named));
    Some(sent.dropped.iter().filter(is_of_a_rule).filter(is_silent).cloned().collect())
}

#[test]
fn a_translation_names_at_least_what_forwarding_names() {
    let (mut silent, mut seen) = (BTreeSet::new(), 0_u32);
    for_all(|place, format, body, (model, route), sent| {
        let to = Destination { model, route, wire: wire_of(route.provider), output: OutputBounds::NONE };
        if let Some(unnamed) = unnamed_by_translation(format, body, to, sent) {
            seen += 1;
            silent.extend(unnamed.into_iter().map(|path| format!("{path} of {place}")));
        }
    });
    assert!(silent.is_empty(), "{} unnamed:\n{}", silent.len(), silent.into_iter().take(40).collect::<Vec<_>>().join("\n"));
    assert!(seen > 100, "only {seen} requests");
}
