//! `bk catalog check` and `bk catalog add`: the catalogue compared with a list in OpenRouter's format, which is made here from the catalogue.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use gateway::capability::Thinking;
use gateway::catalog::{Catalog, EMBEDDED, Model, Price};
use gateway::ids::{ProviderId, RequestId};
use gateway::ledger::day_of;
use gateway::money::{PicoUsd, PicoUsdPerToken};
use gateway_tests::binary;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use crate::bk::text;

/// A list in its own file, which is removed with it.
struct SavedList(PathBuf);

impl SavedList {
    fn new(list: &Value) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("gateway-list-{}-{}.json", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, list.to_string())?;
        Ok(Self(file))
    }

    /// Runs `bk catalog` with the list, without a table and without credentials.
    async fn bk(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary("bk")?);
        command.arg("catalog").args(arguments).arg("--list").arg(&self.0).env_clear().stdin(Stdio::null());
        Ok(command.output().await?)
    }
}

impl Drop for SavedList {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The prices of a tier, by the list's names. A price that equals the input price is left out, as in real lists.
fn pricing(price: &Price) -> Map<String, Value> {
    let Price { input, output, cache_read, cache_write_5m, cache_write_1h, audio, audio_cache_read } = *price;
    let usd = |price: PicoUsdPerToken| json!(PicoUsd::new(price.pico().into()).to_string());
    let mut pricing = Map::from_iter([("prompt".to_owned(), usd(input)), ("completion".to_owned(), usd(output))]);
    for (name, price, missing) in [
        ("input_cache_read", cache_read, input),
        ("input_cache_write", cache_write_5m, input),
        ("input_cache_write_1h", cache_write_1h, input),
        ("audio", audio, input),
        ("input_audio_cache", audio_cache_read, cache_read),
    ] {
        if price != missing {
            pricing.insert(name.to_owned(), usd(price));
        }
    }
    pricing
}

/// A model's entry in a list that contains exactly what the catalogue says.
fn entry(model: &Model, name: &str) -> Value {
    let tariff = model.tariff_on(day_of(RequestId::generate()));
    let mut prices = pricing(&tariff.price);
    if let Some(tier) = tariff.long_context {
        let mut long = pricing(&tier.price);
        long.insert("min_prompt_tokens".to_owned(), json!(tier.above));
        prices.insert("overrides".to_owned(), json!([long]));
    }
    let capabilities = &model.capabilities;
    let mandatory = (capabilities.thinking == Thinking::Effort).then(|| !capabilities.efforts.contains(&"none".to_owned()));
    let (efforts, default_effort) = (&capabilities.efforts, &capabilities.default_effort);
    let reasoning = json!({"supported_efforts": efforts, "default_effort": default_effort, "mandatory": mandatory});
    json!({
        "id": name,
        "name": format!("{}: {}", model.owned_by, model.name),
        "created": 1_790_000_000,
        "context_length": model.widest_window,
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        "pricing": prices,
        "top_provider": {"context_length": model.widest_window, "max_completion_tokens": model.max_output_tokens},
        "supported_parameters": ["max_tokens", "tools"],
        "reasoning": (capabilities.thinking != Thinking::None).then_some(reasoning),
        "expiration_date": null,
    })
}

/// A list that agrees with the embedded catalogue.
fn same_list() -> Result<Value> {
    let mut entries: Vec<Value> = Vec::new();
    for model in Catalog::embedded()?.models() {
        for route in model.routes.iter().filter(|route| route.provider == ProviderId::OpenRouter) {
            if entries.iter().all(|entry| entry["id"] != route.upstream.as_str()) {
                entries.push(entry(model, route.upstream.as_str()));
            }
        }
    }
    Ok(json!({"data": entries}))
}

/// The list with other values at one place of one entry.
fn changed(name: &str, place: &str, value: &Value) -> Result<Value> {
    let mut list = same_list()?;
    let entries = list["data"].as_array_mut().context("no entries")?;
    let entry = entries.iter_mut().find(|entry| entry["id"] == name).context("no such entry")?;
    let (parent, field) = place.rsplit_once('/').context("no place")?;
    entry.pointer_mut(parent).context("no such place")?[field] = value.clone();
    Ok(list)
}

async fn checked(list: &Value) -> Result<(Option<i32>, Value)> {
    let output = SavedList::new(list)?.bk(&["check", "--json"]).await?;
    let found = serde_json::from_slice(&output.stdout);
    Ok((output.status.code(), found.with_context(|| text(&output.stderr))?))
}

#[tokio::test]
async fn a_list_that_says_the_same_has_no_differences() -> Result<()> {
    assert_eq!(checked(&same_list()?).await?, (Some(0), json!([])));
    Ok(())
}

#[tokio::test]
async fn each_difference_is_named_and_only_those_that_cost_money_fail() -> Result<()> {
    let (gpt, sol, kimi, sonnet) =
        ("openai/gpt-5.2", "openai/gpt-6.1-sol", "moonshotai/kimi-k2.5", "anthropic/claude-sonnet-4.6");
    let tier = |above: u64, prompt: &str| {
        json!([{"min_prompt_tokens": above, "prompt": prompt, "completion": "0.000015",
                "input_cache_read": "0.0000002", "input_cache_write": "0.000005"}])
    };
    for (name, place, value, field, catalogue, list, costs) in [
        (gpt, "/pricing/prompt", json!("0.00000176"), "input", "1.75", "1.76", true),
        (gpt, "/pricing/prompt", json!("0.0000017"), "input", "1.75", "1.7", false),
        (gpt, "/pricing/completion", json!("0.000015"), "output", "14", "15", true),
        (gpt, "/pricing/internal_reasoning", json!("0.00002"), "output", "14", "20", true),
        (gpt, "/pricing/input_cache_read", Value::Null, "cache_read", "0.175", "1.75", true),
        (gpt, "/pricing/input_cache_write", json!("0.000002"), "cache_write", "1.75", "2", true),
        (gpt, "/pricing/input_cache_write_1h", json!("0.000003"), "cache_write_1h", "1.75", "3", true),
        (gpt, "/pricing/audio", json!("0.00003"), "audio", "1.75", "30", true),
        (gpt, "/pricing/per_second", json!("1"), "price", "1.75", "its price `per_second` is not known", true),
        (gpt, "/pricing/prompt", json!("0"), "price", "1.75", "it is free", false),
        (kimi, "/pricing/completion", json!("0.000004"), "output", "3.33", "4", false),
        (gpt, "/pricing/overrides", json!([{"min_prompt_tokens": 200_000}]), "long_context", "none", "200000", true),
        (kimi, "/pricing/overrides", json!([{"min_prompt_tokens": 200_000}]), "long_context", "none", "200000", false),
        (sol, "/pricing/overrides", json!([]), "long_context", "272000", "none", false),
        (sol, "/pricing/overrides", tier(200_000, "0.000004"), "long_context", "272000", "200000", true),
        (sol, "/pricing/overrides", tier(300_000, "0.000004"), "long_context", "272000", "300000", false),
        (sol, "/pricing/overrides", tier(272_000, "0.000005"), "input above 272000", "4", "5", true),
        (gpt, "/context_length", json!(500_000), "window", "400000", "500000", true),
        (gpt, "/top_provider/max_completion_tokens", json!(200_000), "max_output_tokens", "128000", "200000", false),
        (gpt, "/top_provider/max_completion_tokens", json!(4_096), "max_output_tokens", "128000", "4096", false),
        (gpt, "/reasoning/supported_efforts", json!(["none", "low"]), "efforts", "high,low,medium,xhigh", "low", false),
        (gpt, "/reasoning/default_effort", json!("low"), "default_effort", "none", "low", false),
        (gpt, "/reasoning/mandatory", json!(true), "mandatory_reasoning", "false", "true", false),
        (gpt, "/reasoning", Value::Null, "reasoning", "yes", "none", false),
        (sonnet, "/expiration_date", json!("2027-02-17T00:00:00Z"), "ends", "none", "2027-02-17", false),
        (gpt, "/id", json!("openai/gpt-5.2-new"), "name", "openai/gpt-5.2", "none", true),
    ] {
        let model = name.rsplit('/').next().unwrap_or_default();
        let row = json!([{"model": model, "field": field, "catalogue": catalogue, "list": list, "costs": costs}]);
        let found = checked(&changed(name, place, &value)?).await?;
        assert_eq!(found, (Some(i32::from(costs)), row), "{name} {place} {value}");
    }
    Ok(())
}

#[tokio::test]
async fn a_smaller_window_costs_nothing_and_a_versions_own_name_is_found() -> Result<()> {
    let mut list = changed("openai/gpt-5.2", "/context_length", &json!(300_000))?;
    let entries = list["data"].as_array_mut().context("no entries")?;
    let entry = entries.iter_mut().find(|entry| entry["id"] == "openai/gpt-5.2").context("no such entry")?;
    entry["top_provider"]["context_length"] = json!(200_000);
    (entry["id"], entry["canonical_slug"]) = (json!("openai/gpt-5.2-latest"), json!("openai/gpt-5.2"));
    let free = json!({"id": "openai/gpt-5.2-latest:free", "canonical_slug": "openai/gpt-5.2", "context_length": 1});
    entries.insert(0, free);
    let row = json!([{"model": "gpt-5.2", "field": "window", "catalogue": "400000", "list": "300000", "costs": false}]);
    assert_eq!(checked(&list).await?, (Some(0), row));
    Ok(())
}

#[tokio::test]
async fn a_catalogue_of_ones_own_is_compared_without_what_is_gone_from_it() -> Result<()> {
    let own = EMBEDDED.replace(r#"input = "1.75", output = "14", cache_read = "0.175""#, r#"input = "1.75", output = "13""#);
    let file = std::env::temp_dir().join(format!("gateway-own-{}.toml", std::process::id()));
    std::fs::write(&file, format!("{own}\ndeprecated = \"2026-11-30\"\ngone = true\n"))?;
    let mut list = same_list()?;
    let entries = list["data"].as_array_mut().context("no entries")?;
    entries.retain(|entry| entry["id"] != "mistralai/mistral-large-4-0" && entry["id"] != "openai/gpt-5.2-codex");
    let arguments = ["check", "--json", "--catalog", file.to_str().context("no path")?];
    let output = SavedList::new(&list)?.bk(&arguments).await?;
    std::fs::remove_file(file)?;
    let rows: Value = serde_json::from_slice(&output.stdout)?;
    let row =
        |row: &Value| format!("{} {} {} {}", row["model"], row["field"], row["catalogue"], row["list"]).replace('"', "");
    let rows: Vec<String> = rows.as_array().into_iter().flatten().map(row).collect();
    let expected = ["gpt-5.2 output 13 14", "gpt-5.2 cache_read 1.75 0.175", "gpt-5.2-codex name openai/gpt-5.2-codex none"];
    assert_eq!(rows, expected, "mistral-large-4 is the last entry, and gone");
    Ok(())
}

#[tokio::test]
async fn differences_are_printed_as_an_aligned_table() -> Result<()> {
    let list = SavedList::new(&changed("openai/gpt-5.2", "/pricing/completion", &json!("0.000015"))?)?;
    let output = list.bk(&["check"]).await?;
    assert_eq!(text(&output.stdout), "gpt-5.2  output  14         15    yes\n");
    assert!(text(&output.stderr).contains("differences: 1, of which cost money: 1"), "{}", text(&output.stderr));
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_no_list_fails_without_a_difference() -> Result<()> {
    for (list, words) in [(json!({"data": []}), "no models"), (json!([]), "not a list of models")] {
        let output = SavedList::new(&list)?.bk(&["check"]).await?;
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
    Ok(())
}

#[tokio::test]
async fn the_list_is_fetched_without_a_key_where_no_file_is_given() -> Result<()> {
    let (listener, body) = (tokio::net::TcpListener::bind("127.0.0.1:0").await?, same_list()?.to_string());
    let base = format!("http://{}/api/v1", listener.local_addr()?);
    let list = move |headers: axum::http::HeaderMap| async move {
        if headers.contains_key("authorization") { "no key is needed".to_owned() } else { body }
    };
    let server = axum::Router::new().route("/api/v1/models", axum::routing::get(list));
    let server = tokio::spawn(async move { axum::serve(listener, server).await });
    let mut command = Command::new(binary("bk")?);
    command.args(["catalog", "check", "--json"]).env_clear().env("OPENROUTER_BASE_URL", base).stdin(Stdio::null());
    let output = command.output().await?;
    server.abort();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "[]\n".to_owned()), "{}", text(&output.stderr));
    Ok(())
}

#[tokio::test]
async fn a_list_that_cannot_be_fetched_fails_without_a_difference() -> Result<()> {
    let mut command = Command::new(binary("bk")?);
    command.args(["catalog", "check"]).env_clear().env("OPENROUTER_BASE_URL", "http://127.0.0.1:1").stdin(Stdio::null());
    let output = command.output().await?;
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
    assert!(text(&output.stderr).contains("get OpenRouter's list of models: "), "{}", text(&output.stderr));
    Ok(())
}

/// The list with two models that the catalogue does not have. A profile of the catalogue describes the abilities of one of
/// them, and none describes the other's.
fn list_with_news() -> Result<Value> {
    let mut list = same_list()?;
    let entries = list["data"].as_array_mut().context("no entries")?;
    let parameters = ["reasoning", "tools", "structured_outputs", "temperature", "top_p", "top_k", "stop"];
    entries.push(json!({
        "id": "z-ai/glm-6.1", "name": "Z.AI: GLM 6.1", "context_length": 1_000_000,
        "architecture": {"input_modalities": ["text", "file"], "output_modalities": ["text"]},
        "pricing": {"prompt": "0.0000014", "completion": "0.0000044", "input_cache_read": "0.00000026"},
        "top_provider": {"context_length": 1_048_576, "max_completion_tokens": 128_000},
        "supported_parameters": parameters,
        "reasoning": {"supported_efforts": ["max", "high", "low"], "mandatory": true},
        "expiration_date": "2027-03-01",
    }));
    entries.push(json!({
        "id": "openai/gpt-7.1-nova", "name": "OpenAI: GPT-7.1 Nova", "context_length": 2_000_000,
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        "pricing": {"prompt": "0.000003", "completion": "0.00001512345", "audio": "0.00003", "input_cache_write": "0.00000375",
                    "overrides": [{"min_prompt_tokens": 272_000, "prompt": "0.000006"}]},
        "supported_parameters": ["reasoning", "tools", "structured_outputs"],
        "reasoning": {"supported_efforts": ["low", "high"], "default_effort": "low", "mandatory": false},
    }));
    entries.push(json!({
        "id": "openai/gpt-7-picture", "name": "OpenAI: GPT-7 Picture", "context_length": 1,
        "architecture": {"input_modalities": ["text"], "output_modalities": ["image"]}, "pricing": {},
    }));
    Ok(list)
}

/// A printed entry, and the embedded catalogue with this entry added.
async fn added(name: &str) -> Result<(String, Catalog)> {
    let output = SavedList::new(&list_with_news()?)?.bk(&["add", name]).await?;
    anyhow::ensure!(output.status.success(), text(&output.stderr));
    let entry = text(&output.stdout);
    let catalog = Catalog::parse(&format!("{EMBEDDED}\n{entry}"))?;
    Ok((entry, catalog))
}

#[tokio::test]
async fn an_entry_uses_the_profile_that_says_the_same_and_is_found_by_its_names() -> Result<()> {
    let (entry, catalog) = added("z-ai/glm-6.1").await?;
    let today = day_of(RequestId::generate());
    let expected = format!(
        r#"[[model]]
id = "glm-6.1"
name = "GLM 6.1"
owned_by = "z-ai"
routes = [["openrouter", "z-ai/glm-6.1"]]
price = {{ input = "1.4", output = "4.4", cache_read = "0.26" }}
price_moves = true
context_window = 1000000
widest_window = 1048576
max_output_tokens = 128000
default_output = 16384
input_modalities = ["text", "pdf"]
profile = "glm"
deprecated = "{today}"
ends = "2027-03-01"
source = "OpenRouter's list of models"
"#
    );
    assert_eq!(entry, expected);
    for name in ["glm-6.1", "glm-6-1", "z-ai/glm-6.1"] {
        assert_eq!(catalog.resolve(name).map(|model| model.id.to_string()), Ok("glm-6.1".to_owned()));
    }
    Ok(())
}

#[tokio::test]
async fn an_entry_brings_a_profile_where_none_says_the_same() -> Result<()> {
    let (entry, catalog) = added("openai/gpt-7.1-nova").await?;
    let expected = r#"[profile."gpt-7.1-nova"]
thinking = "effort"
efforts = ["none", "low", "high"]
default_effort = "low"
refuses_stop = true
sampling = "nothing"
structured_output = true
json_with_tools = true
min_output_tokens = 16

[[model]]
id = "gpt-7.1-nova"
name = "GPT-7.1 Nova"
owned_by = "openai"
routes = [["openrouter", "openai/gpt-7.1-nova"]]
price = { input = "3", output = "15.12345", cache_write = "3.75", cache_write_1h = "3.75", audio = "30", audio_cache_read = "30" }
long_context = { above = 272000, price = { input = "6", output = "15.12345", cache_write = "3.75", cache_write_1h = "3.75", audio = "30", audio_cache_read = "30" } }
context_window = 2000000
max_output_tokens = 2000000
input_modalities = ["text", "image"]
profile = "gpt-7.1-nova"
"#;
    assert_eq!(entry, expected);
    let model: Arc<Model> = catalog.resolve("openai/gpt-7-1-nova").ok().context("the model")?;
    assert_eq!((model.id.as_str(), model.tariff.moves, model.default_output), ("gpt-7.1-nova", false, 32_000));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_added_is_refused_with_the_reason() -> Result<()> {
    let list = SavedList::new(&list_with_news()?)?;
    for (name, words) in [
        ("openai/gpt-7", "the list has no model openai/gpt-7; similar names: openai/gpt-7.1-nova"),
        ("openai/gpt-5.2", "the catalogue has it already, as gpt-5.2"),
        ("openai/gpt-7-picture", "openai/gpt-7-picture cannot be served: it outputs something other than text"),
    ] {
        let output = list.bk(&["add", name]).await?;
        let error = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{error}");
        assert!(error.contains(words), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn every_model_of_a_published_list_is_an_entry_that_fits_or_is_refused_with_the_reason() -> Result<()> {
    let support = gateway_dev::stack::Support::start(&gateway_tests::options()?).await?;
    let base = format!("{}/api/v1", support.simulator_origin.as_deref().context("no simulator")?);
    let mut refused = Vec::new();
    // The kinds of models in this list repeat every twenty models.
    for number in 20..40 {
        let vendor = ["acme", "globex", "initech", "hooli"][number % 4];
        let name = format!("{vendor}/model-{number}{}", if number % 20 == 3 { ":free" } else { "" });
        let mut command = Command::new(binary("bk")?);
        command.args(["catalog", "add", &name]).env_clear().env("OPENROUTER_BASE_URL", &base).stdin(Stdio::null());
        let output = command.output().await?;
        if output.status.success() {
            let catalog = Catalog::parse(&format!("{EMBEDDED}\n{}", text(&output.stdout)))?;
            assert_eq!(catalog.resolve(&name).map(|model| model.id.to_string()), Ok(format!("model-{number}")));
        } else {
            let error = text(&output.stderr);
            refused.push((
                number % 20,
                error.trim().rsplit_once(": ").map(|(_, reason)| reason.to_owned()).unwrap_or_default(),
            ));
        }
    }
    let reasons: Vec<(usize, &str)> = refused.iter().map(|(kind, reason)| (*kind, reason.as_str())).collect();
    let expected = [
        (3, "its suffix changes hosts or prices"),
        (7, "its price `prompt` cannot be used"),
        (11, "it outputs something other than text"),
        (13, "its price `per_hour` is not known"),
    ];
    assert_eq!(reasons, expected);
    Ok(())
}
