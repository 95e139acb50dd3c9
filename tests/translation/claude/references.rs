//! References to tools: in results, in what a search found, and in changes of the tools.

use serde_json::{Value, json};

use super::{ALL, Expected, assistant, call, check, probe, text, user};

const CHANGES: &str = "mid-conversation-tool-changes-2026-07-01";
const GONE: &str = "The tools that were found are not available now.";

fn reference(name: &str) -> Value {
    json!({"type": "tool_reference", "tool_name": name})
}

/// A tool's result of these blocks.
fn given(content: &Value) -> Value {
    json!({"type": "tool_result", "tool_use_id": "a", "content": content})
}

/// A search of the provider that found these tools.
fn found(names: &[&str]) -> Value {
    let references: Vec<Value> = names.iter().map(|name| reference(name)).collect();
    let search = json!({"type": "server_tool_use", "id": "s", "name": "tool_search_tool_bm25", "input": {"query": "sea"}});
    let found = json!({"type": "tool_search_tool_search_result", "tool_references": references});
    json!([search, {"type": "tool_search_tool_result", "tool_use_id": "s", "content": found}, text("Aye.")])
}

fn tool(name: &str) -> Value {
    json!({"name": name, "input_schema": {"type": "object"}})
}

#[test]
fn references_to_tools_that_are_not_declared_go() {
    let talk = |content: &Value| json!([user(&json!("Go")), assistant(&json!([call("a")])), user(&json!([given(content)]))]);
    let case = |tools: Value, content: Value, sent: Value, dropped| Expected {
        models: ALL,
        betas: &[],
        fields: json!({"tools": tools, "messages": talk(&content)}),
        sent: vec![("/messages", talk(&sent))],
        dropped,
    };
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    let inside = "messages[2].content[0].content[0]";
    check(vec![
        case(json!([probe()]), json!([reference("old"), reference("probe")]), json!([reference("probe")]), &[inside]),
        case(json!([probe()]), json!([reference("old")]), json!(GONE), &[inside]),
        case(json!([probe()]), json!([reference("old"), text("Two.")]), json!([text("Two.")]), &[inside]),
        case(json!([search, probe()]), json!([reference("web_search")]), json!(GONE), &[inside, "tools[0]"]),
    ]);
    let searched = |names: &[&str]| json!([user(&json!("Go")), assistant(&found(names)), user(&json!("And?"))]);
    let place = "messages[1].content[1].content.tool_references[0]";
    let case = |names: &[&str], sent: &[&str], dropped| Expected {
        models: ALL,
        betas: &[],
        fields: json!({"tools": [probe()], "messages": searched(names)}),
        sent: vec![("/messages", searched(sent))],
        dropped,
    };
    check(vec![
        case(&["old", "probe"], &["probe"], &[place]),
        case(&["old"], &[], &[place]),
        case(&["probe"], &["probe"], &[]),
    ]);
}

#[test]
fn references_follow_the_names_of_their_tools() {
    let change = |name: &str| json!({"type": "tool_removal", "tool": {"type": "tool_reference", "name": name}});
    let call = |name: &str| json!({"type": "tool_use", "id": "a", "name": name, "input": {}});
    let talk = |name: &str| {
        json!([
            user(&json!("Go")),
            assistant(&found(&[name])),
            user(&json!("And?")),
            assistant(&json!([call(name)])),
            user(&json!([given(&json!([reference(name)]))])),
            {"role": "system", "content": [change(name)]},
        ])
    };
    check(vec![Expected {
        models: &ALL[3..],
        betas: &[CHANGES],
        fields: json!({"tools": [tool("mcp.x/y")], "messages": talk("mcp.x/y")}),
        sent: vec![("/messages", talk("mcp_x_y")), ("/tools/0/name", json!("mcp_x_y"))],
        dropped: &[],
    }]);
}

#[test]
fn a_change_of_the_tools_names_a_declared_tool() {
    let change = |tool: &Value| json!({"type": "tool_addition", "tool": tool});
    let by_name = |name: &str| change(&json!({"type": "tool_reference", "name": name}));
    let define = |definition: &Value| change(&json!({"type": "tool_definition", "definition": definition}));
    let (go, brief) = (user(&json!("Go")), text("Be brief."));
    let talk = |content: &Value| json!([go, {"role": "system", "content": content}]);
    let case = |content: &Value, sent: Value, dropped| Expected {
        models: &ALL[3..],
        betas: &[CHANGES],
        fields: json!({"tools": [probe()], "messages": talk(content)}),
        sent: vec![("/messages", sent)],
        dropped,
    };
    let marked =
        json!({"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    let first = &["messages[1].content[0]"][..];
    let mut cases = vec![
        case(&json!([by_name("probe"), brief]), talk(&json!([by_name("probe"), brief])), &[]),
        case(&json!([by_name("old"), by_name("probe")]), talk(&json!([by_name("probe")])), first),
        case(&json!([by_name("old")]), json!([go]), first),
    ];
    for defined in [marked, tool("f"), json!({"type": "web_search_20250305", "name": "web_search"})] {
        cases.push(case(&json!([define(&defined), brief]), talk(&json!([brief])), first));
    }
    check(cases);
}

#[test]
fn a_change_of_the_tools_goes_where_no_instruction_stays() {
    let change = json!({"type": "tool_addition", "tool": {"type": "tool_reference", "name": "probe"}});
    let aye = assistant(&json!("Aye."));
    let after = json!([user(&json!("Go")), aye, {"role": "system", "content": [change]}, user(&json!("On"))]);
    let within = json!([user(&json!([text("Go"), change]))]);
    let case = |messages: Value, sent: Value, dropped| Expected {
        models: &ALL[3..],
        betas: &[CHANGES],
        fields: json!({"tools": [probe()], "messages": messages}),
        sent: vec![("/messages", sent)],
        dropped,
    };
    check(vec![
        case(after, json!([user(&json!("Go")), aye, user(&json!("On"))]), &["messages[2].content[0]"]),
        case(within, json!([user(&json!([text("Go")]))]), &["messages[0].content[1]"]),
    ]);
}
