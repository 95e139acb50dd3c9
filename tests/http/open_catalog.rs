//! The open catalogue: models of OpenRouter's list, from the list to the ledger.

use anyhow::{Context as _, Result};
use gateway::admission::issue_key;
use gateway::catalog::Catalog;
use gateway::ledger::{Timestamp, verify};
use gateway::store::items::{Limits, ListState, Record};
use gateway_dev::simulator::{ListSize, Simulator};
use gateway_tests::{Harness, options, read};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
/// One of the list's models that can be served.
const MODEL: &str = "acme/model-8";

/// A gateway with the open catalogue, and these variables more.
async fn started(variables: &[(&str, &str)]) -> Result<Harness> {
    let mut options = options()?;
    let all = [("OPEN_CATALOG", "true")].into_iter().chain(variables.iter().copied());
    options.variables.extend(all.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Harness::start_with(options).await
}

/// The same gateway, after it has read the list.
async fn filled(variables: &[(&str, &str)]) -> Result<Harness> {
    let gateway = started(variables).await?;
    reconcile(&gateway).await?;
    Ok(gateway)
}

async fn reconcile(gateway: &Harness) -> Result<()> {
    gateway.stack.lambda.invoke("reconcile", "{}".to_owned()).await.map(drop)
}

fn simulator(gateway: &Harness) -> Result<&Simulator> {
    gateway.stack.support.simulator.as_ref().context("a simulator")
}

/// Changes the time of the stored list to long ago, so that it is read again.
async fn outdate(gateway: &Harness) -> Result<()> {
    let store = &gateway.stack.support.store;
    anyhow::ensure!(store.claim_list(store.list_state().await?, 1).await?, "not claimed");
    Ok(store.put_list(&[], ListState { tried: 1, read: 1, models: 0 }).await?)
}

fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 256, "messages": [{"role": "user", "content": text}]})
}

async fn records(gateway: &Harness) -> Result<Vec<Record>> {
    Ok(gateway.stack.support.store.records(&gateway.key_id()?, Timestamp::UNIX_EPOCH).await?)
}

#[tokio::test]
async fn a_listed_model_is_answered_held_charged_and_recorded_with_the_lists_version() -> Result<()> {
    let gateway = filled(&[]).await?;
    for path in [CHAT, "/v1/messages"] {
        let answer = gateway.post(path, &ask(MODEL, "hi [[sim:echo label=open]]")).await?;
        assert_eq!((answer.status, &answer.json()["model"]), (200, &json!(MODEL)), "{}", answer.body);
    }
    let sent: Value = serde_json::from_str(&gateway.journal("open")[0].body)?;
    assert_eq!(sent["model"], MODEL);
    let cost = gateway.journal("open")[0].usage.and_then(|usage| usage.cost_pico_usd).context("a cost")?;
    let version = format!("openrouter-{}", Timestamp::from_second(i64::try_from(read_at(&gateway).await?)?)?);
    for record in records(&gateway).await? {
        assert_eq!((&record.model, &record.price_version), (&MODEL.to_owned(), &version));
        assert_eq!(record.charged.pico(), u128::from(cost));
    }
    let intent = gateway.stack.logs.lines().into_iter().find(|line| line.contains("ledger.intent")).context("a line")?;
    let intent: Value = serde_json::from_str(&intent)?;
    assert!(intent["hold"].is_string() && intent["price_version"] == version, "{intent}");
    let verified = verify(&gateway.stack.support.store, &Catalog::embedded()?, |_| {}).await?;
    assert!(verified.records == 2 && verified.violations.is_empty(), "{verified:?}");
    Ok(())
}

/// When the stored list was read, in seconds since the epoch.
async fn read_at(gateway: &Harness) -> Result<u64> {
    Ok(gateway.stack.support.store.list_state().await?.read)
}

#[tokio::test]
async fn names_that_cannot_be_served_are_refused_as_unknown_ones() -> Result<()> {
    let gateway = filled(&[]).await?;
    for model in [
        "openrouter/auto",
        "hooli/model-3:free",
        "hooli/model-3",
        "hooli/model-7",
        "hooli/model-11",
        "globex/model-13",
        "acme/none",
        "none",
    ] {
        let answer = gateway.post(CHAT, &ask(model, "hi")).await?;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("model_not_found")), "{model}");
    }
    Ok(())
}

#[tokio::test]
async fn without_the_switch_no_list_is_read_and_no_listed_model_served() -> Result<()> {
    let gateway = Harness::start().await?;
    reconcile(&gateway).await?;
    assert_eq!((gateway.journal("models").len(), gateway.post(CHAT, &ask(MODEL, "hi")).await?.status), (0, 404));
    Ok(())
}

#[tokio::test]
async fn open_models_are_listed_after_the_catalogues_own_and_none_twice() -> Result<()> {
    let gateway = filled(&[("MODELS_DENIED", "globex/*")]).await?;
    let list = gateway.get("/v1/models").await?.json();
    let ids: Vec<&str> = list["data"].as_array().into_iter().flatten().filter_map(|model| model["id"].as_str()).collect();
    let (own, open): (Vec<&str>, Vec<&str>) = ids.iter().partition(|id| !id.contains('/'));
    assert_eq!(ids, [own.as_slice(), open.as_slice()].concat());
    // The list has 400 models. The router, the catalogue's own model and four of each twenty are not served, so 318 are. A
    // quarter of the list is denied: 100 models, of which 79 would be served.
    assert_eq!((own[0], open.len()), ("claude-opus-4.6", 318 - 79));
    assert!(open.contains(&MODEL) && !open.contains(&"openai/gpt-5.2"), "{open:?}");
    let one = gateway.get(&format!("/v1/models/{MODEL}")).await?.json();
    assert_eq!((&one["owned_by"], &one["pricing"]["input"]), (&json!("acme"), &json!(1.8)));
    assert_eq!(gateway.get("/v1/models/globex/model-5").await?.status, 403);
    assert_eq!(gateway.get("/v1/models/acme/none").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn keys_and_the_deployment_choose_among_open_models_too() -> Result<()> {
    let gateway = filled(&[("MODELS_DENIED", "globex/*")]).await?;
    let limits = Limits { models: vec![MODEL.to_owned(), "globex/model-5".to_owned()], ..Limits::none() };
    let (key, _) = issue_key(&gateway.stack.support.store, "some", limits, false).await?;
    for (model, status) in [(MODEL, 200), ("acme/model-12", 403), ("globex/model-5", 403)] {
        let request = gateway.client.post(format!("{}{CHAT}", gateway.stack.url)).header("x-api-key", key.expose_secret());
        let answer = read(request.body(ask(model, "hi").to_string())).await?;
        assert_eq!(answer.status, status, "{model}: {}", answer.body);
        if status == 403 {
            assert_eq!(answer.json()["error"]["code"], "model_not_allowed", "{model}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn strangers_learn_nothing_of_the_list() -> Result<()> {
    let gateway = filled(&[]).await?;
    let (key, id) = issue_key(&gateway.stack.support.store, "revoked", Limits::none(), false).await?;
    gateway.stack.support.store.disable_key(&id).await?;
    for model in [MODEL, "acme/none"] {
        let request = gateway.client.post(format!("{}{CHAT}", gateway.stack.url)).header("x-api-key", key.expose_secret());
        assert_eq!(read(request.body(ask(model, "hi").to_string())).await?.status, 401, "{model}");
    }
    Ok(())
}

#[tokio::test]
async fn the_list_is_read_once_a_day_and_takes_back_what_it_does_not_have_any_more() -> Result<()> {
    let gateway = filled(&[]).await?;
    reconcile(&gateway).await?;
    assert_eq!(gateway.journal("models").len(), 1);
    simulator(&gateway)?.set_list_size(ListSize { models: 390, without_prices: 0 });
    outdate(&gateway).await?;
    reconcile(&gateway).await?;
    assert_eq!(gateway.journal("models").len(), 2);
    for (model, status) in [("hooli/model-395", 404), (MODEL, 200)] {
        assert_eq!(gateway.post(CHAT, &ask(model, "hi")).await?.status, status, "{model}");
    }
    Ok(())
}

#[tokio::test]
async fn a_list_that_cannot_be_believed_changes_nothing_and_is_counted() -> Result<()> {
    let gateway = filled(&[]).await?;
    let before = gateway.stack.support.store.listed_models().await?;
    for (models, without_prices) in [(200, 0), (400, 100)] {
        simulator(&gateway)?.set_list_size(ListSize { models, without_prices });
        outdate(&gateway).await?;
        reconcile(&gateway).await?;
        assert_eq!(read_at(&gateway).await?, 1);
    }
    assert_eq!(gateway.journal("models").len(), 3);
    assert!(gateway.stack.support.store.listed_models().await? == before);
    let counted = gateway.stack.logs.lines().iter().filter(|line| line.contains(r#""refused_lists":1"#)).count();
    assert_eq!(counted, 2);
    assert_eq!(gateway.post(CHAT, &ask(MODEL, "hi")).await?.status, 200);
    Ok(())
}
