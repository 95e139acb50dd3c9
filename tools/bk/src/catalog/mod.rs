//! `bk catalog`: whether the catalogue still says what providers list and answer, and what to write into it.

mod add;
mod asking;
mod check;
mod compare;
mod entry;
mod list;
mod probe;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use gateway::catalog::{Catalog as Models, EMBEDDED};

#[derive(Subcommand)]
pub(crate) enum Catalog {
    /// Compare the catalogue with OpenRouter's list. Fails when a difference costs money.
    Check(check::Check),
    /// Print an entry for a model of OpenRouter's list, ready for `shared/src/catalog/models.toml`.
    Add(add::Add),
    /// Ask every configured route for one token: which names are still there. Costs what it says before.
    Probe(probe::Probe),
}

/// Which catalogue.
#[derive(Args)]
struct Source {
    /// A file instead of the embedded catalogue.
    #[arg(long, env = "MODEL_CATALOG", value_name = "FILE")]
    catalog: Option<PathBuf>,
}

impl Source {
    fn read(&self) -> Result<Models> {
        Ok(match &self.catalog {
            Some(file) => Models::from_file(file)?,
            None => Models::embedded()?,
        })
    }

    /// Its text.
    fn text(&self) -> Result<String> {
        match &self.catalog {
            Some(file) => std::fs::read_to_string(file).with_context(|| format!("read {}", file.display())),
            None => Ok(EMBEDDED.to_owned()),
        }
    }
}

pub(crate) async fn run(command: Catalog, json: bool) -> Result<()> {
    match command {
        Catalog::Check(check) => check::run(check, json).await,
        Catalog::Add(add) => add::run(add, json).await,
        Catalog::Probe(probe) => probe::run(probe, json).await,
    }
}
