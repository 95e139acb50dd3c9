//! What each generation of Claude accepts and rejects.

use super::claude::{HAIKU, NEWEST, OPUS, talk, verdict};
use super::*;

const SONNET: &str = "claude-sonnet-5-5";

fn thinking(kind: &str) -> Value {
    json!({ "thinking": { "type": kind } })
}

fn effort(level: &str) -> Value {
    json!({ "output_config": { "effort": level } })
}

fn forced(kind: &str) -> Value {
    json!({ "tool_choice": { "type": kind, "name": "weather" } })
}

#[test]
fn what_a_generation_knows_is_accepted() {
    let any = json!({ "tool_choice": { "type": "any" } });
    let tools = |change: &Value| {
        let schema = json!({ "type": "object", "properties": {}, "additionalProperties": false });
        json!({ "tools": [changed(&json!({ "name": "a", "input_schema": schema }), change)] })
    };
    for (model, change) in [
        (HAIKU, json!({ "temperature": 0.3, "top_k": 5 })),
        (NEWEST, json!({ "temperature": 1 })),
        (NEWEST, json!({ "top_p": 1 })),
        (OPUS, tools(&json!({ "strict": true }))),
        (HAIKU, tools(&json!({ "strict": false }))),
        ("claude-opus-4-5@20251101", effort("high")),
        (OPUS, effort("max")),
        (NEWEST, effort("xhigh")),
        ("claude-haiku-5-5", changed(&thinking("disabled"), &effort("high"))),
        ("claude-sonnet-5", changed(&thinking("disabled"), &effort("max"))),
        (SONNET, changed(&thinking("between_tools"), &effort("high"))),
        (SONNET, json!({ "tool_choice": { "type": "auto" } })),
        (OPUS, changed(&thinking("adaptive"), &any)),
        ("claude-opus-5", changed(&thinking("adaptive"), &any)),
        ("claude-fable-5", any),
        (NEWEST, json!({ "thinking": { "type": "adaptive", "display": "omitted" } })),
        (HAIKU, json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024, "display": "summarized" } })),
        (
            SONNET,
            json!({
                "thinking": { "type": "adaptive", "block_binding": { "prefix_mismatch_behavior": "drop_block" } },
                "anthropic_beta": ["thinking-binding-controls-2026-08-01"],
            }),
        ),
        ("claude-opus-4-5@20251101", talk(&[json!("{")])),
        (OPUS, json!({ "anthropic_beta": ["thinking-binding-controls-2026-08-01"] })),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{model}: {change}");
    }
}

#[test]
fn strict_tools_are_few_and_their_schemas_small() {
    let schema = |optional: usize, unions: usize| {
        let kind = |number| if number < unions { json!(["string", "null"]) } else { json!("string") };
        let properties: Vec<(String, Value)> =
            (0..optional.max(unions)).map(|number| (format!("p{number}"), json!({ "type": kind(number) }))).collect();
        let required: Vec<String> = properties.iter().skip(optional).map(|(name, _)| name.clone()).collect();
        let properties: Value = properties.into_iter().collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    };
    let declared = |count: usize, optional: usize, unions: usize| {
        let tool =
            |number| json!({ "name": format!("t{number}"), "strict": true, "input_schema": schema(optional, unions) });
        json!({ "tools": (0..count).map(tool).collect::<Vec<_>>() })
    };
    for change in [declared(20, 1, 0), declared(1, 24, 16), declared(2, 12, 8)] {
        assert_eq!(verdict(OPUS, &change), Ok(()), "{change}");
    }
    for (change, words) in [
        (declared(21, 0, 0), "Too many strict tools (21)"),
        (declared(1, 25, 0), "too many optional parameters (25)"),
        (declared(5, 5, 0), "too many optional parameters (25)"),
        (declared(1, 0, 17), "too many parameters with union types (17)"),
    ] {
        refused(verdict(OPUS, &change), words, &change);
    }
}

#[test]
fn what_a_generation_does_not_know_is_refused() {
    let tool = json!({ "tools": [{ "name": "a", "strict": true, "input_schema": { "type": "object", "properties": {}, "additionalProperties": false } }] });
    let format = json!({ "output_config": { "format": { "type": "json_schema", "schema": { "type": "string" } } } });
    for (model, change, words) in [
        (HAIKU, tool, "tools.0.custom.strict: Extra inputs are not permitted"),
        (HAIKU, format, "output_config.format: Extra inputs are not permitted"),
        (NEWEST, json!({ "top_k": 1 }), "`top_k` is deprecated"),
        ("claude-opus-5-5", json!({ "temperature": 1 }), "`temperature` is deprecated"),
        ("claude-opus-4-5@20251101", effort("max"), "does not support effort level 'max'"),
        ("claude-opus-5", changed(&thinking("disabled"), &effort("xhigh")), "not supported when thinking is disabled"),
        ("claude-haiku-5-5", changed(&thinking("disabled"), &effort("max")), "not supported when thinking is disabled"),
        (SONNET, thinking("disabled"), "\"thinking.type.disabled\" is not supported"),
        ("claude-opus-5-5", thinking("disabled"), "\"thinking.type.disabled\" is not supported"),
        (SONNET, changed(&thinking("between_tools"), &effort("max")), "not supported when thinking is disabled"),
        (NEWEST, thinking("between_tools"), "does not match any of the expected tags"),
        (
            SONNET,
            json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } }),
            "\"thinking.type.enabled\" is not supported",
        ),
        (SONNET, forced("tool"), "`any` and `tool` are not supported for this model"),
        ("claude-opus-5-5", forced("tool"), "`any` and `tool` are not supported for this model"),
        ("claude-fable-5-2", forced("tool"), "`any` and `tool` are not supported for this model"),
        (
            OPUS,
            json!({ "thinking": { "type": "adaptive", "display": "all" } }),
            "display: Input should be 'summarized' or 'omitted'",
        ),
        (
            OPUS,
            json!({
                "thinking": { "type": "adaptive", "block_binding": {} },
                "anthropic_beta": ["thinking-binding-controls-2026-08-01"],
            }),
            "thinking.adaptive.block_binding: Extra inputs",
        ),
        (
            SONNET,
            json!({ "thinking": { "type": "adaptive", "block_binding": {} } }),
            "thinking.adaptive.block_binding: Extra inputs",
        ),
        (
            OPUS,
            json!({ "thinking": { "type": "disabled", "budget_tokens": 1_024 } }),
            "thinking.disabled.budget_tokens: Extra inputs",
        ),
        (SONNET, talk(&[json!("{")]), "does not support assistant message prefill"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn what_belongs_to_other_platforms_is_refused() {
    for (change, words) in [
        (json!({ "mcp_servers": [] }), "mcp_servers: Extra inputs are not permitted"),
        (json!({ "tools": [{ "type": "mcp_toolset", "mcp_server_name": "x" }] }), "Input tag 'mcp_toolset'"),
        (
            json!({ "output_config": { "task_budget": { "type": "tokens", "total": 40_000 } } }),
            "output_config.task_budget: Extra inputs are not permitted",
        ),
        (json!({ "anthropic_beta": ["task-budgets-2026-03-13"] }), "Unexpected value(s) `task-budgets-2026-03-13`"),
        (json!({ "anthropic_beta": ["mcp-client-2025-11-20"] }), "Unexpected value(s) `mcp-client-2025-11-20`"),
    ] {
        refused(verdict(NEWEST, &change), words, &change);
    }
}

#[test]
fn system_turns_pass_where_the_generation_takes_them() {
    let turns = |last: &str| json!({ "messages": [{ "role": "user", "content": "hello" }, { "role": "system", "content": [{ "type": "text", "text": last }] }] });
    for model in [NEWEST, "claude-opus-5", "claude-sonnet-5", "claude-haiku-5-5", "claude-fable-5-2"] {
        assert_eq!(verdict(model, &turns("be brief")), Ok(()), "{model}");
        refused(verdict(model, &turns(" ")), "must contain non-whitespace text", &Value::Null);
    }
    for model in [OPUS, HAIKU, "claude-opus-4-7"] {
        refused(verdict(model, &turns("be brief")), "Unexpected role \"system\"", &Value::Null);
    }
}

#[test]
fn system_turns_stand_between_the_users_and_the_assistants() {
    let says = |role: &str| json!({ "role": role, "content": "a" });
    let talk = |roles: &[&str]| json!({ "messages": roles.iter().map(|role| says(role)).collect::<Vec<_>>() });
    for roles in [&["user", "system"][..], &["user", "system", "assistant", "user"]] {
        assert_eq!(verdict(NEWEST, &talk(roles)), Ok(()), "{roles:?}");
    }
    for (roles, words) in [
        (&["system", "user"][..], "use the top-level 'system' parameter"),
        (&["user", "assistant", "system"], "must follow a 'user' message"),
        (&["user", "system", "system"], "must follow a 'user' message"),
        (&["user", "system", "user"], "be last or precede an 'assistant' message"),
    ] {
        refused(verdict(NEWEST, &talk(roles)), words, &talk(roles));
    }
    let added = json!([{ "type": "tool_addition", "tool": { "type": "tool_reference", "name": "weather" } }]);
    let adds = json!({ "messages": [says("user"), { "role": "system", "content": added }] });
    assert_eq!(verdict(NEWEST, &adds), Ok(()));
    let picture = json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PNG } });
    let shown = json!({ "messages": [says("user"), { "role": "system", "content": [picture] }] });
    refused(verdict(NEWEST, &shown), "system messages can only contain text", &shown);
}
