//! Tools, their names and the inputs of their calls.

use serde_json::{Value, json};

use super::{ALL, Expected, assistant, call, check, probe, result, user};

#[test]
fn typed_tools_and_their_beta_outlive_a_repair_elsewhere() {
    const COMPUTER: &str = "computer-use-2025-11-24";
    let typed = json!([
        {"type": "memory_20250818", "name": "memory"},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 9000},
        {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
        {"type": "computer_20251124", "name": "computer", "display_width_px": 800, "display_height_px": 600},
        {"name": "probe", "input_schema": {"type": "object"}, "defer_loading": true, "input_examples": [{"depth": null}]},
    ]);
    let system = json!({"role": "system", "content": "Calmly."});
    let repaired = json!({"tools": typed, "messages": [user(&json!("Hi")), system]});
    let told =
        json!([{"type": "text", "text": "Hi"}, {"type": "text", "text": "<system-reminder>\nCalmly.\n</system-reminder>"}]);
    let case = |betas, sent: Value| {
        let sent = vec![("/tools", typed.clone()), ("/messages", json!([user(&told)])), ("/anthropic_beta", sent)];
        Expected { models: &ALL[1..3], betas, fields: repaired.clone(), sent, dropped: &[] }
    };
    check(vec![case(&[], Value::Null), case(&[COMPUTER], json!([COMPUTER]))]);
}

#[test]
fn typed_tools_go_where_the_model_rejects_their_version() {
    let computer = |version: &str| json!({"type": format!("computer_{version}"), "name": "computer", "display_width_px": 800, "display_height_px": 600});
    let (first, second, third) = (computer("20241022"), computer("20250124"), computer("20251124"));
    let older = &["claude-haiku-4.5", "claude-sonnet-4.5"][..];
    let newer = &["claude-opus-4.5", "claude-sonnet-4.6", "claude-opus-4.8", "claude-opus-5", "claude-sonnet-5.5"][..];
    let case = |models, tool: &Value, is_kept: bool| {
        let tools = if is_kept { json!([probe(), tool]) } else { json!([probe()]) };
        let dropped: &[&str] = if is_kept { &[] } else { &["tools[1]"] };
        Expected { models, betas: &[], fields: json!({"tools": [probe(), tool]}), sent: vec![("/tools", tools)], dropped }
    };
    check(vec![
        case(older, &first, false),
        case(older, &second, true),
        case(older, &third, false),
        case(newer, &first, false),
        case(newer, &second, false),
        case(newer, &third, true),
        case(&["claude-opus-5.5"], &third, false),
    ]);
}

#[test]
fn typed_tools_of_a_known_form_become_client_tools_where_the_model_rejects_their_version() {
    let edits = |kind: &str| {
        let choice = json!({"type": "tool", "name": "editor"});
        json!({"tools": [{"type": kind, "name": "editor", "max_characters": 900}], "tool_choice": choice})
    };
    let case = |kind| Expected {
        models: &["claude-haiku-4.5", "claude-sonnet-4.6", "claude-opus-4.8"],
        betas: &[],
        fields: edits(kind),
        sent: vec![
            ("/tools/0/type", Value::Null),
            ("/tools/0/name", json!("editor")),
            ("/tools/0/max_characters", Value::Null),
            ("/tools/0/input_schema/required", json!(["command", "path"])),
            ("/tool_choice/name", json!("editor")),
        ],
        dropped: &["tools[0].max_characters"],
    };
    check(vec![case("text_editor_20241022"), case("text_editor_20250124"), case("text_editor_20250429")]);
}

#[test]
fn tools_keep_what_is_theirs_and_change_only_where_claude_refuses_them() {
    let case = |models, fields, sent, dropped| Expected { models, betas: &[], fields, sent, dropped };
    let server = json!([{"type": "mcp_toolset", "mcp_server_name": "s"}, {"type": "web_search_20250305", "name": "web_search"}, probe()]);
    let servers = json!([{"type": "url", "name": "s", "url": "https://s.example"}]);
    let mut strict = probe();
    strict["strict"] = json!(true);
    let (mut closed, mut not_strict) = (strict.clone(), strict.clone());
    closed["input_schema"]["additionalProperties"] = json!(false);
    not_strict["strict"] = json!(false);
    let history = json!([user(&json!("Go")), assistant(&json!([call("a")])), user(&json!([result("a")]))]);
    let stub = json!([{"name": "probe", "input_schema": {"type": "object", "properties": {}}}]);
    let stub_schema = "/tools/0/input_schema/type";
    let with = |field: &str, value: Value| {
        let mut tool = probe();
        tool[field] = value;
        json!({"tools": [tool]})
    };
    check(vec![
        case(ALL, with("defer_loading", json!(true)), vec![("/tools", json!([probe()]))], &["tools[0].defer_loading"]),
        case(
            ALL,
            with("allowed_callers", json!(["code_execution_20250825"])),
            vec![("/tools", json!([probe()]))],
            &["tools[0].allowed_callers"],
        ),
        case(
            ALL,
            json!({"tools": server, "mcp_servers": servers, "tool_choice": {"type": "tool", "name": "web_search"}}),
            vec![("/tools", json!([probe()])), ("/mcp_servers", Value::Null), ("/tool_choice", Value::Null)],
            &["mcp_servers", "tool_choice", "tools[0]", "tools[1]"],
        ),
        case(
            ALL,
            json!({"tools": [], "tool_choice": {"type": "any"}}),
            vec![("/tools", Value::Null), ("/tool_choice", Value::Null)],
            &["tool_choice"],
        ),
        case(ALL, json!({"tool_choice": {"type": "auto"}}), vec![("/tool_choice", Value::Null)], &[]),
        case(
            ALL,
            json!({"messages": history}),
            vec![("/tools/0/name", stub[0]["name"].clone()), (stub_schema, json!("object"))],
            &[],
        ),
        case(&ALL[..2], json!({"tools": [strict]}), vec![("/tools/0/strict", Value::Null)], &["tools[0].strict"]),
        case(&ALL[..2], json!({"tools": [not_strict]}), vec![("/tools/0/strict", Value::Null)], &[]),
        case(&ALL[2..], json!({"tools": [closed]}), vec![("/tools", json!([closed]))], &[]),
        case(&ALL[2..], json!({"tools": [strict]}), vec![("/tools/0/strict", Value::Null)], &["tools[0].strict"]),
        case(
            ALL,
            json!({"tools": [{"name": "probe", "input_schema": {"anyOf": [{"type": "object", "properties": {"a": {}}}]}}]}),
            vec![(stub_schema, json!("object")), ("/tools/0/input_schema/anyOf", Value::Null)],
            &[],
        ),
    ]);
}

#[test]
fn names_are_brought_into_claudes_patterns_everywhere() {
    let tool = json!({"name": "sea.probe", "input_schema": {"type": "object", "properties": {"@depth": {}}, "required": ["@depth"]}});
    let call = |name: &str, input: &Value| json!({"type": "tool_use", "id": "a", "name": name, "input": input});
    let fields = json!({
        "tools": [tool], "tool_choice": {"type": "tool", "name": "sea.probe"},
        "messages": [
            user(&json!("Go")),
            assistant(&json!([call("sea.probe", &json!({"@depth": 2}))])),
            user(&json!([result("a")])),
        ],
    });
    let sent = vec![
        ("/tools/0/name", json!("sea_probe")),
        ("/tools/0/input_schema/properties", json!({"_depth": {}})),
        ("/tools/0/input_schema/required", json!(["_depth"])),
        ("/tool_choice/name", json!("sea_probe")),
        ("/messages/1/content/0", call("sea_probe", &json!({"_depth": 2}))),
    ];
    check(vec![Expected { models: ALL, betas: &[], fields, sent, dropped: &[] }]);
}

#[test]
fn names_of_tools_are_cut_at_claudes_own_length() {
    let tool = |letters: usize| json!({"name": "n".repeat(letters), "input_schema": {"type": "object"}});
    let case = |letters, sent| Expected {
        models: ALL,
        betas: &[],
        fields: json!({"tools": [tool(letters)]}),
        sent: vec![("/tools", json!([tool(sent)]))],
        dropped: &[],
    };
    check(vec![case(128, 128), case(129, 128)]);
}

#[test]
fn an_empty_name_of_a_tool_becomes_one_that_claude_accepts() {
    let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
    let sent = vec![("/tools", json!([tool("_")])), ("/tool_choice/name", json!("_"))];
    let fields = json!({"tools": [tool("")], "tool_choice": {"type": "tool", "name": ""}});
    check(vec![Expected { models: ALL, betas: &[], fields, sent, dropped: &[] }]);
}

#[test]
fn the_tool_for_the_answer_keeps_to_claudes_names_and_clashes_with_none() {
    let schema = json!({"type": "object", "properties": {"@sum": {"type": "integer"}}, "required": ["@sum"]});
    let sent_schema = json!({"type": "object", "properties": {"_sum": {"type": "integer"}}, "required": ["_sum"]});
    let own = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
    let words = json!("Give the final answer by calling the tool json_output_2.");
    let format = json!({"format": {"type": "json_schema", "schema": schema}});
    let case = |name: &str, sent: &str| Expected {
        models: &ALL[..2],
        betas: &[],
        fields: json!({"output_config": format, "tools": [own(name)]}),
        sent: vec![
            ("/tools/0", own(sent)),
            ("/tools/1/name", json!("json_output_2")),
            ("/tools/1/input_schema", sent_schema.clone()),
            ("/system/0/text", words.clone()),
        ],
        dropped: &[],
    };
    check(vec![case("json_output", "json_output"), case("json.output", "json_output")]);
}

#[test]
fn inputs_are_objects_and_nothing_is_null() {
    let case = |fields, sent| Expected { models: ALL, betas: &[], fields, sent, dropped: &[] };
    let call = |input: &Value| json!({"type": "tool_use", "id": "a", "name": "probe", "input": input});
    let history = |input: &Value| json!({"tools": [probe()], "messages": [user(&json!("Go")), assistant(&json!([call(input)])), user(&json!([result("a")]))]});
    let sent_input = "/messages/1/content/0/input";
    let nulls = json!({
        "system": null, "tools": null, "thinking": null, "top_k": null, "output_config": null, "context_management": null,
        "tool_choice": null, "stop_sequences": null, "metadata": null, "temperature": null,
        "messages": [{"role": "user", "name": null, "content": [
            {"type": "document", "title": null, "citations": null, "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
            {"type": "text", "text": "Hi", "citations": null, "cache_control": {"type": "ephemeral", "ttl": null}},
        ]}],
    });
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}});
    let marked = json!({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}});
    check(vec![
        case(history(&json!("{\"depth\": 4}")), vec![(sent_input, json!({"depth": 4}))]),
        case(history(&json!(null)), vec![(sent_input, json!({}))]),
        case(history(&json!({"depth": null})), vec![(sent_input, json!({"depth": null}))]),
        case(nulls, vec![("", json!({"max_tokens": 6000, "messages": [user(&json!([document, marked]))]}))]),
    ]);
}
