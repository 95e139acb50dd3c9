//! One configuration file: its backup, writing it atomically, and restoring it.
//!
//! Next to `settings.json` are `settings.json.bk-backup`, the original file, and `settings.json.bk-setup`, which records
//! what was written. So an undo can check whether the file still contains what was written, and never reverts another
//! person's change.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// A configuration file by its path. Symbolic links are followed.
pub(super) struct ConfigFile(PathBuf);

/// The state of the file before it was written, and what was written.
#[derive(Serialize, Deserialize)]
struct Record {
    /// False if the file did not exist.
    existed: bool,
    /// SHA-256 of what was written, in hexadecimal.
    written: String,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Written,
    /// It already has these settings.
    Same,
}

/// What an undo did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// The file is as before.
    Restored,
    /// The file is gone, because it did not exist before.
    Removed,
    /// It was not written.
    Nothing,
}

impl ConfigFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(fs::canonicalize(&path).unwrap_or(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes what `edit` makes of the current text, or of nothing if the file does not exist. Changes nothing if `edit`
    /// fails.
    pub(super) fn write(&self, edit: impl FnOnce(Option<&str>) -> Result<String>) -> Result<Outcome> {
        let path = self.0.display();
        let present = self.read()?;
        let record = self.record()?.filter(|record| present.as_deref().is_some_and(|present| is(present, record)));
        let before = match &record {
            // A second write starts from the user's original file.
            Some(Record { existed: true, .. }) => Some(fs::read(self.next_to(BACKUP)).context("read the backup")?),
            Some(Record { existed: false, .. }) => None,
            None => present.clone(),
        };
        let text = before.as_deref().map(std::str::from_utf8).transpose().with_context(|| format!("{path} is not UTF-8"))?;
        let edited = edit(text).with_context(|| format!("{path} was not changed, because it cannot be edited"))?;
        if present.as_deref() == Some(edited.as_bytes()) {
            return Ok(Outcome::Same);
        }
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        if record.is_none() && before.is_some() {
            fs::copy(&self.0, self.next_to(BACKUP)).with_context(|| format!("back {path} up"))?;
        }
        let record = Record { existed: before.is_some(), written: hash(edited.as_bytes()) };
        self.replace(&self.next_to(RECORD), serde_json::to_string(&record)?.as_bytes())?;
        self.replace(&self.0, edited.as_bytes())?;
        Ok(Outcome::Written)
    }

    /// Restores the file from before [`Self::write`], or removes it.
    pub(super) fn undo(&self) -> Result<Undone> {
        let path = self.0.display();
        let Some(record) = self.record()? else { return Ok(Undone::Nothing) };
        let backup = self.next_to(BACKUP);
        if !self.read()?.is_some_and(|present| is(&present, &record)) {
            let before = if record.existed { format!("is in {}", backup.display()) } else { "did not exist".to_owned() };
            bail!("{path} was changed since, so it is not restored; the file before `--write` {before}");
        }
        let undone = if record.existed {
            fs::rename(&backup, &self.0).with_context(|| format!("bring {path} back"))?;
            Undone::Restored
        } else {
            fs::remove_file(&self.0).with_context(|| format!("remove {path}"))?;
            Undone::Removed
        };
        fs::remove_file(self.next_to(RECORD)).context("remove the record")?;
        Ok(undone)
    }

    fn read(&self) -> Result<Option<Vec<u8>>> {
        read(&self.0)
    }

    fn record(&self) -> Result<Option<Record>> {
        let path = self.next_to(RECORD);
        let text = read(&path)?;
        text.map(|text| serde_json::from_slice(&text)).transpose().with_context(|| format!("read {}", path.display()))
    }

    fn next_to(&self, ending: &str) -> PathBuf {
        let mut name = OsString::from(self.0.as_os_str());
        name.push(ending);
        PathBuf::from(name)
    }

    /// Writes atomically, and keeps the file's permissions. A new file is readable by its owner only, because it may hold a
    /// key.
    fn replace(&self, path: &Path, text: &[u8]) -> Result<()> {
        let shown = path.display();
        let mut file =
            NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).with_context(|| format!("write {shown}"))?;
        file.write_all(text).and_then(|()| file.as_file().sync_all()).with_context(|| format!("write {shown}"))?;
        if let Ok(found) = fs::metadata(&self.0) {
            file.as_file().set_permissions(found.permissions()).with_context(|| format!("set the rights of {shown}"))?;
        }
        file.persist(path).with_context(|| format!("write {shown}"))?;
        Ok(())
    }
}

const BACKUP: &str = ".bk-backup";
const RECORD: &str = ".bk-setup";

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

fn is(bytes: &[u8], record: &Record) -> bool {
    hash(bytes) == record.written
}

fn hash(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |mut digits, byte| {
        // Writing into a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn put(file: &ConfigFile, text: &str) -> Result<Outcome> {
        file.write(|before| Ok(format!("{}{text}", before.unwrap_or_default())))
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn undo_brings_back_every_byte_and_the_rights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        fs::write(&path, "mine\r\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let file = ConfigFile::at(path.clone());
        assert_eq!(put(&file, "more").unwrap(), Outcome::Written);
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode()), ("mine\r\nmore", 0o640));
        assert_eq!(file.undo().unwrap(), Undone::Restored);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode()), ("mine\r\n", 0o640));
        assert_eq!(files(folder.path()), ["c.json"]);
        assert_eq!(file.undo().unwrap(), Undone::Nothing);
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_goes_away_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.json");
        let file = ConfigFile::at(path.clone());
        put(&file, "text").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file.undo().unwrap(), Undone::Removed);
        assert_eq!(files(&folder.path().join("a/b")), Vec::<String>::new());
    }

    #[test]
    fn a_second_write_starts_from_the_file_as_the_user_wrote_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        fs::write(&path, "mine").unwrap();
        let file = ConfigFile::at(path.clone());
        put(&file, "1").unwrap();
        put(&file, "2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine2");
        assert_eq!(put(&file, "2").unwrap(), Outcome::Same);
        assert_eq!(file.undo().unwrap(), Undone::Restored);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn undo_takes_back_nothing_that_was_changed_since() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        fs::write(&path, "mine").unwrap();
        let file = ConfigFile::at(path.clone());
        put(&file, "1").unwrap();
        fs::write(&path, "newer").unwrap();
        let refused = file.undo().unwrap_err().to_string();
        assert!(refused.contains("was changed since") && refused.contains("c.bk-backup"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
        put(&file, "1").unwrap();
        assert_eq!(file.undo().unwrap(), Undone::Restored);
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
    }

    #[test]
    fn a_failed_edit_touches_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        fs::write(&path, "mine").unwrap();
        let refused = ConfigFile::at(path.clone()).write(|_| bail!("no")).unwrap_err();
        assert!(refused.to_string().contains("was not changed"), "{refused}");
        fs::write(&path, b"\xff").unwrap();
        assert!(ConfigFile::at(path.clone()).write(|_| Ok(String::new())).unwrap_err().to_string().contains("not UTF-8"));
        assert_eq!(files(folder.path()), ["c"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "mine").unwrap();
        symlink(&real, &link).unwrap();
        put(&ConfigFile::at(link.clone()), "1").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "mine1");
    }
}
