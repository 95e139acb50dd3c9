//! Requests for Claude behind OpenRouter, which passes Claude's own refusals on.

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

/// The body that a model's route through OpenRouter gets, and what is named.
fn through(format: ClientFormat, model: &str, body: &Value) -> (Value, Vec<String>) {
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
