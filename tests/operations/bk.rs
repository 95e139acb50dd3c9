//! Runs the operator's command line.

use std::process::{Output, Stdio};

use anyhow::{Context as _, Result};
use gateway_dev::stack::TABLE;
use gateway_tests::{Answer, Harness, binary, read};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

fn command(gateway: &Harness, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary("bk")?);
    command
        .args(arguments)
        .env_clear()
        .env("TABLE_NAME", TABLE)
        .env("AWS_ENDPOINT_URL_DYNAMODB", &gateway.stack.support.database.endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local");
    Ok(command)
}

/// Runs `bk` against a gateway's table.
pub async fn bk(gateway: &Harness, arguments: &[&str]) -> Result<Output> {
    Ok(command(gateway, arguments)?.stdin(Stdio::null()).output().await?)
}

/// Runs `bk` with further variables.
pub async fn bk_with(gateway: &Harness, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Output> {
    Ok(command(gateway, arguments)?.envs(variables.iter().copied()).stdin(Stdio::null()).output().await?)
}

/// Runs `bk` with a text on its standard input.
pub async fn bk_fed(gateway: &Harness, input: &str, arguments: &[&str]) -> Result<Output> {
    let mut child =
        command(gateway, arguments)?.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // A command that refuses its arguments ends without reading its input.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    Ok(child.wait_with_output().await?)
}

/// What `bk` printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `bk ... --json`, which must succeed.
pub async fn answer(gateway: &Harness, arguments: &[&str]) -> Result<Value> {
    let output = bk(gateway, &[arguments, &["--json"]].concat()).await?;
    anyhow::ensure!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A key that `bk keys create` made: its id and its text. Its name is `unnamed`, unless the arguments have one.
pub async fn created(gateway: &Harness, arguments: &[&str]) -> Result<(String, String)> {
    let name: &[&str] = if arguments.contains(&"--name") { &[] } else { &["--name", "unnamed"] };
    let created = answer(gateway, &[&["keys", "create"], name, arguments].concat()).await?;
    let field = |name: &str| created[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in {created}"));
    Ok((field("id")?, field("key")?))
}

/// A short chat with a key.
pub async fn chat(gateway: &Harness, key: &str, model: &str, text: &str) -> Result<Answer> {
    let body = json!({"model": model, "messages": [{"role": "user", "content": text}]});
    let request = gateway.client.post(format!("{}/v1/chat/completions", gateway.stack.url)).bearer_auth(key);
    read(request.header("content-type", "application/json").body(body.to_string())).await
}

/// A path with a key.
pub async fn get(gateway: &Harness, key: &str, path: &str) -> Result<Answer> {
    read(gateway.client.get(format!("{}{path}", gateway.stack.url)).bearer_auth(key)).await
}
