//! Requests for Claude behind OpenRouter. OpenRouter passes Claude's own refusals on to the client.

use gateway::ids::ProviderId;
use gateway::wire::ClientFormat;
use gateway_tests::relaying::catalog;
use gateway_tests::sending::send_along;
use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, function, tool, user};

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

/// The body that is sent to a model through OpenRouter, and the fields that are named as dropped.
pub fn through(format: ClientFormat, model: &str, body: &Value) -> (Value, Vec<String>) {
    let model = catalog().unwrap().resolve(model).unwrap();
    let route = model.routes.iter().find(|route| route.provider == ProviderId::OpenRouter).unwrap();
    let seen = send_along(format, &body.to_string(), &model, route, &[]).unwrap();
    (serde_json::from_slice(&seen.body).unwrap(), seen.dropped)
}

#[test]
fn claude_that_thinks_by_a_budget_draws_by_no_number_and_is_not_forced() {
    let ask = |fields: Value| {
        let mut body = json!({"model": "m", "max_tokens": 9000, "messages": [user(json!("Hi."))]});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    let tools = json!([function("look")]);
    let forced = json!({"tools": tools, "tool_choice": "required", "reasoning_effort": "high"});
    for (model, fields, kept, dropped) in [
        ("claude-haiku-4.5", json!({"temperature": 0.2, "reasoning_effort": "high"}), "reasoning_effort", "temperature"),
        ("claude-haiku-4.5", forced.clone(), "tool_choice", "reasoning_effort"),
        ("claude-opus-4.6", json!({"temperature": 0.2, "reasoning": {"effort": "low"}}), "reasoning", "temperature"),
    ] {
        let (body, named) = through(CHAT, model, &ask(fields.clone()));
        assert_eq!((&body[kept], body.get(dropped)), (&fields[kept], None), "{model} {fields}");
        assert_eq!(named, [dropped], "{model} {fields}");
    }
    let (body, named) = through(CHAT, "claude-opus-4.6", &ask(forced));
    assert_eq!((body["tool_choice"].as_str(), body["reasoning_effort"].as_str()), (Some("required"), Some("high")));
    assert!(named.is_empty(), "{named:?}");
    let thinking = json!({"type": "enabled", "budget_tokens": 2000});
    let forced = json!({"tools": [tool("look")], "tool_choice": {"type": "any"}, "thinking": thinking});
    let (body, named) = through(MESSAGES, "claude-haiku-4.5", &ask(forced));
    assert_eq!((body["tool_choice"].as_str(), body.get("reasoning")), (Some("required"), None));
    assert_eq!(named, ["thinking"]);
}

#[test]
fn what_openais_models_alone_know_is_put_into_the_words_of_others() {
    let custom = json!({"type": "custom", "custom": {"name": "patch", "description": "d"}});
    let choice = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "look"}}]}});
    let body =
        json!({"model": "m", "messages": [user(json!("Hi."))], "tools": [custom, function("look")], "tool_choice": choice});
    let (sent, _) = through(CHAT, "kimi-k2.5", &body);
    let names: Vec<&Value> = sent["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
    assert_eq!((names, sent["tool_choice"].as_str()), (vec![&json!("look")], Some("required")));
    let (own, _) = through(CHAT, "gpt-5.2", &body);
    assert_eq!((&own["tools"], &own["tool_choice"]), (&body["tools"], &body["tool_choice"]));
}

#[test]
fn claude_gets_schemas_as_it_takes_them_from_both_formats() {
    let empty = json!({"type": "object", "properties": {}});
    for parameters in [Value::Null, json!({}), json!({"type": "object", "properties": {}})] {
        let mut tool = json!({"type": "function", "function": {"name": "look"}});
        if !parameters.is_null() {
            tool["function"]["parameters"] = parameters.clone();
        }
        let body = json!({"model": "m", "messages": [user(json!("Hi."))], "tools": [tool]});
        let (sent, named) = through(CHAT, "claude-haiku-4.5", &body);
        assert_eq!((&sent["tools"][0]["function"]["parameters"], named), (&empty, vec![]), "{parameters}");
    }
    let union = json!({"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}}]});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [user(json!("Hi."))],
        "tools": [{"name": "look", "input_schema": union}]});
    let (sent, _) = through(MESSAGES, "claude-haiku-4.5", &body);
    let sent = &sent["tools"][0]["function"]["parameters"];
    assert_eq!((&sent["type"], sent.get("anyOf")), (&json!("object"), None), "{sent}");
}

#[test]
fn claude_goes_on_from_a_begun_answer_without_thinking() {
    let begun = json!([user(json!("Hi.")), {"role": "assistant", "content": "{"}]);
    let chat = json!({"model": "m", "max_tokens": 9000, "messages": begun, "reasoning_effort": "high"});
    let (sent, named) = through(CHAT, "claude-haiku-4.5", &chat);
    assert_eq!((sent.get("reasoning_effort"), named), (None, vec!["reasoning_effort".to_owned()]));
    let thinking = json!({"type": "enabled", "budget_tokens": 2000});
    let messages = json!({"model": "m", "max_tokens": 9000, "messages": begun, "thinking": thinking});
    let (sent, named) = through(MESSAGES, "claude-haiku-4.5", &messages);
    assert_eq!((sent.get("reasoning"), named), (None, vec!["thinking".to_owned()]));
}

#[test]
fn a_choice_among_some_tools_is_nested_for_openai_and_leaves_the_others_out_elsewhere() {
    let chosen = json!({"type": "function", "function": {"name": "look"}});
    for choice in [
        json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}),
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [chosen]}}),
    ] {
        let body = json!({"model": "m", "messages": [user(json!("Hi."))], "tools": [function("look"), function("see")],
            "tool_choice": choice});
        let (own, _) = through(CHAT, "gpt-5.2", &body);
        let nested = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [chosen]}});
        assert_eq!((own["tools"].as_array().unwrap().len(), &own["tool_choice"]), (2, &nested));
        let (other, _) = through(CHAT, "kimi-k2.5", &body);
        assert_eq!((other["tools"].as_array().unwrap().len(), &other["tool_choice"]), (1, &json!("required")));
    }
}

#[test]
fn gemini_gets_no_mark_that_makes_it_store_a_cache_for_a_price() {
    let marked = json!({"type": "text", "text": "Hi.", "cache_control": {"type": "ephemeral"}});
    let (sent, named) = through(CHAT, "gemini-2.5-flash", &json!({"model": "m", "messages": [user(json!([marked]))]}));
    assert_eq!((sent["messages"][0]["content"][0].get("cache_control"), named), (None, vec![]));
    let body = json!({"model": "m", "max_tokens": 9, "messages": [user(json!([marked]))]});
    let (sent, _) = through(MESSAGES, "gemini-2.5-flash", &body);
    assert_eq!(sent["messages"][0]["content"], "Hi.");
}

/// A request with these fields and without an output limit.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn asking(fields: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [user(json!("Hi."))]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[test]
fn strict_tools_are_those_that_claude_keeps_to() {
    let text = json!({"type": "string"});
    let closed = json!({"type": "object", "properties": {"a": text}, "required": ["a"], "additionalProperties": false});
    let open = json!({"type": "object", "properties": {"a": text}, "required": ["a"]});
    let mut limited = closed.clone();
    limited["properties"]["a"]["minLength"] = json!(1);
    for (schema, strict, dropped) in
        [(&closed, json!(true), None), (&open, Value::Null, Some("strict")), (&limited, Value::Null, Some("strict"))]
    {
        let nested = json!({"type": "function", "function": {"name": "look", "strict": true, "parameters": schema}});
        let (sent, named) = through(CHAT, "claude-opus-4.6", &asking(json!({"tools": [nested]})));
        assert_eq!(sent["tools"][0]["function"].get("strict").unwrap_or(&Value::Null), &strict, "{schema}");
        assert_eq!(named, dropped.map(|name| format!("tools[0].function.{name}")).as_slice(), "{schema}");
        let block = json!({"name": "look", "strict": true, "input_schema": schema});
        let (sent, named) = through(MESSAGES, "claude-opus-4.6", &asking(json!({"max_tokens": 9, "tools": [block]})));
        assert_eq!(sent["tools"][0]["function"].get("strict").unwrap_or(&Value::Null), &strict, "{schema}");
        assert_eq!(named, dropped.map(|name| format!("tools[0].{name}")).as_slice(), "{schema}");
    }
}

#[test]
fn so_many_tools_are_strict_as_claude_compiles_on_every_route_and_the_others_are_named() {
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let nested =
        |name: String| json!({"type": "function", "function": {"name": name, "strict": true, "parameters": closed}});
    let flat = |name: String| json!({"name": name, "strict": true, "input_schema": closed});
    let model = catalog().unwrap().resolve("claude-opus-4.6").unwrap();
    for format in [CHAT, MESSAGES] {
        let names = (0..21).map(|number| format!("f{number}"));
        let tools: Vec<Value> = if format == CHAT { names.map(nested).collect() } else { names.map(flat).collect() };
        let loose = if format == CHAT { "tools[20].function.strict" } else { "tools[20].strict" };
        let body = asking(json!({"max_tokens": 100, "tools": tools})).to_string();
        for route in &model.routes {
            let seen = send_along(format, &body, &model, route, &[]).unwrap();
            let sent = String::from_utf8(seen.body).unwrap();
            let strict = sent.matches(r#""strict":true"#).count();
            assert_eq!((strict, seen.dropped), (20, vec![loose.to_owned()]), "{format:?} {:?}", route.provider);
        }
    }
}

#[test]
fn the_schema_of_an_answer_is_one_that_claude_keeps_to() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]});
    let closed = json!({"type": "object", "properties": {"a": {"type": "integer", "description": "Limits: minimum 1"}},
        "required": ["a"], "additionalProperties": false});
    let nested = json!({"type": "json_schema", "json_schema": {"name": "f", "strict": true, "schema": schema}});
    let flat = json!({"type": "json_schema", "name": "f", "schema": schema});
    for format in [&nested, &flat] {
        let (sent, named) = through(CHAT, "claude-opus-4.6", &asking(json!({"response_format": format})));
        assert_eq!((&sent["response_format"]["json_schema"]["schema"], named), (&closed, vec![]), "{format}");
    }
    let config = json!({"format": {"type": "json_schema", "schema": schema}});
    let (sent, named) = through(MESSAGES, "claude-opus-4.6", &asking(json!({"max_tokens": 9, "output_config": config})));
    assert_eq!((&sent["response_format"]["json_schema"]["schema"], named), (&closed, vec![]));
    // An object without additional properties could not contain the client's own names.
    let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "f", "schema": map}});
    let (sent, named) = through(CHAT, "claude-opus-4.6", &asking(json!({"response_format": format})));
    assert_eq!((sent.get("response_format"), named), (None, vec!["response_format".to_owned()]));
    assert!(sent["messages"][0]["content"].as_str().unwrap().contains("additionalProperties"), "{sent}");
}

#[test]
fn a_tool_turn_without_its_thought_goes_on_without_a_budget() {
    let thought = json!({"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "anthropic-claude-v1"});
    let unsigned = json!({"type": "reasoning.text", "text": "Hm.", "format": "anthropic-claude-v1"});
    let call = json!({"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let chat = |details: &Value| {
        let calling = json!({"role": "assistant", "content": null, "tool_calls": [call], "reasoning_details": details});
        let result = json!({"role": "tool", "tool_call_id": "a", "content": "1"});
        json!([user(json!("Hi.")), calling, result])
    };
    for (model, details, reasoning, kept, dropped) in [
        ("claude-haiku-4.5", json!([thought]), json!({"effort": "high"}), json!({"effort": "high"}), &[][..]),
        ("claude-haiku-4.5", json!([]), json!({"effort": "high"}), Value::Null, &["reasoning.effort"]),
        (
            "claude-haiku-4.5",
            json!([unsigned]),
            json!({"enabled": true, "exclude": true}),
            Value::Null,
            &["messages[1].reasoning_details[0]", "reasoning.enabled"],
        ),
        ("claude-opus-4.6", json!([]), json!({"effort": "high"}), json!({"effort": "high"}), &[]),
        ("claude-opus-4.6", json!([]), json!({"max_tokens": 2000}), Value::Null, &["reasoning.max_tokens"]),
    ] {
        let fields = json!({"messages": chat(&details), "tools": [function("look")], "reasoning": reasoning});
        let (sent, named) = through(CHAT, model, &asking(fields));
        assert_eq!(sent.get("reasoning").unwrap_or(&Value::Null), &kept, "{model} {details} {reasoning}");
        assert_eq!(named, dropped, "{model} {details} {reasoning}");
    }
    let blocks = |thoughts: &[Value]| {
        let calling = json!({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}});
        let said: Vec<Value> = thoughts.iter().cloned().chain([calling]).collect();
        let result = json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "1"});
        let fields = json!({"max_tokens": 9000, "tools": [tool("look")], "thinking": {"type": "enabled", "budget_tokens": 2000},
            "messages": [user(json!("Hi.")), {"role": "assistant", "content": said}, user(json!([result]))]});
        through(MESSAGES, "claude-haiku-4.5", &asking(fields))
    };
    let (sent, named) = blocks(&[json!({"type": "thinking", "thinking": "Hm.", "signature": "s"})]);
    assert_eq!((&sent["reasoning"], named), (&json!({"max_tokens": 2000}), vec![]));
    let (sent, named) = blocks(&[]);
    assert_eq!((sent.get("reasoning"), named), (None, vec!["thinking".to_owned()]));
}

#[test]
fn a_begun_answer_ends_where_its_words_end() {
    let texts = |last: &str| json!([{"type": "text", "text": "a "}, {"type": "text", "text": last}]);
    for (content, expected) in
        [(json!("{ \n"), json!("{")), (texts("b\t"), texts("b")), (texts(" "), json!([{"type": "text", "text": "a"}]))]
    {
        let begun = json!([user(json!("Hi. ")), {"role": "assistant", "content": content}]);
        let (sent, named) = through(CHAT, "claude-haiku-4.5", &asking(json!({"messages": begun})));
        assert_eq!((&sent["messages"][1]["content"], named), (&expected, vec![]), "{content}");
        // Other models accept it unchanged.
        let (sent, _) = through(CHAT, "qwen3-coder", &asking(json!({"messages": begun})));
        assert!(content.is_array() || sent["messages"][1]["content"] == content, "{sent}");
        let (sent, named) = through(MESSAGES, "claude-haiku-4.5", &asking(json!({"max_tokens": 9, "messages": begun})));
        let said = sent["messages"][1]["content"].as_str().unwrap();
        assert_eq!((said, named), (said.trim_end(), vec![]), "{content}");
    }
}

#[test]
fn what_is_left_unsaid_about_thinking_stays_so_within_a_small_limit() {
    for (reasoning, dropped) in [
        (json!({"enabled": true}), "reasoning.enabled"),
        (json!({"effort": "low"}), "reasoning.effort"),
        (json!({"max_tokens": 1024}), "reasoning.max_tokens"),
    ] {
        let fields = json!({"max_tokens": 1024, "reasoning": reasoning});
        let (sent, named) = through(CHAT, "claude-haiku-4.5", &asking(fields));
        assert_eq!((sent["reasoning"].get(dropped.split_once('.').unwrap().1), named), (None, vec![dropped.to_owned()]));
    }
    for asked in ["adaptive", "enabled"] {
        let thinking = json!({"type": asked, "budget_tokens": 1024});
        let (sent, named) =
            through(MESSAGES, "claude-haiku-4.5", &asking(json!({"max_tokens": 1024, "thinking": thinking})));
        assert_eq!((sent.get("reasoning"), named), (None, vec!["thinking".to_owned()]), "{asked}");
    }
}

#[test]
fn the_user_opens_a_conversation_of_instructions_alone() {
    let system = || json!({"role": "system", "content": "Greet."});
    let opening = json!({"role": "user", "content": [{"type": "text", "text": "Continue."}]});
    for (model, messages, sent) in [
        ("claude-haiku-4.5", json!([system()]), json!([system(), opening])),
        ("gemini-2.5-flash", json!([system()]), json!([system(), opening])),
        ("qwen3-coder", json!([system()]), json!([system(), opening])),
        ("gpt-5.2", json!([system()]), json!([system()])),
    ] {
        let (body, named) = through(CHAT, model, &asking(json!({"messages": messages})));
        assert_eq!((&body["messages"], named), (&sent, vec![]), "{model}");
    }
}

#[test]
fn an_effort_alone_turns_no_thinking_on() {
    for (model, effort, reasoning, verbosity, dropped) in [
        ("claude-opus-4.6", "low", Value::Null, json!("low"), None),
        ("claude-opus-4.6", "xhigh", Value::Null, json!("high"), Some("output_config.effort")),
        ("claude-haiku-4.5", "low", Value::Null, Value::Null, Some("output_config.effort")),
        ("gpt-5.2", "low", Value::Null, Value::Null, Some("output_config.effort")),
        ("gpt-5-mini", "low", json!({"effort": "low"}), Value::Null, None),
        ("gemini-3-flash", "low", json!({"effort": "low"}), Value::Null, None),
        ("kimi-k2.5", "low", Value::Null, Value::Null, Some("output_config.effort")),
    ] {
        let body = asking(json!({"max_tokens": 9000, "temperature": 0.5, "output_config": {"effort": effort}}));
        let (sent, named) = through(MESSAGES, model, &body);
        let told = [&sent["reasoning"], &sent["verbosity"]];
        assert_eq!(told, [&reasoning, &verbosity], "{model}");
        let named: Vec<&str> = named.iter().map(String::as_str).filter(|name| *name != "temperature").collect();
        assert_eq!(named, dropped.as_slice(), "{model}");
    }
}

#[test]
fn a_cache_mark_within_a_result_is_that_of_its_message() {
    let marked =
        |text: &str, ttl: &str| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}});
    let result = |content: Value| json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": content});
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    for (content, mark) in [
        (json!([marked("1", "5m"), {"type": "text", "text": "2"}]), json!({"type": "ephemeral"})),
        (json!([marked("1", "1h"), marked("2", "5m")]), hour.clone()),
        (
            json!([{"type": "text", "text": "1"}, {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "2"},
            "cache_control": hour}]),
            hour,
        ),
    ] {
        let body = json!({"model": "m", "max_tokens": 20, "tools": [tool("look")], "messages": [
            user(json!("Hi.")),
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]},
            user(json!([result(content.clone())])),
        ]});
        let (sent, named) = through(MESSAGES, "claude-opus-4.6", &body);
        let expected = json!([{"type": "text", "text": "1\n2", "cache_control": mark}]);
        assert_eq!((&sent["messages"][2]["content"], named), (&expected, vec![]), "{content}");
    }
}

#[test]
fn claude_gets_four_cache_marks_through_openrouter_too() {
    let marked = |text: &str| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}});
    let request = json!({"model": "m", "messages": [
        {"role": "system", "content": [marked("s")]},
        user(json!([marked("1"), marked("2"), marked("3"), marked("4")])),
    ]});
    let model = catalog().unwrap().resolve("claude-opus-4.6").unwrap();
    let outbound = send_along(CHAT, &request.to_string(), &model, &model.routes[1], &[]).unwrap();
    let sent = String::from_utf8(outbound.body).unwrap();
    assert_eq!(sent.matches("cache_control").count(), 4, "{sent}");
    assert_eq!(outbound.dropped, ["messages[1].content[0].cache_control"]);
    let mut declared = tool("look");
    declared["cache_control"] = json!({"type": "ephemeral"});
    let request = json!({"model": "m", "max_tokens": 20, "tools": [declared], "system": [marked("s")], "messages": [
        user(json!([marked("1"), marked("2")])),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]},
        user(json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "3", "cache_control": {"type": "ephemeral", "ttl": "1h"}}])),
    ]});
    let outbound = send_along(MESSAGES, &request.to_string(), &model, &model.routes[1], &[]).unwrap();
    let sent: Value = serde_json::from_slice(&outbound.body).unwrap();
    // An hour's mark behind one of five minutes becomes one of five minutes.
    let kept = json!([{"type": "text", "text": "3", "cache_control": {"type": "ephemeral"}}]);
    assert_eq!(
        (&sent["tools"][0]["cache_control"], &sent["messages"][3]["content"]),
        (&json!({"type": "ephemeral"}), &kept)
    );
    assert_eq!(outbound.dropped, ["messages[0].content[0].cache_control", "messages[2].content[0].cache_control"]);
}

#[test]
fn a_mark_within_a_result_counts_and_gemini_gets_none() {
    let mark = json!({"type": "ephemeral"});
    let text = |words: &str| json!({"type": "text", "text": words, "cache_control": mark});
    let declared = json!({"name": "f", "input_schema": {"type": "object"}, "cache_control": mark});
    let result = json!({"type": "tool_result", "tool_use_id": "a", "content": [text("r")]});
    let body = json!({"model": "m", "max_tokens": 20, "system": [text("1"), text("2")], "tools": [declared], "messages": [
        user(json!("hi")),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        user(json!([result, text("z")])),
    ]});
    crate::odd_requests::taken_everywhere(MESSAGES, &body.to_string());
    let model = catalog().unwrap().resolve("gemini-3-pro").unwrap();
    let route = model.routes.iter().find(|route| route.provider == gateway::ids::ProviderId::OpenRouter).unwrap();
    let sent = send_along(MESSAGES, &body.to_string(), &model, route, &[]).unwrap();
    assert!(!String::from_utf8(sent.body).unwrap().contains("cache_control"));
}
