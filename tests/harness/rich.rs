//! Requests that use every part of their format. Wherever a client may write its own text, they contain the same word. Also
//! lists all places in a request.

use serde_json::{Value, json};

/// A picture of one pixel, in base64.
pub const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A chat request with the word in every such place, and a script for the simulator in its last message.
pub fn chat(model: &str, word: &str, script: &str) -> Value {
    json!({
        "model": model, "max_tokens": 64, "stream": false, "temperature": 0.5, "top_p": 0.9, "stop": [word], "user": word,
        "seed": 1, "n": 1, "metadata": {word: word}, "reasoning": {"effort": "low"}, "logit_bias": {"50256": -100},
        "stream_options": {"include_usage": true}, "parallel_tool_calls": true, "prediction": {"type": "content", "content": word},
        "response_format": {"type": "json_schema", "json_schema": {"name": word, "strict": true, "schema": schema(word)}},
        "tools": [{"type": "function", "function": {"name": word, "description": word, "parameters": schema(word)}}],
        "tool_choice": {"type": "function", "function": {"name": word}},
        "messages": [
            {"role": "system", "content": word},
            {"role": "user", "name": word, "content": [
                {"type": "text", "text": word},
                {"type": "image_url", "image_url": {"url": format!("https://{word}.example/{word}.png"), "detail": "low"}},
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PICTURE}")}},
                {"type": "file", "file": {"filename": format!("{word}.txt"), "file_data": "data:text/plain;base64,aGk="}},
            ]},
            {"role": "assistant", "content": word, "tool_calls": [
                {"id": word, "type": "function", "function": {"name": word, "arguments": json!({word: word}).to_string()}},
            ]},
            {"role": "tool", "tool_call_id": word, "content": word},
            {"role": "user", "content": format!("{word} {script}")},
        ],
    })
}

/// A Messages request with the word in every such place, and a script for the simulator in its last message.
pub fn messages(model: &str, word: &str, script: &str) -> Value {
    json!({
        "model": model, "max_tokens": 2_048, "stream": false, "temperature": 1.0, "top_k": 5, "stop_sequences": [word],
        "metadata": {"user_id": word}, "thinking": {"type": "enabled", "budget_tokens": 1_024},
        "system": [{"type": "text", "text": word, "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
        "tools": [{"name": word, "description": word, "input_schema": schema(word)}],
        "tool_choice": {"type": "auto"},
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": word, "citations": []},
                {"type": "image", "source": {"type": "url", "url": format!("https://{word}.example/{word}.png")}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
                {"type": "document", "title": word, "context": word,
                 "source": {"type": "text", "media_type": "text/plain", "data": word}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": word, "signature": word},
                {"type": "text", "text": word},
                {"type": "tool_use", "id": word, "name": word, "input": {word: word}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": word, "is_error": false, "content": [{"type": "text", "text": word}]},
                {"type": "text", "text": format!("{word} {script}")},
            ]},
        ],
    })
}

/// A Responses request with the word in every such place, and a script for the simulator in its last message.
pub fn responses(model: &str, word: &str, script: &str) -> Value {
    json!({
        "model": model, "max_output_tokens": 64, "stream": false, "temperature": 0.5, "top_p": 0.9, "safety_identifier": word,
        "instructions": word, "metadata": {word: word}, "client_metadata": {word: word}, "prompt_cache_key": word,
        "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"], "store": false,
        "truncation": "disabled", "parallel_tool_calls": true, "service_tier": "auto",
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": word, "strict": true, "schema": schema(word)}},
        "tools": [
            {"type": "function", "name": word, "description": word, "parameters": schema(word)},
            {"type": "custom", "name": format!("{word}2"), "format": {"type": "grammar", "syntax": "lark", "definition": word}},
            {"type": "namespace", "name": word, "description": word, "tools": [{"type": "function", "name": word}]},
            {"type": "local_shell"},
        ],
        "tool_choice": {"type": "function", "name": word},
        "input": [
            {"type": "message", "id": word, "role": "developer", "content": word},
            {"role": "user", "content": [
                {"type": "input_text", "text": word},
                {"type": "input_image", "image_url": format!("https://{word}.example/{word}.png"), "detail": "low"},
                {"type": "input_file", "filename": format!("{word}.txt"), "file_data": "data:text/plain;base64,aGk="},
            ]},
            {"type": "reasoning", "id": word, "summary": [{"type": "summary_text", "text": word}]},
            {"type": "reasoning", "id": word, "summary": [], "encrypted_content": word},
            {"type": "function_call", "id": word, "call_id": word, "name": word, "arguments": json!({word: word}).to_string()},
            {"type": "local_shell_call", "call_id": format!("{word}2"), "action": {"type": "exec", "command": [word]}},
            {"type": "function_call_output", "call_id": word, "output": [{"type": "input_text", "text": word}]},
            {"type": "local_shell_call_output", "id": format!("{word}2"), "output": word},
            {"role": "assistant", "content": [{"type": "output_text", "text": word, "annotations": []}]},
            {"role": "user", "content": format!("{word} {script}")},
        ],
    })
}

fn schema(word: &str) -> Value {
    let inner = json!({"type": "string", "description": word, "enum": [word], "pattern": word});
    json!({"type": "object", "title": word, "properties": {word: inner}, "required": [word], "additionalProperties": false})
}

/// The JSON pointers of every value in a value, itself included.
pub fn places(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, String::new(), &mut found);
    found
}

fn walk(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(number, entry)| walk(entry, format!("{here}/{number}"), found));
        }
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            walk(member, format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found.push(here);
}
