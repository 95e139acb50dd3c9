//! Numbers, words and lists that a target takes otherwise than they come: the nearest that it takes is sent, and named.

use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, check, user};

const CLAUDE: &str = "claude-opus-4.6";
const GEMINI: &str = "gemini-2.5-flash";
const GPT: &str = "gpt-5.2";

/// A request with these settings.
fn with(settings: &Value) -> Value {
    let mut request = json!({"messages": [user(json!("Hi."))]});
    request.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    request
}

#[test]
fn numbers_beyond_their_range_become_the_nearest_in_it_on_both_ways() {
    for (field, asked, sent) in [
        ("temperature", json!(-1), json!(0.0)),
        ("temperature", json!(2.5), json!(2.0)),
        ("top_p", json!(-0.5), json!(0.0)),
        ("top_p", json!(1.01), json!(1.0)),
        ("top_k", json!(5_000_000_000_u64), json!(2_147_483_647)),
    ] {
        let request = with(&json!({field: asked}));
        check(CHAT, "qwen3-coder", &request, json!({format!("/{field}"): sent}), &[field]);
        check(MESSAGES, "qwen3-coder", &request, json!({format!("/{field}"): sent}), &[field]);
        // Gemini's models here take no number of candidates.
        let (config, sent) = match field {
            "temperature" => ("temperature", sent),
            "top_p" => ("topP", sent),
            _ => ("topK", Value::Null),
        };
        check(CHAT, GEMINI, &request, json!({format!("/generationConfig/{config}"): sent}), &[field]);
    }
}

#[test]
fn numbers_in_their_range_keep_their_spelling() {
    for settings in [json!({"temperature": 2}), json!({"top_p": 1}), json!({"frequency_penalty": -2})] {
        let (field, asked) = settings.as_object().unwrap().iter().next().unwrap();
        check(CHAT, "qwen3-coder", &with(&settings), json!({format!("/{field}"): asked}), &[]);
    }
}

#[test]
fn stops_are_those_that_the_model_takes() {
    let some = with(&json!({"stop": ["", "\n", "END"]}));
    check(CHAT, "qwen3-coder", &some, json!({"/stop": ["\n", "END"]}), &["stop"]);
    check(CHAT, GEMINI, &some, json!({"/generationConfig/stopSequences": ["\n", "END"]}), &["stop"]);
    let none = with(&json!({"stop": ""}));
    for model in ["qwen3-coder", CLAUDE] {
        check(CHAT, model, &none, json!({"/stop": null, "/stop_sequences": null}), &["stop"]);
    }
}

#[test]
fn the_name_of_an_answers_schema_is_one_that_openai_takes() {
    let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
    for (given, sent) in [(json!("Town list (v2)"), "Town_list__v2_"), (Value::Null, "response"), (json!("towns"), "towns")]
    {
        let described = json!({"name": given, "schema": schema});
        let request = with(&json!({"response_format": {"type": "json_schema", "json_schema": described}}));
        check(CHAT, GPT, &request, json!({"/response_format/json_schema/name": sent}), &[]);
        let flat = json!({"type": "json_schema", "name": given, "schema": schema});
        let flat = with(&json!({"response_format": flat}));
        check(CHAT, GPT, &flat, json!({"/response_format/json_schema/name": sent}), &[]);
    }
}

#[test]
fn the_highest_effort_is_openrouters_too() {
    let request =
        json!({"messages": [user(json!("Hi."))], "thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}});
    check(MESSAGES, "gpt-5-mini", &request, json!({"/reasoning": {"effort": "high"}}), &["thinking"]);
    let chat = with(&json!({"reasoning_effort": "max"}));
    check(
        CHAT,
        "gemini-3-flash",
        &chat,
        json!({"/generationConfig/thinkingConfig/thinkingLevel": "HIGH"}),
        &["reasoning_effort"],
    );
}

#[test]
fn thoughts_whose_display_is_omitted_stay_with_the_provider() {
    let asked = |display: Value| with(&json!({"thinking": {"type": "adaptive", "display": display}}));
    let hidden = json!({"/reasoning": {"effort": "medium", "exclude": true}});
    check(CHAT, GPT, &asked(json!("omitted")), hidden, &[]);
    check(CHAT, GPT, &asked(json!("summarized")), json!({"/reasoning": {"effort": "medium"}}), &[]);
}

#[test]
fn what_a_model_cannot_be_told_is_named() {
    let between = with(&json!({"thinking": {"type": "between_tools"}}));
    for model in [CLAUDE, GEMINI, GPT] {
        check(MESSAGES, model, &between, json!({}), &["thinking"]);
    }
    check(MESSAGES, "claude-sonnet-5.5", &between, json!({"/thinking/type": "between_tools"}), &[]);
    let hard = with(&json!({"reasoning_effort": "xhigh"}));
    check(CHAT, "claude-opus-4.5", &hard, json!({"/output_config/effort": "high"}), &["reasoning_effort"]);
    check(CHAT, CLAUDE, &hard, json!({"/output_config/effort": "max"}), &[]);
    let hard = with(&json!({"output_config": {"effort": "xhigh"}}));
    check(MESSAGES, "claude-opus-4.5", &hard, json!({"/output_config/effort": "high"}), &["output_config.effort"]);
    let grammar = with(&json!({"response_format": {"type": "grammar", "grammar": "x"}}));
    for model in [CLAUDE, GEMINI] {
        check(CHAT, model, &grammar, json!({}), &["response_format"]);
    }
    check(CHAT, GPT, &grammar, json!({"/response_format/type": "grammar"}), &[]);
    let strict = |schema: Value| {
        let function = json!({"name": "f", "strict": true, "parameters": schema});
        with(&json!({"tools": [{"type": "function", "function": function}]}))
    };
    let open = strict(json!({"type": "object", "properties": {"a": {"type": "string"}}}));
    check(CHAT, CLAUDE, &open, json!({"/tools/0/strict": null}), &["tools[0].function.strict"]);
    let closed = strict(json!({"type": "object", "properties": {}, "additionalProperties": false}));
    check(CHAT, CLAUDE, &closed, json!({"/tools/0/strict": true}), &[]);
}
