//! A proxy before the database that breaks calls as its [`Rule`]s say, and keeps what it was asked: for tests of what the gateway
//! does when the table is throttled, slow, out of reach, or does what it is told and loses the answer.
//!
//! It speaks just enough HTTP/1.1 for the SDK and the emulator, on sockets of its own, because it must be able to end a connection
//! at any moment.

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

/// A call as it came in, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation, such as `UpdateItem`.
    pub operation: String,
    /// The request's JSON.
    pub body: String,
    /// The fault it met; `None` when it was passed on as it is.
    pub fault: Option<Action>,
}

/// The rules in force, and the calls so far.
#[derive(Debug, Default)]
struct Script {
    rules: Vec<Rule>,
    calls: Vec<Call>,
    /// What was consumed since somebody began to count.
    units: Option<Units>,
}

/// A running proxy; it stops when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    /// Where it listens, as a URL.
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
    /// Starts on a free port, before the database at that URL. Without rules everything is passed on.
    pub async fn start(database: &str) -> Result<Self> {
        let database: SocketAddr = database.trim_start_matches("http://").parse().context("the database's address")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let script = Arc::<Mutex<Script>>::default();
        let shared = Arc::clone(&script);
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let script = Arc::clone(&shared);
                // A broken connection is what the proxy is for.
                tokio::spawn(async move { drop(exchange::serve(client, database, &script).await) });
            }
        });
        Ok(Self { endpoint, script, server })
    }

    /// Adds a rule. The first that applies to a call decides.
    pub fn add(&self, rule: Rule) {
        lock(&self.script).rules.push(rule);
    }

    /// Takes all rules away. Calls that a fault is holding up stay held up.
    pub fn heal(&self) {
        lock(&self.script).rules.clear();
    }

    /// Every call so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.script).calls.clone()
    }

    /// How many calls of an operation there were.
    pub fn count(&self, operation: &str) -> usize {
        lock(&self.script).calls.iter().filter(|call| call.operation == operation).count()
    }

    /// How many calls met a fault.
    pub fn faults(&self) -> usize {
        lock(&self.script).calls.iter().filter(|call| call.fault.is_some()).count()
    }

    /// The capacity units of calls without a fault since this was last asked; counting begins with the first time.
    pub fn take_units(&self) -> Units {
        lock(&self.script).units.replace(Units::default()).unwrap_or_default()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        lock(&self.script).calls.clear();
    }
}

/// Looks a call up among the rules and keeps it.
fn decide(script: &Mutex<Script>, request: &Message) -> Option<Action> {
    let (operation, body) = (request.operation(), request.body());
    let mut script = lock(script);
    let fault = script.rules.iter_mut().find_map(|rule| rule.strike(&operation, &body));
    script.calls.push(Call { operation, body, fault: fault.clone() });
    fault
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    // A poisoned lock only means that some test panicked; the rules themselves are whole.
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
