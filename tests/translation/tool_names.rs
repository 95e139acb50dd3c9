//! Names of tools. Providers refuse a name that is declared twice, and the choice of a tool that is not declared.

use gateway::wire::ClientFormat;
use gateway_tests::relaying::{FORMATS, catalog};
use gateway_tests::sending::send;
use serde_json::{Value, json};

/// A model for each wire format.
const MODELS: [&str; 3] = ["claude-opus-4.6", "gemini-3-pro", "gpt-5.2"];

/// Tools as a client of this format declares them, from their names and descriptions.
fn body(format: ClientFormat, tools: &[(&str, &str)]) -> Value {
    let declared = tools.iter().map(|(name, says)| match format {
        ClientFormat::ChatCompletions => {
            json!({"type": "function", "function": {"name": name, "description": says, "parameters": {"type": "object"}}})
        }
        ClientFormat::Messages => json!({"name": name, "description": says, "input_schema": {"type": "object"}}),
        ClientFormat::Responses => {
            json!({"type": "function", "name": name, "description": says, "parameters": {"type": "object"}})
        }
    });
    let tools: Vec<Value> = declared.collect();
    if format == ClientFormat::Responses {
        return json!({"model": "m", "input": "hi", "tools": tools});
    }
    json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], "tools": tools})
}

/// The values of all fields `name` of the sent tools, in order.
fn names(sent: &Value) -> Vec<String> {
    match sent {
        Value::Array(list) => list.iter().flat_map(names).collect(),
        Value::Object(fields) => {
            let own = fields.get("name").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(names)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_tool_that_is_declared_twice_alike_is_sent_once_and_nothing_is_named() {
    let catalog = catalog().unwrap();
    for format in FORMATS {
        for model in MODELS.map(|name| catalog.resolve(name).unwrap()) {
            let body = body(format, &[("look", "a"), ("other", "a"), ("look", "a")]);
            let outbound = send(format, &body.to_string(), &model).unwrap();
            let sent: Value = serde_json::from_slice(&outbound.body).unwrap();
            assert_eq!(names(&sent["tools"]), ["look", "other"], "{format:?} {}", model.id);
            assert_eq!(outbound.dropped, [""; 0], "{format:?} {}", model.id);
        }
    }
}

#[test]
fn one_name_for_different_tools_is_refused_by_its_path() {
    let catalog = catalog().unwrap();
    for (format, path) in
        [(ClientFormat::ChatCompletions, "tools[1].function.name"), (ClientFormat::Messages, "tools[1].name")]
    {
        for model in MODELS.map(|name| catalog.resolve(name).unwrap()) {
            let error = send(format, &body(format, &[("look", "a"), ("look", "b")]).to_string(), &model).unwrap_err();
            let message = format!("{path}: look is declared twice with different content.");
            assert_eq!((error.param(), error.message()), (Some(path), message.as_str()), "{}", model.id);
        }
    }
}

#[test]
fn a_choice_of_a_tool_that_is_left_out_goes_with_it() {
    let catalog = catalog().unwrap();
    let function = json!({"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}});
    let chat = json!({"tools": [{"type": "web_search"}, function], "tool_choice": {"type": "web_search"}});
    let client = json!({"name": "look", "input_schema": {"type": "object"}});
    let server = json!({"type": "web_search_20250305", "name": "web_search"});
    let messages = json!({"tools": [server, client], "tool_choice": {"type": "tool", "name": "web_search"}});
    for (format, tools) in [(ClientFormat::ChatCompletions, chat), (ClientFormat::Messages, messages)] {
        let mut body = body(format, &[]);
        body.as_object_mut().unwrap().extend(tools.as_object().unwrap().clone());
        for model in MODELS.map(|name| catalog.resolve(name).unwrap()) {
            let outbound = send(format, &body.to_string(), &model).unwrap();
            let sent = String::from_utf8(outbound.body).unwrap();
            assert!(!sent.contains("web_search"), "{format:?} {}: {sent}", model.id);
            assert_eq!(outbound.dropped, ["tool_choice", "tools[0]"], "{format:?} {}", model.id);
        }
    }
}

#[test]
fn more_tools_than_a_vendor_accepts_are_refused() {
    let catalog = catalog().unwrap();
    for (model, most) in [("gpt-5.2", 128), ("grok-4.7", 200)] {
        let model = catalog.resolve(model).unwrap();
        let names: Vec<String> = (0..=most).map(|number| format!("t{number}")).collect();
        let tools: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let number = most + 1;
        let expected =
            format!("tools: this model's route accepts at most {most} tools, got {number}; leave out some of them.");
        for format in FORMATS {
            send(format, &body(format, &tools[..most]).to_string(), &model).unwrap();
            let error = send(format, &body(format, &tools).to_string(), &model).err().unwrap();
            assert_eq!((error.message(), error.param()), (expected.as_str(), Some("tools")), "{model:?} {format:?}");
        }
    }
}
