//! What settings, messages and tools behind OpenRouter may contain.

use super::openrouter::{CLAUDE, GEMINI, GPT, says, talk, verdict};
use super::*;

const CODEX: &str = "openai/gpt-5.2-codex";
const MISTRAL: &str = "mistralai/mistral-large-4-0";
const QWEN: &str = "qwen/qwen3-coder";

#[test]
fn settings_have_types_and_ranges() {
    let long = |length: usize| "x".repeat(length);
    let pairs = |number: usize| (0..number).map(|number| (number.to_string(), json!("a"))).collect::<Value>();
    for (model, change) in [
        (GPT, json!({ "seed": 5_000_000_000_u64, "user": long(64), "prompt_cache_key": long(64) })),
        (GEMINI, json!({ "seed": -1 })),
        (QWEN, json!({ "min_p": 0.1, "top_a": 1, "repetition_penalty": 2, "verbosity": "max" })),
        (CLAUDE, json!({ "verbosity": "xhigh" })),
        (CODEX, json!({ "verbosity": "medium" })),
        (GPT, json!({ "reasoning": { "summary": "auto" } })),
        (GPT, json!({ "logit_bias": { "5": -100 }, "logprobs": true, "top_logprobs": 20, "metadata": pairs(16) })),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{model}: {change}");
    }
    for (model, change, words) in [
        (GPT, json!({ "seed": 1.5 }), "seed"),
        (GEMINI, json!({ "seed": 5_000_000_000_u64 }), "seed"),
        (GPT, json!({ "user": long(129) }), "Invalid 'user': string too long"),
        (GPT, json!({ "prompt_cache_key": long(65) }), "Invalid 'prompt_cache_key': string too long"),
        (GPT, json!({ "safety_identifier": 5 }), "Invalid 'safety_identifier'"),
        (QWEN, json!({ "min_p": 1.5 }), "Invalid 'min_p'"),
        (QWEN, json!({ "repetition_penalty": "1" }), "Invalid 'repetition_penalty'"),
        (GPT, json!({ "verbosity": "max" }), "Invalid value for 'verbosity'"),
        (CODEX, json!({ "verbosity": "low" }), "Supported values are: 'medium'."),
        (QWEN, json!({ "logit_bias": { "5": 101 } }), "Invalid 'logit_bias'"),
        (QWEN, json!({ "logit_bias": { "a": 1 } }), "Invalid 'logit_bias'"),
        (QWEN, json!({ "logprobs": true, "top_logprobs": 21 }), "Invalid 'top_logprobs'"),
        (QWEN, json!({ "top_logprobs": 1 }), "only allowed when 'logprobs' is enabled"),
        (QWEN, json!({ "metadata": pairs(17) }), "Invalid 'metadata'"),
        (QWEN, json!({ "metadata": { "a": 5 } }), "Invalid 'metadata'"),
        (GPT, json!({ "reasoning": { "summary": "all" } }), "Invalid 'reasoning.summary'"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn older_models_of_openai_take_no_stop_sequences() {
    let stop = json!({ "stop": ["END"] });
    for model in ["openai/gpt-5.5", "openai/gpt-5.6-sol", "openai/gpt-6.1-sol", QWEN] {
        assert_eq!(verdict(model, &stop), Ok(()), "{model}");
    }
    for model in ["openai/gpt-5-mini", GPT, CODEX, "openai/gpt-5.4-mini", "openai/o3"] {
        refused(verdict(model, &stop), "Unsupported parameter: 'stop'", &stop);
    }
    let bias = json!({ "logit_bias": { "5": 1 } });
    assert_eq!(verdict(GPT, &bias), Ok(()));
    refused(verdict("openai/gpt-5.5", &bias), "Unsupported parameter: 'logit_bias'", &bias);
}

#[test]
fn messages_and_tools_have_no_other_members() {
    let odd = |message: Value| talk(&[message]);
    let part = json!([{ "type": "text", "text": "a", "id": "b" }]);
    let tool = |function: Value, members: Value| json!({ "tools": [changed(&json!({ "type": "function", "function": function }), &members)] });
    let function = || json!({ "name": "f", "parameters": { "type": "object", "properties": {} } });
    for (model, change) in [
        (GPT, odd(json!({ "role": "user", "content": "a", "name": "b" }))),
        (QWEN, odd(json!({ "role": "user", "content": "a", "id": "b" }))),
        (GPT, tool(function(), json!({ "cache_control": { "type": "ephemeral" } }))),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{model}: {change}");
    }
    for (model, change, words) in [
        (GPT, odd(json!({ "role": "user", "content": "a", "id": "b" })), "('id' was unexpected) - 'messages.0'"),
        (GPT, odd(json!({ "role": "user", "content": "a", "name": "a b" })), "Invalid 'messages.0.name'"),
        (MISTRAL, odd(json!({ "role": "user", "content": "a", "id": "b" })), "('id' was unexpected)"),
        (GPT, odd(says(&part)), "('id' was unexpected) - 'messages.0.content.0'"),
        (GPT, tool(function(), json!({ "defer_loading": true })), "('defer_loading' was unexpected) - 'tools.0'"),
        (GPT, tool(changed(&function(), &json!({ "x": 1 })), json!({})), "('x' was unexpected) - 'tools.0.function'"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}
