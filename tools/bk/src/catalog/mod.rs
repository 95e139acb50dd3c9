//! `bk catalog`: compares the catalogue with what providers list and serve, and prints new entries.

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
    /// Compare the catalogue with OpenRouter's list. Fails if a difference costs money.
    Check(check::Check),
    /// Print an entry for a model of OpenRouter's list, to paste into `shared/src/catalog/models.toml`.
    Add(add::Add),
    /// Ask every configured route for one token, to find names that are gone. Shows the cost first.
    Probe(probe::Probe),
}

/// The catalogue to use.
#[derive(Args)]
struct Source {
    /// A catalogue file to use instead of the embedded one.
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

    /// The text of the catalogue.
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
