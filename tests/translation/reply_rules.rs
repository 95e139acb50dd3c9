//! The rules of replies, as a table: shapes that providers send, and what every client gets of them, whether the provider streams or
//! not, whether the client does, and whether frames are forwarded or encoded.

use gateway::translate::{Delivery, Progress};
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::relaying::{FORMATS, Relayed, events, frames, native_wire, relay_chunks, relay_whole};
use serde_json::Value;

use super::replies::said;

/// One shape of a reply.
struct Row {
    name: &'static str,
    wire: WireFormat,
    /// The stream's data, a frame each.
    stream: Vec<String>,
    /// The same as one object, where the shape exists.
    whole: Option<String>,
    outcome: Outcome,
}

enum Outcome {
    /// What is said, and how it ends in the words of each client format.
    Said(&'static str, &'static str, &'static str),
    /// A failed try, by a part of its message: nothing was told.
    Failed(&'static str),
    /// The same after content: streams end in one error event.
    Broken(&'static str),
}

use Outcome::{Broken, Failed, Said};

/// Chunks of OpenRouter, given their choices, and the same reply whole, given its choice.
fn chunks(name: &'static str, choices: &[&str], whole: &str, outcome: Outcome) -> Row {
    let usage = r#""usage":{"prompt_tokens":3,"completion_tokens":2}"#;
    let chunk = |choice: &&str| {
        format!(
            r#"{{"id":"gen-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,{choice}}}]}}"#
        )
    };
    let mut stream: Vec<String> = choices.iter().map(chunk).collect();
    stream.push(format!(r#"{{"id":"gen-1","choices":[],{usage}}}"#));
    stream.push("[DONE]".to_owned());
    let object = format!(
        r#"{{"id":"gen-1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,{whole}}}],{usage}}}"#
    );
    Row { name, wire: WireFormat::OpenAi, stream, whole: (!whole.is_empty()).then_some(object), outcome }
}

/// Chunks of Gemini, given their candidates. A whole reply is one such chunk.
fn candidates(name: &'static str, candidates: &[&str], outcome: Outcome) -> Row {
    let usage = r#""usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2},"responseId":"r"}"#;
    let chunk = |candidate: &&str| format!(r#"{{"candidates":[{{{candidate}}}],{usage}"#);
    let stream: Vec<String> = candidates.iter().map(chunk).collect();
    let whole = (stream.len() == 1).then(|| stream[0].clone());
    Row { name, wire: WireFormat::Gemini, stream, whole, outcome }
}

/// A reply of Claude, given its blocks as a stream tells them, its stop reason, and the same blocks whole.
fn blocks(name: &'static str, events: &[&str], stop: &str, whole: &str, outcome: Outcome) -> Row {
    let usage = r#""usage":{"input_tokens":3,"output_tokens":2}"#;
    let mut stream = vec![format!(
        r#"{{"type":"message_start","message":{{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,{usage}}}}}"#
    )];
    stream.extend(events.iter().map(|event| format!("{{{event}}}")));
    stream.push(format!(r#"{{"type":"message_delta","delta":{{"stop_reason":{stop},"stop_sequence":null}},{usage}}}"#));
    stream.push(r#"{"type":"message_stop"}"#.to_owned());
    let object = format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{whole}],"stop_reason":{stop},"stop_sequence":null,{usage}}}"#
    );
    Row { name, wire: WireFormat::Anthropic, stream, whole: Some(object), outcome }
}

const TEXT: &str = r#""delta":{"role":"assistant","content":"Hi"},"finish_reason":null"#;
const CALL: &str = r#"call look {"a":1}"#;
const TWO_CALLS: &str = r#"call look {"a":1} | call look {"a":2}"#;

fn finish_rows() -> Vec<Row> {
    let end = |word: &str| format!(r#""delta":{{}},"finish_reason":{word}"#);
    let whole = |word: &str| format!(r#""message":{{"role":"assistant","content":"Hi"}},"finish_reason":{word}"#);
    let word = |name, word: &str, outcome| chunks(name, &[TEXT, &end(word)], &whole(word), outcome);
    vec![
        word("calls promised and none made", r#""tool_calls""#, Said("text Hi", "stop", "end_turn")),
        word("another dialect's end", r#""end_turn""#, Said("text Hi", "stop", "end_turn")),
        word("another dialect's limit", r#""MAX_TOKENS""#, Said("text Hi", "length", "max_tokens")),
        word("another dialect's call", r#""tool_use""#, Said("text Hi", "stop", "end_turn")),
        word("another dialect's filter", r#""SAFETY""#, Said("text Hi", "content_filter", "refusal")),
        word("a word of nobody's", r#""eos_token""#, Said("text Hi", "stop", "end_turn")),
        word("an end in an error", r#""error""#, Broken("error")),
        word(
            "a stop behind which the connection broke",
            r#""stop","native_finish_reason":"network_error""#,
            Broken("network_error"),
        ),
        word(
            "a stop behind which a call broke",
            r#""stop","native_finish_reason":"MALFORMED_FUNCTION_CALL""#,
            Broken("MALFORMED_FUNCTION_CALL"),
        ),
        chunks(
            "an empty word before the real one",
            &[r#""delta":{"content":"Hi"},"finish_reason":"""#, &end(r#""length""#), &end(r#""""#)],
            "",
            Said("text Hi", "length", "max_tokens"),
        ),
        chunks("two ends", &[TEXT, &end(r#""stop""#), &end(r#""length""#)], "", Said("text Hi", "length", "max_tokens")),
        chunks(
            "text after the end",
            &[TEXT, &end(r#""stop""#), r#""delta":{"content":"!"}"#],
            "",
            Said("text Hi!", "stop", "end_turn"),
        ),
        chunks("no delta", &[r#""delta":null"#, TEXT, &end(r#""stop""#)], "", Said("text Hi", "stop", "end_turn")),
        chunks(
            "an empty stop",
            &[r#""delta":{"role":"assistant","content":""},"finish_reason":"stop""#],
            r#""message":{"role":"assistant","content":""},"finish_reason":"stop""#,
            Failed("stop"),
        ),
        chunks(
            "an empty list of calls",
            &[r#""delta":{"content":null,"tool_calls":[]},"finish_reason":"tool_calls""#],
            r#""message":{"content":null,"tool_calls":[]},"finish_reason":"tool_calls""#,
            Failed("tool_calls"),
        ),
        chunks(
            "a limit before the first word",
            &[r#""delta":{"role":"assistant","content":""},"finish_reason":"length""#],
            r#""message":{"role":"assistant","content":""},"finish_reason":"length""#,
            Said("", "length", "max_tokens"),
        ),
        chunks(
            "a blocked reply without words",
            &[r#""delta":{"role":"assistant","content":""},"finish_reason":"content_filter""#],
            r#""message":{"role":"assistant","content":""},"finish_reason":"content_filter""#,
            Said("refusal The provider blocked this reply.", "content_filter", "refusal"),
        ),
    ]
}

const CALLS_END: &str = r#""delta":{},"finish_reason":"tool_calls""#;

fn piece(call: &str) -> String {
    format!(r#""delta":{{"tool_calls":[{call}]}}"#)
}

fn message(calls: &str, finish: &str) -> String {
    format!(r#""message":{{"role":"assistant","content":null,"tool_calls":[{calls}]}},"finish_reason":"{finish}""#)
}

/// A call of `look`, with what identifies it.
fn looks(place: &str, a: u8) -> String {
    format!(r#"{{{place}"type":"function","function":{{"name":"look","arguments":"{{\"a\":{a}}}"}}}}"#)
}

const CALLED: Outcome = Said(CALL, "tool_calls", "tool_use");

fn call_rows() -> Vec<Row> {
    let one = |name, call: &str, outcome| chunks(name, &[&piece(call), CALLS_END], &message(call, "tool_calls"), outcome);
    vec![
        one(
            "arguments as an object",
            r#"{"index":0,"id":"c","type":"function","function":{"name":"look","arguments":{"a":1}}}"#,
            CALLED,
        ),
        one("no index", &looks(r#""id":"c","#, 1), CALLED),
        one("an index that begins late", &looks(r#""index":3,"id":"c","#, 1), CALLED),
        one("an empty id", &looks(r#""index":0,"id":"","#, 1), CALLED),
        one("no id", &looks(r#""index":0,"#, 1), CALLED),
        one("no type", r#"{"index":0,"id":"c","function":{"name":"look","arguments":"{\"a\":1}"}}"#, CALLED),
        one(
            "arguments that are null as text",
            r#"{"index":0,"id":"c","function":{"name":"look","arguments":"null"}}"#,
            Said("call look {}", "tool_calls", "tool_use"),
        ),
        one(
            "no arguments",
            r#"{"index":0,"id":"c","function":{"name":"look"}}"#,
            Said("call look {}", "tool_calls", "tool_use"),
        ),
        one("no name at all", r#"{"index":0,"id":"c","function":{"name":"","arguments":"{}"}}"#, Failed("without a name")),
        one(
            "half a call",
            r#"{"index":0,"id":"c","function":{"name":"look","arguments":"{\"a\""}}"#,
            Broken("not complete"),
        ),
        one(
            "arguments that are no object",
            r#"{"index":0,"id":"c","function":{"name":"look","arguments":"[1]"}}"#,
            Broken("not complete"),
        ),
        chunks(
            "half a call at the token limit",
            &[
                &piece(r#"{"index":0,"id":"c","function":{"name":"look","arguments":"{\"a\""}}"#),
                r#""delta":{},"finish_reason":"length""#,
            ],
            &message(r#"{"index":0,"id":"c","function":{"name":"look","arguments":"{\"a\""}}"#, "length"),
            Said("call look {}", "length", "max_tokens"),
        ),
    ]
}

fn calls_apart_rows() -> Vec<Row> {
    let two = |name, first: &str, second: &str| {
        let whole = message(&format!("{first},{second}"), "stop");
        let stop = r#""delta":{},"finish_reason":"stop""#;
        chunks(name, &[&piece(first), &piece(second), stop], &whole, Said(TWO_CALLS, "tool_calls", "tool_use"))
    };
    vec![
        two("the same id twice", &looks(r#""index":0,"id":"c","#, 1), &looks(r#""index":1,"id":"c","#, 2)),
        two("no ids and no numbers", &looks("", 1), &looks("", 2)),
        two("ids and no numbers", &looks(r#""id":"c","#, 1), &looks(r#""id":"d","#, 2)),
        two("one number and two ids", &looks(r#""index":0,"id":"c","#, 1), &looks(r#""index":0,"id":"d","#, 2)),
        chunks(
            "empty id and name in a later piece",
            &[
                &piece(r#"{"index":0,"id":"","type":"function","function":{"name":"look","arguments":""}}"#),
                &piece(r#"{"index":0,"id":"","function":{"name":"","arguments":"{\"a\":1}"}}"#),
                CALLS_END,
            ],
            "",
            CALLED,
        ),
        chunks(
            "a name that comes late",
            &[
                &piece(r#"{"index":0,"id":"c","function":{"name":"null","arguments":"{\"a\""}}"#),
                &piece(r#"{"index":0,"function":{"name":"look","arguments":":1}"}}"#),
                CALLS_END,
            ],
            "",
            CALLED,
        ),
        chunks(
            "interleaved calls",
            &[
                &piece(r#"{"index":0,"id":"c","type":"function","function":{"name":"look","arguments":"{\"a\""}}"#),
                &piece(r#"{"index":1,"id":"d","type":"function","function":{"name":"look","arguments":"{\"a\""}}"#),
                &piece(r#"{"index":0,"function":{"arguments":":1}"}}"#),
                &piece(r#"{"index":1,"function":{"arguments":":2}"}}"#),
                CALLS_END,
            ],
            "",
            Said(TWO_CALLS, "tool_calls", "tool_use"),
        ),
    ]
}

fn content_rows() -> Vec<Row> {
    let stop = r#""delta":{},"finish_reason":"stop""#;
    let detail = r#""reasoning":null,"reasoning_details":[{"type":"reasoning.text","text":"Hm.","format":"unknown","index":0},{"type":"reasoning.summary","summary":" So.","index":1}]"#;
    let thinks = |fields: &str, key: &str| {
        format!(r#""{key}":{{"role":"assistant","content":"Hi",{fields}}},"finish_reason":"stop""#)
    };
    let twice = r#""reasoning":"Hm.","reasoning_content":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"Hm.","index":0}]"#;
    vec![
        chunks(
            "content as a list",
            &[
                r#""delta":{"content":[{"type":"text","text":"H"}]}"#,
                r#""delta":{"content":[{"type":"text","text":"i"}]}"#,
                stop,
            ],
            r#""message":{"content":[{"type":"text","text":"H"},{"type":"text","text":"i"}]},"finish_reason":"stop""#,
            Said("text Hi", "stop", "end_turn"),
        ),
        chunks(
            "reasoning in details only",
            &[&thinks(detail, "delta")],
            &thinks(detail, "message"),
            Said("reasoning Hm. So. | text Hi", "stop", "end_turn"),
        ),
        chunks(
            "reasoning under three names",
            &[&thinks(twice, "delta")],
            &thinks(twice, "message"),
            Said("reasoning Hm. | text Hi", "stop", "end_turn"),
        ),
        chunks(
            "a model that refuses",
            &[r#""delta":{"content":null,"refusal":"I won't."}"#, stop],
            r#""message":{"content":null,"refusal":"I won't."},"finish_reason":"stop""#,
            Said("refusal I won't.", "stop", "refusal"),
        ),
        chunks(
            "an error in the choice",
            &[TEXT, r#""delta":{"content":""},"error":{"code":"server_error","message":"Gone."},"finish_reason":"error""#],
            r#""message":{"content":"Hi"},"error":{"code":"server_error","message":"Gone."},"finish_reason":"error""#,
            Broken("Gone."),
        ),
    ]
}

fn gemini_rows() -> Vec<Row> {
    let text = r#""content":{"parts":[{"text":"Hi"}]}"#;
    let call = r#""content":{"parts":[{"functionCall":{"name":"look","args":{"a":1}}}]}"#;
    let broken = |reason: &str| format!(r#""finishReason":"{reason}","finishMessage":"Call of x""#);
    let mut rows = vec![
        candidates("a stop without a part", &[r#""finishReason":"STOP""#], Failed("STOP")),
        candidates(
            "an early stop",
            &[r#""content":{"parts":[{"text":"H"}]},"finishReason":"STOP""#, r#""content":{"parts":[{"text":"i"}]}"#],
            Said("text Hi", "stop", "end_turn"),
        ),
        candidates(
            "a stop after a call",
            &[&format!(r#"{call},"finishReason":"STOP""#)],
            Said(CALL, "tool_calls", "tool_use"),
        ),
        candidates(
            "only code and its output",
            &[
                r#""content":{"parts":[{"executableCode":{"language":"PYTHON","code":"print(6*7)"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"42\n"}}]},"finishReason":"STOP""#,
            ],
            Said("text ```python\nprint(6*7)\n```\n\n```\n42\n```\n", "stop", "end_turn"),
        ),
        candidates(
            "a filter with words",
            &[r#""finishReason":"SAFETY","finishMessage":"Not this.""#],
            Said("refusal Not this.", "content_filter", "refusal"),
        ),
        candidates(
            "a filter after text",
            &[text, r#""finishReason":"RECITATION""#],
            Said("text Hi", "content_filter", "refusal"),
        ),
        candidates(
            "only a thought",
            &[r#""content":{"parts":[{"text":"Hm.","thought":true}]},"finishReason":"STOP""#],
            Said("reasoning Hm.", "stop", "end_turn"),
        ),
        candidates(
            "a signature on text",
            &[r#""content":{"parts":[{"text":"Hi","thoughtSignature":"c2ln"}]},"finishReason":"STOP""#],
            Said("text Hi", "stop", "end_turn"),
        ),
    ];
    for reason in ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"] {
        rows.push(candidates("a broken call and nothing else", &[&broken(reason)], Failed(reason)));
        rows.push(candidates("a broken call after text", &[text, &broken(reason)], Broken(reason)));
        rows.push(candidates(
            "a broken call after a whole one",
            &[call, &broken(reason)],
            Said(CALL, "tool_calls", "tool_use"),
        ));
    }
    rows
}

fn claude_rows() -> Vec<Row> {
    let text = r#""type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hi"}"#;
    let stop = r#""type":"content_block_stop","index":0"#;
    let call =
        r#""type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"","name":"look","input":{}}"#;
    let arguments = |json: &str| {
        format!(r#""type":"content_block_delta","index":0,"delta":{{"type":"input_json_delta","partial_json":"{json}"}}"#)
    };
    let (hi, empty) = (r#"{"type":"text","text":"Hi"}"#, r#"{"type":"tool_use","id":"","name":"look","input":{"a":1}}"#);
    vec![
        blocks("calls promised and none made", &[text, stop], r#""tool_use""#, hi, Said("text Hi", "stop", "end_turn")),
        blocks("another dialect's end", &[text, stop], r#""stop""#, hi, Said("text Hi", "stop", "end_turn")),
        blocks(
            "a call that ends its turn",
            &[call, &arguments(r#"{\"a\":1}"#), stop],
            r#""end_turn""#,
            empty,
            Said(CALL, "tool_calls", "tool_use"),
        ),
        blocks(
            "arguments in the block's start",
            &[
                r#""type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"look","input":{"a":1}}"#,
                stop,
            ],
            r#""tool_use""#,
            empty,
            Said(CALL, "tool_calls", "tool_use"),
        ),
        blocks("an empty turn", &[], r#""end_turn""#, "", Failed("end_turn")),
        blocks(
            "a refusal without a block",
            &[stop],
            r#""refusal""#,
            "",
            Said("refusal The provider blocked this reply.", "content_filter", "refusal"),
        ),
        blocks(
            "a full window",
            &[text, stop],
            r#""model_context_window_exceeded""#,
            hi,
            Said("text Hi", "length", "model_context_window_exceeded"),
        ),
    ]
}

fn half_a_claude_call() -> Row {
    let events = [
        r#""type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"look","input":{}}"#,
        r#""type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}"#,
        r#""type":"content_block_stop","index":0"#,
    ];
    let row = blocks("half a call", &events, r#""tool_use""#, "", Broken("not complete"));
    Row { whole: None, ..row }
}

fn rows() -> Vec<Row> {
    let rows = [
        finish_rows(),
        call_rows(),
        calls_apart_rows(),
        content_rows(),
        gemini_rows(),
        claude_rows(),
        vec![half_a_claude_call()],
    ];
    rows.into_iter().flatten().collect()
}

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
            assert!(text == *said || is_silent, "{place}: {text}");
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
