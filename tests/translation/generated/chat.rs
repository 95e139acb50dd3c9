//! Made-up Chat Completions requests.

use serde_json::{Value, json};

use super::messages::block;
use super::random::Random;
use crate::upstream::{PDF, PNG};

/// A request.
pub fn request(random: &mut Random) -> Value {
    let messages: Vec<Value> = (0..=random.below(8)).map(|_| message(random)).collect();
    let mut body = json!({"model": "m", "messages": messages});
    if !random.once_in(3) {
        let mut tools = random.list(4, tool);
        // A name identifies one tool.
        let mut seen = Vec::new();
        tools.retain(|tool| {
            let name = tool.pointer("/function/name").or(tool.pointer("/custom/name")).or(tool.get("name")).cloned();
            let is_new = !seen.contains(&name);
            seen.push(name);
            is_new
        });
        body["tools"] = Value::from(tools);
        let named = body.pointer("/tools/0/function/name").or(body.pointer("/tools/0/name")).cloned();
        let mut choices =
            vec![json!("auto"), json!("none"), json!("required"), json!({"type": "any", "disable_parallel_tool_use": true})];
        choices.extend(named.clone().map(|name| json!({"type": "function", "function": {"name": name}})));
        choices.extend(named.map(|name| {
            let tools = [json!({"type": "function", "function": {"name": name}})];
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools}})
        }));
        random.maybe(&mut body, 2, "tool_choice", &choices);
    }
    settings(random, &mut body);
    body
}

fn settings(random: &mut Random, body: &mut Value) {
    random.settings(body);
    random.mark(body);
    random.maybe(body, 3, "parallel_tool_calls", &[json!(false), json!(true)]);
    random.maybe(body, 5, "frequency_penalty", &[json!(-3), json!(0.5)]);
    random.maybe(body, 5, "presence_penalty", &[json!(3), json!(-0.5)]);
    random.maybe(body, 5, "seed", &[json!(7), json!(-9_000_000_000_i64)]);
    random.maybe(body, 5, "logprobs", &[json!(true), json!(false)]);
    random.maybe(body, 5, "user", &[json!("u"), json!("")]);
    let many = json!(["a", "b", "", " ", "c", "d", "e"]);
    random.maybe(body, 3, "stop", &[json!(""), json!("\n"), json!("END"), json!([]), json!(["", " "]), many]);
    random.maybe(body, 4, "max_tokens", &[json!(1), json!(1_500), json!(900_000)]);
    random.maybe(body, 6, "max_completion_tokens", &[json!(3), json!(5_000)]);
    let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"].map(Value::from);
    random.maybe(body, 4, "reasoning_effort", &efforts);
    let inner = json!({"effort": random.pick(&efforts)});
    let both = json!({"effort": "low", "max_tokens": 3_000});
    random.maybe(
        body,
        5,
        "reasoning",
        &[inner, both, json!({"max_tokens": 300}), json!({"enabled": false}), json!({"exclude": true})],
    );
    let schema = random.schema();
    let named = |name: &str| json!({"type": "json_schema", "json_schema": {"name": name, "strict": true, "schema": schema}});
    let flat = json!({"type": "json_schema", "schema": schema, "description": "d"});
    let bare = json!({"type": "json_schema"});
    random.maybe(body, 4, "response_format", &[named("odd name"), named("n"), flat, bare, json!({"type": "json_object"})]);
}

fn tool(random: &mut Random) -> Value {
    let (name, schema) = (random.name(), random.schema());
    let function = json!({"name": name, "parameters": schema, "strict": random.once_in(3)});
    let grammar = json!({"type": "grammar", "grammar": {"syntax": "regex", "definition": "[a-z]+"}});
    let mut tool = random.pick(&[
        json!({"type": "function", "function": function}),
        json!({"function": function}),
        json!({"type": "function", "name": name, "parameters": schema, "input_examples": [1]}),
        json!({"name": name, "input_schema": schema, "strict": true}),
        json!({"type": "custom", "custom": {"name": name, "format": grammar}}),
        json!({"type": "custom", "name": name, "format": grammar}),
        json!({"type": "web_search"}),
    ]);
    random.mark(&mut tool);
    tool
}

fn message(random: &mut Random) -> Value {
    let role = random.pick(&[
        "system",
        "developer",
        "user",
        "user",
        "user",
        "assistant",
        "assistant",
        "assistant",
        "tool",
        "tool",
        "function",
    ]);
    let content = match random.below(3) {
        0 if role == "assistant" => Value::Null,
        0 | 1 => Value::from(random.text()),
        _ => Value::from(random.list(4, part)),
    };
    let mut message = json!({"role": role, "content": content});
    random.mark(&mut message);
    random.maybe(&mut message, 6, "name", &[json!("ann"), json!("f"), json!("")]);
    match role {
        "assistant" => assistant(random, &mut message),
        "tool" if !random.once_in(8) => message["tool_call_id"] = Value::from(random.id()),
        "function" => message["name"] = Value::from(random.name()),
        _ => {}
    }
    message
}

fn assistant(random: &mut Random, message: &mut Value) {
    if !random.once_in(3) {
        message["tool_calls"] = Value::from(random.list(4, call));
    }
    let function = json!({"name": random.name(), "arguments": "{}"});
    random.maybe(message, 12, "function_call", &[function, Value::Null]);
    let refusal = Value::from(random.text());
    random.maybe(message, 8, "refusal", &[refusal, Value::Null]);
    let thought = Value::from(random.text());
    random.maybe(message, 6, "reasoning_content", &[thought.clone(), Value::Null]);
    random.maybe(message, 8, "reasoning", &[thought]);
    let sealed = json!([{"type": "reasoning.encrypted", "data": "b3BhcXVl", "format": "openai-responses-v1", "index": 0}]);
    let told = json!([{"type": "reasoning.text", "text": "", "format": "unknown"}]);
    random.maybe(message, 8, "reasoning_details", &[sealed, told, json!([])]);
    random.maybe(
        message,
        8,
        "images",
        &[json!([]), json!([{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}])],
    );
    random.maybe(message, 8, "audio", &[Value::Null, json!({"id": "audio_1"})]);
    random.maybe(message, 8, "annotations", &[json!([]), json!([{"type": "url_citation"}])]);
}

fn call(random: &mut Random) -> Value {
    let name = random.name();
    let arguments = random.pick(&[
        json!(""),
        json!("{}"),
        json!("{\"a\":1}"),
        json!("{"),
        json!("null"),
        json!("[1]"),
        json!({"a": 1}),
        Value::Null,
    ]);
    let id = random.id();
    let function = json!({"name": name, "arguments": arguments});
    random.pick(&[
        json!({"id": id, "type": "function", "function": function}),
        json!({"id": id, "function": function, "index": 0}),
        json!({"type": "function", "function": function}),
        json!({"id": id, "type": "custom", "custom": {"name": name, "input": "words"}}),
    ])
}

fn part(random: &mut Random) -> Value {
    let url = format!("data:image/png;base64,{PNG}");
    let text = random.text();
    let mut part = match random.below(12) {
        0..=3 => json!({"type": "text", "text": text}),
        4 => json!({"type": random.pick(&["input_text", "output_text"]), "text": text}),
        5 => json!({"type": "refusal", "refusal": text}),
        6 => random.pick(&[
            json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}}),
            json!({"type": "image_url", "image_url": url}),
            json!({"type": "input_image", "image_url": url}),
        ]),
        7 => random.pick(&[
            json!({"type": "file", "file": {"filename": "plan.pdf", "file_data": PDF}}),
            json!({"type": "input_file", "filename": "plan.pdf", "file_data": format!("data:application/pdf;base64,{PDF}")}),
            json!({"type": "file", "file": {"filename": "notes.txt", "file_data": "bm90ZXM="}}),
        ]),
        8 => json!({"type": "reasoning", "text": text}),
        9 if random.once_in(8) => json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        9 if random.once_in(4) => block(random),
        _ => json!({"type": "text", "text": text, "x_future": 1}),
    };
    random.mark(&mut part);
    part
}
