//! Streams of any length, for cost measurements.

use std::fmt::Write as _;

use gateway::wire::WireFormat;

/// A stream of that many text events on a wire, complete.
pub fn stream(wire: WireFormat, events: usize) -> Vec<u8> {
    let (head, tail) = match wire {
        WireFormat::OpenAi => (String::new(), format!("{}data: [DONE]\n\n", openai(r#"{"content":""}"#, "\"stop\""))),
        WireFormat::Anthropic => (
            anthropic(
                "message_start",
                r#""message":{"id":"m","model":"c","content":[],"usage":{"input_tokens":9,"output_tokens":1}}"#,
            ) + &anthropic("content_block_start", r#""index":0,"content_block":{"type":"text","text":""}"#),
            anthropic("content_block_stop", r#""index":0"#)
                + &anthropic("message_delta", r#""delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}"#)
                + &anthropic("message_stop", r#""x":0"#),
        ),
        WireFormat::Gemini => (String::new(), gemini("", r#","finishReason":"STOP""#)),
    };
    let mut text = head;
    for number in 0..events {
        let word = format!("word {number} ");
        let event = match wire {
            WireFormat::OpenAi => openai(&format!(r#"{{"content":"{word}"}}"#), "null"),
            WireFormat::Anthropic => {
                anthropic("content_block_delta", &format!(r#""index":0,"delta":{{"type":"text_delta","text":"{word}"}}"#))
            }
            WireFormat::Gemini => gemini(&word, ""),
        };
        // Writing to a String cannot fail.
        let _ = text.write_str(&event);
    }
    (text + &tail).into_bytes()
}

fn openai(delta: &str, finish: &str) -> String {
    format!(
        r#"data: {{"id":"gen-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
    ) + "\n\n"
}

fn anthropic(event: &str, rest: &str) -> String {
    format!("event: {event}\ndata: {{\"type\":\"{event}\",{rest}}}\n\n")
}

fn gemini(text: &str, finish: &str) -> String {
    format!(
        r#"data: {{"candidates":[{{"content":{{"role":"model","parts":[{{"text":"{text}"}}]}}{finish}}}],"usageMetadata":{{"promptTokenCount":9,"candidatesTokenCount":9}},"responseId":"r"}}"#
    ) + "\r\n\r\n"
}
