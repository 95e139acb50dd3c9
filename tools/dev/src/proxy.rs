//! A proxy in front of the database that makes calls fail by its [`Rule`]s and records them. Tests use it to check what the
//! gateway does when the table is throttled, slow or unreachable, or when an answer is lost.
//!
//! It supports just enough HTTP/1.1 for the SDK and the emulator, on its own sockets, because it must be able to close a
//! connection at any moment.

mod exchange;
mod message;
mod meter;
mod rules;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use meter::Units;
pub use rules::{Action, Rule};

use message::Message;

/// A call as received, and what happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation, such as `UpdateItem`.
    pub operation: String,
    /// The request's JSON.
    pub body: String,
    /// The fault that was applied; `None` if the call was passed on unchanged.
    pub fault: Option<Action>,
}

/// The active rules, and the calls so far.
#[derive(Debug, Default)]
struct Script {
    rules: Vec<Rule>,
    calls: Vec<Call>,
    /// The capacity consumed since counting began.
    units: Option<Units>,
}

/// A running proxy. It stops when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    /// Its URL.
    pub endpoint: String,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FaultProxy {
    /// Starts on a free port, in front of the database at that URL. Without rules it passes everything on.
    pub async fn start(database: &str) -> Result<Self> {
        let database: SocketAddr = database.trim_start_matches("http://").parse().context("the database's address")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let script = Arc::<Mutex<Script>>::default();
        let shared = Arc::clone(&script);
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let script = Arc::clone(&shared);
                // Broken connections are what the proxy is for.
                tokio::spawn(async move { drop(exchange::serve(client, database, &script).await) });
            }
        });
        Ok(Self { endpoint, script, server })
    }

    /// Adds a rule. The first rule that applies to a call is used.
    pub fn add(&self, rule: Rule) {
        lock(&self.script).rules.push(rule);
    }

    /// Removes all rules. Calls that a fault is delaying stay delayed.
    pub fn heal(&self) {
        lock(&self.script).rules.clear();
    }

    /// All calls so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.script).calls.clone()
    }

    /// The number of calls of an operation.
    pub fn count(&self, operation: &str) -> usize {
        lock(&self.script).calls.iter().filter(|call| call.operation == operation).count()
    }

    /// The number of calls to which a fault was applied.
    pub fn faults(&self) -> usize {
        lock(&self.script).calls.iter().filter(|call| call.fault.is_some()).count()
    }

    /// The capacity units of calls without a fault since the last time this was called. The first call starts counting.
    pub fn take_units(&self) -> Units {
        lock(&self.script).units.replace(Units::default()).unwrap_or_default()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        lock(&self.script).calls.clear();
    }
}

/// Finds the rule for a call and records the call.
fn decide(script: &Mutex<Script>, request: &Message) -> Option<Action> {
    let (operation, body) = (request.operation(), request.body());
    let mut script = lock(script);
    let fault = script.rules.iter_mut().find_map(|rule| rule.strike(&operation, &body));
    script.calls.push(Call { operation, body, fault: fault.clone() });
    fault
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    // The lock is poisoned only if a test panicked; the rules are still complete.
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
