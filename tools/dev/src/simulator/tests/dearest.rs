//! Output limits, and the most expensive usage that a body allows, in each wire format.

use super::*;

const MARKED: &str = r#","system":[{"type":"text","text":"be brief","cache_control":{"type":"ephemeral","ttl":"1h"}}]"#;

fn limited_messages(text: &str, limit: u64, more: &str) -> String {
    messages(text, more).replace("4096", &limit.to_string())
}

#[tokio::test]
async fn no_reply_is_longer_than_its_limit() {
    with_simulator(async |stand: Stand| {
        let marker = "[[sim:thinking label=short]] a b c";
        let mut replies = vec![
            stand.openrouter(&chat(marker, r#","max_tokens":20"#)).await,
            stand.openrouter(&chat(marker, r#","max_completion_tokens":20"#)).await,
            stand.vertex("anthropic/models/claude-opus-4-6:rawPredict", &limited_messages(marker, 20, "")).await,
        ];
        let config = r#","generationConfig":{"maxOutputTokens":20}"#;
        for target in ["generateContent", "streamGenerateContent?alt=sse"] {
            replies.push(stand.vertex(&format!("google/models/gemini-3-pro:{target}"), &contents(marker, config)).await);
        }
        for (reply, reason) in replies.iter().zip(["length", "length", "max_tokens", "MAX_TOKENS", "MAX_TOKENS"]) {
            assert!(reply.body.contains(&format!("\"{reason}\"")), "{}", reply.body);
        }
        let rows = stand.simulator.journal().entries("short");
        let told: Vec<_> =
            rows.iter().map(|row| row.usage.unwrap()).map(|usage| (usage.output_tokens, usage.reasoning_tokens)).collect();
        assert_eq!(told, [(20, 15); 5]);
    })
    .await;
}

#[tokio::test]
async fn call_that_does_not_fit_is_left_out() {
    with_simulator(async |stand: Stand| {
        let tools = r#","tools":[{"name":"now","input_schema":{"type":"object"}}]"#;
        let target = "anthropic/models/claude-opus-4-6:rawPredict";
        let fits = stand.vertex(target, &limited_messages("[[sim:tool]]", 2, tools)).await.json();
        assert_eq!((&fits["stop_reason"], &fits["content"][0]["type"]), (&"tool_use".into(), &"tool_use".into()));
        let cut = stand.vertex(target, &limited_messages("[[sim:tool]]", 1, tools)).await.json();
        assert_eq!((&cut["stop_reason"], &cut["usage"]["output_tokens"]), (&"max_tokens".into(), &0.into()));
    })
    .await;
}

#[tokio::test]
async fn dearest_usage_is_told_in_each_wires_own_form() {
    with_simulator(async |stand: Stand| {
        let body = limited_messages("[[sim:dearest label=d]]", 1_000, MARKED);
        let reply = stand.vertex("anthropic/models/claude-opus-4-6:rawPredict", &body).await.json();
        let usage = &reply["usage"];
        let hour = &usage["cache_creation"]["ephemeral_1h_input_tokens"];
        assert_eq!(
            (&reply["stop_reason"], &usage["output_tokens"], &usage["input_tokens"]),
            (&"max_tokens".into(), &1_000.into(), &0.into())
        );
        assert!(hour.as_u64() > Some(0) && hour == &usage["cache_creation_input_tokens"], "{usage}");

        let body = contents("[[sim:dearest percent=50]]", r#","generationConfig":{"maxOutputTokens":1000}"#);
        let reply = stand.vertex("google/models/gemini-3.1-pro-preview:streamGenerateContent?alt=sse", &body).await;
        let last = reply.events().pop().unwrap();
        let usage = &last["usageMetadata"];
        let output = usage["candidatesTokenCount"].as_u64().unwrap() + usage["thoughtsTokenCount"].as_u64().unwrap();
        assert_eq!((&last["candidates"][0]["finishReason"], output), (&"STOP".into(), 500));

        let body =
            chat("[[sim:dearest label=price]]", r#","stream":true"#).replace("anthropic/claude-opus-4.6", "openai/gpt-5.2");
        let reply = stand.openrouter(&body).await;
        let usage = reply.events().iter().rfind(|event| event["usage"].is_object()).unwrap()["usage"].clone();
        let (input, output) = (usage["prompt_tokens"].as_u64().unwrap(), usage["completion_tokens"].as_u64().unwrap());
        assert_eq!((output, reply.body.contains("\"length\"")), (128_000, true));
        assert_eq!(stand.row("price").usage.unwrap().cost_pico_usd, Some((input * 1_750 / 1_000 + output * 14) * 1_000_000));
        let row = stand.row("d").usage.unwrap();
        assert_eq!((row.output_tokens, row.written_1h_tokens), (1_000, row.input_tokens));
    })
    .await;
}

#[tokio::test]
async fn count_of_tokens_is_the_input_of_the_dearest_reply() {
    with_simulator(async |stand: Stand| {
        let text = "[[sim:dearest]] what is it?";
        let body = messages(text, "");
        let told =
            stand.vertex("anthropic/models/claude-opus-4-6:rawPredict", &body).await.json()["usage"]["input_tokens"].clone();
        let body = format!(r#"{{"model":"claude-opus-4-6","messages":[{{"role":"user","content":"{text}"}}]}}"#);
        let counted = stand.vertex("anthropic/models/count-tokens:rawPredict", &body).await.json();
        assert_eq!(counted["input_tokens"], told);
        let target = |method: &str| format!("google/models/gemini-3.1-pro-preview:{method}");
        let told =
            stand.vertex(&target("generateContent"), &contents(text, "")).await.json()["usageMetadata"]["promptTokenCount"]
                .clone();
        assert_eq!(stand.vertex(&target("countTokens"), &contents(text, "")).await.json()["totalTokens"], told);
    })
    .await;
}
