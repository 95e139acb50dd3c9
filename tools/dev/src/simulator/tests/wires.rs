//! Each wire's own form, complete and streamed.

use super::super::SimulatedUsage;
use super::*;

const CLAUDE: &str = "anthropic/models/claude-opus-4-6:rawPredict";
const CLAUDE_STREAM: &str = "anthropic/models/claude-opus-4-6:streamRawPredict";
const GEMINI: &str = "google/models/gemini-3-pro:generateContent";
const GEMINI_STREAM: &str = "google/models/gemini-3-pro:streamGenerateContent?alt=sse";
const CHAT_TOOLS: &str = r#","tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object",
    "required":["city"],"properties":{"city":{"type":"string"}}}}}]"#;
const CLAUDE_TOOLS: &str = r#","tools":[{"name":"weather","input_schema":{"type":"object",
    "required":["city"],"properties":{"city":{"type":"string"}}}}]"#;
const GEMINI_TOOLS: &str = r#","tools":[{"functionDeclarations":[{"name":"weather","parameters":{"type":"OBJECT",
    "required":["city"],"properties":{"city":{"type":"STRING"}}}}]}]"#;

fn answer(model: &str, wire: &str) -> String {
    format!("Hello from the simulator. I simulate the model {model} in the {wire} format. You said: \"hello there\"")
}

fn names(reply: &Reply) -> Vec<&str> {
    reply.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
}

#[tokio::test]
async fn openrouter_answers_whole() {
    with_simulator(async |stand: Stand| {
        let reply = stand.openrouter(&chat("hello there [[sim:echo label=a]]", "")).await;
        assert_eq!(reply.status, 200);
        let body = reply.json();
        assert!(body["id"].as_str().unwrap().starts_with("gen-"));
        assert_eq!(body["choices"][0]["message"]["content"], answer("anthropic/claude-opus-4.6", "OpenRouter"));
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
        assert_eq!(body["choices"][0]["native_finish_reason"], "end_turn");
        // 32 bytes of text, including the marker, and 17 words.
        assert_eq!((&body["usage"]["prompt_tokens"], &body["usage"]["completion_tokens"]), (&8.into(), &17.into()));
        assert!(reply.body.contains(r#""cost":0.000093,"is_byok":false"#), "{}", reply.body);
        let row = stand.row("a");
        assert!(row.finished && !row.streaming && row.status == 200 && row.provider == "openrouter");
        let told = SimulatedUsage {
            input_tokens: 8,
            output_tokens: 17,
            cost_pico_usd: Some(93_000_000),
            ..SimulatedUsage::default()
        };
        assert_eq!(row.usage, Some(told));
    })
    .await;
}

#[tokio::test]
async fn openrouter_streams_one_word_a_chunk() {
    with_simulator(async |stand: Stand| {
        let reply = stand.openrouter(&chat("hello there [[sim:echo label=a]]", r#","stream":true"#)).await;
        assert!(reply.complete && reply.head.contains("text/event-stream"));
        assert!(reply.body.starts_with(": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {\"id\":\"gen-"));
        assert!(reply.body.ends_with("data: [DONE]\n\n"));
        let events = reply.events();
        // Role, 17 words, finish, usage.
        assert_eq!((events.len(), reply.chunks.len()), (20, 23));
        let content = events.iter().map(|event| event["choices"][0]["delta"]["content"].as_str().unwrap());
        assert_eq!(content.collect::<String>(), answer("anthropic/claude-opus-4.6", "OpenRouter"));
        assert_eq!(events[18]["choices"][0]["finish_reason"], "stop");
        assert_eq!(events[19]["choices"][0]["delta"]["content"], "");
        assert_eq!(events[19]["usage"]["total_tokens"], 25);
        assert!(stand.row("a").finished);
    })
    .await;
}

#[tokio::test]
async fn openrouter_calls_the_first_tool_in_pieces() {
    with_simulator(async |stand: Stand| {
        let more = format!(r#","stream":true{CHAT_TOOLS}"#);
        let reply = stand.openrouter(&chat("[[sim:tool]]", &more)).await;
        let events = reply.events();
        let calls: Vec<_> = events.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]).collect();
        let first = calls.iter().find(|call| !call.is_null()).unwrap();
        assert!(first["id"].as_str().unwrap().starts_with("call_"));
        assert_eq!((&first["function"]["name"], &first["function"]["arguments"]), (&"weather".into(), &"".into()));
        let arguments: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
        assert_eq!(arguments, r#"{"city":"simulated"}"#);
        let whole = stand.openrouter(&chat("[[sim:tool]]", CHAT_TOOLS)).await.json();
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
        assert!(whole["choices"][0]["message"]["content"].is_null());
    })
    .await;
}

#[tokio::test]
async fn tool_result_is_quoted_on_each_wire() {
    with_simulator(async |stand: Stand| {
        let chat = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"[[sim:tool label=chat]]"}},{{"role":"assistant","content":null}},
            {{"role":"tool","tool_call_id":"x","content":"18 degrees"}}]{CHAT_TOOLS}}}"#
        );
        let claude = format!(
            r#"{{"anthropic_version":"vertex-2023-10-16","max_tokens":4096,"messages":[{{"role":"user","content":"[[sim:tool]]"}},
            {{"role":"assistant","content":[]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"x",
            "content":[{{"type":"text","text":"18 degrees"}}]}}]}}]{CLAUDE_TOOLS}}}"#
        );
        let gemini = format!(
            r#"{{"contents":[{{"role":"user","parts":[{{"text":"[[sim:tool]]"}}]}},{{"role":"user","parts":[{{"functionResponse":
            {{"name":"weather","response":{{"output":"18 degrees"}}}}}}]}}]{GEMINI_TOOLS}}}"#
        );
        for reply in
            [stand.openrouter(&chat).await, stand.vertex(CLAUDE, &claude).await, stand.vertex(GEMINI, &gemini).await]
        {
            assert!(reply.body.contains(r#"The tool answered: \"18 degrees\""#), "{}", reply.body);
        }
        assert_eq!(stand.row("chat").scenario, "tool");
    })
    .await;
}

#[tokio::test]
async fn claude_answers_whole() {
    with_simulator(async |stand: Stand| {
        let reply = stand.vertex(CLAUDE, &messages("hello there [[sim:echo label=a]]", "")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(reply.head.contains("request-id: req_vrtx_"));
        let body = reply.json();
        assert!(body["id"].as_str().unwrap().starts_with("msg_vrtx_"));
        assert_eq!(body["content"][0]["text"], answer("claude-opus-4-6", "Claude"));
        assert_eq!((&body["stop_reason"], &body["usage"]["input_tokens"]), (&"end_turn".into(), &8.into()));
        assert_eq!(body["usage"]["cache_creation"]["ephemeral_1h_input_tokens"], 0);
    })
    .await;
}

#[tokio::test]
async fn claude_streams_its_events_in_order() {
    with_simulator(async |stand: Stand| {
        let reply = stand.vertex(CLAUDE_STREAM, &messages("hello there [[sim:echo label=a]]", r#","stream":true"#)).await;
        let names = names(&reply);
        assert_eq!(names[..3], ["message_start", "ping", "content_block_start"]);
        assert!(names[3..20].iter().all(|name| *name == "content_block_delta"));
        assert_eq!(names[20..], ["content_block_stop", "message_delta", "message_stop"]);
        assert!(reply.body.contains("\"} }") || reply.body.contains("  }\n"), "padding: {}", reply.body);
        let events = reply.events();
        let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
        assert_eq!(text, answer("claude-opus-4-6", "Claude"));
        assert_eq!(events[0]["message"]["usage"]["input_tokens"], 8);
        assert_eq!(events[21]["usage"]["output_tokens"], 17);
        assert!(events.iter().zip(&names).all(|(event, name)| event["type"] == *name));
    })
    .await;
}

#[tokio::test]
async fn claude_streams_thinking_then_text_and_calls_in_pieces() {
    with_simulator(async |stand: Stand| {
        let reply = stand.vertex(CLAUDE_STREAM, &messages("[[sim:thinking label=t]]", r#","stream":true"#)).await;
        let events = reply.events();
        let kinds: Vec<_> = events.iter().filter_map(|event| event["content_block"]["type"].as_str()).collect();
        assert_eq!(kinds, ["thinking", "text"]);
        assert!(events.iter().any(|event| event["delta"]["type"] == "signature_delta"));
        assert!(stand.row("t").usage.unwrap().reasoning_tokens > 0);

        let more = format!(r#","stream":true{CLAUDE_TOOLS}"#);
        let events = stand.vertex(CLAUDE_STREAM, &messages("[[sim:tool]]", &more)).await.events();
        let pieces: Vec<_> = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
        assert_eq!((pieces.len(), pieces[0], pieces.concat().as_str()), (3, "", r#"{"city":"simulated"}"#));
        let block = events.iter().find(|event| event["content_block"]["type"] == "tool_use").unwrap();
        assert!(block["content_block"]["id"].as_str().unwrap().starts_with("toolu_vrtx_"));
        assert_eq!(block["content_block"]["input"], serde_json::from_str::<Value>("{}").unwrap());
    })
    .await;
}

#[tokio::test]
async fn gemini_answers_whole_with_thoughts_and_calls() {
    with_simulator(async |stand: Stand| {
        let body = stand.vertex(GEMINI, &contents("hello there [[sim:echo label=a]]", "")).await.json();
        assert_eq!(body["candidates"][0]["content"]["parts"][0]["text"], answer("gemini-3-pro", "Gemini"));
        assert_eq!(body["candidates"][0]["finishReason"], "STOP");
        assert_eq!(body["usageMetadata"]["trafficType"], "ON_DEMAND");
        assert_eq!(
            (&body["usageMetadata"]["promptTokenCount"], &body["usageMetadata"]["totalTokenCount"]),
            (&8.into(), &25.into())
        );

        let body = stand.vertex(GEMINI, &contents("[[sim:thinking]]", "")).await.json();
        assert_eq!(body["candidates"][0]["content"]["parts"][0]["thought"], true);
        assert!(body["candidates"][0]["content"]["parts"][1]["thoughtSignature"].is_string());
        let usage = &body["usageMetadata"];
        let sum =
            ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"].map(|name| usage[name].as_u64().unwrap());
        assert_eq!(usage["totalTokenCount"], sum.iter().sum::<u64>());

        let body = stand.vertex(GEMINI, &contents("[[sim:tool]]", GEMINI_TOOLS)).await.json();
        assert_eq!(body["candidates"][0]["content"]["parts"][0]["functionCall"]["args"]["city"], "simulated");
    })
    .await;
}

#[tokio::test]
async fn gemini_streams_events_with_growing_usage() {
    with_simulator(async |stand: Stand| {
        let reply = stand.vertex(GEMINI_STREAM, &contents("hello there [[sim:echo label=a]]", "")).await;
        assert!(reply.complete && reply.body.ends_with("}\r\n\r\n"));
        let events = reply.events();
        assert_eq!((events.len(), reply.chunks.len()), (18, 18));
        let text = |event: &Value| event["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap().to_owned();
        assert_eq!(events.iter().map(text).collect::<String>(), answer("gemini-3-pro", "Gemini"));
        assert_eq!(events[2]["usageMetadata"]["candidatesTokenCount"], 3);
        assert_eq!(events[17]["candidates"][0]["finishReason"], "STOP");
        let row = stand.row("a");
        assert_eq!((row.query.as_str(), row.usage.unwrap().output_tokens), ("alt=sse", 17));
    })
    .await;
}

#[tokio::test]
async fn gemini_without_alt_sse_streams_a_json_array() {
    with_simulator(async |stand: Stand| {
        let target = GEMINI_STREAM.trim_end_matches("?alt=sse");
        for scenario in ["echo", "midstream-error after=0", "midstream-error"] {
            let reply = stand.vertex(target, &contents(&format!("[[sim:{scenario}]]"), "")).await;
            assert!(reply.json().is_array(), "{}", reply.body);
        }
    })
    .await;
}

#[tokio::test]
async fn both_vertex_wires_count_tokens() {
    with_simulator(async |stand: Stand| {
        let body = r#"{"model":"claude-opus-4-6","messages":[{"role":"user","content":"12345678"}],"system":"1"}"#;
        let claude = stand.vertex("anthropic/models/count-tokens:rawPredict", body).await;
        assert_eq!(claude.body, r#"{"input_tokens":3}"#);
        let gemini = stand.vertex("google/models/gemini-3-pro:countTokens", &contents("12345678", "")).await;
        assert_eq!(gemini.json()["totalTokens"], 2);
    })
    .await;
}

#[tokio::test]
async fn a_request_for_json_is_answered_by_its_schema() {
    with_simulator(async |stand: Stand| {
        let schema = r#"{"type":"object","required":["city"],"properties":{"city":{"type":"string"}}}"#;
        let format =
            format!(r#","response_format":{{"type":"json_schema","json_schema":{{"name":"place","schema":{schema}}}}}"#);
        let reply = stand.openrouter(&chat("hello there", &format)).await;
        assert_eq!(reply.json()["choices"][0]["message"]["content"], r#"{"city":"simulated"}"#);
    })
    .await;
}
