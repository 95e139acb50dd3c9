//! Structured output that a provider sends as a call of the answer tool. The client must get it as text.

use bytes::BytesMut;
use gateway::error::UpstreamErrorKind;
use gateway::translate::{Conversion, Delivery, Progress, Relay, Restore};
use gateway::wire::names::ToolNames;
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::relaying::{context, frames};
use serde_json::Value;

const DELIVERIES: [Delivery; 2] = [Delivery::Streamed, Delivery::Whole];

/// The result of an answer in these pieces with this stop reason for a chat client: the text, the finish reason, and how the
/// relay ends.
fn answered(delivery: Delivery, pieces: &[&str], stop: &str) -> (String, Option<String>, Progress) {
    let mut events = vec![
        r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":3,"output_tokens":1}}}"#.to_owned(),
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"answer","input":{}}}"#
            .to_owned(),
    ];
    events.extend(pieces.iter().map(|piece| {
        let delta = serde_json::json!({"type": "input_json_delta", "partial_json": piece});
        serde_json::json!({"type": "content_block_delta", "index": 0, "delta": delta}).to_string()
    }));
    events.push(r#"{"type":"content_block_stop","index":0}"#.to_owned());
    events.push(format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{stop}"}},"usage":{{"output_tokens":2}}}}"#));
    events.push(r#"{"type":"message_stop"}"#.to_owned());
    let restore = Restore::new(ToolNames::default(), Some("answer".to_owned()), true);
    let conversion = Conversion::Translate { wire: WireFormat::Anthropic, restore };
    let mut relay = Relay::new(context(ClientFormat::ChatCompletions, delivery), conversion);
    let (mut out, mut end) = (BytesMut::new(), Progress::Waiting);
    for event in events {
        if matches!(end, Progress::Waiting | Progress::Flowing) {
            end = relay.push(format!("data: {event}\n\n").as_bytes(), &mut out);
        }
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    let bodies = if delivery == Delivery::Whole { vec![(None, text)] } else { frames(&out) };
    let bodies = bodies.iter().filter_map(|(_, data)| serde_json::from_str::<Value>(data).ok());
    let (mut said, mut finish) = (String::new(), None);
    for body in bodies {
        let choice = &body["choices"][0];
        said.push_str(choice["delta"]["content"].as_str().or(choice["message"]["content"].as_str()).unwrap_or_default());
        finish = choice["finish_reason"].as_str().map(str::to_owned).or(finish);
    }
    (said, finish, end)
}

#[test]
fn an_answer_is_text_and_a_stop() {
    for delivery in DELIVERIES {
        let told = answered(delivery, &[r#"{"a":"#, "1}"], "tool_use");
        assert_eq!(told, (r#"{"a":1}"#.to_owned(), Some("stop".to_owned()), Progress::Finished), "{delivery:?}");
    }
}

#[test]
fn an_answer_without_a_field_is_an_empty_object() {
    for delivery in DELIVERIES {
        for pieces in [&[""][..], &["null"], &[]] {
            let told = answered(delivery, pieces, "tool_use");
            assert_eq!(told, ("{}".to_owned(), Some("stop".to_owned()), Progress::Finished), "{delivery:?} {pieces:?}");
        }
    }
}

#[test]
fn half_an_answer_is_a_failed_try() {
    for delivery in DELIVERIES {
        let (_, finish, end) = answered(delivery, &[r#"{"a":"#], "tool_use");
        let Progress::Failed(error) = end else { panic!("{delivery:?}: {end:?}") };
        assert_eq!((error.kind, finish), (UpstreamErrorKind::NoAnswer, None), "{delivery:?}");
    }
}

#[test]
fn half_an_answer_at_the_token_limit_is_told_as_it_is() {
    for delivery in DELIVERIES {
        let told = answered(delivery, &[r#"{"a":"#], "max_tokens");
        assert_eq!(told, (r#"{"a":"#.to_owned(), Some("length".to_owned()), Progress::Finished), "{delivery:?}");
    }
}
