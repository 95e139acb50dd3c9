//! Unusual shapes of frames, and of the block numbers in them.

use gateway::wire::ClientFormat;
use gateway_tests::relaying::relay;

use super::reply_shapes::Outcome::Said;
use super::reply_shapes::{HI, Row, blocks, chunks};

/// Frames with missing parts.
pub fn frame_rows() -> Vec<Row> {
    let end = r#""delta":{},"finish_reason":"stop""#;
    let hi = || chunks("", &[r#""delta":{"content":"H"}"#, r#""delta":{"content":"i"}"#, end], "", HI);
    let mut empty = Row { name: "a frame without data", ..hi() };
    empty.stream.insert(1, String::new());
    let mut unnumbered = Row { name: "choices without a number", ..hi() };
    unnumbered.stream.iter_mut().for_each(|data| *data = data.replace(r#""index":0,"#, ""));
    let halves = chunks(
        "a character cut in two",
        &[r#""delta":{"content":"\ud83d"}"#, r#""delta":{"content":"\ude00"}"#, end],
        "",
        Said("text \u{fffd}\u{fffd}", "stop", "end_turn"),
    );
    let half = chunks(
        "half a character",
        &[r#""delta":{"content":"H\ud83di"}"#, end],
        r#""message":{"content":"H\ud83di"},"finish_reason":"stop""#,
        Said("text H\u{fffd}i", "stop", "end_turn"),
    );
    vec![empty, unnumbered, halves, half]
}

/// Blocks with wrong numbers.
pub fn block_number_rows() -> Vec<Row> {
    let block = |index: &str, text: &str| {
        [
            format!(r#""type":"content_block_start",{index}"content_block":{{"type":"text","text":""}}"#),
            format!(r#""type":"content_block_delta",{index}"delta":{{"type":"text_delta","text":"{text}"}}"#),
            format!(r#""type":"content_block_stop"{}"#, if index.is_empty() { "" } else { r#","index":0"# }),
        ]
    };
    let row = |name, first: &str, second: &str| {
        let events = [block(first, "H"), block(second, "i")].concat();
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        Row { whole: None, ..blocks(name, &events, r#""end_turn""#, "", HI) }
    };
    vec![
        row("blocks that are numbered from 1", r#""index":1,"#, r#""index":2,"#),
        row("two blocks of one number", r#""index":0,"#, r#""index":0,"#),
        row("blocks without numbers", "", ""),
    ]
}

#[test]
fn a_block_that_never_began_does_not_end_for_the_client() {
    let frame = |kind: &str, rest: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n");
    let start = r#","message":{"id":"m","type":"message","role":"assistant","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let end = r#","delta":{"stop_reason":"refusal","stop_sequence":null},"usage":{"output_tokens":2}"#;
    let stream = [
        frame("message_start", start),
        frame("content_block_stop", r#","index":0"#),
        frame("message_delta", end),
        frame("message_stop", ""),
    ];
    let relayed = relay(ClientFormat::Messages, stream.iter().map(String::as_bytes));
    let text = String::from_utf8(relayed.bytes).unwrap();
    assert!(text.contains(r#""stop_reason":"refusal""#) && !text.contains("content_block_stop"), "{text}");
}

/// OpenRouter sends the role in every chunk, and OpenAI only in the first. OpenAI's SDK for Python concatenates the texts of
/// all deltas.
#[test]
fn a_chat_stream_says_its_role_once() {
    let chunk = |delta: &str, finish: &str| {
        format!(r#"data: {{"id":"gen-1","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#) + "\n\n"
    };
    let stream = [
        chunk(r#"{"role":"assistant","content":""}"#, "null"),
        chunk(r#"{"role":"assistant","content":"one \"role\":\"assistant\" "}"#, "null"),
        chunk(r#"{"role":"assistant","content":"two"}"#, r#""stop""#),
        "data: [DONE]\n\n".to_owned(),
    ];
    let relayed = relay(ClientFormat::ChatCompletions, stream.iter().map(String::as_bytes));
    let text = String::from_utf8(relayed.bytes).unwrap();
    assert_eq!(text.matches(r#""role":"assistant""#).count(), 1, "{text}");
    assert!(text.contains(r#""delta":{"content":"one \"role\":\"assistant\" "}"#), "{text}");
}
