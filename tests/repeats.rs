//! The gateway does not parse a frame that differs from the one before only in its text. These tests check with made-up
//! streams that the client gets the same as if every frame were parsed.

use gateway::translate::Delivery;
use gateway::wire::ClientFormat;
use gateway_tests::relaying::{FORMATS, native_wire, told_both_ways};
use proptest::prelude::*;

/// Frames of both wire formats around a piece of text. Most frames of a stream have the same shape.
const REPEATING: [(ClientFormat, &str); 7] = [
    (
        ClientFormat::ChatCompletions,
        r#"data: {"id":"g","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"@"},"finish_reason":null}]}"#,
    ),
    (
        ClientFormat::ChatCompletions,
        r#"data: {"id":"g","model":"m","choices":[{"index":0,"delta":{"content":"@","reasoning":null},"finish_reason":null}]}"#,
    ),
    (
        ClientFormat::ChatCompletions,
        r#"data: {"id":"g","model":"m","choices":[{"index":0,"delta":{"content":"@","reasoning":"r"},"finish_reason":null}]}"#,
    ),
    (
        ClientFormat::ChatCompletions,
        r#"data: {"id":"g","model":"m","choices":[{"index":0,"delta":{"content":"@"},"finish_reason":""}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    ),
    (
        ClientFormat::Messages,
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"@\"}   }",
    ),
    (
        ClientFormat::Messages,
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"@\"}}",
    ),
    (
        ClientFormat::Messages,
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"@\"}}",
    ),
];
/// Pieces of text in different spellings.
const SPELLINGS: [&str; 12] =
    ["a", "word ", "", " ", r"\n", r#"\"content\":\""#, r"\u00e9", r"\ud83d", r"\ude00", "\u{1f600}", r"\", "\",\"x\":\""];

proptest! {
    #[test]
    fn made_up_frames_that_repeat_are_told_as_if_they_were_read(
        frames in prop::collection::vec((0_usize..14, 0_usize..SPELLINGS.len()), 1..24), messages in any::<bool>(),
    ) {
        let native = if messages { ClientFormat::Messages } else { ClientFormat::ChatCompletions };
        let mut stream = String::new();
        if messages {
            stream.push_str("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":3}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
        }
        let shapes: Vec<&str> = REPEATING.iter().filter(|(format, _)| *format == native).map(|(_, shape)| *shape).collect();
        for (shape, spelling) in frames {
            // Most frames have the second shape.
            stream.push_str(&shapes.get(shape).unwrap_or(&shapes[1]).replace('@', SPELLINGS[spelling]));
            stream.push_str("\n\n");
        }
        // Without an end, a reply that is not streamed would always be an error.
        stream.push_str(if messages {
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        } else {
            "data: {\"id\":\"g\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
        });
        for format in FORMATS {
            for delivery in [Delivery::Streamed, Delivery::Whole] {
                let [left, read] = told_both_ways(format, native_wire(native), delivery, stream.as_bytes());
                prop_assert_eq!(left, read);
            }
        }
    }
}
