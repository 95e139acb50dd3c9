//! Requests for Claude behind OpenRouter, which passes Claude's own refusals on.

use gateway_tests::relaying::catalog;
use gateway_tests::sending::send_along;
use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, user};

#[test]
fn claude_gets_no_blank_stop_sequence_and_what_goes_is_named() {
    let model = catalog().unwrap().resolve("claude-opus-4.6").unwrap();
    for (stop, sent) in [
        (json!(["\n", "END", ""]), json!(["END"])),
        (json!(" "), Value::Null),
        (json!([" "]), Value::Null),
        (json!(["a", "", "b", "c", "d"]), json!(["a", "b", "c", "d"])),
    ] {
        for (format, field) in [(CHAT, "stop"), (MESSAGES, "stop_sequences")] {
            let stop = if format == MESSAGES && stop.is_string() { json!([stop]) } else { stop.clone() };
            let body = json!({"model": "m", "max_tokens": 100, "messages": [user(json!("Hi."))], field: stop});
            let seen = send_along(format, &body.to_string(), &model, &model.routes[1], &[]).unwrap();
            let body: Value = serde_json::from_slice(&seen.body).unwrap();
            assert_eq!(body.get("stop").unwrap_or(&Value::Null), &sent, "{format:?} {stop}");
            assert_eq!(seen.dropped, [field], "{format:?} {stop}");
        }
    }
}
