//! The token counts that clients get if providers report them in parts.

use gateway::translate::Delivery;
use gateway::wire::{ClientFormat, WireFormat};
use gateway_tests::relaying::{ESTIMATE, FORMATS, Relayed, frames, relay_chunks};
use serde_json::Value;

/// Prompt and output tokens, as the client gets them at the end and as they are charged.
fn counts(format: ClientFormat, delivery: Delivery, wire: WireFormat, data: &[&str]) -> [(u64, u64); 2] {
    let stream: Vec<String> = data.iter().map(|data| format!("data: {data}\n\n")).collect();
    let Relayed { bytes, meter, .. } = relay_chunks(delivery, format, wire, stream.iter().map(String::as_bytes));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let bodies = if delivery == Delivery::Whole { vec![(None, text)] } else { frames(&bytes) };
    let usage = |(_, data): &(Option<String>, String)| {
        let value = serde_json::from_str::<Value>(data).ok()?;
        let usage = value.get("usage").or(value.pointer("/response/usage"))?.clone();
        let count = |names: [&str; 2]| names.iter().find_map(|name| usage[*name].as_u64());
        Some((count(["prompt_tokens", "input_tokens"])?, count(["completion_tokens", "output_tokens"])?))
    };
    let shown = bodies.iter().rev().find_map(usage).unwrap();
    let charged = meter.metered(ESTIMATE).usage;
    [shown, (charged.total_input(), charged.output)]
}

fn check(wire: WireFormat, data: &[&str], expected: (u64, u64)) {
    for format in FORMATS {
        for delivery in [Delivery::Streamed, Delivery::Whole] {
            assert_eq!(counts(format, delivery, wire, data), [expected; 2], "{format:?} {delivery:?}");
        }
    }
}

#[test]
fn what_a_later_usage_does_not_report_stays_as_it_was_counted() {
    let first = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6}}"#;
    for (last, expected) in [
        (r#"{"promptTokenCount":5,"totalTokenCount":5}"#, (5, 6)),
        (r#"{"candidatesTokenCount":8}"#, (5, 8)),
        // All generated tokens are reasoning.
        (r#"{"promptTokenCount":9,"thoughtsTokenCount":7,"totalTokenCount":16}"#, (9, 7)),
    ] {
        let last = format!(r#"{{"candidates":[{{"finishReason":"STOP"}}],"usageMetadata":{last}}}"#);
        check(WireFormat::Gemini, &[first, &last], expected);
    }
}

#[test]
fn a_later_usage_of_nothing_takes_no_count_back() {
    let chunks = [
        r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":4}}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#,
        "[DONE]",
    ];
    check(WireFormat::OpenAi, &chunks, (5, 4));
}

#[test]
fn a_usage_with_an_empty_finish_reason_counts() {
    let chunks = [
        r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":""}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":""}],"usage":{"prompt_tokens":8,"completion_tokens":3}}"#,
        "[DONE]",
    ];
    check(WireFormat::OpenAi, &chunks, (8, 3));
}
