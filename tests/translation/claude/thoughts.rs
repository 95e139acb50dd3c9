//! Reasoning that Claude signed, in turns where it rejects it.

use serde_json::{Value, json};

use super::{Expected, assistant, call, check, probe, result, text, user};

fn thought() -> Value {
    json!({"type": "thinking", "thinking": "", "signature": "Eq=="})
}

fn redacted() -> Value {
    json!({"type": "redacted_thinking", "data": "Ew=="})
}

#[test]
fn thoughts_of_an_open_tool_turn_go_if_the_model_does_not_think() {
    let off = json!({"type": "disabled"});
    let older = &["claude-haiku-4.5", "claude-opus-4.5", "claude-opus-4.6", "claude-opus-4.8"][..];
    let newer = &["claude-sonnet-5", "claude-opus-5"][..];
    let open = |thought: Value, next: Value| json!([user(&json!("Dive.")), assistant(&json!([thought, call("a")])), next]);
    let mut cases = Vec::new();
    for next in [user(&json!([result("a")])), user(&json!([result("a"), text("And?")])), user(&json!("Leave it."))] {
        for thought in [thought(), redacted()] {
            let fields = |thinking: &Value| {
                let mut fields = json!({"tools": [probe()], "messages": open(thought.clone(), next.clone())});
                if !thinking.is_null() {
                    fields["thinking"] = thinking.clone();
                }
                fields
            };
            let sent = || vec![("/messages/1/content", json!([call("a")]))];
            let dropped = &["messages[1].content[0]"][..];
            for (models, thinking) in [(older, &Value::Null), (older, &off), (newer, &off)] {
                cases.push(Expected { models, betas: &[], fields: fields(thinking), sent: sent(), dropped });
            }
            let sent = vec![("/messages/1/content", json!([thought, call("a")]))];
            cases.push(Expected { models: newer, betas: &[], fields: fields(&Value::Null), sent, dropped: &[] });
        }
    }
    check(cases);
}

#[test]
fn thoughts_of_an_earlier_tool_turn_stay() {
    let earlier = json!([
        user(&json!("Dive.")),
        assistant(&json!([thought(), call("a")])),
        user(&json!([result("a")])),
        assistant(&json!("Calm.")),
        user(&json!("And now?")),
    ]);
    let fields = json!({"tools": [probe()], "messages": earlier});
    check(vec![Expected { models: super::ALL, betas: &[], fields, sent: vec![("/messages", earlier)], dropped: &[] }]);
}
