//! What a process uses of the processor.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Time of the processor that a process used so far, with all its threads. Fails for a process that has ended, and elsewhere than on Linux.
pub fn used(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().context("no time")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
