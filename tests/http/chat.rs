//! Requests in the provider's own format: what the client receives, and what the provider was sent.

use anyhow::Result;
use gateway_tests::{Answer, Harness, read};
use serde_json::{Value, json};

/// What the simulator answers to `hi` over a wire.
fn greeting(model: &str, wire: &str) -> String {
    format!("Hello from the simulator. I simulate the model {model} in the {wire} format. You said: \"hi\"")
}

fn sent(gateway: &Harness, label: &str) -> Value {
    let entries = gateway.journal(label);
    assert_eq!(entries.len(), 1, "{entries:?}");
    serde_json::from_str(&entries[0].body).unwrap()
}

fn hex_id(answer: &Answer) -> String {
    answer.header("request-id").trim_start_matches("req_").to_owned()
}

#[tokio::test]
async fn a_chat_completion_reaches_every_provider_under_our_names() -> Result<()> {
    let gateway = Harness::start().await?;
    for (model, provider, upstream, wire) in [
        ("gpt-5.2", "openrouter", "openai/gpt-5.2", "OpenRouter"),
        ("claude-opus-4.6", "vertex-claude", "claude-opus-4-6", "Claude"),
        ("gemini-3-pro", "vertex-gemini", "gemini-3.1-pro-preview", "Gemini"),
        ("qwen3-coder", "openrouter", "qwen/qwen3-coder", "OpenRouter"),
    ] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
        let answer = gateway.post("/v1/chat/completions", &body).await?;
        let reply = answer.json();
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(reply["id"], format!("chatcmpl-{}", hex_id(&answer)));
        assert_eq!(reply["object"], "chat.completion");
        assert_eq!(reply["model"], model);
        assert_eq!(reply["choices"][0]["message"]["content"], greeting(upstream, wire));
        assert_eq!(reply["choices"][0]["finish_reason"], "stop");
        assert_eq!((answer.header("x-gateway-provider"), answer.header("x-gateway-model")), (provider, upstream));
        assert!(answer.header("x-gateway-attempts").starts_with(&format!("{provider};200;")), "{answer:?}");
        assert_eq!(answer.header("x-gateway-dropped"), "");
    }
    Ok(())
}

#[tokio::test]
async fn a_message_reaches_every_provider_under_our_names() -> Result<()> {
    let gateway = Harness::start().await?;
    for (name, model, provider, upstream, wire) in [
        ("claude-opus-4.6", "claude-opus-4.6", "vertex-claude", "claude-opus-4-6", "Claude"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4.5", "vertex-claude", "claude-haiku-4-5@20251001", "Claude"),
        ("flash", "gemini-3.8-flash", "vertex-gemini", "gemini-3.8-flash", "Gemini"),
        ("gpt-5.2", "gpt-5.2", "openrouter", "openai/gpt-5.2", "OpenRouter"),
    ] {
        let body = json!({"model": name, "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]});
        let answer = gateway.post("/v1/messages", &body).await?;
        let reply = answer.json();
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(reply["id"], format!("msg_{}", hex_id(&answer)));
        assert_eq!(reply["model"], model);
        assert_eq!(reply["content"], json!([{"type": "text", "text": greeting(upstream, wire)}]));
        assert_eq!(reply["stop_reason"], "end_turn");
        assert_eq!((answer.header("x-gateway-provider"), answer.header("x-gateway-model")), (provider, upstream));
    }
    Ok(())
}

#[tokio::test]
async fn openrouter_is_sent_the_allowed_fields_untouched_and_its_own_model_name() -> Result<()> {
    let gateway = Harness::start().await?;
    let text = "hi [[sim:echo label=allowed]]";
    let body = json!({
        "model": "qwen3-coder", "messages": [{"role": "user", "content": text, "x_unknown": {"deep": [1.50, 1e3]}}],
        "temperature": 0.10, "seed": 7, "reasoning_effort": "low", "user": "u",
        "provider": {"order": ["cheap"]}, "models": ["a"], "route": "fallback", "plugins": [{"id": "web"}], "service_tier": "flex",
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "web_search"}], "x_custom": 1, "store": null,
    });
    let answer = gateway.post("/v1/chat/completions", &body).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut dropped: Vec<&str> = answer.header("x-gateway-dropped").split(", ").collect();
    dropped.sort_unstable();
    assert_eq!(
        dropped,
        ["messages[0].x_unknown", "models", "plugins", "provider", "route", "service_tier", "tools[1]", "x_custom"]
    );
    let messages = json!([{"role": "user", "content": text}]);
    let expected = json!({
        "model": "qwen/qwen3-coder", "messages": messages, "temperature": 0.10, "seed": 7, "reasoning_effort": "low",
        "user": "u", "tools": [{"type": "function", "function": {"name": "f"}}], "stream": true,
        "stream_options": {"include_usage": true}, "usage": {"include": true},
        "provider": {"max_price": {"prompt": 0.3, "completion": 1}},
    });
    assert_eq!(sent(&gateway, "allowed"), expected);
    let entry = &gateway.journal("allowed")[0];
    assert_eq!(entry.path, "/api/v1/chat/completions");
    // Compares the text, not only the parsed value.
    assert!(entry.body.contains(&messages.to_string()), "{}", entry.body);
    Ok(())
}

#[tokio::test]
async fn vertex_is_sent_the_allowed_fields_the_version_and_the_betas_it_knows() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = json!({
        "model": "claude-opus-4.6", "max_tokens": 999_999, "system": "be brief",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi [[sim:echo label=vertex]]"}]}],
        "metadata": {"user_id": "u"}, "service_tier": "auto", "context_management": {"edits": []}, "speed": "fast",
        "tools": [{"type": "web_search_20250305", "name": "web_search"}], "tool_choice": {"type": "auto"},
    });
    let request = gateway
        .request("POST", "/v1/messages?beta=true")
        .header("content-type", "application/json")
        .header("anthropic-version", "2026-10-21")
        .header("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14")
        .header("x-forwarded-host", "evil.example")
        .header("X-Client-Metadata", "m".repeat(2_000))
        .header("cookie", "a=b");
    let answer = read(request.body(body.to_string())).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut dropped: Vec<&str> = answer.header("x-gateway-dropped").split(", ").collect();
    dropped.sort_unstable();
    let expected = [
        "anthropic-beta:claude-code-20250219",
        "context_management",
        "max_tokens",
        "service_tier",
        "speed",
        "tool_choice",
        "tools[0]",
    ];
    assert_eq!(dropped, expected);
    let expected = json!({
        "max_tokens": 128_000, "system": "be brief", "messages": body["messages"], "metadata": {"user_id": "u"},
        "anthropic_beta": ["interleaved-thinking-2025-05-14"], "anthropic_version": "vertex-2023-10-16", "stream": true,
    });
    assert_eq!(sent(&gateway, "vertex"), expected);
    let entry = &gateway.journal("vertex")[0];
    let path =
        "/v1/projects/simulated-project/locations/global/publishers/anthropic/models/claude-opus-4-6:streamRawPredict";
    assert_eq!(entry.path, path);
    for header in ["cookie", "x-forwarded-host", "x-client-metadata", "x-api-key", "anthropic-version"] {
        assert!(!entry.headers.contains_key(header), "{header}: {:?}", entry.headers);
    }
    assert_eq!(entry.headers["anthropic-beta"], "interleaved-thinking-2025-05-14");
    Ok(())
}

#[tokio::test]
async fn a_beta_that_no_route_takes_is_named_on_every_route_with_its_field() -> Result<()> {
    let gateway = Harness::start().await?;
    for model in ["claude-opus-4.8", "claude-opus-4.6", "gemini-3-pro", "gpt-5.2"] {
        let budget = json!({"task_budget": {"type": "tokens", "total": 20_000}});
        let content = format!("hi [[sim:echo label={model}]]");
        let body = json!({"model": model, "max_tokens": 2_000, "output_config": budget, "messages": [{"role": "user", "content": content}]});
        let request = gateway.request("POST", "/v1/messages").header("content-type", "application/json");
        let answer = read(request.header("anthropic-beta", "task-budgets-2026-03-13").body(body.to_string())).await?;
        assert_eq!(answer.status, 200, "{model}: {}", answer.body);
        let mut dropped: Vec<&str> = answer.header("x-gateway-dropped").split(", ").collect();
        dropped.sort_unstable();
        assert_eq!(dropped, ["anthropic-beta:task-budgets-2026-03-13", "output_config.task_budget"], "{model}");
        let sent = sent(&gateway, model).to_string();
        assert!(!["task", "beta", "output_config"].iter().any(|name| sent.contains(name)), "{model}: {sent}");
    }
    Ok(())
}

#[tokio::test]
async fn a_google_token_is_fetched_once_and_reused() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = json!({"model": "claude-opus-4.6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for _ in 0..3 {
        assert_eq!(gateway.post("/v1/messages", &body).await?.status, 200);
    }
    let tokens = gateway.journal("").into_iter().filter(|entry| entry.provider == "token").count();
    assert_eq!((tokens, gateway.stack.lambda.pids("messages").len()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn tool_calls_come_through_both_formats() -> Result<()> {
    let gateway = Harness::start().await?;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let chat = json!({
        "model": "gpt-5.2", "messages": [{"role": "user", "content": "weather? [[sim:tool]]"}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}],
    });
    let reply = gateway.post("/v1/chat/completions", &chat).await?.json();
    assert_eq!(reply["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(reply["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "get_weather");
    let message = json!({
        "model": "claude-opus-4.6", "max_tokens": 64, "messages": [{"role": "user", "content": "weather? [[sim:tool]]"}],
        "tools": [{"name": "get_weather", "input_schema": schema}],
    });
    let reply = gateway.post("/v1/messages", &message).await?.json();
    assert_eq!(reply["stop_reason"], "tool_use");
    let call = reply["content"].as_array().unwrap().iter().find(|block| block["type"] == "tool_use").unwrap().clone();
    assert_eq!(call["name"], "get_weather");
    Ok(())
}

#[tokio::test]
async fn a_body_in_the_words_of_responses_is_answered_as_a_chat_completion() -> Result<()> {
    let gateway = Harness::start().await?;
    for model in ["gpt-5.2", "claude-opus-4.6", "gemini-3-pro", "kimi-k2.5"] {
        let asked = |stream: bool| {
            json!({
                "model": model, "instructions": "Be brief.", "stream": stream, "store": false,
                "input": [{"role": "user", "content": "hi [[sim:tool]]"}],
                "tools": [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}],
                "stream_options": {"include_usage": true},
            })
        };
        let answer = gateway.post("/v1/chat/completions", &asked(false)).await?;
        assert_eq!((answer.status, answer.json()["object"].as_str()), (200, Some("chat.completion")), "{}", answer.body);
        let choice = &answer.json()["choices"][0];
        assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "look", "{choice}");
        assert_eq!(choice["finish_reason"], "tool_calls");

        let streamed = gateway.post("/v1/chat/completions", &asked(true)).await?;
        let chunks: Vec<Value> = streamed.data().iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
        assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"), "{}", streamed.body);
        assert!(chunks.last().unwrap()["usage"]["total_tokens"].is_u64(), "{}", streamed.body);
        assert!(streamed.body.ends_with("data: [DONE]\n\n"));
    }
    Ok(())
}

#[tokio::test]
async fn messages_win_over_input_and_faults_name_the_field_that_was_read() -> Result<()> {
    let gateway = Harness::start().await?;
    let both = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": "hi"}], "input": "other"});
    let answer = gateway.post("/v1/chat/completions", &both).await?;
    assert_eq!((answer.status, answer.header("x-gateway-dropped")), (200, "input"));
    for (body, param) in [
        (json!({"model": "gpt-5.2", "input": 7}), "input"),
        (json!({"model": "gpt-5.2", "input": "hi", "previous_response_id": "resp_1"}), "previous_response_id"),
        (json!({"model": "gpt-5.2"}), "messages"),
    ] {
        let answer = gateway.post("/v1/chat/completions", &body).await?;
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some(param)), "{}", answer.body);
    }
    Ok(())
}
