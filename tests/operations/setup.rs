//! `bk setup`: what it prints and what it does to the files of clients.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use gateway_tests::{binary, project};
use serde_json::{Value, json};

use crate::bk::text;

const URL: &str = "https://gateway.test";
const KEY: &str = "bk_test0000000000000000";

fn setup(home: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary("bk")?);
    command.arg("setup").args(arguments).env_clear();
    Ok(command.env("HOME", home).env("GATEWAY_URL", URL).env("GATEWAY_KEY", KEY).output()?)
}

fn printed(home: &Path, arguments: &[&str]) -> Result<Value> {
    let output = setup(home, &[arguments, &["--json"]].concat())?;
    anyhow::ensure!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The names of the clients, and whether `--write` applies to them.
fn clients(home: &Path) -> Result<BTreeMap<String, bool>> {
    let listed = printed(home, &["--list"])?;
    let row = |row: &Value| Some((row["name"].as_str()?.to_owned(), row["writes"].as_bool()?));
    listed.as_array().and_then(|rows| rows.iter().map(row).collect()).context("no list of clients")
}

/// All files below a folder, by path.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.insert(path.display().to_string(), fs::read(&path)?);
        }
    }
    Ok(found)
}

/// A user's settings in each format, written in unusual but valid ways.
fn of_user(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("toml") => "# mine\nsandbox_mode = 'read-only'\r\n\n[tui]\ntheme = \"dark\" # always\n",
        Some("json") => "{\"mine\": [1, 2],\n\t\"theme\": \"dark\"}",
        _ if path.ends_with("models.yaml") => "# mine\n- model_id: mine\n  model_name: other # always\n",
        _ => "# mine\ndark-mode: true # always\n",
    }
}

#[test]
fn every_client_prints_address_key_and_model() -> Result<()> {
    let home = tempfile::tempdir()?;
    for name in clients(home.path())?.keys() {
        let machine = printed(home.path(), &[name, "--model", "gpt-5.2"])?.to_string();
        let output = setup(home.path(), &[name, "--model", "gpt-5.2"])?;
        let plain = format!("{}{}", text(&output.stdout), text(&output.stderr));
        for shown in [&machine, &plain] {
            assert!(shown.contains(URL) && shown.contains("gpt-5.2"), "{name}: {shown}");
            assert!(
                shown.contains(KEY) || shown.contains("GATEWAY_KEY") || shown.contains("GATEWAY_API_KEY"),
                "{name}: {shown}"
            );
        }
        let applies = clients(home.path())?.get(name) == Some(&true);
        assert_eq!(plain.contains("--write does not apply"), !applies, "{name}: {plain}");
    }
    assert!(files(home.path())?.is_empty());
    Ok(())
}

#[test]
fn write_and_undo_leave_every_file_as_it_was() -> Result<()> {
    for (name, _) in clients(&std::env::temp_dir())?.into_iter().filter(|(_, writes)| *writes) {
        for existing in [true, false] {
            let home = tempfile::tempdir()?;
            let shown = printed(home.path(), &[&name])?;
            let paths: Vec<&str> =
                shown["files"].as_array().into_iter().flatten().filter_map(|file| file["path"].as_str()).collect();
            for path in paths.iter().filter(|_| existing) {
                fs::create_dir_all(Path::new(path).parent().context("no folder")?)?;
                fs::write(path, of_user(path))?;
            }
            let before = files(home.path())?;
            let written = setup(home.path(), &[&name, "--write"])?;
            assert!(written.status.success(), "{name}: {}", text(&written.stderr));
            for path in &paths {
                let edited = fs::read_to_string(path)?;
                let kept = ["mine", "dark", "always"].iter().filter(|word| of_user(path).contains(**word));
                assert!(!existing || kept.clone().all(|word| edited.contains(word)), "{name}: {edited}");
                assert_ne!(edited, of_user(path), "{name}");
            }
            let undone = setup(home.path(), &[&name, "--undo"])?;
            assert!(undone.status.success(), "{name}: {}", text(&undone.stderr));
            let said = if existing { "restored: " } else { "removed: " };
            assert!(text(&undone.stdout).lines().all(|line| line.starts_with(said)), "{name}: {}", text(&undone.stdout));
            assert_eq!(files(home.path())?, before, "{name}");
        }
    }
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_refused_and_stays() -> Result<()> {
    let home = tempfile::tempdir()?;
    for (name, path, broken) in [
        ("claude-code", ".claude/settings.json", "{\"env\": "),
        ("codex", ".codex/config.toml", "model = \n"),
        ("aider", ".aider.conf.yml", "model: [\n"),
    ] {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        fs::write(&path, broken)?;
        let output = setup(home.path(), &[name, "--write"])?;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(
            said.contains("was not changed, because it cannot be edited") && said.contains(&*path.to_string_lossy()),
            "{said}"
        );
        assert_eq!(fs::read_to_string(&path)?, broken);
    }
    assert_eq!(files(home.path())?.len(), 3);
    Ok(())
}

/// A folder with a program `codex` that prints this list.
fn codex_with(list: &Value) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("codex");
    fs::write(&program, format!("#!/bin/sh\n[ \"$*\" = \"debug models --bundled\" ] && printf %s '{list}'\n"))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

#[test]
fn codex_gets_a_list_of_models_with_its_own_instructions() -> Result<()> {
    let plain = json!({"slug": "a", "base_instructions": "Own words.", "tool_mode": null, "upgrade": {"model": "b"}});
    let programs = json!({"slug": "b", "base_instructions": "Other words.", "tool_mode": "code_mode_only"});
    let folder = codex_with(&json!({"models": [programs, plain]}))?;
    let home = tempfile::tempdir()?;
    let run = |arguments: &[&str]| -> Result<Output> {
        let mut command = Command::new(binary("bk")?);
        command.arg("setup").arg("codex").args(arguments).env_clear().env("PATH", folder.path());
        Ok(command.env("HOME", home.path()).env("GATEWAY_URL", URL).env("GATEWAY_KEY", KEY).output()?)
    };
    assert!(run(&["--write"])?.status.success());
    let path = home.path().join(".codex/gateway-models.json");
    let config = fs::read_to_string(home.path().join(".codex/config.toml"))?;
    assert!(config.starts_with(&format!("model_catalog_json = '{}'\n", path.display())), "{config}");
    let list: Value = serde_json::from_slice(&fs::read(&path)?)?;
    let models = list["models"].as_array().context("no models")?;
    let entry = models.iter().find(|entry| entry["slug"] == "kimi-k2.5").context("no entry")?;
    assert_eq!((&entry["base_instructions"], &entry["upgrade"]), (&json!("Own words."), &Value::Null));
    assert_eq!((&entry["context_window"], &entry["supported_reasoning_levels"]), (&json!(262_144), &json!([])));
    assert!(run(&["--undo"])?.status.success());
    assert!(files(home.path())?.is_empty());
    fs::write(home.path().join(".codex/config.toml"), "model = \n")?;
    assert_eq!(run(&["--write"])?.status.code(), Some(1));
    assert_eq!(files(home.path())?.len(), 1, "the list stays only with the settings that name it");
    Ok(())
}

#[test]
fn without_codex_its_settings_are_written_without_a_list() -> Result<()> {
    let home = tempfile::tempdir()?;
    let output = setup(home.path(), &["codex", "--write"])?;
    let said = "`codex` was not found, so the list of models was not written. Codex works without it and prints a warning.";
    assert!(output.status.success() && text(&output.stderr).contains(said), "{}", text(&output.stderr));
    assert!(!text(&setup(home.path(), &["codex"])?.stderr).contains("was not found"));
    assert!(!fs::read_to_string(home.path().join(".codex/config.toml"))?.contains("model_catalog_json"));
    Ok(())
}

#[test]
fn what_does_not_apply_is_said_plainly() -> Result<()> {
    let home = tempfile::tempdir()?;
    for (arguments, code, reason) in [
        (&["cursor", "--write"][..], 1, "--write and --undo do not apply to Cursor: its settings are entered by hand"),
        (&["openai-python", "--undo"], 1, "its settings are code, which `bk setup openai-python` prints"),
        (&["codex", "--undo"], 1, "nothing to undo"),
        (&["clippy"], 2, "no client is called clippy; `bk setup --list` shows all"),
        (&["codex", "--model", "gpt-nothing"], 2, "there is no such model"),
        (&["codex", "--model", "nope"], 2, "there is no such model\n"),
        (&["codex", "--model", "*"], 2, "there is no such model\n"),
        (&["codex", "--model", "gpt-nothing"], 2, "similar names: gpt-5"),
        (&["codex", "--key", "/nowhere"], 1, "read the key in /nowhere"),
        (&["--write"], 2, "<CLIENT>"),
    ] {
        let output = setup(home.path(), arguments)?;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(text(&output.stderr).contains(reason), "{arguments:?}: {}", text(&output.stderr));
    }
    Ok(())
}

#[test]
fn without_a_client_all_are_listed() -> Result<()> {
    let home = tempfile::tempdir()?;
    let (alone, listed) = (setup(home.path(), &[])?, setup(home.path(), &["--list"])?);
    assert!(alone.status.success() && !alone.stdout.is_empty());
    assert_eq!(text(&alone.stdout), text(&listed.stdout));
    Ok(())
}

#[test]
fn values_to_enter_by_hand_are_alone_on_their_lines() -> Result<()> {
    let home = tempfile::tempdir()?;
    for (name, values) in [
        ("cursor", vec![KEY.to_owned(), format!("{URL}/v1"), "gpt-5.2".to_owned()]),
        ("cline", vec![format!("{URL}/v1"), KEY.to_owned(), "gpt-5.2".to_owned()]),
        ("codex", vec!["export GATEWAY_KEY=bk_...".to_owned()]),
        ("zed", vec!["export GATEWAY_API_KEY=bk_...".to_owned()]),
    ] {
        let output = setup(home.path(), &[name, "--model", "gpt-5.2"])?;
        let printed = format!("{}{}", text(&output.stdout), text(&output.stderr));
        for value in values {
            assert!(printed.lines().any(|line| line.trim() == value), "{name} {value}: {printed}");
        }
    }
    Ok(())
}

#[test]
fn the_page_about_clients_lists_every_client() -> Result<()> {
    let page = fs::read_to_string(project().join("docs/clients.md"))?;
    for (name, writes) in clients(&std::env::temp_dir())? {
        let command = if writes { format!("`bk setup {name} --write`") } else { format!("`bk setup {name}`") };
        assert!(page.contains(&command), "{command}");
    }
    Ok(())
}
