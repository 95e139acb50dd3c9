//! `bk` takes a key's name wherever it takes an id, and `bk keys list` shows both.

use anyhow::{Context as _, Result};
use gateway::ids::KeyId;
use gateway::ledger::Timestamp;
use gateway_tests::Harness;
use serde_json::{Value, json};

use crate::bk::{answer, bk, chat, created, text};

const MODEL: &str = "gpt-5.2";

/// The cells of a printed line: columns are at least two spaces apart.
fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

/// The line of `bk keys list --json` for a key.
async fn listed(gateway: &Harness, id: &str) -> Result<Value> {
    let listed = answer(gateway, &["keys", "list"]).await?;
    listed.as_array().into_iter().flatten().find(|line| line["id"] == id).cloned().context("the key is not listed")
}

/// The minute in which a key was last admitted, in seconds since the epoch.
async fn last_admission(gateway: &Harness, id: &str) -> Result<u64> {
    let id = KeyId::parse(id).context("an id")?;
    Ok(gateway.stack.support.store.key(&id).await?.context("no key")?.window)
}

fn moment(seconds: u64) -> Result<String> {
    Ok(Timestamp::from_second(i64::try_from(seconds)?)?.to_string())
}

#[tokio::test]
async fn the_list_has_a_headline_and_a_line_per_key_in_the_same_columns() -> Result<()> {
    let gateway = Harness::start().await?;
    let terms = ["--name", "laptop", "--balance", "25", "--rpm", "60", "--tpm", "none", "--models", "gpt-5.2"];
    let (id, key) = created(&gateway, &terms).await?;
    let (other, _) =
        created(&gateway, &["--name", "spare", "--cidrs", "10.0.0.0/8", "--expires", "2100-01-01T00:00:00Z"]).await?;
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);
    let spent = answer(&gateway, &["usage", "laptop"]).await?["total"]["chargedUsd"].to_string();
    let balance = answer(&gateway, &["credits", "show", "laptop"]).await?["balanceUsd"].to_string();
    let used = moment(last_admission(&gateway, &id).await?)?;

    let printed = text(&bk(&gateway, &["keys", "list"]).await?.stdout);
    let lines: Vec<&str> = printed.lines().collect();
    let headline = [
        "ID",
        "NAME",
        "STATUS",
        "BALANCE USD",
        "MONTH USD",
        "LAST USED",
        "RPM",
        "TPM",
        "CONCURRENT",
        "EXPIRES",
        "MODELS",
        "NETWORKS",
    ];
    assert_eq!(cells(lines[0]), headline);
    let line = |id: &str| lines.iter().find(|line| line.starts_with(id)).copied().unwrap_or_default();
    assert!(spent != "0" && balance != "25", "{spent} {balance}");
    assert_eq!(
        cells(line(&id)),
        [id.as_str(), "laptop", "active", &balance, &spent, &used, "60", "none", "64", "never", "gpt-5.2", "all"]
    );
    let unused = [
        other.as_str(),
        "spare",
        "active",
        "-",
        "0",
        "never",
        "600",
        "4000000",
        "64",
        "2100-01-01T00:00:00Z",
        "all",
        "10.0.0.0/8",
    ];
    assert_eq!(cells(line(&other)), unused);
    let column = |line: &str, cell: &str| line.find(cell).unwrap_or_default();
    assert_eq!(column(lines[0], "NAME"), column(line(&id), "laptop"));
    assert_eq!(column(lines[0], "NETWORKS"), column(line(&other), "10.0.0.0/8"));
    assert_eq!(lines.len(), 4);
    Ok(())
}

#[tokio::test]
async fn the_list_is_in_the_order_of_names_and_then_of_ids() -> Result<()> {
    let gateway = Harness::start().await?;
    let mut expected = vec![("development".to_owned(), gateway.key_id()?.to_string())];
    for name in ["beta", "alpha", "beta", "zeta"] {
        expected.push((name.to_owned(), created(&gateway, &["--name", name]).await?.0));
    }
    expected.sort();
    let listed = answer(&gateway, &["keys", "list"]).await?;
    let field = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let listed: Vec<(String, String)> =
        listed.as_array().into_iter().flatten().map(|line| (field(line, "name"), field(line, "id"))).collect();
    assert_eq!(listed, expected);
    Ok(())
}

#[tokio::test]
async fn the_list_as_json_has_the_settings_of_each_key_its_spend_and_its_last_use() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--name", "laptop"]).await?;
    let before = listed(&gateway, &id).await?;
    assert_eq!((&before["monthUsd"], &before["lastUsed"]), (&json!(0), &Value::Null));
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);
    let mut expected = answer(&gateway, &["keys", "show", &id]).await?;
    expected["monthUsd"] = answer(&gateway, &["usage", &id]).await?["total"]["chargedUsd"].clone();
    expected["lastUsed"] = json!(last_admission(&gateway, &id).await?);
    assert_eq!(listed(&gateway, &id).await?, expected);
    Ok(())
}

#[tokio::test]
async fn the_last_use_is_known_after_a_change_of_the_limits() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--name", "laptop"]).await?;
    assert_eq!(chat(&gateway, &key, MODEL, "hi").await?.status, 200);
    let store = &gateway.stack.support.store;
    let records = store.records(&KeyId::parse(&id).context("an id")?, Timestamp::UNIX_EPOCH).await?;
    let minute = records[0].started().as_second() / 60 * 60;
    answer(&gateway, &["keys", "limit", "laptop", "--rpm", "5"]).await?;
    assert_eq!((last_admission(&gateway, &id).await?, &listed(&gateway, &id).await?["lastUsed"]), (0, &json!(minute)));
    Ok(())
}

#[tokio::test]
async fn every_command_takes_a_name_and_answers_as_for_the_id() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, key) = created(&gateway, &["--name", "laptop", "--balance", "25"]).await?;
    let request = chat(&gateway, &key, MODEL, "hi").await?.header("x-request-id").to_owned();
    let show = ["requests", "show", request.as_str(), "--key"];
    for arguments in [&["keys", "show"][..], &["usage"], &["credits", "show"], &show] {
        let by = async |key: &str| answer(&gateway, &[arguments, &[key]].concat()).await;
        assert_eq!(by("laptop").await?, by(&id).await?, "{arguments:?}");
    }
    assert_eq!(answer(&gateway, &["keys", "limit", "laptop", "--rpm", "7"]).await?["rpm"], 7);
    assert_eq!(answer(&gateway, &["credits", "grant", "laptop", "1"]).await?["key"], json!(id));
    let disabled = answer(&gateway, &["keys", "disable", "laptop"]).await?;
    assert_eq!((&disabled["id"], &disabled["status"]), (&json!(id), &json!("disabled")));
    Ok(())
}

#[tokio::test]
async fn an_id_wins_over_a_name_that_is_the_same_text() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, _) = created(&gateway, &["--name", "first"]).await?;
    created(&gateway, &["--name", &id]).await?;
    assert_eq!(answer(&gateway, &["keys", "show", &id]).await?["name"], "first");
    let (like_an_id, _) = created(&gateway, &["--name", "0123456789abcdef"]).await?;
    assert_eq!(answer(&gateway, &["keys", "show", "0123456789abcdef"]).await?["id"], json!(like_an_id));
    Ok(())
}

#[tokio::test]
async fn a_name_of_several_keys_is_an_error_that_lists_them() -> Result<()> {
    let gateway = Harness::start().await?;
    let mut keys = Vec::new();
    for _ in 0..2 {
        let (id, _) = created(&gateway, &["--name", "twin"]).await?;
        keys.push((
            id.clone(),
            answer(&gateway, &["keys", "show", &id]).await?["created"].as_str().unwrap_or_default().to_owned(),
        ));
    }
    assert!(bk(&gateway, &["keys", "disable", &keys[1].0]).await?.status.success());
    let mut lines = [("active  ", &keys[0]), ("disabled", &keys[1])]
        .map(|(status, (id, made))| format!("  {id}  {status}  created {made}\n"));
    lines.sort();
    let output = bk(&gateway, &["keys", "show", "twin"]).await?;
    let expected = format!("bk: 2 keys have the name twin; use the id of the one that you mean:\n{}", lines.concat());
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), expected));
    assert!(output.stdout.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_unknown_name_is_an_error_that_names_the_list() -> Result<()> {
    let gateway = Harness::start().await?;
    created(&gateway, &["--name", "laptop"]).await?;
    for (name, code, words) in [
        ("lapto", 1, "bk: there is no key lapto; `bk keys list` shows all\n"),
        ("Laptop", 1, "bk: there is no key Laptop; `bk keys list` shows all\n"),
        ("", 2, "bk: give the id or the name of a key; `bk keys list` shows them\n"),
    ] {
        let output = bk(&gateway, &["usage", name]).await?;
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(code), words.to_owned()));
    }
    Ok(())
}
