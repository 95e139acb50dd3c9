//! Lambda: functions, their execution environments, and the Runtime API that each environment's process polls.
//!
//! As on AWS:
//!
//! - An environment serves one request at a time. Further requests get their own environments, up to a limit.
//! - The process is frozen from the end of a response to the next request.
//! - The function does not learn that a client has disconnected.
//! - A process that exceeds its deadline is killed.

mod environment;
mod invocation;
mod runtime_api;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::Semaphore;

pub use environment::LogSink;
pub(crate) use invocation::Piece;
pub use invocation::{Head, Reply};

use environment::Environment;

/// The definition of a function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The program.
    pub binary: PathBuf,
    /// Its environment variables. It inherits no others.
    pub variables: Vec<(String, String)>,
    /// The time after which the process is killed during a request.
    pub timeout: Duration,
    /// Maximum number of environments. Further requests wait.
    pub max_environments: usize,
}

/// Runs functions.
#[derive(Debug)]
pub struct Lambda {
    pools: HashMap<String, Arc<Pool>>,
}

#[derive(Debug)]
struct Pool {
    function: Function,
    logs: LogSink,
    idle: Arc<Mutex<Vec<Environment>>>,
    slots: Arc<Semaphore>,
    pids: Arc<Mutex<Vec<u32>>>,
}

impl Lambda {
    /// Creates the runner for these functions, without starting any.
    pub fn new(functions: Vec<Function>, logs: &LogSink) -> Self {
        let pool = |function: Function| Pool {
            slots: Arc::new(Semaphore::new(function.max_environments)),
            idle: Arc::default(),
            pids: Arc::default(),
            logs: logs.clone(),
            function,
        };
        Self { pools: functions.into_iter().map(|function| (function.name.clone(), Arc::new(pool(function)))).collect() }
    }

    /// Sends an event to a function and waits for the head of its answer. This runs in its own task, so a caller that
    /// disconnects ends nothing.
    pub async fn invoke(&self, function: &str, event: String) -> Result<Reply> {
        let pool = Arc::clone(self.pools.get(function).with_context(|| format!("no function {function}"))?);
        tokio::spawn(async move { pool.invoke(event).await }).await?
    }

    /// The number of a function's processes that are frozen and wait for a request.
    pub fn idle(&self, function: &str) -> usize {
        let pool = self.pools.get(function);
        pool.map(|pool| pool.idle.lock().unwrap_or_else(PoisonError::into_inner).len()).unwrap_or_default()
    }

    /// The processes that were started for a function, oldest first.
    pub fn pids(&self, function: &str) -> Vec<u32> {
        let pool = self.pools.get(function);
        pool.map(|pool| pool.pids.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }
}

/// The time from the start of a function's process to its first request for work.
pub async fn cold_start(function: &Function) -> Result<Duration> {
    let before = Instant::now();
    let mut environment = Environment::start(function, &LogSink::default()).await?;
    environment.initialised().await?;
    Ok(before.elapsed())
}

impl Pool {
    async fn invoke(&self, event: String) -> Result<Reply> {
        let slot = Arc::clone(&self.slots).acquire_owned().await?;
        let warm = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut environment = match warm {
            Some(environment) => environment,
            None => self.start().await?,
        };
        environment.thaw();
        let timeout = self.function.timeout;
        let reply = environment.hand_over(event, timeout).await?;
        let (reply, ended) = reply;
        let idle = Arc::clone(&self.idle);
        // The environment is busy until its response has ended, even if the client has disconnected.
        tokio::spawn(async move {
            if environment.finish(ended, timeout).await {
                environment.freeze();
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(environment);
            }
            drop(slot);
        });
        Ok(reply)
    }

    async fn start(&self) -> Result<Environment> {
        let environment = Environment::start(&self.function, &self.logs).await?;
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).extend(environment.pid());
        Ok(environment)
    }
}
