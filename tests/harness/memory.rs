//! What functions' processes take of memory, and that they live.

use anyhow::{Context as _, Result, ensure};
use gateway_dev::processor::peak;
use gateway_dev::stack::FUNCTIONS;

use crate::Harness;

/// Most bytes that a process may ever have taken: the smallest memory of a function. Debug builds, as tests run them, take more than
/// what is deployed.
pub const LARGEST: u64 = 128 * 1024 * 1024;

/// The process that has taken the most.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Its function.
    pub function: &'static str,
    /// The most that it ever had in memory, in bytes.
    pub bytes: u64,
}

/// The largest of all processes that were started for a gateway. Fails when one of them does not live any more.
pub fn largest(gateway: &Harness) -> Result<Process> {
    let mut largest = Process::default();
    for function in FUNCTIONS {
        for pid in gateway.stack.lambda.pids(function) {
            let bytes = peak(pid).with_context(|| format!("{function} has died"))?;
            if bytes > largest.bytes {
                largest = Process { function, bytes };
            }
        }
    }
    ensure!(largest.bytes > 0, "no process was started");
    Ok(largest)
}
