use super::super::super::signature;
use super::super::super::wire::Wire;
use super::super::openrouter::check;
use super::*;

pub(super) const GPT: &str = "openai/gpt-5.2";
pub(super) const CLAUDE: &str = "anthropic/claude-opus-4.6";
pub(super) const GEMINI: &str = "google/gemini-3-pro-preview";

pub(super) fn body() -> Value {
    json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "hello" }],
        "tools": [{ "type": "function", "function": { "name": "weather", "parameters": { "type": "object", "properties": {} } } }],
    })
}

pub(super) fn verdict(model: &str, change: &Value) -> Verdict {
    check(model, &changed(&body(), change))
}

pub(super) fn call(id: &str, arguments: &str) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": "weather", "arguments": arguments } })
}

pub(super) fn calls(calls: &[Value]) -> Value {
    json!({ "role": "assistant", "content": null, "tool_calls": calls })
}

pub(super) fn answer(id: &str) -> Value {
    json!({ "role": "tool", "tool_call_id": id, "content": "18" })
}

pub(super) fn says(content: &Value) -> Value {
    json!({ "role": "user", "content": content })
}

pub(super) fn talk(messages: &[Value]) -> Value {
    json!({ "messages": messages })
}

fn reasoned(details: &Value) -> Value {
    talk(&[
        says(&json!("a")),
        json!({ "role": "assistant", "content": "b", "reasoning_details": details }),
        says(&json!("c")),
    ])
}

#[test]
fn sound_requests_are_accepted() {
    let text = json!([{ "type": "reasoning.text", "text": "", "format": "anthropic-claude-v1", "index": 0,
        "signature": signature::issue(Wire::Claude, "claude-opus-4-6", 0) }]);
    let sealed = json!([{ "type": "reasoning.encrypted", "format": "google-gemini-v1",
        "data": signature::issue(Wire::OpenRouter, GEMINI, 0) }]);
    let both = [call("a", "{}"), call("b", "{\"city\":\"x\"}")];
    for (model, change) in [
        (GPT, json!({ "max_completion_tokens": 16, "reasoning": { "effort": "high" }, "tool_choice": "auto" })),
        (CLAUDE, json!({ "temperature": 0.5 })),
        (CLAUDE, json!({ "reasoning": { "max_tokens": 2_000 } })),
        (CLAUDE, json!({ "top_p": 1, "presence_penalty": -2, "frequency_penalty": 2, "stop": ["a", "b"] })),
        (GPT, json!({ "reasoning_effort": "low", "reasoning": { "effort": "low" } })),
        (GPT, talk(&[json!({ "role": "developer", "content": "x" }), says(&json!("a"))])),
        (GPT, talk(&[says(&json!("a")), calls(&both), answer("b"), answer("a"), says(&json!("b"))])),
        (CLAUDE, reasoned(&text)),
        (GEMINI, reasoned(&sealed)),
        (
            GPT,
            talk(&[says(
                &json!([{ "type": "file", "file": { "filename": "a", "file_data": "data:application/pdf;base64,JVBERi0xLjQK" } }]),
            )]),
        ),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
}

#[test]
fn settings_and_tools_are_refused() {
    let tool = |function: Value| json!({ "tools": [{ "type": "function", "function": function }] });
    let open = json!({ "name": "a", "strict": true, "parameters": { "type": "object", "properties": {} } });
    let optional = json!({ "name": "a", "strict": true,
        "parameters": { "type": "object", "properties": { "b": {} }, "additionalProperties": false } });
    for (model, change, words) in [
        (GPT, json!({ "thinking": {} }), "Unrecognized key: \"thinking\""),
        (GPT, json!({ "max_tokens": 9, "max_completion_tokens": 9 }), "'max_tokens' and 'max_completion_tokens'"),
        ("openai/gpt-5-mini", json!({ "temperature": 1 }), "Unsupported parameter: 'temperature'"),
        ("openai/gpt-5-mini", json!({ "top_p": 1 }), "Unsupported parameter: 'top_p'"),
        (CLAUDE, json!({ "temperature": 3 }), "between 0 and 2"),
        (CLAUDE, json!({ "stop": ["a", "b", "c", "d", "e"] }), "Invalid 'stop': array too long"),
        (CLAUDE, json!({ "stop": ["a", "\n"] }), "each stop sequence must contain non-whitespace"),
        (CLAUDE, json!({ "top_p": 1.5 }), "Invalid 'top_p'"),
        (CLAUDE, json!({ "presence_penalty": -2.5 }), "Invalid 'presence_penalty'"),
        (CLAUDE, json!({ "reasoning": { "effort": "low", "max_tokens": 2_000 } }), "Only one of \"reasoning.effort\""),
        (
            GPT,
            json!({ "reasoning_effort": "low", "reasoning": { "effort": "high" } }),
            "'reasoning_effort' cannot be used simultaneously",
        ),
        (CLAUDE, json!({ "reasoning": { "effort": "huge" } }), "Invalid 'reasoning.effort'"),
        (CLAUDE, json!({ "reasoning": { "budget": 1 } }), "Unrecognized key: \"reasoning.budget\""),
        (GPT, json!({ "tools": null, "tool_choice": "auto" }), "'tool_choice' is only allowed when 'tools' are specified"),
        (GPT, json!({ "tool_choice": { "type": "function", "function": { "name": "b" } } }), "\"b\" not found in 'tools'"),
        (GPT, tool(json!({ "name": "a.b" })), "Invalid 'tools[0].function.name'"),
        (GPT, tool(open), "'additionalProperties' is required"),
        (GPT, tool(optional), "including every key in properties"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn conversations_are_refused() {
    let ask = || says(&json!("a"));
    let long = "x".repeat(65);
    let part = |part: Value| talk(&[says(&json!([part]))]);
    let image = json!([{ "type": "image_url", "image_url": { "url": "https://x/y.png" } }]);
    for (change, words) in [
        (talk(&[ask(), calls(&[call("a", "{}")])]), "did not have response messages: a"),
        (
            talk(&[ask(), calls(&[call("a", "{}"), call("b", "{}")]), answer("a"), ask()]),
            "did not have response messages: b",
        ),
        (talk(&[ask(), calls(&[call("a", "{}")]), ask(), answer("a")]), "did not have response messages: a"),
        (talk(&[ask(), answer("a")]), "must be a response to a preceeding message with 'tool_calls'"),
        (talk(&[ask(), calls(&[call("a", "{}")]), answer("a"), answer("a")]), "must be a response to a preceeding message"),
        (talk(&[ask(), calls(&[call("a", "{}")]), changed(&answer("a"), &json!({ "content": image }))]), "take text only"),
        (
            talk(&[ask(), calls(&[call(&long, "{}")]), answer(&long)]),
            "string too long. Expected a string with maximum length 64",
        ),
        (talk(&[ask(), calls(&[call("a", "")]), answer("a")]), "arguments': expected the text of a JSON object"),
        (talk(&[ask(), calls(&[call("a", "[1]")]), answer("a")]), "expected the text of a JSON object"),
        (talk(&[json!({ "role": "developer", "content": "a" }), ask()]), "'messages[0].role' does not support 'developer'"),
        (talk(&[json!({ "role": "model", "content": "a" })]), "Invalid value: 'model'"),
        (talk(&[says(&Value::Null)]), "Invalid type for 'messages[0].content'"),
        (part(json!({ "type": "document" })), "Invalid value: 'document'"),
        (part(json!({ "type": "file", "file": { "file_id": "x" } })), "'messages[0].content[0].file.file_data'"),
    ] {
        refused(verdict(CLAUDE, &change), words, &change);
    }
}

#[test]
fn reasoning_that_is_not_as_it_was_told_is_refused() {
    let signed = signature::issue(Wire::OpenRouter, CLAUDE, 0);
    let entry = json!({ "type": "reasoning.text", "text": "", "signature": signed, "format": "anthropic-claude-v1" });
    let later = changed(&entry, &json!({ "signature": signature::issue(Wire::OpenRouter, CLAUDE, 1) }));
    let with = |change: Value| reasoned(&json!([changed(&entry, &change)]));
    for (change, words) in [
        (with(json!({ "format": "google-gemini-v1" })), "the format is of another model"),
        (with(json!({ "type": "thinking" })), "unknown type of entry"),
        (with(json!({ "signature": "x" })), "the signature is not valid"),
        (with(json!({ "text": "something else" })), "must be returned as they were"),
        (with(json!({ "text": "something", "signature": null })), "must be returned as they were"),
        (reasoned(&json!([entry, later])), "of different replies"),
    ] {
        refused(verdict(CLAUDE, &change), words, &change);
    }
}
