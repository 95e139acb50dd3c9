//! Real requests through everything at once: processes killed at random moments, a table with faults, providers with faults. At
//! the end, after a replay of the log and a reconciliation, the ledger contradicts itself nowhere.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, stream};
use gateway::catalog::Catalog;
use gateway::ids::RequestId;
use gateway::ledger::{Replay, Timestamp, reconcile, verify};
use gateway::store::items::Expired;
use gateway_dev::proxy::{Action, Rule};
use gateway_tests::{Answer, Harness, read};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::account::{Account, CHAT, GRANT, breakable, chat, inject, proxy};

const REQUESTS: usize = 2_000;
const AT_ONCE: usize = 8;

/// Kills a process now and then, so that about one request in twenty meets it.
async fn kill_now_and_then(gateway: &Harness) {
    for round in 0_usize.. {
        tokio::time::sleep(Duration::from_millis(250 + (round * 37 % 100) as u64)).await;
        let pids = gateway.stack.lambda.pids("chat-completions");
        // The newest are the ones that live.
        let victim = pids.len().checked_sub(1 + round % AT_ONCE).and_then(|position| pids.get(position));
        if let Some(pid) = victim.and_then(|pid| i32::try_from(*pid).ok()).and_then(Pid::from_raw) {
            // It may be dead already.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn weather(gateway: &Harness) {
    let actions =
        [Action::Throttle, Action::InternalError, Action::Refuse, Action::CommitAndDrop, Action::TransactionConflict];
    for (seed, action) in (0_u64..).zip(actions) {
        inject(gateway, Rule::any(action).sometimes(1, seed));
    }
}

/// The id of a request as its client saw it.
fn id_of(answer: &Answer) -> Option<RequestId> {
    RequestId::parse(answer.header("x-request-id"))
}

#[tokio::test]
async fn after_kills_and_faults_a_replay_makes_the_ledger_whole() -> Result<()> {
    let requests = std::env::var("CHAOS_REQUESTS").ok().and_then(|count| count.parse().ok()).unwrap_or(REQUESTS);
    let gateway = Harness::start_with(breakable()?).await?;
    let store = &gateway.stack.support.store;
    let account = Account::prepaid(&gateway, 1_000 * GRANT).await?;
    weather(&gateway);
    let bodies: Vec<Value> = (0..requests)
        .map(|number| chat(&format!("hi [[sim:flaky percent=10 seed=3 pace=1 label=c{number}]]"), number % 2 == 0))
        .collect();
    let asked = stream::iter(&bodies).map(|body| read(account.request(&gateway, CHAT, body))).buffered(AT_ONCE);
    let answers: Vec<Result<Answer>> = tokio::select! {
        answers = asked.collect() => answers,
        () = kill_now_and_then(&gateway) => unreachable!("it kills for ever"),
    };
    proxy(&gateway).heal();
    tokio::time::sleep(Duration::from_millis(500)).await;

    let lines = gateway.stack.logs.lines();
    let mut replay = Replay::default();
    for line in &lines {
        replay.read(line);
    }
    // Two hours from now every process of today is dead.
    let later = Timestamp::from_second(Timestamp::now().as_second() + 7_200)?;
    let replayed = replay.run(store, &Catalog::embedded()?, later, |_| {}).await?;
    assert_eq!((replayed.running, replayed.failed), (0, 0), "{replayed:?}");
    reconcile(store, &Catalog::embedded()?, later).await?;

    let verified = verify(store, &Catalog::embedded()?, |_| {}).await?;
    assert!(verified.violations.is_empty(), "{:#?}", verified.violations);
    let stored = account.stored(&gateway).await?;
    assert!(stored.holds.is_empty() && !stored.expired.values().any(|entry| matches!(entry, Expired::Dead(_))));
    let records = store.records(&account.id, Timestamp::UNIX_EPOCH).await?;
    let recorded: BTreeSet<RequestId> = records.iter().map(|record| record.request).collect();
    assert_eq!(recorded.len(), records.len());
    let complete = answers.iter().flatten().filter(|answer| answer.status == 200 && answer.complete);
    for answer in complete {
        let request = id_of(answer).context("an answer without an id")?;
        assert!(recorded.contains(&request), "{request} was answered and has no record");
    }
    let killed = lines.iter().filter(|line| line.contains("ledger.intent")).count()
        - lines.iter().filter(|line| line.contains("ledger.final")).count();
    eprintln!(
        "{requests} requests, {} records, {killed} died on the way, {} table faults",
        records.len(),
        proxy(&gateway).faults()
    );
    assert!(killed * 200 >= requests, "only {killed} requests met a kill: this was no chaos");
    Ok(())
}
