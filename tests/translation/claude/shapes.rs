//! What a block or a tool is made of: values of another type are refused on every route, and what Claude does not take is left out.

use gateway::wire::ClientFormat;
use serde_json::{Value, json};

use super::super::upstream::PNG;
use super::{ALL, Expected, assistant, call, check, probe, result, sent, text, user, with};

fn case(fields: Value, sent: Vec<(&'static str, Value)>, dropped: &'static [&'static str]) -> Expected<'static> {
    Expected { models: ALL, betas: &[], fields, sent, dropped }
}

fn document(says: &str) -> Value {
    json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": says}})
}

fn citing(mut block: Value, enabled: bool) -> Value {
    block["citations"] = json!({"enabled": enabled});
    block
}

#[test]
fn a_value_of_another_type_is_refused_by_its_path_on_every_route() {
    let result = |member: &str, value: Value| {
        let mut result = json!({"type": "tool_result", "tool_use_id": "a", "content": "calm"});
        result[member] = value;
        json!({"messages": [user(&json!("Go")), assistant(&json!([call("a")])), user(&json!([result]))], "tools": [probe()]})
    };
    let tool = |member: &str, value: Value| {
        let mut tool = probe();
        tool[member] = value;
        json!({ "tools": [tool] })
    };
    for (fields, param, expected) in [
        (result("is_error", json!("yes")), "messages[2].content[0].is_error", "true or false"),
        (result("content", json!(5)), "messages[2].content[0].content", "text or a list of content parts"),
        (
            json!({"messages": [user(&json!([{"type": "text", "text": "a", "cache_control": "ephemeral"}]))]}),
            "messages[0].content[0].cache_control",
            "an object",
        ),
        (tool("description", json!(5)), "tools[0].description", "a string"),
        (tool("input_schema", json!([])), "tools[0].input_schema", "an object"),
        (tool("strict", json!("yes")), "tools[0].strict", "true or false"),
        (json!({"metadata": "u"}), "metadata", "an object"),
        (json!({"metadata": {"user_id": 5}}), "metadata.user_id", "a string"),
        (
            json!({"tools": [probe()], "tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}}),
            "tool_choice.disable_parallel_tool_use",
            "true or false",
        ),
    ] {
        for model in ["claude-opus-4.6", "gemini-3-pro", "gpt-5.2"] {
            let error = sent(ClientFormat::Messages, model, &[], &with(&fields).to_string()).unwrap_err();
            assert_eq!(error.param(), Some(param), "{model}: {fields}");
            assert!(error.message().starts_with(&format!("{param}: expected {expected}, got")), "{}", error.message());
        }
    }
}

#[test]
fn what_a_client_adds_to_a_block_or_a_tool_is_left_out() {
    let mut said = text("Calm.");
    said["x_new"] = json!(1);
    let mut tool = probe();
    tool["x_new"] = json!(1);
    let mut shown = document("a");
    shown["source"]["x_new"] = json!(1);
    let answer = |blocks: &[Value]| json!([user(&json!("Go")), assistant(&json!(blocks)), user(&json!([result("a")]))]);
    let mut called = call("a");
    called["text"] = json!("x");
    check(vec![
        case(
            json!({"messages": [user(&json!([said]))]}),
            vec![("/messages/0/content", json!([text("Calm.")]))],
            &["messages[0].content[0].x_new"],
        ),
        case(
            json!({"messages": [user(&json!([shown]))]}),
            vec![("/messages/0/content", json!([document("a")]))],
            &["messages[0].content[0].source.x_new"],
        ),
        case(json!({"tools": [tool]}), vec![("/tools/0", probe())], &["tools[0].x_new"]),
        case(
            json!({"messages": answer(&[said, called])}),
            vec![("/messages", answer(&[text("Calm."), call("a")]))],
            &["messages[1].content[0].x_new", "messages[1].content[1].text"],
        ),
    ]);
}

#[test]
fn calls_of_claudes_own_tools_and_their_results_go_together() {
    let search = json!({"type": "server_tool_use", "id": "s", "name": "tool_search_tool_regex", "input": {"query": "x"}});
    let found = json!({"type": "tool_search_tool_result", "tool_use_id": "s", "content": {"type": "tool_search_tool_search_result"}});
    let result = json!({"type": "tool_result", "tool_use_id": "a", "content": "calm"});
    let talk = |first: Value, then: Value| json!({"messages": [user(&json!("Go")), assistant(&first), user(&then)], "tools": [probe()]});
    let paired = talk(json!([search, found, text("b")]), json!("And now?"));
    let waiting = talk(json!([search, call("a")]), json!([result]));
    check(vec![
        case(paired.clone(), vec![("/messages", paired["messages"].clone())], &[]),
        // The search runs when the client's result has come.
        case(waiting.clone(), vec![("/messages", waiting["messages"].clone())], &[]),
        case(
            talk(json!([search, text("b")]), json!("And now?")),
            vec![("/messages/1/content", json!([text("b")]))],
            &["messages[1].content[0]"],
        ),
        case(
            talk(json!([found, text("b")]), json!("And now?")),
            vec![("/messages/1/content", json!([text("b")]))],
            &["messages[1].content[0]"],
        ),
    ]);
}

#[test]
fn citations_are_asked_for_of_all_or_of_none() {
    let both = json!([citing(document("a"), true), citing(document("b"), true)]);
    check(vec![
        case(
            json!({"messages": [user(&json!([citing(document("a"), true), document("b")]))]}),
            vec![("/messages/0/content", both.clone())],
            &[],
        ),
        case(
            json!({"messages": [user(&json!([citing(document("a"), true), citing(document("b"), false)]))]}),
            vec![("/messages/0/content", both)],
            &["messages[0].content[1].citations"],
        ),
        case(
            json!({"messages": [user(&json!([document("a"), citing(document("b"), false)]))]}),
            vec![("/messages/0/content", json!([document("a"), citing(document("b"), false)]))],
            &[],
        ),
    ]);
}

#[test]
fn what_a_found_text_is_made_of_takes_no_mark() {
    let found = |block: Value| json!({"type": "search_result", "source": "s", "title": "t", "content": [block]});
    let mut marked = text("u");
    marked["cache_control"] = json!({"type": "ephemeral"});
    check(vec![case(
        json!({"messages": [user(&json!([found(marked)]))]}),
        vec![("/messages/0/content", json!([found(text("u"))]))],
        &["messages[0].content[0].content[0].cache_control"],
    )]);
}

#[test]
fn a_found_text_is_made_of_texts_alone() {
    let found = |content: Value| json!({"type": "search_result", "source": "s", "title": "t", "content": content});
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}});
    let asked = |found: Value| json!({"messages": [user(&json!([found, text("Well?")]))]});
    check(vec![
        case(
            asked(found(json!([text("u"), picture]))),
            vec![("/messages/0/content/0", found(json!([text("u")])))],
            &["messages[0].content[0].content[1]"],
        ),
        case(asked(found(json!([]))), vec![("/messages/0/content/0", text("t\ns"))], &[]),
        case(asked(found(json!([text(" ")]))), vec![("/messages/0/content/0", text("t\ns"))], &[]),
        case(
            asked(json!({"type": "search_result", "source": "", "title": " ", "content": []})),
            vec![("/messages/0/content", json!([text("Well?")]))],
            &[],
        ),
    ]);
}

#[test]
fn the_summary_of_a_compacted_conversation_is_a_text_to_every_model() {
    let summary = json!({"type": "compaction", "content": "They met."});
    let messages = json!([user(&json!("Go")), assistant(&json!([summary])), user(&json!("And now?"))]);
    let body = with(&json!({ "messages": messages }));
    for (model, pointer) in [
        ("claude-opus-4.6", "/messages/1/content/0/text"),
        ("gemini-3-pro", "/contents/1/parts/0/text"),
        ("gpt-5.2", "/messages/1/content"),
    ] {
        let seen = sent(ClientFormat::Messages, model, &[], &body.to_string()).unwrap();
        let sent: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!((sent.pointer(pointer), seen.dropped), (Some(&json!("They met.")), vec![]), "{model}: {sent}");
    }
}

#[test]
fn a_form_is_kept_by_a_forced_tool_where_no_other_may_be_called() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format = json!({"type": "json_schema", "schema": schema});
    let forced = json!({"type": "tool", "name": "json_output"});
    check(vec![Expected {
        models: &["claude-haiku-4.5"],
        betas: &[],
        fields: json!({"tools": [probe()], "tool_choice": {"type": "none"}, "output_config": {"format": format}}),
        sent: vec![("/tool_choice", forced.clone()), ("/system", Value::Null)],
        dropped: &[],
    }]);
    let chat = json!({
        "model": "m", "messages": [{"role": "user", "content": "Hi."}], "tool_choice": "none",
        "tools": [{"type": "function", "function": {"name": "probe"}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    });
    let seen = sent(ClientFormat::ChatCompletions, "claude-haiku-4.5", &[], &chat.to_string()).unwrap();
    let seen: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!((&seen["tool_choice"], seen.get("system")), (&forced, None));
}
