//! `bk`: the operator's command line, against the table that the environment names.
//!
//! A secret goes to standard output once and alone, so that it can be piped; everything else goes to standard error, unless
//! `--json` asks for it. Exit codes: 0 done, 1 failed, 2 wrong usage.
#![expect(clippy::print_stdout, reason = "standard output is what a command line is for")]

mod ledger;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use gateway::admission::issue_key;
use gateway::ids::KeyId;
use gateway::store::items::{KeyStatus, Limits, ListedKey, OFF, StoredKey};
use gateway::store::{Store, StoreError};
use secrecy::ExposeSecret as _;
use serde::Serialize;

/// Manages the gateway's keys. Reads `TABLE_NAME`, `AWS_REGION` and AWS credentials from the environment; for a local gateway,
/// `set -a; . .dev/env` provides them.
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
    /// API keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Records, rollups, holds and balances.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
}

#[derive(Subcommand)]
enum Keys {
    /// Mint a key and print it: it cannot be shown again.
    Create {
        /// A name to recognise it by.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List all keys.
    List,
    /// Show a key.
    Show {
        /// Its id, as listed.
        id: String,
    },
    /// Switch a key off, within a minute and for good.
    Disable {
        /// Its id, as listed.
        id: String,
    },
}

#[derive(Serialize)]
struct Created<'a> {
    id: &'a str,
    name: &'a str,
    key: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    name: &'a str,
    last4: &'a str,
    status: &'static str,
}

#[derive(Serialize)]
struct Details<'a> {
    id: &'a str,
    name: &'a str,
    last4: &'a str,
    status: &'static str,
    created: &'a str,
    /// Seconds since the epoch; null for never.
    expires: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { table, json, command } = arguments;
    let table = table.context("no table: set TABLE_NAME or pass --table")?;
    let store = Store::connect(&table).await;
    match command {
        Command::Keys(command) => keys(&store, command, json).await,
        Command::Ledger(command) => ledger::run(&store, command, json).await,
    }
}

async fn keys(store: &Store, command: Keys, json: bool) -> Result<()> {
    match command {
        Keys::Create { name } => create(store, &name, json).await,
        Keys::List => list(store, json).await,
        Keys::Show { id } => show(store, &key_id(&id)?, json).await,
        Keys::Disable { id } => disable(store, &key_id(&id)?, json).await,
    }
}

/// Refuses a whole key where an id belongs: it would end up in the shell's history.
fn key_id(text: &str) -> Result<KeyId> {
    if text.starts_with("bk_") {
        bail!("that is a key, not a key id: never pass a key as an argument. `bk keys list` shows the ids");
    }
    KeyId::parse(text).context("a key id is 16 hex digits; `bk keys list` shows them")
}

async fn create(store: &Store, name: &str, json: bool) -> Result<()> {
    let (key, id) = issue_key(store, name, Limits::standard(), false).await.context("create the key")?;
    if json {
        return print(&Created { id: id.as_str(), name, key: key.expose_secret() });
    }
    eprintln!("created key {id}{}", if name.is_empty() { String::new() } else { format!(" ({name})") });
    eprintln!("this is the only time it is shown:");
    println!("{}", key.expose_secret());
    Ok(())
}

async fn list(store: &Store, json: bool) -> Result<()> {
    let keys = store.list_keys().await.context("list the keys")?;
    if json {
        return print(&keys.iter().map(line).collect::<Vec<_>>());
    }
    if keys.is_empty() {
        eprintln!("no keys yet; `bk keys create` makes one");
    }
    if std::io::stdout().is_terminal() && !keys.is_empty() {
        eprintln!("{:16}  {:8}  {:6}  NAME", "ID", "STATUS", "LAST 4");
    }
    for key in &keys {
        println!("{:16}  {:8}  {:6}  {}", key.id, key.status.as_str(), key.last4, key.name);
    }
    Ok(())
}

fn line(key: &ListedKey) -> Line<'_> {
    Line { id: key.id.as_str(), name: &key.name, last4: &key.last4, status: key.status.as_str() }
}

async fn show(store: &Store, id: &KeyId, json: bool) -> Result<()> {
    let key = store.key(id).await.context("read the key")?.with_context(|| unknown(id))?;
    if json {
        return print(&details(id, &key));
    }
    let Details { id, name, last4, status, created, expires } = details(id, &key);
    let expires = expires.map_or_else(|| "never".to_owned(), |at| at.to_string());
    println!("id       {id}\nname     {name}\nlast 4   {last4}\nstatus   {status}\ncreated  {created}\nexpires  {expires}");
    Ok(())
}

fn details<'a>(id: &'a KeyId, key: &'a StoredKey) -> Details<'a> {
    Details {
        id: id.as_str(),
        name: &key.name,
        last4: &key.last4,
        status: key.status.as_str(),
        created: &key.created,
        expires: (key.expires < OFF).then_some(key.expires).and_then(|at| u64::try_from(at).ok()),
    }
}

async fn disable(store: &Store, id: &KeyId, json: bool) -> Result<()> {
    match store.disable_key(id).await {
        Err(StoreError::Condition(_)) => bail!(unknown(id)),
        result => result.context("disable the key")?,
    }
    if json {
        return show(store, id, true).await;
    }
    eprintln!("key {id} is {}; requests are refused within a minute", KeyStatus::Disabled.as_str());
    Ok(())
}

fn unknown(id: &KeyId) -> String {
    format!("there is no key {id}; `bk keys list` shows all")
}

fn print<T: Serialize>(value: &T) -> Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}
