//! If something is dropped, everything that refers to it is dropped too: the choice of a removed tool, the result of a call, the field of a beta.

use std::collections::BTreeSet;

use gateway::wire::WireFormat;
use serde_json::{Value, json};

use super::generated::for_all;
use super::upstream::{CHAT, MESSAGES, check, function, tool, user};

/// The number of generated requests for each format.
const REQUESTS: u64 = 30;

/// Field names, starting at the body.
type Path = &'static [&'static str];

/// Every string at the end of a path of field names. Lists on the way are searched entry by entry.
fn all<'v>(value: &'v Value, path: &[&str]) -> BTreeSet<&'v str> {
    let Some((name, rest)) = path.split_first() else {
        return match value {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        };
    };
    match value {
        Value::Array(list) => list.iter().flat_map(|entry| all(entry, path)).collect(),
        other => other.get(*name).map_or_else(BTreeSet::new, |below| all(below, rest)),
    }
}

/// References within a body: the wire format, the path of the reference, and the paths of its possible targets.
const POINTERS: [(WireFormat, Path, &[Path]); 7] = [
    (
        WireFormat::OpenAi,
        &["tool_choice", "function", "name"],
        &[&["tools", "function", "name"], &["tools", "custom", "name"]],
    ),
    (WireFormat::OpenAi, &["tool_choice", "custom", "name"], &[&["tools", "custom", "name"]]),
    (
        WireFormat::OpenAi,
        &["tool_choice", "allowed_tools", "tools", "function", "name"],
        &[&["tools", "function", "name"], &["tools", "custom", "name"]],
    ),
    (WireFormat::OpenAi, &["messages", "tool_call_id"], &[&["messages", "tool_calls", "id"]]),
    (WireFormat::Anthropic, &["tool_choice", "name"], &[&["tools", "name"]]),
    (
        WireFormat::Gemini,
        &["toolConfig", "functionCallingConfig", "allowedFunctionNames"],
        &[&["tools", "functionDeclarations", "name"]],
    ),
    (
        WireFormat::Gemini,
        &["contents", "parts", "functionResponse", "name"],
        &[&["contents", "parts", "functionCall", "name"]],
    ),
];

/// Fields that need another field.
const DEPENDENT: [(WireFormat, &str, &str); 4] = [
    (WireFormat::OpenAi, "tool_choice", "tools"),
    (WireFormat::OpenAi, "parallel_tool_calls", "tools"),
    (WireFormat::Anthropic, "tool_choice", "tools"),
    (WireFormat::Gemini, "toolConfig", "tools"),
];

fn dangling(wire: WireFormat, body: &Value) -> Vec<String> {
    let pointers = POINTERS.iter().filter(|(of, _, _)| *of == wire);
    let lost = pointers.flat_map(|(_, from, to)| {
        let there: BTreeSet<&str> = to.iter().flat_map(|path| all(body, path)).collect();
        let lost = all(body, from).into_iter().filter(move |name| !there.contains(name));
        lost.map(move |name| format!("{} {name} points to nothing", from.join(".")))
    });
    let alone =
        DEPENDENT.iter().filter(|(of, field, other)| *of == wire && body.get(field).is_some() && body.get(other).is_none());
    lost.chain(alone.map(|(_, field, other)| format!("{field} without {other}"))).collect()
}

#[test]
fn nothing_that_is_sent_of_odd_requests_points_to_what_is_not() {
    for_all(REQUESTS, |_, _, to, sent| {
        let body = sent.map(|sent| serde_json::from_slice::<Value>(&sent.body).unwrap());
        body.map_or_else(Vec::new, |body| dangling(to.wire, &body))
    });
}

#[test]
fn a_choice_goes_with_its_tool() {
    let server = json!({"type": "web_search_20250305", "name": "web_search"});
    let choice = json!({"type": "tool", "name": "web_search"});
    for (tools, named) in
        [(json!([server]), ["tool_choice", "tools[0]"]), (json!([tool("f"), server]), ["tool_choice", "tools[1]"])]
    {
        let request = json!({"tools": tools, "tool_choice": choice, "messages": [user(json!("Hi."))]});
        let gone = json!({"/tool_choice": null, "/toolConfig": null});
        for model in ["claude-opus-4.6", "gemini-3-pro", "gpt-5.2"] {
            check(MESSAGES, model, &request, gone.clone(), &named);
        }
    }
    let request = json!({
        "tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}, "parallel_tool_calls": false,
        "messages": [user(json!("Hi."))],
    });
    let gone = json!({"/tools": null, "/tool_choice": null, "/parallel_tool_calls": null});
    check(CHAT, "gpt-5.2", &request, gone, &["parallel_tool_calls", "tool_choice", "tools[0]"]);
}

#[test]
fn a_result_goes_with_its_call_as_words() {
    // A call in a user's message is not a call.
    let request = json!({"tools": [tool("f")], "messages": [
        user(json!([{"type": "text", "text": "Hi."}, {"type": "tool_use", "id": "c", "name": "f", "input": {}}])),
        user(json!([{"type": "tool_result", "tool_use_id": "c", "content": "7 degrees"}])),
    ]});
    let said = "Hi.\n\nResult of an earlier tool call:\n\n7 degrees";
    check(MESSAGES, "gpt-5.2", &request, json!({"/messages": [user(json!(said))]}), &["messages[0].content[1]"]);
    let parts = ["Hi.", "Result of an earlier tool call:", "7 degrees"].map(|text| json!({"text": text}));
    let turn = json!([{"role": "user", "parts": parts}]);
    check(MESSAGES, "gemini-3-pro", &request, json!({"/contents": turn}), &["messages[0].content[1]"]);
}

#[test]
fn a_choice_between_tools_goes_where_none_is_declared() {
    let request =
        json!({"tools": [], "tool_choice": "required", "parallel_tool_calls": true, "messages": [user(json!("Hi."))]});
    let gone = json!({"/tools": null, "/tool_choice": null, "/parallel_tool_calls": null, "/toolConfig": null});
    for model in ["gpt-5.2", "claude-opus-4.6", "gemini-3-pro"] {
        check(CHAT, model, &request, gone.clone(), &["tool_choice"]);
    }
    let free = json!({"tools": [], "tool_choice": "auto", "messages": [user(json!("Hi."))]});
    check(CHAT, "gpt-5.2", &free, gone.clone(), &[]);
    let declared = json!({"tools": [function("f")], "tool_choice": "required", "messages": [user(json!("Hi."))]});
    check(CHAT, "gpt-5.2", &declared, json!({"/tool_choice": "required"}), &[]);
}

#[test]
fn the_field_of_a_beta_goes_with_the_beta() {
    let betas = MESSAGES.betas(&["context-management-2025-06-27", "unknown-2026-01-01"]);
    assert_eq!(betas.dropped, ["anthropic-beta:unknown-2026-01-01"]);
    let request = json!({"context_management": {"edits": []}, "messages": [user(json!("Hi."))]});
    // These requests have no beta headers.
    for model in ["claude-opus-4.6", "gemini-3-pro", "gpt-5.2"] {
        check(MESSAGES, model, &request, json!({"/context_management": null}), &["context_management"]);
    }
}
