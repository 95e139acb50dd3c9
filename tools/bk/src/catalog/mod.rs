//! `bk catalog`: whether the catalogue still says what providers list and answer, and what to write into it.

mod asking;
mod probe;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use gateway::catalog::Catalog as Models;

#[derive(Subcommand)]
pub(crate) enum Catalog {
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
}

pub(crate) async fn run(command: Catalog, json: bool) -> Result<()> {
    match command {
        Catalog::Probe(probe) => probe::run(probe, json).await,
    }
}
