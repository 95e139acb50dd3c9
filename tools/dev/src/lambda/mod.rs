//! Lambda: functions, their execution environments, and the Runtime API that each environment's process polls.
//!
//! As on AWS:
//!
//! - An environment serves one request at a time, or as many as [`MAX_CONCURRENCY`] says, as on managed instances. Further
//!   requests get their own environments, up to a limit.
//! - A process without a request is frozen.
//! - The function does not learn that a client has disconnected.
//! - A process that exceeds its deadline is killed.

mod environment;
mod invocation;
mod runtime_api;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::Semaphore;

pub use environment::LogSink;
pub(crate) use invocation::Piece;
pub use invocation::{Head, Reply};

use environment::Environment;

/// The variable that says how many requests a process serves at once. A function without it serves one.
pub const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";

/// The definition of a function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The function's name, such as `chat-completions`.
    pub name: String,
    /// The path of the function's executable.
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
    running: Mutex<Vec<Running>>,
    slots: Arc<Semaphore>,
    pids: Mutex<Vec<u32>>,
}

/// An environment and the number of its requests.
#[derive(Debug)]
struct Running {
    environment: Arc<Environment>,
    requests: usize,
}

impl Function {
    /// The number of requests that a process serves at once.
    fn concurrency(&self) -> usize {
        let told = self.variables.iter().rev().find(|(name, _)| name == MAX_CONCURRENCY);
        told.and_then(|(_, value)| value.parse().ok()).unwrap_or(1).max(1)
    }
}

impl Lambda {
    /// Creates the runner for these functions, without starting any.
    pub fn new(functions: Vec<Function>, logs: &LogSink) -> Self {
        let pool = |function: Function| Pool {
            slots: Arc::new(Semaphore::new(function.max_environments * function.concurrency())),
            running: Mutex::default(),
            pids: Mutex::default(),
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
        let idle = |pool: &Arc<Pool>| pool.running().iter().filter(|running| running.requests == 0).count();
        self.pools.get(function).map(idle).unwrap_or_default()
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
    let environment = Environment::start(function, &LogSink::default())?;
    environment.initialised().await?;
    Ok(before.elapsed())
}

impl Pool {
    async fn invoke(self: Arc<Self>, event: String) -> Result<Reply> {
        let slot = Arc::clone(&self.slots).acquire_owned().await?;
        let environment = self.take()?;
        let timeout = self.function.timeout;
        let (reply, ended) = environment.hand_over(event, timeout).await?;
        // The environment is busy until its response has ended, even if the client has disconnected.
        tokio::spawn(async move {
            let is_fit = environment.finish(ended, timeout).await;
            self.give_back(&environment, is_fit);
            drop(slot);
        });
        Ok(reply)
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An environment that can serve one more request: the last one that was started, so that the others stay frozen, or a
    /// new one.
    fn take(&self) -> Result<Arc<Environment>> {
        let most = self.function.concurrency();
        let mut running = self.running();
        running.retain(|running| !running.environment.has_ended());
        if let Some(free) = running.iter_mut().rev().find(|running| running.requests < most) {
            if free.requests == 0 {
                free.environment.thaw();
            }
            free.requests += 1;
            return Ok(Arc::clone(&free.environment));
        }
        let environment = Arc::new(Environment::start(&self.function, &self.logs)?);
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).extend(environment.pid());
        running.push(Running { environment: Arc::clone(&environment), requests: 1 });
        Ok(environment)
    }

    /// Takes an environment back at the end of a request, or forgets one that cannot serve another.
    fn give_back(&self, environment: &Arc<Environment>, is_fit: bool) {
        let mut running = self.running();
        let Some(at) = running.iter().position(|running| Arc::ptr_eq(&running.environment, environment)) else { return };
        if !is_fit {
            running.remove(at);
        } else if let Some(running) = running.get_mut(at) {
            running.requests -= 1;
            if running.requests == 0 {
                environment.freeze();
            }
        }
    }
}
