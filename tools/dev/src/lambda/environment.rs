//! An execution environment: a process, the Runtime API that it polls, and the code that freezes it.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::Function;
use super::invocation::{Invocation, Reply};
use super::runtime_api;
use crate::prompt::prompt;
use crate::terminal::{Stream, Terminal};

/// Where functions' output goes: to a terminal, or it is kept for tests.
#[derive(Clone, Debug, Default)]
pub struct LogSink {
    terminal: Option<Terminal>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl LogSink {
    /// Gives lines to a terminal, or keeps them.
    pub fn new(terminal: Option<Terminal>) -> Self {
        Self { terminal, lines: Arc::default() }
    }

    /// All kept lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, function: &str, stream: Stream, line: String) {
        match &self.terminal {
            Some(terminal) => terminal.log(function, stream, &line),
            None => self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line),
        }
    }

    fn follow(&self, function: &str, stream: Stream, output: Option<impl AsyncRead + Send + Unpin + 'static>) {
        let (sink, function) = (self.clone(), function.to_owned());
        if let Some(output) = output {
            tokio::spawn(async move {
                let mut lines = BufReader::new(output).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    sink.take(&function, stream, line);
                }
            });
        }
    }
}

/// A process with its own Runtime API. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Environment {
    pid: Option<u32>,
    events: mpsc::Sender<Invocation>,
    polled: watch::Receiver<bool>,
    /// How the process ended, once it has.
    status: watch::Receiver<Option<String>>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Environment {
    /// Starts the process with its own Runtime API.
    pub(super) fn start(function: &Function, logs: &LogSink) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (address, listener) = (listener.local_addr()?, TcpListener::from_std(listener)?);
        let (events, waiting) = mpsc::channel(1);
        let (poll, polled) = watch::channel(false);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(prompt(listener), runtime_api::router(waiting, poll)).await {
                eprintln!("Runtime API: {error}");
            }
        });
        let mut process = Command::new(&function.binary)
            .env_clear()
            .envs(function.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", function.binary.display()))?;
        logs.follow(&function.name, Stream::Output, process.stdout.take());
        logs.follow(&function.name, Stream::Error, process.stderr.take());
        let pid = process.id();
        let (end, status) = watch::channel(None);
        let watcher = tokio::spawn(async move {
            let status = process.wait().await;
            end.send_replace(Some(status.map_or_else(|error| error.to_string(), |status| status.to_string())));
        });
        Ok(Self { pid, events, polled, status, tasks: [server, watcher] })
    }

    /// Waits until the process asks for its first event, which ends its INIT phase.
    pub(super) async fn initialised(&self) -> Result<()> {
        let mut polled = self.polled.clone();
        tokio::select! {
            polled = polled.wait_for(|polled| *polled) => polled.map(drop).context("the Runtime API is gone"),
            status = self.ended() => bail!("the process ended at its start: {status}"),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Whether the process has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.status.borrow().is_some()
    }

    /// Waits for the end of the process, and says how it ended.
    async fn ended(&self) -> String {
        let mut status = self.status.clone();
        let ended = status.wait_for(Option::is_some).await;
        ended.ok().and_then(|ended| ended.clone()).unwrap_or_default()
    }

    /// Hands an event over and waits for the head of the answer. The receiver fires at the end of the answer.
    pub(super) async fn hand_over(&self, event: String, timeout: Duration) -> Result<(Reply, oneshot::Receiver<()>)> {
        let (invocation, replied, ended) = Invocation::new(event, timeout);
        if self.events.send(invocation).await.is_err() {
            bail!("the Runtime API is gone");
        }
        let reply = tokio::select! {
            reply = replied => reply.ok(),
            _ = self.ended() => None,
            () = tokio::time::sleep(timeout) => None,
        };
        if reply.is_none() {
            self.kill().await;
        }
        Ok((reply.unwrap_or_else(Reply::failed), ended))
    }

    /// Waits for the end of an answer. Returns true if the process can serve another request.
    pub(super) async fn finish(&self, ended: oneshot::Receiver<()>, timeout: Duration) -> bool {
        let is_fit = tokio::select! {
            ended = ended => ended.is_ok(),
            _ = self.ended() => false,
            () = tokio::time::sleep(timeout) => false,
        };
        if !is_fit {
            self.kill().await;
        }
        is_fit
    }

    /// Stops the process until the next request, as Lambda does at the end of a response.
    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues a frozen process.
    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    async fn kill(&self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    fn signal(&self, signal: Signal) {
        let pid = self.pid.filter(|_| !self.has_ended()).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }
}
