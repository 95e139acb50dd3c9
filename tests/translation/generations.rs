//! What one generation of models accepts and another does not. Each fact in the catalogue is tested with a model that has it
//! and with one that does not. `judged` tests that the providers accept what is sent.

use gateway_tests::relaying::catalog;
use gateway_tests::sending::send_along;
use serde_json::{Value, json};

use crate::upstream::{CHAT, MESSAGES, check, sent, tool, user};

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn asks(rest: Value) -> Value {
    let mut request = json!({"messages": [user(json!("Hi."))], "max_tokens": 4_000});
    request.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    request
}

#[test]
fn no_thinking_is_asked_for_as_the_model_knows_it() {
    let off = asks(json!({"thinking": {"type": "disabled"}}));
    let disabled = json!({"type": "disabled"});
    for (model, thinking, dropped) in [
        ("claude-opus-4.8", disabled.clone(), &[][..]),
        ("claude-sonnet-5", disabled.clone(), &[]),
        ("claude-opus-5", disabled, &[]),
        ("claude-sonnet-5.5", json!({"type": "between_tools"}), &["thinking"]),
        ("claude-opus-5.5", Value::Null, &["thinking"]),
        ("claude-fable-5.2", Value::Null, &["thinking"]),
    ] {
        check(MESSAGES, model, &off, json!({"/thinking": thinking}), dropped);
    }
    let between = asks(json!({"thinking": {"type": "between_tools"}}));
    check(MESSAGES, "claude-sonnet-5.5", &between, json!({"/thinking/type": "between_tools"}), &[]);
    check(MESSAGES, "claude-opus-5", &between, json!({"/thinking/type": "disabled"}), &["thinking"]);
}

#[test]
fn the_highest_efforts_do_not_go_without_thinking_where_they_are_tied() {
    let request = asks(json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}));
    for (model, effort, dropped) in [
        ("claude-sonnet-5", "max", &[][..]),
        ("claude-opus-5", "high", &["output_config.effort"]),
        ("claude-haiku-5.5", "high", &["output_config.effort"]),
    ] {
        check(MESSAGES, model, &request, json!({"/output_config/effort": effort}), dropped);
    }
}

#[test]
fn a_call_is_forced_only_where_the_model_takes_that() {
    let forced = |choice: Value| asks(json!({"tools": [tool("look")], "tool_choice": choice}));
    let any = forced(json!({"type": "any", "disable_parallel_tool_use": true}));
    check(MESSAGES, "claude-opus-5", &any, json!({"/tool_choice/type": "any"}), &[]);
    let auto = json!({"/tool_choice": {"type": "auto", "disable_parallel_tool_use": true}});
    check(MESSAGES, "claude-opus-5.5", &any, auto, &["tool_choice"]);
    let chat = json!({"messages": [user(json!("Hi."))], "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]});
    check(CHAT, "claude-sonnet-5.5", &chat, json!({"/tool_choice": null}), &["tool_choice"]);
    check(CHAT, "claude-sonnet-5", &chat, json!({"/tool_choice/type": "any"}), &[]);
}

#[test]
fn thoughts_that_are_bound_to_their_prefix_may_be_dropped_for_clients_that_do_not_know_of_it() {
    let request = json!({"messages": [user(json!("Hi."))]});
    let dropping = json!({"prefix_mismatch_behavior": "drop_block"});
    for (model, binding) in
        [("claude-opus-5.5", dropping.clone()), ("claude-haiku-5.5", dropping), ("claude-opus-5", Value::Null)]
    {
        let beta = if binding.is_null() { Value::Null } else { json!(["thinking-binding-controls-2026-08-01"]) };
        check(CHAT, model, &request, json!({"/thinking/block_binding": binding, "/anthropic_beta": beta}), &[]);
    }
    let between = json!({"messages": [user(json!("Hi."))], "reasoning_effort": "none"});
    let expected = json!({"/thinking/type": "between_tools", "/thinking/block_binding": null, "/anthropic_beta": null});
    check(CHAT, "claude-sonnet-5.5", &between, expected, &["reasoning_effort"]);
}

#[test]
fn a_gemini_model_is_told_a_level_that_it_has() {
    for (model, effort, level) in [
        ("gemini-4-hydrogen", "max", "XHIGH"),
        ("gemini-4-argon", "max", "HIGH"),
        ("gemini-3.8-flash", "none", "LOW"),
        ("gemini-3.5-flash-lite", "none", "MINIMAL"),
        ("gemini-3-pro", "medium", "MEDIUM"),
    ] {
        let (body, _) = sent(CHAT, model, json!({"messages": [user(json!("Hi."))], "reasoning_effort": effort}));
        assert_eq!(body["generationConfig"]["thinkingConfig"]["thinkingLevel"], level, "{model} {effort}");
    }
}

#[test]
fn sampling_goes_to_the_generations_that_heed_it() {
    let drawn = json!({"messages": [user(json!("Hi."))], "temperature": 0.5, "top_p": 0.5, "top_k": 4});
    let gemini = |temperature: Value| json!({"/generationConfig/temperature": temperature, "/generationConfig/topK": null});
    check(CHAT, "gemini-3-flash", &drawn, gemini(json!(0.5)), &["top_k"]);
    check(CHAT, "gemini-3.8-flash", &drawn, gemini(Value::Null), &["temperature", "top_k", "top_p"]);
    let openai = json!({"messages": [user(json!("Hi."))], "temperature": 0.5, "reasoning_effort": "none"});
    check(CHAT, "gpt-5.6-sol", &openai, json!({"/temperature": 0.5}), &[]);
    check(CHAT, "gpt-6-luna", &openai, json!({"/temperature": null, "/reasoning_effort": "none"}), &["temperature"]);
}

#[test]
fn claudes_temperature_ends_at_one_wherever_it_runs() {
    let model = catalog().unwrap().resolve("claude-haiku-4.5").unwrap();
    let body = json!({"model": "m", "max_tokens": 90, "messages": [user(json!("Hi."))], "temperature": 1.7}).to_string();
    for (format, route) in [(CHAT, 0), (CHAT, 1), (MESSAGES, 0), (MESSAGES, 1)] {
        let sent = send_along(format, &body, &model, &model.routes[route], &[]).unwrap();
        let upstream: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(
            (&upstream["temperature"], &sent.dropped[..]),
            (&json!(1.0), &["temperature".to_owned()][..]),
            "{format:?}"
        );
    }
}

#[test]
fn efforts_are_said_to_those_that_know_words_and_only_whether_to_the_others() {
    let effort = |word: &str| json!({"messages": [user(json!("Hi."))], "reasoning_effort": word});
    let named = &["reasoning_effort"][..];
    for (model, word, expected, dropped) in [
        ("kimi-k2.5", "high", json!({"/reasoning/enabled": true, "/reasoning_effort": null}), named),
        ("minimax-m3", "none", json!({"/reasoning/enabled": false, "/reasoning_effort": null}), &[]),
        ("kimi-k3.1-pro", "max", json!({"/reasoning_effort": "max"}), &[]),
        ("kimi-k3.1-pro", "none", json!({"/reasoning_effort": "none"}), &[]),
        ("grok-4.7", "none", json!({"/reasoning_effort": "low"}), named),
        ("glm-5.3", "medium", json!({"/reasoning_effort": "low"}), named),
        ("gpt-6.1-sol", "none", json!({"/reasoning_effort": "low"}), named),
        ("gpt-6.1-terra", "none", json!({"/reasoning_effort": "none"}), &[]),
        ("gpt-5.2", "max", json!({"/reasoning_effort": "xhigh"}), named),
        ("gpt-5.6-sol", "max", json!({"/reasoning_effort": "max"}), &[]),
        // OpenRouter ignores parameters that a model does not support at all.
        ("qwen3-coder", "high", json!({"/reasoning_effort": "high"}), &[]),
    ] {
        check(CHAT, model, &effort(word), expected, dropped);
    }
}
