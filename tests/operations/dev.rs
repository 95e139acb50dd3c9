//! What `make dev` prints on its standard output: a line for each request, and one for each warning or error of a function.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gateway::auth::mint;
use gateway_tests::{binary, eventually};
use ring::rand::SystemRandom;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const HEADINGS: &str = "UTC       METHOD  PATH                       MODEL              PROVIDER       STATUS      IN     OUT  USD            MS";
/// Where the milliseconds are, as long as no cell is wider than its column.
const MS: std::ops::Range<usize> = 114..120;

/// A running `gateway-dev` with simulated providers. It stops when this is dropped.
struct Dev {
    folder: TempDir,
    output: Lines<BufReader<ChildStdout>>,
    client: reqwest::Client,
    url: String,
    key: String,
    _process: Child,
}

impl Dev {
    /// Starts it, and reads the line with the headings.
    async fn start(arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut process = Command::new(binary("gateway-dev")?)
            .args(["--port", "0", "--data", "."])
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().context("no standard output")?).lines();
        let headings = output.next_line().await?.context("no headings")?;
        ensure!(headings == HEADINGS, "{headings}");
        let variables = std::fs::read_to_string(folder.path().join("env"))?;
        let variable =
            |name: &str| variables.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned);
        let (url, key) = (variable("GATEWAY_URL").context("no URL")?, variable("GATEWAY_KEY").context("no key")?);
        // The client needs one, although it sends nothing over TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self { folder, output, client: reqwest::Client::new(), url, key, _process: process })
    }

    async fn post(&self, path: &str, body: &Value, key: Option<&str>) -> Result<()> {
        let request = self.client.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let request = key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
        request.body(body.to_string()).send().await?.bytes().await?;
        Ok(())
    }

    /// Sends a request to the model of `chat` with the key.
    async fn ask(&self, text: &str, stream: bool) -> Result<()> {
        self.post("/v1/chat/completions", &chat(text, stream), Some(&self.key)).await
    }

    async fn next(&mut self) -> Result<String> {
        let line = tokio::time::timeout(Duration::from_mins(1), self.output.next_line()).await.context("no line")?;
        line?.context("the output has ended")
    }

    /// The next line, with `HH:MM:SS` for the time and spaces and `MS` for the milliseconds, which are a number.
    async fn request(&mut self) -> Result<String> {
        let line = self.next().await?;
        let (start, ms, end) = (line.get(..MS.start), line.get(MS), line.get(MS.end..));
        let (start, ms, end) = (start.context("a short line")?, ms.context("a short line")?, end.unwrap_or_default());
        ensure!(ms.trim_start().parse::<u64>().is_ok(), "{line}");
        Ok(format!("{}    MS{end}", timeless(start)?))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("functions.log")
    }
}

/// A line with `HH:MM:SS` for the time at its start.
fn timeless(line: &str) -> Result<String> {
    let (time, rest) = line.split_at_checked(8).context("a short line")?;
    let digits: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    ensure!(digits == "00:00:00", "{line}");
    Ok(format!("HH:MM:SS{rest}"))
}

fn chat(text: &str, stream: bool) -> Value {
    json!({"model": "gpt-5.2", "stream": stream, "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn a_whole_reply_is_one_line_with_its_tokens_and_cost() -> Result<()> {
    let mut dev = Dev::start(&[]).await?;
    dev.ask("Hello!", false).await?;
    let line = "HH:MM:SS  POST    /v1/chat/completions       gpt-5.2            openrouter     200          2      16  0.0002275      MS";
    assert_eq!(dev.request().await?, line);
    Ok(())
}

#[tokio::test]
async fn a_stream_is_one_line_that_comes_at_its_end() -> Result<()> {
    let mut dev = Dev::start(&[]).await?;
    dev.ask("Hello!", true).await?;
    let line = "HH:MM:SS  POST    /v1/chat/completions       gpt-5.2            openrouter     200          2      16  0.0002275      MS";
    assert_eq!(dev.request().await?, line);
    Ok(())
}

#[tokio::test]
async fn an_error_of_a_provider_is_a_warning_and_the_line_of_the_request_says_why() -> Result<()> {
    let mut dev = Dev::start(&[]).await?;
    dev.ask("[[sim:error status=400]]", false).await?;
    let warning = dev.next().await?;
    let expected =
        "HH:MM:SS  WARN    chat-completions: attempt failed provider=openrouter upstream_model=openai/gpt-5.2 status=400 ";
    assert!(timeless(&warning)?.starts_with(expected), "{warning}");
    let line = "HH:MM:SS  POST    /v1/chat/completions       gpt-5.2            openrouter     400          0       0  0              MS  the provider answered 400";
    assert_eq!(dev.request().await?, line);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_breaks_has_the_status_of_its_record_and_says_how_it_began() -> Result<()> {
    let mut dev = Dev::start(&[]).await?;
    // The connection breaks, so the body is incomplete.
    let _ = dev.ask("[[sim:cut after=2]]", true).await;
    let warning = dev.next().await?;
    assert!(timeless(&warning)?.starts_with("HH:MM:SS  WARN    chat-completions: stream broken "), "{warning}");
    assert!(warning.contains("cause=\"the connection ended inside the reply: "), "{warning}");
    let line = dev.request().await?;
    assert!(line.contains("  openrouter     502  ") && line.ends_with("    MS  began with 200"), "{line}");
    Ok(())
}

#[tokio::test]
async fn requests_without_a_record_have_dashes_for_what_is_not_known() -> Result<()> {
    let mut dev = Dev::start(&[]).await?;
    dev.post("/v1/chat/completions", &chat("Hello!", false), None).await?;
    for (path, line) in [
        (
            "/health",
            "HH:MM:SS  GET     /health                    -                  -              200          -       -  -              MS",
        ),
        (
            "/v1/models",
            "HH:MM:SS  GET     /v1/models                 -                  -              401          -       -  -              MS  No key was sent. Send yours in the header X-API-Key, or as Authorization: Bearer bk_...",
        ),
        (
            "/nowhere",
            "HH:MM:SS  GET     /nowhere                   -                  -              404          -       -  -              MS  unknown_path",
        ),
    ] {
        if path == "/health" {
            let keyless = "HH:MM:SS  POST    /v1/chat/completions       -                  -              401          -       -  -              MS  No key was sent. Send yours in the header X-API-Key, or as Authorization: Bearer bk_...";
            assert_eq!(dev.request().await?, keyless);
        }
        dev.client.get(format!("{}{path}", dev.url)).send().await?.bytes().await?;
        assert_eq!(dev.request().await?, line);
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_request_has_its_reason_at_the_end_of_its_line() -> Result<()> {
    let mut dev = Dev::start(&[]).await?;
    for (path, header, reason) in [
        ("/v1/usage?days=x", None, "days: invalid request"),
        ("/v1/usage?group_by=x", None, "group_by: invalid request"),
        ("/v1/requests?limit=x", None, "limit: invalid request"),
        ("/v1/requests?status=x", None, "status: invalid request"),
        (
            "/v1/usage",
            Some(("x-api-key", "bk_x")),
            "The key is mistyped or cut off: it must be bk_ and 46 letters and digits, exactly as it was given to you",
        ),
    ] {
        let request = dev.client.get(format!("{}{path}", dev.url));
        let (name, value) = header.unwrap_or(("x-api-key", &dev.key));
        request.header(name, value).send().await?.bytes().await?;
        let line = dev.request().await?;
        assert!(line.ends_with(&format!("MS  {reason}")), "{line}");
    }
    let unknown = mint(&SystemRandom::new()).context("no key")?.0;
    dev.post("/v1/chat/completions", &chat("Hello!", false), Some(unknown.expose_secret())).await?;
    let line = dev.request().await?;
    assert!(line.ends_with("MS  the key is unknown, disabled or expired"), "{line}");
    for (name, value, reason) in [
        ("x-gateway-tag", "a tag with spaces", "x-gateway-tag: invalid request"),
        ("content-encoding", "x", "content-encoding: unsupported media type"),
    ] {
        let request = dev.client.post(format!("{}/v1/chat/completions", dev.url)).header("x-api-key", &dev.key);
        let request = request.header("content-type", "application/json").header(name, value);
        request.body(chat("Hello!", false).to_string()).send().await?.bytes().await?;
        let line = dev.request().await?;
        assert!(line.ends_with(&format!("MS  {reason}")), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_gets_its_line_when_the_function_has_ended() -> Result<()> {
    let mut dev = Dev::start(&[]).await?;
    let client = dev.client.post(format!("{}/v1/chat/completions", dev.url)).header("x-api-key", &dev.key);
    let mut response =
        client.header("content-type", "application/json").body(chat("Hello!", true).to_string()).send().await?;
    response.chunk().await?;
    drop(response);
    let line = "HH:MM:SS  POST    /v1/chat/completions       gpt-5.2            openrouter     200          2      16  0.0002275      MS";
    assert_eq!(dev.request().await?, line);
    Ok(())
}

#[tokio::test]
async fn lines_of_the_functions_are_in_a_file_and_with_logs_on_the_terminal_too() -> Result<()> {
    for (arguments, printed) in [(&[][..], false), (&["--logs", "terminal"], true)] {
        let mut dev = Dev::start(arguments).await?;
        dev.ask("Hello!", false).await?;
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.contains("  POST  ")) {
            lines.push(dev.next().await?);
        }
        let is_final = |line: &str| line.starts_with("chat-completions: {") && line.contains("\"ledger.final\"");
        assert_eq!(lines.iter().any(|line| is_final(line)), printed, "{lines:?}");
        let log = dev.log();
        eventually("the file has the line", async || Ok(std::fs::read_to_string(&log)?.lines().any(is_final))).await?;
    }
    Ok(())
}
