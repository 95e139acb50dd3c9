//! Shapes of replies that providers send, and the expected results.

use gateway::wire::WireFormat;

use super::call_shapes::{call_rows, calls_apart_rows, calls_between_rows};
use super::frame_shapes::{block_number_rows, frame_rows};
use Outcome::{Broken, Failed, Said};

/// One shape of a reply.
pub struct Row {
    pub name: &'static str,
    pub wire: WireFormat,
    /// The data of the stream, one entry for each frame.
    pub stream: Vec<String>,
    /// The same reply as one object, if this shape exists.
    pub whole: Option<String>,
    pub outcome: Outcome,
}

/// The expected result of a reply.
pub enum Outcome {
    /// A complete reply: its content, and its finish reason in each client format.
    Said(&'static str, &'static str, &'static str),
    /// A failed attempt before any content, by a part of the error's message.
    Failed(&'static str),
    /// A failure after content, by a part of the error's message. Streams end with one error event.
    Broken(&'static str),
}

/// An OpenRouter stream from its choices, and the same reply as one object from its choice.
pub fn chunks(name: &'static str, choices: &[&str], whole: &str, outcome: Outcome) -> Row {
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

/// A Gemini stream from its candidates. A reply that is not streamed is one such chunk.
pub fn candidates(name: &'static str, candidates: &[&str], outcome: Outcome) -> Row {
    let usage = r#""usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2},"responseId":"r"}"#;
    let chunk = |candidate: &&str| format!(r#"{{"candidates":[{{{candidate}}}],{usage}"#);
    let stream: Vec<String> = candidates.iter().map(chunk).collect();
    let whole = (stream.len() == 1).then(|| stream[0].clone());
    Row { name, wire: WireFormat::Gemini, stream, whole, outcome }
}

/// A reply of Claude from the blocks of its stream, its stop reason, and the same blocks in the form without streaming.
pub fn blocks(name: &'static str, events: &[&str], stop: &str, whole: &str, outcome: Outcome) -> Row {
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

/// A first chunk with text.
pub const TEXT: &str = r#""delta":{"role":"assistant","content":"Hi"},"finish_reason":null"#;
pub const HI: Outcome = Said("text Hi", "stop", "end_turn");
pub const CALL: &str = r#"call look {"a":1}"#;
pub const TWO_CALLS: &str = r#"call look {"a":1} | call look {"a":2}"#;

fn finish_rows() -> Vec<Row> {
    let end = |word: &str| format!(r#""delta":{{}},"finish_reason":{word}"#);
    let whole = |word: &str| format!(r#""message":{{"role":"assistant","content":"Hi"}},"finish_reason":{word}"#);
    let word = |name, word: &str, outcome| chunks(name, &[TEXT, &end(word)], &whole(word), outcome);
    vec![
        word("calls promised and none made", r#""tool_calls""#, Said("text Hi", "stop", "end_turn")),
        word("another format's end", r#""end_turn""#, Said("text Hi", "stop", "end_turn")),
        word("another format's limit", r#""MAX_TOKENS""#, Said("text Hi", "length", "max_tokens")),
        word("another format's call", r#""tool_use""#, Said("text Hi", "stop", "end_turn")),
        word("another format's filter", r#""SAFETY""#, Said("text Hi", "content_filter", "refusal")),
        word("an unknown word", r#""eos_token""#, Said("text Hi", "stop", "end_turn")),
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
        word(
            "a stop that was a refusal",
            r#""stop","native_finish_reason":"refusal""#,
            Said("text Hi", "content_filter", "refusal"),
        ),
        word(
            "a stop that was a full window",
            r#""stop","native_finish_reason":"model_context_window_exceeded""#,
            Said("text Hi", "length", "max_tokens"),
        ),
        chunks(
            "a refusal without a word that is called a stop",
            &[r#""delta":{"role":"assistant","content":null},"finish_reason":"stop","native_finish_reason":"refusal""#],
            r#""message":{"role":"assistant","content":null,"refusal":null},"finish_reason":"stop","native_finish_reason":"refusal""#,
            Said("refusal The provider blocked this reply.", "content_filter", "refusal"),
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
    ]
}

/// The stream ends before the first word.
fn empty_rows() -> Vec<Row> {
    vec![
        chunks(
            "an empty stop",
            &[r#""delta":{"role":"assistant","content":""},"finish_reason":"stop""#],
            r#""message":{"role":"assistant","content":""},"finish_reason":"stop""#,
            Failed("stop"),
        ),
        chunks(
            "a connection that broke before the first word",
            &[
                r#""delta":{"content":""}"#,
                r#""delta":{"content":""},"finish_reason":"stop","native_finish_reason":"network_error""#,
            ],
            r#""message":{"content":""},"finish_reason":"stop","native_finish_reason":"network_error""#,
            Failed("network_error"),
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
            "reasoning as a list",
            &[r#""delta":{"content":"Hi","reasoning":[{"type":"text","text":"Hm."}]},"finish_reason":"stop""#],
            r#""message":{"content":"Hi","reasoning":[{"type":"text","text":"Hm."}]},"finish_reason":"stop""#,
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
            "an empty word before the real one",
            &[r#""content":{"parts":[{"text":"Hi"}]},"finishReason":"""#, r#""finishReason":"MAX_TOKENS""#],
            Said("text Hi", "length", "max_tokens"),
        ),
        candidates(
            "a stop after a call",
            &[&format!(r#"{call},"finishReason":"STOP""#)],
            Said(CALL, "tool_calls", "tool_use"),
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

/// Code that Gemini ran.
fn code_rows() -> Vec<Row> {
    vec![
        candidates(
            "only code and its output",
            &[
                r#""content":{"parts":[{"executableCode":{"language":"PYTHON","code":"print(6*7)"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"42\n"}}]},"finishReason":"STOP""#,
            ],
            Said("text ```python\nprint(6*7)\n```\n\n```\n42\n```\n", "stop", "end_turn"),
        ),
        candidates(
            "code and its output one after the other",
            &[
                r#""content":{"parts":[{"executableCode":{"language":"PYTHON","code":"print(2+3)"}}]}"#,
                r#""content":{"parts":[{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"5\n"}}]}"#,
                r#""content":{"parts":[]},"finishReason":"STOP""#,
            ],
            Said("text ```python\nprint(2+3)\n```\n\n```\n5\n```\n", "stop", "end_turn"),
        ),
    ]
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
        blocks("another format's end", &[text, stop], r#""stop""#, hi, Said("text Hi", "stop", "end_turn")),
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

/// A call without an id after an incomplete call. Calls that wait for the finish reason are corrected, too.
fn a_claude_call_behind_half_a_call() -> Row {
    let call = |index: u8, id: &str, json: &str| {
        [
            format!(
                r#""type":"content_block_start","index":{index},"content_block":{{"type":"tool_use","id":"{id}","name":"look","input":{{}}}}"#
            ),
            format!(
                r#""type":"content_block_delta","index":{index},"delta":{{"type":"input_json_delta","partial_json":"{json}"}}"#
            ),
            format!(r#""type":"content_block_stop","index":{index}"#),
        ]
    };
    let events = [call(0, "t", r#"{\"a\""#), call(1, "", r#"{\"a\":2}"#)].concat();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let outcome = Said(r#"call look {} | call look {"a":2}"#, "length", "max_tokens");
    Row { whole: None, ..blocks("a call without an id behind half a call", &events, r#""max_tokens""#, "", outcome) }
}

/// Every shape.
pub fn rows() -> Vec<Row> {
    let rows = [
        finish_rows(),
        empty_rows(),
        call_rows(),
        calls_apart_rows(),
        calls_between_rows(),
        content_rows(),
        gemini_rows(),
        code_rows(),
        claude_rows(),
        vec![half_a_claude_call(), a_claude_call_behind_half_a_call()],
        frame_rows(),
        block_number_rows(),
    ];
    rows.into_iter().flatten().collect()
}
