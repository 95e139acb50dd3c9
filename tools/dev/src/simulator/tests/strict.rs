//! The strict scenario end to end: tool loops as a careful client plays them, and a rejection on each wire.

use serde_json::json;

use super::*;

const MARKER: &str = "weather? [[sim:strict label=loop]]";

fn schema() -> Value {
    json!({ "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } })
}

/// Plays the tool loop to its end. Returns the number of calls in each reply and the last text.
async fn claude_loop(stand: &Stand, model: &str, mut body: Value) -> (Vec<usize>, String) {
    let mut calls = Vec::new();
    loop {
        let reply = stand.vertex(&format!("anthropic/models/{model}:rawPredict"), &body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let content = reply.json()["content"].clone();
        let blocks = content.as_array().unwrap();
        let used: Vec<_> = blocks.iter().filter(|block| block["type"] == "tool_use").collect();
        if used.is_empty() {
            return (calls, blocks.last().unwrap()["text"].as_str().unwrap().to_owned());
        }
        calls.push(used.len());
        let results: Vec<_> =
            used.iter().map(|used| json!({ "type": "tool_result", "tool_use_id": used["id"], "content": "18" })).collect();
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({ "role": "assistant", "content": content }));
        messages.push(json!({ "role": "user", "content": results }));
    }
}

async fn gemini_loop(stand: &Stand, model: &str, mut body: Value) -> (Vec<usize>, String) {
    let mut calls = Vec::new();
    loop {
        let reply = stand.vertex(&format!("google/models/{model}:generateContent"), &body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let content = reply.json()["candidates"][0]["content"].clone();
        let parts = content["parts"].as_array().unwrap().clone();
        let called: Vec<_> = parts.iter().filter_map(|part| part.get("functionCall")).collect();
        if called.is_empty() {
            return (calls, parts.last().unwrap()["text"].as_str().unwrap().to_owned());
        }
        let signed = parts.iter().filter(|part| part.get("thoughtSignature").is_some()).count();
        assert_eq!(signed, 1, "only the first call is signed");
        calls.push(called.len());
        let answers: Vec<_> = called
            .iter()
            .map(|call| {
                let mut answer = json!({ "name": call["name"], "response": { "output": "18" } });
                if let Some(id) = call.get("id") {
                    answer["id"] = id.clone();
                }
                json!({ "functionResponse": answer })
            })
            .collect();
        let contents = body["contents"].as_array_mut().unwrap();
        contents.push(content);
        contents.push(json!({ "role": "user", "parts": answers }));
    }
}

async fn openrouter_loop(stand: &Stand, mut body: Value) -> (Vec<usize>, String) {
    let mut calls = Vec::new();
    loop {
        let reply = stand.openrouter(&body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let message = reply.json()["choices"][0]["message"].clone();
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(message.clone());
        let Some(called) = message["tool_calls"].as_array() else {
            return (calls, message["content"].as_str().unwrap().to_owned());
        };
        calls.push(called.len());
        messages.extend(called.iter().map(|call| json!({ "role": "tool", "tool_call_id": call["id"], "content": "18" })));
    }
}

fn ask_claude(marker: &str, thinking: &Value) -> Value {
    json!({ "anthropic_version": "vertex-2023-10-16", "max_tokens": 4_096, "thinking": thinking,
        "messages": [{ "role": "user", "content": marker }],
        "tools": [{ "name": "weather", "input_schema": schema() }, { "name": "time", "input_schema": schema() }] })
}

fn ask_gemini(marker: &str, visible: bool) -> Value {
    let functions = ["weather", "time"].map(|name| json!({ "name": name, "parametersJsonSchema": schema() }));
    json!({ "contents": [{ "role": "user", "parts": [{ "text": marker }] }], "tools": [{ "functionDeclarations": functions }],
        "generationConfig": { "thinkingConfig": { "includeThoughts": visible } } })
}

fn ask_openrouter(model: &str, marker: &str, reasoning: &Value) -> Value {
    let tools =
        ["weather", "time"].map(|name| json!({ "type": "function", "function": { "name": name, "parameters": schema() } }));
    json!({ "model": model, "messages": [{ "role": "user", "content": marker }], "tools": tools, "reasoning": reasoning })
}

fn done() -> (Vec<usize>, String) {
    (vec![1; 5], "done after 5 steps".to_owned())
}

#[tokio::test]
async fn loop_goes_round_five_times_on_each_wire() {
    with_simulator(async |stand: Stand| {
        for (model, thinking) in [
            ("claude-opus-4-6", json!({ "type": "disabled" })),
            ("claude-opus-4-8", json!({ "type": "adaptive" })),
            ("claude-opus-4-8", json!({ "type": "adaptive", "display": "omitted" })),
            ("claude-haiku-4-5@20251001", json!({ "type": "enabled", "budget_tokens": 1_024 })),
        ] {
            assert_eq!(claude_loop(&stand, model, ask_claude(MARKER, &thinking)).await, done(), "{model}");
        }
        for (model, visible) in
            [("gemini-3.1-pro-preview", true), ("gemini-3-flash-preview", false), ("gemini-3.8-flash", true)]
        {
            assert_eq!(gemini_loop(&stand, model, ask_gemini(MARKER, visible)).await, done(), "{model}");
        }
        for model in ["openai/gpt-5.2", "anthropic/claude-opus-4.6", "google/gemini-3.1-pro-preview", "qwen/qwen3-coder"] {
            for reasoning in [Value::Null, json!({ "effort": "high" })] {
                assert_eq!(openrouter_loop(&stand, ask_openrouter(model, MARKER, &reasoning)).await, done(), "{model}");
            }
        }
        assert!(stand.simulator.journal().entries("loop").iter().all(|row| row.status == 200 && row.scenario == "strict"));
    })
    .await;
}

#[tokio::test]
async fn first_reply_calls_several_tools_at_once() {
    with_simulator(async |stand: Stand| {
        let marker = "weather? [[sim:strict steps=4 parallel=3]]";
        let expected = (vec![3, 1], "done after 4 steps".to_owned());
        let adaptive = json!({ "type": "adaptive" });
        assert_eq!(claude_loop(&stand, "claude-opus-4-6", ask_claude(marker, &adaptive)).await, expected);
        assert_eq!(gemini_loop(&stand, "gemini-3.1-pro-preview", ask_gemini(marker, true)).await, expected);
        let ask = ask_openrouter("openai/gpt-5.2", marker, &Value::Null);
        assert_eq!(openrouter_loop(&stand, ask).await, expected);
    })
    .await;
}

#[tokio::test]
async fn streams_hold_the_same_calls_and_signatures() {
    with_simulator(async |stand: Stand| {
        let marker = "weather? [[sim:strict parallel=2]]";
        let mut ask = ask_claude(marker, &json!({ "type": "adaptive" }));
        ask["stream"] = Value::Bool(true);
        let events = stand.vertex("anthropic/models/claude-opus-4-6:streamRawPredict", &ask.to_string()).await.events();
        let kinds: Vec<_> = events.iter().filter_map(|event| event["content_block"]["type"].as_str()).collect();
        assert_eq!(kinds, ["thinking", "tool_use", "tool_use"]);
        let stops = events.iter().filter(|event| event["type"] == "content_block_stop").count();
        let signature = events.iter().find_map(|event| event["delta"]["signature"].as_str()).unwrap();
        assert_eq!((stops, signature.len()), (3, 600));

        let target = "google/models/gemini-3.1-pro-preview:streamGenerateContent?alt=sse";
        let events = stand.vertex(target, &ask_gemini(marker, true).to_string()).await.events();
        let parts: Vec<_> = events.iter().map(|event| &event["candidates"][0]["content"]["parts"][0]).collect();
        let calls: Vec<_> = parts.iter().filter(|part| part["functionCall"].is_object()).collect();
        assert!(calls[0]["thoughtSignature"].is_string() && calls[1]["thoughtSignature"].is_null());
        assert!(parts.last().unwrap()["thoughtSignature"].is_null());

        let mut ask = ask_openrouter("openai/gpt-5.2", marker, &json!({ "effort": "low" }));
        ask["stream"] = Value::Bool(true);
        let events = stand.openrouter(&ask.to_string()).await.events();
        let indices: Vec<_> =
            events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"][0]["index"].as_u64()).collect();
        assert_eq!(indices, [0, 0, 0, 1, 1, 1]);
        let details =
            events.iter().filter_map(|event| event["choices"][0]["delta"]["reasoning_details"][0]["data"].as_str());
        assert_eq!(details.map(str::len).collect::<Vec<_>>(), [600]);
    })
    .await;
}

#[tokio::test]
async fn refusal_comes_in_each_wire_s_own_shape() {
    with_simulator(async |stand: Stand| {
        let mut ask = ask_claude("hello [[sim:strict label=no]]", &json!({ "type": "disabled" }));
        ask["seed"] = Value::from(1);
        let reply = stand.vertex("anthropic/models/claude-opus-4-6:rawPredict", &ask.to_string()).await;
        assert_eq!((reply.status, &reply.json()["error"]["type"]), (400, &"invalid_request_error".into()));
        assert_eq!(reply.json()["error"]["message"], "seed: Extra inputs are not permitted");

        let mut ask = ask_gemini("hello [[sim:strict label=no]]", false);
        ask["seed"] = Value::from(1);
        let reply = stand.vertex("google/models/gemini-3.1-pro-preview:generateContent", &ask.to_string()).await;
        assert_eq!((reply.status, &reply.json()["error"]["status"]), (400, &"INVALID_ARGUMENT".into()));

        let mut ask = ask_openrouter("openai/gpt-5.2", "hello [[sim:strict label=no]]", &Value::Null);
        ask["system"] = Value::from("x");
        let reply = stand.openrouter(&ask.to_string()).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &400.into()));
        let rows = stand.simulator.journal().entries("no");
        assert!(rows.len() == 3 && rows.iter().all(|row| row.status == 400 && row.scenario == "refused"));
        // Without `strict` the same error passes.
        ask["messages"][0]["content"] = Value::from("hello");
        assert_eq!(stand.openrouter(&ask.to_string()).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn strictness_lasts_when_the_client_puts_texts_between() {
    with_simulator(async |stand: Stand| {
        let mut ask = ask_openrouter("openai/gpt-5.2", MARKER, &Value::Null);
        ask["messages"].as_array_mut().unwrap().push(json!({ "role": "user", "content": "a reminder" }));
        let reply = stand.openrouter(&ask.to_string()).await.json();
        assert_eq!(reply["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], r#"{"city":"simulated"}"#);
        ask["tools"] = Value::Null;
        let reply = stand.openrouter(&ask.to_string()).await;
        assert!(reply.body.contains("You said"), "{}", reply.body);
    })
    .await;
}

#[tokio::test]
async fn cached_tokens_are_reported_in_each_wire_s_own_form() {
    with_simulator(async |stand: Stand| {
        // 40 bytes are ten tokens.
        let text = format!("{:<40}", "hello [[sim:echo cached=4 label=c]]");
        let usage = stand.openrouter(&chat(&text, "")).await.json()["usage"].clone();
        assert_eq!((&usage["prompt_tokens"], &usage["prompt_tokens_details"]["cached_tokens"]), (&10.into(), &4.into()));
        let target = "anthropic/models/claude-opus-4-6:rawPredict";
        let usage = stand.vertex(target, &messages(&text, "")).await.json()["usage"].clone();
        assert_eq!((&usage["input_tokens"], &usage["cache_read_input_tokens"]), (&6.into(), &4.into()));
        let target = "google/models/gemini-3-pro:generateContent";
        let usage = stand.vertex(target, &contents(&text, "")).await.json()["usageMetadata"].clone();
        assert_eq!((&usage["promptTokenCount"], &usage["cachedContentTokenCount"]), (&10.into(), &4.into()));
        let rows = stand.simulator.journal().entries("c");
        let told = rows.iter().map(|row| row.usage.unwrap());
        assert!(told.into_iter().all(|usage| (usage.input_tokens, usage.cached_tokens) == (10, 4)));
        // There are never more than there are tokens.
        let usage = stand.openrouter(&chat("[[sim:echo cached=4000]]", "")).await.json()["usage"].clone();
        assert_eq!(usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]);
    })
    .await;
}

#[tokio::test]
async fn a_session_is_played_reply_by_reply_and_an_unknown_one_is_refused() {
    with_simulator(async |stand: Stand| {
        let body = |session: &str| {
            let tool = |name: &str| json!({ "type": "function", "function": { "name": name, "parameters": schema() } });
            let text = format!("[[sim:strict session={session}]]");
            json!({ "model": "m", "messages": [{ "role": "user", "content": text }], "tools": [tool("look"), tool("go")] })
        };
        let call = |city: &str| json!({ "name": "go", "arguments": { "city": city } });
        let replies =
            json!([{ "calls": [call("Rome"), call("Oslo")] }, { "calls": [call("Rome")] }, { "text": "We are there." }]);
        let order = json!({ "name": "trip", "replies": replies }).to_string();
        assert_eq!(stand.send("POST /_simulator/sessions", "", &order).await.status, 204);
        assert_eq!(openrouter_loop(&stand, body("trip")).await, (vec![2, 1], "We are there.".to_owned()));
        let refused = stand.openrouter(&body("other").to_string()).await;
        assert_eq!(refused.status, 400);
        assert!(refused.body.contains("the simulator has no session `other`"), "{}", refused.body);
    })
    .await;
}
