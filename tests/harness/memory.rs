//! Reads the memory use of the functions' processes, and checks that they still run.

use anyhow::{Context as _, Result, ensure};
use gateway_dev::processor::peak;
use gateway_dev::stack::FUNCTIONS;

use crate::Harness;

/// The maximum memory that a process may have used, in bytes: the smallest memory size of a function. The tests run debug
/// builds, which use more than the deployed builds.
pub const LARGEST: u64 = 128 * 1024 * 1024;

/// The process with the highest memory use.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Its function.
    pub function: &'static str,
    /// Its highest memory use, in bytes.
    pub bytes: u64,
}

/// The process of a gateway with the highest memory use. Fails if one of the processes has ended.
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
