//! `make bench-streams`: many paced streams at once, each read to its end, and the memory of the processes that serve them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::bench::post;
use crate::processor::resident;
use crate::stack::{Options, SimulatorStart, Stack};

const FUNCTION: &str = "chat-completions";
/// Events of a stream.
const WORDS: usize = 200;
/// The pause between two events: twenty a second.
const PACE: Duration = Duration::from_millis(50);
/// Rounds of all streams, so that growth of memory shows.
const ROUNDS: usize = 3;

/// What became of the streams of a round.
struct Round {
    /// The time of each stream, in order.
    times: Vec<Duration>,
    failures: Vec<String>,
    processes: usize,
    /// The memory of all processes, in bytes.
    resident: u64,
}

/// Runs three rounds of this many streams with the functions of these options, and returns a table.
pub async fn run(options: &Options, streams: usize) -> Result<String> {
    let options = Options { port: 0, data: None, simulator: SimulatorStart::Always, pace: PACE, ..options.clone() };
    let stack = Stack::start(options).await?;
    let mut text =
        "| round | streams | failed | median | slowest | processes | memory of all |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    let mut failures = Vec::new();
    for number in 1..=ROUNDS {
        let round = round(&stack, streams).await?;
        text.push_str(&row(number, streams, &round));
        failures.extend(round.failures);
    }
    match failures.first() {
        Some(first) => bail!("{text}{} streams failed, the first with: {first}", failures.len()),
        None => Ok(text),
    }
}

async fn round(stack: &Stack, streams: usize) -> Result<Round> {
    let address = stack.url.trim_start_matches("http://");
    let mut running = JoinSet::new();
    for number in 0..streams {
        let model = if number % 2 == 0 { "gpt-5.2" } else { "gemini-2.5-flash" };
        running.spawn(stream(address.to_owned(), stack.key().to_owned(), model));
    }
    let (mut times, mut failures) = (Vec::new(), Vec::new());
    while let Some(stream) = running.join_next().await {
        match stream? {
            Ok(time) => times.push(time),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    times.sort_unstable();
    let pids = stack.lambda.pids(FUNCTION);
    let resident = pids.iter().filter_map(|pid| resident(*pid).ok()).sum();
    Ok(Round { times, failures, processes: pids.len(), resident })
}

fn row(number: usize, streams: usize, round: &Round) -> String {
    let at = |part: usize| round.times.get(part).copied().unwrap_or_default().as_secs_f64();
    let (median, slowest) = (at(round.times.len() / 2), at(round.times.len().saturating_sub(1)));
    let megabytes = round.resident / 1_000_000;
    let (failed, processes) = (round.failures.len(), round.processes);
    format!("| {number} | {streams} | {failed} | {median:.2} s | {slowest:.2} s | {processes} | {megabytes} MB |\n")
}

/// Sends one request, and reads its stream to the end.
async fn stream(address: String, key: String, model: &'static str) -> Result<Duration> {
    let body = format!(
        "{{\"model\":\"{model}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\
         \"content\":\"[[sim:long words={WORDS} bytes=5]]\"}}]}}"
    );
    let request = post(&address, "/v1/chat/completions", &key, &body);
    let start = Instant::now();
    let mut socket = TcpStream::connect(&address).await.context("connect")?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.context("read the stream")?;
    let answer = String::from_utf8_lossy(&answer);
    let events = answer.matches("data: {").count();
    ensure!(answer.contains("data: [DONE]") && events >= WORDS, "{events} events: {}", tail(&answer));
    Ok(start.elapsed())
}

fn tail(text: &str) -> &str {
    let at = text.len().saturating_sub(400);
    text.get(at..).unwrap_or(text)
}
