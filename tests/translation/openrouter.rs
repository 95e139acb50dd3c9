//! Requests for models behind OpenRouter. Forwarded and translated requests follow the same rules, and a request is changed
//! only where it needs a repair.

use gateway::translate::Conversion;
use gateway_tests::corpus::{case_requests, requests};
use gateway_tests::relaying::catalog;
use gateway_tests::sending::{Sent, send};
use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, PDF, PNG, check, function, schema, tool, user};

const GPT: &str = "gpt-5.2";
const KIMI: &str = "kimi-k2.5";

fn picture() -> Value {
    json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}})
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{\"a\":1}"}})
}

fn calls(ids: &[&str]) -> Value {
    json!({"role": "assistant", "content": null, "tool_calls": ids.iter().map(|id| call(id)).collect::<Vec<_>>()})
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn result(id: &str, content: Value) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": content})
}

fn says(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// Checks the messages that are sent upstream for a conversation, and that nothing is named as dropped.
fn history(model: &str, messages: &Value, expected: &Value) {
    check(CHAT, model, &json!({"messages": messages}), json!({"/messages": expected}), &[]);
}

#[test]
fn a_result_has_no_empty_text_among_its_parts() {
    let hi = || user(json!("Hi."));
    for (content, expected) in
        [(json!([says("")]), json!("")), (json!([says(""), says("x")]), json!([says("x")])), (json!([]), json!(""))]
    {
        let history = |content| json!([hi(), calls(&["a"]), result("a", content)]);
        self::history(GPT, &history(content), &history(expected));
    }
}

#[test]
fn histories_are_repaired_where_they_do_not_pair() {
    let hi = || user(json!("Hi."));
    let lost = result("b", json!("Error: No result was recorded for this call."));
    for (messages, expected) in [
        (
            json!([hi(), calls(&["a", "b"]), result("a", json!("1")), hi()]),
            json!([hi(), calls(&["a", "b"]), result("a", json!("1")), lost, hi()]),
        ),
        (
            json!([hi(), calls(&["a", "b"]), result("b", json!("2")), hi(), result("a", json!("1"))]),
            json!([hi(), calls(&["a", "b"]), result("a", json!("1")), result("b", json!("2")), hi()]),
        ),
        (
            json!([hi(), calls(&["a"]), result("a", json!("1")), calls(&["a"]), result("a", json!("2"))]),
            json!([hi(), calls(&["a"]), result("a", json!("1")), calls(&["a_2"]), result("a_2", json!("2"))]),
        ),
        (
            json!([hi(), calls(&[""]), result("", json!("1"))]),
            json!([hi(), calls(&["call_2"]), result("call_2", json!("1"))]),
        ),
        (
            json!([result("z", json!("old")), hi()]),
            json!([user(json!([says("Result of an earlier tool call:"), says("old"), says("Hi.")]))]),
        ),
        (json!([hi(), {"role": "assistant", "content": ""}, hi()]), json!([hi(), hi()])),
        (
            json!([hi(), {"role": "assistant", "content": "Yes.", "tool_calls": [], "function_call": null, "refusal": null}, hi()]),
            json!([hi(), {"role": "assistant", "content": "Yes."}, hi()]),
        ),
        (
            json!([hi(), calls(&["a"]), calls(&["b"]), result("a", json!("1")), result("b", json!("2"))]),
            json!([hi(), calls(&["a", "b"]), result("a", json!("1")), result("b", json!("2"))]),
        ),
        (
            json!([hi(), calls(&["a"]), {"role": "system", "content": "Be brief."}, result("a", json!("1"))]),
            json!([hi(), calls(&["a"]), result("a", json!("1")), {"role": "system", "content": "Be brief."}]),
        ),
    ] {
        for model in [GPT, KIMI] {
            history(model, &messages, &expected);
        }
    }
}

#[test]
fn pictures_move_to_the_user() {
    let note = "(A picture follows in the next user message.)";
    for (messages, expected) in [
        (
            json!([user(json!("Draw.")), {"role": "assistant", "content": [picture()]}, user(json!("What is it?"))]),
            json!([user(json!("Draw.")), user(json!([picture(), says("What is it?")]))]),
        ),
        (
            json!([user(json!("Draw.")), {"role": "assistant", "content": [says("There."), picture()]}]),
            json!([user(json!("Draw.")), {"role": "assistant", "content": [says("There.")]}, user(json!([picture()]))]),
        ),
        (
            json!([{"role": "system", "content": [says("Like this."), picture()]}, user(json!([says("Draw.")]))]),
            json!([{"role": "system", "content": [says("Like this.")]}, user(json!([picture(), says("Draw.")]))]),
        ),
        (
            json!([
                user(json!("Go.")),
                calls(&["a", "b"]),
                result("a", json!([says("done"), picture()])),
                result("b", json!([picture()]))
            ]),
            json!([
                user(json!("Go.")),
                calls(&["a", "b"]),
                result("a", json!([says("done"), says(note)])),
                result("b", json!([says(note)])),
                user(json!([picture(), picture()])),
            ]),
        ),
    ] {
        history(GPT, &messages, &expected);
    }
    let block = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}});
    let translated = json!({"tools": [tool("look")], "messages": [
        user(json!("Go.")),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]},
        user(json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "done"}, block]}])),
    ]});
    let expected = json!({"/messages/2/content": format!("done\n{note}"), "/messages/3": user(json!([picture()]))});
    check(MESSAGES, GPT, &translated, expected, &[]);
}

#[test]
fn dialects_are_written_in_openais_words() {
    let mut marked = function("look");
    marked["function"]["cache_control"] = json!({"type": "ephemeral"});
    let mut mark_moved = function("look");
    mark_moved["cache_control"] = json!({"type": "ephemeral"});
    for (declared, expected) in [
        (json!({"type": "function", "name": "look", "parameters": schema()}), function("look")),
        (json!({"name": "look", "parameters": schema()}), function("look")),
        (tool("look"), function("look")),
        (json!({"function": {"name": "look", "parameters": schema()}}), function("look")),
        (marked, mark_moved),
    ] {
        let request = json!({"messages": [user(json!("Hi."))], "tools": [declared]});
        check(CHAT, GPT, &request, json!({"/tools/0": expected}), &[]);
    }
    let named = json!({"type": "function", "function": {"name": "look"}});
    for (choice, expected) in [
        (json!({"type": "any"}), json!("required")),
        (json!("any"), json!("required")),
        (json!({"type": "none"}), json!("none")),
        (json!({"type": "auto"}), json!("auto")),
        (json!({"type": "tool", "name": "look"}), named.clone()),
        (json!({"type": "function", "name": "look"}), named.clone()),
        (named.clone(), named),
    ] {
        let request = json!({"messages": [user(json!("Hi."))], "tools": [function("look")], "tool_choice": choice});
        check(CHAT, GPT, &request, json!({"/tool_choice": expected}), &[]);
    }
    let request = json!({"messages": [user(json!("Hi."))], "tools": [], "tool_choice": "auto", "parallel_tool_calls": true, "top_k": -1});
    let expected = json!({"/tools": null, "/tool_choice": null, "/parallel_tool_calls": null, "/top_k": null});
    check(CHAT, GPT, &request, expected, &[]);
    let format = json!({"type": "json_schema", "schema": schema()});
    let nested = json!({"type": "json_schema", "json_schema": {"name": "response", "strict": false, "schema": schema()}});
    let request = json!({"messages": [user(json!("Hi."))], "response_format": format});
    check(CHAT, GPT, &request, json!({"/response_format": nested}), &[]);
}

#[test]
fn parts_and_calls_of_dialects_are_written_in_openais_words() {
    let mut spoken = calls(&["a"]);
    spoken["tool_calls"][0]["function"]["arguments"] = json!({"a": 1});
    history(
        GPT,
        &json!([user(json!("Hi.")), spoken, result("a", json!("1"))]),
        &json!([user(json!("Hi.")), calls(&["a"]), result("a", json!("1"))]),
    );
    for (part, expected) in [
        (json!({"type": "image_url", "image_url": format!("data:image/png;base64,{PNG}")}), picture()),
        (json!({"type": "input_text", "text": "Hi."}), says("Hi.")),
        (
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}),
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{PDF}")}}),
        ),
        (
            json!({"type": "file", "file": {"filename": "t.csv", "file_data": "data:text/csv;base64,YTtiCg=="}}),
            says("t.csv\n\na;b\n"),
        ),
    ] {
        history(GPT, &json!([user(json!([part]))]), &json!([user(json!([expected]))]));
    }
}

#[test]
fn blocks_and_names_that_openai_does_not_know_go_by_way_of_the_conversation() {
    let blocks = json!({"tools": [function("look")], "messages": [
        user(json!("Go.")),
        {"role": "assistant", "content": [says("Now."), {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}}]},
        user(json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": [says("seen")]}])),
    ]});
    let mut calling = calls(&["toolu_1"]);
    calling["content"] = json!("Now.");
    let expected = json!({"/messages": [user(json!("Go.")), calling, result("toolu_1", json!("seen"))]});
    check(CHAT, GPT, &blocks, expected, &[]);
    let odd = json!({"messages": [user(json!("Hi."))], "tools": [function("files.read/all")]});
    check(CHAT, GPT, &odd, json!({"/tools/0/function/name": "files_read_all"}), &[]);
    let model = catalog().unwrap().resolve(GPT).unwrap();
    let mut odd = odd;
    odd["model"] = json!(GPT);
    let Sent { conversion, .. } = send(CHAT, &odd.to_string(), &model).unwrap();
    let Conversion::Translate { restore, .. } = conversion else { panic!("{conversion:?}") };
    assert_eq!(restore.names.original("files_read_all"), "files.read/all");
}

#[test]
fn thoughts_go_back_to_the_models_that_want_them() {
    let answer = |rest: Value| {
        let mut answer = json!({"role": "assistant", "content": "Yes."});
        answer.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        answer
    };
    let details = json!([{"type": "reasoning.text", "text": "Hm.", "index": 0}]);
    let azures = json!([{"type": "reasoning.encrypted", "data": "c2Vh", "format": "azure-openai-responses-v1"}]);
    for (model, sent, expected, dropped) in [
        (KIMI, json!({"reasoning_content": "Hm."}), json!({"reasoning": "Hm."}), None),
        (
            KIMI,
            json!({"reasoning": "Hm.", "reasoning_details": details}),
            json!({"reasoning": "Hm.", "reasoning_details": details}),
            None,
        ),
        (GPT, json!({"reasoning_content": "Hm."}), json!({}), Some("messages[1].reasoning_content")),
        (GPT, json!({"reasoning": "Hm."}), json!({}), Some("messages[1].reasoning")),
        (
            GPT,
            json!({"reasoning": "Hm.", "reasoning_details": details}),
            json!({}),
            Some("messages[1].reasoning_details[0]"),
        ),
        (GPT, json!({"reasoning_details": azures}), json!({"reasoning_details": azures}), None),
        (
            GPT,
            json!({"reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "anthropic-claude-v1"}]}),
            json!({}),
            Some("messages[1].reasoning_details[0]"),
        ),
    ] {
        let request = json!({"messages": [user(json!("Hi.")), answer(sent), user(json!("Sure?"))]});
        check(CHAT, model, &request, json!({"/messages/1": answer(expected)}), dropped.as_slice());
    }
    let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": ""});
    let request = json!({"messages": [user(json!("Hi.")), {"role": "assistant", "content": [thought, says("Yes.")]}, user(json!("Sure?"))]});
    let kept = json!({"role": "assistant", "content": "Yes.", "reasoning": "Hm."});
    check(MESSAGES, KIMI, &request, json!({"/messages/1": kept}), &[]);
    check(
        MESSAGES,
        GPT,
        &request,
        json!({"/messages/1": {"role": "assistant", "content": "Yes."}}),
        &["messages[1].content[0]"],
    );
}

#[test]
fn limits_are_data_of_the_model() {
    let asks = |rest: Value| {
        let mut request = json!({"messages": [user(json!("Hi."))]});
        request.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        request
    };
    check(CHAT, GPT, &asks(json!({"max_tokens": 1})), json!({"/max_tokens": 16}), &["max_tokens"]);
    check(
        CHAT,
        GPT,
        &asks(json!({"max_completion_tokens": 1})),
        json!({"/max_completion_tokens": 16}),
        &["max_completion_tokens"],
    );
    check(CHAT, KIMI, &asks(json!({"max_tokens": 1})), json!({"/max_tokens": 1}), &[]);
    check(MESSAGES, GPT, &asks(json!({"max_tokens": 1})), json!({"/max_tokens": 16}), &["max_tokens"]);
    let drawn = json!({"temperature": 0.3, "top_p": 0.7, "top_k": 4});
    let with = |rest: Value| {
        let mut request = asks(drawn.clone());
        request.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        request
    };
    for off in [json!({"reasoning_effort": "none"}), json!({"reasoning": {"effort": "none"}})] {
        check(CHAT, GPT, &with(off), json!({"/temperature": 0.3, "/top_p": 0.7, "/top_k": null}), &["top_k"]);
    }
    let off = with(json!({"thinking": {"type": "disabled"}}));
    for format in [CHAT, MESSAGES] {
        check(format, GPT, &off, json!({"/temperature": 0.3, "/top_p": 0.7, "/reasoning": {"effort": "none"}}), &["top_k"]);
    }
    for (model, other) in [(GPT, json!({"reasoning_effort": "low"})), ("gpt-5.5", json!({}))] {
        check(CHAT, model, &with(other), json!({"/temperature": null, "/top_p": null}), &["temperature", "top_k", "top_p"]);
    }
    let refused = asks(json!({"frequency_penalty": 0.5, "logprobs": true, "seed": 4}));
    check(CHAT, GPT, &refused, json!({"/logprobs": true, "/seed": 4, "/frequency_penalty": 0.5}), &[]);
    check(CHAT, "gpt-5.5", &refused, json!({"/logprobs": null, "/seed": 4}), &["frequency_penalty", "logprobs"]);
    check(CHAT, KIMI, &refused, json!({"/logprobs": true, "/frequency_penalty": 0.5}), &[]);
    check(CHAT, "gpt-5-mini", &with(json!({})), json!({"/temperature": null}), &["temperature", "top_k", "top_p"]);
}

#[test]
fn efforts_are_those_of_the_model() {
    let asks = |rest: Value| json!({"messages": [user(json!("Hi."))], "reasoning_effort": rest});
    for (model, asked, expected) in [
        (GPT, "minimal", "low"),
        (GPT, "max", "xhigh"),
        (GPT, "none", "none"),
        ("gpt-5-mini", "minimal", "minimal"),
        ("gpt-5-mini", "xhigh", "high"),
        ("gpt-5.2-codex", "minimal", "low"),
    ] {
        let dropped = if asked == expected { &[][..] } else { &["reasoning_effort"] };
        check(CHAT, model, &asks(json!(asked)), json!({"/reasoning_effort": expected}), dropped);
        let nested = json!({"messages": [user(json!("Hi."))], "reasoning": {"effort": asked}});
        let dropped = if asked == expected { &[][..] } else { &["reasoning.effort"] };
        check(CHAT, model, &nested, json!({"/reasoning/effort": expected}), dropped);
    }
    let budget = json!({"messages": [user(json!("Hi."))], "max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 3000}});
    for format in [CHAT, MESSAGES] {
        check(format, GPT, &budget, json!({"/reasoning": {"effort": "low"}, "/thinking": null}), &[]);
    }
}

#[test]
fn a_forwarded_request_forwarded_again_changes_nothing() {
    let catalog = catalog().unwrap();
    let models = ["gpt-5.2", "kimi-k2.5", "gpt-5-mini"].map(|name| catalog.resolve(name).unwrap());
    let mut seen = 0;
    for (format, path, body) in requests().into_iter().chain(case_requests()).filter(|(format, ..)| *format == CHAT) {
        for model in &models {
            let Ok(once) = send(format, &body.to_string(), model) else { continue };
            let text = String::from_utf8(once.body).unwrap();
            let again = format!("{{\"model\":\"m\",{}", text.strip_prefix('{').unwrap());
            let twice = send(format, &again, model).unwrap_or_else(|error| panic!("{}: {error:?}\n{again}", path.display()));
            let place = format!("{} for {}", path.display(), model.id);
            assert_eq!(String::from_utf8(twice.body).unwrap(), text, "{place}");
            assert_eq!(twice.dropped, [""; 0], "{place}: {text}");
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen}");
}

#[test]
fn a_clean_request_is_forwarded_byte_for_byte() {
    let text = r#"{ "messages" : [ {"role":"system","content":"s"}, {"role":"user","name":"Eva","content":"\u0061"},
        {"role":"assistant","content":"","tool_calls":[{"id":"functions.look:0","type":"function","function":{"name":"look","arguments":"{ }"}}]},
        {"role":"tool","tool_call_id":"functions.look:0","content":""}, {"role":"system","content":"t"}, {"role":"user","content":"b"},
        {"role":"user","content":[{"type":"text","text":"c"}]} ], "seed":4294967296, "tools" : [ {"type":"function","function":{"name":"look"}} ] }"#;
    let clean = format!("{{ \"model\":\"m\",{}", text.strip_prefix('{').unwrap());
    for model in [GPT, "glm-5.3"] {
        let model = catalog().unwrap().resolve(model).unwrap();
        let outbound = send(CHAT, &clean, &model).unwrap();
        assert_eq!(String::from_utf8(outbound.body).unwrap(), text);
        assert_eq!(outbound.dropped, [""; 0]);
    }
}

#[test]
fn arguments_are_the_text_of_an_object() {
    for (written, sent) in [
        (json!(""), "{}"),
        (json!("null"), "{}"),
        (json!("{\"a\""), "{\"_raw\":\"{\\\"a\\\"\"}"),
        (Value::Null, "{}"),
        (json!(r#"{"a": "\ud83d"}"#), "{\"a\": \"\\ufffd\"}"),
        (json!(" {\"a\": 1}\n"), " {\"a\": 1}\n"),
    ] {
        let mut calling = calls(&["a"]);
        calling["tool_calls"][0]["function"]["arguments"] = written;
        let request = json!({"messages": [user(json!("Go.")), calling, result("a", json!("1"))]});
        check(CHAT, GPT, &request, json!({"/messages/1/tool_calls/0/function/arguments": sent}), &[]);
    }
}
