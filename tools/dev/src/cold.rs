//! `make coldstart`: the time from the start of a process to its first poll, compared with a function that does nothing, and
//! the first request of a process compared with its second.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::http::Request;
use bytes::Bytes;
use secrecy::ExposeSecret as _;

use crate::bench::{median, millis};
use crate::front::event;
use crate::lambda::{Function, Lambda, LogSink, cold_start};
use crate::processor::peak;
use crate::stack::{FUNCTIONS, Options, SimulatorStart, Support};

/// The function that does nothing (`tests/bench/bare`).
const BARE: &str = "bare";
/// The function whose first request is measured.
const FUNCTION: &str = "chat-completions";
/// Number of processes of each function.
const PROCESSES: usize = 21;

/// Starts processes of each function in the folder of these options, and returns the tables.
pub async fn run(options: &Options) -> Result<String> {
    let options = Options { data: None, simulator: SimulatorStart::Always, pace: Duration::ZERO, ..options.clone() };
    let support = Support::start(&options).await?;
    let mut text = "| function | start to first poll, median | fastest |\n|---|---|---|\n".to_owned();
    let bare = Path::new(BARE);
    let names =
        FUNCTIONS.iter().map(Path::new).chain([bare].into_iter().filter(|bare| options.binaries.join(bare).exists()));
    for name in names {
        let name = name.to_string_lossy();
        let function = options.function(&name, &support.variables);
        let mut times = Vec::new();
        for _ in 0..PROCESSES {
            times.push(cold_start(&function).await?);
        }
        let fastest = times.iter().min().copied().unwrap_or_default();
        writeln!(text, "| {name} | {:.2} ms | {:.2} ms |", millis(median(times)), millis(fastest))?;
    }
    text.push_str(&first_requests(&options.function(FUNCTION, &support.variables), support.key.expose_secret()).await?);
    Ok(text)
}

/// The first and the second request of processes, each with its start, admission, and a call of the simulator.
async fn first_requests(function: &Function, key: &str) -> Result<String> {
    let (mut starts, mut firsts, mut seconds, mut most) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..PROCESSES {
        starts.push(cold_start(function).await?);
        let lambda = Lambda::new(vec![function.clone()], &LogSink::default());
        firsts.push(request(&lambda, key).await?);
        seconds.push(request(&lambda, key).await?);
        most = lambda.pids(FUNCTION).into_iter().filter_map(|pid| peak(pid).ok()).fold(most, u64::max);
    }
    let (start, first, second) = (median(starts), median(firsts), median(seconds));
    Ok(format!(
        "\n| {FUNCTION} | median |\n|---|---|\n| first request with its start | {:.2} ms |\n| second request | {:.2} ms |\n\
         | first request without its start, more than the second | {:.2} ms |\n| most memory of a process | {:.1} MB |\n",
        millis(first),
        millis(second),
        millis(first.saturating_sub(start).saturating_sub(second)),
        f64::from(u32::try_from(most / 1_000).unwrap_or(u32::MAX)) / 1_000.0,
    ))
}

/// The time of a request to its last byte, and until the process is frozen again.
async fn request(lambda: &Lambda, key: &str) -> Result<Duration> {
    let request = Request::post("/v1/chat/completions")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(())?;
    let body = Bytes::from_static(br#"{"model":"gpt-5.2","messages":[{"role":"user","content":"Hello!"}]}"#);
    let event = event(&request.into_parts().0, (Ipv4Addr::LOCALHOST, 1).into(), &body)?;
    let start = Instant::now();
    let mut reply = lambda.invoke(FUNCTION, event).await?;
    ensure!(reply.head.status_code == 200, "{:?}", reply.head);
    while reply.body.recv().await.is_some() {}
    while lambda.idle(FUNCTION) == 0 {
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
    Ok(start.elapsed())
}
