//! `bk catalog probe`: which routes answer, without a table.

use std::collections::BTreeSet;
use std::process::{Output, Stdio};

use anyhow::Result;
use gateway_dev::stack::Support;
use gateway_tests::{binary, options};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::bk::text;

/// Runs `bk` with the providers' variables of a simulator, with these variables replacing some of them, and without a table.
async fn probe(support: &Support, own: &[(&str, &str)], arguments: &[&str]) -> Result<Output> {
    let of_table = |name: &str| name == "TABLE_NAME" || name == "AWS_ENDPOINT_URL_DYNAMODB";
    let variables = support.variables.iter().filter(|(name, _)| !of_table(name));
    let mut command = Command::new(binary("bk")?);
    command.args(["catalog", "probe"]).args(arguments).env_clear().stdin(Stdio::null());
    Ok(command.envs(variables.cloned()).envs(own.iter().copied()).output().await?)
}

fn lines(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// The requests that the simulated models received.
fn bodies(support: &Support) -> Vec<Value> {
    let journal = support.simulator.as_ref().map(|simulator| simulator.journal().entries("")).unwrap_or_default();
    let models = journal.into_iter().filter(|entry| !entry.model.is_empty());
    models.filter_map(|entry| serde_json::from_str(&entry.body).ok()).collect()
}

#[tokio::test]
async fn every_route_of_the_catalogue_is_asked_once_for_as_little_as_it_allows() -> Result<()> {
    let support = Support::start(&options()?).await?;
    let output = probe(&support, &[], &["--yes", "--json"]).await?;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let catalog = gateway::catalog::Catalog::embedded()?;
    let routes: BTreeSet<(&str, String)> = catalog
        .models()
        .flat_map(|model| &model.routes)
        .map(|route| (route.provider.as_str(), route.upstream.to_string()))
        .collect();
    let asked = lines(&output);
    let name = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
    let seen: BTreeSet<(String, String)> = asked.iter().map(|line| (name(line, "provider"), name(line, "name"))).collect();
    assert_eq!(seen, routes.iter().map(|(provider, name)| ((*provider).to_owned(), name.clone())).collect());
    assert_eq!((asked.len(), bodies(&support).len()), (routes.len(), routes.len()));
    assert!(asked.iter().all(|line| line["result"] == "answers" && line["status"] == 200), "{asked:?}");
    let limits = |body: &Value| {
        let places = ["/max_tokens", "/max_completion_tokens", "/generationConfig/maxOutputTokens"];
        places.iter().find_map(|place| body.pointer(place)?.as_u64()).unwrap_or(u64::MAX)
    };
    let most: BTreeSet<u64> = bodies(&support).iter().map(limits).collect();
    // OpenAI's models take no fewer than 16, and Qwen 3.8 takes more than its smallest budget.
    assert_eq!(most, BTreeSet::from([1, 2, 16]));
    Ok(())
}

#[tokio::test]
async fn a_name_that_its_provider_does_not_know_fails_the_command_and_is_named() -> Result<()> {
    let support = Support::start(&options()?).await?;
    let nowhere = format!("{}/nowhere", support.simulator_origin.as_deref().unwrap_or_default());
    let own = [("VERTEX_BASE_URL", nowhere.as_str())];
    let output = probe(&support, &own, &["--yes", "--json", "claude-opus-4-6"]).await?;
    assert_eq!(output.status.code(), Some(1));
    let results: Vec<(Value, Value, Value)> = lines(&output)
        .into_iter()
        .map(|line| (line["name"].clone(), line["result"].clone(), line["status"].clone()))
        .collect();
    assert_eq!(
        results,
        [
            (json!("claude-opus-4-6"), json!("gone"), json!(404)),
            (json!("anthropic/claude-opus-4.6"), json!("answers"), json!(200))
        ]
    );
    let printed = probe(&support, &own, &["--yes", "claude-opus-4.6"]).await?;
    assert!(
        text(&printed.stdout).starts_with("claude-opus-4.6  vertex-claude  claude-opus-4-6            gone     404     ")
    );
    assert!(text(&printed.stderr).contains("answers: 1, gone: 1, refused: 0, failed: 0"), "{}", text(&printed.stderr));
    Ok(())
}

#[tokio::test]
async fn nothing_is_asked_without_a_yes_a_credential_or_a_model_of_that_name() -> Result<()> {
    let support = Support::start(&options()?).await?;
    let without = [("OPENROUTER_API_KEY", ""), ("GOOGLE_APPLICATION_CREDENTIALS_JSON", "")];
    for (own, arguments, code, words) in [
        (&[][..], &[][..], 2, "pass --yes"),
        (&[], &["--yes", "claude-opus-4.66"], 2, "similar names: claude-opus-4.6"),
        (&without, &["--yes"], 1, "OPENROUTER_API_KEY"),
        (&[("MODEL_CATALOG", "/nowhere.toml")], &["--yes"], 1, "/nowhere.toml"),
    ] {
        let output = probe(&support, own, arguments).await?;
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(words) && output.stdout.is_empty(), "{error}");
    }
    assert_eq!(bodies(&support), Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn what_it_costs_at_most_is_said_before() -> Result<()> {
    let support = Support::start(&options()?).await?;
    let output = probe(&support, &[], &["kimi-k2.5"]).await?;
    let error = text(&output.stderr);
    let amount = error.strip_prefix("calls: 1, which cost at most ").and_then(|rest| rest.split(' ').next());
    // One token of output at 3.33 USD a million, and up to three hundred of input at 0.60.
    let amount = gateway::money::PicoUsd::parse_usd(amount.unwrap_or_default()).map(gateway::money::PicoUsd::pico);
    assert!(amount.is_some_and(|amount| (3_930_000..200_000_000).contains(&amount)), "{error}");
    Ok(())
}
