//! Members of tools that Claude refuses together.

use serde_json::{Value, json};

use super::{ALL, Expected, check, probe};

fn tool(name: &str, members: &Value) -> Value {
    let mut tool = json!({"name": name, "input_schema": {"type": "object"}});
    tool.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    tool
}

#[test]
fn a_deferred_tool_has_no_cache_mark() {
    let mark = json!({"type": "ephemeral"});
    let both = |waits: bool| tool("f", &json!({"defer_loading": waits, "cache_control": mark}));
    let case = |tools: Value, sent: Value, dropped| Expected {
        models: ALL,
        betas: &[],
        fields: json!({"tools": tools}),
        sent: vec![("/tools", sent)],
        dropped,
    };
    let search = json!({"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"});
    let waiting = tool("f", &json!({"defer_loading": true}));
    check(vec![
        case(json!([search, both(true)]), json!([search, waiting]), &["tools[1].cache_control"]),
        case(json!([probe(), both(false)]), json!([probe(), both(false)]), &[]),
        // The only tool is shown.
        case(json!([both(true)]), json!([tool("f", &json!({"cache_control": mark}))]), &["tools[0].defer_loading"]),
    ]);
}
