//! Features of a request that a provider refuses although its model has them: the request is sent once more without them.

use anyhow::{Context as _, Result};
use gateway_tests::{Answer, Harness};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// A route of each provider, and the model that has it.
const ROUTES: [(&str, &str); 3] =
    [("gpt-5.2", "openrouter"), ("claude-opus-4.6", "vertex-claude"), ("gemini-3-flash", "vertex-gemini")];

fn statuses(answer: &Answer) -> Vec<String> {
    answer.header("x-gateway-attempts").split(", ").filter_map(|call| call.split(';').nth(1)).map(str::to_owned).collect()
}

/// An assistant message with reasoning that the model's vendor signed.
fn reasoned(model: &str) -> Value {
    let detail = match model {
        "gpt-5.2" => json!({"type": "reasoning.encrypted", "format": "openai-responses-v1", "id": "rs_1", "data": "gAAA"}),
        "claude-opus-4.6" => {
            json!({"type": "reasoning.text", "format": "anthropic-claude-v1", "text": "so", "signature": "EqoB"})
        }
        _ => json!({"type": "reasoning.encrypted", "format": "google-gemini-v1", "data": "c2lnbmF0dXJl"}),
    };
    json!({"role": "assistant", "content": "hello", "reasoning_details": [detail]})
}

#[tokio::test]
async fn a_conversation_whose_reasoning_cannot_be_verified_continues_without_it() -> Result<()> {
    let gateway = Harness::start().await?;
    for (model, provider) in ROUTES {
        let message = reasoned(model);
        for stream in [false, true] {
            let body = json!({"model": model, "max_tokens": 9000, "reasoning_effort": "high", "stream": stream, "messages": [
                {"role": "user", "content": "hi"}, message, {"role": "user", "content": "and? [[sim:unverified]]"}]});
            let answer = gateway.post(CHAT, &body).await?;
            let answered = (answer.status, statuses(&answer), answer.header("x-gateway-provider"));
            assert_eq!(answered, (200, vec!["400".to_owned(), "200".to_owned()], provider), "{model}: {}", answer.body);
            let dropped = answer.header("x-gateway-dropped");
            assert!(dropped.contains("messages[1].reasoning"), "{model}: {dropped}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn claudes_own_format_continues_without_its_thinking_blocks() -> Result<()> {
    let gateway = Harness::start().await?;
    let asked = |content: Value| {
        json!({"model": "claude-opus-4.6", "max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 2000},
            "messages": content})
    };
    let first = asked(json!([{"role": "user", "content": "hi [[sim:thinking]]"}]));
    let content = gateway.post(MESSAGES, &first).await?.json()["content"].clone();
    assert_eq!(content[0]["type"], "thinking", "{content}");
    let answer = gateway
        .post(
            MESSAGES,
            &asked(json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": content},
                {"role": "user", "content": "and? [[sim:unverified]]"}])),
        )
        .await?;
    assert_eq!((answer.status, statuses(&answer)), (200, vec!["400".to_owned(), "200".to_owned()]), "{}", answer.body);
    assert_eq!(answer.header("x-gateway-dropped"), "messages[1].content[0]");
    Ok(())
}

#[tokio::test]
async fn a_schema_that_is_too_complex_is_asked_for_in_another_way() -> Result<()> {
    let gateway = Harness::start().await?;
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    for (model, provider) in ROUTES {
        let body = json!({"model": model, "max_tokens": 900,
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": true, "schema": schema}},
            "messages": [{"role": "user", "content": "hi [[sim:complex]]"}]});
        let answer = gateway.post(CHAT, &body).await?;
        let answered = (answer.status, statuses(&answer), answer.header("x-gateway-provider"));
        assert_eq!(answered, (200, vec!["400".to_owned(), "200".to_owned()], provider), "{model}: {}", answer.body);
    }
    let format = json!({"type": "json_schema", "schema": schema});
    let body = json!({"model": "claude-opus-4.6", "max_tokens": 900, "output_config": {"format": format},
        "tools": [{"name": "f", "strict": true, "input_schema": schema}],
        "messages": [{"role": "user", "content": "hi [[sim:complex]]"}]});
    let answer = gateway.post(MESSAGES, &body).await?;
    assert_eq!((answer.status, statuses(&answer)), (200, vec!["400".to_owned(), "200".to_owned()]), "{}", answer.body);
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_what_the_request_does_not_have_is_passed_on() -> Result<()> {
    let gateway = Harness::start().await?;
    let body = json!({"model": "gpt-5.2", "messages": [{"role": "user", "content": "hi [[sim:error status=400]]"}]});
    let answer = gateway.post(CHAT, &body).await?;
    let attempts = statuses(&answer);
    assert_eq!((answer.status, attempts.first().context("an attempt")?.as_str(), attempts.len()), (400, "400", 1));
    Ok(())
}

#[tokio::test]
async fn an_output_limit_leaves_room_for_the_prompt_in_a_window_for_both() -> Result<()> {
    let gateway = Harness::start().await?;
    // The window and the longest reply of this model have 262,144 tokens.
    for (limit, words, dropped) in
        [(262_144, 1, "max_tokens"), (262_100, 1, ""), (250_000, 20_000, "max_tokens"), (200_000, 40_000, "")]
    {
        let text = "word ".repeat(words);
        let body = json!({"model": "kimi-k2.5", "max_tokens": limit, "messages": [{"role": "user", "content": text}]});
        let answer = gateway.post(CHAT, &body).await?;
        assert_eq!((answer.status, answer.header("x-gateway-dropped")), (200, dropped), "{limit} {words}: {}", answer.body);
    }
    Ok(())
}
