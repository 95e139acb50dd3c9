//! Limits a process to a share of a processor with the kernel's control groups. Lambda does the same for a function with
//! little memory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the kernel's version 1 and version 2 keep groups. The second has to be told that groups may limit processors.
const VERSION_1: &str = "/sys/fs/cgroup/cpu";
const VERSION_2: &str = "/sys/fs/cgroup";

/// A group whose processes together get a share of one processor. Dropping it removes the limit.
pub(crate) struct Quota {
    folder: PathBuf,
}

impl Quota {
    /// A new group that may run for `share` of each period. None if this machine does not allow one.
    pub(crate) fn new(share: f64, period: Duration) -> Option<Self> {
        let version_1 =
            Path::new(VERSION_1).join("cpu.cfs_quota_us").exists() || Path::new(VERSION_1).join("cpu.shares").exists();
        let root = Path::new(if version_1 { VERSION_1 } else { VERSION_2 });
        if !version_1 {
            fs::write(root.join("cgroup.subtree_control"), "+cpu").ok()?;
        }
        let group = Self { folder: root.join(format!("gateway-{}-{}", std::process::id(), fastrand::u32(..))) };
        fs::create_dir(&group.folder).ok()?;
        let (whole, part) = (period.as_micros(), period.mul_f64(share).as_micros());
        let limits = if version_1 {
            vec![("cpu.cfs_period_us", whole.to_string()), ("cpu.cfs_quota_us", part.to_string())]
        } else {
            vec![("cpu.max", format!("{part} {whole}"))]
        };
        limits.iter().try_for_each(|(file, value)| fs::write(group.folder.join(file), value)).ok()?;
        Some(group)
    }

    /// Takes a process into the group, with all its threads.
    pub(crate) fn hold(&self, pid: u32) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.procs"), pid.to_string())
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let held = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        let free = self.folder.with_file_name("cgroup.procs");
        for pid in held.lines() {
            // It may have ended by itself.
            let _ = fs::write(&free, pid);
        }
        let _ = fs::remove_dir(&self.folder);
    }
}
