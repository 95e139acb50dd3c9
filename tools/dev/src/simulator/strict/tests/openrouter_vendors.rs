//! What the APIs of Moonshot, DeepSeek, Alibaba and Mistral reject.

use super::openrouter::{answer, call, calls, says, talk, verdict};
use super::*;

const KIMI: &str = "moonshotai/kimi-k2.5";
const DEEPSEEK: &str = "deepseek/deepseek-v4-pro";
const QWEN: &str = "qwen/qwen3.8-max-0902";
const GLM: &str = "z-ai/glm-5.3";
const MISTRAL: &str = "mistralai/mistral-large-4-0";

#[test]
fn a_model_thinks_only_where_it_has_the_thoughts_before_its_calls() {
    let history = |reasoning: &Value| {
        let turn = changed(&calls(&[call("a", "{}")]), &json!({ "reasoning": reasoning }));
        talk(&[says(&json!("a")), turn, answer("a")])
    };
    let bare = history(&Value::Null);
    let off = json!({ "reasoning": { "enabled": false } });
    for (model, words) in [(KIMI, "missing in assistant tool call message at index 1"), (DEEPSEEK, "must be passed back")] {
        for change in [
            changed(&bare, &off),
            history(&json!("thought")),
            changed(&history(&json!("thought")), &json!({ "reasoning": { "enabled": true } })),
        ] {
            assert_eq!(verdict(model, &change), Ok(()), "{change}");
        }
        for on in [json!({}), json!({ "reasoning": { "enabled": true } }), json!({ "reasoning_effort": "low" })] {
            refused(verdict(model, &changed(&bare, &on)), words, &on);
        }
    }
}

#[test]
fn a_call_is_forced_only_without_thinking() {
    let named = json!({ "type": "function", "function": { "name": "weather" } });
    for (model, words) in [
        (KIMI, "incompatible with thinking enabled"),
        (DEEPSEEK, "Thinking mode does not support this tool_choice"),
        (QWEN, "does not support being set to required or object in thinking mode"),
    ] {
        for choice in [json!("auto"), json!("none"), Value::Null] {
            assert_eq!(verdict(model, &json!({ "tool_choice": choice })), Ok(()), "{model}: {choice}");
        }
        for choice in [json!("required"), named.clone()] {
            let forced = json!({ "tool_choice": choice });
            refused(verdict(model, &forced), words, &forced);
            let off = changed(&forced, &json!({ "reasoning": { "effort": "none" } }));
            assert_eq!(verdict(model, &off), Ok(()), "{model}: {off}");
        }
    }
}

#[test]
fn the_budget_of_qwen_has_a_maximum() {
    let budget = |tokens: u64| json!({ "reasoning": { "max_tokens": tokens } });
    assert_eq!(verdict(QWEN, &budget(262_144)), Ok(()));
    for tokens in [0, 262_145] {
        refused(verdict(QWEN, &budget(tokens)), "not greater than 262144", &budget(tokens));
    }
}

#[test]
fn glm_accepts_no_forced_call() {
    let named = json!({ "type": "function", "function": { "name": "weather" } });
    assert_eq!(verdict(GLM, &json!({ "tool_choice": "auto" })), Ok(()));
    for choice in [json!("required"), named] {
        for effort in ["low", "none"] {
            let forced = json!({ "tool_choice": choice, "reasoning": { "effort": effort } });
            refused(verdict(GLM, &forced), "Tool choice must be auto", &forced);
        }
    }
}

#[test]
fn mistral_expects_its_own_order_and_ids() {
    let [turn, result] = [calls(&[call("abcdefgh1", "{}")]), answer("abcdefgh1")];
    let reply = json!({ "role": "assistant", "content": "b" });
    let rule = json!({ "role": "system", "content": "c" });
    let asked = says(&json!("a"));
    for messages in [
        vec![rule.clone(), asked.clone(), turn.clone(), result.clone()],
        vec![asked.clone(), turn.clone(), result.clone(), reply.clone(), asked.clone()],
        vec![asked.clone(), rule.clone(), asked.clone()],
    ] {
        assert_eq!(verdict(MISTRAL, &talk(&messages)), Ok(()), "{messages:?}");
    }
    for (messages, words) in [
        (vec![asked.clone(), turn.clone(), result.clone(), asked.clone()], "Unexpected role 'user' after role 'tool'"),
        (vec![asked.clone(), turn, result, rule.clone()], "Unexpected role 'system' after role 'tool'"),
        (vec![asked.clone(), reply, rule, asked.clone()], "Unexpected role 'system' after role 'assistant'"),
        (vec![asked.clone(), json!({ "role": "assistant", "content": "b" })], "Expected last role User or Tool"),
        (vec![asked, calls(&[call("call_1234", "{}")]), answer("call_1234")], "must be a-z, A-Z, 0-9, with a length of 9"),
    ] {
        let change = talk(&messages);
        refused(verdict(MISTRAL, &change), words, &change);
    }
}

#[test]
fn mistral_combines_json_with_no_tools() {
    let json = json!({ "response_format": { "type": "json_object" } });
    assert_eq!(verdict(MISTRAL, &json!({ "response_format": { "type": "text" } })), Ok(()));
    refused(verdict(MISTRAL, &json), "Cannot use json response type with tools", &json);
}

#[test]
fn results_and_replies_are_strings_for_open_models() {
    let [text, list] = [json!("r"), json!([{ "type": "text", "text": "r" }])];
    let history = |said: &Value, found: &Value| {
        let turn = changed(&calls(&[call("abcdefgh1", "{}")]), &json!({ "content": said, "reasoning": "t" }));
        talk(&[says(&list), turn, changed(&answer("abcdefgh1"), &json!({ "content": found }))])
    };
    for model in ["minimax/minimax-m3", "deepseek/deepseek-v4-pro"] {
        assert_eq!(verdict(model, &history(&text, &text)), Ok(()), "{model}");
        for change in [history(&list, &text), history(&text, &list)] {
            refused(verdict(model, &change), "content: Input should be a valid string", &change);
        }
    }
    assert_eq!(verdict("openai/gpt-5.2", &history(&list, &list)), Ok(()));
}

#[test]
fn instructions_come_first_and_once_for_qwen_and_minimax() {
    let rule = json!({ "role": "system", "content": "c" });
    for (model, words) in [(QWEN, "System message must be at the beginning"), ("minimax/minimax-m3", "invalid chat setting")]
    {
        let one = talk(&[rule.clone(), says(&json!("a"))]);
        assert_eq!(verdict(model, &one), Ok(()), "{model}");
        for messages in
            [[rule.clone(), rule.clone(), says(&json!("a"))], [says(&json!("a")), rule.clone(), says(&json!("a"))]]
        {
            let change = talk(&messages);
            refused(verdict(model, &change), words, &change);
        }
    }
}

#[test]
fn newer_gemini_models_leave_the_last_word_to_the_user() {
    let reply = json!({ "role": "assistant", "content": "b" });
    let begun = talk(&[says(&json!("a")), reply.clone()]);
    assert_eq!(verdict("google/gemini-3.1-pro-preview", &begun), Ok(()));
    assert_eq!(verdict("google/gemini-3.8-flash", &talk(&[says(&json!("a"))])), Ok(()));
    for messages in [vec![], vec![json!({ "role": "system", "content": "c" })]] {
        let change = talk(&[vec![says(&json!("a")), reply.clone()], messages].concat());
        refused(verdict("google/gemini-3.8-flash", &change), "ending with a model turn", &change);
    }
}

#[test]
fn grok_takes_no_stops_and_no_penalties() {
    const GROK: &str = "x-ai/grok-4.7";
    assert_eq!(verdict(GROK, &json!({ "temperature": 0.5, "top_p": 0.5 })), Ok(()));
    for change in [json!({ "stop": ["a"] }), json!({ "frequency_penalty": 0.5 }), json!({ "presence_penalty": 0.5 })] {
        refused(verdict(GROK, &change), "Argument not supported on this model", &change);
    }
}

#[test]
fn some_vendors_need_the_schema_of_a_tool() {
    let bare = json!({ "tools": [{ "type": "function", "function": { "name": "weather" } }] });
    assert_eq!(verdict("openai/gpt-5.2", &bare), Ok(()));
    for model in ["x-ai/grok-4.7", "minimax/minimax-m3", MISTRAL, DEEPSEEK] {
        refused(verdict(model, &bare), "`parameters` must be type object", &bare);
        let open = json!({ "tools": [{ "type": "function", "function": { "name": "weather", "parameters": {} } }] });
        refused(verdict(model, &open), "`parameters` must be type object", &open);
    }
}

#[test]
fn a_json_object_is_asked_for_in_words_too() {
    let asks = json!({ "response_format": { "type": "json_object" } });
    for model in ["openai/gpt-5.2", DEEPSEEK, "qwen/qwen3.8-max"] {
        refused(verdict(model, &asks), "must contain the word 'json'", &asks);
        let said = changed(&asks, &talk(&[says(&json!("Answer as JSON."))]));
        assert_eq!(verdict(model, &said), Ok(()), "{model}");
    }
}

#[test]
fn openais_schemas_of_answers_are_objects_in_its_subset() {
    let format = |schema: Value| json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "a", "schema": schema, "strict": true } } });
    let object = |property: Value| json!({ "type": "object", "properties": { "a": property }, "required": ["a"], "additionalProperties": false });
    let fine = format(object(json!({ "type": "string", "default": "b" })));
    assert_eq!(verdict("openai/gpt-5.2", &fine), Ok(()));
    for (schema, words) in [
        (json!({ "type": "array", "items": { "type": "string" } }), "schema must be type object"),
        (json!({ "type": "object", "properties": {}, "additionalProperties": false, "anyOf": [{}] }), "must be type object"),
        (object(json!({ "type": "array", "items": [{ "type": "string" }] })), "'items' is not valid"),
        (object(json!({ "type": "array", "items": {}, "contains": { "type": "string" } })), "'contains' is not permitted"),
        (object(json!({ "type": "object", "additionalProperties": false, "minProperties": 1 })), "'minProperties' is not"),
        (object(json!({ "oneOf": [{ "type": "string" }] })), "'oneOf' is not permitted"),
        (object(json!({ "type": "string", "pattern": "^(?!a)" })), "is not a 'regex'"),
    ] {
        let change = format(schema);
        refused(verdict("openai/gpt-5.2", &change), words, &change);
    }
}

#[test]
fn an_assistant_message_has_content() {
    let alone = json!({ "role": "assistant", "content": null, "reasoning": "thought" });
    let [first, last] = [says(&json!("a")), says(&json!("b"))];
    let within = talk(&[first.clone(), alone.clone(), last]);
    refused(verdict(KIMI, &within), "the message at position 1 with role 'assistant' must not be empty", &within);
    refused(verdict("openai/gpt-5.2", &within), "without its required following item", &within);
    for model in [DEEPSEEK, "anthropic/claude-haiku-4.5"] {
        assert_eq!(verdict(model, &within), Ok(()), "{model}");
    }
    let ended = talk(&[first, alone]);
    refused(verdict("anthropic/claude-haiku-4.5", &ended), "The final block in an assistant message cannot be", &ended);
}

#[test]
fn moonshot_rejects_an_empty_text_in_a_result() {
    let history = |text: &str| {
        let turn = changed(&calls(&[call("a", "{}")]), &json!({ "reasoning": "thought" }));
        let parts = json!({ "content": [{ "type": "text", "text": "x" }, { "type": "text", "text": text }] });
        talk(&[says(&json!("a")), turn, changed(&answer("a"), &parts)])
    };
    assert_eq!(verdict(KIMI, &history("y")), Ok(()));
    refused(verdict(KIMI, &history("")), "text content is empty", &history(""));
    assert_eq!(verdict(QWEN, &history("")), Ok(()));
}

#[test]
fn alibaba_reserves_the_name_search() {
    let named = |name: &str| json!({ "tools": [{ "type": "function", "function": { "name": name } }] });
    assert_eq!(verdict(QWEN, &named("search_tool")), Ok(()));
    refused(verdict(QWEN, &named("search")), "Tool names are not allowed to be [search]", &named("search"));
}

#[test]
fn vendors_have_their_own_ranges_of_sampling() {
    for (model, setting, taken, beyond) in [
        ("z-ai/glm-5", "temperature", 1.0, 1.01),
        ("z-ai/glm-5", "top_p", 0.01, 0.0),
        ("minimax/minimax-m3", "temperature", 0.01, 0.0),
        (QWEN, "temperature", 1.99, 2.0),
        (MISTRAL, "temperature", 1.5, 1.6),
        (MISTRAL, "top_p", 0.01, 0.0),
    ] {
        assert_eq!(verdict(model, &json!({ setting: taken })), Ok(()), "{model}");
        let change = json!({ setting: beyond });
        refused(verdict(model, &change), "parameter is illegal", &change);
    }
}

#[test]
fn vendors_have_their_own_rules_of_seeds_repetition_and_greedy_sampling() {
    for (model, taken, change, words) in [
        (QWEN, json!({ "seed": 0 }), json!({ "seed": -1 }), "Range of seed"),
        (QWEN, json!({ "repetition_penalty": 0.1 }), json!({ "repetition_penalty": 0 }), "must be greater than 0"),
        (
            MISTRAL,
            json!({ "temperature": 0, "top_p": 1 }),
            json!({ "temperature": 0, "top_p": 0.9 }),
            "top_p must be 1 when using greedy sampling",
        ),
    ] {
        assert_eq!(verdict(model, &taken), Ok(()), "{model}");
        refused(verdict(model, &change), words, &change);
    }
}
