//! Real requests with all faults at once: processes that are killed at random moments, a faulty table, faulty providers,
//! replies that reach their deadline, clients that stop reading, and token counts in between. At the end, after a replay of
//! the log and a reconciliation, the ledger is consistent, and no process has used more memory than the smallest function has.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, stream};
use gateway::catalog::Catalog;
use gateway::ids::RequestId;
use gateway::ledger::{Replay, Timestamp, reconcile, verify};
use gateway::store::items::Expired;
use gateway_dev::processor::peak;
use gateway_dev::proxy::{Action, Rule};
use gateway_dev::stack::{FUNCTIONS, Options};
use gateway_tests::memory::LARGEST;
use gateway_tests::{Answer, Harness, read};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::account::{Account, CHAT, GRANT, breakable, chat, inject, proxy};

const REQUESTS: usize = 2_000;
const AT_ONCE: usize = 8;
/// The time limit of a function. Its last five seconds are reserved for the last event and the ledger.
const FUNCTION: Duration = Duration::from_secs(11);
/// Longer than a reply may take within that limit.
const STALLED: Duration = Duration::from_secs(7);
const MESSAGES: &str = "/v1/messages";
const COUNT: &str = "/v1/messages/count_tokens";

/// The kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A provider that fails now and then.
    Flaky,
    /// A reply that takes too long, before or after its first content.
    Late,
    /// A client that stops reading.
    Stalled,
    /// A count of tokens.
    Count,
}

impl Kind {
    /// Slow requests are rare, because each of them takes some seconds.
    fn of(number: usize) -> Self {
        match number % 200 {
            7 => Self::Late,
            57 => Self::Stalled,
            rest if rest % 10 == 3 => Self::Count,
            _ => Self::Flaky,
        }
    }

    fn body(self, number: usize) -> Value {
        let is_streamed = number % 800 < 400;
        match self {
            Self::Flaky => {
                chat(&format!("hi [[sim:flaky percent=10 seed=3 pace=1 label=c{number}]]"), number.is_multiple_of(2))
            }
            Self::Late if number % 400 < 200 => chat("hi [[sim:silent ms=9000]]", is_streamed),
            Self::Late => chat("hi [[sim:stall after=3 ms=9000]]", is_streamed),
            Self::Stalled => {
                let mut body = chat("hi [[sim:long words=300 bytes=100000]]", true);
                body["max_tokens"] = 1_000.into();
                body
            }
            Self::Count => {
                let mut body = chat("hi [[sim:flaky percent=10 seed=4]]", false);
                body["model"] = "claude-opus-4.6".into();
                body
            }
        }
    }

    async fn send(self, gateway: &Harness, account: &Account, number: usize) -> Result<Answer> {
        let path = match self {
            Self::Flaky => CHAT,
            // Such a long request would never survive the kills. They hit the other function only.
            Self::Late | Self::Stalled => MESSAGES,
            Self::Count => COUNT,
        };
        let request = account.request(gateway, path, &self.body(number));
        if self == Self::Stalled { read_and_stop(request).await } else { read(request).await }
    }
}

/// Reads the beginning of a reply, then reads nothing for some time, then disconnects.
async fn read_and_stop(request: reqwest::RequestBuilder) -> Result<Answer> {
    let mut response = request.send().await?;
    response.chunk().await?;
    tokio::time::sleep(STALLED).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer { status, headers, body: String::new(), complete: false })
}

/// The highest memory use of the processes that run now, or the earlier value if that is higher.
fn peak_of(gateway: &Harness, known: u64) -> u64 {
    let pids = FUNCTIONS.iter().flat_map(|function| gateway.stack.lambda.pids(function));
    // Killed processes report nothing.
    pids.filter_map(|pid| peak(pid).ok()).fold(known, u64::max)
}

/// Kills a process from time to time, which affects about one request in twenty. Reads the memory use of all processes first.
async fn kill_now_and_then(gateway: &Harness, peak: &AtomicU64) {
    for round in 0_usize.. {
        tokio::time::sleep(Duration::from_millis(250 + (round * 37 % 100) as u64)).await;
        peak.store(peak_of(gateway, peak.load(Ordering::Relaxed)), Ordering::Relaxed);
        let pids = gateway.stack.lambda.pids("chat-completions");
        // The newest processes are the ones that still run.
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
    let gateway = Harness::start_with(Options { timeout: FUNCTION, ..breakable()? }).await?;
    let store = &gateway.stack.support.store;
    let account = Account::prepaid(&gateway, 1_000 * GRANT).await?;
    weather(&gateway);
    let ask = async |number| (Kind::of(number), Kind::of(number).send(&gateway, &account, number).await);
    let asked = stream::iter(0..requests).map(ask);
    let peak = AtomicU64::new(0);
    let answers: Vec<(Kind, Result<Answer>)> = tokio::select! {
        answers = asked.buffer_unordered(AT_ONCE).collect() => answers,
        () = kill_now_and_then(&gateway, &peak) => unreachable!("it kills for ever"),
    };
    let peak = peak_of(&gateway, peak.into_inner());
    proxy(&gateway).heal();
    // What the last ones left is still written until their functions end.
    tokio::time::sleep(FUNCTION).await;

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
    // A count costs nothing and leaves no record.
    let charged = answers.iter().filter(|(kind, _)| *kind != Kind::Count).filter_map(|(_, answer)| answer.as_ref().ok());
    for answer in charged.filter(|answer| answer.status == 200 && answer.complete) {
        let request = id_of(answer).context("an answer without an id")?;
        assert!(recorded.contains(&request), "{request} was answered and has no record");
    }
    let killed = lines.iter().filter(|line| line.contains("ledger.intent")).count()
        - lines.iter().filter(|line| line.contains("ledger.final")).count();
    eprintln!(
        "{requests} requests, {} records, {killed} died on the way, {} table faults, {} MB of memory at most",
        records.len(),
        proxy(&gateway).faults(),
        peak / 1024 / 1024
    );
    let statuses: BTreeSet<u16> = records.iter().map(|record| record.status).collect();
    assert!(statuses.is_superset(&BTreeSet::from([200, 499, 504])), "{statuses:?}");
    assert!(peak > 0 && peak < LARGEST, "{peak} bytes");
    assert!(killed * 200 >= requests, "only {killed} requests met a kill: this was no chaos");
    Ok(())
}
