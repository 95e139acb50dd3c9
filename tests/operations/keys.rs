//! `bk keys`: what a key may do, and its secret.

use std::time::Duration;

use anyhow::Result;
use gateway_tests::Harness;
use serde_json::{Value, json};

use crate::bk::{answer, bk, bk_fed, bk_with, chat, created, text};

const MODEL: &str = "gpt-5.2";

#[tokio::test]
async fn a_key_without_limits_of_its_own_has_the_deployments() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, _) = created(&gateway, &["--name", "plain"]).await?;
    let shown = answer(&gateway, &["keys", "show", &id]).await?;
    assert_eq!((&shown["rpm"], &shown["tpm"], &shown["maxConcurrent"]), (&json!(600), &json!(4_000_000), &json!(64)));
    assert_eq!((&shown["models"], &shown["cidrs"], &shown["expires"]), (&json!(["*"]), &json!(["*"]), &Value::Null));
    assert_eq!((&shown["prepaid"], &shown["balanceUsd"]), (&json!(false), &Value::Null));

    let variables = [("DEFAULT_RPM", "7"), ("DEFAULT_TPM", "none"), ("DEFAULT_MAX_CONCURRENT", "3")];
    let output = bk_with(&gateway, &variables, &["keys", "create", "--name", "limited", "--json"]).await?;
    let id = serde_json::from_slice::<Value>(&output.stdout)?["id"].as_str().unwrap().to_owned();
    let shown = answer(&gateway, &["keys", "show", &id]).await?;
    assert_eq!((&shown["rpm"], &shown["tpm"], &shown["maxConcurrent"]), (&json!(7), &Value::Null, &json!(3)));
    Ok(())
}

#[tokio::test]
async fn limits_are_set_at_creation_and_changed_one_by_one() -> Result<()> {
    let gateway = Harness::start().await?;
    let limits = ["--rpm", "none", "--tpm", "100000", "--max-concurrent", "200", "--expires", "2100-01-01T00:00:00Z"];
    let scope = ["--models", "anthropic/claude-opus-4-6,gpt-5.2", "--cidrs", "10.0.0.0/8,2001:db8::/32"];
    let (id, _) = created(&gateway, &[&limits[..], &scope[..]].concat()).await?;
    let before = answer(&gateway, &["keys", "show", &id]).await?;
    assert_eq!((&before["rpm"], &before["tpm"], &before["maxConcurrent"]), (&Value::Null, &json!(100_000), &json!(200)));
    assert_eq!(before["models"], json!(["claude-opus-4.6", "gpt-5.2"]));
    assert_eq!(before["cidrs"], json!(["10.0.0.0/8", "2001:db8::/32"]));
    assert_eq!(before["expires"], json!(4_102_444_800_u64));

    let mut expected = before;
    for (argument, value, field, shown) in [
        ("--rpm", "5", "rpm", json!(5)),
        ("--tpm", "none", "tpm", Value::Null),
        ("--max-concurrent", "1", "maxConcurrent", json!(1)),
        ("--models", "*", "models", json!(["*"])),
        ("--cidrs", "*", "cidrs", json!(["*"])),
        ("--expires", "never", "expires", Value::Null),
    ] {
        expected[field] = shown;
        assert_eq!(answer(&gateway, &["keys", "limit", &id, argument, value]).await?, expected, "{argument}");
    }
    assert_eq!(answer(&gateway, &["keys", "show", &id]).await?, expected);
    Ok(())
}

#[tokio::test]
async fn a_key_needs_a_name_and_a_balance_that_is_an_amount() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, _) = created(&gateway, &["--name", "prepaid", "--balance", "1"]).await?;
    for (arguments, words) in [
        (&["keys", "create"][..], "--name <NAME>"),
        (&["keys", "create", "--name", " "], "the name must not be empty"),
        (&["keys", "create", "--name", "x", "--balance", "-3"], "the amount must not be negative"),
        (&["credits", "grant", &id, "-3"], "the amount must not be negative"),
    ] {
        let output = bk(&gateway, arguments).await?;
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
    Ok(())
}

#[tokio::test]
async fn a_second_key_with_the_same_name_is_created_with_a_warning() -> Result<()> {
    let gateway = Harness::start().await?;
    for (name, warns) in [("twin", false), ("twin", true), ("other", false)] {
        let output = bk(&gateway, &["keys", "create", "--name", name]).await?;
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.contains("another key has the name twin already"), warns, "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn values_that_cannot_work_are_wrong_usage_and_change_nothing() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, _) = created(&gateway, &[]).await?;
    let before = answer(&gateway, &["keys", "show", &id]).await?;
    for (arguments, code, words) in [
        (vec!["--rpm", "0"], 2, "a rate is a whole number from 1"),
        (vec!["--max-concurrent", "201"], 2, "1..=200"),
        (vec!["--models", "gpt-5.2,claude-opus-4.66"], 2, "similar names: claude-opus-4.6"),
        (vec!["--cidrs", "10.0.0.0/33"], 2, "a network looks like"),
        (vec!["--expires", "2020-01-01T00:00:00Z"], 2, "that time has passed"),
        (vec!["--expires", "soon"], 2, "30d"),
        (vec![], 2, "nothing to change"),
    ] {
        let output = bk(&gateway, &[&["keys", "limit", id.as_str()], arguments.as_slice()].concat()).await?;
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(words) && output.stdout.is_empty(), "{error}");
    }
    assert_eq!(answer(&gateway, &["keys", "show", &id]).await?, before);
    let unknown = bk(&gateway, &["keys", "limit", "0000000000000000", "--rpm", "1"]).await?;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("there is no key 0000000000000000"));
    Ok(())
}

async fn status(gateway: &Harness, key: &str) -> Result<u16> {
    Ok(chat(gateway, key, MODEL, "hi").await?.status)
}

#[tokio::test]
async fn a_rotated_key_keeps_its_id_and_both_secrets_work_until_the_grace_is_over() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, first) = created(&gateway, &["--name", "mine"]).await?;
    // The process is already started, so the grace period is long enough for two requests and two runs of the command line.
    assert_eq!(status(&gateway, &first).await?, 200);
    let rotated = bk_fed(&gateway, &format!("{first}\n"), &["keys", "rotate", "--grace", "8s"]).await?;
    let (second, notes) = (text(&rotated.stdout), text(&rotated.stderr));
    assert!(rotated.status.success(), "{notes}");
    assert!(second.lines().count() == 1 && second.trim().len() == 49 && second.trim() != first, "{second}");
    assert!(notes.contains(&id) && !notes.contains(second.trim()) && !notes.contains(&first), "{notes}");
    let second = second.trim();
    assert_eq!((status(&gateway, &first).await?, status(&gateway, second).await?), (200, 200));

    let shown = answer(&gateway, &["keys", "show", &id]).await?;
    assert_eq!((&shown["last4"], shown["oldUntil"].is_u64()), (&json!(&second[45..]), true));
    let listed = answer(&gateway, &["keys", "list"]).await?;
    let mine = listed.as_array().unwrap().iter().find(|line| line["name"] == "mine").unwrap();
    assert_eq!((&mine["id"], &mine["last4"]), (&json!(id), &json!(&second[45..])));

    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!((status(&gateway, &first).await?, status(&gateway, second).await?), (401, 200));
    Ok(())
}

#[tokio::test]
async fn only_the_newest_secret_can_be_rotated_and_the_oldest_ends_with_the_second_rotation() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, first) = created(&gateway, &[]).await?;
    let rotate = async |key: &str| -> Result<String> {
        let output = bk_fed(&gateway, key, &["keys", "rotate", "--json"]).await?;
        anyhow::ensure!(output.status.success(), text(&output.stderr));
        let new: Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!((&new["id"], &new["confirmed"]), (&json!(id), &json!(true)));
        Ok(new["key"].as_str().unwrap_or_default().to_owned())
    };
    let second = rotate(&first).await?;
    let stale = bk_fed(&gateway, &first, &["keys", "rotate"]).await?;
    assert!(stale.status.code() == Some(1) && stale.stdout.is_empty());
    assert!(text(&stale.stderr).contains("rotated already"), "{}", text(&stale.stderr));
    let third = rotate(&second).await?;
    for (key, expected) in [(&first, 401), (&second, 200), (&third, 200)] {
        assert_eq!(status(&gateway, key).await?, expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_rotation_refuses_what_is_no_key_and_a_key_that_is_switched_off() -> Result<()> {
    let gateway = Harness::start().await?;
    let (id, off) = created(&gateway, &[]).await?;
    assert!(bk(&gateway, &["keys", "disable", &id]).await?.status.success());
    let elsewhere = Harness::start().await?;
    for (input, words) in [
        ("", "standard input is not a key"),
        ("bk_nonsense", "standard input is not a key"),
        (off.as_str(), "it is unknown, disabled"),
        (elsewhere.stack.key(), "unknown"),
    ] {
        let output = bk_fed(&gateway, input, &["keys", "rotate"]).await?;
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(words) && output.stdout.is_empty(), "{error}");
        assert!(input.is_empty() || !error.contains(input), "{error}");
    }
    let argument = bk_fed(&gateway, &off, &["keys", "rotate", &off]).await?;
    assert_eq!(argument.status.code(), Some(2));
    Ok(())
}
