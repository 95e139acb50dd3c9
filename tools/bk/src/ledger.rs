//! `bk ledger`: write missing records from log lines, and check the whole ledger.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use gateway::catalog::Catalog;
use gateway::ledger::{Replay, Timestamp, Violation, reconcile, verify};
use gateway::store::Store;

use super::Bench;
use super::invoice::Invoice;

/// Number of requests or keys between two progress lines.
const STEP: usize = 1_000;

/// Commands for the ledger.
#[derive(Subcommand)]
pub(crate) enum Ledger {
    /// Read log lines from standard input and write the records that the table does not have. Safe to repeat.
    Replay,
    /// Check that records, rollups, holds and balances of all keys agree. Safe while requests run.
    Verify,
    /// Compare a month's records with a provider's bill, read from standard input as CSV. Exits with 1 if the sums differ by
    /// more than 0.5 %.
    Invoice(Invoice),
    /// Return the holds of dead processes now, as the scheduled function does.
    Reconcile,
}

/// Runs a command.
pub(crate) async fn run(bench: &Bench, command: Ledger) -> Result<()> {
    let (store, json) = (&bench.store, bench.json);
    match command {
        Ledger::Replay => replay(store, json).await,
        Ledger::Verify => check(store, json).await,
        Ledger::Invoice(invoice) => invoice.run(store, json).await,
        Ledger::Reconcile => {
            let done = reconcile(store, &Catalog::embedded()?, Timestamp::now()).await.context("reconcile")?;
            if json {
                return super::print(&done);
            }
            eprintln!(
                "{} keys: {} holds of dead processes returned, {} expired marks of ended requests removed, {} failures",
                done.keys, done.resolved, done.forgotten, done.left
            );
            Ok(())
        }
    }
}

async fn replay(store: &Store, json: bool) -> Result<()> {
    if std::io::stdin().is_terminal() {
        bail!("standard input is empty: pipe log lines in, such as from `aws logs tail`");
    }
    let (mut replay, mut lines) = (Replay::default(), 0_u64);
    for line in std::io::stdin().lock().lines() {
        lines = lines.saturating_add(u64::from(replay.read(&line.context("read standard input")?)));
    }
    let requests = replay.requests();
    eprintln!("{lines} ledger lines of {requests} requests");
    let replayed = replay
        .run(store, &Catalog::embedded()?, Timestamp::now(), |done| {
            if done.is_multiple_of(STEP) {
                eprintln!("{done} of {requests}");
            }
        })
        .await
        .context("replay")?;
    if json {
        super::print(&replayed)?;
    } else {
        eprintln!("{} settled, {} may still be running, {} failed", replayed.settled, replayed.running, replayed.failed);
    }
    if replayed.failed > 0 {
        bail!("some requests could not be settled; run it again");
    }
    Ok(())
}

async fn check(store: &Store, json: bool) -> Result<()> {
    let catalog = Catalog::embedded()?;
    let verified = verify(store, &catalog, |keys| {
        if keys.is_multiple_of(STEP as u64) {
            eprintln!("{keys} keys");
        }
    });
    let verified = verified.await.context("verify")?;
    if json {
        super::print(&verified)?;
    } else {
        for violation in &verified.violations {
            outln!("{}", line(violation));
        }
        for unsure in &verified.unsure {
            eprintln!("not sure: {}", line(unsure));
        }
        eprintln!(
            "{} keys, {} records, {} running: {} violations, {} not sure",
            verified.keys,
            verified.records,
            verified.held,
            verified.violations.len(),
            verified.unsure.len()
        );
    }
    if !verified.violations.is_empty() {
        bail!("the ledger is inconsistent");
    }
    Ok(())
}

fn line(violation: &Violation) -> String {
    let Violation { law, key, what, how } = violation;
    format!("{law}  {key}  {what} ({how})")
}
