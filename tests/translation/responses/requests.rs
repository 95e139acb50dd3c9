//! What of a Responses request is sent, named, or refused.

use gateway::error::ErrorKind;
use gateway::translate::Conversion;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::{send, send_along};
use serde_json::{Value, json};

use super::super::upstream::{RESPONSES, check, sent};

/// A request with these fields.
fn body(fields: &Value) -> Value {
    let mut body = json!({"model": "m", "input": "hi"});
    fields.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
    body
}

#[test]
fn what_the_gateway_cannot_carry_is_refused_with_the_way_out() {
    let call = json!({"type": "function_call", "name": "f", "arguments": "{}"});
    let choice = json!({"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "function", "name": "g"}});
    for (fields, param, reason) in [
        (json!({"previous_response_id": "resp_1"}), "previous_response_id", "send the items of the conversation in input"),
        (json!({"conversation": {"id": "conv_1"}}), "conversation", "send the items of the conversation in input"),
        (json!({"prompt": {"id": "pmpt_1"}}), "prompt", "send the prompt's text in instructions and input"),
        (json!({"background": true}), "background", "omit it, and read the reply of this request"),
        (json!({"input": [{"type": "item_reference", "id": "msg_1"}]}), "input[0]", "send the item itself"),
        (json!({"input": []}), "input", "at least one item is required"),
        (json!({"input": 7}), "input", "expected text or a list of items, got a number"),
        (json!({"input": [{"id": "x"}]}), "input[0].type", "this field is required"),
        (json!({"input": [{"type": "seance"}]}), "input[0]", "cannot carry an item of type seance"),
        (
            json!({"input": [{"role": "robot", "content": "hi"}]}),
            "input[0].role",
            "use system, developer, user or assistant",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"text": "a"}]}]}),
            "input[0].content[0].type",
            "this field is required",
        ),
        (json!({"input": [call]}), "input[0].call_id", "this field is required"),
        (
            json!({"input": [{"type": "function_call_output", "call_id": "a", "output": 7}]}),
            "input[0].output",
            "expected text",
        ),
        (json!({"max_output_tokens": 0}), "max_output_tokens", "must be at least 1"),
        (
            json!({"reasoning": {"effort": "heroic"}}),
            "reasoning.effort",
            "use none, minimal, low, medium, high, xhigh or max",
        ),
        (json!({"text": {"verbosity": "chatty"}}), "text.verbosity", "use low, medium or high"),
        (json!({"text": {"format": {"type": "json_schema", "name": "a"}}}), "text.format.schema", "this field is required"),
        (json!({"truncation": "both"}), "truncation", "use auto or disabled"),
        (choice, "tool_choice", "no tool g is declared"),
    ] {
        let error =
            send(RESPONSES, &body(&fields).to_string(), &catalog().unwrap().resolve("gpt-5.2").unwrap()).unwrap_err();
        assert_eq!(error.param(), Some(param), "{fields}");
        assert!(error.message().contains(reason), "{fields}: {}", error.message());
        assert!(matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::Unsupported), "{fields}");
    }
}

#[test]
fn what_no_route_gives_is_named_and_the_defaults_are_not() {
    for (fields, named) in [
        (json!({"store": true, "truncation": "auto", "service_tier": "flex"}), vec!["service_tier", "store", "truncation"]),
        (json!({"include": ["reasoning.encrypted_content", "web_search_call.results"]}), vec!["include[1]"]),
        (json!({"tools": [{"type": "web_search"}], "tool_choice": "auto"}), vec!["tool_choice", "tools[0]"]),
        (json!({"tool_choice": "required"}), vec!["tool_choice"]),
        (json!({"top_logprobs": 3, "prompt_cache_key": "k"}), vec!["prompt_cache_key", "top_logprobs"]),
        (
            json!({
                "store": false, "truncation": "disabled", "service_tier": "auto", "background": false, "metadata": {"a": "b"},
                "previous_response_id": null, "stream_options": {"include_obfuscation": false},
            }),
            vec![],
        ),
    ] {
        assert_eq!(sent(RESPONSES, "claude-opus-4.6", body(&fields)).1, named, "{fields}");
    }
}

#[test]
fn a_search_of_the_clients_own_declares_what_it_finds() {
    let found = json!([{"type": "function", "name": "rate", "description": "A rate.", "parameters": {"type": "object", "properties": {}}}]);
    let request = json!({
        "tools": [{"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": {"type": "object", "properties": {}}}],
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "tool_search_call", "call_id": "a", "execution": "client", "arguments": {"query": "rates"}},
            {"type": "tool_search_output", "call_id": "a", "execution": "client", "tools": found},
        ],
    });
    let function = |name: &str, description: &str| json!({"name": name, "description": description, "parameters": {"type": "object", "properties": {}}});
    let tools = json!([
        {"type": "function", "function": function("tool_search", "Finds.")},
        {"type": "function", "function": function("rate", "A rate.")},
    ]);
    let result = json!({"role": "tool", "content": found.to_string(), "tool_call_id": "a"});
    check(RESPONSES, "gpt-5.2", &request, json!({"/tools": tools, "/messages/2": result}), &[]);
}

#[test]
fn items_of_agents_keep_their_texts_and_tools() {
    let function = json!({"type": "function", "name": "run", "parameters": {"type": "object", "properties": {}}});
    let tools = json!([{"type": "namespace", "name": "box", "tools": [function]}, {"type": "web_search"}]);
    let task = json!([{"type": "input_text", "text": "Count."}, {"type": "encrypted_content", "data": "x"}]);
    let request = json!({"input": [
        {"type": "additional_tools", "role": "developer", "tools": tools},
        {"type": "agent_message", "author": "/root", "recipient": "/root/child", "content": task},
        {"role": "assistant", "content": [{"type": "reasoning_text", "text": "so"}, {"type": "output_text", "text": "1"}]},
        {"type": "compaction_trigger"},
        {"role": "user", "content": "go on"},
    ]});
    let parameters = json!({"type": "object", "properties": {}});
    let declared = json!([{"type": "function", "function": {"name": "box__run", "parameters": parameters}}]);
    let told = json!({"role": "user", "content": "Message from /root to /root/child:\n\nCount."});
    let expected =
        json!({"/tools": declared, "/messages/0": told, "/messages/1/content": "1", "/messages/2/content": "go on"});
    let named = ["input[0].tools[1]", "input[1].content[1]", "input[2].content[0]", "input[3]"];
    check(RESPONSES, "gpt-5.2", &request, expected, &named);
}

#[test]
fn a_shells_output_without_a_call_id_belongs_to_the_call_with_its_id() {
    let request = json!({"tools": [{"type": "local_shell"}], "input": [
        {"role": "user", "content": "hi"},
        {"type": "local_shell_call", "id": "ls_1", "call_id": "c1", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "local_shell_call_output", "id": "ls_1", "output": "a.txt"},
    ]});
    let result = json!({"role": "tool", "content": "a.txt", "tool_call_id": "c1"});
    check(RESPONSES, "gpt-5.2", &request, json!({"/messages/1/tool_calls/0/id": "c1", "/messages/2": result}), &[]);
}

/// OpenRouter derives a budget from a request to see reasoning, and Claude rejects a budget if a tool turn has no reasoning.
#[test]
fn a_wish_to_see_thoughts_gives_way_to_a_tool_turn_without_one() {
    let model = catalog().unwrap().resolve("claude-opus-4.5").unwrap();
    let route = model.routes.iter().find(|route| route.upstream.as_str().starts_with("anthropic/")).unwrap();
    let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
    let result = json!({"type": "function_call_output", "call_id": "a", "output": "7"});
    let user = json!({"role": "user", "content": "hi"});
    for (input, named) in [(json!([user]), vec![]), (json!([user, call, result]), vec!["reasoning"])] {
        let fields = json!({"reasoning": {"summary": "auto"}, "tools": [{"type": "function", "name": "f"}], "input": input});
        let sent = send_along(RESPONSES, &body(&fields).to_string(), &model, route, &[]).unwrap();
        let told: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(told["reasoning"].is_object(), named.is_empty(), "{told}");
        assert_eq!(sent.dropped, named, "{told}");
    }
}

#[test]
fn a_format_that_no_provider_speaks_is_never_forwarded() {
    let body = body(&json!({}));
    for model in catalog().unwrap().models() {
        let sent = send(RESPONSES, &body.to_string(), model).unwrap();
        assert!(matches!(sent.conversion, Conversion::Translate { .. }), "{}", model.id);
    }
}
