//! Processor time of a process.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The processor time that a process has used so far, with all its threads. Fails if the process has ended, and on systems
/// other than Linux.
pub fn used(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().context("no time")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
