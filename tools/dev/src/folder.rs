//! The folder for data. One gateway uses it at a time, because two would share a database, and each would overwrite the
//! other's address.

use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use secrecy::ExposeSecret as _;

use crate::stack::Support;

/// Is locked while a gateway uses the folder.
const LOCK: &str = "lock";
/// Variables for scripts and `bk`, and for functions that another program starts. They exist while the gateway runs.
const ENVIRONMENTS: [&str; 2] = ["env", "functions.env"];

/// The folder, locked. Dropping it deletes the files that name the running gateway.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// The system releases the lock when it is closed, even if the process is killed.
    _lock: File,
}

impl DataFolder {
    /// Creates the folder and locks it. Fails if another gateway has locked it; the error says which, and what to do.
    pub fn lock(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("create {}", path.display()))?;
        let lock = File::create(path.join(LOCK)).with_context(|| format!("lock {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let url = running(path).map(|url| format!(" ({url})")).unwrap_or_default();
                bail!(
                    "a gateway already runs with the data in {}{url}; stop it, or start a second one: make dev DATA=FOLDER PORT=9001",
                    path.display()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("lock {}", path.display()));
            }
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        // A gateway that was killed leaves them behind.
        folder.forget()?;
        Ok(folder)
    }

    /// Deletes everything in the folder, except the lock.
    pub fn empty(&self) -> Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() == LOCK {
                continue;
            }
            let path = entry.path();
            let deleted = if entry.file_type()?.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            deleted.with_context(|| format!("delete {}", path.display()))?;
        }
        Ok(())
    }

    /// Writes `env` for scripts and `bk`, and `functions.env` for functions that another program starts.
    pub fn write_environment(&self, url: &str, support: &Support) -> Result<()> {
        let key = support.key.expose_secret();
        let mut script = format!("GATEWAY_URL={url}\nGATEWAY_KEY={key}\n");
        let mut functions = String::new();
        for (name, value) in &support.variables {
            if name.starts_with("AWS_") || name == "TABLE_NAME" {
                writeln!(script, "{name}={value}")?;
            }
            // Quoted, because the Google key is JSON.
            writeln!(functions, "{name}='{value}'")?;
        }
        for (name, text) in ENVIRONMENTS.into_iter().zip([script, functions]) {
            fs::write(self.path.join(name), text).with_context(|| format!("write {name}"))?;
        }
        Ok(())
    }

    fn forget(&self) -> Result<()> {
        for name in ENVIRONMENTS {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("delete {name}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // If someone deleted the whole folder while the gateway ran, the files are already gone.
        let _ = self.forget();
    }
}

/// The address of the gateway that uses a folder.
fn running(path: &Path) -> Option<String> {
    let [name, _] = ENVIRONMENTS;
    let text = fs::read_to_string(path.join(name)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("GATEWAY_URL=")).map(str::to_owned)
}
