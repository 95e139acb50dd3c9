//! `bk migrate`: checks the table's schema version. There has been one version so far, so it changes nothing.

use anyhow::{Context as _, Result, bail};
use gateway::store::items::VERSION;
use serde::Serialize;

use crate::{Bench, print};

#[derive(Serialize)]
struct Report {
    version: u64,
    keys: usize,
    migrated: usize,
}

pub(crate) async fn run(bench: &Bench) -> Result<()> {
    let keys = bench.store.list_keys().await.context("list the keys")?;
    for key in &keys {
        match bench.store.key_version(&key.id).await.context("read a key's schema version")? {
            Some(VERSION) => {}
            Some(other) => bail!(
                "key {} has schema version {other}, and this program knows version {VERSION} only; use the release that wrote it",
                key.id
            ),
            None => bail!("key {} is listed but has no item: restore it from a backup (see docs/operations.md)", key.id),
        }
    }
    if bench.json {
        return print(&Report { version: VERSION, keys: keys.len(), migrated: 0 });
    }
    let noun = if keys.len() == 1 { "key" } else { "keys" };
    outln!("schema version {VERSION}, {} {noun}: nothing to migrate", keys.len());
    Ok(())
}
