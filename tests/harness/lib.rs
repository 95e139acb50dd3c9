//! Code that the end-to-end tests share: a running stack of real binaries, and a client that keeps the whole response.

pub mod corpus;
pub mod leaks;
pub mod long;
pub mod memory;
pub mod relaying;
pub mod responses;
pub mod rich;
pub mod rows;
pub mod sending;
pub mod whole_request;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway::admission::issue_key;
use gateway::auth::ApiKey;
use gateway::ids::{KeyId, RequestId};
use gateway::ledger::{Days, Summary};
use gateway::money::PicoUsd;
use gateway::store::items::{AdmitWrite, HeldModel, Hold, Limits};
use gateway::store::{Conditional, Store};
use gateway_dev::simulator::Entry;
use gateway_dev::stack::{Options, SimulatorStart, Stack};
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// Folders of build results, of installed tools and of git.
const NOT_SOURCES: [&str; 6] = ["target", ".tools", ".git", ".aws-sam", ".dev", "node_modules"];

/// The files of the project under a folder that have this extension.
pub fn files_under(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.file_name().is_some_and(|name| NOT_SOURCES.iter().any(|other| name == *other)) {
                found.extend(files_under(&path, extension));
            }
        } else if path.extension().is_some_and(|its| its == extension) {
            found.push(path);
        }
    }
    found
}

/// The project's folder.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The part of a file that is deployed: everything before its unit tests.
pub fn shipped(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// Rust code without its comment lines.
pub fn code_of(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Where cargo puts binaries: next to the folder of this test's binary.
fn binaries() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    Ok(test.parent().and_then(Path::parent).context("the test has no target folder")?.to_owned())
}

/// The path of one of the workspace's binaries.
pub fn binary(name: &str) -> Result<PathBuf> {
    let path = binaries()?.join(name);
    anyhow::ensure!(path.exists(), "{} is not built: run `cargo build --workspace` first", path.display());
    Ok(path)
}

/// Maximum number of processes per function.
pub const ENVIRONMENTS: usize = 16;

/// Options for tests: any free port, data only in memory, no freezing of processes, and ten times the usual time limits of
/// table calls, because the table is emulated in a debug build on the same machine.
pub fn options() -> Result<Options> {
    binary("chat-completions")?;
    Ok(Options {
        port: 0,
        data: None,
        binaries: binaries()?,
        variables: vec![
            ("RUST_LOG".to_owned(), "debug".to_owned()),
            ("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned()),
            ("TABLE_TIMEOUT_MS".to_owned(), "3000".to_owned()),
            // Tests repeat reads until a condition holds, so reads have no limit.
            ("READS_PER_MINUTE".to_owned(), "0".to_owned()),
        ],
        simulator: SimulatorStart::UnlessProvider,
        timeout: Duration::from_mins(2),
        max_environments: ENVIRONMENTS,
        pace: Duration::ZERO,
        terminal: None,
        fault_proxy: false,
    })
}

/// A running gateway and a client for it.
pub struct Harness {
    /// The stack.
    pub stack: Stack,
    /// The client.
    pub client: reqwest::Client,
}

/// A response, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
    /// Whether the body ended correctly in HTTP. It is false if the connection broke.
    pub complete: bool,
}

impl Answer {
    /// The body as JSON; null when it is not.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// A header's value; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `data` of each frame, in order.
    pub fn data(&self) -> Vec<String> {
        self.body.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }

    /// The `event` of each frame, in order.
    pub fn events(&self) -> Vec<String> {
        self.body.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::to_owned).collect()
    }

    /// The whole text of a streamed reply, in either format.
    pub fn streamed_text(&self) -> String {
        let frames = self.data().into_iter().filter_map(|data| serde_json::from_str::<Value>(&data).ok());
        let piece = |frame: Value| {
            let chat = frame.pointer("/choices/0/delta/content").and_then(Value::as_str).map(str::to_owned);
            chat.or_else(|| frame.pointer("/delta/text").and_then(Value::as_str).map(str::to_owned))
        };
        frames.filter_map(piece).collect()
    }
}

impl Drop for Harness {
    /// Checks at the end of every test that no key, secret or text of a request is in a log.
    fn drop(&mut self) {
        let leaks = leaks::leaks(&self.stack.logs.lines(), &[]);
        assert!(leaks.is_empty() || std::thread::panicking(), "in the logs: {leaks:#?}");
    }
}

impl Harness {
    /// Starts a gateway with test options.
    pub async fn start() -> Result<Self> {
        Self::start_with(options()?).await
    }

    /// Starts a gateway.
    pub async fn start_with(options: Options) -> Result<Self> {
        // Only the first call installs a provider. All tests install the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(Duration::from_mins(1)).build()?;
        Ok(Self { stack: Stack::start(options).await?, client })
    }

    /// A request to a path, with the development key.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or_default();
        self.client.request(method, format!("{}{path}", self.stack.url)).header("x-api-key", self.stack.key())
    }

    /// Sends a JSON body with the development key.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.request("POST", path).header("content-type", "application/json").body(body.to_string());
        read(request).await
    }

    /// Sends a JSON body with a new key.
    pub async fn post_as_another(&self, path: &str, body: &Value) -> Result<Answer> {
        let (key, _) = issue_key(&self.stack.support.store, "another", Limits::none(), false).await?;
        let request = self.client.post(format!("{}{path}", self.stack.url)).bearer_auth(key.expose_secret());
        read(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// Gets a path with the development key.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        read(self.request("GET", path)).await
    }

    /// The id of the development key.
    pub fn key_id(&self) -> Result<KeyId> {
        let key = ApiKey::parse(self.stack.key()).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(key.id().clone())
    }

    /// The usage of the development key, read directly from the table.
    pub async fn usage(&self) -> Result<Summary> {
        let days = Days::parse(Some("2")).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        // The range ends tomorrow, because a test may run past midnight.
        Ok(Summary::read(&self.stack.support.store, &self.key_id()?, days, now()).await?)
    }

    /// The provider calls with this label, from the simulator's journal.
    pub fn journal(&self, label: &str) -> Vec<Entry> {
        self.stack.support.simulator.as_ref().map(|simulator| simulator.journal().entries(label)).unwrap_or_default()
    }
}

fn now() -> gateway::ledger::Timestamp {
    gateway::ledger::Timestamp::now()
}

/// Sends a request and reads the response to its end, or to where it breaks off.
pub async fn read(request: reqwest::RequestBuilder) -> Result<Answer> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    let complete = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    Ok(Answer { status, headers, body: String::from_utf8(body)?, complete })
}

/// Waits until a condition holds, at most one minute. On a busy machine a correct result can be late.
pub async fn eventually<F: AsyncFnMut() -> Result<bool>>(what: &str, mut holds: F) -> Result<()> {
    let end = tokio::time::Instant::now() + Duration::from_mins(1);
    while tokio::time::Instant::now() < end {
        if holds().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    anyhow::bail!("never came true: {what}")
}

/// The time that a test allows for something that the gateway limits: three times the limit, and one second more, because
/// other programs use the machine too. Tests with a stopped clock check the exact sums of the limits.
pub fn generous(limit: Duration) -> Duration {
    limit * 3 + Duration::from_secs(1)
}

/// Plants the hold of a request whose process is long dead.
pub async fn plant_dead_hold(store: &Store, key: &KeyId) -> Result<RequestId> {
    let stored = store.key(key).await?.context("the key")?;
    let request = RequestId::generate();
    let hold = Hold { expires: 60, window: 0, amount: PicoUsd::new(77), tokens: 5, model: HeldModel::of("gpt-5-nano") };
    let write = AdmitWrite {
        key: key.clone(),
        digest: stored.digest,
        request,
        model: "gpt-5-nano".to_owned(),
        hold,
        now: 1,
        reset: false,
        eviction: None,
    };
    anyhow::ensure!(matches!(store.admit(&write).await?, Conditional::Written(_)), "not admitted");
    Ok(request)
}
