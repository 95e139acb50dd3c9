//! No reply costs more than was held, including the most expensive replies that a provider may give to a request.

use anyhow::Result;
use futures_util::future::try_join_all;
use gateway::wire::ClientFormat;
use gateway_tests::whole_request::Process;
use gateway_tests::{Harness, read};
use serde_json::{Value, json};

use super::account::{Account, CHAT};

const MESSAGES: &str = "/v1/messages";

/// The dearest reply that the body allows.
const DEAREST: &str = "hi [[sim:dearest label=dearest]]";
/// The same from the second route alone.
const SECOND: &str = "hi [[sim:error status=529 on=claude]] [[sim:dearest label=dearest]]";

fn chat(model: &str, text: &str, more: &Value) -> (ClientFormat, Value) {
    (ClientFormat::ChatCompletions, with(json!({"model": model, "messages": [{"role": "user", "content": text}]}), more))
}

fn messages(model: &str, text: &str, more: &Value) -> (ClientFormat, Value) {
    let block = json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    let body = json!({"model": model, "max_tokens": 700, "messages": [{"role": "user", "content": [block]}]});
    (ClientFormat::Messages, with(body, more))
}

fn with(mut body: Value, more: &Value) -> Value {
    more.as_object().into_iter().flatten().for_each(|(name, value)| body[name] = value.clone());
    body
}

/// Ways to make a reply dear.
fn requests() -> Vec<(ClientFormat, Value)> {
    let most = json!({"max_tokens": 1, "reasoning_effort": "max"});
    let budget = json!({"max_tokens": 1_030, "thinking": {"type": "enabled", "budget_tokens": 60_000}});
    vec![
        chat("kimi-k2.5", DEAREST, &json!({})),
        chat("gpt-5.2", DEAREST, &json!({"reasoning": {"max_tokens": 60_000}})),
        chat("gpt-5-nano", DEAREST, &json!({"max_tokens": 1})),
        chat("gemini-2.5-pro", DEAREST, &most),
        chat("gemini-3-flash", DEAREST, &most),
        chat("claude-haiku-4.5", DEAREST, &most),
        chat("claude-opus-4.8", DEAREST, &most),
        messages("claude-haiku-4.5", DEAREST, &budget),
        messages("claude-opus-4.6", DEAREST, &budget),
        messages("claude-opus-4.6", SECOND, &json!({})),
        messages("claude-sonnet-4.5", SECOND, &json!({"max_tokens": 9_000})),
        messages("gemini-3-pro", DEAREST, &budget),
        messages("gpt-5.2", DEAREST, &json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}})),
    ]
}

fn path(format: ClientFormat) -> &'static str {
    if format == ClientFormat::Messages { MESSAGES } else { CHAT }
}

fn hold_of(format: ClientFormat, body: &Value) -> Result<i128> {
    let demand = Process::start()?.demand(format, body.to_string())?;
    Ok(i128::try_from(demand.price.amount(demand.input_tokens, demand.output_tokens).pico())?)
}

#[tokio::test]
async fn the_dearest_reply_never_costs_more_than_was_held() -> Result<()> {
    let gateway = Harness::start().await?;
    for (format, body) in requests() {
        let granted = hold_of(format, &body)?;
        let account = Account::prepaid(&gateway, granted).await?;
        let answer = read(account.request(&gateway, path(format), &body)).await?;
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        let records = account.balanced(&gateway, 1).await?;
        let charged = i128::try_from(records[0].charged)?;
        assert!(charged > 0 && charged <= granted, "{body}: {charged} of {granted}");
        assert_eq!(account.stored(&gateway).await?.balance, granted - charged, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn a_balance_that_covers_less_lowers_the_limit_and_is_never_overdrawn() -> Result<()> {
    let gateway = Harness::start().await?;
    for (format, body) in requests() {
        // Half of what the output is held for, unless that is too little for an answer.
        let demand = Process::start()?.demand(format, body.to_string())?;
        let output = demand.least_output.max(demand.output_tokens / 2);
        let granted = i128::try_from(demand.price.amount(demand.input_tokens, output).pico())?;
        let account = Account::prepaid(&gateway, granted).await?;
        let answer = read(account.request(&gateway, path(format), &body)).await?;
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        account.balanced(&gateway, 1).await?;
        assert!(account.stored(&gateway).await?.balance >= 0, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn a_crowd_of_dear_requests_does_not_overdraw_a_balance() -> Result<()> {
    let gateway = Harness::start().await?;
    let (format, body) = chat("claude-haiku-4.5", DEAREST, &json!({"max_tokens": 1, "reasoning_effort": "max"}));
    let account = Account::prepaid(&gateway, hold_of(format, &body)? * 3).await?;
    let answers = try_join_all((0..12).map(|_| read(account.request(&gateway, CHAT, &body)))).await?;
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 402)), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.status == 200));
    account.conserved(&gateway).await?;
    assert!(account.stored(&gateway).await?.balance >= 0);
    Ok(())
}

#[tokio::test]
async fn an_estimated_reply_of_a_dearer_replacement_costs_no_more_than_was_held() -> Result<()> {
    let gateway = Harness::start().await?;
    // The first model is gone. Its replacement answers with more text than the hold covers, and reports no usage.
    let text = "hi [[sim:error status=404 times=1]] [[sim:long words=400 bytes=400 usage=0]]";
    let (format, body) = chat("gpt-5-nano", text, &json!({"max_tokens": 20_000}));
    let granted = hold_of(format, &body)?;
    let account = Account::prepaid(&gateway, granted).await?;
    let answer = read(account.request(&gateway, path(format), &body)).await?;
    assert_eq!((answer.status, answer.header("x-gateway-model")), (200, "openai/gpt-6-luna"), "{}", answer.body);
    let records = account.balanced(&gateway, 1).await?;
    let charged = i128::try_from(records[0].charged)?;
    assert!(charged > 0 && charged <= granted, "{charged} of {granted}");
    Ok(())
}
