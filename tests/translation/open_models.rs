//! The bodies that are sent to Kimi, DeepSeek, Qwen and Mistral, forwarded and translated.

use serde_json::{Value, json};

use crate::upstream::{CHAT, MESSAGES, check, function, sent, tool, user};

const MISTRAL: &str = "mistral-large-4";

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}})
}

fn result(id: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": "r"})
}

#[test]
fn a_forced_call_switches_off_the_reasoning_that_excludes_it() {
    let forced = |setting: Value| {
        let mut body = json!({"messages": [user(json!("hi"))], "tools": [function("f")], "tool_choice": "required"});
        body.as_object_mut().unwrap().extend(setting.as_object().unwrap().clone());
        body
    };
    let kimi = json!({"enabled": false});
    let deepseek = json!({"effort": "none"});
    for (model, off) in [("kimi-k2.5", &kimi), ("kimi-k3.1-pro", &deepseek), ("deepseek-v4-pro", &deepseek)] {
        let expected = |choice: &str| json!({"/tool_choice": choice, "/reasoning": off, "/reasoning_effort": null});
        check(CHAT, model, &forced(json!({})), expected("required"), &[]);
        let wants = json!({"reasoning": {"enabled": true}});
        check(CHAT, model, &forced(wants), expected("required"), &["reasoning.enabled"]);
        let high = json!({"reasoning_effort": "high"});
        check(CHAT, model, &forced(high), expected("required"), &["reasoning_effort"]);
        let mut translated = json!({"messages": [user(json!("hi"))], "tools": [tool("f")], "tool_choice": {"type": "any"}});
        check(MESSAGES, model, &translated, expected("required"), &[]);
        translated["thinking"] = json!({"type": "adaptive"});
        check(MESSAGES, model, &translated, expected("required"), &["thinking"]);
    }
    let never = json!({"/tool_choice": "auto", "/reasoning": null});
    check(CHAT, "qwen3.8-max", &forced(json!({})), never, &["tool_choice"]);
}

#[test]
fn deepseek_answers_without_reasoning_if_the_thought_of_a_call_is_missing() {
    let history = |thought: Value| {
        let turn = json!({"role": "assistant", "content": null, "tool_calls": [call("a")], "reasoning": thought});
        json!({"messages": [user(json!("hi")), turn, result("a")], "tools": [function("f")], "reasoning_effort": "high"})
    };
    let off = json!({"/reasoning": {"effort": "none"}, "/reasoning_effort": null});
    check(CHAT, "deepseek-v4-pro", &history(json!(null)), off, &["reasoning_effort"]);
    check(CHAT, "deepseek-v4-pro", &history(json!("thought")), json!({"/reasoning_effort": "high"}), &[]);
    let mut unasked = history(json!(null));
    unasked.as_object_mut().unwrap().remove("reasoning_effort");
    check(CHAT, "deepseek-v4-pro", &unasked, json!({"/reasoning": {"effort": "none"}}), &[]);
}

#[test]
fn mistrals_assistant_speaks_between_results_and_the_user() {
    let read = json!({"role": "assistant", "content": "Understood."});
    let turn = json!({"role": "assistant", "content": null, "tool_calls": [call("abcdefgh1")]});
    let history = [user(json!("hi")), turn.clone(), result("abcdefgh1"), user(json!("go"))];
    let expected =
        json!({"/messages/1": turn, "/messages/2": result("abcdefgh1"), "/messages/3": read, "/messages/4": history[3]});
    check(CHAT, MISTRAL, &json!({"messages": history, "tools": [function("f")]}), expected, &[]);
    let call = json!({"type": "tool_use", "id": "abcdefgh1", "name": "f", "input": {}});
    let answered =
        json!([{"type": "tool_result", "tool_use_id": "abcdefgh1", "content": "r"}, {"type": "text", "text": "go"}]);
    let turns = json!([user(json!("hi")), {"role": "assistant", "content": [call]}, user(answered)]);
    let expected = json!({"/messages/2": result("abcdefgh1"), "/messages/3": read, "/messages/4": history[3]});
    check(MESSAGES, MISTRAL, &json!({"messages": turns, "tools": [tool("f")]}), expected, &[]);
    let unchanged = json!({"messages": history[..3], "tools": [function("f")]});
    check(CHAT, MISTRAL, &unchanged, json!({"/messages": unchanged["messages"]}), &[]);
}

#[test]
fn mistral_gets_call_ids_of_nine_letters_and_digits_in_call_and_result() {
    let turn = json!({"role": "assistant", "content": null, "tool_calls": [call("call_1"), call("call_1"), call("")]});
    let history = [user(json!("hi")), turn, result("call_1"), result("call_1"), result("")];
    let (body, _) = sent(CHAT, MISTRAL, json!({"messages": history, "tools": [function("f")]}));
    let calls: Vec<&str> = (0..3).map(|at| body["messages"][1]["tool_calls"][at]["id"].as_str().unwrap()).collect();
    let results: Vec<&str> = (2..5).map(|at| body["messages"][at]["tool_call_id"].as_str().unwrap()).collect();
    assert_eq!(calls, results);
    assert!(calls.iter().all(|id| id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{calls:?}");
    assert!(calls[0] != calls[1] && calls[1] != calls[2] && calls[0] != calls[2], "{calls:?}");
}

#[test]
fn mistral_gets_late_instructions_as_the_users() {
    let rule = |text: &str| json!({"role": "system", "content": text});
    let reply = json!({"role": "assistant", "content": "b"});
    let history = json!([rule("first"), user(json!("hi")), reply, rule("late"), user(json!("go"))]);
    let late = json!([
        {"type": "text", "text": "<system-reminder>\nlate\n</system-reminder>"},
        {"type": "text", "text": "go"},
    ]);
    let expected = json!({"/messages/0": rule("first"), "/messages/3": user(late), "/messages/4": null});
    check(CHAT, MISTRAL, &json!({"messages": history}), expected, &[]);
}

#[test]
fn other_members_of_a_merged_message_are_kept_or_named() {
    let named = json!({"role": "system", "content": "b", "name": "rule"});
    let body = json!({"messages": [{"role": "system", "content": "a"}, named, user(json!("hi"))]});
    let told = json!({"/messages/0/content": "a\n\nrule: b", "/messages/1": user(json!("hi"))});
    check(CHAT, "qwen3.8-max", &body, told, &[]);
    let [first, second] = [
        json!({"role": "assistant", "content": null, "tool_calls": [call("a")], "reasoning": "r1"}),
        json!({"role": "assistant", "content": "x", "reasoning": "r2"}),
    ];
    let body =
        json!({"messages": [user(json!("hi")), first, second, result("a"), user(json!("go"))], "tools": [function("f")]});
    check(CHAT, "kimi-k2.5", &body, json!({"/messages/1/reasoning": "r1"}), &["messages[2].reasoning"]);
}

#[test]
fn a_number_beyond_the_range_of_a_vendor_becomes_the_nearest_in_it() {
    let asks = |temperature: f64, top_p: f64| json!({"messages": [user(json!("hi"))], "max_tokens": 9, "temperature": temperature, "top_p": top_p});
    for (model, temperature, top_p, dropped) in [
        ("glm-5.3", 1.0, 0.01, vec!["temperature", "top_p"]),
        ("minimax-m3", 1.0, 0.0, vec!["temperature"]),
        ("qwen3.8-max", 1.9, 0.01, vec!["temperature", "top_p"]),
        (MISTRAL, 1.5, 0.01, vec!["temperature", "top_p"]),
        ("kimi-k2.5", 2.0, 0.0, vec![]),
    ] {
        for format in [CHAT, MESSAGES] {
            let expected = json!({"/temperature": temperature, "/top_p": top_p});
            check(format, model, &asks(2.0, 0.0), expected, &dropped);
        }
    }
    check(CHAT, "minimax-m3", &asks(0.0, 1.0), json!({"/temperature": 0.01}), &["temperature"]);
}

#[test]
fn mistral_takes_all_candidates_at_a_temperature_of_zero() {
    let asks = |temperature: f64| json!({"messages": [user(json!("hi"))], "max_tokens": 9, "temperature": temperature, "top_p": 0.9});
    for format in [CHAT, MESSAGES] {
        check(format, MISTRAL, &asks(0.0), json!({"/temperature": 0.0, "/top_p": 1.0}), &["top_p"]);
        check(format, MISTRAL, &asks(0.1), json!({"/top_p": 0.9}), &[]);
        check(format, "kimi-k2.5", &asks(0.0), json!({"/top_p": 0.9}), &[]);
    }
}

#[test]
fn qwen_takes_no_negative_seed_and_a_positive_repetition_penalty() {
    let body = json!({"messages": [user(json!("hi"))], "seed": -1, "repetition_penalty": 0});
    check(CHAT, "qwen3.8-max", &body, json!({"/seed": null, "/repetition_penalty": 0.01}), &["repetition_penalty", "seed"]);
    check(CHAT, "kimi-k2.5", &body, json!({"/seed": -1, "/repetition_penalty": 0}), &[]);
}

#[test]
fn qwen_gets_another_name_for_a_tool_named_search() {
    for format in [CHAT, MESSAGES] {
        let declared = if format == CHAT { function("search") } else { tool("search") };
        let body = json!({"messages": [user(json!("hi"))], "max_tokens": 9, "tools": [declared]});
        check(format, "qwen3-coder", &body, json!({"/tools/0/function/name": "search_tool"}), &[]);
        check(format, "kimi-k2.5", &body, json!({"/tools/0/function/name": "search"}), &[]);
    }
}

#[test]
fn the_reasoning_of_qwen_has_a_budget_next_to_the_limit_that_does_not_count_it() {
    const QWEN: &str = "qwen3.8-max";
    let asks = |settings: Value| {
        let mut body = json!({"messages": [user(json!("hi"))]});
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        body
    };
    let budget = |tokens: u64| json!({"/reasoning": {"max_tokens": tokens}, "/reasoning_effort": null});
    for (settings, expected, dropped) in [
        (json!({"max_tokens": 100}), budget(50), &[][..]),
        (json!({"max_tokens": 9_000, "reasoning_effort": "low"}), budget(4_096), &[]),
        (json!({"max_tokens": 9_000, "reasoning_effort": "high"}), budget(7_976), &["reasoning_effort"]),
        (json!({"max_tokens": 9_000, "reasoning": {"effort": "high"}}), budget(7_976), &["reasoning.effort"]),
        (json!({"max_tokens": 9_000, "reasoning": {"max_tokens": 50_000}}), budget(7_976), &["reasoning.max_tokens"]),
        (json!({"max_tokens": 9_000, "reasoning": {"effort": "none"}}), budget(1), &["reasoning.effort"]),
        (json!({"max_tokens": 9_000, "reasoning_effort": "none"}), budget(1), &["reasoning_effort"]),
        (json!({"max_tokens": 9_000, "reasoning": {"enabled": false}}), budget(1), &["reasoning.enabled"]),
        (json!({"max_tokens": 1}), json!({"/max_tokens": 2, "/reasoning": {"max_tokens": 1}}), &["max_tokens"]),
        (json!({"reasoning": {"max_tokens": 300_000}}), budget(130_048), &["reasoning.max_tokens"]),
        (json!({}), json!({"/reasoning": null}), &[]),
    ] {
        check(CHAT, QWEN, &asks(settings), expected, dropped);
    }
    let thinking = json!({"max_tokens": 60_000, "thinking": {"type": "enabled", "budget_tokens": 50_000}});
    for format in [CHAT, MESSAGES] {
        check(format, QWEN, &asks(thinking.clone()), budget(50_000), &[]);
    }
}

#[test]
fn kimi_k3_draws_as_it_is_made_and_its_tools_begin_with_a_letter() {
    const KIMI: &str = "kimi-k3.1-pro";
    let drawn = json!({"messages": [user(json!("hi"))], "temperature": 0.2, "top_p": 0.9});
    check(CHAT, KIMI, &drawn, json!({"/temperature": null, "/top_p": null}), &["temperature", "top_p"]);
    let named = "/tools/0/function/name";
    let chat = json!({"messages": [user(json!("hi"))], "tools": [function("21st_magic")]});
    check(CHAT, KIMI, &chat, json!({named: "t_21st_magic"}), &[]);
    let messages = json!({"messages": [user(json!("hi"))], "tools": [tool("_own")]});
    check(MESSAGES, KIMI, &messages, json!({named: "t_own"}), &[]);
}

#[test]
fn kimis_rules_for_schemas_hold_for_the_answer_too() {
    let asks = |schema: Value| {
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
        json!({"messages": [user(json!("hi"))], "response_format": format})
    };
    let schema = json!({"type": "object", "properties": {"a": true, "b": {"$ref": "#/$defs/x~1y"}}, "$defs": {"x/y": {"type": "string"}}});
    let sent = json!({"type": "object", "properties": {"a": {}, "b": {"$ref": "#/$defs/_defs_x_1y_"}}, "$defs": {"_defs_x_1y_": {"type": "string"}}});
    check(CHAT, "kimi-k2.5", &asks(schema), json!({"/response_format/json_schema/schema": sent}), &[]);
}

#[test]
fn results_and_replies_are_one_text_for_models_that_read_no_lists() {
    let text = |text: &str| json!({"type": "text", "text": text});
    let turn = |content: Value| json!({"role": "assistant", "content": content, "reasoning": "hm", "tool_calls": [call("abcdefgh1")]});
    let found = |content: Value| json!({"role": "tool", "tool_call_id": "abcdefgh1", "content": content});
    let listed = json!([user(json!("hi")), turn(json!([text("a"), text("b")])), found(json!([text("r"), text("s")]))]);
    let body = json!({"messages": listed, "tools": [function("f")]});
    for model in ["minimax-m3", "deepseek-v4-pro", "kimi-k2.5", "glm-5.3"] {
        let expected = json!({"/messages/1/content": "a\n\nb", "/messages/2/content": "r\ns"});
        check(CHAT, model, &body, expected, &[]);
    }
    check(CHAT, "gpt-5.2", &body, json!({"/messages/2/content": [text("r"), text("s")]}), &["messages[1].reasoning"]);
    let separate = json!({"role": "assistant", "content": [{"type": "output_text", "text": "c"}]});
    let merged = json!([user(json!("hi")), turn(json!([text("a")])), separate, found(json!("r"))]);
    let body = json!({"messages": merged, "tools": [function("f")]});
    check(CHAT, "minimax-m3", &body, json!({"/messages/1/content": "a\n\nc", "/messages/2/content": "r"}), &[]);
}

#[test]
fn mistral_gets_no_format_next_to_tools() {
    let form = json!({"type": "json_object"});
    let mut body = json!({"messages": [user(json!("Answer in JSON."))], "response_format": form});
    check(CHAT, MISTRAL, &body, json!({"/response_format": form}), &[]);
    body["tools"] = json!([function("f")]);
    check(CHAT, MISTRAL, &body, json!({"/response_format": null, "/tools/0/function/name": "f"}), &["response_format"]);
}
