//! `bk`: the operator's command line for the gateway's table, the model catalogue, and client set-up.
//!
//! A secret is printed once, alone, on standard output, so that you can pipe it. A secret is read from standard input, never
//! from an argument. Results go to standard output, remarks to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage.

#[macro_use]
mod output;

mod catalog;
mod credits;
mod details;
mod find;
mod invoice;
mod keys;
mod ledger;
mod list;
mod migrate;
mod requests;
mod setup;
mod table;
mod usage;
mod values;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use gateway::aws::has_credentials;
use gateway::config::TableConfig;
use gateway::ids::KeyId;
use gateway::store::Store;
use gateway::store::items::StoredKey;
use serde::Serialize;

const NO_TABLE: &str = "no table: set TABLE_NAME or pass --table; for a local gateway, run `set -a; . .dev/env; set +a` \
                        first";
const NO_CREDENTIALS: &str = "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use `tools/deploy/bk`, \
                              which takes those of `aws configure` or of AWS_PROFILE";

/// Manage the gateway's keys, balances and ledger. Reads `TABLE_NAME`, `AWS_REGION` and AWS credentials from the
/// environment. For a local gateway, run `set -a; . .dev/env; set +a` first.
#[derive(Parser)]
#[command(name = "bk", version)]
struct Arguments {
    /// The DynamoDB table.
    #[arg(long, env = "TABLE_NAME", global = true)]
    table: Option<String>,
    /// Print JSON on standard output.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    OfTable(OfTable),
    /// The model catalogue: compare it with what providers list and serve. Needs no table.
    #[command(subcommand)]
    Catalog(catalog::Catalog),
    /// Configure a client to use the gateway. Needs no table.
    Setup(setup::Setup),
}

/// Commands that need the table.
#[derive(Subcommand)]
enum OfTable {
    /// API keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Balances of prepaid keys.
    #[command(subcommand)]
    Credits(credits::Credits),
    /// What a key used, by model or by day.
    Usage(usage::Usage),
    /// Single requests.
    #[command(subcommand)]
    Requests(requests::Requests),
    /// Check, repair and compare the ledger.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Check the schema version of the table and its keys. Changes nothing, because there has been one version so far.
    Migrate,
}

/// What each command of the table gets: the open table, and whether to print JSON.
struct Bench {
    store: Store,
    json: bool,
}

impl Bench {
    /// Reads a key. Fails if it does not exist.
    async fn key(&self, id: &KeyId) -> Result<StoredKey> {
        self.store.current_key(id).await.context("read the key")?.with_context(|| unknown(id.as_str()))
    }
}

/// The command line is wrong (exit code 2). Other errors are failures of a correct command (exit code 1).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUsage(String);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let matches = command_line().get_matches();
    let done = run(Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())).await;
    if let Some(error) = output::failure() {
        eprintln!("bk: standard output: {error}");
        return ExitCode::FAILURE;
    }
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bk: {error:#}");
            if error.is::<WrongUsage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// The command line. The help of commands that need no table does not show `--table`; they still accept it.
fn command_line() -> clap::Command {
    let hide_table = |command: clap::Command| command.arg(Arg::new("table").long("table").global(true).hide(true));
    Arguments::command().mut_subcommand("catalog", hide_table).mut_subcommand("setup", hide_table)
}

async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { table, json, command } = arguments;
    match command {
        Command::OfTable(command) => on_table(table, json, command).await,
        Command::Catalog(command) => catalog::run(command, json).await,
        Command::Setup(command) => setup::run(&command, json),
    }
}

async fn on_table(table: Option<String>, json: bool, command: OfTable) -> Result<()> {
    let table = table.filter(|table| !table.is_empty()).ok_or_else(|| WrongUsage(NO_TABLE.to_owned()))?;
    if !has_credentials().await {
        bail!(WrongUsage(NO_CREDENTIALS.to_owned()));
    }
    let bench = Bench { store: Store::connect_from_afar(&TableConfig::of_operator(table)), json };
    match command {
        OfTable::Keys(command) => keys::run(&bench, command).await,
        OfTable::Credits(command) => credits::run(&bench, command).await,
        OfTable::Usage(command) => usage::run(&bench, command).await,
        OfTable::Requests(command) => requests::run(&bench, command).await,
        OfTable::Ledger(command) => ledger::run(&bench, command).await,
        OfTable::Migrate => migrate::run(&bench).await,
    }
}

/// The error message if no key has this id or name.
fn unknown(text: &str) -> String {
    format!("there is no key {text}; `bk keys list` shows all")
}

fn print<T: Serialize>(value: &T) -> Result<()> {
    outln!("{}", serde_json::to_string(value)?);
    Ok(())
}
