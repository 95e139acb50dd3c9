//! Requests in other forms than the format's own that clients also send. They must mean the same on every route.

use serde_json::{Value, json};

use super::upstream::{CHAT, MESSAGES, PDF, PNG, check, function, schema, sent, tool, user};
use gateway_tests::relaying::catalog;
use gateway_tests::sending::send;

const CLAUDE: &str = "claude-opus-4.6";
const GEMINI: &str = "gemini-3-pro";
const GEMINI_2: &str = "gemini-2.5-flash";

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn asks(rest: Value) -> Value {
    let mut request = json!({"messages": [user(json!("Is it warm in Turku?"))]});
    request.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    request
}

#[test]
fn tools_of_other_dialects_are_client_tools() {
    let flat = json!({"type": "function", "name": "warmth", "parameters": schema()});
    let untyped = json!({"name": "warmth", "parameters": schema()});
    let custom = json!({"type": "custom", "name": "warmth", "input_schema": schema()});
    for declared in [flat, untyped, custom, tool("warmth"), function("warmth")] {
        let request = asks(json!({"tools": [declared]}));
        check(CHAT, CLAUDE, &request, json!({"/tools/0/name": "warmth", "/tools/0/input_schema": schema()}), &[]);
        let declared = "/tools/0/functionDeclarations/0";
        let expected = json!({format!("{declared}/name"): "warmth", format!("{declared}/parametersJsonSchema"): schema()});
        check(CHAT, GEMINI, &request, expected, &[]);
        let older = json!({format!("{declared}/name"): "warmth", format!("{declared}/parameters"): schema()});
        check(CHAT, GEMINI_2, &request, older, &[]);
    }
}

#[test]
fn a_choice_in_anthropics_form_means_what_it_means_there() {
    for (choice, claude, gemini, names) in [
        (json!({"type": "any"}), json!({"type": "any"}), json!("ANY"), Value::Null),
        (json!("any"), json!({"type": "any"}), json!("ANY"), Value::Null),
        (json!({"type": "none"}), json!({"type": "none"}), json!("NONE"), Value::Null),
        (json!({"type": "auto"}), Value::Null, Value::Null, Value::Null),
        (
            json!({"type": "tool", "name": "warmth"}),
            json!({"type": "tool", "name": "warmth"}),
            json!("ANY"),
            json!(["warmth"]),
        ),
        (
            json!({"type": "function", "name": "warmth"}),
            json!({"type": "tool", "name": "warmth"}),
            json!("ANY"),
            json!(["warmth"]),
        ),
    ] {
        let request = asks(json!({"tools": [function("warmth")], "tool_choice": choice}));
        check(CHAT, CLAUDE, &request, json!({"/tool_choice": claude}), &[]);
        let config = "/toolConfig/functionCallingConfig";
        let expected = json!({format!("{config}/mode"): gemini, format!("{config}/allowedFunctionNames"): names});
        for model in [GEMINI, GEMINI_2] {
            check(CHAT, model, &request, expected.clone(), &[]);
        }
    }
}

#[test]
fn a_choice_of_no_known_kind_is_refused_by_its_path() {
    let catalog = catalog().unwrap();
    for (choice, param) in [
        (json!({"type": "sometimes"}), "tool_choice.type"),
        (json!("sometimes"), "tool_choice"),
        (json!({"type": "function"}), "tool_choice.function"),
        (json!({"type": "tool"}), "tool_choice.name"),
        (json!({}), "tool_choice.type"),
        (json!(1), "tool_choice"),
    ] {
        for model in [CLAUDE, GEMINI, "gpt-5.2"] {
            let request = asks(json!({"model": model, "tools": [function("warmth")], "tool_choice": choice}));
            let error = send(CHAT, &request.to_string(), &catalog.resolve(model).unwrap()).unwrap_err();
            assert_eq!(error.param(), Some(param), "{model} {choice}");
        }
    }
}

fn with_blocks() -> Value {
    json!({
        "tools": [function("warmth")],
        "messages": [
            user(json!("Is it warm in Turku?")),
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Ask the tool.", "signature": "c29tZW9uZQ=="},
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "toolu_7", "name": "warmth", "input": {"town": "Turku"}},
            ]},
            user(json!([
                {"type": "tool_result", "tool_use_id": "toolu_7", "content": [{"type": "text", "text": "9 degrees"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            ])),
        ],
    })
}

#[test]
fn anthropics_blocks_in_chat_messages_mean_what_they_mean_there() {
    let request = with_blocks();
    let claude = json!({
        "/messages/1/content": [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "toolu_7", "name": "warmth", "input": {"town": "Turku"}},
        ],
        "/messages/2/content": [
            {"type": "tool_result", "tool_use_id": "toolu_7", "content": [{"type": "text", "text": "9 degrees"}]},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ],
    });
    check(CHAT, CLAUDE, &request, claude, &["messages[1].content[0]"]);
    let gemini = json!({
        "/contents/1/parts/0/text": "Let me see.",
        "/contents/1/parts/1/functionCall": {"name": "warmth", "args": {"town": "Turku"}},
        "/contents/2": {
            "role": "user",
            "parts": [{"functionResponse": {"name": "warmth", "response": {"output": "9 degrees"}}}],
        },
        "/contents/3": {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]},
    });
    check(CHAT, GEMINI, &request, gemini, &["messages[1].content[0]"]);
}

#[test]
fn unsigned_thoughts_are_named_where_they_are_refused() {
    for (field, thought) in [
        ("reasoning_content", json!("Hm.")),
        ("reasoning", json!("Hm.")),
        ("reasoning_details", json!([{"type": "reasoning.text", "text": "Hm.", "index": 0}])),
    ] {
        let named = if thought.is_array() { format!("messages[1].{field}[0]") } else { format!("messages[1].{field}") };
        let mut answer = json!({"role": "assistant", "content": "Yes."});
        answer[field] = thought;
        let request = json!({"messages": [user(json!("Is it?")), answer, user(json!("Sure?"))]});
        check(CHAT, CLAUDE, &request, json!({"/messages/1/content": [{"type": "text", "text": "Yes."}]}), &[&named]);
        check(CHAT, GEMINI, &request, json!({"/contents/1/parts": [{"text": "Yes."}]}), &[&named]);
    }
}

#[test]
fn thinking_says_how_much_in_chat_requests_too() {
    let budget = asks(json!({"max_tokens": 7000, "thinking": {"type": "enabled", "budget_tokens": 3000}}));
    check(CHAT, "claude-haiku-4.5", &budget, json!({"/thinking": {"type": "enabled", "budget_tokens": 3000}}), &[]);
    let config = json!({"includeThoughts": true, "thinkingBudget": 3000});
    check(CHAT, "gemini-2.5-pro", &budget, json!({"/generationConfig/thinkingConfig": config}), &[]);
    let off = asks(json!({"thinking": {"type": "disabled"}}));
    check(CHAT, GEMINI_2, &off, json!({"/generationConfig/thinkingConfig": {"thinkingBudget": 0}}), &[]);
    let both = asks(json!({"thinking": {"type": "disabled"}, "reasoning_effort": "high"}));
    check(CHAT, GEMINI_2, &both, json!({"/generationConfig/thinkingConfig/thinkingBudget": 24_576}), &[]);
}

#[test]
fn small_dialects_are_read() {
    let picture = format!("data:image/png;base64,{PNG}");
    let request = json!({"messages": [user(json!([{"type": "image_url", "image_url": picture}]))]});
    check(CHAT, CLAUDE, &request, json!({"/messages/0/content/0/source/data": PNG}), &[]);
    check(CHAT, GEMINI, &request, json!({"/contents/0/parts/0/inlineData/data": PNG}), &[]);
    for unset in [-1, 0] {
        let request = asks(json!({"top_k": unset}));
        check(CHAT, CLAUDE, &request, json!({"/top_k": null}), &[]);
        check(CHAT, GEMINI_2, &request, json!({"/generationConfig/topK": null}), &[]);
    }
    let flat = asks(json!({"response_format": {"type": "json_schema", "schema": schema()}}));
    check(CHAT, CLAUDE, &flat, json!({"/output_config/format/schema/properties": schema()["properties"]}), &[]);
    check(CHAT, GEMINI, &flat, json!({"/generationConfig/responseJsonSchema": schema()}), &[]);
    let mut marked = function("warmth");
    marked["function"]["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"});
    let expected = json!({"/tools/0/cache_control": {"type": "ephemeral", "ttl": "1h"}});
    check(CHAT, CLAUDE, &asks(json!({"tools": [marked]})), expected, &[]);
    let empty = asks(json!({"tools": [], "tool_choice": "auto", "parallel_tool_calls": true}));
    check(CHAT, CLAUDE, &empty, json!({"/tools": null, "/tool_choice": null}), &[]);
    check(CHAT, GEMINI, &empty, json!({"/tools": null, "/toolConfig": null}), &[]);
}

#[test]
fn speakers_are_told_apart() {
    let request = json!({"messages": [
        {"role": "system", "name": "Host", "content": "Be fair."},
        {"role": "user", "name": "Eva", "content": [{"type": "text", "text": "Tea."}]},
        {"role": "assistant", "name": "Max", "content": "Coffee."},
        {"role": "user", "name": "Eva", "content": [{"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}}]},
        {"role": "user", "content": "Who wants tea?"},
    ]});
    let claude = json!({
        "/system/0/text": "Host: Be fair.",
        "/messages/0/content/0/text": "Eva: Tea.",
        "/messages/1/content/0/text": "Max: Coffee.",
        "/messages/2/content/0/text": "Eva:",
        "/messages/2/content/2/text": "Who wants tea?",
    });
    check(CHAT, CLAUDE, &request, claude, &[]);
    let gemini = json!({
        "/systemInstruction/parts/0/text": "Host: Be fair.",
        "/contents/0/parts/0/text": "Eva: Tea.",
        "/contents/1/parts/0/text": "Max: Coffee.",
        "/contents/2/parts/0/text": "Eva:",
    });
    check(CHAT, GEMINI, &request, gemini, &[]);
}

fn file(data: &str, name: Option<&str>) -> Value {
    let mut file = json!({"file_data": data});
    if let Some(name) = name {
        file["filename"] = json!(name);
    }
    json!({"messages": [user(json!([{"type": "file", "file": file}]))]})
}

#[test]
fn files_have_the_type_of_their_bytes_their_name_or_their_part() {
    let bare = file(PDF, Some("plan"));
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": PDF});
    check(CHAT, CLAUDE, &bare, json!({"/messages/0/content/0/source": source}), &[]);
    let inline = json!({"mimeType": "application/pdf", "data": PDF});
    check(CHAT, GEMINI, &bare, json!({"/contents/0/parts": [{"text": "plan"}, {"inlineData": inline}]}), &[]);
    for (name, kind) in [(Some("plan.pdf"), "application/pdf"), (None, "application/pdf"), (Some("plan.csv"), "text/csv")] {
        let url = "https://files.example.org/get?n=5";
        let shown = json!({"fileData": {"mimeType": kind, "fileUri": url}});
        let parts: Vec<Value> = name.map(|name| json!({"text": name})).into_iter().chain([shown]).collect();
        check(CHAT, GEMINI, &file(url, name), json!({"/contents/0/parts": parts}), &[]);
    }
    // "a;b\n" in base64.
    for (data, name) in [("data:text/csv;base64,YTtiCg==", Some("table")), ("YTtiCg==", Some("table.csv"))] {
        let title = name.unwrap();
        let text = json!({"/contents/0/parts/0/text": format!("{title}\n\na;b\n")});
        check(CHAT, GEMINI, &file(data, name), text, &[]);
        let document = json!({"type": "text", "media_type": "text/plain", "data": "a;b\n"});
        let claude = json!({"/messages/0/content/0/source": document, "/messages/0/content/0/title": title});
        check(CHAT, CLAUDE, &file(data, name), claude, &[]);
    }
}

#[test]
fn what_stands_after_a_result_stands_in_a_content_of_its_own() {
    let picture = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}});
    let request = json!({"tools": [function("look")], "messages": [
        user(json!("Look.")),
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "look", "arguments": {"town": "Oulu"}}}]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "seen"}, picture]},
        user(json!("And?")),
    ]});
    let data = json!({"inlineData": {"mimeType": "image/png", "data": PNG}});
    let response = json!({"name": "look", "response": {"output": "seen"}});
    let old = json!({
        "/contents/1/parts/0/functionCall/args": {"town": "Oulu"},
        "/contents/2/parts": [{"functionResponse": response}],
        "/contents/3": {"role": "user", "parts": [data, {"text": "And?"}]},
    });
    check(CHAT, GEMINI_2, &request, old, &[]);
    let mut response = response;
    response["parts"] = json!([data]);
    let new = json!({
        "/contents/2/parts": [{"functionResponse": response}],
        "/contents/3": {"role": "user", "parts": [{"text": "And?"}]},
    });
    check(CHAT, GEMINI, &request, new, &[]);
}

#[test]
fn numbers_that_gemini_refuses_are_named() {
    for (seed, sent, dropped) in [
        (json!(4_000_000_000_u64), Value::Null, &["seed"][..]),
        (json!(-2_147_483_649_i64), Value::Null, &["seed"]),
        (json!(2_147_483_647), json!(2_147_483_647), &[]),
    ] {
        for model in [GEMINI, GEMINI_2] {
            check(CHAT, model, &asks(json!({"seed": seed})), json!({"/generationConfig/seed": sent}), dropped);
        }
    }
    let penalties = asks(json!({"frequency_penalty": 0.1, "presence_penalty": -0.1}));
    let none = json!({"/generationConfig/frequencyPenalty": null, "/generationConfig/presencePenalty": null});
    for model in [GEMINI, GEMINI_2, "gemini-2.5-pro"] {
        check(CHAT, model, &penalties, none.clone(), &["frequency_penalty", "presence_penalty"]);
    }
}

#[test]
fn a_form_with_dictionaries_is_asked_for_in_words_where_the_target_cannot_say_it() {
    let schema =
        json!({"type": "object", "properties": {"prices": {"type": "object", "additionalProperties": {"type": "number"}}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "prices", "schema": schema}});
    let request = asks(json!({"response_format": format}));
    let says = |text: &Value| text.as_str().is_some_and(|text| text.ends_with(&schema.to_string()));
    let (claude, dropped) = sent(CHAT, CLAUDE, request.clone());
    assert!(says(&claude["system"][0]["text"]), "{claude}");
    assert!(["output_config", "tools"].iter().all(|name| claude.get(*name).is_none()), "{claude}");
    assert_eq!(dropped, ["response_format"]);
    let (gemini, dropped) = sent(CHAT, GEMINI_2, request.clone());
    assert!(says(&gemini["systemInstruction"]["parts"][0]["text"]), "{gemini}");
    let expected = (&json!("application/json"), None);
    let config = &gemini["generationConfig"];
    assert_eq!((&config["responseMimeType"], config.get("responseSchema")), expected);
    assert_eq!(dropped, ["response_format"]);
    check(CHAT, GEMINI, &request, json!({"/generationConfig/responseJsonSchema": schema}), &[]);
}

#[test]
fn documents_of_other_kinds_are_said_in_text() {
    let blocks = json!({"type": "content", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]});
    let document = json!({"type": "document", "title": "Minutes", "context": "Of May.", "source": blocks});
    let request = json!({"messages": [user(json!([document, {"type": "text", "text": "Sum up."}]))]});
    let texts = ["Minutes", "Of May.", "One.", "Two.", "Sum up."];
    let parts: Vec<Value> = texts.iter().map(|text| json!({"text": text})).collect();
    check(MESSAGES, GEMINI, &request, json!({"/contents/0/parts": parts}), &[]);
    check(MESSAGES, "gpt-5.2", &request, json!({"/messages/0/content": texts.join("\n\n")}), &[]);
    let found = json!({
        "type": "search_result", "source": "https://rules.example.org", "title": "Rules", "citations": {"enabled": true},
        "content": [{"type": "text", "text": "No dogs."}],
    });
    let request = json!({"messages": [user(json!([found, {"type": "text", "text": "Dogs?"}]))]});
    let text = "Rules\nhttps://rules.example.org\nNo dogs.";
    let named = ["messages[0].content[0].citations"];
    check(MESSAGES, GEMINI, &request, json!({"/contents/0/parts/0/text": text}), &named);
    check(MESSAGES, "gpt-5.2", &request, json!({"/messages/0/content": format!("{text}\n\nDogs?")}), &named);
}

#[test]
fn found_tools_are_named_and_searches_left_out() {
    let request = json!({
        "tools": [
            {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
            tool("find"),
            {"name": "archive", "input_schema": schema(), "defer_loading": true},
        ],
        "tool_choice": {"type": "tool", "name": "tool_search_tool_bm25"},
        "messages": [
            user(json!("Which tool?")),
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "find", "input": "{\"town\":\"Vaasa\"}"}]},
            user(json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "tool_reference", "tool_name": "archive"}]}])),
        ],
    });
    let named = ["tool_choice", "tools[0]"];
    let found = "The tool archive was found.";
    let gemini = json!({
        "/tools/0/functionDeclarations/0/name": "find",
        "/tools/0/functionDeclarations/1/name": "archive",
        "/tools/0/functionDeclarations/1/parametersJsonSchema": schema(),
        "/tools/0/functionDeclarations/2": null,
        "/toolConfig": null,
        "/contents/1/parts/0/functionCall/args": {"town": "Vaasa"},
        "/contents/2/parts/0/functionResponse/response/output": found,
    });
    check(MESSAGES, GEMINI, &request, gemini, &named);
    let gpt = json!({
        "/tools/0/function/name": "find",
        "/tools/1/function": {"name": "archive", "parameters": schema()},
        "/tools/2": null,
        "/messages/1/tool_calls/0/function/arguments": "{\"town\":\"Vaasa\"}",
        "/messages/2/content": found,
    });
    check(MESSAGES, "gpt-5.2", &request, gpt, &named);
}

#[test]
fn a_connector_goes_as_a_whole() {
    let request = json!({
        "mcp_servers": [{"type": "url", "url": "https://mcp.example.org", "name": "m"}],
        "tools": [{"type": "mcp_toolset", "mcp_server_name": "m"}],
        "tool_choice": {"type": "any"},
        "messages": [user(json!("Hi."))],
    });
    for model in [GEMINI, "gpt-5.2"] {
        let expected = json!({"/tools": null, "/tool_choice": null, "/toolConfig": null, "/mcp_servers": null});
        check(MESSAGES, model, &request, expected, &["mcp_servers", "tool_choice", "tools[0]"]);
    }
}
