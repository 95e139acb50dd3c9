//! `bk keys`: create, list, show, limit, rotate, disable.

use std::io::{IsTerminal as _, Read as _};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand, value_parser};
use gateway::admission::{Terms, issue, rotate};
use gateway::ids::{GrantId, KeyId};
use gateway::money::PicoUsd;
use gateway::store::StoreError;
use gateway::store::items::{CreditGrant, KeyChange, KeyStatus, Limits};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::details::{self, moment};
use crate::values::{amount, duration, expiry, model, name, network, rate};
use crate::{Bench, WrongUsage, list, print, unknown};

/// The most that is read from standard input as a key, in bytes. A key has 49.
const MOST_INPUT: u64 = 1_024;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Create a key and print it. It cannot be shown again.
    Create(Create),
    /// List all keys, with balance, spend of this month (UTC), last use and limits.
    List,
    /// Show a key's status, limits and balance.
    Show {
        /// The key's id or name, as `bk keys list` prints it.
        key: String,
    },
    /// Change limits of a key. Limits that you do not give stay as they are. They apply to model requests at once, and
    /// to reads of usage within a minute.
    Limit(Limit),
    /// Give a key a new secret and print it. Pass the old key on standard input: `bk keys rotate < old-key`.
    Rotate {
        /// How long the old secret still works: 90s, 15m, 24h, 7d, or 0 to stop it at once.
        #[arg(long, default_value = "24h", value_parser = duration)]
        grace: Duration,
    },
    /// Disable a key permanently. New model requests are refused at once, reads of usage within a minute.
    Disable {
        /// The key's id or name, as `bk keys list` prints it.
        key: String,
    },
}

#[derive(Args)]
pub(crate) struct Create {
    /// A name, so that you recognise the key. You can use it instead of the id in commands.
    #[arg(long, value_parser = name)]
    name: String,
    /// Requests per minute, or `none` for no limit. Default: 600.
    #[arg(long, env = "DEFAULT_RPM", value_parser = rate)]
    rpm: Option<u128>,
    /// Tokens per minute, or `none` for no limit. Default: 4 million.
    #[arg(long, env = "DEFAULT_TPM", value_parser = rate)]
    tpm: Option<u128>,
    /// Parallel requests, at most 200. Default: 64.
    #[arg(long, env = "DEFAULT_MAX_CONCURRENT", value_parser = value_parser!(u64).range(1..=200))]
    max_concurrent: Option<u64>,
    #[command(flatten)]
    scope: Scope,
    /// Let the key spend only what you grant with `bk credits grant`.
    #[arg(long)]
    prepaid: bool,
    /// Opening balance in USD. Makes the key prepaid.
    #[arg(long, value_name = "USD", value_parser = amount, allow_negative_numbers = true)]
    balance: Option<PicoUsd>,
}

#[derive(Args)]
pub(crate) struct Limit {
    /// The key's id or name, as `bk keys list` prints it.
    key: String,
    /// Requests per minute, or `none` for no limit.
    #[arg(long, value_parser = rate)]
    rpm: Option<u128>,
    /// Tokens per minute, or `none` for no limit.
    #[arg(long, value_parser = rate)]
    tpm: Option<u128>,
    /// Parallel requests, at most 200.
    #[arg(long, value_parser = value_parser!(u64).range(1..=200))]
    max_concurrent: Option<u64>,
    #[command(flatten)]
    scope: Scope,
    /// Make the key prepaid: from now on it spends only what you grant. This cannot be undone.
    #[arg(long)]
    prepaid: bool,
}

#[derive(Args)]
struct Scope {
    /// Models that the key may use, separated by commas; `*` for all.
    #[arg(long, value_delimiter = ',', value_parser = model)]
    models: Option<Vec<String>>,
    /// Networks from which the key may be used, separated by commas; `*` for all.
    #[arg(long, value_delimiter = ',', value_parser = network)]
    cidrs: Option<Vec<String>>,
    /// When the key expires: 30d, 2027-01-31T00:00:00Z or `never`.
    #[arg(long, value_parser = expiry)]
    expires: Option<u128>,
}

#[derive(Serialize)]
struct Created<'a> {
    id: &'a str,
    name: &'a str,
    key: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewSecret<'a> {
    id: &'a str,
    key: &'a str,
    old_until: u64,
    confirmed: bool,
}

pub(crate) async fn run(bench: &Bench, command: Keys) -> Result<()> {
    match command {
        Keys::Create(create) => self::create(bench, create).await,
        Keys::List => list::run(bench).await,
        Keys::Show { key } => {
            let id = bench.find(&key).await?;
            details::show(bench, &id, &bench.key(&id).await?)
        }
        Keys::Limit(limit) => self::limit(bench, limit).await,
        Keys::Rotate { grace } => new_secret(bench, grace).await,
        Keys::Disable { key } => disable(bench, &bench.find(&key).await?).await,
    }
}

async fn create(bench: &Bench, create: Create) -> Result<()> {
    let Create { name, rpm, tpm, max_concurrent, scope: Scope { models, cidrs, expires }, prepaid, balance } = create;
    let standard = Limits::standard();
    let limits = Limits {
        rpm: rpm.unwrap_or(standard.rpm),
        tpm: tpm.unwrap_or(standard.tpm),
        max_concurrent: max_concurrent.map_or(standard.max_concurrent, u128::from),
        models: models.unwrap_or(standard.models),
        cidrs: cidrs.unwrap_or(standard.cidrs),
        expires: expires.unwrap_or(standard.expires),
    };
    let prepaid = prepaid || balance.is_some();
    let terms = Terms { name: name.clone(), limits, prepaid, balance: balance.unwrap_or_default() };
    if bench.store.list_keys().await.context("list the keys")?.iter().any(|key| key.name == name) {
        eprintln!("another key has the name {name} already: use the ids to tell them apart");
    }
    let (key, id) = issue(&bench.store, terms).await.context("create the key")?;
    if bench.json {
        return print(&Created { id: id.as_str(), name: &name, key: key.expose_secret() });
    }
    eprintln!("created key {id} ({name})");
    if prepaid && balance.is_none() {
        eprintln!("it has no balance yet; `bk credits grant {id} AMOUNT` gives it one");
    }
    eprintln!("this is the only time it is shown:");
    outln!("{}", key.expose_secret());
    Ok(())
}

async fn limit(bench: &Bench, limit: Limit) -> Result<()> {
    let Limit { key, rpm, tpm, max_concurrent, scope: Scope { models, cidrs, expires }, prepaid } = limit;
    let change = KeyChange { rpm, tpm, max_concurrent: max_concurrent.map(u128::from), models, cidrs, expires };
    let changes = change != KeyChange::default();
    if !changes && !prepaid {
        bail!(WrongUsage("nothing to change: give at least one limit; `bk keys limit --help` lists them".to_owned()));
    }
    let id = bench.find(&key).await?;
    if prepaid {
        make_prepaid(bench, &id).await?;
    }
    if changes {
        match bench.store.change_key(&id, &change).await {
            Err(StoreError::Condition(_)) => bail!(unknown(id.as_str())),
            answer => drop(answer.context("change the key")?),
        }
    }
    details::show(bench, &id, &bench.key(&id).await?)
}

/// Earlier charges become the opening grant, so that grants, charges and balance also agree for this key.
async fn make_prepaid(bench: &Bench, id: &KeyId) -> Result<()> {
    let running = || {
        anyhow!(
            "key {id} has requests that are not settled yet: try again later; `bk ledger reconcile` ends those of dead processes"
        )
    };
    let key = bench.key(id).await?;
    if key.prepaid {
        bail!("key {id} is prepaid already; `bk credits show {id}` shows its balance");
    }
    let charged = bench.store.charged(id).await.context("read what the key was charged")?;
    let note = "charged before it was prepaid".to_owned();
    let opening = CreditGrant { key: id.clone(), id: GrantId::generate(), amount: charged.into(), note };
    match bench.store.make_prepaid(&key, &opening).await {
        Err(StoreError::Condition(_)) => return Err(running()),
        answer => answer.context("make the key prepaid")?,
    }
    eprintln!("key {id} is prepaid and has no balance yet; `bk credits grant {id} AMOUNT` gives it one");
    Ok(())
}

async fn new_secret(bench: &Bench, grace: Duration) -> Result<()> {
    let rotated = match rotate(&bench.store, &old_key()?, grace).await {
        Err(StoreError::Condition(_)) => bail!(
            "this key cannot be rotated: it is unknown, disabled, or was rotated already. Pass its newest secret, or create \
             another key with `bk keys create`"
        ),
        answer => answer.context("rotate the key")?,
    };
    let rotated = rotated.context("standard input is not a key: it begins with bk_ and has 49 characters")?;
    let (id, key) = (rotated.id.as_str(), rotated.text.expose_secret());
    if bench.json {
        print(&NewSecret { id, key, old_until: rotated.old_until, confirmed: rotated.confirmed.is_ok() })?;
    } else {
        let old = match grace.as_secs() {
            0 => "no longer works".to_owned(),
            _ => format!("works until {}", moment(rotated.old_until)),
        };
        eprintln!("key {id} has a new secret; the old one {old}");
        eprintln!("this is the only time it is shown:");
        outln!("{key}");
    }
    let kept = format!(
        "the table did not confirm the new key: keep both keys, and compare their last 4 characters with `bk keys show {id}`"
    );
    rotated.confirmed.context(kept)
}

/// Reads the old key from standard input. Fails if standard input is a terminal.
fn old_key() -> Result<SecretString> {
    let input = std::io::stdin();
    if input.is_terminal() {
        bail!(WrongUsage(
            "pass the old key on standard input, so that your shell history does not keep it: bk keys rotate < old-key"
                .into()
        ));
    }
    let mut text = String::new();
    input.lock().take(MOST_INPUT).read_to_string(&mut text).context("read the old key from standard input")?;
    Ok(SecretString::from(text.trim()))
}

async fn disable(bench: &Bench, id: &KeyId) -> Result<()> {
    match bench.store.disable_key(id).await {
        Err(StoreError::Condition(_)) => bail!(unknown(id.as_str())),
        result => result.context("disable the key")?,
    }
    if bench.json {
        return details::show(bench, id, &bench.key(id).await?);
    }
    eprintln!(
        "key {id} is {}: new model requests are refused at once, reads of usage within a minute",
        KeyStatus::Disabled.as_str()
    );
    Ok(())
}
