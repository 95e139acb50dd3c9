//! `make bench-http`: the processor time that a request costs the function's process, compared with a proxy that only copies
//! bytes, and when the parts of the answer arrive.
//!
//! The function runs as it does in `make dev`. Front, emulator, simulator and client run in other processes. The cases take
//! turns, so that other load on the machine affects all of them equally. The figure of a case is the processor time that the
//! process used from the request until it was frozen again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::processor::used;
use crate::simulator;
use crate::stack::{Options, SimulatorStart, Stack};

const FUNCTION: &str = "chat-completions";
/// Number of events of a measured stream.
const WORDS: usize = 200;
/// The part of the request that makes it two kilobytes long.
const FILLER: usize = 1800;
/// Number of requests per case before measuring.
const WARM_UP: usize = 10;
/// Longest time until a process is frozen after its answer.
const FREEZE: Duration = Duration::from_secs(5);

/// A request and its target.
struct Case {
    name: &'static str,
    /// Whether it goes through the proxy to the simulator instead of through the gateway.
    bare: bool,
    model: &'static str,
    stream: bool,
}

const fn case(name: &'static str, bare: bool, model: &'static str, stream: bool) -> Case {
    Case { name, bare, model, stream }
}

const CASES: [Case; 6] = [
    case("bare proxy, JSON", true, "openai/gpt-5.2", false),
    case("forwarded, JSON", false, "gpt-5.2", false),
    case("translated, JSON", false, "gemini-2.5-flash", false),
    case("bare proxy, stream", true, "openai/gpt-5.2", true),
    case("forwarded, stream", false, "gpt-5.2", true),
    case("translated, stream", false, "gemini-2.5-flash", true),
];

/// The figures of one request.
#[derive(Clone, Copy, Default)]
struct Figures {
    processor: Duration,
    head: Duration,
    first: Duration,
    end: Duration,
}

/// The target of a case's requests.
struct Target {
    address: String,
    path: &'static str,
    key: String,
}

/// Measures this many requests of each case with the functions in that folder, and returns the table. `proxy` is the program
/// of the comparison.
pub async fn run(binaries: PathBuf, proxy: &Path, requests: usize) -> Result<String> {
    let options = Options {
        port: 0,
        data: None,
        binaries,
        variables: Vec::new(),
        simulator: SimulatorStart::Always,
        timeout: Duration::from_mins(1),
        max_environments: 1,
        pace: Duration::ZERO,
        terminal: None,
        fault_proxy: false,
    };
    let stack = Stack::start(options).await?;
    let origin = stack.support.simulator_origin.as_deref().context("no simulator")?;
    let floor = Floor::start(proxy, origin.trim_start_matches("http://")).await?;
    let gateway = Target {
        address: stack.url.trim_start_matches("http://").to_owned(),
        path: "/v1/chat/completions",
        key: stack.key().to_owned(),
    };
    let bare = Target {
        address: floor.address.clone(),
        path: "/api/v1/chat/completions",
        key: simulator::OPENROUTER_KEY.to_owned(),
    };
    let mut figures: [Vec<Figures>; CASES.len()] = Default::default();
    for round in 0..WARM_UP + requests {
        for (case, figures) in CASES.iter().zip(&mut figures) {
            let measured = if case.bare {
                let before = used(floor.pid()?)?;
                let times = send(&bare, case).await?;
                Figures { processor: used(floor.pid()?)?.saturating_sub(before), ..times }
            } else {
                let before = stack.lambda.pids(FUNCTION).first().map(|pid| used(*pid)).transpose()?;
                let times = send(&gateway, case).await?;
                let pid = frozen(&stack).await?;
                Figures { processor: used(pid)?.saturating_sub(before.unwrap_or_default()), ..times }
            };
            if round >= WARM_UP {
                figures.push(measured);
            }
        }
    }
    Ok(table(&figures))
}

fn table(figures: &[Vec<Figures>; CASES.len()]) -> String {
    let mut text =
        "| request | processor, median | mean | head | head to first event | head to end |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for (case, figures) in CASES.iter().zip(figures) {
        let of = |part: fn(&Figures) -> Duration| median(figures.iter().map(part).collect());
        let total: Duration = figures.iter().map(|figures| figures.processor).sum();
        let mean = total.checked_div(u32::try_from(figures.len()).unwrap_or(1)).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:.3} ms | {:.3} ms | {:.1} ms | {:.2} ms | {:.1} ms |",
            case.name,
            millis(of(|figures| figures.processor)),
            millis(mean),
            millis(of(|figures| figures.head)),
            millis(of(|figures| figures.first.saturating_sub(figures.head))),
            millis(of(|figures| figures.end.saturating_sub(figures.head))),
        );
    }
    text
}

/// The middle value.
pub(crate) fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Waits until the function's only process is frozen, so that all of a request is counted.
async fn frozen(stack: &Stack) -> Result<u32> {
    let since = Instant::now();
    while stack.lambda.idle(FUNCTION) == 0 {
        ensure!(since.elapsed() < FREEZE, "the process was not frozen");
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    let pids = stack.lambda.pids(FUNCTION);
    ensure!(pids.len() == 1, "more than one process: {pids:?}");
    pids.first().copied().context("no process")
}

fn body(case: &Case) -> String {
    let (model, stream) = (case.model, case.stream);
    let text = format!("{} [[sim:long words={} bytes=5]]", "word ".repeat(FILLER / 5), if stream { WORDS } else { 20 });
    format!("{{\"model\":\"{model}\",\"stream\":{stream},\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}")
}

/// A request on a connection of its own, as it is written there.
pub(crate) fn post(address: &str, path: &str, key: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends one request on its own connection and reads the whole answer.
async fn send(target: &Target, case: &Case) -> Result<Figures> {
    let body = body(case);
    let Target { address, path, key } = target;
    let request = post(address, path, key, &body);
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let start = Instant::now();
    socket.write_all(request.as_bytes()).await?;
    let (mut figures, mut answer) = (Figures::default(), Vec::new());
    let mut first = None;
    while socket.read_buf(&mut answer).await? > 0 {
        figures.end = start.elapsed();
        if figures.head.is_zero() {
            figures.head = figures.end;
        }
        if first.is_none() && memchr::memmem::find(&answer, b"data:").is_some() {
            first = Some(figures.end);
        }
    }
    figures.first = first.unwrap_or(figures.end);
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}: {}", case.name, String::from_utf8_lossy(&answer));
    Ok(figures)
}

/// The proxy that only copies bytes, in its own process.
struct Floor {
    process: Child,
    address: String,
}

impl Floor {
    async fn start(program: &Path, upstream: &str) -> Result<Self> {
        let mut process = Command::new(program)
            .arg(upstream)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("start the proxy")?;
        let output = process.stdout.take().context("no output")?;
        let address = BufReader::new(output).lines().next_line().await?.context("the proxy names no address")?;
        Ok(Self { process, address })
    }

    fn pid(&self) -> Result<u32> {
        self.process.id().context("the proxy has ended")
    }
}
