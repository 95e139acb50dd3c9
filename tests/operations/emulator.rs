//! Runs the functions' binaries with AWS's own Runtime API: the runtime interface emulator of the SAM CLI.
//!
//! `GATEWAY_BOOTSTRAPS` names a folder with other builds of the functions, `NAME` or `NAME/bootstrap`, such as the release ones.

use std::env;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use gateway_dev::stack::FUNCTIONS;
use gateway_tests::{Harness, binary, eventually, project};
use serde_json::{Value, json};

use crate::events::{EXPECTED, check, event};

/// The separator between the prelude of a streamed answer and its body.
const DELIMITER: [u8; 8] = [0; 8];
const STREAMING: [&str; 3] = ["chat-completions", "messages", "responses"];

/// A function under the emulator. Dropping it kills both.
struct Emulated {
    process: Child,
    url: String,
}

impl Drop for Emulated {
    fn drop(&mut self) {
        // The emulator is the leader of a process group that includes its function.
        if let Some(group) = rustix::process::Pid::from_raw(self.process.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

fn emulator() -> Result<PathBuf> {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let library =
        std::fs::read_dir(project().join(".tools/sam/lib")).context("the SAM CLI is not installed: run `make tools`")?;
    let file = format!("site-packages/samcli/local/rapid/aws-lambda-rie-{machine}");
    let places = library.filter_map(|folder| Some(folder.ok()?.path().join(&file)));
    places.into_iter().find(|place| place.exists()).context("the SAM CLI brings no emulator: run `make tools`")
}

fn bootstrap(function: &str) -> Result<PathBuf> {
    let Ok(folder) = env::var("GATEWAY_BOOTSTRAPS") else { return binary(function) };
    let plain = project().join(folder).join(function);
    let path = if plain.is_dir() { plain.join("bootstrap") } else { plain };
    anyhow::ensure!(path.exists(), "{} is not built", path.display());
    Ok(path)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

async fn start(function: &str, gateway: &Harness) -> Result<Emulated> {
    let (port, runtime_api) = (free_port()?, free_port()?);
    let process = Command::new(emulator()?)
        .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
        .args(["--runtime-api-address", &format!("127.0.0.1:{runtime_api}")])
        .arg(bootstrap(function)?)
        .env_clear()
        .envs(gateway.stack.support.variables.iter().cloned())
        .envs([("AWS_LAMBDA_FUNCTION_NAME", function), ("AWS_LAMBDA_FUNCTION_TIMEOUT", "30")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let emulated = Emulated { process, url: format!("http://127.0.0.1:{port}/2015-03-31/functions/function/invocations") };
    let listens = async || Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok());
    eventually("the emulator listens", listens).await?;
    Ok(emulated)
}

/// Converts the answer of a streaming function to the form of a buffered one. The prelude becomes the status and the headers.
fn prelude_and_body(answer: &[u8]) -> Result<Value> {
    let at = answer.windows(DELIMITER.len()).position(|window| window == DELIMITER).context("no delimiter")?;
    let (prelude, rest) = answer.split_at(at);
    let mut head: Value = serde_json::from_slice(prelude)?;
    let names = head.as_object().context("the prelude is an object")?.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names, ["statusCode", "headers", "cookies"]);
    let body = rest.get(DELIMITER.len()..).unwrap_or_default();
    assert!(!body.contains(&0), "more zeros than the delimiter has");
    head["body"] = json!(String::from_utf8(body.to_vec())?);
    Ok(head)
}

#[tokio::test]
async fn emulator_gets_the_expected_bytes_of_every_event_from_every_bootstrap() -> Result<()> {
    let gateway = Harness::start().await?;
    for function in FUNCTIONS {
        let emulated = start(function, &gateway).await?;
        for expected in EXPECTED {
            let (event, of) = event(expected.event, gateway.stack.key());
            if of != function {
                continue;
            }
            let answer = gateway.client.post(&emulated.url).body(event).send().await?.bytes().await?;
            let whole = if STREAMING.contains(&function) {
                prelude_and_body(&answer).with_context(|| format!("{}: {answer:?}", expected.event))?
            } else {
                serde_json::from_slice(&answer).with_context(|| format!("{}: {answer:?}", expected.event))?
            };
            check(expected, &whole);
        }
    }
    Ok(())
}
