//! Numbers, words and lists that a target does not accept in this form. The gateway sends the nearest accepted value, and
//! names the field as changed.

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
fn whole_numbers_are_sent_without_a_fraction_and_nothing_is_lost() {
    for field in ["max_tokens", "max_completion_tokens"] {
        let expected = json!({format!("/{field}"): 70_000, "/reasoning/max_tokens": 2_000});
        let request = json!({field: 70_000.0, "reasoning": {"max_tokens": 2_000.0}});
        check(CHAT, GPT, &with(&request), expected, &[]);
    }
    let request = json!({"max_tokens": 9_000.0, "thinking": {"type": "enabled", "budget_tokens": 2_000.0}});
    check(MESSAGES, CLAUDE, &with(&request), json!({"/max_tokens": 9_000, "/thinking/budget_tokens": 2_000}), &[]);
    check(MESSAGES, CLAUDE, &with(&json!({"top_k": 5.0})), json!({"/top_k": 5}), &[]);
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
        check(CHAT, "kimi-k2.5", &request, json!({format!("/{field}"): sent}), &[field]);
        check(MESSAGES, "kimi-k2.5", &request, json!({format!("/{field}"): sent}), &[field]);
        // These Gemini models accept no number of candidates.
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
        check(CHAT, "kimi-k2.5", &with(&settings), json!({format!("/{field}"): asked}), &[]);
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
    for model in [CLAUDE, GEMINI, GPT] {
        check(CHAT, model, &grammar, json!({}), &["response_format"]);
    }
    let strict = |schema: Value| {
        let function = json!({"name": "f", "strict": true, "parameters": schema});
        with(&json!({"tools": [{"type": "function", "function": function}]}))
    };
    let open = strict(json!({"type": "object", "properties": {"a": {"type": "string"}}}));
    check(CHAT, CLAUDE, &open, json!({"/tools/0/strict": null}), &["tools[0].function.strict"]);
    let closed = strict(json!({"type": "object", "properties": {}, "additionalProperties": false}));
    check(CHAT, CLAUDE, &closed, json!({"/tools/0/strict": true}), &[]);
}

#[test]
fn older_models_of_openai_get_no_stop_sequences() {
    for model in ["gpt-5-mini", "gpt-5.2", "gpt-5.2-codex", "gpt-5.4", "gpt-5.4-mini"] {
        check(CHAT, model, &with(&json!({"stop": ["END"]})), json!({"/stop": null}), &["stop"]);
        check(MESSAGES, model, &with(&json!({"stop_sequences": ["END"]})), json!({"/stop": null}), &["stop_sequences"]);
    }
    for model in ["gpt-5.5", "gpt-5.6-sol", "gpt-6.1-sol"] {
        check(CHAT, model, &with(&json!({"stop": ["END"]})), json!({"/stop": ["END"]}), &[]);
    }
}

#[test]
fn a_bias_is_a_number_in_its_range_for_the_number_of_a_token() {
    let biased = with(&json!({"logit_bias": {"5": -100, "6": 250.5, "word": 1}}));
    let dropped = ["logit_bias.6", "logit_bias.word"];
    check(CHAT, "qwen3-coder", &biased, json!({"/logit_bias": {"5": -100, "6": 100.0}}), &dropped);
    check(CHAT, GPT, &biased, json!({"/logit_bias": {"5": -100, "6": 100.0}}), &dropped);
    check(CHAT, "gpt-5.5", &biased, json!({"/logit_bias": null}), &["logit_bias"]);
    let thinking = with(&json!({"logit_bias": {"5": 1}, "reasoning_effort": "low"}));
    check(CHAT, GPT, &thinking, json!({"/logit_bias": null}), &["logit_bias"]);
}

#[test]
fn settings_that_only_openrouter_has_keep_their_ranges() {
    for (field, asked, sent) in
        [("min_p", json!(-0.1), json!(0.0)), ("top_a", json!(2), json!(1.0)), ("repetition_penalty", json!(2.5), json!(2.0))]
    {
        check(CHAT, "qwen3-coder", &with(&json!({field: asked})), json!({format!("/{field}"): sent}), &[field]);
    }
    for (asked, sent, dropped) in [
        (json!({"logprobs": true, "top_logprobs": 30}), json!(5), &["top_logprobs"][..]),
        (json!({"logprobs": true, "top_logprobs": 0}), json!(0), &[]),
        (json!({"top_logprobs": 5}), Value::Null, &["top_logprobs"]),
        (json!({"logprobs": false, "top_logprobs": 0}), Value::Null, &[]),
    ] {
        check(CHAT, "qwen3-coder", &with(&asked), json!({"/top_logprobs": sent}), dropped);
    }
}

#[test]
fn a_seed_has_the_bits_that_its_model_reads() {
    let large = json!(5_000_000_000_u64);
    check(CHAT, GPT, &with(&json!({"seed": large})), json!({"/seed": large}), &[]);
    check(CHAT, GEMINI, &with(&json!({"seed": large})), json!({"/generationConfig/seed": null}), &["seed"]);
}

#[test]
fn the_verbosity_is_one_that_the_model_knows() {
    for (model, asked, sent) in [
        (GPT, "low", json!("low")),
        (GPT, "max", json!("high")),
        ("gpt-5.2-codex", "medium", json!("medium")),
        ("gpt-5.2-codex", "low", Value::Null),
        ("qwen3-coder", "xhigh", json!("xhigh")),
    ] {
        let dropped = if sent == asked { &[][..] } else { &["verbosity"] };
        check(CHAT, model, &with(&json!({"verbosity": asked})), json!({"/verbosity": sent}), dropped);
    }
}

#[test]
fn metadata_are_sixteen_texts_at_most() {
    let pairs = |number: u32| (0..number).map(|number| (format!("k{number:02}"), json!("a"))).collect::<Value>();
    check(CHAT, GPT, &with(&json!({"metadata": pairs(16)})), json!({"/metadata": pairs(16)}), &[]);
    check(
        CHAT,
        GPT,
        &with(&json!({"metadata": pairs(18)})),
        json!({"/metadata": pairs(16)}),
        &["metadata.k16", "metadata.k17"],
    );
    let odd = json!({"a": "b", "n": 5, "none": null, "long": "x".repeat(513)});
    check(CHAT, GPT, &with(&json!({"metadata": odd})), json!({"/metadata": {"a": "b"}}), &["metadata.long", "metadata.n"]);
}

#[test]
fn names_that_tell_one_from_another_are_cut_to_the_length_that_is_taken() {
    let long = "x".repeat(150);
    let cut = format!("{}_7096bba4", "x".repeat(48));
    for field in ["user", "safety_identifier", "prompt_cache_key"] {
        check(CHAT, GPT, &with(&json!({field: long})), json!({format!("/{field}"): cut}), &[]);
    }
    let from_messages = with(&json!({"metadata": {"user_id": long}}));
    check(MESSAGES, GPT, &from_messages, json!({"/user": cut}), &[]);
    // OpenAI's own limit is lower than OpenRouter's.
    for (model, longest) in [(GPT, 64), ("kimi-k3.1-pro", 128)] {
        let name = "x".repeat(longest);
        check(CHAT, model, &with(&json!({"user": name})), json!({"/user": name}), &[]);
    }
}

#[test]
fn the_user_that_gemini_is_not_told_is_named_as_the_client_has_it() {
    for field in ["user", "safety_identifier"] {
        check(CHAT, GEMINI, &with(&json!({field: "u"})), json!({}), &[field]);
    }
}

#[test]
fn settings_of_another_type_are_refused_by_their_name() {
    for (field, value, words) in [
        ("seed", json!("a"), "expected a whole number, got a string"),
        ("logit_bias", json!([1]), "expected an object, got a list"),
        ("min_p", json!("a"), "expected a number, got a string"),
        ("top_logprobs", json!(-1), "expected a whole number of 0 or more"),
        ("logprobs", json!(5), "expected true or false, got a number"),
        ("verbosity", json!("loud"), "use low or medium or high or xhigh or max"),
        ("user", json!(5), "expected a string, got a number"),
        ("parallel_tool_calls", json!("no"), "expected true or false, got a string"),
    ] {
        refused(&json!({field: value}), field, words);
    }
}

/// Checks that a request with these settings is refused, and that the error names this path.
fn refused(settings: &Value, path: &str, words: &str) {
    let mut request = with(settings);
    request["model"] = json!(GPT);
    let error = gateway::wire::open_request(CHAT, request.to_string()).unwrap_err();
    assert_eq!((error.param(), error.message()), (Some(path), &*format!("{path}: {words}.")), "{settings}");
}

#[test]
fn declarations_of_another_type_are_refused_by_their_path() {
    let tool = |function: Value| json!({"tools": [{"type": "function", "function": function}]});
    let form =
        |schema: Value| json!({"response_format": {"type": "json_schema", "json_schema": {"name": "f", "schema": schema}}});
    for (settings, path, words) in [
        (
            tool(json!({"name": "f", "parameters": "none"})),
            "tools[0].function.parameters",
            "expected an object, got a string",
        ),
        (tool(json!({"name": "f", "description": 5})), "tools[0].function.description", "expected a string, got a number"),
        (tool(json!({"name": "f", "strict": "true"})), "tools[0].function.strict", "expected true or false, got a string"),
        (form(json!(true)), "response_format.json_schema.schema", "expected an object, got true or false"),
        (
            json!({"response_format": {"type": "xml"}}),
            "response_format.type",
            "use text or json_object or json_schema or grammar or python",
        ),
        (json!({"reasoning": {"summary": "all"}}), "reasoning.summary", "use auto or concise or detailed"),
        (
            json!({"messages": [{"role": "user", "name": 5, "content": "a"}]}),
            "messages[0].name",
            "expected a string, got a number",
        ),
    ] {
        refused(&settings, path, words);
    }
}

#[test]
fn a_budget_of_thoughts_is_within_the_models_range_also_without_a_limit() {
    let asked = with(&json!({"reasoning": {"max_tokens": 100_000}}));
    let model = gateway_tests::relaying::catalog().unwrap().resolve("gemini-2.5-flash").unwrap();
    let text = format!("{{\"model\":\"m\",{}", asked.to_string().strip_prefix('{').unwrap());
    let sent = gateway_tests::sending::send_along(CHAT, &text, &model, &model.routes[1], &[]).unwrap();
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!((&body["reasoning"]["max_tokens"], sent.dropped), (&json!(24_576), vec!["reasoning.max_tokens".to_owned()]));
}

#[test]
fn a_switch_that_says_otherwise_than_the_amount_is_named() {
    for (reasoning, sent) in [
        (json!({"enabled": false, "effort": "high"}), json!({"effort": "high"})),
        (json!({"enabled": true, "effort": "none"}), json!({"effort": "none"})),
    ] {
        let request = with(&json!({"reasoning": reasoning}));
        check(CHAT, GPT, &request, json!({"/reasoning": sent}), &["reasoning.enabled"]);
    }
}

#[test]
fn the_name_of_a_speaker_is_spelled_as_openai_takes_it() {
    let said = |name: &str| json!({"messages": [{"role": "user", "name": name, "content": "a"}]});
    check(CHAT, GPT, &said("Eva-1"), json!({"/messages/0/name": "Eva-1"}), &[]);
    check(CHAT, GPT, &said("Eva Ö"), json!({"/messages/0/name": "Eva___daa94b69"}), &[]);
    check(CHAT, "qwen3-coder", &said("Eva Ö"), json!({"/messages/0/name": "Eva Ö"}), &[]);
}

#[test]
fn a_mark_is_an_object_of_a_type_and_a_lifetime() {
    let marked = |mark: Value| json!({"messages": [user(json!([{"type": "text", "text": "a", "cache_control": mark}]))]});
    let at = "/messages/0/content/0/cache_control";
    check(CHAT, GPT, &marked(json!({"type": "ephemeral", "scope": "x"})), json!({at: {"type": "ephemeral"}}), &[]);
}

#[test]
fn members_that_openai_refuses_are_left_out_and_named_where_they_say_something() {
    let part = json!({"type": "text", "text": "a", "id": "p", "annotations": []});
    let call =
        json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}", "parsed": {"a": 1}}});
    let messages = json!([
        {"role": "user", "content": [part], "id": "m", "tool_calls": null},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "1", "status": "done"},
    ]);
    let tool = json!({"type": "function", "defer_loading": true, "function": {"name": "f", "x": 1}});
    let request = json!({"messages": messages, "tools": [tool]});
    let expected = json!({
        "/messages/0": {"role": "user", "content": [{"type": "text", "text": "a"}]},
        "/messages/1/tool_calls/0": {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        "/messages/2": {"role": "tool", "tool_call_id": "c", "content": "1"},
        "/tools/0": {"type": "function", "function": {"name": "f"}},
    });
    let dropped = [
        "messages[0].content[0].id",
        "messages[0].id",
        "messages[1].tool_calls[0].function.parsed",
        "messages[2].status",
        "tools[0].function.x",
    ];
    check(CHAT, GPT, &request, expected, &dropped);
    let nested =
        json!({"type": "function", "function": {"name": "f", "input_schema": {"type": "object", "properties": {}}}});
    let request = json!({"messages": [user(json!("Hi."))], "tools": [nested]});
    let expected = json!({"/tools/0/function": {"name": "f", "parameters": {"type": "object", "properties": {}}}});
    check(CHAT, GPT, &request, expected, &[]);
}
