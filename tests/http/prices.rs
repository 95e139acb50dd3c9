//! The prices by which a request is charged, and what its record says about them.

use anyhow::{Context as _, Result};
use gateway::catalog::Catalog;
use gateway::ledger::{self, Timestamp, verify};
use gateway::store::items::Record;
use gateway_tests::{Harness, options};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

/// A PDF of one page.
const PDF: &str = "data:application/pdf;base64,JVBERi0xLjQKMSAwIG9iago8PCAvVHlwZSAvUGFnZSA+PgplbmRvYmoK";

fn ask(model: &str) -> Value {
    json!({"model": model, "max_tokens": 90, "messages": [{"role": "user", "content": "hi [[sim:echo label=price]]"}]})
}

/// The record of a request for that model.
async fn recorded(gateway: &Harness, model: &str) -> Result<Record> {
    let answer = gateway.post(CHAT, &ask(model)).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    last_record(gateway).await
}

/// The newest record. Also checks that the ledger is consistent.
async fn last_record(gateway: &Harness) -> Result<Record> {
    let store = &gateway.stack.support.store;
    let verified = verify(store, &Catalog::embedded()?, |_| {}).await?;
    assert!(verified.violations.is_empty(), "{:?}", verified.violations);
    store.records(&gateway.key_id()?, Timestamp::UNIX_EPOCH).await?.pop().context("a record")
}

#[tokio::test]
async fn a_price_that_moves_is_limited_upstream_and_charged_as_reported() -> Result<()> {
    let gateway = Harness::start().await?;
    let record = recorded(&gateway, "kimi-k2.5").await?;
    let row = gateway.journal("price").pop().context("a row")?;
    let sent: Value = serde_json::from_str(&row.body)?;
    assert_eq!(sent["provider"], json!({"max_price": {"prompt": 0.6, "completion": 3.33}}));
    // The simulator's price is one micro-dollar per prompt token and five micro-dollars per reply token.
    let expected = u128::from(record.usage.total_input()) * 1_000_000 + u128::from(record.usage.output) * 5_000_000;
    assert_eq!((record.charged.pico(), record.provider_cost.pico()), (expected, expected));
    Ok(())
}

#[tokio::test]
async fn other_prices_are_not_limited_upstream() -> Result<()> {
    let gateway = Harness::start().await?;
    recorded(&gateway, "gpt-5.2").await?;
    let sent: Value = serde_json::from_str(&gateway.journal("price").pop().context("a row")?.body)?;
    assert_eq!(sent.get("provider"), None);
    Ok(())
}

#[tokio::test]
async fn an_hour_in_a_cache_of_openrouters_is_charged_as_an_hour() -> Result<()> {
    let mut options = options()?;
    options.variables.push(("GOOGLE_APPLICATION_CREDENTIALS_JSON".to_owned(), String::new()));
    let gateway = Harness::start_with(options).await?;
    let price = Catalog::embedded()?.resolve("claude-opus-4.6").ok().context("the model")?.tariff.price;
    for (ttl, classes) in [("5m", (true, false)), ("1h", (false, true))] {
        let marked =
            json!({"type": "text", "text": "word ".repeat(6_000), "cache_control": {"type": "ephemeral", "ttl": ttl}});
        let ask = json!({"model": "claude-opus-4.6", "max_tokens": 90,
            "messages": [{"role": "system", "content": [marked]}, {"role": "user", "content": "hi [[sim:dearest percent=50]]"}]});
        let answer = gateway.post(CHAT, &ask).await?;
        let record = last_record(&gateway).await?;
        let usage = record.usage;
        assert_eq!((usage.cache_write_5m > 0, usage.cache_write_1h > 0), classes, "{ttl} {usage:?}");
        let due = price.input.cost_of(usage.input)
            + price.output.cost_of(usage.output)
            + price.cache_write_5m.cost_of(usage.cache_write_5m)
            + price.cache_write_1h.cost_of(usage.cache_write_1h);
        assert_eq!((record.charged, answer.header("x-gateway-cost-usd")), (due, due.to_string().as_str()), "{ttl}");
    }
    Ok(())
}

#[tokio::test]
async fn every_document_names_a_reader_that_costs_nothing_apart() -> Result<()> {
    let gateway = Harness::start().await?;
    let pdf = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}});
    for (model, parts, plugins) in [
        ("gpt-5.2", vec![pdf.clone()], json!([{"id": "file-parser", "pdf": {"engine": "native"}}])),
        ("qwen3-coder", vec![pdf], json!([{"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}])),
        ("qwen3-coder", vec![], Value::Null),
    ] {
        let said = json!({"type": "text", "text": "hi [[sim:echo label=file]]"});
        let content: Vec<Value> = std::iter::once(said).chain(parts).collect();
        let ask = json!({"model": model, "max_tokens": 90, "messages": [{"role": "user", "content": content}]});
        let answer = gateway.post(CHAT, &ask).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let sent: Value = serde_json::from_str(&gateway.journal("file").pop().context("a row")?.body)?;
        assert_eq!(sent["plugins"], plugins, "{model}");
    }
    Ok(())
}

#[tokio::test]
async fn a_providers_fee_is_charged_on_top_and_kept_apart() -> Result<()> {
    let mut options = options()?;
    options.variables.push(("PRICE_MARKUP_PERMILLE".to_owned(), "100".to_owned()));
    options.variables.push(("PROVIDER_MARKUP_PERMILLE".to_owned(), "openrouter=55".to_owned()));
    let gateway = Harness::start_with(options).await?;
    for (model, markup) in [("gpt-5.2", 155), ("claude-opus-4.6", 100)] {
        let record = recorded(&gateway, model).await?;
        let tariff = Catalog::embedded()?.resolve(model).ok().context("the model")?.tariff;
        let due = ledger::cost(&record.usage, &tariff).with_markup(markup);
        assert_eq!((record.markup_permille, record.charged), (markup, due), "{model}");
    }
    Ok(())
}

#[tokio::test]
async fn a_region_costs_more_and_the_record_says_so() -> Result<()> {
    let catalog = Catalog::embedded()?;
    let model = catalog.resolve("claude-opus-4.6").ok().context("the model")?;
    for (location, label, surcharge) in [("global", "2026-11-26", 0), ("europe-west1", "2026-11-26;surcharge=100", 100)] {
        let mut options = options()?;
        options.variables.push(("VERTEX_LOCATION".to_owned(), location.to_owned()));
        let gateway = Harness::start_with(options).await?;
        let record = recorded(&gateway, "claude-opus-4.6").await?;
        let due = ledger::cost(&record.usage, &model.tariff.with_surcharge(surcharge));
        assert_eq!((record.price_version.as_str(), record.charged), (label, due), "{location}");
    }
    Ok(())
}
