//! Measures the first request after a pause in which the table closed its connection, with the share of a processor that a
//! function with little memory gets.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use gateway_dev::processor::used;
use gateway_tests::{Harness, eventually, options};
use serde_json::json;
use tokio::process::Command;

use crate::quota::Quota;
use crate::tls_front::{Seen, TlsFront, root};

const FUNCTION: &str = "chat-completions";
/// With this many MB a function gets a whole processor. With less memory it gets a proportional share.
const WHOLE_PROCESSOR_MB: f64 = 1_769.0;
/// After this period the kernel grants the share again (its default period).
const PERIOD: Duration = Duration::from_millis(100);
/// Pauses of each measurement.
const THAWS: usize = 20;
/// Bytes of a short question, and of a coding agent's.
const SMALL: usize = 1_000;
const LARGE: usize = 500_000;

/// One request after a pause.
struct Thaw {
    status: u16,
    /// From the request to its whole answer.
    whole: Duration,
    /// Processor time.
    used: Duration,
    seen: Seen,
}

struct Paused {
    gateway: Harness,
    front: TlsFront,
}

impl Paused {
    /// A gateway whose table is behind TLS, with one environment that has served a request.
    async fn start(binaries: Option<PathBuf>, attempt_ms: &str) -> Result<Self> {
        let front = TlsFront::start().await?;
        let mut options = options()?;
        options.binaries = binaries.unwrap_or(options.binaries);
        options.variables.retain(|(name, _)| name != "TABLE_TIMEOUT_MS");
        let root = root().to_string_lossy().into_owned();
        let variables = [
            ("AWS_ENDPOINT_URL_DYNAMODB", front.endpoint.as_str()),
            ("AWS_CA_BUNDLE", &root),
            ("TABLE_TIMEOUT_MS", attempt_ms),
            ("WARMUP", "1"),
        ];
        options.variables.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let gateway = Harness::start_with(options).await?;
        front.stand_before(&gateway.stack.support.database.endpoint)?;
        let paused = Self { gateway, front };
        anyhow::ensure!(
            paused.ask(SMALL).await? == 200,
            "the first request failed: {:?}",
            paused.gateway.stack.logs.lines()
        );
        paused.frozen().await?;
        Ok(paused)
    }

    fn pid(&self) -> Result<u32> {
        let pids = self.gateway.stack.lambda.pids(FUNCTION);
        anyhow::ensure!(pids.len() == 1, "one environment serves all: {pids:?}");
        pids.first().copied().context("no environment")
    }

    /// Sends a prompt of about so many bytes.
    async fn ask(&self, bytes: usize) -> Result<u16> {
        let prompt = "Some words. ".repeat(bytes / 12 + 1);
        let ask = json!({"model": "gpt-5.2", "stream": true, "messages": [{"role": "user", "content": prompt}]});
        Ok(self.gateway.post("/v1/chat/completions", &ask).await?.status)
    }

    async fn frozen(&self) -> Result<()> {
        eventually("the environment is frozen", async || Ok(self.gateway.stack.lambda.idle(FUNCTION) == 1)).await
    }

    /// Closes the connections of the frozen function and sends it a request.
    async fn thaw(&self, bytes: usize) -> Result<Thaw> {
        self.front.close_connections();
        tokio::time::sleep(Duration::from_millis(120)).await;
        self.front.take();
        let (before, started) = (used(self.pid()?)?, Instant::now());
        let status = self.ask(bytes).await?;
        let whole = started.elapsed();
        self.frozen().await?;
        Ok(Thaw { status, whole, used: used(self.pid()?)?.saturating_sub(before), seen: self.front.take() })
    }
}

#[tokio::test]
async fn a_thawed_function_whose_connection_was_closed_opens_one_and_asks_once() -> Result<()> {
    let paused = Paused::start(None, "3000").await?;
    for _ in 0..3 {
        let thaw = paused.thaw(SMALL).await?;
        assert_eq!((thaw.status, thaw.seen.opened.len(), thaw.seen.repeated), (200, 1, 0), "{:?}", thaw.seen);
    }
    Ok(())
}

#[tokio::test]
async fn a_group_gives_its_processes_no_more_of_a_processor_than_its_share() -> Result<()> {
    let Some(quota) = Quota::new(0.1, Duration::from_millis(100)) else {
        println!("skipped: no control group can be made here");
        return Ok(());
    };
    let mut busy = Command::new("sh").args(["-c", "while :; do :; done"]).kill_on_drop(true).spawn()?;
    let pid = busy.id().context("it runs")?;
    quota.hold(pid)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = used(pid)?;
    busy.kill().await?;
    assert!(used < Duration::from_millis(300), "{used:?} of a second");
    Ok(())
}

/// The median and the maximum of some times, in milliseconds.
fn middle_and_most(mut times: Vec<Duration>) -> String {
    times.sort();
    let millis = |at: usize| times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
    format!("{:.0} / {:.0}", millis(times.len() / 2), millis(times.len().saturating_sub(1)))
}

/// Prints a row of the table in the page about deploying, and returns how many calls of the table were made twice.
async fn measure(binaries: &Path, megabytes: f64, bytes: usize, attempt_ms: &str) -> Result<usize> {
    let paused = Paused::start(Some(binaries.to_owned()), attempt_ms).await?;
    let Some(quota) = Quota::new(megabytes / WHOLE_PROCESSOR_MB, PERIOD) else {
        println!("skipped: {megabytes} MB, because no control group can be made here");
        return Ok(0);
    };
    quota.hold(paused.pid()?)?;
    let mut thaws = Vec::new();
    for _ in 0..THAWS {
        thaws.push(paused.thaw(bytes).await?);
    }
    let repeated = thaws.iter().map(|thaw| thaw.seen.repeated).sum();
    let used = middle_and_most(thaws.iter().map(|thaw| thaw.used).collect());
    let opened = middle_and_most(thaws.iter().flat_map(|thaw| thaw.seen.opened.clone()).collect());
    let whole = middle_and_most(thaws.iter().map(|thaw| thaw.whole).collect());
    println!("| {} kB | {attempt_ms} | {megabytes} | {used} | {opened} | {whole} | {repeated} |", bytes / 1_000);
    assert!(thaws.iter().all(|thaw| thaw.status == 200));
    Ok(repeated)
}

/// `make thaw` names the folder of release builds: others take many times the time of a processor. 64 MB here are like the least memory
/// on a processor half as fast as this one.
#[tokio::test]
async fn after_a_pause_one_attempt_is_enough_however_little_memory_there_is() -> Result<()> {
    let Some(binaries) = std::env::var_os("THAW_BINARIES") else {
        println!("skipped: the time after a pause by memory, which make thaw measures");
        return Ok(());
    };
    println!(
        "| prompt | an attempt's limit, ms | MB | processor, ms | to the first call, ms | whole request, ms | repeated calls |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (bytes, attempt_ms, is_default) in [(SMALL, "300", true), (LARGE, "300", true), (SMALL, "50", false)] {
        for megabytes in [64.0, 128.0, 256.0, WHOLE_PROCESSOR_MB] {
            let repeated = measure(Path::new(&binaries), megabytes, bytes, attempt_ms).await?;
            assert!(repeated == 0 || !is_default, "{repeated} calls were made twice with {megabytes} MB");
        }
    }
    Ok(())
}
