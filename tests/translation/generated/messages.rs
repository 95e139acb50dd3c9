//! Made-up Messages requests.

use serde_json::{Value, json};

use super::random::Random;
use crate::upstream::{PDF, PNG};

/// A request.
pub fn request(random: &mut Random) -> Value {
    let messages: Vec<Value> = (0..=random.below(8)).map(|_| message(random)).collect();
    let limit = random.pick(&[1, 1_500, 9_000, 900_000]);
    let mut body = json!({"model": "m", "max_tokens": limit, "messages": messages});
    let instructions = [Value::from(random.text()), Value::from(random.list(3, text))];
    random.maybe(&mut body, 2, "system", &instructions);
    if !random.once_in(3) {
        let mut tools = random.list(4, tool);
        // A name identifies one tool.
        let mut seen = Vec::new();
        tools.retain(|tool| {
            let is_new = !seen.contains(&tool["name"]);
            seen.push(tool["name"].clone());
            is_new
        });
        body["tools"] = Value::from(tools);
        let mut choices = ["auto", "any", "none"].map(|kind| json!({"type": kind})).to_vec();
        choices.push(json!({"type": "auto", "disable_parallel_tool_use": true}));
        choices.extend(body.pointer("/tools/0/name").cloned().map(|name| json!({"type": "tool", "name": name})));
        random.maybe(&mut body, 2, "tool_choice", &choices);
    }
    random.settings(&mut body);
    random.maybe(&mut body, 3, "stop_sequences", &[json!([]), json!(["", " "]), json!(["a", "b", "", "c", "d", "e", "f"])]);
    let effort = random.pick(&["low", "medium", "high", "xhigh", "max"]);
    let format = json!({"type": "json_schema", "schema": random.schema()});
    let configs =
        [json!({"effort": effort}), json!({"format": format}), json!({"effort": effort, "format": format, "x": 1})];
    random.maybe(&mut body, 3, "output_config", &configs);
    random.maybe(&mut body, 4, "metadata", &[json!({"user_id": "u"}), json!({"user_id": null}), json!({"other": 1})]);
    body
}

fn tool(random: &mut Random) -> Value {
    let (name, schema) = (random.name(), random.schema());
    let mut tool = random.pick(&[
        json!({"name": name, "input_schema": schema}),
        json!({"type": "custom", "name": name, "input_schema": schema, "strict": true}),
        json!({"name": name, "description": "d", "input_schema": schema, "input_examples": [{}], "allowed_callers": ["direct"]}),
        json!({"type": "bash_20250124", "name": "bash"}),
        json!({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 900}),
        json!({"type": "web_search_20250305", "name": "web_search"}),
    ]);
    random.mark(&mut tool);
    tool
}

fn message(random: &mut Random) -> Value {
    let role = random.pick(&["user", "user", "assistant", "assistant", "system"]);
    let content = if random.once_in(3) { Value::from(random.text()) } else { Value::from(random.list(5, block)) };
    json!({"role": role, "content": content})
}

fn text(random: &mut Random) -> Value {
    let mut text = json!({"type": "text", "text": random.text()});
    random.mark(&mut text);
    text
}

/// A block of any kind.
pub fn block(random: &mut Random) -> Value {
    let said = random.text();
    let seal = random.pick(&["", "EqoB", "gw1.g.EqoB"]);
    let mut block = match random.below(12) {
        0..=2 => return text(random),
        3 => json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}),
        4 => document(random),
        5 => random.pick(&[
            json!({"type": "thinking", "thinking": said, "signature": seal}),
            json!({"type": "thinking", "thinking": said}),
            json!({"type": "redacted_thinking", "data": "b3BhcXVl"}),
        ]),
        6 | 7 => json!({"type": "tool_use", "id": random.id(), "name": random.name(), "input": {"a": 1}}),
        8 | 9 => {
            let content = random.list(3, |random| if random.once_in(3) { document(random) } else { text(random) });
            let mut result = json!({"type": "tool_result", "tool_use_id": random.id(), "is_error": random.once_in(4)});
            random.maybe(&mut result, 2, "content", &[Value::from(content), Value::from(said)]);
            result
        }
        10 => {
            json!({"type": "search_result", "source": "https://a.example", "title": "Found", "content": [{"type": "text", "text": said}]})
        }
        _ => json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}),
    };
    random.mark(&mut block);
    block
}

fn document(random: &mut Random) -> Value {
    let data = random.text();
    random.pick(&[
        json!({"type": "document", "title": "Plan", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}),
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": data}, "context": "c"}),
        json!({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": data}]}}),
    ])
}
