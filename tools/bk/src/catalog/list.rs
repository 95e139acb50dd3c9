//! OpenRouter's list of models, from its URL or from a file.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use gateway::catalog::listed::List;
use gateway::config::ProviderConfig;
use gateway::providers::{Transport, list_of_models};

/// The option of commands that read the list.
#[derive(Args)]
pub(super) struct Listed {
    /// A file with the answer of OpenRouter's `GET /models`. Default: ask OpenRouter, or the host of `OPENROUTER_BASE_URL`.
    /// This needs no key.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
}

impl Listed {
    /// Reads the list. Fails if it has no models, because then every name would be missing.
    pub(super) async fn read(&self) -> Result<List> {
        let body = match &self.list {
            Some(file) => std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?,
            None => published().await?,
        };
        let list = List::read(&body)?;
        if list.models.is_empty() {
            bail!("the list has no models");
        }
        if list.unreadable > 0 {
            eprintln!("{} entries of the list cannot be read and are left out", list.unreadable);
        }
        Ok(list)
    }
}

async fn published() -> Result<String> {
    let config = ProviderConfig::from_environment()?;
    let body = list_of_models(&Transport::new(config.limits), &config.openrouter_base_url).await;
    body.map_err(|error| anyhow::anyhow!("{}", error.public_words())).context("get OpenRouter's list of models")
}
