//! Unusual content between the frames of a stream or at its end: data that is not JSON, content that a tolerant client
//! ignores, and ends that are not an answer.

use super::frame::{Frame, FrameKind};
use super::model_request::Mode;
use super::scenario::Scenario;
use super::wire::Wire;

/// An unknown field, first in an object.
const UNKNOWN_FIELD: &str = r#"{"simulated_extra":{"a":[1,null]},"#;

/// An event whose data breaks off.
pub(super) fn malformed(wire: Wire, mode: Mode) -> Frame {
    let event = match (wire, mode) {
        (Wire::OpenRouter, _) => {
            "data: {\"id\":\"gen-simulated\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"bro\n\n"
        }
        (Wire::Claude, _) => {
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"ty\n\n"
        }
        (Wire::Gemini, Mode::Array) => ",\r\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"bro",
        (Wire::Gemini, Mode::Events | Mode::Whole | Mode::Count) => {
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"bro\r\n\r\n"
        }
    };
    Frame::trapping(event.to_owned())
}

/// The end of a stream without an answer, or with an invalid tool call.
pub(super) fn no_answer(wire: Wire, scenario: Scenario) -> Vec<Frame> {
    let events = match (wire, scenario) {
        (Wire::OpenRouter, Scenario::BrokenCall { .. }) => OPENROUTER_CALL,
        (Wire::Claude, Scenario::BrokenCall { .. }) => CLAUDE_CALL,
        (Wire::Gemini, Scenario::BrokenCall { .. }) => GEMINI_CALL,
        (Wire::OpenRouter, _) => OPENROUTER_NOTHING,
        (Wire::Claude, _) => CLAUDE_NOTHING,
        (Wire::Gemini, _) => GEMINI_NOTHING,
    };
    let mut frames: Vec<Frame> = events.iter().map(|data| event(wire, Mode::Events, data)).collect();
    frames.extend((wire == Wire::OpenRouter).then(|| Frame::trapping("data: [DONE]\n\n".to_owned())));
    frames
}

const OPENROUTER_CALL: &[&str] = &[
    r#"{"id":"gen-simulated","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_half","type":"function","function":{"name":"half","arguments":"{\"a"}}]},"finish_reason":null}]}"#,
    r#"{"id":"gen-simulated","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
];
const OPENROUTER_NOTHING: &[&str] = &[
    r#"{"id":"gen-simulated","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}"#,
];
const CLAUDE_CALL: &[&str] = &[
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_half","name":"half","input":{}}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a"}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null}}"#,
    r#"{"type":"message_stop"}"#,
];
const CLAUDE_NOTHING: &[&str] =
    &[r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null}}"#, r#"{"type":"message_stop"}"#];
const GEMINI_CALL: &[&str] =
    &[r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"Malformed function call: half("}]}"#];
const GEMINI_NOTHING: &[&str] = &[r#"{"candidates":[{"finishReason":"STOP"}]}"#];

/// The stream of a reply with unknown events, fields, blocks and deltas, and with each event of its end twice.
pub(super) fn strange(wire: Wire, mode: Mode, frames: Vec<Frame>) -> Vec<Frame> {
    let last_word = frames.iter().rposition(|frame| frame.kind == FrameKind::Word);
    let last_word = last_word.unwrap_or_default();
    let mut mixed = Vec::new();
    for (place, frame) in frames.into_iter().enumerate() {
        match frame.kind {
            FrameKind::Word => {
                mixed.push(Frame { bytes: with_unknown_field(&frame.bytes), ..frame });
                if place == last_word {
                    mixed.extend(deltas(wire).iter().map(|data| event(wire, mode, data)));
                }
            }
            FrameKind::Trapping if place > last_word => {
                let (again, block_stops) = (ends(&frame.bytes), frame.bytes.contains("content_block_stop"));
                let twice = again.then(|| Frame::trapping(frame.bytes.clone()).reporting(frame.reports));
                mixed.push(frame);
                mixed.extend(twice);
                if block_stops {
                    mixed.extend(BLOCK.iter().map(|data| event(wire, mode, data)));
                }
            }
            FrameKind::Trapping => {
                let begins = frame.bytes.contains("\"message_start\"");
                mixed.push(frame);
                if begins {
                    mixed.push(event(wire, mode, r#"{"type":"telemetry","detail":{"n":1}}"#));
                }
            }
        }
    }
    mixed
}

/// A complete body with an unknown field.
pub(super) fn with_unknown_field(text: &str) -> String {
    text.replacen('{', UNKNOWN_FIELD, 1)
}

/// A block of an unknown type after the only block of an echo.
const BLOCK: [&str; 3] = [
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"hologram","hologram":{}}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"hologram_delta","light":"green"}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
];

/// An event in the place of a word that says nothing.
fn deltas(wire: Wire) -> &'static [&'static str] {
    match wire {
        Wire::OpenRouter => &[
            r#"{"object":"chat.completion.telemetry","telemetry":{"n":1}}"#,
            r#"{"id":"gen-simulated","object":"chat.completion.chunk","choices":[]}"#,
            r#"{"id":"gen-simulated","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"hologram":{},"reasoning_details":[{"type":"reasoning.hologram","light":"green","index":0}]},"finish_reason":null}]}"#,
        ],
        Wire::Claude => &[r#"{"type":"content_block_delta","index":0,"delta":{"type":"shimmer_delta","shimmer":"green"}}"#],
        Wire::Gemini => &[
            r#"{"telemetry":{"n":1}}"#,
            r#"{"candidates":[]}"#,
            r#"{"candidates":[{"content":{"role":"model","parts":[{"hologram":{"light":"green"}}]}}]}"#,
        ],
    }
}

/// One event in the wire's own format.
fn event(wire: Wire, mode: Mode, data: &str) -> Frame {
    Frame::trapping(match (wire, mode) {
        // The name of the event is the type in its data.
        (Wire::Claude, _) => format!("event: {}\ndata: {data}\n\n", data.split('"').nth(3).unwrap_or_default()),
        (Wire::OpenRouter, _) => format!("id: 7\nretry: 10\ndata: {data}\n\n"),
        (Wire::Gemini, Mode::Array) => format!(",\r\n{data}"),
        (Wire::Gemini, Mode::Events | Mode::Whole | Mode::Count) => format!("data: {data}\r\n\r\n"),
    })
}

/// Whether a frame after the last word ends the reply.
fn ends(bytes: &str) -> bool {
    ["\"message_delta\"", "\"message_stop\"", "\"finish_reason\":\"", "\"finishReason\":\""]
        .iter()
        .any(|end| bytes.contains(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(wire: Wire, frames: &[Frame]) -> Vec<String> {
        let frames = frames.iter().map(|frame| Frame { bytes: frame.bytes.clone(), ..*frame }).collect();
        strange(wire, Mode::Events, frames).into_iter().map(|frame| frame.bytes).collect()
    }

    #[test]
    fn words_get_a_field_and_the_end_is_told_twice() {
        let word = Frame::word("data: {\"a\":{}}\n\n".to_owned());
        let end = Frame::trapping("data: {\"finishReason\":\"STOP\"}\r\n\r\n".to_owned());
        let mixed = mixed(Wire::Gemini, &[word, end]);
        assert_eq!(mixed[0], "data: {\"simulated_extra\":{\"a\":[1,null]},\"a\":{}}\n\n");
        assert_eq!(mixed[1], "data: {\"telemetry\":{\"n\":1}}\r\n\r\n");
        assert_eq!((mixed.len(), &mixed[4]), (6, &mixed[5]));
    }

    #[test]
    fn events_of_claude_are_named_by_their_type() {
        let frame = event(Wire::Claude, Mode::Events, BLOCK[2]);
        assert_eq!(frame.bytes, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n");
    }
}
