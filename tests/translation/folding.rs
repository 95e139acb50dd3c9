//! Folding: the gateway converts a provider's stream to the reply that the same provider would give without streaming.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gateway::error::UpstreamError;
use gateway::sse::FrameReader;
use gateway::wire::{self, ClientFormat, WireFormat};
use gateway_tests::corpus::{streams, whole_replies};
use gateway_tests::project;
use gateway_tests::relaying::{NATIVE_FORMATS, folded_from, native, native_wire, whole_from};
use serde_json::Value;

fn format_of(wire: WireFormat) -> Option<ClientFormat> {
    NATIVE_FORMATS.into_iter().find(|format| native_wire(*format) == wire)
}

/// A reply without the parts that only one of the two forms has: the numbers of calls, and nulls.
fn comparable(body: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, value| !value.is_null());
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(body).unwrap();
    strip(&mut value);
    let calls = value.pointer_mut("/choices/0/message/tool_calls").and_then(Value::as_array_mut);
    calls.into_iter().flatten().filter_map(Value::as_object_mut).for_each(|call| drop(call.remove("index")));
    value
}

fn fold(format: ClientFormat, stream: &[u8]) -> String {
    let (mut fold, mut reader) = (native(format).fold(), FrameReader::default());
    let read = reader.read(stream, |frame| fold.add(&frame));
    read.and_then(|()| reader.end(|frame| fold.add(&frame))).unwrap();
    fold.whole().unwrap()
}

/// The project's own streams that have the same content as the reply with the same name.
const OWN: [&str; 3] = ["vendor-fields", "two-calls", "server-tool-search"];

/// The streams for which there is a reply with the same name: the project's own, or the recorded ones.
fn pairs(is_own: bool) -> Vec<(ClientFormat, PathBuf, Vec<u8>, String)> {
    let key = |wire: WireFormat, path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let folder = path.parent().unwrap().to_string_lossy().replace("/stream", "").replace("/unary", "");
        (format!("{wire:?}{folder}"), name.split('.').next().unwrap().to_owned())
    };
    let whole: BTreeMap<_, String> =
        whole_replies().into_iter().map(|(wire, path, body, _)| (key(wire, &path), body)).collect();
    let pair = |(wire, path, stream): (WireFormat, PathBuf, Vec<u8>)| {
        let body = whole.get(&key(wire, &path))?.clone();
        Some((format_of(wire)?, path, stream, body))
    };
    let is_named = |path: &Path| OWN.iter().any(|name| path.ends_with(format!("{name}.sse")));
    let own = |pair: &(ClientFormat, PathBuf, Vec<u8>, String)| {
        if is_own { is_named(&pair.1) } else { !pair.1.starts_with(project().join("tests")) }
    };
    streams().into_iter().filter_map(pair).filter(own).collect()
}

#[test]
fn a_folded_stream_is_the_whole_reply() {
    let own = pairs(true);
    assert_eq!(own.len(), OWN.len());
    for (format, path, stream, body) in own {
        assert_eq!(comparable(&fold(format, &stream)), comparable(&body), "{}", path.display());
    }
}

#[test]
fn a_client_gets_the_same_whole_reply_whether_its_provider_streams_or_not() {
    for (format, path, stream, body) in pairs(true) {
        let (folded, streamed_meter) = folded_from(format, native_wire(format), &stream).unwrap();
        let (whole, whole_meter) = whole_from(format, native_wire(format), &body).unwrap();
        assert_eq!(comparable(&folded), comparable(&whole), "{}", path.display());
        assert_eq!(streamed_meter, whole_meter, "{}", path.display());
    }
}

#[test]
fn recorded_pairs_fold_to_the_fields_of_their_whole_replies() {
    // Two recordings of one request never have the same texts. So only their fields are compared, for each kind of block.
    for (format, path, stream, body) in pairs(false) {
        let (folded, whole) = (comparable(&fold(format, &stream)), comparable(&body));
        let (folded, whole) = (fields(&folded), fields(&whole));
        for (place, names) in &folded {
            assert!(whole.get(place).is_none_or(|known| known == names), "{} {place}: {names:?}", path.display());
        }
    }
}

/// The field names of each object by its place: the reply, its message, and each kind of block.
fn fields(reply: &Value) -> BTreeMap<String, BTreeSet<String>> {
    // An empty list counts as no list.
    let says = |(_, value): &(&String, &Value)| value.as_array().is_none_or(|items| !items.is_empty());
    let names = |value: &Value| {
        let fields = value.as_object().into_iter().flatten();
        fields.filter(says).map(|(name, _)| name.clone()).collect::<BTreeSet<String>>()
    };
    let mut places = BTreeMap::from([("reply".to_owned(), names(reply))]);
    for place in ["/choices/0", "/choices/0/message"] {
        places.extend(reply.pointer(place).map(|value| (place.to_owned(), names(value))));
    }
    for block in reply["content"].as_array().into_iter().flatten() {
        places.insert(block["type"].as_str().unwrap_or_default().to_owned(), names(block));
    }
    places
}

#[test]
fn a_whole_reply_that_is_told_as_a_stream_folds_to_itself() {
    let mut seen = 0;
    for (wire, path, body, _) in whole_replies() {
        let Some(format) = format_of(wire) else { continue };
        let mut fold = native(format).fold();
        wire::frames_of_whole(wire, &body, |frame| fold.add(frame)).unwrap();
        let folded: Result<String, UpstreamError> = fold.whole();
        assert_eq!(comparable(&folded.unwrap()), comparable(&body), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 5, "only {seen} whole replies");
}

#[test]
fn every_start_of_a_block_is_one_block_of_the_folded_reply() {
    let text = |index: &str, text: &str| {
        let event = |kind: &str, field: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{index}{field}}}\n\n");
        let start = event("content_block_start", r#","content_block":{"type":"text","text":""}"#);
        let delta = format!(r#","delta":{{"type":"text_delta","text":"{text}"}}"#);
        format!("{start}{}{}", event("content_block_delta", &delta), event("content_block_stop", ""))
    };
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[]}}\n\n";
    let unknown = "event: vendor_event\ndata: ok\n\n";
    let end = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\nevent: message_stop\ndata: {}\n\n";
    for (first, second) in [(r#","index":1"#, r#","index":2"#), (r#","index":0"#, r#","index":0"#), ("", "")] {
        let stream = [start, unknown, &text(first, "one"), &text(second, "two"), end].concat();
        let (folded, _) = folded_from(ClientFormat::Messages, WireFormat::Anthropic, stream.as_bytes()).unwrap();
        let folded: Value = serde_json::from_str(&folded).unwrap();
        let blocks = serde_json::json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]);
        assert_eq!(folded["content"], blocks, "{first}");
    }
}

#[test]
fn encrypted_details_of_one_number_stay_apart() {
    let detail = |id: &str, data: &str| {
        format!(r#"{{"type":"reasoning.encrypted","data":"{data}","id":"{id}","format":"google-gemini-v1","index":0}}"#)
    };
    let chunk =
        |detail: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"reasoning_details\":[{detail}]}}}}]}}\n\n");
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (first, second) = (detail("a", "AAAA"), detail("b", "BBBB"));
    let stream = [chunk(&first), chunk(&second), end.to_owned()].concat();
    let (folded, _) = folded_from(ClientFormat::ChatCompletions, WireFormat::OpenAi, stream.as_bytes()).unwrap();
    let expected: Value = serde_json::from_str(&format!("[{first},{second}]")).unwrap();
    let folded: Value = serde_json::from_str(&folded).unwrap();
    assert_eq!(folded["choices"][0]["message"]["reasoning_details"], expected);
}

#[test]
fn a_folded_message_has_a_role_although_no_delta_has_one() {
    let stream =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let whole: Value = serde_json::from_str(&fold(ClientFormat::ChatCompletions, stream.as_bytes())).unwrap();
    assert_eq!(whole.pointer("/choices/0/message/role"), Some(&Value::from("assistant")), "{whole}");
}
