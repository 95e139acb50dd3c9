//! Blocks in places where Claude refuses them: they move, are said in words, or are left out and named.

use gateway::wire::ClientFormat;
use serde_json::{Value, json};

use super::super::upstream::PNG;
use super::{ALL, Expected, assistant, call, check, probe, sent, text, user, with};

fn picture() -> Value {
    json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}})
}

fn case(fields: Value, sent: Vec<(&'static str, Value)>, dropped: &'static [&'static str]) -> Expected<'static> {
    Expected { models: ALL, betas: &[], fields, sent, dropped }
}

#[test]
fn what_is_no_text_in_the_system_instruction_opens_the_first_turn() {
    let found = json!({"type": "search_result", "source": "s", "title": "t", "content": [text("u")]});
    check(vec![
        case(
            json!({"system": [text("Be calm."), picture(), text("Be brief.")]}),
            vec![
                ("/system", json!([text("Be calm."), text("Be brief.")])),
                ("/messages", json!([user(&json!([picture(), text("What is new?")]))])),
            ],
            &[],
        ),
        case(
            json!({"system": [picture(), found.clone()]}),
            vec![("/system", Value::Null), ("/messages", json!([user(&json!([picture(), found, text("What is new?")]))]))],
            &[],
        ),
        case(
            json!({"system": [text("Be calm."), call("a")]}),
            vec![("/system", json!([text("Be calm.")])), ("/messages", json!([user(&json!("What is new?"))]))],
            &["system[1]"],
        ),
    ]);
}

#[test]
fn a_reference_to_a_tool_outside_a_result_is_said_in_words() {
    let mark = json!({"type": "ephemeral"});
    let reference = json!({"type": "tool_reference", "tool_name": "probe", "cache_control": mark});
    let said = json!({"type": "text", "text": "The tool probe was found.", "cache_control": mark});
    let result = json!({"type": "tool_result", "tool_use_id": "a", "content": [reference]});
    let inside = json!([user(&json!("Go")), assistant(&json!([call("a")])), user(&json!([result]))]);
    check(vec![
        case(
            json!({"messages": [user(&json!([reference, text("Use it.")]))]}),
            vec![("/messages/0/content", json!([said, text("Use it.")]))],
            &[],
        ),
        case(json!({"messages": inside, "tools": [probe()]}), vec![("/messages", inside.clone())], &[]),
    ]);
}

#[test]
fn calls_of_servers_that_vertex_does_not_have_are_left_out_and_named() {
    let server = json!({"type": "mcp_tool_use", "id": "m", "name": "look", "server_name": "s", "input": {}});
    let found = json!({"type": "mcp_tool_result", "tool_use_id": "m", "content": [text("calm")]});
    check(vec![case(
        json!({"messages": [user(&json!("Go")), assistant(&json!([server, found, text("Calm.")])), user(&json!("And?"))]}),
        vec![("/messages/1/content", json!([text("Calm.")]))],
        &["messages[1].content[0]", "messages[1].content[1]"],
    )]);
}

#[test]
fn an_instruction_inside_a_turn_is_a_marked_text() {
    check(vec![case(
        json!({"messages": [user(&json!([text("Go"), {"type": "mid_conv_system", "text": "Be quick."}]))]}),
        vec![("/messages/0/content/1", text("<system-reminder>\nBe quick.\n</system-reminder>"))],
        &[],
    )]);
}

#[test]
fn a_change_of_the_tools_passes_with_its_beta_where_the_model_takes_it() {
    const CHANGES: &str = "mid-conversation-tool-changes-2026-07-01";
    let change = json!({"type": "tool_addition", "tool": {"type": "tool_reference", "name": "probe"}});
    let told = json!([user(&json!("Go")), {"role": "system", "content": [change]}]);
    let case = |models, betas, sent: &Value, dropped| Expected {
        models,
        betas,
        fields: json!({"messages": told, "tools": [probe()]}),
        sent: vec![("/messages", sent.clone())],
        dropped,
    };
    let (gone, named) = (json!([user(&json!("Go"))]), &["messages[1].content[0]"][..]);
    check(vec![case(&ALL[3..], &[], &gone, named), case(&ALL[..3], &[CHANGES], &gone, named)]);
    let kept = with(&json!({"messages": told, "tools": [probe()]})).to_string();
    let seen = sent(ClientFormat::Messages, ALL[3], &[CHANGES], &kept).unwrap();
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!((&body["messages"], seen.dropped.as_slice()), (&told, &[][..]));
}

#[test]
fn a_prefilled_answer_ends_without_a_blank_although_something_after_it_is_not_sent() {
    let model = gateway_tests::relaying::catalog().unwrap().resolve("claude-opus-4.5").unwrap();
    let unsigned = json!({"role": "assistant", "reasoning": "0"});
    let blank = json!({"role": "user", "content": " "});
    let last = |route: &gateway::catalog::Route, after: &Value| {
        let messages = json!([user(&json!("a")), {"role": "assistant", "content": "x "}, after]);
        let body = super::with(&json!({"messages": messages})).to_string();
        let seen =
            gateway_tests::sending::send_along(super::ClientFormat::ChatCompletions, &body, &model, route, &[]).unwrap();
        let sent: Value = serde_json::from_slice(&seen.body).unwrap();
        sent["messages"].as_array().unwrap().last().unwrap().to_string()
    };
    for route in &model.routes {
        for after in [&unsigned, &blank] {
            let last = last(route, after);
            assert!(last.contains(r#""x""#), "{route:?}: {last}");
        }
    }
}
