//! `bk credits`: grant money to a prepaid key, and check its balance.

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use gateway::ids::{GrantId, KeyId};
use gateway::money::{PicoUsd, SignedPicoUsd};
use gateway::store::items::{CreditGrant, StoredKey, iso_millis};
use gateway::store::{Granted, StoreError};
use serde::Serialize;

use crate::values::amount;
use crate::{Bench, print, unknown};

const LONGEST_NOTE: usize = 500;

#[derive(Subcommand)]
pub(crate) enum Credits {
    /// Add money to a prepaid key's balance.
    Grant {
        /// The key's id or name, as `bk keys list` prints it.
        key: String,
        /// Amount in USD.
        #[arg(value_name = "USD", value_parser = amount, allow_negative_numbers = true)]
        amount: PicoUsd,
        /// A note, such as an invoice number.
        #[arg(long, default_value = "", value_parser = note)]
        note: String,
        /// Subtract the amount instead.
        #[arg(long)]
        minus: bool,
        /// Repeat a grant whose outcome is unknown. A grant id adds its amount only once.
        #[arg(long, value_name = "GRANT_ID", value_parser = grant_id)]
        again: Option<GrantId>,
    },
    /// Show a key's balance and grants, and whether they agree with its charges.
    Show {
        /// The key's id or name, as `bk keys list` prints it.
        key: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    grant: String,
    key: &'a str,
    amount_usd: SignedPicoUsd,
    /// False if the same grant already existed.
    new: bool,
    balance_usd: SignedPicoUsd,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Books {
    key: String,
    prepaid: bool,
    balance_usd: Option<SignedPicoUsd>,
    held_usd: PicoUsd,
    granted_usd: SignedPicoUsd,
    charged_usd: PicoUsd,
    /// Whether grants - charges = balance + held. Null if this cannot be checked: the key is not prepaid, or requests are
    /// running.
    balanced: Option<bool>,
    /// The difference in USD, if it is not zero.
    off_by_usd: Option<SignedPicoUsd>,
    grants: Vec<Line>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    id: String,
    time: String,
    amount_usd: SignedPicoUsd,
    note: String,
}

fn note(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST_NOTE {
        return Err(format!("a note has at most {LONGEST_NOTE} characters"));
    }
    Ok(text.to_owned())
}

fn grant_id(text: &str) -> Result<GrantId, String> {
    GrantId::parse(text).ok_or_else(|| "a grant's id is grant_ and 32 hex digits".to_owned())
}

pub(crate) async fn run(bench: &Bench, command: Credits) -> Result<()> {
    match command {
        Credits::Grant { key, amount, note, minus, again } => {
            let amount = SignedPicoUsd::from(amount);
            let amount = if minus { SignedPicoUsd::new(-amount.pico()) } else { amount };
            let key = bench.find(&key).await?;
            grant(bench, CreditGrant { key, id: again.unwrap_or_else(GrantId::generate), amount, note }).await
        }
        Credits::Show { key } => show(bench, &bench.find(&key).await?).await,
    }
}

async fn grant(bench: &Bench, grant: CreditGrant) -> Result<()> {
    let key = &grant.key;
    let granted = match bench.store.grant(&grant).await {
        Err(StoreError::Condition(_)) => bail!(why_not(bench, &grant).await?),
        answer => answer.with_context(|| {
            format!("the table did not confirm the grant; repeat it with `--again {}`, which grants once", grant.id)
        })?,
    };
    let balance = SignedPicoUsd::new(bench.key(key).await?.balance);
    if bench.json {
        let new = granted == Granted::New;
        let (grant, amount_usd) = (grant.id.to_string(), grant.amount);
        return print(&Written { grant, key: key.as_str(), amount_usd, new, balance_usd: balance });
    }
    match granted {
        Granted::New if grant.amount.pico() < 0 => {
            let subtracted = SignedPicoUsd::new(-grant.amount.pico());
            eprintln!("subtracted {subtracted} USD from key {key} as {}", grant.id);
        }
        Granted::New => eprintln!("granted {} USD to key {key} as {}", grant.amount, grant.id),
        Granted::Already => eprintln!("{} was already written: nothing was added", grant.id),
    }
    outln!("balance {balance} USD");
    Ok(())
}

async fn why_not(bench: &Bench, grant: &CreditGrant) -> Result<String> {
    let id = &grant.key;
    let key = bench.store.current_key(id).await.context("read the key")?;
    Ok(match key {
        None => unknown(id.as_str()),
        Some(key) if !key.prepaid => format!(
            "key {id} is not prepaid, so it has no balance to add to; `bk keys limit {id} --prepaid` lets it spend only what is \
             granted"
        ),
        Some(_) => format!("{} is another grant with another amount; omit --again for a new grant", grant.id),
    })
}

async fn show(bench: &Bench, id: &KeyId) -> Result<()> {
    let key = bench.key(id).await?;
    let grants = bench.store.grants(id).await.context("read the grants")?;
    let charged = bench.store.charged(id).await.context("read what the key was charged")?;
    let quiet = key.holds.is_empty() && bench.key(id).await? == key;
    let books = books(id, &key, &grants, charged, quiet);
    if bench.json {
        return print(&books);
    }
    let Some(balance) = books.balance_usd else {
        outln!("this key is not prepaid: it has no balance");
        outln!("charged  {} USD", books.charged_usd);
        return Ok(());
    };
    outln!("balance  {balance} USD");
    outln!("held     {} USD", books.held_usd);
    outln!("granted  {} USD", books.granted_usd);
    outln!("charged  {} USD", books.charged_usd);
    outln!("books    {}", verdict(&books));
    for line in &books.grants {
        outln!("{}  {}  {:>16} USD  {}", line.time, line.id, line.amount_usd, line.note);
    }
    Ok(())
}

fn books(id: &KeyId, key: &StoredKey, grants: &[CreditGrant], charged: PicoUsd, quiet: bool) -> Books {
    let granted: SignedPicoUsd = grants.iter().map(|grant| grant.amount).sum();
    let held = key.held();
    let (left, right) = (
        granted.pico().saturating_sub(SignedPicoUsd::from(charged).pico()),
        key.balance.saturating_add(SignedPicoUsd::from(held).pico()),
    );
    let known = key.prepaid && quiet;
    Books {
        key: id.to_string(),
        prepaid: key.prepaid,
        balance_usd: key.prepaid.then_some(SignedPicoUsd::new(key.balance)),
        held_usd: held,
        granted_usd: granted,
        charged_usd: charged,
        balanced: known.then_some(left == right),
        off_by_usd: known.then_some(SignedPicoUsd::new(right.saturating_sub(left))),
        grants: grants.iter().map(line).collect(),
    }
}

fn line(grant: &CreditGrant) -> Line {
    Line { id: grant.id.to_string(), time: iso_millis(grant.made()), amount_usd: grant.amount, note: grant.note.clone() }
}

fn verdict(books: &Books) -> String {
    match (books.balanced, books.off_by_usd) {
        (Some(true), _) => "balanced: granted - charged = balance + held".to_owned(),
        (Some(false), Some(off)) => format!(
            "off by {off} USD: balance + held differs from granted - charged. Charges older than 400 days are deleted, so a \
             negative difference is normal for a key that was charged before then. In every other case, run `bk ledger verify`"
        ),
        _ => "requests are running: check again when they have ended".to_owned(),
    }
}
