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
fn a_tool_turn_has_the_same_thoughts_when_the_conversation_grows() {
    let grown = |first: Value| {
        json!([
            user(&json!("Dive.")),
            assistant(&first),
            user(&json!([result("a")])),
            assistant(&json!([thought(), text("Calm.")])),
            user(&json!("And now?")),
        ])
    };
    let fields = json!({"tools": [probe()], "messages": grown(json!([thought(), call("a")]))});
    let sent = vec![("/messages", grown(json!([call("a")])))];
    check(vec![Expected { models: super::ALL, betas: &[], fields, sent, dropped: &["messages[1].content[0]"] }]);
}

#[test]
fn thoughts_of_an_answer_stay_if_the_user_asks_for_the_rest() {
    let answer = assistant(&json!([thought(), text("Calm.")]));
    let sent = json!([user(&json!("Dive.")), answer, user(&json!([text("Continue.")]))]);
    let fields = json!({"messages": [user(&json!("Dive.")), answer]});
    let models = &["claude-opus-4.6", "claude-opus-4.8"][..];
    check(vec![Expected { models, betas: &[], fields, sent: vec![("/messages", sent)], dropped: &[] }]);
}

/// A history whose assistant messages have these contents, each answered by the user.
fn history(answers: &[Value]) -> Value {
    let calls = |answer: &Value| answer.as_array().is_some_and(|blocks| blocks.contains(&call("a")));
    let next = |answer: &Value| if calls(answer) { user(&json!([result("a")])) } else { user(&json!("Go on.")) };
    let answered = answers.iter().flat_map(|answer| [assistant(answer), next(answer)]);
    Value::Array([user(&json!("Dive."))].into_iter().chain(answered).collect())
}

#[test]
fn thoughts_behind_something_else_go_if_there_is_a_budget() {
    let budget = json!({"type": "enabled", "budget_tokens": 2000});
    let budgets = &["claude-haiku-4.5", "claude-opus-4.5", "claude-opus-4.6"][..];
    let case = |messages: Value, sent: Value, dropped| Expected {
        models: budgets,
        betas: &[],
        fields: json!({"thinking": budget, "tools": [probe()], "messages": messages}),
        sent: vec![("/messages", sent), ("/thinking", budget.clone())],
        dropped,
    };
    let (a, b) = (text("a"), text("b"));
    let two = |second: Value| json!([user(&json!("Dive.")), assistant(&json!("x")), assistant(&second), user(&json!("Go"))]);
    let led = history(&[json!([thought(), a, redacted(), b])]);
    let between = history(&[json!([thought(), call("a"), thought(), a]), json!("b")]);
    check(vec![
        case(two(json!([thought(), a])), two(json!([a])), &["messages[2].content[0]"]),
        case(history(&[json!([a, thought(), b])]), history(&[json!([a, b])]), &["messages[1].content[1]"]),
        case(
            history(&[json!([call("a"), redacted()]), json!("b")]),
            history(&[json!([call("a")]), json!("b")]),
            &["messages[1].content[1]"],
        ),
        case(led.clone(), led, &[]),
        case(between.clone(), between, &[]),
    ]);
}

#[test]
fn thoughts_behind_something_else_stay_where_the_model_decides_how_much_it_thinks() {
    let messages = history(&[json!([text("a"), thought(), text("b")])]);
    let models = &["claude-opus-4.6", "claude-opus-4.8", "claude-opus-5.5"][..];
    let fields = json!({"thinking": {"type": "adaptive"}, "messages": messages});
    check(vec![Expected { models, betas: &[], fields, sent: vec![("/messages", messages)], dropped: &[] }]);
}

#[test]
fn replayed_thoughts_that_are_bound_to_their_prefix_may_be_dropped() {
    let dropping = json!({"prefix_mismatch_behavior": "drop_block"});
    let bound = json!({"type": "adaptive", "block_binding": dropping});
    let shown = json!({"type": "adaptive", "display": "summarized"});
    let case = |model, thinking: Value, sent: Value, dropped| {
        let mut fields = json!({"messages": history(&[json!([thought(), text("a")])])});
        if !thinking.is_null() {
            fields["thinking"] = thinking;
        }
        let is_bound = sent.get("block_binding").is_some();
        let beta = if is_bound { json!(["thinking-binding-controls-2026-08-01"]) } else { Value::Null };
        let sent = vec![("/thinking", sent), ("/anthropic_beta", beta)];
        check(vec![Expected { models: &[model], betas: &[], fields, sent, dropped }]);
    };
    let shown_and_bound = json!({"type": "adaptive", "display": "summarized", "block_binding": dropping});
    let between = json!({"type": "between_tools"});
    case("claude-opus-5.5", Value::Null, bound.clone(), &[]);
    case("claude-opus-5.5", shown.clone(), shown_and_bound, &[]);
    case("claude-fable-5.2", json!({"type": "disabled"}), bound, &["thinking"]);
    case("claude-sonnet-5.5", between.clone(), between, &[]);
    case("claude-opus-5", shown.clone(), shown, &[]);
    case("claude-opus-5", Value::Null, Value::Null, &[]);
}

#[test]
fn a_conversation_without_thoughts_has_none_that_may_be_dropped() {
    let adaptive = json!({"type": "adaptive"});
    let fields = json!({"thinking": adaptive, "messages": history(&[json!([text("a")])])});
    let sent = vec![("/thinking", adaptive), ("/anthropic_beta", Value::Null)];
    check(vec![Expected { models: &["claude-opus-5.5"], betas: &[], fields, sent, dropped: &[] }]);
}

#[test]
fn translated_thoughts_follow_the_same_rules() {
    let detail = json!({"type": "reasoning.text", "text": "Deep.", "signature": "Eq==", "format": "anthropic-claude-v1"});
    let said = |words: &str| json!({"role": "assistant", "content": words});
    let mut thinking = said("y");
    thinking["reasoning_details"] = json!([detail]);
    let body = |second: &Value| {
        let messages = json!([user(&json!("Dive.")), said("x"), second, user(&json!("Go"))]);
        super::with(&json!({"reasoning": {"max_tokens": 2000}, "messages": messages})).to_string()
    };
    let seen = super::sent(super::ClientFormat::ChatCompletions, "claude-haiku-4.5", &[], &body(&thinking)).unwrap();
    let sent: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(sent.pointer("/messages/1/content"), Some(&json!([text("x"), text("y")])), "{sent}");
    assert_eq!(sent.pointer("/thinking/type"), Some(&json!("enabled")));
    assert_eq!(seen.dropped, ["messages[2].reasoning_details[0]"]);
}

#[test]
fn redacted_reasoning_without_data_is_not_sent() {
    let empty = json!({"type": "redacted_thinking", "data": ""});
    let messages = json!([user(&json!("Dive.")), assistant(&json!([empty, text("a")])), user(&json!("Go"))]);
    let body = super::with(&json!({"messages": messages, "reasoning_effort": "high"})).to_string();
    let seen = super::sent(super::ClientFormat::ChatCompletions, "claude-opus-5", &[], &body).unwrap();
    let sent: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(sent.pointer("/messages/1/content"), Some(&json!([text("a")])), "{sent}");
    assert_eq!(seen.dropped, ["messages[1].content[0]"]);
}
