//! Shapes of tool calls that providers behind OpenRouter send.

use super::reply_shapes::Outcome::{self, Broken, Failed, Said};
use super::reply_shapes::{CALL, Row, TWO_CALLS, chunks};

const CALLS_END: &str = r#""delta":{},"finish_reason":"tool_calls""#;

fn piece(call: &str) -> String {
    format!(r#""delta":{{"tool_calls":[{call}]}}"#)
}

fn message(calls: &str, finish: &str) -> String {
    format!(r#""message":{{"role":"assistant","content":null,"tool_calls":[{calls}]}},"finish_reason":"{finish}""#)
}

/// A call of `look`, with the fields that identify it.
fn looks(place: &str, a: u8) -> String {
    format!(r#"{{{place}"type":"function","function":{{"name":"look","arguments":"{{\"a\":{a}}}"}}}}"#)
}

const CALLED: Outcome = Said(CALL, "tool_calls", "tool_use");

/// Single calls with an unusual shape.
pub fn call_rows() -> Vec<Row> {
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
        one("numbers as ids and texts as numbers", &looks(r#""index":"0","id":7,"#, 1), CALLED),
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
            "another format's word for a call",
            &[&piece(&looks(r#""index":0,"id":"c","#, 1)), r#""delta":{},"finish_reason":"tool_use""#],
            &message(&looks(r#""id":"c","#, 1), "tool_use"),
            CALLED,
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

/// Calls that are hard to distinguish, or that arrive in unusual pieces.
pub fn calls_apart_rows() -> Vec<Row> {
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

/// Calls with other content between their pieces, and calls next to broken ones.
pub fn calls_between_rows() -> Vec<Row> {
    const NAMED: &str = r#"{"index":0,"id":"c","type":"function","function":{"name":"look","arguments":""}}"#;
    let more = |arguments: &str| piece(&format!(r#"{{"index":0,"function":{{"arguments":"{arguments}"}}}}"#));
    let encrypted = r#""delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"c2ln","id":"r","index":0}]}"#;
    let between = |name, between: &str, first: &str, rest: &str, outcome| {
        chunks(name, &[&piece(NAMED), &more(first), between, &more(rest), CALLS_END], "", outcome)
    };
    let then = |said| Said(said, "tool_calls", "tool_use");
    let (line, whole, half, rest) = (r#""delta":{"content":"\n"}"#, r#"{\"a\":1}"#, r#"{\"a\""#, ":1}");
    vec![
        between("thoughts only the provider can read before a call's arguments", encrypted, "", whole, CALLED),
        between("thoughts only the provider can read within a call's arguments", encrypted, half, rest, CALLED),
        between("a line end before a call's arguments", line, "", whole, then("call look {\"a\":1} | text \n")),
        between("a line end within a call's arguments", line, half, rest, then("call look {\"a\":1} | text \n")),
        between(
            "content as a list within a call's arguments",
            r#""delta":{"content":[{"type":"text","text":"Hi"}]}"#,
            half,
            rest,
            then("call look {\"a\":1} | text Hi"),
        ),
        between(
            "reasoning within a call's arguments",
            r#""delta":{"reasoning":"Hm."}"#,
            half,
            rest,
            then("call look {\"a\":1} | reasoning Hm."),
        ),
        between("arguments that are null as text after the name", &more("null"), "", "", then("call look {}")),
        chunks(
            "a call without arguments before one without a number",
            &[&piece(NAMED), &piece(&looks(r#""id":"d","#, 2)), CALLS_END],
            "",
            then(r#"call look {} | call look {"a":2}"#),
        ),
        chunks(
            "half a call before one without an id, at the token limit",
            &[
                &piece(NAMED),
                &more(half),
                &piece(&looks(r#""index":1,"id":"","#, 2)),
                r#""delta":{},"finish_reason":"length""#,
            ],
            "",
            Said(r#"call look {} | call look {"a":2}"#, "length", "max_tokens"),
        ),
    ]
}
