//! How `make dev` starts and ends: one gateway per folder for data, and only with variables that can work.

use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::{Result, ensure};
use gateway_tests::{binary, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// `gateway-dev` with this folder for data. It stops when its process is dropped.
fn command(data: &Path) -> Result<Command> {
    let mut command = Command::new(binary("gateway-dev")?);
    command.args(["--port", "0", "--data"]).arg(data).env_clear().current_dir(data);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

/// Starts it, and waits until it has written its address.
async fn started(data: &Path, arguments: &[&str]) -> Result<Child> {
    let mut child = command(data)?.args(arguments).spawn()?;
    eventually("the gateway runs", async || {
        ensure!(child.try_wait()?.is_none(), "gateway-dev has ended");
        Ok(data.join("functions.env").exists())
    })
    .await?;
    Ok(child)
}

/// Ends it as Ctrl-C does, and returns what it said.
async fn ended(child: Child) -> Result<Output> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    kill_process(pid.ok_or_else(|| anyhow::anyhow!("it has ended"))?, Signal::INT)?;
    Ok(child.wait_with_output().await?)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it says at its start and end.
async fn banner(arguments: &[&str]) -> Result<String> {
    let data = tempfile::tempdir()?;
    let mut child = command(data.path())?.args(arguments).stdout(Stdio::piped()).spawn()?;
    // The headings come after the banner.
    let stdout = child.stdout.take();
    let mut lines = tokio::io::BufReader::new(stdout.ok_or_else(|| anyhow::anyhow!("no output"))?);
    tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut String::new()).await?;
    Ok(said(&ended(child).await?))
}

#[tokio::test]
async fn a_second_gateway_with_the_same_data_is_refused_and_names_the_first() -> Result<()> {
    let data = tempfile::tempdir()?;
    let first = started(data.path(), &[]).await?;
    let env = std::fs::read_to_string(data.path().join("env"))?;
    let url = env.lines().find_map(|line| line.strip_prefix("GATEWAY_URL=")).unwrap_or_default();
    for arguments in [&[][..], &["--fresh"], &["--support-only"]] {
        let second = command(data.path())?.args(arguments).output().await?;
        let words = format!(
            "gateway-dev: a gateway already runs with the data in {} ({url}); stop it, or start a second one: make dev DATA=FOLDER \
             PORT=9001\n",
            data.path().display()
        );
        assert_eq!((second.status.code(), said(&second)), (Some(1), words), "{arguments:?}");
    }
    assert_eq!(std::fs::read_to_string(data.path().join("env"))?, env);
    drop(first);
    Ok(())
}

#[tokio::test]
async fn at_the_end_the_files_that_name_the_gateway_are_gone_and_its_data_stay() -> Result<()> {
    for arguments in [&[][..], &["--support-only"]] {
        let data = tempfile::tempdir()?;
        let output = ended(started(data.path(), arguments).await?).await?;
        assert!(output.status.success(), "{}", said(&output));
        let is_there = |name: &str| data.path().join(name).exists();
        assert_eq!(["env", "functions.env", "key"].map(is_there), [false, false, true], "{arguments:?}");
        ended(started(data.path(), arguments).await?).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_variable_that_cannot_work_stops_the_start() -> Result<()> {
    for (name, value, words) in [
        ("MODEL_FALLBACK", "foo", "MODEL_FALLBACK must be `replacement` or unset, not foo"),
        ("IDLE_TIMEOUT_MS", "abc", "IDLE_TIMEOUT_MS must be a whole number of milliseconds"),
        ("MODEL_CATALOG", "/nope.toml", "MODEL_CATALOG: "),
    ] {
        let data = tempfile::tempdir()?;
        let output = command(data.path())?.env(name, value).output().await?;
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(said(&output).starts_with(&format!("gateway-dev: {words}")), "{}", said(&output));
        assert!(!said(&output).contains("base URL"), "{}", said(&output));
    }
    Ok(())
}

#[tokio::test]
async fn a_function_that_cannot_start_says_why_in_words() -> Result<()> {
    for function in ["health", "chat-completions", "reconcile"] {
        let variables = [("TABLE_NAME", "t"), ("MODEL_FALLBACK", "foo"), ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")];
        let output = Command::new(binary(function)?).env_clear().envs(variables).output().await?;
        assert_eq!(said(&output), "Error: MODEL_FALLBACK must be `replacement` or unset, not foo\n", "{function}");
    }
    Ok(())
}

#[tokio::test]
async fn the_banner_says_where_the_log_is() -> Result<()> {
    assert!(banner(&[]).await?.contains("functions.log. LOGS=1 prints them here."));
    let printed = banner(&["--logs", "terminal"]).await?;
    assert!(printed.contains("are printed here, and are in") && !printed.contains("LOGS=1"), "{printed}");
    Ok(())
}

#[tokio::test]
async fn with_made_up_usage_its_key_is_the_only_one_in_the_banner() -> Result<()> {
    let printed = banner(&["--demo", "demo"]).await?;
    let key = printed.lines().find_map(|line| line.strip_prefix("  demo key   ")).unwrap_or_default();
    assert!(key.len() == 49 && printed.matches(key).count() == 3 && printed.matches("bk_").count() == 3, "{printed}");
    Ok(())
}
