//! `make bench-http`: the processor time that a request costs the function's process, compared with a proxy that only copies
//! bytes and with a function that only forwards requests, and when the parts of the answer arrive.
//!
//! The function runs as it does in `make dev`. Front, emulator, simulator and client run in other processes. The cases take
//! turns, so that other load on the machine affects all of them equally. The figure of a case is the processor time that the
//! process used from the request until it was frozen again.
//!
//! A second table has long streams whose events come one by one, as those of a model do. There an event costs each process
//! its own reads and writes, and what counts is the ratio to the proxy of the same run.

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
/// Number of events of a measured reply, and of a stream.
const REPLY: u32 = 20;
const WORDS: u32 = 200;
/// Number of events of a stream whose events come one by one.
const LONG: u32 = 2_000;
/// Number of requests of a case for each such stream.
const PER_LONG: usize = 20;
/// The part of the request that makes it two kilobytes long.
const FILLER: usize = 1800;
/// Number of requests per case before measuring.
const WARM_UP: usize = 10;
/// Longest time until a process is frozen after its answer.
const FREEZE: Duration = Duration::from_secs(5);

/// A request and its target.
struct Case {
    name: &'static str,
    way: Way,
    model: &'static str,
    form: Form,
}

/// What a request goes through.
#[derive(Clone, Copy)]
enum Way {
    /// The proxy.
    Proxy,
    /// The function that only forwards.
    Forwarder,
    /// The gateway.
    Gateway,
}

/// The form of a reply.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Stream,
    /// A long stream whose events come one by one.
    Paced,
}

const fn case(name: &'static str, way: Way, model: &'static str, form: Form) -> Case {
    Case { name, way, model, form }
}

const CASES: [Case; 8] = [
    case("bare proxy, JSON", Way::Proxy, "openai/gpt-5.2", Form::Json),
    case("bare function, JSON", Way::Forwarder, "openai/gpt-5.2", Form::Json),
    case("forwarded, JSON", Way::Gateway, "gpt-5.2", Form::Json),
    case("translated, JSON", Way::Gateway, "gemini-2.5-flash", Form::Json),
    case("bare proxy, stream", Way::Proxy, "openai/gpt-5.2", Form::Stream),
    case("bare function, stream", Way::Forwarder, "openai/gpt-5.2", Form::Stream),
    case("forwarded, stream", Way::Gateway, "gpt-5.2", Form::Stream),
    case("translated, stream", Way::Gateway, "gemini-2.5-flash", Form::Stream),
];

const PACED: [Case; 4] = [
    case("bare proxy", Way::Proxy, "openai/gpt-5.2", Form::Paced),
    case("bare function", Way::Forwarder, "openai/gpt-5.2", Form::Paced),
    case("forwarded", Way::Gateway, "gpt-5.2", Form::Paced),
    case("translated", Way::Gateway, "gemini-2.5-flash", Form::Paced),
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

/// The programs that are measured.
#[derive(Debug)]
pub struct Programs {
    /// The folder of the gateway's functions.
    pub gateway: PathBuf,
    /// The folder of the function that only forwards, under the name of the gateway's function.
    pub forwarder: PathBuf,
    /// The proxy.
    pub proxy: PathBuf,
}

/// Measures this many requests of each case, and returns the tables.
pub async fn run(programs: Programs, requests: usize) -> Result<String> {
    let options = |binaries: PathBuf| Options {
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
    let stack = Stack::start(options(programs.gateway)).await?;
    let forwarder = Stack::start(options(programs.forwarder)).await?;
    let origin = stack.support.simulator_origin.as_deref().context("no simulator")?;
    let floor = Floor::start(&programs.proxy, origin.trim_start_matches("http://")).await?;
    let bare = Target {
        address: floor.address.clone(),
        path: "/api/v1/chat/completions",
        key: simulator::OPENROUTER_KEY.to_owned(),
    };
    let bench = Bench { stack, forwarder, floor, bare };
    let short = bench.rounds(&CASES, WARM_UP, requests).await?;
    let long = bench.rounds(&PACED, 1, requests.div_ceil(PER_LONG)).await?;
    Ok(format!("{}\n{}", table(&short), events(&long)))
}

/// The running processes.
struct Bench {
    stack: Stack,
    forwarder: Stack,
    floor: Floor,
    bare: Target,
}

impl Bench {
    /// The figures of each case, from this many rounds in which the cases take turns.
    async fn rounds(&self, cases: &[Case], warm_up: usize, rounds: usize) -> Result<Vec<Vec<Figures>>> {
        let mut figures: Vec<Vec<Figures>> = cases.iter().map(|_| Vec::new()).collect();
        for round in 0..warm_up + rounds {
            for (case, figures) in cases.iter().zip(&mut figures) {
                let measured = self.measured(case).await?;
                if round >= warm_up {
                    figures.push(measured);
                }
            }
        }
        Ok(figures)
    }

    async fn measured(&self, case: &Case) -> Result<Figures> {
        let stack = match case.way {
            Way::Proxy => {
                let before = used(self.floor.pid()?)?;
                let times = send(&self.bare, case).await?;
                return Ok(Figures { processor: used(self.floor.pid()?)?.saturating_sub(before), ..times });
            }
            Way::Forwarder => &self.forwarder,
            Way::Gateway => &self.stack,
        };
        let target = Target {
            address: stack.url.trim_start_matches("http://").to_owned(),
            path: "/v1/chat/completions",
            key: stack.key().to_owned(),
        };
        let before = stack.lambda.pids(FUNCTION).first().map(|pid| used(*pid)).transpose()?;
        let times = send(&target, case).await?;
        let pid = frozen(stack).await?;
        Ok(Figures { processor: used(pid)?.saturating_sub(before.unwrap_or_default()), ..times })
    }
}

/// The processor time of an event that comes alone, and its ratio to the proxy's.
fn events(figures: &[Vec<Figures>]) -> String {
    let mut text = format!("| stream of {LONG} events, one by one | processor per event, median | ratio |\n|---|---|---|\n");
    let of = |figures: &Vec<Figures>| median(figures.iter().map(|figures| figures.processor).collect());
    let floor = figures.first().map(of).unwrap_or_default().as_secs_f64();
    for (case, figures) in PACED.iter().zip(figures) {
        let seconds = of(figures).as_secs_f64();
        let (event, ratio) = (seconds * 1e6 / f64::from(LONG), seconds / floor);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | {event:.1} us | {ratio:.2} |", case.name);
    }
    text
}

fn table(figures: &[Vec<Figures>]) -> String {
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

/// The median of some durations.
pub(crate) fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A duration in milliseconds, with fractions.
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
    let (words, pace) = match case.form {
        Form::Json => (REPLY, 0),
        Form::Stream => (WORDS, 0),
        Form::Paced => (LONG, 1),
    };
    let (model, stream) = (case.model, !matches!(case.form, Form::Json));
    let text = format!("{} [[sim:long words={words} bytes=5 pace={pace}]]", "word ".repeat(FILLER / 5));
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
