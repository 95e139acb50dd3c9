//! The rules of replies, as a table: shapes that providers send, and what every client gets of them, whether the provider streams or
//! not, whether the client does, and whether frames are forwarded or encoded.

use std::time::Duration;

use gateway::translate::{Delivery, Progress};
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::relaying::{FORMATS, Relayed, WIRES, events, frames, native_wire, relay_chunks, relay_whole};
use serde_json::Value;

use super::replies::said;
use super::reply_shapes::Outcome::{self, Broken, Failed, Said};
use super::reply_shapes::{Row, rows};

fn framed(wire: WireFormat, data: &str) -> String {
    match wire {
        WireFormat::OpenAi | WireFormat::Gemini => format!("data: {data}\n\n"),
        WireFormat::Anthropic => {
            let event: Value = serde_json::from_str(data).unwrap();
            format!("event: {}\ndata: {data}\n\n", event["type"].as_str().unwrap())
        }
    }
}

/// Every way a row can come and go: what the client gets, and a name for it.
fn ways(row: &Row, format: ClientFormat) -> Vec<(String, Delivery, Relayed)> {
    let stream: Vec<String> = row.stream.iter().map(|data| framed(row.wire, data)).collect();
    let mut ways = Vec::new();
    for delivery in [Delivery::Streamed, Delivery::Whole] {
        let place = |came: &str| format!("{}, {came} from {:?}, {delivery:?} to {format:?}", row.name, row.wire);
        let relayed = relay_chunks(delivery, format, row.wire, stream.iter().map(String::as_bytes));
        ways.push((place("streamed"), delivery, relayed));
        if let Some(whole) = &row.whole {
            ways.push((place("whole"), delivery, relay_whole(delivery, format, row.wire, whole)));
        }
    }
    ways
}

/// What a client is told: what is said in the table's notation, and the words of the finish in the order they came.
fn told(format: ClientFormat, delivery: Delivery, bytes: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (events, frames) = match delivery {
        Delivery::Streamed => (events(native_wire(format), bytes).0, frames(bytes)),
        Delivery::Whole => (gateway::wire::decode_whole(native_wire(format), &text).unwrap(), vec![(None, text)]),
    };
    let said = said(&events).into_iter().map(|(kind, text)| format!("{kind} {text}"));
    let refused: String =
        events.iter().map(|event| if let gateway::chat::StreamEvent::Refusal(words) = event { words } else { "" }).collect();
    let said: Vec<String> = said.chain((!refused.is_empty()).then(|| format!("refusal {refused}"))).collect();
    let word = |data: &str| {
        let value: Value = serde_json::from_str(data).unwrap_or_default();
        let places = ["/choices/0/finish_reason", "/delta/stop_reason", "/stop_reason"];
        places.iter().find_map(|place| value.pointer(place)?.as_str().map(str::to_owned))
    };
    (said.join(" | "), frames.iter().filter_map(|(_, data)| word(data)).collect())
}

#[test]
fn every_shape_of_a_reply_is_told_alike_on_all_ways() {
    for row in rows() {
        for format in FORMATS {
            for (place, delivery, relayed) in ways(&row, format) {
                check(&row.outcome, format, delivery, relayed, &place);
            }
        }
    }
}

fn check(outcome: &Outcome, format: ClientFormat, delivery: Delivery, relayed: Relayed, place: &str) {
    let Relayed { bytes, end, meter } = relayed;
    match (outcome, end) {
        (Said(said, chat, messages), Progress::Finished) => {
            let word = if format == ClientFormat::ChatCompletions { *chat } else { *messages };
            let (text, words) = told(format, delivery, &bytes);
            // Where the provider of a refusal said nothing, a client of its own format is told nothing more.
            let is_silent = format == ClientFormat::Messages && text.is_empty() && said.starts_with("refusal ");
            // A whole chat reply cannot tell what came first, the text or a call.
            let has_order = (format, delivery) != (ClientFormat::ChatCompletions, Delivery::Whole);
            let is_same = text == *said || (!has_order && by_kind(&text) == by_kind(said));
            assert!(is_same || is_silent, "{place}: {text}");
            let is_own = word == "model_context_window_exceeded" && words == ["max_tokens"];
            assert!(words == [word] || is_own, "{place}: {words:?}");
        }
        (Failed(message), Progress::Failed(error)) => {
            assert!(error.message.contains(message), "{place}: {}", error.message);
            check_failed(&bytes, place);
        }
        (Broken(message), Progress::Failed(error)) => {
            assert!(error.message.contains(message), "{place}: {}", error.message);
            assert!(meter.has_content, "{place}");
            check_failed(&bytes, place);
        }
        (_, end) => panic!("{place}: {end:?}"),
    }
}

/// What is said without the order between kinds.
fn by_kind(said: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = said.split(" | ").collect();
    parts.sort_by_key(|part| part.split(' ').next());
    parts
}

/// One error and no end beside it.
fn check_failed(bytes: &[u8], place: &str) {
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(text.matches("\"error\":{").count(), 1, "{place}: {text}");
    for end in [
        "[DONE]",
        "message_stop\"",
        "content_block_stop\",\"index\":0}\n\nevent: error",
        "\"stop_reason\":\"",
        "\"finish_reason\":\"",
    ] {
        let is_text_block = end.starts_with("content_block_stop") && text.contains("\"type\":\"text\"");
        assert!(is_text_block || !text.contains(end), "{place}: {end} in {text}");
    }
}

#[test]
fn a_list_instead_of_a_reply_is_read_item_by_item() {
    let chunk =
        |text: &str, finish: &str| format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}]}}{finish}}}]}}"#);
    let list = format!("[{},\n{}]", chunk("H", ""), chunk("i", r#","finishReason":"STOP""#));
    let error = r#"[{"error":{"code":429,"message":"Quota.","details":[{"retryDelay":"3.2s"}]}}]"#;
    for format in FORMATS {
        for delivery in [Delivery::Streamed, Delivery::Whole] {
            let relayed = relay_whole(delivery, format, WireFormat::Gemini, &list);
            assert_eq!(told(format, delivery, &relayed.bytes).0, "text Hi");
            for wire in WIRES {
                let Progress::Failed(failed) = relay_whole(delivery, format, wire, error).end else { panic!("{wire:?}") };
                assert_eq!((failed.status(), failed.retry_after), (429, Some(Duration::from_secs(4))), "{wire:?}");
            }
        }
    }
}

#[test]
fn every_call_has_an_id_of_its_own_and_a_number_in_order() {
    for row in rows() {
        for format in FORMATS {
            for (place, _, Relayed { bytes, end, .. }) in ways(&row, format) {
                if end == Progress::Finished {
                    check_calls(&String::from_utf8_lossy(&bytes), &place);
                }
            }
        }
    }
}

/// Looks for calls in whatever JSON the bytes hold.
fn check_calls(text: &str, place: &str) {
    let (mut ids, mut count) = (Vec::new(), 0);
    for line in text.lines() {
        let Ok(value) = serde_json::from_str::<Value>(line.strip_prefix("data: ").unwrap_or(line)) else { continue };
        for pointer in ["/choices/0/delta/tool_calls", "/choices/0/message/tool_calls", "/content"] {
            for call in value.pointer(pointer).and_then(Value::as_array).into_iter().flatten() {
                ids.extend(call["id"].as_str().map(str::to_owned));
                if let (Some(index), true) = (call["index"].as_u64(), pointer.contains("delta")) {
                    count += u64::from(call["id"].is_string());
                    assert!(index < count, "{place}: {line}");
                }
                assert!(!pointer.contains("delta") || call["index"].is_u64(), "{place}: {line}");
            }
        }
        ids.extend(value.pointer("/content_block/id").and_then(Value::as_str).map(str::to_owned));
    }
    let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{place}: {ids:?}");
    assert!(ids.iter().all(|id| !id.is_empty()), "{place}: {ids:?}");
}

#[test]
fn calls_of_chunks_without_a_time_are_numbered_on() {
    let call = |arguments: &str| {
        let call = format!(r#"{{"id":"","type":"function","function":{{"name":"look","arguments":"{arguments}"}}}}"#);
        framed(WireFormat::OpenAi, &format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}}}}]}}"#))
    };
    let end = framed(WireFormat::OpenAi, r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#);
    let stream = [call(r#"{\"a\":1}"#), call(r#"{\"a\":2}"#), end];
    let chat = ClientFormat::ChatCompletions;
    let relayed = relay_chunks(Delivery::Streamed, chat, WireFormat::OpenAi, stream.iter().map(String::as_bytes));
    let begun = |(_, data): &(Option<String>, String)| {
        let call = serde_json::from_str::<Value>(data).ok()?.pointer("/choices/0/delta/tool_calls/0")?.clone();
        call.get("id").and(call["index"].as_u64())
    };
    assert_eq!(frames(&relayed.bytes).iter().filter_map(begun).collect::<Vec<_>>(), [0, 1]);
}
