//! The rules of replies, as a table: shapes of replies that providers send, and what every client gets. The result must be the
//! same whether the provider streams or not, whether the client streams or not, and whether frames are forwarded or encoded.

use std::time::Duration;

use gateway::translate::{Delivery, Progress};
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::corpus::all_cases;
use gateway_tests::relaying::{FORMATS, Relayed, WIRES, client_events, client_reply, frames, relay_chunks, relay_whole};
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

/// Runs a row in every combination of the provider's and the client's delivery. Returns a name for each, and what the client
/// gets.
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

/// What a client gets: the content in the table's notation, and the finish reasons in their order.
fn told(format: ClientFormat, delivery: Delivery, bytes: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (events, frames) = match delivery {
        Delivery::Streamed => (client_events(format, bytes).0, frames(bytes)),
        Delivery::Whole => (client_reply(format, &text).unwrap(), vec![(None, text)]),
    };
    let said = said(&events).into_iter().map(|(kind, text)| format!("{kind} {text}"));
    let refused: String =
        events.iter().map(|event| if let gateway::chat::StreamEvent::Refusal(words) = event { words } else { "" }).collect();
    let said: Vec<String> = said.chain((!refused.is_empty()).then(|| format!("refusal {refused}"))).collect();
    let word = |data: &str| {
        let value: Value = serde_json::from_str(data).unwrap_or_default();
        let places = ["/choices/0/finish_reason", "/delta/stop_reason", "/stop_reason"];
        if format == ClientFormat::Responses {
            let response = value.get("response").unwrap_or(&value);
            let reason = response["incomplete_details"]["reason"].as_str().or(response["status"].as_str());
            return reason.filter(|reason| *reason != "in_progress").map(str::to_owned);
        }
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
            let word = match (format, *chat) {
                (ClientFormat::ChatCompletions, chat) => chat,
                (ClientFormat::Messages, _) => *messages,
                (ClientFormat::Responses, "length") => "max_output_tokens",
                (ClientFormat::Responses, _) if *messages == "refusal" => "content_filter",
                (ClientFormat::Responses, _) => "completed",
            };
            let (text, words) = told(format, delivery, &bytes);
            // If a refusal has no text, a client of the provider's own format gets no text either.
            let is_silent = format == ClientFormat::Messages && text.is_empty() && said.starts_with("refusal ");
            // A chat reply that is not streamed does not show whether the text or a call came first.
            let has_order = (format, delivery) != (ClientFormat::ChatCompletions, Delivery::Whole);
            let is_same = text == *said || (!has_order && by_kind(&text) == by_kind(said));
            assert!(is_same || is_silent, "{place}: {text}");
            let is_own = word == "model_context_window_exceeded" && words == ["max_tokens"];
            assert!(words == [word] || is_own, "{place}: {words:?}");
        }
        (Failed(message) | Broken(message), Progress::Failed(error)) => {
            assert!(error.message.contains(message), "{place}: {}", error.message);
            assert_eq!(error.status(), 502, "{place}");
            assert!(meter.has_content || matches!(outcome, Failed(_)), "{place}");
            check_failed(&bytes, place);
            let is_named = String::from_utf8_lossy(&bytes).contains(r#""type":"api_error""#);
            assert!(is_named || format != ClientFormat::Messages, "{place}");
        }
        (_, end) => panic!("{place}: {end:?}"),
    }
}

/// The content without the order between kinds.
fn by_kind(said: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = said.split(" | ").collect();
    parts.sort_by_key(|part| part.split(' ').next());
    parts
}

/// Checks that there is one error and no regular end.
fn check_failed(bytes: &[u8], place: &str) {
    let text = String::from_utf8_lossy(bytes);
    // A failed Responses stream has two events for its error, because some clients read one and some the other.
    let times = if text.contains("event: response.failed") { 2 } else { 1 };
    assert_eq!(text.matches("\"error\":{").count(), times, "{place}: {text}");
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
fn an_error_as_the_first_event_has_the_status_of_its_type() {
    let start = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"usage":{"input_tokens":3}}}"#;
    for (kind, status) in [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("api_error", 502),
        ("overloaded_error", 529),
        ("an_error_of_next_year", 502),
    ] {
        let error = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"Not now."}},"request_id":"req_7"}}"#);
        for format in FORMATS {
            for delivery in [Delivery::Streamed, Delivery::Whole] {
                for events in [&[error.as_str()][..], &[start, &error]] {
                    let stream: Vec<String> = events.iter().map(|data| framed(WireFormat::Anthropic, data)).collect();
                    let frames = stream.iter().map(String::as_bytes);
                    let Relayed { end, meter, .. } = relay_chunks(delivery, format, WireFormat::Anthropic, frames);
                    let Progress::Failed(failed) = end else { panic!("{kind}: {end:?}") };
                    let said = (failed.status(), failed.message.as_str(), meter.has_content);
                    assert_eq!(said, (status, "Not now.", false), "{kind} {delivery:?} to {format:?}");
                }
            }
        }
    }
}

#[test]
fn a_refusal_keeps_what_its_provider_says_of_it() {
    let details = r#"{"type":"refusal","category":"other","explanation":"Not about this."}"#;
    let stream = [
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"usage":{"input_tokens":3}}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        &format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"refusal","stop_details":{details}}},"usage":{{"output_tokens":2}}}}"#),
        r#"{"type":"message_stop"}"#,
    ]
    .map(|data| framed(WireFormat::Anthropic, data));
    for delivery in [Delivery::Streamed, Delivery::Whole] {
        let told = |format| {
            let relayed = relay_chunks(delivery, format, WireFormat::Anthropic, stream.iter().map(String::as_bytes));
            assert_eq!(relayed.end, Progress::Finished);
            String::from_utf8(relayed.bytes).unwrap()
        };
        let message = told(ClientFormat::Messages);
        assert_eq!(message.matches(&format!(r#""stop_details":{details}"#)).count(), 1, "{message}");
        assert_eq!(message.matches(r#""stop_reason":"refusal""#).count(), 1, "{message}");
        let chat = told(ClientFormat::ChatCompletions);
        assert_eq!(chat.matches(r#""finish_reason":"content_filter""#).count(), 1, "{chat}");
        assert_eq!(chat.matches(r#""refusal":"Not about this.""#).count(), 1, "{chat}");
        assert_eq!(chat.ends_with("data: [DONE]\n\n"), delivery == Delivery::Streamed, "{chat}");
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
fn recorded_faults_end_once_in_an_answer_or_in_an_error() {
    for (path, reply) in all_cases().into_iter().filter_map(|case| Some((case.path, case.reply?))) {
        for (format, delivery) in
            FORMATS.into_iter().flat_map(|format| [Delivery::Streamed, Delivery::Whole].map(|to| (format, to)))
        {
            let streamed = relay_chunks(delivery, format, reply.wire, std::iter::once(reply.stream.as_slice()));
            let whole = reply.whole.iter().map(|whole| relay_whole(delivery, format, reply.wire, whole));
            for Relayed { bytes, end, .. } in std::iter::once(streamed).chain(whole) {
                let place = format!("{}, {delivery:?} to {format:?}", path.display());
                if end == Progress::Finished {
                    let (said, words) = told(format, delivery, &bytes);
                    assert!(words.len() == 1, "{place}: {words:?}");
                    // An answer has content, unless it is a refusal without text.
                    assert!(!said.is_empty() || words == ["refusal"], "{place}");
                } else {
                    check_failed(&bytes, &place);
                }
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

/// Checks the calls in all JSON that the bytes contain.
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
fn ids_that_a_provider_gave_stay() {
    for name in ["no index", "arguments as an object", "an index that begins late", "no type"] {
        let row = rows().into_iter().find(|row| row.name == name).unwrap();
        for (place, _, Relayed { bytes, .. }) in ways(&row, ClientFormat::ChatCompletions) {
            assert_eq!(String::from_utf8_lossy(&bytes).matches(r#""id":"c""#).count(), 1, "{place}");
        }
    }
}

#[test]
fn thoughts_in_details_only_are_told_under_both_names_that_clients_read() {
    let row = rows().into_iter().find(|row| row.name == "reasoning in details only").unwrap();
    for (place, _, Relayed { bytes, .. }) in ways(&row, ClientFormat::ChatCompletions) {
        let text = String::from_utf8_lossy(&bytes);
        for name in ["reasoning", "reasoning_content"] {
            assert_eq!(text.matches(&format!(r#""{name}":"Hm. So.""#)).count(), 1, "{place}: {text}");
        }
    }
}

#[test]
fn replies_are_of_the_types_that_their_format_has() {
    for row in rows() {
        for format in FORMATS {
            for (place, _, Relayed { bytes, end, .. }) in ways(&row, format) {
                if end != Progress::Finished {
                    continue;
                }
                let text = String::from_utf8_lossy(&bytes);
                let mut thoughts = String::new();
                for line in text.lines() {
                    let value =
                        serde_json::from_str::<Value>(line.strip_prefix("data: ").unwrap_or(line)).unwrap_or_default();
                    match format {
                        ClientFormat::ChatCompletions => thoughts.push_str(&check_choice(&value["choices"][0], &place)),
                        ClientFormat::Messages => check_content(&value, &place),
                        // The check of the order of its events also checks the types.
                        ClientFormat::Responses => {}
                    }
                }
                if let (ClientFormat::ChatCompletions, Said(said, ..)) = (format, &row.outcome) {
                    let kinds = said.split(" | ").filter_map(|said| said.strip_prefix("reasoning "));
                    assert_eq!(thoughts, kinds.collect::<String>(), "{place}");
                }
            }
        }
    }
}

/// Checks a choice of a chunk or of a reply, and returns its reasoning.
fn check_choice(choice: &Value, place: &str) -> String {
    let finish = &choice["finish_reason"];
    let words = ["stop", "length", "tool_calls", "content_filter"];
    assert!(finish.as_str().map_or(finish.is_null(), |word| words.contains(&word)), "{place}: {choice}");
    let said = choice.get("delta").or(choice.get("message")).unwrap_or(&Value::Null);
    assert!(said["content"].is_null() || said["content"].is_string(), "{place}: {choice}");
    for call in said["tool_calls"].as_array().into_iter().flatten() {
        let arguments = call["function"].get("arguments");
        // The first piece of a call need not have any.
        let is_piece = choice.get("delta").is_some() && arguments.is_none();
        assert!(arguments.is_some_and(Value::is_string) || is_piece, "{place}: {choice}");
    }
    let thoughts = ["reasoning_content", "reasoning"].map(|name| &said[name]);
    assert!(thoughts.iter().all(|thought| thought.is_null() || thought.is_string()), "{place}: {choice}");
    thoughts.iter().find_map(|thought| thought.as_str()).unwrap_or_default().to_owned()
}

/// Checks the blocks of a message, or the part of it in an event.
fn check_content(value: &Value, place: &str) {
    for block in value["content"].as_array().into_iter().flatten().chain(value.get("content_block")) {
        let is_fine = match block["type"].as_str() {
            Some("text") => block["text"].is_string(),
            Some("thinking") => block["thinking"].is_string(),
            Some("redacted_thinking") => block["data"].is_string(),
            Some("tool_use") => block["input"].is_object(),
            _ => false,
        };
        assert!(is_fine, "{place}: {value}");
    }
    let delta = &value["delta"];
    let pieces = ["text", "thinking", "partial_json", "signature"];
    assert!(delta["type"].is_null() || pieces.iter().any(|piece| delta[*piece].is_string()), "{place}: {value}");
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
