//! What single models behind OpenRouter accept and reject, and where parts may be.

use super::openrouter::{CLAUDE, GEMINI, GPT, answer, call, calls, says, talk, verdict};
use super::*;

const QWEN: &str = "qwen/qwen3-coder";

fn effort(level: &str) -> Value {
    json!({ "reasoning": { "effort": level } })
}

fn image() -> Value {
    json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PNG}") } })
}

fn tools(tools: &[Value]) -> Value {
    json!({ "tools": tools })
}

fn tool(name: &str) -> Value {
    json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object", "properties": {} } } })
}

/// Four messages. The second one is the assistant's.
fn told(assistant: &Value) -> Value {
    talk(&[says(&json!("a")), changed(&json!({ "role": "assistant", "content": "b" }), assistant), says(&json!("c"))])
}

#[test]
fn sampling_passes_where_the_effort_lets_it() {
    let warm = json!({ "temperature": 0.9, "top_p": 0.8 });
    for (model, change) in [
        (GPT, warm.clone()),
        (GPT, changed(&warm, &effort("none"))),
        (GPT, changed(&warm, &json!({ "reasoning": { "enabled": false } }))),
        ("openai/gpt-5.4-mini", json!({ "presence_penalty": 1, "reasoning_effort": "none" })),
        ("openai/gpt-5.5", changed(&warm, &effort("none"))),
        ("openai/gpt-6.1-terra", changed(&warm, &effort("none"))),
        ("openai/gpt-5-mini", json!({ "logprobs": false })),
        (QWEN, changed(&warm, &effort("high"))),
        (CLAUDE, warm.clone()),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{model}: {change}");
    }
    for (model, change, words) in [
        (GPT, changed(&warm, &effort("low")), "Unsupported parameter: 'temperature'"),
        (GPT, changed(&warm, &json!({ "reasoning_effort": "high" })), "Unsupported parameter: 'temperature'"),
        (GPT, changed(&warm, &json!({ "reasoning": { "max_tokens": 2_000 } })), "Unsupported parameter: 'temperature'"),
        ("openai/gpt-5.2-codex", json!({ "top_p": 0.8 }), "Unsupported parameter: 'top_p'"),
        ("openai/gpt-5.5", warm.clone(), "Unsupported parameter: 'temperature'"),
        ("openai/gpt-5.6-sol", json!({ "logprobs": true }), "Unsupported parameter: 'logprobs'"),
        ("openai/gpt-6.1-sol", json!({ "frequency_penalty": 0.5 }), "Unsupported parameter: 'frequency_penalty'"),
        ("openai/o3", warm, "Unsupported parameter: 'temperature'"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn claude_draws_and_is_forced_only_while_it_does_not_think_by_a_budget() {
    const OLDER: &str = "anthropic/claude-haiku-4.5";
    let forced = json!({ "tools": [tool("a")], "tool_choice": "required" });
    let begun = talk(&[says(&json!("a")), json!({ "role": "assistant", "content": "{" })]);
    for (model, change) in [
        (OLDER, json!({ "temperature": 0.2 })),
        (OLDER, changed(&effort("none"), &json!({ "temperature": 0.2 }))),
        (OLDER, forced.clone()),
        (OLDER, begun.clone()),
        (CLAUDE, changed(&effort("low"), &forced)),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{model}: {change}");
    }
    for (change, words) in [
        (changed(&effort("low"), &json!({ "temperature": 0.2 })), "may only be set to 1 when thinking is enabled"),
        (changed(&effort("low"), &begun), "final assistant content is not supported when thinking is enabled"),
        (
            tools(&[json!({ "type": "function", "function": { "name": "a" } })]),
            "tools.0.custom.input_schema: Field required",
        ),
        (changed(&effort("low"), &forced), "Thinking may not be enabled when tool_choice forces tool use"),
    ] {
        refused(verdict(OLDER, &change), words, &change);
    }
}

#[test]
fn each_model_has_efforts_of_its_own() {
    for (model, level) in [
        ("openai/gpt-5-mini", "minimal"),
        (GPT, "none"),
        (GPT, "xhigh"),
        ("openai/gpt-6-astra", "max"),
        ("openai/gpt-5.6-luna:flex", "max"),
        (QWEN, "minimal"),
        (CLAUDE, "max"),
    ] {
        assert_eq!(verdict(model, &effort(level)), Ok(()), "{model}: {level}");
    }
    for (model, level) in [
        ("openai/gpt-5-mini", "none"),
        ("openai/gpt-5-nano", "xhigh"),
        (GPT, "minimal"),
        (GPT, "max"),
        ("openai/gpt-5.2-codex", "none"),
        ("openai/gpt-6.1-sol", "none"),
    ] {
        let change = effort(level);
        refused(verdict(model, &change), &format!("does not support '{level}' with this model"), &change);
    }
    let change = json!({ "reasoning_effort": "huge" });
    refused(verdict(QWEN, &change), "Invalid 'reasoning_effort'", &change);
}

#[test]
fn limits_are_those_of_the_model() {
    for (model, change) in [(GPT, json!({ "max_tokens": 16 })), (CLAUDE, json!({ "max_tokens": 1, "top_k": 0 }))] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
    for (model, change, words) in [
        (GPT, json!({ "max_tokens": 1 }), "Expected a value >= 16, but got 1 instead."),
        (GPT, json!({ "max_completion_tokens": 15 }), "Expected a value >= 16, but got 15 instead."),
        (QWEN, json!({ "top_k": -1 }), "Invalid 'top_k'"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn tools_have_one_shape_and_one_name_each() {
    let flat = json!({ "type": "function", "name": "a", "parameters": {} });
    let odd = |key: &str| {
        let inner = json!({ "type": "object", "properties": { key: { "type": "string" } } });
        let parameters = json!({ "type": "object", "properties": { "a": inner } });
        tools(&[changed(&tool("a"), &json!({ "function": { "parameters": parameters } }))])
    };
    let choice = json!({ "tools": null, "tool_choice": "auto" });
    for (model, change) in [
        (GPT, tools(&[tool("a"), tool("b")])),
        (GPT, tools(&[json!({ "type": "custom", "custom": { "name": "a" } })])),
        (CLAUDE, odd("a.b")),
        (GPT, odd("$filter")),
        (QWEN, json!({ "tools": null, "tool_choice": "none" })),
        (QWEN, json!({ "tools": null, "parallel_tool_calls": true })),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
    for (model, change, words) in [
        (QWEN, tools(&[]), "[] is too short - 'tools'"),
        (GPT, choice.clone(), "'tool_choice' is only allowed"),
        (QWEN, choice, "'tool_choice' is only allowed"),
        (GPT, json!({ "tools": null, "parallel_tool_calls": true }), "'parallel_tool_calls' is only allowed"),
        (CLAUDE, tools(&[tool("a"), tool("a")]), "Tool names must be unique"),
        (CLAUDE, odd("$filter"), "Property keys should match pattern"),
        (GEMINI, tools(&[tool("a"), tool("a")]), "Duplicate function declaration found: a"),
        (QWEN, tools(&[flat]), "Missing required parameter: 'tools[0].function'"),
        (QWEN, tools(&[json!({ "name": "a", "input_schema": {} })]), "Missing required parameter: 'tools[0].function'"),
        (QWEN, tools(&[json!({ "function": { "name": "a" } })]), "Missing required parameter: 'tools[0].type'"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn calls_of_the_history_have_ids_and_arguments_of_their_own() {
    let ask = || says(&json!("a"));
    let again =
        |id: &str| talk(&[ask(), calls(&[call("a", "{}")]), answer("a"), calls(&[call(id, "{}")]), answer(id), ask()]);
    assert_eq!(verdict(QWEN, &again("b")), Ok(()));
    assert_eq!(verdict(QWEN, &told(&json!({ "tool_calls": [] }))), Ok(()));
    assert_eq!(verdict(GPT, &told(&json!({}))), Ok(()));
    let object = changed(&call("a", "{}"), &json!({ "function": { "arguments": { "city": "Lund" } } }));
    let mut null = told(&json!({}));
    null["messages"][1]["function_call"] = Value::Null;
    for (model, change, words) in [
        (QWEN, again("a"), "Invalid 'messages[3].tool_calls': ids of calls must be unique"),
        (GPT, told(&json!({ "tool_calls": [] })), "Invalid 'messages[1].tool_calls': empty array"),
        (GPT, null, "Invalid type for 'messages[1].function_call'"),
        (QWEN, talk(&[ask(), calls(&[object]), answer("a")]), "expected the text of a JSON object"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn pictures_stand_in_messages_of_the_user() {
    let system = |part: Value| talk(&[json!({ "role": "system", "content": [part] }), says(&json!("a"))]);
    for (model, change) in [
        (GPT, talk(&[says(&json!([image()]))])),
        (GPT, system(json!({ "type": "text", "text": "a" }))),
        // Gemini and others continue with pictures that they drew.
        (GEMINI, told(&json!({ "content": [image()] }))),
        (GPT, told(&json!({ "content": [{ "type": "refusal", "refusal": "no" }] }))),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
    let broken = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,aGVsbG8=" } });
    let bare = json!({ "type": "image_url", "image_url": "https://x/y.png" });
    let user = |part: &Value| talk(&[says(&json!([part]))]);
    for (model, change, words) in [
        (GPT, told(&json!({ "content": [image()] })), "Invalid value: 'image_url'. Supported values are: text, refusal."),
        (CLAUDE, told(&json!({ "content": [image()] })), "Invalid value: 'image_url'"),
        (GEMINI, system(image()), "Invalid value: 'image_url'. Supported values are: text."),
        (QWEN, user(&bare), "Missing required parameter: 'messages[0].content[0].image_url.url'"),
        (GPT, user(&broken), "You uploaded an unsupported image."),
        (CLAUDE, user(&broken), "Could not process image"),
        (GEMINI, user(&broken), "Unable to process input image."),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn claude_takes_four_marks_for_its_cache() {
    let marked = json!({ "type": "text", "text": "a", "cache_control": { "type": "ephemeral" } });
    let marks = |number: usize| {
        let tool = changed(&tool("a"), &json!({ "cache_control": { "type": "ephemeral" } }));
        changed(&talk(&[says(&json!(vec![marked.clone(); number - 1]))]), &tools(&[tool]))
    };
    assert_eq!(verdict(CLAUDE, &marks(4)), Ok(()));
    assert_eq!(verdict(GPT, &marks(5)), Ok(()));
    refused(verdict(CLAUDE, &marks(5)), "A maximum of 4 blocks with cache_control may be provided. Found 5.", &marks(5));
}

/// An answer in the format of a schema with this name.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn form(name: &str, strict: bool, schema: Value) -> Value {
    let described = json!({ "name": name, "strict": strict, "schema": schema });
    json!({ "response_format": { "type": "json_schema", "json_schema": described } })
}

#[test]
fn the_form_of_an_answer_has_a_name_and_keeps_the_rules_that_it_asks_for() {
    let text = json!({ "type": "string" });
    let closed = json!({ "type": "object", "properties": { "a": text }, "required": ["a"], "additionalProperties": false });
    let open = json!({ "type": "object", "properties": { "a": {} } });
    let partly = json!({ "type": "object", "properties": { "a": text }, "additionalProperties": false });
    for (model, change) in [
        (GPT, form("a-b_1", true, closed.clone())),
        (GPT, form("a", false, open.clone())),
        (GPT, changed(&json!({ "response_format": { "type": "json_object" } }), &talk(&[says(&json!("as JSON"))]))),
        (QWEN, form("a b", true, open.clone())),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{model}: {change}");
    }
    for (change, words) in [
        (form("a b", false, closed.clone()), "Invalid 'response_format.json_schema.name'"),
        (form(&"x".repeat(65), false, closed), "Invalid 'response_format.json_schema.name'"),
        (form("a", true, open), "Invalid schema for response_format 'a': 'additionalProperties' is required"),
        (form("a", true, partly), "including every key in properties"),
        (json!({ "response_format": { "type": "json_schema" } }), "'response_format.json_schema'"),
    ] {
        refused(verdict(GPT, &change), words, &change);
    }
}

#[test]
fn claudes_marks_of_an_hour_come_before_those_of_five_minutes() {
    let text = |ttl: &str| json!({ "type": "text", "text": "a", "cache_control": { "type": "ephemeral", "ttl": ttl } });
    let told = |system: &str, user: &str| {
        talk(&[json!({ "role": "user", "content": [text(user)] }), json!({ "role": "system", "content": [text(system)] })])
    };
    assert_eq!(verdict(CLAUDE, &told("1h", "5m")), Ok(()));
    assert_eq!(verdict(GPT, &told("5m", "1h")), Ok(()));
    refused(verdict(CLAUDE, &told("5m", "1h")), "a ttl='1h' cache_control block must not come after", &told("5m", "1h"));
}

#[test]
fn claude_takes_no_blank_stop_sequence() {
    let stop = |stop: Value| json!({ "stop": stop });
    for (model, change) in [(CLAUDE, stop(json!(["END"]))), (CLAUDE, stop(json!("END"))), (QWEN, stop(json!("\n")))] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
    for change in [stop(json!("\n")), stop(json!(["END", " "]))] {
        refused(verdict(CLAUDE, &change), "each stop sequence must contain non-whitespace", &change);
    }
}

#[test]
fn openai_and_xai_limit_the_number_of_tools() {
    let declared = |number: usize| tools(&(0..number).map(|number| tool(&format!("t{number}"))).collect::<Vec<_>>());
    for (model, most) in [(GPT, 128), ("moonshotai/kimi-k2.5", 128), ("x-ai/grok-4.7", 200)] {
        assert_eq!(verdict(model, &declared(most)), Ok(()), "{model}");
        let change = declared(most + 1);
        let words = format!("maximum length {most}, but got {} instead", most + 1);
        refused(verdict(model, &change), &words, &json!(model));
    }
    assert_eq!(verdict(QWEN, &declared(300)), Ok(()));
}
