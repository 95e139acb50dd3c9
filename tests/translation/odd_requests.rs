//! Requests of unusual shapes, each of which some provider would refuse. The gateway must repair or refuse them, so that no
//! provider refuses what it is sent.

use gateway::catalog::Catalog;
use gateway::translate::outbound::Destination;
use gateway::wire::ClientFormat;
use gateway::wire::target::OutputBounds;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::{send, send_to, wire_of};
use serde_json::{Value, json};

use crate::judged::{is_made_up, judge_of};
use crate::upstream::{CHAT, MESSAGES, RESPONSES, user};

/// Prepares a body for every route of every model. The provider must accept what is sent, and a refusal by the gateway must
/// name a path.
pub(crate) fn taken_everywhere(format: ClientFormat, body: &str) {
    let catalog = Catalog::embedded().unwrap();
    for model in catalog.models() {
        for route in &model.routes {
            let wire = wire_of(route.provider);
            let to = Destination { model, route, wire, output: OutputBounds::NONE };
            let place = format!("{} at {}: {body}", model.id, route.provider);
            match send_to(format, body, to, &[]) {
                Err(error) => assert!(error.param().is_some(), "{place}: {error:?}"),
                Ok(sent) => {
                    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
                    let refusal = judge_of(route.provider).refusal(route.upstream.as_str(), &sent);
                    let refusal = refusal.filter(|refusal| !is_made_up(refusal));
                    assert_eq!(refusal, None, "{place}\n{sent}");
                }
            }
        }
    }
}

/// The same request in each format, with the names that differ.
fn declared_everywhere(schema: &Value) {
    let messages = json!([user(json!("hi"))]);
    let flat = json!({"type": "function", "name": "f", "parameters": schema});
    let nested = json!({"type": "function", "function": {"name": "f", "parameters": schema}});
    let anthropics = json!({"name": "f", "input_schema": schema});
    for tool in [&flat, &nested, &anthropics] {
        taken_everywhere(CHAT, &json!({"model": "m", "messages": messages, "tools": [tool]}).to_string());
    }
    let body = json!({"model": "m", "max_tokens": 9_000, "messages": messages, "tools": [anthropics]});
    taken_everywhere(MESSAGES, &body.to_string());
    taken_everywhere(RESPONSES, &json!({"model": "m", "input": "hi", "tools": [flat]}).to_string());
}

#[test]
fn schemas_of_tools_are_those_that_each_vendor_takes() {
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    for schema in [
        json!(null),
        json!({}),
        json!({"type": "object"}),
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"type": "string", "enum": ["a"]}),
        json!({"anyOf": [closed, {"type": "object", "properties": {"b": {}}}]}),
        json!({"type": "object", "properties": {}, "not": {"required": ["a"]}, "enum": [{}]}),
        json!({"$ref": "#/definitions/A", "definitions": {"A": closed}}),
    ] {
        declared_everywhere(&schema);
    }
    for property in [
        json!(true),
        json!({"type": "array"}),
        json!({"type": ["array", "null"]}),
        json!({"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}),
        json!({"type": "array", "prefixItems": [{"type": "string"}], "items": false}),
        json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}),
        json!({"type": "String", "required": true, "minLength": "3", "description": null}),
        json!({"type": "any", "enum": []}),
        json!({"$ref": "#/properties/b", "description": "the same"}),
        json!({"$ref": "https://a.example/schema.json"}),
    ] {
        declared_everywhere(&json!({"type": "object", "properties": {"a": property, "b": closed}}));
    }
}

/// A Messages conversation with these blocks of the assistant, followed by these of the user.
fn told(assistant: &Value, user_blocks: &Value) -> Value {
    let messages = json!([
        user(json!("hi")),
        {"role": "assistant", "content": assistant},
        {"role": "user", "content": user_blocks},
    ]);
    let tools = json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}}]);
    json!({"model": "m", "max_tokens": 9_000, "messages": messages, "tools": tools})
}

#[test]
fn blocks_have_the_members_of_their_type_and_results_hold_what_results_hold() {
    let call = json!({"type": "tool_use", "id": "a", "name": "f", "input": {}});
    let of_a_stream = json!({"type": "tool_use", "id": "a", "name": "f", "input": {}, "index": 1, "partial_json": "{}"});
    let result = |content: Value| json!({"type": "tool_result", "tool_use_id": "a", "content": content});
    let thought = json!({"type": "thinking", "thinking": "x", "signature": "y"});
    for (assistant, blocks) in [
        (json!([of_a_stream]), json!([result(json!("r"))])),
        (json!([call]), json!([result(json!([result(json!("inner"))]))])),
        (json!([call]), json!([result(json!([result(json!([{"type": "text", "text": "inner"}])), thought, call]))])),
        (json!([call]), json!([{"type": "tool_result", "tool_use_id": "a", "id": "b", "name": "f", "content": "r"}])),
        (json!("x"), json!([{"type": "text", "text": "y", "id": "b", "index": 0, "name": "n", "input": {}}])),
        (
            json!("x"),
            json!([{"type": "text", "text": "y"}, {"type": "mid_conv_system", "content": [{"type": "text", "text": "z"}]}]),
        ),
        (json!("x"), json!([{"type": "text", "text": "y"}, {"type": "mid_conv_system", "content": "z", "text": "z"}])),
        (json!("x"), json!([{"type": "text", "text": "y", "cache_control": {}}])),
    ] {
        taken_everywhere(MESSAGES, &told(&assistant, &blocks).to_string());
    }
}

#[test]
fn a_user_is_told_apart_and_not_told() {
    for name in ["bob@example.com", "+1 415 555 0100", &"x".repeat(300)] {
        let messages = json!([user(json!("hi"))]);
        let body = json!({"model": "m", "max_tokens": 9_000, "messages": messages, "metadata": {"user_id": name}});
        taken_everywhere(MESSAGES, &body.to_string());
        taken_everywhere(CHAT, &json!({"model": "m", "messages": messages, "user": name}).to_string());
    }
}

#[test]
fn kimi_answers_without_thinking_where_the_thought_of_a_call_is_missing() {
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let chat = |thought: Value, asked: (&str, Value)| {
        let turn = json!({"role": "assistant", "content": null, "tool_calls": [call], "reasoning": thought});
        let messages = json!([user(json!("hi")), turn, {"role": "tool", "tool_call_id": "a", "content": "r"}]);
        json!({"messages": messages, "tools": [crate::upstream::function("f")], asked.0: asked.1})
    };
    for asked in [("reasoning_effort", json!("high")), ("reasoning", json!({"enabled": true}))] {
        let (sent, named) = crate::upstream::sent(CHAT, "kimi-k2.5", chat(json!(null), asked.clone()));
        assert_eq!(sent["reasoning"], json!({"enabled": false}), "{asked:?}");
        assert_eq!(named.len(), 1, "{named:?}");
        let (sent, _) = crate::upstream::sent(CHAT, "kimi-k2.5", chat(json!("thought"), asked.clone()));
        assert_eq!(sent["reasoning"], json!({"enabled": true}), "{asked:?}");
        taken_everywhere(CHAT, &with_model(chat(json!(null), asked)).to_string());
    }
    let (sent, named) = crate::upstream::sent(CHAT, "kimi-k2.5", chat(json!(null), ("max_tokens", json!(9_000))));
    assert_eq!((&sent["reasoning"], named.len()), (&json!({"enabled": false}), 0));
    let thinking = json!({"type": "enabled", "budget_tokens": 2_000});
    let turn = json!([{"type": "tool_use", "id": "a", "name": "f", "input": {}}]);
    let mut body = told(&turn, &json!([{"type": "tool_result", "tool_use_id": "a", "content": "r"}]));
    body["thinking"] = thinking;
    let (sent, named) = crate::upstream::sent(MESSAGES, "kimi-k2.5", body);
    assert_eq!((&sent["reasoning"], named), (&json!({"enabled": false}), vec!["thinking".to_owned()]));
}

fn with_model(mut body: Value) -> Value {
    body["model"] = json!("m");
    body
}

#[test]
fn what_no_provider_could_read_is_refused_by_its_path() {
    let messages = json!([user(json!("hi"))]);
    let functions = json!([{"name": "f"}]);
    let details =
        json!([user(json!("hi")), {"role": "assistant", "content": "x", "reasoning_details": {"type": "reasoning.text"}}]);
    for (body, param) in [
        (json!({"messages": messages, "functions": functions, "function_call": {"name": "g"}}), "function_call"),
        (
            json!({"messages": messages, "tools": [{"type": "function", "function": {"name": null}}]}),
            "tools[0].function.name",
        ),
        (json!({"messages": details}), "messages[1].reasoning_details"),
    ] {
        let catalog = Catalog::embedded().unwrap();
        for name in ["claude-opus-4.6", "gpt-5.2", "kimi-k2.5"] {
            let model = catalog.resolve(name).unwrap();
            let error = gateway_tests::sending::send(CHAT, &with_model(body.clone()).to_string(), &model).unwrap_err();
            assert_eq!(error.param(), Some(param), "{name}: {body}");
        }
    }
}

#[test]
fn reasoning_goes_back_in_entries_of_known_types_alone() {
    let entry = json!({"type": "thinking", "text": "x"});
    let turn = json!({"role": "assistant", "content": "y", "reasoning_details": [entry]});
    let body = json!({"model": "m", "messages": [user(json!("hi")), turn, user(json!("go"))]});
    taken_everywhere(CHAT, &body.to_string());
}

#[test]
fn an_answer_that_claudes_mode_could_not_hold_is_asked_for_in_words_and_named() {
    let node = json!({"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}});
    for schema in [
        json!({"$ref": "#/$defs/node", "$defs": {"node": node}}),
        json!({"type": "object", "properties": {"a": {"$ref": "#/components/a"}}, "components": {"a": {"type": "integer"}}}),
        json!({"type": "object", "properties": {"a": {"$ref": "https://a.example/schema.json"}}}),
    ] {
        let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
        let chat = json!({"messages": [user(json!("hi"))], "response_format": format});
        let (sent, named) = crate::upstream::sent(CHAT, "claude-opus-4.6", chat);
        assert_eq!((sent.get("output_config"), named), (None, vec!["response_format".to_owned()]));
        assert!(sent["system"][0]["text"].as_str().unwrap().contains(&schema.to_string()), "{sent}");
        let config = json!({"format": {"type": "json_schema", "schema": schema}});
        let messages = json!({"messages": [user(json!("hi"))], "output_config": config});
        let (sent, named) = crate::upstream::sent(MESSAGES, "claude-opus-4.6", messages);
        assert_eq!((sent.get("output_config"), named), (None, vec!["output_config.format".to_owned()]));
    }
}

#[test]
fn a_mark_of_no_type_gets_the_only_one() {
    let marked = json!([user(json!([{"type": "text", "text": "x", "cache_control": {}}]))]);
    let ephemeral = json!({"type": "ephemeral"});
    let (sent, named) = crate::upstream::sent(MESSAGES, "claude-opus-4.6", json!({"messages": marked}));
    assert_eq!((&sent["messages"][0]["content"][0]["cache_control"], named.len()), (&ephemeral, 0));
    let catalog = Catalog::embedded().unwrap();
    let model = catalog.resolve("claude-opus-4.6").unwrap();
    let route = model.routes.iter().find(|route| route.provider == gateway::ids::ProviderId::OpenRouter).unwrap();
    let to = Destination { model: &model, route, wire: wire_of(route.provider), output: OutputBounds::NONE };
    let sent = send_to(CHAT, &with_model(json!({"messages": marked})).to_string(), to, &[]).unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(sent["messages"][0]["content"][0]["cache_control"], ephemeral);
}

#[test]
fn a_tool_without_a_schema_gets_an_empty_one() {
    let messages = json!([user(json!("hi"))]);
    for function in [json!({"name": "f"}), json!({"name": "f", "parameters": null})] {
        let tools = json!([{"type": "function", "function": function}]);
        taken_everywhere(CHAT, &json!({"model": "m", "messages": messages, "tools": tools}).to_string());
        taken_everywhere(CHAT, &json!({"model": "m", "messages": messages, "functions": [function]}).to_string());
    }
    taken_everywhere(
        RESPONSES,
        &json!({"model": "m", "input": "hi", "tools": [{"type": "function", "name": "f"}]}).to_string(),
    );
}

#[test]
fn the_change_to_another_model_is_left_out_and_named() {
    let change = json!({"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}});
    let answer = json!([change, {"type": "text", "text": "a"}]);
    let body = told(&answer, &json!("go"));
    taken_everywhere(MESSAGES, &body.to_string());
    for model in ["claude-opus-4.6", "gpt-5.2"] {
        let (_, named) = crate::upstream::sent(MESSAGES, model, body.clone());
        assert_eq!(named, ["messages[1].content[0]"], "{model}");
    }
}

#[test]
fn a_typed_tool_that_a_model_rejects_is_left_out_with_its_choice() {
    let tool = json!({"type": "computer_20251124", "name": "computer", "display_width_px": 100, "display_height_px": 100});
    let asks =
        json!({"messages": [user(json!("hi"))], "tools": [tool], "tool_choice": {"type": "tool", "name": "computer"}});
    let (sent, named) = crate::upstream::sent(MESSAGES, "claude-opus-5.5", asks);
    assert_eq!((sent.get("tools"), sent.get("tool_choice")), (None, None));
    assert_eq!(named, ["tool_choice", "tools[0]"]);
}

#[test]
fn a_refusal_is_text_to_models_of_other_vendors() {
    let refused = json!({"role": "assistant", "content": null, "refusal": "no"});
    let body = json!({"messages": [user(json!("hi")), refused, user(json!("go"))]});
    let (sent, _) = crate::upstream::sent(CHAT, "grok-4.7", body.clone());
    assert_eq!(sent["messages"][1], json!({"role": "assistant", "content": "no"}));
    let (sent, _) = crate::upstream::sent(CHAT, "gpt-5.2", body.clone());
    assert_eq!(sent["messages"], body["messages"]);
    let part = json!({"type": "refusal", "refusal": "no"});
    let both = json!({"role": "assistant", "content": [part], "refusal": "never"});
    let body = json!({"messages": [user(json!("hi")), both, user(json!("go"))]});
    let (sent, _) = crate::upstream::sent(CHAT, "grok-4.7", body);
    assert_eq!(sent["messages"][1], json!({"role": "assistant", "content": "no\n\nnever"}));
}

#[test]
fn a_part_of_an_unknown_type_is_an_error_on_every_route() {
    let body = json!({"model": "m", "messages": [user(json!([{"type": "hologram", "data": "x"}]))]});
    for model in ["gpt-5.2", "gemini-3-pro", "claude-opus-4.6"] {
        let model = catalog().unwrap().resolve(model).unwrap();
        let error = send(CHAT, &body.to_string(), &model).unwrap_err();
        assert_eq!(error.param(), Some("messages[0].content[0]"), "{error:?}");
    }
}

#[test]
fn a_json_object_is_asked_for_in_words_where_no_text_does() {
    let body = json!({"model": "m", "messages": [user(json!("list towns"))], "response_format": {"type": "json_object"}});
    taken_everywhere(CHAT, &body.to_string());
    let input = json!({"model": "m", "input": "list towns", "text": {"format": {"type": "json_object"}}});
    taken_everywhere(RESPONSES, &input.to_string());
    let (sent, named) = crate::upstream::sent(CHAT, "gpt-5.2", body);
    assert_eq!((sent["messages"][0]["role"].as_str(), named.len()), (Some("system"), 0));
}

#[test]
fn schemas_of_answers_are_those_that_openai_takes() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let lax = json!({"type": "object", "properties": {"a": {"type": "string", "default": "b"}}, "required": ["a"],
        "additionalProperties": false});
    for schema in [&list, &lax] {
        let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": true}});
        let body = json!({"model": "m", "messages": [user(json!("hi"))], "response_format": format});
        taken_everywhere(CHAT, &body.to_string());
    }
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": list, "strict": true}});
    let body = json!({"messages": [user(json!("hi"))], "response_format": format});
    let (sent, named) = crate::upstream::sent(CHAT, "gpt-5.2", body);
    assert_eq!((sent.get("response_format"), named), (None, vec!["response_format".to_owned()]));
}

#[test]
fn a_tool_whose_schema_is_no_object_becomes_one() {
    for schema in [json!({}), json!(true), json!({"type": "string"}), json!({"anyOf": [{"type": "object"}]})] {
        declared_everywhere(&schema);
    }
}

#[test]
fn a_blank_refusal_is_no_text_and_a_last_one_is_an_answer() {
    let answer = |content: Value, refusal: Value| json!({"role": "assistant", "content": content, "refusal": refusal});
    let part = json!([{"type": "refusal", "refusal": ""}]);
    let [hi, go] = [user(json!("hi")), user(json!("go"))];
    for answer in [answer(json!("x"), json!("")), answer(json!(null), json!(" ")), answer(part, json!(null))] {
        taken_everywhere(CHAT, &json!({"model": "m", "messages": [hi, answer, go]}).to_string());
    }
    let ended = json!({"model": "m", "messages": [hi, answer(json!(null), json!("no"))]});
    taken_everywhere(CHAT, &ended.to_string());
    let (sent, _) = crate::upstream::sent(CHAT, "mistral-large-4", ended);
    assert_eq!(sent["messages"][2], user(json!("Continue.")));
}

#[test]
fn a_refusal_of_another_role_and_a_seed_with_a_fraction_are_what_they_mean() {
    let part = json!([{"type": "refusal", "refusal": "no"}]);
    let body = json!({"messages": [{"role": "developer", "content": part}, user(json!("hi"))], "seed": -0.0});
    let (sent, _) = crate::upstream::sent(CHAT, "gpt-5.2", body);
    assert_eq!(sent["messages"][0]["content"], json!([{"type": "text", "text": "no"}]));
    assert_eq!(sent["seed"].to_string(), "0");
}

#[test]
fn a_wish_to_see_thoughts_and_a_thought_alone_leave_no_setting_that_excludes_them() {
    let wish = json!({"model": "m", "input": "hi", "temperature": 0.2, "top_p": 0.5, "reasoning": {"summary": "auto"}});
    taken_everywhere(RESPONSES, &wish.to_string());
    let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
    let result = json!({"type": "function_call_output", "call_id": "a", "output": "r"});
    let thought = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]});
    let [hi, go] = ["hi", "go"].map(|text| json!({"role": "user", "content": text}));
    let tools = json!([{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]);
    let body =
        json!({"model": "m", "input": [hi, call, result, thought, go], "tools": tools, "reasoning": {"effort": "high"}});
    taken_everywhere(RESPONSES, &body.to_string());
    let turn = json!({"role": "assistant", "content": null, "tool_calls":
        [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let alone = json!({"role": "assistant", "content": "", "reasoning": "hm"});
    let result = json!({"role": "tool", "tool_call_id": "a", "content": "r"});
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let body = json!({"model": "m", "messages": [hi, turn, result, alone, go], "tools": tools, "reasoning_effort": "high"});
    taken_everywhere(CHAT, &body.to_string());
}

#[test]
fn a_choice_of_a_group_is_a_choice_of_its_tools() {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}});
    let group = json!({"type": "namespace", "name": "ns", "tools": [tool("f"), tool("g")]});
    let entry = json!({"type": "namespace", "name": "ns"});
    for choice in [entry.clone(), json!({"type": "allowed_tools", "mode": "required", "tools": [entry]})] {
        let body = json!({"model": "m", "input": "hi", "tools": [group, tool("h")], "tool_choice": choice});
        taken_everywhere(RESPONSES, &body.to_string());
        let (sent, _) = crate::upstream::sent(RESPONSES, "gpt-5.2", body);
        let names: Vec<_> =
            sent["tools"].as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
        assert_eq!((names, &sent["tool_choice"]), (vec!["ns__f", "ns__g"], &json!("required")));
    }
}
