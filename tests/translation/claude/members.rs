//! Members of tools that Claude refuses together.

use gateway::wire::ClientFormat;
use serde_json::{Value, json};

use super::{ALL, Expected, check, probe, sent, with};

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

#[test]
fn a_tool_is_strict_only_if_the_root_that_is_sent_is_closed() {
    let closed =
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let open = [json!({"type": "number"}), json!({"type": []}), json!({"const": 1}), json!({"anyOf": []})];
    for (schema, is_strict) in open.map(|schema| (schema, false)).into_iter().chain([(closed, true)]) {
        let own = json!({"name": "f", "strict": true, "input_schema": schema});
        let function = json!({"type": "function", "function": {"name": "f", "strict": true, "parameters": schema}});
        for (format, tool) in [(ClientFormat::Messages, own), (ClientFormat::ChatCompletions, function)] {
            let seen = sent(format, "claude-opus-4.6", &[], &with(&json!({"tools": [tool]})).to_string()).unwrap();
            let body: Value = serde_json::from_slice(&seen.body).unwrap();
            assert_eq!(body.pointer("/tools/0/strict"), is_strict.then_some(&json!(true)), "{format:?} {schema}\n{body}");
            assert_eq!(seen.dropped.len(), usize::from(!is_strict), "{format:?} {schema} {:?}", seen.dropped);
        }
    }
}
