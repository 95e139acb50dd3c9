//! Thinking, sampling, the form of the answer, betas, cache marks.

use gateway::wire::ClientFormat;
use serde_json::{Value, json};

use super::{ALL, Expected, assistant, call, check, probe, sent, text, user, with};

#[test]
fn thinking_is_told_as_the_generation_knows_it_and_fits_the_clients_limit() {
    let case = |models, fields, sent, dropped| Expected { models, betas: &[], fields, sent, dropped };
    let budgets = &["claude-haiku-4.5", "claude-opus-4.5", "claude-opus-4.6"][..];
    let haiku = &["claude-haiku-4.5"][..];
    let enabled = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    let thinking = |thinking: Value, limit: u64| json!({"thinking": thinking, "max_tokens": limit});
    let named = &["thinking.budget_tokens"][..];
    let high = json!({"effort": "high"});
    check(vec![
        case(budgets, thinking(enabled(2000), 2001), vec![("/thinking", enabled(2000))], &[]),
        case(
            budgets,
            thinking(enabled(9000), 6000),
            vec![("/thinking", enabled(4976)), ("/max_tokens", json!(6000))],
            named,
        ),
        case(budgets, thinking(enabled(100), 6000), vec![("/thinking", enabled(1024))], named),
        case(
            budgets,
            thinking(enabled(9000), 1000),
            vec![("/thinking", Value::Null), ("/max_tokens", json!(1000))],
            &["thinking"],
        ),
        case(
            &["claude-opus-4.8"],
            thinking(enabled(9000), 1000),
            vec![
                ("/thinking", json!({"type": "adaptive", "display": "summarized"})),
                ("/output_config/effort", json!("medium")),
            ],
            &[],
        ),
        case(
            &["claude-opus-4.8"],
            json!({"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}, "output_config": high}),
            vec![("/thinking", json!({"type": "adaptive", "display": "omitted"})), ("/output_config", high.clone())],
            &[],
        ),
        case(
            &["claude-opus-4.8"],
            json!({"thinking": {"type": "adaptive", "display": "summarized"}, "temperature": 1}),
            vec![("/thinking", json!({"type": "adaptive", "display": "summarized"})), ("/temperature", Value::Null)],
            &["temperature"],
        ),
        case(
            haiku,
            json!({"thinking": enabled(2000), "messages": [user(&json!("Hi")), assistant(&json!("{"))]}),
            vec![("/thinking", Value::Null), ("/messages/1/content", json!("{"))],
            &["thinking"],
        ),
        case(
            haiku,
            json!({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}}),
            vec![
                ("/thinking", json!({"type": "enabled", "display": "omitted", "budget_tokens": 2048})),
                ("/output_config", Value::Null),
            ],
            &[],
        ),
    ]);
}

#[test]
fn an_effort_alone_is_an_effort_and_turns_nothing_on() {
    let case = |models, fields, sent, dropped| Expected { models, betas: &[], fields, sent, dropped };
    let haiku = &["claude-haiku-4.5"][..];
    let high = json!({"effort": "high"});
    check(vec![
        case(
            haiku,
            json!({"output_config": high}),
            vec![("/thinking", Value::Null), ("/output_config", Value::Null)],
            &["output_config.effort"],
        ),
        case(
            &ALL[1..],
            json!({"output_config": high}),
            vec![("/thinking", Value::Null), ("/output_config", high.clone())],
            &[],
        ),
        case(
            &["claude-opus-4.6"],
            json!({"output_config": {"effort": "xhigh"}}),
            vec![("/output_config/effort", json!("max"))],
            &[],
        ),
    ]);
}

#[test]
fn sampling_and_stops_are_what_the_model_takes() {
    let case = |models, fields, sent, dropped| Expected { models, betas: &[], fields, sent, dropped };
    let one = &["claude-haiku-4.5", "claude-opus-4.6"][..];
    let both = json!({"temperature": 0.4, "top_p": 0.9});
    let adaptive = json!({"type": "adaptive"});
    let stops = |list: &[&str]| json!({"stop_sequences": list});
    check(vec![
        case(one, both.clone(), vec![("/temperature", json!(0.4)), ("/top_p", Value::Null)], &["top_p"]),
        case(&["claude-opus-4.8"], both, vec![("/temperature", Value::Null)], &["temperature", "top_p"]),
        case(one, json!({"temperature": 1.7}), vec![("/temperature", json!(1.0))], &["temperature"]),
        case(one, json!({"temperature": -0.5}), vec![("/temperature", json!(0.0))], &["temperature"]),
        case(one, json!({"top_p": 1.2}), vec![("/top_p", json!(1.0))], &["top_p"]),
        case(one, json!({"top_p": -0.1}), vec![("/top_p", json!(0.0))], &["top_p"]),
        case(
            one,
            json!({"thinking": adaptive, "temperature": 0.4, "top_k": 7}),
            vec![("/top_k", Value::Null)],
            &["temperature", "top_k"],
        ),
        case(one, json!({"thinking": adaptive, "temperature": 1}), vec![("/temperature", json!(1))], &[]),
        case(ALL, json!({"top_k": -1}), vec![("/top_k", Value::Null)], &[]),
        case(ALL, json!({"top_k": 0}), vec![("/top_k", Value::Null)], &[]),
        case(ALL, stops(&[" ", "STOP", "\n"]), vec![("/stop_sequences", json!(["STOP"]))], &["stop_sequences"]),
        case(ALL, stops(&["\n"]), vec![("/stop_sequences", Value::Null)], &["stop_sequences"]),
    ]);
}

#[test]
fn what_belongs_together_goes_together() {
    const MANAGED: &str = "context-management-2025-06-27";
    const LONG: &str = "context-1m-2025-08-07";
    let managed = json!({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}});
    let repaired = json!({
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "messages": [user(&json!("Hi")), {"role": "system", "content": "Be quick."}],
    });
    let case = |models, betas, fields, sent, dropped| Expected { models, betas, fields, sent, dropped };
    let newer = &ALL[2..];
    check(vec![
        case(ALL, &[MANAGED], managed.clone(), vec![("/context_management", managed["context_management"].clone())], &[]),
        case(ALL, &[], managed, vec![("/context_management", Value::Null)], &["context_management"]),
        case(
            &ALL[..3],
            &[MANAGED],
            repaired,
            vec![
                ("/context_management/edits/0/type", json!("clear_tool_uses_20250919")),
                ("/anthropic_beta", json!([MANAGED])),
                ("/messages/0/content/1", text("<system-reminder>\nBe quick.\n</system-reminder>")),
            ],
            &[],
        ),
        case(
            newer,
            &[],
            json!({"output_config": {"effort": "low", "task_budget": {"total": 9}}}),
            vec![("/output_config", json!({"effort": "low"}))],
            &["output_config.task_budget"],
        ),
        case(
            ALL,
            &[],
            json!({"output_config": {"task_budget": {"total": 9}}}),
            vec![("/output_config", Value::Null)],
            &["output_config.task_budget"],
        ),
        case(newer, &[LONG], json!({}), vec![("/anthropic_beta", json!([LONG]))], &[]),
    ]);
    // Its name selects a window for which this model has no price.
    let seen = sent(ClientFormat::Messages, "claude-haiku-4.5", &[LONG], &with(&json!({})).to_string()).unwrap();
    assert_eq!(seen.dropped, [format!("anthropic-beta:{LONG}")]);
}

#[test]
fn edits_of_thoughts_go_where_the_model_does_not_think() {
    const MANAGED: &[&str] = &["context-management-2025-06-27"];
    let (thoughts, calls) = (json!({"type": "clear_thinking_20251015"}), json!({"type": "clear_tool_uses_20250919"}));
    let managed = |edits: Value| json!({"context_management": {"edits": edits}});
    let mut thinking = managed(json!([thoughts, calls]));
    thinking["thinking"] = json!({"type": "adaptive"});
    let case = |fields, edits, betas, dropped| Expected {
        models: ALL,
        betas: MANAGED,
        fields,
        sent: vec![("/context_management/edits", edits), ("/anthropic_beta", betas)],
        dropped,
    };
    let gone = &["context_management.edits[0]"][..];
    check(vec![
        case(thinking, json!([thoughts, calls]), json!(MANAGED), &[]),
        case(managed(json!([thoughts, calls])), json!([calls]), json!(MANAGED), gone),
    ]);
    let mut thinking = managed(json!([calls, thoughts]));
    thinking["thinking"] = json!({"type": "adaptive"});
    check(vec![case(thinking, json!([thoughts, calls]), json!(MANAGED), &[])]);
    // A model that reasons by default is told so.
    let unasked = Expected {
        models: &["claude-opus-5.5", "claude-sonnet-5"],
        sent: vec![("/thinking", json!({"type": "adaptive"})), ("/context_management/edits/0", thoughts.clone())],
        ..case(managed(json!([thoughts])), Value::Null, Value::Null, &[])
    };
    check(vec![unasked]);
    // Without the last one, the field goes and its beta with it.
    let body = with(&managed(json!([thoughts]))).to_string();
    let seen = sent(ClientFormat::Messages, "claude-opus-4.6", MANAGED, &body).unwrap();
    assert_eq!(seen.dropped, ["context_management"]);
    assert!(!String::from_utf8(seen.body).unwrap().contains("context"), "{body}");
    // The memory tool needs the beta, too.
    let mut body = managed(json!([thoughts]));
    body["tools"] = json!([{"type": "memory_20250818", "name": "memory"}]);
    let seen = sent(ClientFormat::Messages, "claude-opus-4.6", MANAGED, &with(&body).to_string()).unwrap();
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!((body.get("context_management"), &body["anthropic_beta"]), (None, &json!(MANAGED)));
}

#[test]
fn the_form_of_the_answer_is_asked_for_as_the_model_knows_it() {
    let schema = json!({"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "schema": schema});
    let case = |models, fields, sent, dropped| Expected { models, betas: &[], fields, sent, dropped };
    let older = &ALL[..2];
    let newer = &ALL[2..];
    let answer = vec![
        ("/output_config", Value::Null),
        ("/tools/0/name", json!("json_output")),
        ("/tools/0/input_schema", schema.clone()),
        ("/tool_choice", json!({"type": "tool", "name": "json_output"})),
    ];
    let beside = vec![
        ("/tools/0", probe()),
        ("/tools/1/name", json!("json_output")),
        ("/system/0/text", json!("Give the final answer by calling the tool json_output.")),
        ("/tool_choice", Value::Null),
    ];
    check(vec![
        case(
            newer,
            json!({"output_format": format}),
            vec![("/output_config", json!({"format": format})), ("/output_format", Value::Null)],
            &[],
        ),
        case(newer, json!({"output_config": {"format": format}}), vec![("/output_config", json!({"format": format}))], &[]),
        case(older, json!({"output_format": format}), answer.clone(), &[]),
        case(ALL, json!({"output_format": {"type": "text"}}), vec![("/output_format", Value::Null)], &[]),
        case(older, json!({"output_config": {"format": format}}), answer, &[]),
        case(older, json!({"output_config": {"format": format}, "tools": [probe()]}), beside, &[]),
    ]);
}

#[test]
fn a_form_with_a_dictionary_is_asked_for_in_words_and_named_where_the_mode_would_close_it() {
    let schema =
        json!({"type": "object", "properties": {"tally": {"type": "object", "additionalProperties": {"type": "integer"}}}});
    let format = json!({"type": "json_schema", "schema": schema});
    let words = format!("Respond with a single JSON object and nothing else. It must follow this JSON Schema: {schema}");
    let case = |models, fields, sent, dropped| Expected { models, betas: &[], fields, sent, dropped };
    let (older, newer) = (&ALL[..2], &ALL[2..]);
    let asked = vec![("/output_config", Value::Null), ("/system/0/text", json!(words))];
    check(vec![
        case(newer, json!({"output_config": {"format": format}}), asked.clone(), &["output_config.format"]),
        case(newer, json!({"output_format": format}), asked, &["output_format"]),
        case(older, json!({"output_config": {"format": format}}), vec![("/tools/0/input_schema", schema)], &[]),
    ]);
}

#[test]
fn a_budget_of_the_whole_task_is_named_on_every_route() {
    let body = with(&json!({"output_config": {"task_budget": {"type": "tokens", "total": 9000}}})).to_string();
    for model in ["claude-opus-4.8", "gemini-3-pro", "gpt-5.2"] {
        let seen = sent(ClientFormat::Messages, model, &[], &body).unwrap();
        assert_eq!(seen.dropped, ["output_config.task_budget"], "{model}");
        assert!(!String::from_utf8(seen.body).unwrap().contains("task_budget"), "{model}");
    }
}

#[test]
fn at_most_four_cache_marks_are_sent_and_none_outlives_the_one_before() {
    let mark = |ttl: &str| json!({"type": "ephemeral", "ttl": ttl});
    let marked = |words: &str, ttl: &str| json!({"type": "text", "text": words, "cache_control": mark(ttl)});
    let mut tool = probe();
    tool["cache_control"] = mark("1h");
    let inner = json!({"type": "tool_result", "tool_use_id": "a", "content": [marked("x", "1h"), marked("y", "5m")]});
    let messages = json!([user(&json!("Go")), assistant(&json!([call("a")])), user(&json!([inner, marked("z", "1h")]))]);
    let fields = json!({"tools": [tool], "system": [marked("s", "1h")], "messages": messages});
    let result = "/messages/2/content/0/content";
    check(vec![Expected {
        models: ALL,
        betas: &[],
        fields,
        sent: vec![
            ("/tools/0/cache_control", mark("1h")),
            (result, json!([text("x"), marked("y", "5m")])),
            ("/messages/2/content/1/cache_control", json!({"type": "ephemeral"})),
        ],
        dropped: &["messages[2].content[0].content[0].cache_control", "messages[2].content[1].cache_control"],
    }]);
}

#[test]
fn marks_within_a_result_count_and_are_the_first_to_go() {
    let marked = |words: &str| json!({"type": "text", "text": words, "cache_control": {"type": "ephemeral"}});
    let answer = |content: Value| json!({"type": "tool_result", "tool_use_id": "a", "content": content, "cache_control": {"type": "ephemeral"}});
    let messages = |content: Value| {
        json!([user(&json!("Go")), assistant(&json!([call("a")])), user(&json!([answer(content), marked("z")]))])
    };
    let system = json!([marked("r"), marked("s")]);
    check(vec![Expected {
        models: ALL,
        betas: &[],
        fields: json!({"tools": [probe()], "system": system, "messages": messages(json!([marked("x"), marked("y")]))}),
        sent: vec![("/system", system.clone()), ("/messages", messages(json!([text("x"), text("y")])))],
        dropped: &["messages[2].content[0].content[0].cache_control", "messages[2].content[0].content[1].cache_control"],
    }]);
}

#[test]
fn the_clients_choice_for_bound_thoughts_is_sent_with_its_beta() {
    let own = json!({"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "error"}});
    let beta = "thinking-binding-controls-2026-08-01";
    for betas in [&[beta][..], &[]] {
        check(vec![Expected {
            models: &["claude-opus-5.5"],
            betas,
            fields: json!({"thinking": own}),
            sent: vec![("/thinking", own.clone()), ("/anthropic_beta", json!([beta]))],
            dropped: &[],
        }]);
    }
    check(vec![Expected {
        models: &["claude-opus-5"],
        betas: &[],
        fields: json!({"thinking": own}),
        sent: vec![("/thinking", json!({"type": "adaptive"})), ("/anthropic_beta", Value::Null)],
        dropped: &["thinking.block_binding"],
    }]);
}

#[test]
fn settings_of_the_output_are_an_object() {
    for wrong in [json!([]), json!("x")] {
        let body = with(&json!({"output_config": wrong})).to_string();
        let error = sent(ClientFormat::Messages, "claude-opus-4.6", &[], &body).unwrap_err();
        assert_eq!(error.param(), Some("output_config"), "{wrong}");
    }
}
