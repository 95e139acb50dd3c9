use super::super::super::signature;
use super::super::super::wire::Wire;
use super::super::gemini::check;
use super::*;

const PRO: &str = "gemini-3-pro-preview";
const FLASH: &str = "gemini-2.5-flash";
const BYPASS: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

fn body() -> Value {
    json!({
        "contents": [{ "role": "user", "parts": [{ "text": "hello" }] }],
        "tools": [{ "functionDeclarations": [{ "name": "weather" }] }],
    })
}

fn verdict(model: &str, change: &Value) -> Verdict {
    check(model, &changed(&body(), change))
}

fn config(config: &Value) -> Value {
    json!({ "generationConfig": config })
}

fn thinking(thinking: &Value) -> Value {
    config(&json!({ "thinkingConfig": thinking }))
}

fn function(function: &Value) -> Value {
    json!({ "tools": [{ "functionDeclarations": [changed(&json!({ "name": "weather" }), function)] }] })
}

fn parameters(schema: &Value) -> Value {
    function(&json!({ "parameters": { "type": "OBJECT", "properties": { "a": schema } } }))
}

fn call(name: &str, signature: Option<&str>) -> Value {
    changed(&json!({ "functionCall": { "name": name, "args": {} } }), &json!({ "thoughtSignature": signature }))
}

fn answer(name: &str) -> Value {
    json!({ "functionResponse": { "name": name, "response": { "output": "18" } } })
}

/// A conversation that continues after the first user message.
fn talk(turns: &[Value]) -> Value {
    let mut contents = vec![json!({ "role": "user", "parts": [{ "text": "hello" }] })];
    for (place, parts) in turns.iter().enumerate() {
        contents.push(json!({ "role": if place % 2 == 0 { "model" } else { "user" }, "parts": parts }));
    }
    json!({ "contents": contents })
}

fn says(part: &Value) -> Value {
    json!({ "contents": [{ "role": "user", "parts": [part] }] })
}

#[test]
fn sound_requests_are_accepted() {
    let signed = signature::issue(Wire::Gemini, PRO, 0);
    let union = json!({ "anyOf": [{ "type": "string" }, { "type": "INTEGER", "format": "int64" }], "nullable": true });
    let picture = json!({ "mimeType": "image/png", "data": PNG });
    let image = json!({ "file_data": { "mime_type": "image/png", "file_uri": "https://x/y.png" } });
    for (model, change) in [
        (PRO, talk(&[json!([call("a", Some(&signed)), call("b", None)]), json!([answer("a"), answer("b")])])),
        (PRO, talk(&[json!([call("a", Some(BYPASS))]), json!([answer("a")])])),
        // Calls of earlier turns need no signature.
        (
            PRO,
            talk(&[
                json!([call("a", None)]),
                json!([answer("a")]),
                json!([{ "text": "18" }]),
                json!([{ "text": "and now?" }]),
            ]),
        ),
        (PRO, talk(&[json!([{ "text": "x", "thoughtSignature": signed }]), json!([{ "text": "and now?" }])])),
        (FLASH, talk(&[json!([call("a", None)]), json!([answer("a")])])),
        (PRO, parameters(&union)),
        (PRO, function(&json!({ "parametersJsonSchema": { "type": "object", "properties": { "$ref": { "const": 1 } } } }))),
        (FLASH, thinking(&json!({ "thinking_budget": 0 }))),
        (PRO, config(&json!({ "responseMimeType": "application/json", "maxOutputTokens": 65_535 }))),
        (FLASH, says(&image)),
        (FLASH, says(&json!({ "inlineData": picture }))),
        (FLASH, says(&json!({ "inlineData": { "mimeType": "image/heic", "data": "aGVsbG8=" } }))),
        (
            FLASH,
            json!({ "tool_config": { "function_calling_config": { "mode": "ANY", "allowed_function_names": ["weather"] } } }),
        ),
        (FLASH, json!({ "safetySettings": [{ "category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF" }] })),
        (FLASH, config(&json!({ "seed": -2_147_483_648_i64, "topK": 40, "maxOutputTokens": 1, "frequencyPenalty": null }))),
        (PRO, config(&json!({ "seed": "2147483647", "candidateCount": 2.0 }))),
        // Media after the results are in their own content.
        (
            FLASH,
            json!({ "contents": [
                { "role": "user", "parts": [{ "text": "a" }] },
                { "role": "model", "parts": [call("a", None)] },
                { "role": "user", "parts": [answer("a")] },
                { "role": "user", "parts": [{ "text": "and now?" }] },
            ] }),
        ),
        (
            PRO,
            talk(&[
                json!([call("a", Some(&signed))]),
                json!([changed(&answer("a"), &json!({ "functionResponse": { "parts": [{ "inlineData": picture }] } }))]),
            ]),
        ),
        (FLASH, json!({ "tools": [{ "googleSearch": {} }], "toolConfig": { "retrievalConfig": {} } })),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
}

#[test]
fn thinking_as_each_model_knows_it_is_accepted() {
    for (model, change) in [
        (PRO, thinking(&json!({ "thinkingLevel": "low", "includeThoughts": true }))),
        ("gemini-2.5-flash-lite", thinking(&json!({ "thinkingBudget": 0 }))),
        ("gemini-3-flash-preview", thinking(&json!({ "thinkingLevel": "MINIMAL" }))),
        ("gemini-3.5-flash-lite", thinking(&json!({ "thinkingLevel": "MINIMAL" }))),
        ("gemini-3.1-pro-preview", thinking(&json!({ "thinkingLevel": "MEDIUM" }))),
        ("gemini-3.1-pro-preview", thinking(&json!({ "thinkingBudget": 0 }))),
        ("gemini-4-argon", thinking(&json!({ "thinkingLevel": "MEDIUM" }))),
        ("gemini-4-neon", thinking(&json!({ "thinkingLevel": "XHIGH" }))),
        ("gemini-2.5-pro", thinking(&json!({ "thinkingBudget": -1 }))),
    ] {
        assert_eq!(verdict(model, &change), Ok(()), "{change}");
    }
}

#[test]
fn unknown_fields_are_refused_where_they_are() {
    let field = |name: &str, path: &str| format!("Unknown name \"{name}\" at '{path}': Cannot find field.");
    for (change, words) in [
        (json!({ "model": "x" }), "Unknown name \"model\": Cannot find field.".to_owned()),
        (config(&json!({ "top_kk": 1 })), field("top_kk", "generation_config")),
        (thinking(&json!({ "effort": 1 })), field("effort", "generation_config.thinking_config")),
        (says(&json!({ "text": "a", "cache_control": {} })), field("cache_control", "contents[0].parts[0]")),
        (function(&json!({ "strict": true })), field("strict", "tools[0].function_declarations[0]")),
        (
            parameters(&json!({ "type": "integer", "exclusiveMinimum": 0 })),
            field("exclusiveMinimum", "tools[0].function_declarations[0].parameters.properties[0].value"),
        ),
        (
            talk(&[json!([{ "functionCall": { "name": "a", "args": {}, "id": "x" } }]), json!([answer("a")])]),
            field("id", "contents[1].parts[0].function_call"),
        ),
        (json!({ "contents": {} }), "Invalid value at 'contents'".to_owned()),
        (json!({ "systemInstruction": [] }), "Proto field is not repeating, cannot start list.".to_owned()),
    ] {
        refused(verdict(FLASH, &change), &words, &change);
    }
}

#[test]
fn settings_are_refused() {
    let both = json!({ "thinkingLevel": "LOW", "thinkingBudget": 0 });
    let calling = |mode: &str| json!({ "toolConfig": { "functionCallingConfig": { "mode": mode, "allowedFunctionNames": ["weather"] } } });
    for (model, change, words) in [
        (PRO, thinking(&both), "only set one of thinking budget and thinking level"),
        (FLASH, thinking(&json!({ "thinkingLevel": "LOW" })), "Thinking level is not supported for this model"),
        (PRO, thinking(&json!({ "thinkingLevel": "MINIMAL" })), "Thinking level MINIMAL is not supported"),
        ("gemini-3.1-pro-preview", thinking(&json!({ "thinkingLevel": "MINIMAL" })), "MINIMAL is not supported"),
        (PRO, thinking(&json!({ "thinkingLevel": "MEDIUM" })), "Thinking level MEDIUM is not supported"),
        ("gemini-2.5-pro", thinking(&json!({ "thinkingBudget": 0 })), "choose a value between 128 and 32768"),
        (FLASH, thinking(&json!({ "thinkingBudget": 30_000 })), "choose a value between 0 and 24576"),
        ("gemini-2.5-flash-lite", thinking(&json!({ "thinkingBudget": 100 })), "between 512 and 24576"),
        (FLASH, config(&json!({ "responseMimeType": "application/json" })), "mime type: 'application/json' is unsupported"),
        (
            FLASH,
            json!({ "tools": [{ "functionDeclarations": [{ "name": "a" }] }, { "googleSearch": {} }] }),
            "all search tools",
        ),
        (PRO, calling("AUTO"), "only be set when the function calling mode is ANY"),
        (PRO, calling("SOME"), "Invalid value at 'tool_config.function_calling_config.mode'"),
        (PRO, config(&json!({ "maxOutputTokens": 65_537 })), "has a maxOutputTokens value of 65537"),
        (PRO, config(&json!({ "temperature": 2.5 })), "has a temperature value of 2.5"),
        (PRO, config(&json!({ "stopSequences": ["a", "b", "c", "d", "e", "f"] })), "it has 6 stopSequences"),
        (PRO, config(&json!({ "maxOutputTokens": 0 })), "has a maxOutputTokens value of 0"),
        (PRO, config(&json!({ "topK": -1 })), "has a topK value of -1"),
        (PRO, config(&json!({ "topK": 3_000_000_000_u64 })), "has a topK value of 3000000000"),
        (FLASH, config(&json!({ "seed": 3_735_928_559_u64 })), "'generation_config.seed' (TYPE_INT32), 3735928559"),
        (
            PRO,
            config(&json!({ "max_output_tokens": 3_000_000_000_u64 })),
            "'generation_config.max_output_tokens' (TYPE_INT32)",
        ),
        (PRO, config(&json!({ "seed": 1.5 })), "'generation_config.seed' (TYPE_INT32), 1.5"),
        (FLASH, config(&json!({ "frequencyPenalty": 0.4 })), "Penalty is not enabled for this model"),
        (PRO, config(&json!({ "presence_penalty": 0.3 })), "Penalty is not enabled for this model"),
        ("gemini-3.8-flash", thinking(&json!({ "thinkingLevel": "MINIMAL" })), "MINIMAL is not supported"),
        ("gemini-4-argon", thinking(&json!({ "thinkingLevel": "MINIMAL" })), "MINIMAL is not supported"),
        ("gemini-4-argon", thinking(&json!({ "thinkingLevel": "XHIGH" })), "XHIGH is not supported"),
        (
            PRO,
            json!({ "tools": null, "toolConfig": { "functionCallingConfig": { "mode": "AUTO" } } }),
            "set without function_declarations",
        ),
        (
            PRO,
            json!({ "tools": [{ "googleSearch": {} }], "toolConfig": { "functionCallingConfig": { "mode": "ANY" } } }),
            "set without function_declarations",
        ),
        (
            PRO,
            json!({ "toolConfig": { "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["wether"] } } }),
            "allowed_function_names contains the name `wether`",
        ),
        (PRO, json!({ "safetySettings": [{ "category": "RUDENESS", "threshold": "OFF" }] }), "safety_settings[0].category"),
    ] {
        refused(verdict(model, &change), words, &change);
    }
}

#[test]
fn functions_are_refused() {
    let schema = json!({ "type": "object" });
    for (change, words) in [
        (function(&json!({ "name": "a/b" })), "Invalid function name."),
        (function(&json!({ "parameters": schema, "parametersJsonSchema": schema })), "only one of parameters and"),
        (function(&json!({ "parametersJsonSchema": { "$schema": "x" } })), "unsupported keyword `$schema`"),
        (function(&json!({ "parametersJsonSchema": { "properties": { "a": { "$ref": "#" } } } })), "keyword `$ref`"),
        (function(&json!({ "parameters": { "type": "object", "properties": {} } })), "should be non-empty for OBJECT type"),
        (parameters(&json!({ "type": ["string", "null"] })), "Unknown name \"type\" at"),
        (parameters(&json!({ "type": "text" })), "google.cloud.aiplatform.v1.Type), \"text\""),
        (parameters(&json!({ "description": "a" })), "didn't specify the schema type field"),
        (parameters(&json!({ "type": "string", "enum": [""] })), "enum[0]: cannot be empty"),
        (parameters(&json!({ "type": "integer", "enum": [1] })), "enum[0]' (TYPE_STRING), 1"),
        (parameters(&json!({ "type": "integer", "enum": ["1"] })), "only allowed for STRING type"),
        (parameters(&json!({ "type": "string", "format": "uri" })), "format: `uri` is not supported for STRING type"),
        (parameters(&json!({ "type": "array" })), "items: missing field."),
        (parameters(&json!({ "type": "string", "anyOf": [{ "type": "string" }] })), "other fields alongside any_of"),
        (function(&json!({ "parameters": { "type": "string" } })), "should be of type OBJECT"),
        (function(&json!({ "parametersJsonSchema": { "anyOf": [{ "type": "object" }] } })), "should be of type OBJECT"),
        (parameters(&json!({ "type": "object", "required": ["b"] })), "required[0]: property is not defined"),
    ] {
        refused(verdict(PRO, &change), words, &change);
    }
}

#[test]
fn conversations_are_refused() {
    let number = "number of function response parts is equal to the number of function call parts";
    let bytes = json!({ "inlineData": { "mimeType": "image/png", "data": "data:image/png;base64,AA" } });
    for (change, words) in [
        (json!({ "contents": [{ "role": "model", "parts": [{ "text": "a" }] }] }), "start with a user turn"),
        (json!({ "contents": [{ "role": "assistant", "parts": [{ "text": "a" }] }] }), "valid role: user, model."),
        (json!({ "contents": [{ "role": "user", "parts": [] }] }), "at least one parts field"),
        (says(&json!({ "text": "" })), "empty text parameter"),
        (says(&json!({ "thought": true, "text": "a", "inlineData": {} })), "oneof field 'data' is already set"),
        (says(&bytes), "Base64 decoding failed"),
        (says(&json!({ "fileData": { "mimeType": "image/png", "fileUri": "file:///x" } })), "is not valid"),
        (says(&json!({ "fileData": { "fileUri": "https://x/y" } })), "must have a mimeType parameter"),
        (says(&answer("a")), "comes immediately after a function call turn"),
        (talk(&[json!([call("a", None)])]), number),
        (talk(&[json!([call("a", None)]), json!([answer("a"), { "text": "and now?" }])]), number),
        (
            talk(&[
                json!([call("a", None)]),
                json!([answer("a"), { "inlineData": { "mimeType": "image/png", "data": PNG } }]),
            ]),
            number,
        ),
        (talk(&[json!([call("a", None), call("b", None)]), json!([answer("a")])]), number),
        (talk(&[json!([call("a", None), call("b", None)]), json!([answer("b"), answer("a")])]), "by name and order"),
        (
            talk(&[json!([call("a", None)]), json!([{ "functionResponse": { "name": "a", "response": "18" } }])]),
            "Invalid value at 'contents[2].parts[0].function_response.response'",
        ),
        (
            talk(&[
                json!([call("a", None)]),
                json!([changed(&answer("a"), &json!({ "functionResponse": { "parts": [] } }))]),
            ]),
            "multimodal function responses are not supported",
        ),
    ] {
        refused(verdict(FLASH, &change), words, &change);
    }
}

#[test]
fn what_repeats_or_does_not_belong_is_refused() {
    let twice = json!({ "tools": [{ "functionDeclarations": [{ "name": "a" }, { "name": "a" }] }] });
    refused(verdict(PRO, &twice), "Duplicate function declaration found: a", &twice);
    let apart =
        json!({ "tools": [{ "functionDeclarations": [{ "name": "a" }] }, { "functionDeclarations": [{ "name": "a" }] }] });
    refused(verdict(PRO, &apart), "Duplicate function declaration found: a", &apart);
    let text = changed(&answer("a"), &json!({ "functionResponse": { "parts": [{ "text": "18" }] } }));
    let talk = talk(&[json!([call("a", Some(BYPASS))]), json!([text])]);
    refused(verdict(PRO, &talk), "Unknown name \"text\" at 'contents[2].parts[0].function_response.parts[0]'", &talk);
    let file = |kind: &str| says(&json!({ "inlineData": { "mimeType": kind, "data": "aGVsbG8=" } }));
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    assert_eq!(verdict("gemini-4-hydrogen", &file(word)), Ok(()));
    for (model, kind) in [
        (FLASH, word),
        (FLASH, "application/octet-stream"),
        (FLASH, "image/svg+xml"),
        ("gemini-4-hydrogen", "application/zip"),
    ] {
        refused(verdict(model, &file(kind)), "which is not supported", &json!(kind));
    }
    let picture = says(&json!({ "inlineData": { "mimeType": "image/png", "data": "aGVsbG8=" } }));
    refused(verdict(PRO, &picture), "Provided image is not valid.", &picture);
    let empty = json!({ "contents": [] });
    refused(verdict(PRO, &empty), "start with a user turn", &empty);
}

#[test]
fn calls_without_their_signature_are_refused() {
    let signed = signature::issue(Wire::Gemini, PRO, 0);
    let other = signature::issue(Wire::Gemini, "gemini-3-flash-preview", 0);
    let one = |signature: Option<&str>| talk(&[json!([call("a", signature)]), json!([answer("a")])]);
    let two =
        |first: &str| talk(&[json!([call("a", Some(first)), call("b", Some(&signed))]), json!([answer("a"), answer("b")])]);
    for (change, words) in [
        (one(None), "function call `default_api:a` in the 2. content block is missing a `thought_signature`"),
        (one(Some(&other)), "Corrupted thought signature."),
        (one(Some("abcd")), "Corrupted thought signature."),
        (two(&signed), "Corrupted thought signature."),
    ] {
        refused(verdict(PRO, &change), words, &change);
    }
}
