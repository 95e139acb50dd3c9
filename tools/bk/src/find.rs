//! Finds the key that an operator means: by its id, or by its name.

use anyhow::{Context as _, Result, bail};
use gateway::ids::KeyId;
use gateway::store::items::ListedKey;

use crate::{Bench, WrongUsage, unknown};

impl Bench {
    /// The id of the key with this id or, if there is none, with this name. Fails if no key has it, or if several keys have
    /// the name. Refuses a whole key, because arguments end up in the shell's history.
    pub(crate) async fn find(&self, text: &str) -> Result<KeyId> {
        if text.starts_with("bk_") {
            bail!(
                "that is a key, not a key's id or name: never pass a key as an argument. `bk keys list` shows ids and names"
            );
        }
        if text.is_empty() {
            bail!(WrongUsage("give the id or the name of a key; `bk keys list` shows them".to_owned()));
        }
        // A name may look like an id.
        if let Some(id) = KeyId::parse(text)
            && self.store.current_key(&id).await.context("read the key")?.is_some()
        {
            return Ok(id);
        }
        let mut keys = self.store.list_keys().await.context("list the keys")?;
        keys.retain(|key| key.name == text);
        match keys.as_slice() {
            [] => bail!(unknown(text)),
            [key] => Ok(key.id.clone()),
            [_, ..] => bail!(self.ambiguous(text, &keys).await?),
        }
    }

    /// Which keys have the same name.
    async fn ambiguous(&self, name: &str, keys: &[ListedKey]) -> Result<String> {
        let ids: Vec<KeyId> = keys.iter().map(|key| key.id.clone()).collect();
        let mut message = format!("{} keys have the name {name}; use the id of the one that you mean:", keys.len());
        for (id, key) in self.store.keys_of(&ids).await.context("read the keys")? {
            let key = key.with_context(|| format!("read key {id}"))?;
            let line = format!("\n  {id}  {:8}  created {}", key.status.as_str(), key.created);
            message.push_str(&line);
        }
        Ok(message)
    }
}
